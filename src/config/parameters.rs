//! The names in `[shared]` that are not OpenAI's: those that pass, and those that never do.

use toml::{Table, Value};

use crate::capability::extras::judged_as;
use crate::capability::model::Model;
use crate::capability::ranges::Range;
use crate::capability::spelling::folded;
use crate::capability::{Table as Capabilities, Unknown};

use super::reader::{Notes, Section, joined};
use super::remarks::Remark;

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
    if let Some(judged) = judged_as(name) {
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

/// What became of settings that meant more in version 0.1.
pub(super) fn remarks(capabilities: &Capabilities) -> Vec<Remark> {
    let forwards = capabilities.shared.unknown_parameters == Unknown::Forward;
    let forward = forwards.then(|| Remark {
        path: "shared.unknown_parameters".to_owned(),
        what: "\"forward\" no longer lets fields pass that multiply or override what was judged, or that name files and \
               addresses (list those that your clients need in shared.allowed_parameters, and leave this key away)"
            .to_owned(),
    });
    let models = capabilities.models().filter_map(|model| without_ranges(model, capabilities));
    forward.into_iter().chain(models).collect()
}

/// A model that takes no fields which a preset's pattern takes, and which it once took too.
fn without_ranges(model: &Model, capabilities: &Capabilities) -> Option<Remark> {
    let pattern = capabilities.pattern_over(model)?;
    let is_settled = |name| capabilities.shared.allows(name) || capabilities.shared.refuses(name);
    let missing =
        pattern.ranges.iter().filter(|(param, _)| model.range(*param).is_none() && !is_settled(param.name()));
    let (names, ranges): (Vec<_>, Vec<_>) = missing
        .map(|(param, Range { min, max })| {
            (param.name(), format!("{param} = {{ min = {min}, max = {max} }}"))
        })
        .unzip();
    (!names.is_empty()).then(|| Remark {
        path: joined("models", &model.name),
        what: format!(
            "a request for it is refused if it has {}, which \"{}\" has a range for (add {}, or name it in \
             shared.refused_parameters)",
            names.join(" or "),
            pattern.name,
            ranges.join(" and ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use crate::config::remarks::Remark;
    use crate::config::secret::Sources;

    fn problems(shared: &str) -> String {
        let file = |_: &Path| Ok("[shared]\nallowed_parameters = [\"seed\"]".to_owned());
        let text = format!("presets = [\"seed\", \"own.toml\"]\n[shared]\n{shared}");
        match Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &file }) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    fn remarks(text: &str) -> Vec<String> {
        let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let config = Config::parse(text, Path::new(""), Sources { var: &|_| None, file: &file });
        remarks_of(&config.expect(text))
    }

    fn remarks_of(config: &Config) -> Vec<String> {
        config.remarks().iter().map(Remark::to_string).collect()
    }

    #[test]
    fn forwarding_is_remarked_on_with_what_to_write_instead() {
        assert_eq!(
            remarks("[shared]\nunknown_parameters = \"forward\""),
            [
                "shared.unknown_parameters: \"forward\" no longer lets fields pass that multiply or override what was \
              judged, or that name files and addresses (list those that your clients need in \
              shared.allowed_parameters, and leave this key away)"
            ]
        );
    }

    #[test]
    fn a_model_without_the_ranges_of_its_preset_is_remarked_on() {
        let wan = "presets = [\"vllm-omni\"]\n[models.\"wan2.2\"]\nseconds = [4]\n";
        assert_eq!(
            remarks(&format!("{wan}num_inference_steps = {{ max = 50 }}")),
            [
                "models.\"wan2.2\": a request for it is refused if it has fps, which \"*\" has a range for (add fps = { min = 1, \
              max = 30 }, or name it in shared.refused_parameters)"
            ]
        );
        for settled in [
            "fps = { max = 24 }\nnum_inference_steps = { max = 50 }",
            "[shared]\nrefused_parameters = [\"fps\", \"num_inference_steps\"]",
            "[shared]\nallowed_parameters = [\"fps\", \"num_inference_steps\"]",
        ] {
            assert_eq!(remarks(&format!("{wan}{settled}")), [""; 0], "{settled}");
        }
        for preset in ["seed", "openai", "azure", "apiyi", "vllm-omni", "sglang"] {
            assert_eq!(remarks(&format!("presets = [\"{preset}\"]")), [""; 0], "{preset}");
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
                "allowed_parameters = [\"video.id\"]",
                "allowed_parameters: \"video.id\" is not allowed: video is judged by itself (remove it)",
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
