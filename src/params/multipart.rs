//! Where the parts of a form begin and end.
//!
//! Every place where some parser sees a delimiter is one here too, or ends the reading.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use crate::rejection::Rejection;

/// The parts of a form, in order. One pass over the body, nothing is copied.
pub(super) struct Parts<'b> {
    body: &'b [u8],
    delimiter: &'b [u8],
    finder: Finder<'b>,
    line_end: LineEnd,
    /// The offset right behind the last delimiter.
    at: usize,
    around: usize,
}

impl<'b> Parts<'b> {
    /// Begins with the first delimiter. Before it, and behind the last one, may stand as many bytes as `around` says:
    /// nobody reads them.
    pub(super) fn new(boundary: &str, body: &'b [u8], around: usize) -> Result<Self, Rejection> {
        let at =
            first_delimiter(boundary, body).filter(|at| *at <= around).ok_or(Rejection::MalformedForm)?;
        let end = at + boundary.len() + DASHES.len();
        let delimiter = body.get(at..end).ok_or(Rejection::MalformedForm)?;
        let line_end =
            body.get(end..).and_then(LineEnd::behind_delimiter).map_or(LineEnd::CrLf, |(it, _)| it);
        Ok(Self { body, delimiter, finder: Finder::new(delimiter), line_end, at: end, around })
    }

    /// What ends each line of the form.
    pub(super) const fn line_end(&self) -> LineEnd {
        self.line_end
    }

    /// Two dashes and the boundary.
    pub(super) const fn delimiter(&self) -> &'b [u8] {
        self.delimiter
    }

    /// The next part, head and content; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, Rejection> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        if let Some(part) = self.line_end.strip(rest) {
            let start = self.body.len() - part.len();
            let delimiter = self.next_delimiter(start)?;
            self.at = delimiter + self.delimiter.len();
            // The line break before a delimiter belongs to it.
            let end = delimiter - self.line_end.text().len();
            return if start <= end { Ok(Some(start..end)) } else { Err(Rejection::MalformedForm) };
        }
        // A longer boundary, another line end: parsers differ.
        let rest = rest.strip_prefix(DASHES).ok_or(Rejection::MalformedForm)?;
        let epilogue = if is_blank(rest) { Some(&[][..]) } else { self.line_end.strip(rest) };
        match epilogue {
            // A delimiter in there begins another part to some.
            Some(epilogue) if epilogue.len() <= self.around && self.finder.find(epilogue).is_none() => {
                Ok(None)
            }
            Some(_) | None => Err(Rejection::MalformedForm),
        }
    }

    /// The offset of the first delimiter at or after `from`. It stands at the beginning of a line; some parsers
    /// end a line at either of its two characters, and some look for the delimiter alone.
    fn next_delimiter(&self, from: usize) -> Result<usize, Rejection> {
        let rest = self.body.get(from..).ok_or(Rejection::MalformedForm)?;
        let found = from + self.finder.find(rest).ok_or(Rejection::MalformedForm)?;
        if self.line_end.ends(self.body.get(..found).unwrap_or_default()) {
            Ok(found)
        } else {
            Err(Rejection::MalformedForm)
        }
    }
}

/// Stand before each boundary, and behind the last one.
const DASHES: &[u8] = b"--";

/// The offset of the first delimiter, if it stands at the beginning of a line.
fn first_delimiter(boundary: &str, body: &[u8]) -> Option<usize> {
    if body.strip_prefix(DASHES).is_some_and(|rest| rest.starts_with(boundary.as_bytes())) {
        return Some(0);
    }
    let found = memmem::find(body, [DASHES, boundary.as_bytes()].concat().as_slice())?;
    let before = body.get(..found)?;
    let behind = body.get(found + DASHES.len() + boundary.len()..)?;
    let (line_end, _) = LineEnd::behind_delimiter(behind)?;
    line_end.ends(before).then_some(found)
}

/// What ends each line of a form. The one behind the first delimiter decides; a form that has both could be read in two
/// ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// What RFC 2046 wants.
    CrLf,
    /// What scripts write.
    Lf,
}

impl LineEnd {
    /// The line end behind a delimiter, and what follows it.
    pub(super) fn behind_delimiter(rest: &[u8]) -> Option<(Self, &[u8])> {
        [Self::CrLf, Self::Lf].into_iter().find_map(|line_end| Some((line_end, line_end.strip(rest)?)))
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::CrLf => "\r\n",
            Self::Lf => "\n",
        }
    }

    /// Ends the head of a part.
    pub(super) const fn head_end(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n\r\n",
            Self::Lf => b"\n\n",
        }
    }

    /// Where the head of a part ends.
    pub(super) fn find_head_end(self, part: &[u8]) -> Option<usize> {
        // Made once, since that takes longer than to find it.
        static CR_LF: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(LineEnd::CrLf.head_end()));
        match self {
            Self::CrLf => CR_LF.find(part),
            Self::Lf => memmem::find(part, self.head_end()),
        }
    }

    /// What follows the end of a delimiter's line, which may have blanks behind the delimiter (RFC 2046, 5.1.1).
    fn strip(self, rest: &[u8]) -> Option<&[u8]> {
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        rest.get(blanks..)?.strip_prefix(self.text().as_bytes())
    }

    /// Whether a line ends here.
    fn ends(self, before: &[u8]) -> bool {
        match self {
            Self::CrLf => before.ends_with(b"\r\n"),
            // A CR before it would belong to the content to some, and to the delimiter to others.
            Self::Lf => before.ends_with(b"\n") && !before.ends_with(b"\r\n"),
        }
    }
}

fn is_blank(rest: &[u8]) -> bool {
    rest.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Result<Vec<&str>, Rejection> {
        let mut parts = Parts::new("b", body.as_bytes(), 16)?;
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

    /// VA17: what nobody reads does not go upstream.
    #[test]
    fn leaves_out_a_preamble_an_epilogue_and_blanks_behind_a_delimiter() {
        for body in [
            "\r\n--b\r\none\r\n--b--",
            "preamble\r\n--b\r\none\r\n--b--",
            "--b \r\none\r\n--b--",
            "--b\t \r\none\r\n--b \t\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b-- ",
            "--b\r\none\r\n--b-- \r\n",
            "--b\r\none\r\n--b--\r\n\r\n",
            "--b\r\none\r\n--b--\r\nepilogue",
        ] {
            let expected = if body.contains("two") { vec!["one", "two"] } else { vec!["one"] };
            assert_eq!(parts(body), Ok(expected), "{body:?}");
        }
    }

    /// VA17: a form has one line end, whichever.
    #[test]
    fn reads_a_form_whose_lines_all_end_in_a_line_feed() {
        assert_eq!(parts("--b\none\n--b \ntwo\r\r\n\n--b--\n"), Ok(vec!["one", "two\r\r\n"]));
        assert_eq!(parts("preamble\n--b\n\n--b--"), Ok(vec![""]));
        assert_eq!(parts("\n--b\none\n--b--\nepilogue"), Ok(vec!["one"]));
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
            "--b\none\r\n--b--",
            "--b\none\n--b\r\ntwo\n--b--",
            "--b\none\n--b\ntwo\r\n--b--",
            "\r\n--b\none\n--b--",
            "--b\none\n--b--\r\n",
            "--b\rone\r\n--b--",
            "--b\r\none\r\n--bc\r\ntwo\r\n--b--",
            "--b\r\none\n--b\r\ntwo\r\n--b--",
            "--b\r\none\r--b\r\ntwo\r\n--b--",
            "--b\r\none\n--b--\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b-\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b--\r\n--b\r\ntwo\r\n--b--",
            "--b\r\none\r\n--b--\n",
            "--b\r\none\r\n--b--\r",
            "--b\r\none\r\n--b--epilogue",
            "--b\r\none\r\n--B--",
            "x--b\r\none\r\n--b--",
            "a long preamble \r\n--b\r\none\r\n--b--",
            "--b\r\none\r\n--b--\r\na long epilogue .",
            "--b\r\none\r\n",
        ] {
            assert_eq!(parts(body), Err(Rejection::MalformedForm), "{body:?}");
        }
    }
}
