//! What may stand in a body: the table, and the checks in the order the service makes them.
//!
//! One answer carries one error, the first found: unknown fields in body order, then each field in
//! the order of the API's description, by type and then by value, then what fields say together.

use serde_json::Value;

use super::answers::ErrorAnswer;
use super::fields::{Fields, Given, Upload, noun};
use super::film::FrameSize;
use super::wording::quoted;

/// The lists; their order is the order in messages.
pub(super) struct Rules {
    /// The first one is the default.
    models: &'static [Model],
    /// Sizes that exist; the first one is the default.
    sizes: &'static [&'static str],
    /// How much one extension may add.
    extension_seconds: &'static [&'static str],
}

/// What one model can do.
struct Model {
    name: &'static str,
    seconds: &'static [&'static str],
    sizes: &'static [&'static str],
}

/// What the service allowed at one time or another: its own lists, and for `sora-2-pro` those of the
/// resellers' web channel as well.
pub(super) const RULES: Rules = Rules {
    models: &[
        Model { name: "sora-2", seconds: &["4", "8", "12"], sizes: &["720x1280", "1280x720"] },
        Model {
            name: "sora-2-pro",
            seconds: &["4", "8", "10", "12", "15", "25"],
            sizes: &["720x1280", "1280x720", "1024x1792", "1792x1024"],
        },
    ],
    sizes: &["720x1280", "1280x720", "1024x1792", "1792x1024"],
    extension_seconds: &["4", "8", "12", "16", "20"],
};

const DEFAULT_SECONDS: u32 = 4;
const LONGEST_PROMPT: usize = 32_000;
const LONGEST_NAME: usize = 80;
const REFERENCE_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "video/mp4"];

/// A film that may be made.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The model's name.
    pub(super) model: &'static str,
    /// What the film shall show.
    pub(super) prompt: String,
    /// How long it shall be.
    pub(super) seconds: u32,
    /// Its frame.
    pub(super) size: FrameSize,
}

/// The video an edit, extension or character starts from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// One made here.
    Id(String),
    /// One the client sent.
    Upload,
}

// === impl Rules ===

impl Rules {
    /// Judges the fields of a create.
    pub(super) fn create(&self, fields: &Fields) -> Result<Order, ErrorAnswer> {
        known(fields, &["model", "prompt", "input_reference", "seconds", "size"])?;
        required(fields, &["prompt"])?;
        let model = self.model(fields.get("model"))?;
        let prompt = text(fields, "prompt", LONGEST_PROMPT)?;
        let image = reference(fields.get("input_reference"))?;
        let seconds = one_of("seconds", fields.get("seconds"), model.seconds)?;
        let size = one_of("size", fields.get("size"), self.sizes)?;
        let size = size.or(self.sizes.first().copied()).unwrap_or_default();
        if !model.sizes.contains(&size) {
            return Err(ErrorAnswer::size_not_for_model(model.name, model.sizes));
        }
        let order = Order {
            model: model.name,
            prompt,
            seconds: seconds.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_SECONDS),
            size: size.parse().map_err(ErrorAnswer::invalid)?,
        };
        if image.and_then(frame_of).is_some_and(|size| size != order.size.sides()) {
            return Err(ErrorAnswer::reference_size());
        }
        Ok(order)
    }

    /// Judges the fields of a remix.
    pub(super) fn remix(&self, fields: &Fields) -> Result<String, ErrorAnswer> {
        known(fields, &["prompt"])?;
        text(fields, "prompt", LONGEST_PROMPT)
    }

    /// Judges the fields of an edit.
    pub(super) fn edit(&self, fields: &Fields) -> Result<(String, Source), ErrorAnswer> {
        known(fields, &["prompt", "video"])?;
        Ok((text(fields, "prompt", LONGEST_PROMPT)?, source(fields)?))
    }

    /// Judges the fields of an extension; the number is the seconds to add.
    pub(super) fn extension(&self, fields: &Fields) -> Result<(String, Source, u32), ErrorAnswer> {
        known(fields, &["prompt", "seconds", "video"])?;
        required(fields, &["prompt", "seconds", "video"])?;
        let prompt = text(fields, "prompt", LONGEST_PROMPT)?;
        let seconds = one_of("seconds", fields.get("seconds"), self.extension_seconds)?;
        let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_SECONDS);
        Ok((prompt, source(fields)?, seconds))
    }

    /// Judges the fields of a character and returns its name.
    pub(super) fn character(&self, fields: &Fields) -> Result<String, ErrorAnswer> {
        known(fields, &["name", "video"])?;
        required(fields, &["name", "video"])?;
        match fields.get("video") {
            Some(Given::Json(value)) => Err(ErrorAnswer::invalid_type("video", "a file", noun(value))),
            _ => text(fields, "name", LONGEST_NAME),
        }
    }

    /// What a film is made like that starts from a video we never saw.
    pub(super) fn unseen(&self, prompt: String) -> Result<Order, ErrorAnswer> {
        let fields = Fields::of_text("prompt", prompt);
        self.create(&fields)
    }

    fn model(&self, given: Option<&Given>) -> Result<&Model, ErrorAnswer> {
        let names: Vec<&'static str> = self.models.iter().map(|model| model.name).collect();
        let chosen = one_of("model", given, &names)?.or(names.first().copied());
        let found = self.models.iter().find(|model| Some(model.name) == chosen);
        found.ok_or_else(|| ErrorAnswer::missing("model"))
    }
}

fn known(fields: &Fields, names: &[&str]) -> Result<(), ErrorAnswer> {
    match fields.names().find(|name| !names.contains(name)) {
        Some(stranger) => Err(ErrorAnswer::unknown_parameter(stranger)),
        None => Ok(()),
    }
}

fn required(fields: &Fields, names: &[&str]) -> Result<(), ErrorAnswer> {
    match names.iter().find(|name| fields.get(name).is_none()) {
        Some(missing) => Err(ErrorAnswer::missing(missing)),
        None => Ok(()),
    }
}

/// A required text of 1 to `longest` characters.
fn text(fields: &Fields, param: &str, longest: usize) -> Result<String, ErrorAnswer> {
    let given = fields.get(param).ok_or_else(|| ErrorAnswer::missing(param))?;
    let text = given.text().ok_or_else(|| ErrorAnswer::invalid_type(param, "a string", given.noun()))?;
    match text.chars().count() {
        0 => Err(ErrorAnswer::empty(param)),
        length if length > longest => Err(ErrorAnswer::too_long(param, longest, length)),
        _ => Ok(text.to_owned()),
    }
}

/// An optional text out of a list, compared as it was sent: `08` is not `8`.
fn one_of(
    param: &str,
    given: Option<&Given>,
    allowed: &[&'static str],
) -> Result<Option<&'static str>, ErrorAnswer> {
    let Some(given) = given else { return Ok(None) };
    let Some(text) = given.text() else {
        let one_of = if allowed.len() == 1 { "" } else { "one of " };
        let expected = format!("{one_of}{}", quoted(allowed, "or"));
        return Err(ErrorAnswer::invalid_type(param, &expected, given.noun()));
    };
    let found = allowed.iter().copied().find(|value| *value == text);
    found.map(Some).ok_or_else(|| ErrorAnswer::invalid_value(param, text, allowed))
}

/// A reference: a file of a known type, or an object with exactly one of two members.
fn reference(given: Option<&Given>) -> Result<Option<&Upload>, ErrorAnswer> {
    const PARAM: &str = "input_reference";
    match given {
        None => Ok(None),
        Some(Given::File(file)) if REFERENCE_TYPES.contains(&file.content_type.as_str()) => Ok(Some(file)),
        Some(Given::File(file)) => {
            Err(ErrorAnswer::unsupported_file(PARAM, &file.content_type, &REFERENCE_TYPES))
        }
        Some(Given::Json(Value::Object(members))) => {
            let stranger = members.keys().find(|name| !["image_url", "file_id"].contains(&name.as_str()));
            match (stranger, members.iter().next()) {
                (Some(stranger), _) => Err(ErrorAnswer::unknown_parameter(&format!("{PARAM}.{stranger}"))),
                (None, Some((_, Value::String(_)))) if members.len() == 1 => Ok(None),
                (None, Some((name, value))) if members.len() == 1 => {
                    Err(ErrorAnswer::invalid_type(&format!("{PARAM}.{name}"), "a string", noun(value)))
                }
                (None, _) => {
                    Err(ErrorAnswer::invalid("Exactly one of 'image_url' and 'file_id' must be provided."))
                }
            }
        }
        Some(Given::Json(value)) => Err(ErrorAnswer::invalid_type(PARAM, "an object", noun(value))),
    }
}

/// The size of an image, if its beginning tells.
fn frame_of(file: &Upload) -> Option<(u32, u32)> {
    let size = imagesize::blob_size(&file.head).ok()?;
    Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
}

/// The field `video`: a file, or an object with an `id`.
fn source(fields: &Fields) -> Result<Source, ErrorAnswer> {
    match fields.get("video") {
        None => Err(ErrorAnswer::missing("video")),
        Some(Given::File(_)) => Ok(Source::Upload),
        Some(Given::Json(Value::Object(members))) => {
            if let Some(stranger) = members.keys().find(|name| *name != "id") {
                return Err(ErrorAnswer::unknown_parameter(&format!("video.{stranger}")));
            }
            match members.get("id") {
                None => Err(ErrorAnswer::missing("video.id")),
                Some(Value::String(id)) => Ok(Source::Id(id.clone())),
                Some(value) => Err(ErrorAnswer::invalid_type("video.id", "a string", noun(value))),
            }
        }
        Some(Given::Json(value)) => Err(ErrorAnswer::invalid_type("video", "an object", noun(value))),
    }
}
