//! Tells whether two requests ask for the same.

use std::fmt;
use std::sync::Arc;

use blake3::Hasher;
use memchr::memmem::Finder;

use super::digits::in_hex;
use super::operation::Operation;
use crate::held::{Away, Piece};
use crate::params::Encoding;

/// BLAKE3 of a request, in hex. Two requests that ask for the same have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fingerprint(Arc<str>);

impl Fingerprint {
    /// The fingerprint of a judged body, as it goes upstream in these `pieces`. A file in the spool counts by its own hash and
    /// length, which are known since it came.
    ///
    /// SDKs make up a new boundary for each repeat of a form: every occurrence of it is left out.
    #[must_use]
    pub(crate) fn of(operation: Operation, path: &str, encoding: &Encoding, pieces: &[Piece]) -> Self {
        let mut hash = Hasher::new();
        // A zero byte stands in none of them, so that no two of them can run into each other.
        for text in [operation.name(), path] {
            hash.update(text.as_bytes()).update(&[0]);
        }
        let boundary = match encoding {
            Encoding::Json => None,
            Encoding::Multipart { boundary } => Some(Finder::new(boundary)),
        };
        for piece in pieces {
            match (piece, &boundary) {
                (Piece::Here(bytes), None) => drop(hash.update(bytes)),
                // Pieces end between parts, at a file or within what an edit replaced, never inside a boundary: each is
                // searched alone.
                (Piece::Here(bytes), Some(boundary)) => update_without(&mut hash, boundary, bytes),
                (Piece::Away(Away { range, digest, .. }), _) => {
                    hash.update(&[1]).update(&(range.end - range.start).to_le_bytes()).update(digest);
                }
            }
        }
        Self(in_hex("", hash.finalize().as_bytes()))
    }

    /// One that was written down.
    pub(crate) fn written(text: &str) -> Self {
        Self(text.into())
    }

    /// In hex.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn update_without(hash: &mut Hasher, boundary: &Finder<'_>, bytes: &[u8]) {
    let mut from = 0;
    for at in boundary.find_iter(bytes) {
        hash.update(bytes.get(from..at).unwrap_or_default());
        // Where it stood counts, so that leaving it out joins nothing.
        hash.update(&[0]);
        from = at + boundary.needle().len();
    }
    hash.update(bytes.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn form(boundary: &str, seconds: &str) -> Bytes {
        Bytes::from(format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n{seconds}\r\n--{boundary}--\r\n"
        ))
    }

    fn of_form(boundary: &str, seconds: &str) -> Fingerprint {
        let encoding = Encoding::Multipart { boundary: boundary.to_owned() };
        Fingerprint::of(Operation::Create, "/v1/videos", &encoding, &[form(boundary, seconds).into()])
    }

    fn of_json(operation: Operation, path: &str, segments: &[&'static str]) -> Fingerprint {
        let segments: Vec<Piece> =
            segments.iter().map(|text| Bytes::from_static(text.as_bytes()).into()).collect();
        Fingerprint::of(operation, path, &Encoding::Json, &segments)
    }

    /// RT29: Python's boundaries are 32 hex digits, Node's are made of a prefix and twelve digits.
    #[test]
    fn forms_that_differ_only_in_their_boundary_are_the_same() {
        let python = of_form("0f1d2c3b4a5968778695a4b3c2d1e0ff", "8");
        assert_eq!(python, of_form("ffeeddccbbaa99887766554433221100", "8"));
        assert_eq!(python, of_form("----formdata-undici-012345678901", "8"));
        assert_ne!(python, of_form("0f1d2c3b4a5968778695a4b3c2d1e0ff", "4"));
    }

    #[test]
    fn how_a_body_is_cut_into_segments_does_not_matter() {
        let whole = of_json(Operation::Create, "/v1/videos", &[r#"{"a":1}"#]);
        assert_eq!(whole, of_json(Operation::Create, "/v1/videos", &[r#"{"a""#, ":1}"]));
        assert_ne!(whole, of_json(Operation::Create, "/v1/videos", &[r#"{"a": 1}"#]));
    }

    #[test]
    fn operation_and_path_count() {
        let all = [
            of_json(Operation::Create, "/v1/videos", &["{}"]),
            of_json(Operation::Remix, "/v1/videos", &["{}"]),
            of_json(Operation::Remix, "/v1/videos/a/remix", &["{}"]),
            of_json(Operation::Remix, "/v1/videos/b/remix", &["{}"]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(all.iter().skip(index + 1).all(|other| other != one), "{one}");
            assert_eq!(one.as_str().len(), 64);
        }
    }
}
