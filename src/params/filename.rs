//! The name of a file, in the three ways a part may give it: `filename`, `filename*` (RFC 8187, before it RFC 5987), and
//! `filename*0`, `filename*1` (RFC 2231).
//!
//! The encoded ones win, as RFC 6266, 4.3, says: what stands beside them is for those who do not know them.

use std::borrow::Cow;

use super::header_value::Parameter;
use crate::rejection::PartFlaw as Flaw;

/// The file name that the parameters of a `Content-Disposition` give, if they give one.
pub(super) fn of<'b>(parameters: &[Parameter<'b>]) -> Result<Option<Cow<'b, str>>, Flaw> {
    let (mut plain, mut extended, mut pieces) = (None, None, Vec::new());
    for parameter in parameters {
        let slot = match parameter.behind("filename") {
            Some("") => &mut plain,
            Some("*") => &mut extended,
            Some(behind) if behind.starts_with('*') => {
                pieces.push(Piece::of(behind, *parameter).ok_or(Flaw::ExtendedFilename)?);
                continue;
            }
            Some(_) | None => continue,
        };
        if slot.replace(*parameter).is_some() {
            return Err(Flaw::TwoFilenames);
        }
    }
    let encoded = match (extended, pieces.is_empty()) {
        (Some(_), false) => return Err(Flaw::TwoFilenames),
        (Some(extended), true) => Some(decoded(extended.value)),
        (None, false) => Some(joined(pieces)),
        (None, true) => None,
    };
    let name = match encoded {
        Some(name) => Some(Cow::Owned(name.ok_or(Flaw::ExtendedFilename)?)),
        None => plain.map(|plain| plain.text()),
    };
    // The quotes of a plain one may enclose a folded line.
    match name {
        Some(name) if name.contains(char::is_control) => Err(Flaw::ExtendedFilename),
        name => Ok(name),
    }
}

/// One of the pieces that a long name comes in.
struct Piece<'b> {
    number: usize,
    is_encoded: bool,
    parameter: Parameter<'b>,
}

impl<'b> Piece<'b> {
    /// `behind`: what its name has behind `filename`, such as `*0` or `*0*`.
    fn of(behind: &str, parameter: Parameter<'b>) -> Option<Self> {
        let number = behind.strip_prefix('*')?;
        let (number, is_encoded) = number.strip_suffix('*').map_or((number, false), |number| (number, true));
        let is_plain =
            number.bytes().all(|byte| byte.is_ascii_digit()) && (number == "0" || !number.starts_with('0'));
        Some(Self { number: number.parse().ok().filter(|_| is_plain)?, is_encoded, parameter })
    }
}

/// Puts a name together; the first piece names the character set of all that are encoded.
fn joined(mut pieces: Vec<Piece<'_>>) -> Option<String> {
    pieces.sort_by_key(|piece| piece.number);
    let (mut bytes, mut charset) = (Vec::new(), None);
    for (number, piece) in pieces.iter().enumerate() {
        if piece.number != number {
            return None;
        }
        if !piece.is_encoded {
            bytes.extend_from_slice(piece.parameter.text().as_bytes());
            continue;
        }
        let encoded = if number == 0 {
            let (named, encoded) = split(piece.parameter.value)?;
            charset = Some(named);
            encoded
        } else {
            piece.parameter.value
        };
        charset?;
        bytes.extend(percent_decoded(encoded)?);
    }
    match charset {
        Some(charset) => text(charset, bytes),
        None => String::from_utf8(bytes).ok(),
    }
}

/// A whole encoded name, such as `utf-8''my%20cat.png`.
fn decoded(value: &str) -> Option<String> {
    let (charset, encoded) = split(value)?;
    text(charset, percent_decoded(encoded)?)
}

/// The character set, and what stands behind the language.
fn split(value: &str) -> Option<(&str, &str)> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    Some((charset, encoded))
}

fn text(charset: &str, bytes: Vec<u8>) -> Option<String> {
    if charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8") {
        return String::from_utf8(bytes).ok();
    }
    charset.eq_ignore_ascii_case("iso-8859-1").then(|| bytes.into_iter().map(char::from).collect())
}

fn percent_decoded(encoded: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'\'') => byte,
            _ => return None,
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::super::header_value;
    use super::*;

    fn read(parameters: &str) -> Result<Option<String>, Flaw> {
        let value = format!("form-data; name=\"a\"; {parameters}");
        of(&header_value::split(&value).1.expect(parameters)).map(|name| name.map(Cow::into_owned))
    }

    #[test]
    fn an_encoded_name_wins_over_a_plain_one() {
        for (written, name) in [
            ("filename=cat.png; filename*=utf-8''cat.png", "cat.png"),
            ("filename*=UTF-8'en'my%20cat.png; filename=\"my cat.png\"", "my cat.png"),
            ("filename=\"=?utf-8?B?54yrLnBuZw==?=\"; filename*=utf-8''%E7%8C%AB.png", "猫.png"),
            ("filename*=\"utf-8''a%3Bb.png\"", "a;b.png"),
            ("filename*=iso-8859-1''caf%e9.png", "café.png"),
            ("filename*1=\"cat.png\"; filename*0=\"my \"", "my cat.png"),
            ("filename*0*=utf-8''%E7%8C; filename*1*=%AB; filename*2=\".png\"", "猫.png"),
            ("filename=\"a; name=b\"", "a; name=b"),
            ("filename=\"\"", ""),
        ] {
            assert_eq!(read(written), Ok(Some(name.to_owned())), "{written}");
        }
        assert_eq!(read("size=1"), Ok(None));
    }

    #[test]
    fn two_names_of_which_neither_wins_are_refused() {
        for written in [
            "filename=a; filename=a",
            "filename=a; FILENAME=b",
            "filename*=utf-8''a; filename*=utf-8''b",
            "filename*=utf-8''a; filename*0=b",
        ] {
            assert_eq!(read(written), Err(Flaw::TwoFilenames), "{written}");
        }
    }

    #[test]
    fn a_malformed_encoded_name_is_refused() {
        for written in [
            "filename=a; filename*=a",
            "filename*=utf-8'a",
            "filename*=utf-8''%",
            "filename*=utf-8''%4",
            "filename*=utf-8''%zz",
            "filename*=utf-8''%ff",
            "filename*=utf-8''é",
            "filename*=utf-8''a%00b",
            "filename*=utf-8''a%0d%0ab",
            "filename*=utf-16''a",
            "filename*0=a; filename*2=b",
            "filename*0=a; filename*0=b",
            "filename*00=a",
            "filename*0=a; filename*1*=b",
            "filename*x=a",
        ] {
            assert_eq!(read(written), Err(Flaw::ExtendedFilename), "{written}");
        }
    }
}
