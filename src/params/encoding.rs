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
        // `boundary*` and `boundary*0` (RFC 2231) are others, which a proxy before us may have read the form under.
        let mut boundaries = parameters.iter().filter(|parameter| parameter.behind("boundary").is_some());
        match (boundaries.next(), boundaries.next()) {
            (Some(boundary), None) if boundary.is("boundary") && is_boundary(boundary.value) => {
                Ok(Self::Multipart { boundary: boundary.value.to_owned() })
            }
            _ => Err(Rejection::MalformedForm),
        }
    }
}

/// Whether the character set is UTF-8 or a part of it, which it is if nothing is said.
fn is_utf8(parameters: &[Parameter<'_>]) -> bool {
    matches!(Charset::of(parameters), Some(Charset::Utf8 | Charset::Ascii))
}

/// A character set that texts are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    /// ASCII, or another one that has the same first 128 characters: a text that has no others is read.
    Ascii,
    Latin1,
}

impl Charset {
    /// The one that the parameters of a `Content-Type` name. UTF-8 if they name none; `None` if it is another, or if
    /// they name two.
    pub(super) fn of(parameters: &[Parameter<'_>]) -> Option<Self> {
        let mut charsets = parameters.iter().filter(|parameter| parameter.is("charset"));
        let Some(charset) = charsets.next() else { return Some(Self::Utf8) };
        let is = |names: &[&str]| names.iter().any(|name| charset.value.eq_ignore_ascii_case(name));
        let known = if is(&["utf-8", "utf8"]) {
            Self::Utf8
        } else if is(&["us-ascii", "ascii"]) {
            Self::Ascii
        } else if is(&["iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252"]) {
            Self::Latin1
        } else {
            return None;
        };
        charsets.next().is_none().then_some(known)
    }
}

/// What RFC 2046, 5.1.1, allows.
fn is_boundary(text: &str) -> bool {
    let is_its = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(is_its) && !text.ends_with(' ')
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
            "application/json; charset=utf8",
            "application/json; charset=US-ASCII;",
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
        for beside in
            ["charset=utf-8; boundary=a", "boundary=a; charset=UTF8", "x=\"boundary=b\"; boundary=\"a\";"]
        {
            assert_eq!(read(&format!("multipart/form-data; {beside}")), multipart("a"), "{beside}");
        }
        let longest = "x".repeat(70);
        assert_eq!(read(&format!("multipart/form-data; boundary={longest}")), multipart(&longest));
    }

    /// VA17: quotes are left out by some clients that need them, and set by others that do not.
    #[test]
    fn reads_every_legal_boundary_with_and_without_quotes() {
        for sign in "'()+_,-./:=?az09".chars() {
            for boundary in [format!("a{sign}b"), format!("{sign}"), format!("----{sign}{sign}")] {
                for written in [boundary.clone(), format!("\"{boundary}\"")] {
                    let value = format!("multipart/form-data; boundary={written}");
                    assert_eq!(read(&value), multipart(&boundary), "{value}");
                }
            }
        }
        assert_eq!(read("multipart/form-data; boundary=\"a b\""), multipart("a b"));
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
            "; boundary=a b",
            "; boundary=\"a;b\"",
            "; boundary=\"a\\b\"",
            "; boundary=é",
            "; boundary*=a",
            "; boundary=a; boundary*=utf-8''b",
            "; boundary*0=b; boundary=a",
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
