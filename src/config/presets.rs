//! Capability tables of known upstreams, carried in the binary, and how files build on each other.

use std::path::Path;

use toml::{Table, Value};

use super::parameters;
use super::reader::Notes;
use super::secret::Sources;

/// Name and text of every embedded preset.
pub const EMBEDDED: &[(&str, &str)] = &[
    ("seed", include_str!("../../config/presets/seed.toml")),
    ("openai", include_str!("../../config/presets/openai.toml")),
    ("azure", include_str!("../../config/presets/azure.toml")),
    ("vllm-omni", include_str!("../../config/presets/vllm-omni.toml")),
    ("sglang", include_str!("../../config/presets/sglang.toml")),
    ("apiyi", include_str!("../../config/presets/apiyi.toml")),
];

/// The presets a configuration starts from when it names none.
const DEFAULT: &[&str] = &["seed"];

/// The document with its presets laid underneath: the first preset lowest, the document's own keys on top.
///
/// `folder` is where relative paths of presets start.
pub(super) fn lay_under(document: &Table, folder: &Path, sources: Sources<'_>, notes: &Notes) -> Table {
    let mut merged = Table::new();
    for name in names(document, notes) {
        if let Some(preset) = load(&name, folder, sources, notes) {
            parameters::check_lists(&preset, notes);
            overlay(&mut merged, &preset);
        }
    }
    parameters::check_lists(document, notes);
    overlay(&mut merged, document);
    merged
}

fn names(document: &Table, notes: &Notes) -> Vec<String> {
    let Some(value) = document.get("presets") else {
        return DEFAULT.iter().map(|&name| name.to_owned()).collect();
    };
    let names = value
        .as_array()
        .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
    names.unwrap_or_else(|| {
        notes.problem("presets", "this value is not allowed (use a list of names, such as [\"seed\"])");
        Vec::new()
    })
}

fn load(name: &str, folder: &Path, sources: Sources<'_>, notes: &Notes) -> Option<Table> {
    let embedded = EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let text = match embedded {
        Some(text) => text,
        None if name.ends_with(".toml") => match (sources.file)(&folder.join(name)) {
            Ok(text) => text,
            Err(error) => {
                notes.problem("presets", format!("{name} cannot be read: {error} (name a readable file)"));
                return None;
            }
        },
        None => {
            let known: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
            let known = known.join(", ");
            notes.problem(
                "presets",
                format!("there is no preset \"{name}\" (use one of: {known}; or a path ending in .toml)"),
            );
            return None;
        }
    };
    match toml::from_str(&text) {
        Ok(table) => Some(table),
        Err(error) => {
            notes.problem(
                format!("presets ({name})"),
                format!("{} (correct the TOML)", error.to_string().trim()),
            );
            None
        }
    }
}

/// Lays `upper` over `lower`: tables are merged key by key, everything else is replaced.
fn overlay(lower: &mut Table, upper: &Table) {
    for (key, value) in upper {
        match (lower.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) if !is_value(key) => overlay(below, above),
            _ => {
                lower.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Tables that are one value: half of another credential, range or price list would mean nothing.
fn is_value(key: &str) -> bool {
    matches!(
        key,
        "credential" | "seconds" | "price_per_second" | "fps" | "num_inference_steps" | "server_defaults"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        toml::from_str(text).expect("TOML")
    }

    #[test]
    fn upper_keys_replace_lower_ones_and_leave_the_rest() {
        let mut merged = table("[models.a]\nseconds = [4]\naudio = true");
        overlay(&mut merged, &table("[models.a]\nseconds = [5, 6]\n[models.b]\naudio = false"));
        assert_eq!(merged, table("[models.a]\nseconds = [5, 6]\naudio = true\n[models.b]\naudio = false"));
    }

    #[test]
    fn a_table_that_is_one_value_is_replaced_whole() {
        let mut merged = table("credential = { env = \"A\" }");
        overlay(&mut merged, &table("credential = { file = \"/b\" }"));
        assert_eq!(merged, table("credential = { file = \"/b\" }"));
    }
}
