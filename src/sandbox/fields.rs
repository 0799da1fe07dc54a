//! Reads a request body into named fields, in the order in which they were sent.
//!
//! JSON and multipart give the same fields: a part `video[id]` is the member `id` of an object
//! `video`. Files are read through and thrown away but for their first bytes.

use std::fmt;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::answers::ErrorAnswer;
use super::{MAX_BODY_BYTES, unread};

/// Fields kept of one body; a client that sends more has made a mistake, and the first ones tell.
const MAX_FIELDS: usize = 64;
/// Bytes kept of a file, enough to find an image's size.
const FILE_HEAD_BYTES: usize = 1024 * 1024;

/// The fields of a body.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, Given)>);

/// What stands in a field.
pub(super) enum Given {
    /// A JSON value; the text of a multipart field is a JSON string.
    Json(Value),
    /// An uploaded file.
    File(Upload),
}

/// An uploaded file, without most of its contents.
pub(super) struct Upload {
    /// Its type as the part says.
    pub(super) content_type: String,
    /// How long it was.
    pub(super) bytes: usize,
    /// Its beginning.
    pub(super) head: Vec<u8>,
}

/// Which formats an operation reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// `multipart/form-data` and `application/json`.
    FormOrJson,
    /// `multipart/form-data` alone.
    Form,
}

/// Reads the whole body, whatever is in it.
///
/// # Errors
///
/// A body of another type, one that cannot be parsed, one that is too large.
pub(super) async fn read(request: Request, accepts: Accepts) -> Result<Fields, ErrorAnswer> {
    let announced = text_header(&request, header::CONTENT_LENGTH).parse().unwrap_or(0);
    let content_type = text_header(&request, header::CONTENT_TYPE).to_owned();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let too_large = || ErrorAnswer::too_large(MAX_BODY_BYTES, announced.max(MAX_BODY_BYTES as u64 + 1));
    match (media_type.as_str(), accepts) {
        ("multipart/form-data", _) => {
            let form =
                Multipart::from_request(request, &()).await.map_err(|_| ErrorAnswer::malformed_form())?;
            read_form(form).await.map_err(|problem| match problem.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => ErrorAnswer::malformed_form(),
            })
        }
        ("application/json", Accepts::FormOrJson) => {
            let body = Bytes::from_request(request, &()).await.map_err(|_| too_large())?;
            serde_json::from_slice(&body).map_err(|_| ErrorAnswer::malformed_json())
        }
        _ => {
            unread::read_to_end(request).await;
            Err(ErrorAnswer::unsupported_content_type(&media_type, &content_type, accepts.list()))
        }
    }
}

fn text_header(request: &Request, name: header::HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn read_form(mut form: Multipart) -> Result<Fields, MultipartError> {
    let mut fields = Fields::default();
    while let Some(part) = form.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let given = if part.file_name().is_some() {
            Given::File(read_file(part).await?)
        } else {
            Given::Json(Value::String(part.text().await?))
        };
        if fields.0.len() < MAX_FIELDS {
            fields.add(name, given);
        }
    }
    Ok(fields)
}

async fn read_file(mut part: Field<'_>) -> Result<Upload, MultipartError> {
    let content_type = part.content_type().unwrap_or("application/octet-stream").to_owned();
    let mut upload = Upload { content_type, bytes: 0, head: Vec::new() };
    while let Some(chunk) = part.chunk().await? {
        upload.bytes += chunk.len();
        let wanted = FILE_HEAD_BYTES - upload.head.len();
        upload.head.extend(chunk.iter().take(wanted));
    }
    Ok(upload)
}

// === impl Fields ===

impl Fields {
    /// One text field and nothing else.
    pub(super) fn of_text(name: &str, text: String) -> Self {
        Self(vec![(name.to_owned(), Given::Json(Value::String(text)))])
    }

    /// The field of this name; of several the last.
    pub(super) fn get(&self, name: &str) -> Option<&Given> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, given)| given)
    }

    /// All names, in the order of the body.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// What the fields said, with long texts cut and files described, for the journal.
    pub(super) fn summary(&self) -> Value {
        self.0.iter().map(|(name, given)| (cut(name), given.summary())).collect::<Map<_, _>>().into()
    }

    fn add(&mut self, name: String, given: Given) {
        match (member(&name), given) {
            (Some((object, member)), Given::Json(value)) => {
                let last = self.0.iter_mut().rev().find(|(name, _)| name == object);
                if let Some((_, Given::Json(Value::Object(members)))) = last {
                    members.insert(member.to_owned(), value);
                } else {
                    let members = Map::from_iter([(member.to_owned(), value)]);
                    self.0.push((object.to_owned(), Given::Json(members.into())));
                }
            }
            (_, given) => self.0.push((name, given)),
        }
    }
}

/// Splits `object[member]`.
fn member(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(']')?
        .split_once('[')
        .filter(|(object, member)| !object.is_empty() && !member.is_empty())
}

impl<'de> Deserialize<'de> for Fields {
    /// Reads an object and keeps its order, which a `Map` would lose.
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = members.next_entry()? {
                    if fields.0.len() < MAX_FIELDS {
                        fields.0.push((name, Given::Json(value)));
                    }
                }
                Ok(fields)
            }
        }
        json.deserialize_map(InOrder)
    }
}

// === impl Given ===

impl Given {
    /// What it is, with its article, as the service names it.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::File(_) => "a file",
            Self::Json(value) => noun(value),
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Json(value) => value.as_str(),
        }
    }

    fn summary(&self) -> Value {
        match self {
            Self::File(file) => serde_json::json!({ "file": cut(&file.content_type), "bytes": file.bytes }),
            Self::Json(Value::String(text)) => cut(text).into(),
            Self::Json(Value::Object(members)) => {
                let member = |(name, value): (&String, &Value)| (cut(name), cut_value(value));
                members.iter().take(MAX_FIELDS).map(member).collect::<Map<_, _>>().into()
            }
            Self::Json(value) => cut_value(value),
        }
    }
}

/// What a JSON value is, with its article. A number with a decimal point is one even if it is whole.
pub(super) fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The first two hundred characters.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

fn cut_value(value: &Value) -> Value {
    match value {
        Value::String(text) => cut(text).into(),
        Value::Array(_) | Value::Object(_) => cut(&value.to_string()).into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

// === impl Accepts ===

impl Accepts {
    fn list(self) -> &'static str {
        match self {
            Self::FormOrJson => "'application/json' and 'multipart/form-data'",
            Self::Form => "'multipart/form-data'",
        }
    }
}
