//! Writing an error as OpenAI does, byte for byte.

use serde::Serialize;

use super::{ApiError, Form};

/// The error object. The order of the fields is the order on the wire, and nulls are written out: SDKs read
/// `code` and `param` from them.
#[derive(Serialize)]
struct Body<'e> {
    error: Fields<'e>,
}

#[derive(Serialize)]
struct Fields<'e> {
    message: &'e str,
    #[serde(rename = "type")]
    kind: &'e str,
    param: Option<&'e str>,
    code: Option<&'e str>,
}

fn fields(error: &ApiError) -> Fields<'_> {
    Fields {
        message: &error.message,
        kind: &error.kind,
        param: error.param.as_deref(),
        code: error.code.as_deref(),
    }
}

/// The body of an error answer.
#[must_use]
pub fn body(error: &ApiError, form: Form) -> String {
    let (indent, end) = match form {
        Form::Service => ("  ", ""),
        Form::FrontDoor => ("    ", "\n"),
    };
    let Fields { message, kind, param, code } = fields(error);
    let mut text = String::with_capacity(message.len() + 256);
    text.extend(["{\n", indent, "\"error\": {"]);
    let mut comma = "";
    for (name, value) in [("message", Some(message)), ("type", Some(kind)), ("param", param), ("code", code)]
    {
        text.extend([comma, "\n", indent, indent, "\"", name, "\": "]);
        write(&mut text, value);
        comma = ",";
    }
    text.extend(["\n", indent, "}\n}", end]);
    text
}

/// Writes a string, or null.
fn write(text: &mut String, value: Option<&str>) {
    let is_plain = |byte: &u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    match value {
        None => text.push_str("null"),
        Some(plain) if plain.as_bytes().iter().all(is_plain) => text.extend(["\"", plain, "\""]),
        // Writing strings into memory cannot fail.
        Some(other) => text.push_str(&ascii(serde_json::to_string(other).unwrap_or_default())),
    }
}

/// The same on one line, as it stands in an event.
#[must_use]
pub(crate) fn line(error: &ApiError) -> String {
    // Writing strings and nulls into memory cannot fail.
    ascii(serde_json::to_string(&Body { error: fields(error) }).unwrap_or_default())
}

/// The `content-type` that goes with a form.
#[must_use]
pub const fn content_type(form: Form) -> &'static str {
    match form {
        Form::Service => "application/json",
        Form::FrontDoor => "application/json; charset=utf-8",
    }
}

/// Escapes all but ASCII. Outside of strings JSON has nothing else, so the whole text can be treated alike.
fn ascii(json: String) -> String {
    if json.is_ascii() {
        return json;
    }
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Wording;
    use crate::rejection::{Param, Rejection};

    fn error(got: &str) -> ApiError {
        let reason = Rejection::NotListed {
            param: Param::Seconds,
            got: got.to_owned(),
            allowed: ["4", "8", "12"].map(str::to_owned).to_vec(),
        };
        ApiError::rejected(&reason, &Wording::default())
    }

    #[test]
    fn the_service_form_has_two_spaces_and_no_final_newline() {
        assert_eq!(
            body(&error("10"), Form::Service),
            "{\n  \"error\": {\n    \"message\": \"Invalid value: '10'. Supported values are: '4', '8', and \
             '12'.\",\n    \"type\": \"invalid_request_error\",\n    \"param\": \"seconds\",\n    \"code\": \
             \"invalid_value\"\n  }\n}"
        );
    }

    #[test]
    fn nulls_are_written_out() {
        let text = body(&ApiError::rejected(&Rejection::MalformedForm, &Wording::default()), Form::Service);
        assert!(text.contains("\"param\": null,\n    \"code\": null"), "{text}");
    }

    #[test]
    fn the_front_door_has_four_spaces_and_a_newline() {
        let text = body(&error("10"), Form::FrontDoor);
        assert!(text.starts_with("{\n    \"error\": {\n        \"message\""), "{text}");
        assert!(text.ends_with("}\n"), "{text}");
    }

    #[test]
    fn whatever_the_client_sent_comes_back_as_ascii() {
        let text = body(&error("十\u{1f3ac}\"\n\\"), Form::Service);
        assert!(text.contains(r#"'\u5341\ud83c\udfac\"\n\\'"#), "{text}");
        assert!(text.is_ascii());
    }
}
