//! Where the parts of a form begin and end.
//!
//! Every place where some parser sees a delimiter is one here too, or ends the reading.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::rejection::Rejection;

/// The parts of a form, in order. One pass over the body, nothing is copied.
pub(super) struct Parts<'b> {
    body: &'b [u8],
    delimiter: &'b [u8],
    finder: Finder<'b>,
    /// The offset right behind the last delimiter.
    at: usize,
}

impl<'b> Parts<'b> {
    /// Begins with the first delimiter, which must be the first thing in the body.
    pub(super) fn new(boundary: &str, body: &'b [u8]) -> Result<Self, Rejection> {
        let (delimiter, _) = body.split_at_checked(boundary.len() + 2).ok_or(Rejection::MalformedForm)?;
        if delimiter.strip_prefix(b"--") != Some(boundary.as_bytes()) {
            return Err(Rejection::MalformedForm);
        }
        Ok(Self { body, delimiter, finder: Finder::new(delimiter), at: delimiter.len() })
    }

    /// Two dashes and the boundary.
    pub(super) const fn delimiter(&self) -> &'b [u8] {
        self.delimiter
    }

    /// The next part, head and content; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, Rejection> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"\r\n") {
            let start = self.at + 2;
            let delimiter = self.next_delimiter(start)?;
            self.at = delimiter + self.delimiter.len();
            // The line break before a delimiter belongs to it.
            let end = delimiter - 2;
            return if start <= end { Ok(Some(start..end)) } else { Err(Rejection::MalformedForm) };
        }
        match rest {
            b"--" | b"--\r\n" => Ok(None),
            // Blanks behind the boundary, a longer boundary, an epilogue, a bare line feed: parsers differ.
            _ => Err(Rejection::MalformedForm),
        }
    }

    /// The offset of the first delimiter at or after `from`. It stands at the beginning of a line; some parsers
    /// end a line at either of its two characters, and some look for the delimiter alone.
    fn next_delimiter(&self, from: usize) -> Result<usize, Rejection> {
        let rest = self.body.get(from..).ok_or(Rejection::MalformedForm)?;
        let found = from + self.finder.find(rest).ok_or(Rejection::MalformedForm)?;
        match self.body.get(..found) {
            Some([.., b'\r', b'\n']) => Ok(found),
            _ => Err(Rejection::MalformedForm),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Result<Vec<&str>, Rejection> {
        let mut parts = Parts::new("b", body.as_bytes())?;
        let mut found = Vec::new();
        while let Some(range) = parts.next()? {
            found.push(&body[range]);
        }
        Ok(found)
    }

    #[test]
    fn splits_a_body_at_its_delimiters() {
        assert_eq!(parts("--b--"), Ok(vec![]));
        assert_eq!(parts("--b--\r\n"), Ok(vec![]));
        assert_eq!(parts("--b\r\n\r\n--b--"), Ok(vec![""]));
        assert_eq!(parts("--b\r\none\r\n--b\r\ntwo\r\n\r\n--b--\r\n"), Ok(vec!["one", "two\r\n"]));
    }

    /// VA10: parsers that look for the delimiter alone see a part here.
    #[test]
    fn refuses_a_delimiter_within_a_line() {
        for body in ["--b\r\n---b\r\n--b--", "--b\r\nx--b\r\n--b--", "--b\r\nx --b\r\n\r\n--b--"] {
            assert_eq!(parts(body), Err(Rejection::MalformedForm), "{body:?}");
        }
    }

    /// VA08, VA10.
    #[test]
    fn refuses_every_delimiter_that_some_parsers_do_not_see() {
        for body in [
            "",
            "-",
            "--",
            "--b",
            "--b-",
            "--b\r\n",
            "--b\r\n--b--",
            "--c\r\none\r\n--c--",
            "\r\n--b\r\none\r\n--b--",
            "preamble\r\n--b\r\none\r\n--b--",
            "--b\none\r\n--b--",
            "--b\rone\r\n--b--",
            "--b \r\none\r\n--b--",
            "--b\r\none\r\n--b \r\ntwo\r\n--b--",
            "--b\r\none\r\n--b\t\r\ntwo\r\n--b--",
            "--b\r\none\r\n--bc\r\ntwo\r\n--b--",
            "--b\r\none\n--b\r\ntwo\r\n--b--",
            "--b\r\none\r--b\r\ntwo\r\n--b--",
            "--b\r\none\n--b--\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b-\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b--\r\n--b\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b--\n",
            "--b\r\none\r\n--b--\r",
            "--b\r\none\r\n--b-- \r\n",
            "--b\r\none\r\n--b--\r\n\r\n",
            "--b\r\none\r\n--b--epilogue",
            "--b\r\none\r\n--B--",
            "--b\r\none\r\n",
        ] {
            assert_eq!(parts(body), Err(Rejection::MalformedForm), "{body:?}");
        }
    }
}
