//! The names in `[shared]` that are not OpenAI's: those that pass, and those that never do.

use toml::{Table, Value};

use crate::capability::extras::JUDGED;
use crate::capability::spelling::folded;

use super::reader::{Notes, Section};

const ALLOWED: &str = "allowed_parameters";
const REFUSED: &str = "refused_parameters";

/// Reads `allowed_parameters` and `refused_parameters`.
pub(super) fn read(section: &mut Section<'_>) -> (Vec<String>, Vec<String>) {
    let allowed = section.texts(ALLOWED).unwrap_or_default();
    for name in &allowed {
        if let Some(what) = mistake(name) {
            section.problem(ALLOWED, what);
        }
    }
    let refused = section.texts(REFUSED).unwrap_or_default();
    if refused.iter().any(|name| folded(name).is_empty()) {
        section.problem(REFUSED, EMPTY);
    }
    (allowed, refused)
}

const EMPTY: &str = "an empty name is not allowed (remove it)";

/// What is wrong with a name that shall pass.
fn mistake(name: &str) -> Option<String> {
    if folded(name).is_empty() {
        return Some(EMPTY.to_owned());
    }
    if let Some(judged) = JUDGED.iter().find(|judged| folded(judged.name()) == folded(name)) {
        return Some(format!("\"{name}\" is not allowed: {judged} is judged by itself (remove it)"));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if name.bytes().all(is_plain) {
        return None;
    }
    let (base, _) = name.split_once('[').unwrap_or((name, ""));
    let base = base.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    Some(format!(
        "\"{name}\" is not allowed (use the plain name, such as \"{base}\": what stands in brackets behind it passes too)"
    ))
}

/// Reports names that one file both lets through and refuses. What a preset lets through, a file above it may refuse.
pub(super) fn check_lists(file: &Table, notes: &Notes) {
    let names = |key: &str| {
        let list = file.get("shared").and_then(|shared| shared.get(key)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    };
    for name in names(ALLOWED) {
        if names(REFUSED).any(|refused| folded(refused) == folded(name)) {
            let what = format!("\"{name}\" also stands in {REFUSED} (remove one of them)");
            notes.problem(format!("shared.{ALLOWED}"), what);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use crate::config::secret::Sources;

    fn problems(shared: &str) -> String {
        let file = |_: &Path| Ok("[shared]\nallowed_parameters = [\"seed\"]".to_owned());
        let text = format!("presets = [\"seed\", \"own.toml\"]\n[shared]\n{shared}");
        match Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &file }) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn names_that_can_pass_are_read() {
        for fine in [
            "allowed_parameters = []",
            "allowed_parameters = [\"seed\", \"guidance_scale\", \"num_frames\", \"fps\", \"x-y.z\"]",
            "refused_parameters = [\"seed\", \"lora[path]\"]",
            "allowed_parameters = [\"style\"]\nrefused_parameters = [\"seed\"]",
        ] {
            assert_eq!(problems(fine), "", "{fine}");
        }
    }

    #[test]
    fn a_name_that_cannot_pass_is_a_mistake() {
        for (list, told) in [
            ("allowed_parameters = [\"\"]", "allowed_parameters: an empty name is not allowed (remove it)"),
            ("refused_parameters = [\" \"]", "refused_parameters: an empty name is not allowed (remove it)"),
            (
                "allowed_parameters = [\"seconds\"]",
                "allowed_parameters: \"seconds\" is not allowed: seconds is judged by itself (remove it)",
            ),
            (
                "allowed_parameters = [\"inputReference\"]",
                "allowed_parameters: \"inputReference\" is not allowed: input_reference is judged by itself (remove it)",
            ),
            (
                "allowed_parameters = [\"n[]\"]",
                "allowed_parameters: \"n[]\" is not allowed (use the plain name, such as \"n\": what stands in brackets \
                 behind it passes too)",
            ),
            (
                "allowed_parameters = [\"seed\"]\nrefused_parameters = [\"Seed\"]",
                "allowed_parameters: \"seed\" also stands in refused_parameters (remove one of them)",
            ),
        ] {
            assert_eq!(problems(list), format!("shared.{told}"), "{list}");
        }
    }
}
