//! What a body says, as a reader of its own finds it: a form or JSON that is written anew must say what it said before.
//! Shares no code with the gateway, and takes only the plainest spelling.

use std::string::FromUtf8Error;

use memchr::memmem;

use super::message::Message;

/// A body by what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fields {
    /// The parts of a form, in order.
    Form(Vec<Part>),
    Json(serde_json::Value),
    /// Anything else, byte for byte.
    Other(Vec<u8>),
}

/// A part of a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    /// As text where it is one, so that a failure can be read.
    pub(crate) content: Result<String, Vec<u8>>,
}

/// Reads a body of this `Content-Type`.
pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Fields {
    let content_type = content_type.unwrap_or_default();
    if let Some((_, boundary)) = content_type.split_once("multipart/form-data; boundary=") {
        return Fields::Form(parts(boundary.trim_matches('"'), body));
    }
    match serde_json::from_slice(body) {
        Ok(json) if content_type.starts_with("application/json") => Fields::Json(json),
        _ => Fields::Other(body.to_vec()),
    }
}

/// What reached the upstream.
pub(crate) fn of(message: &Message) -> Fields {
    read(message.header("content-type"), &message.body)
}

fn parts(boundary: &str, body: &[u8]) -> Vec<Part> {
    let delimiter = format!("\r\n--{boundary}");
    // As if a line ended before the first.
    let body = [b"\r\n", body].concat();
    let mut starts: Vec<usize> = memmem::find_iter(&body, &delimiter).collect();
    let last = starts.pop().expect("a delimiter");
    assert_eq!(starts.first().copied().unwrap_or(last), 0, "a form begins with a delimiter");
    let end = &body[last + delimiter.len()..];
    assert!(matches!(end, b"--" | b"--\r\n"), "a form ends with {end:?}");
    let ends = starts.iter().skip(1).copied().chain([last]);
    starts.iter().zip(ends).map(|(start, end)| part(&body[start + delimiter.len()..end])).collect()
}

fn part(part: &[u8]) -> Part {
    let part = part.strip_prefix(b"\r\n").expect("a line of its own for a delimiter");
    let head_end = memmem::find(part, b"\r\n\r\n").expect("an empty line behind the head");
    let head = std::str::from_utf8(&part[..head_end]).expect("text");
    let content = part[head_end + 4..].to_vec();
    let header = |wanted: &str| {
        let mut headers = head.split("\r\n").filter_map(|line| line.split_once(": "));
        headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    let disposition = header("content-disposition").expect("a disposition");
    let parameter = |name: &str| {
        let (_, value) = disposition.split_once(&format!("; {name}=\""))?;
        Some(value.split_once('"')?.0.to_owned())
    };
    let filename = parameter("filename");
    Part {
        name: parameter("name").expect("a name"),
        // Of a text it says what its bytes are anyway.
        content_type: header("content-type").filter(|_| filename.is_some()),
        filename,
        content: String::from_utf8(content).map_err(FromUtf8Error::into_bytes),
    }
}
