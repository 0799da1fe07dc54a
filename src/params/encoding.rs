//! Which of the two encodings a body has, from its `Content-Type`.

use super::header_value::{self, Parameter};
use crate::rejection::Rejection;

/// How a body is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `multipart/form-data`.
    Multipart {
        /// What separates the parts, without the dashes before it; 1 to 70 characters.
        boundary: String,
    },
}

impl Encoding {
    /// Reads the value of the one `Content-Type` header.
    ///
    /// # Errors
    ///
    /// [`Rejection::ContentType`] if it is neither JSON nor a form, in another character set than UTF-8, or
    /// absent; [`Rejection::MalformedForm`] if it is a form without exactly one usable boundary.
    pub fn from_content_type(value: Option<&[u8]>) -> Result<Self, Rejection> {
        let sent = value.unwrap_or_default();
        let other = || Rejection::ContentType(String::from_utf8_lossy(sent).into_owned());
        let text = str::from_utf8(sent).map_err(|_| other())?;
        // RFC 9110 allows a last semicolon with nothing behind it.
        let (media_type, parameters) = header_value::split(text.trim_end_matches([';', ' ', '\t']));
        if media_type.eq_ignore_ascii_case("application/json") {
            let parameters = parameters.ok_or_else(other)?;
            if is_utf8(&parameters) { Ok(Self::Json) } else { Err(other()) }
        } else if media_type.eq_ignore_ascii_case("multipart/form-data") {
            let parameters = parameters.ok_or(Rejection::MalformedForm)?;
            if is_utf8(&parameters) { Self::multipart(&parameters) } else { Err(other()) }
        } else {
            Err(other())
        }
    }

    /// Whether it is JSON.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }

    fn multipart(parameters: &[Parameter<'_>]) -> Result<Self, Rejection> {
        let (mut boundaries, others): (Vec<&Parameter<'_>>, Vec<&Parameter<'_>>) =
            parameters.iter().partition(|parameter| parameter.is("boundary"));
        // The header goes on as it is. Some parsers look for the boundary under other names (RFC 2231), or for
        // its text anywhere: with anything else beside it, the upstream might read another form than we did.
        let alone = others.iter().all(|other| other.is("charset"));
        match (boundaries.pop(), boundaries.pop()) {
            (Some(boundary), None) if alone && is_boundary(boundary.value) => {
                Ok(Self::Multipart { boundary: boundary.value.to_owned() })
            }
            _ => Err(Rejection::MalformedForm),
        }
    }
}

/// Whether the character set is UTF-8, which it is if nothing is said.
pub(super) fn is_utf8(parameters: &[Parameter<'_>]) -> bool {
    let mut charsets = parameters.iter().filter(|parameter| parameter.is("charset"));
    charsets.next().is_none_or(|charset| charset.value.eq_ignore_ascii_case("utf-8"))
        && charsets.next().is_none()
}

/// What RFC 2046, 5.1.1, allows and needs no quotes (RFC 9110): quoting is where parsers differ.
fn is_boundary(text: &str) -> bool {
    (1..=70).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'\'' | b'+' | b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Encoding, Rejection> {
        Encoding::from_content_type(Some(value.as_bytes()))
    }

    fn multipart(boundary: &str) -> Result<Encoding, Rejection> {
        Ok(Encoding::Multipart { boundary: boundary.to_owned() })
    }

    #[test]
    fn reads_json() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; version=1",
            "application/json; ",
        ] {
            assert_eq!(read(value), Ok(Encoding::Json), "{value}");
        }
    }

    #[test]
    fn reads_forms() {
        assert_eq!(read("multipart/form-data; boundary=a"), multipart("a"));
        assert_eq!(read("Multipart/Form-Data;BOUNDARY=\"a_b.c'+d\""), multipart("a_b.c'+d"));
        assert_eq!(read("multipart/form-data; charset=utf-8; boundary=a"), multipart("a"));
        let longest = "x".repeat(70);
        assert_eq!(read(&format!("multipart/form-data; boundary={longest}")), multipart(&longest));
    }

    /// VA08.
    #[test]
    fn refuses_forms_without_one_usable_boundary() {
        for parameters in [
            "",
            "; boundary",
            "; boundary=",
            "; boundary=\"\"",
            "; boundary=a; boundary=a",
            "; boundary=a; Boundary=b",
            "; boundary=\"a ",
            "; boundary=\"a \"",
            "; boundary=a=b",
            "; boundary=a,b",
            "; boundary=\"a;b\"",
            "; boundary=\"a\\b\"",
            "; boundary=é",
            "; boundary*=a",
            "; boundary=a; boundary*=utf-8''b",
            "; boundary*0=b; boundary=a",
            "; x=\"boundary=b\"; boundary=a",
            "; xboundary=b; boundary=a",
            "; boundary=\"a b\"",
            "; boundary=\"a:b\"",
            &format!("; boundary={}", "x".repeat(71)),
        ] {
            let value = format!("multipart/form-data{parameters}");
            assert_eq!(read(&value), Err(Rejection::MalformedForm), "{value}");
        }
    }

    #[test]
    fn refuses_other_types_and_character_sets_as_sent() {
        for value in [
            "",
            "text/plain",
            "application/json/",
            "application/jsonp",
            "application/json, text/plain",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json; charset",
            "application/x-www-form-urlencoded",
            "multipart/mixed; boundary=a",
            "multipart/form-data; boundary=a; charset=latin1",
        ] {
            assert_eq!(read(value), Err(Rejection::ContentType(value.to_owned())), "{value}");
        }
        assert_eq!(Encoding::from_content_type(None), Err(Rejection::ContentType(String::new())));
        let lossy = Rejection::ContentType("text/\u{fffd}".to_owned());
        assert_eq!(Encoding::from_content_type(Some(b"text/\xff")), Err(lossy));
    }
}
