//! Texts some of whose characters are escaped, as JSON and URLs allow it. Pure.

use std::ops::Range;

use memchr::memchr;

/// A way to escape characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As a JSON text does: `\u0073`, `\/`.
    Json,
    /// As a URL does: `%73`.
    Percent,
}

/// Where a text stands in some bytes, at least one of its characters escaped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spelled {
    /// Every place, in order; no two overlap.
    pub(super) places: Vec<Range<usize>>,
    /// How many bytes at the end may be its beginning.
    pub(super) begun: usize,
}

/// What a character of the text looks for, and finds.
enum Step {
    /// Itself, in so many bytes.
    Taken(usize),
    /// What may become it: the bytes end too early.
    Cut,
    /// Anything else.
    Other,
}

/// What comes of reading on from an escape.
enum Match {
    Whole(Range<usize>),
    /// As far as the bytes go, from here.
    Begun(usize),
}

impl Spelling {
    pub(super) const ALL: [Self; 2] = [Self::Json, Self::Percent];

    /// What every escape begins with.
    const fn lead(self) -> u8 {
        match self {
            Self::Json => b'\\',
            Self::Percent => b'%',
        }
    }

    /// How far it is at least from the begin of one escape to that of another: the second of two backslashes begins none.
    const fn stride(self) -> usize {
        match self {
            Self::Json => 2,
            Self::Percent => 1,
        }
    }

    /// Finds an ASCII `text`, unless it is written without any escape.
    pub(super) fn find(self, text: &[u8], bytes: &[u8]) -> Spelled {
        let mut found = Spelled::default();
        // `at`: where the next escape may begin; `free`: where the last place ends.
        let (mut at, mut free) = (0, 0);
        while let Some(next) = bytes.get(at..).and_then(|rest| memchr(self.lead(), rest)) {
            let lead = at + next;
            at = lead + self.stride();
            match self.around(text, bytes, (free, lead)) {
                Some(Match::Whole(place)) => {
                    (at, free) = (place.end, place.end);
                    found.places.push(place);
                }
                Some(Match::Begun(start)) => found.begun = found.begun.max(bytes.len() - start),
                None => {}
            }
        }
        found
    }

    /// The text whose first escape is at `lead`, and which begins at `free` or behind it.
    fn around(self, text: &[u8], bytes: &[u8], (free, lead): (usize, usize)) -> Option<Match> {
        let mut begun = None;
        for plain in (0..text.len().min(lead - free + 1)).rev() {
            let (Some((before, rest)), Some((head, tail))) =
                (text.split_at_checked(plain), bytes.split_at_checked(lead))
            else {
                continue;
            };
            // In the plain part, this byte would begin an escape.
            if !head.ends_with(before) || before.contains(&self.lead()) {
                continue;
            }
            match self.read(rest, tail) {
                Step::Taken(length) => return Some(Match::Whole(lead - plain..lead + length)),
                Step::Cut => begun = begun.or(Some(Match::Begun(lead - plain))),
                Step::Other => {}
            }
        }
        begun
    }

    /// Reads the whole `text` from the begin of the bytes.
    fn read(self, text: &[u8], bytes: &[u8]) -> Step {
        let mut length = 0;
        for wanted in text {
            match self.step(*wanted, bytes.get(length..).unwrap_or_default()) {
                Step::Taken(taken) => length += taken,
                Step::Cut => return Step::Cut,
                Step::Other => return Step::Other,
            }
        }
        Step::Taken(length)
    }

    /// Reads one character.
    fn step(self, wanted: u8, bytes: &[u8]) -> Step {
        let Some((first, rest)) = bytes.split_first() else { return Step::Cut };
        if *first != self.lead() {
            return if *first == wanted { Step::Taken(1) } else { Step::Other };
        }
        let digits = [wanted >> 4, wanted & 0xf];
        match (self, rest.split_first()) {
            (_, None) => Step::Cut,
            (Self::Json, Some((b'u', rest))) => hex([0, 0].into_iter().chain(digits), rest, 6),
            (Self::Json, Some((escaped, _))) => {
                let stands_for_itself = matches!(escaped, b'"' | b'\\' | b'/');
                if stands_for_itself && *escaped == wanted { Step::Taken(2) } else { Step::Other }
            }
            (Self::Percent, Some(_)) => {
                let step = hex(digits.into_iter(), rest, 3);
                // A sign that escapes nothing is itself.
                let is_itself = wanted == b'%' && matches!(step, Step::Other);
                if is_itself { Step::Taken(1) } else { step }
            }
        }
    }
}

/// Reads hexadecimal digits, in either case. `length`: that of the escape they end.
fn hex(digits: impl Iterator<Item = u8>, text: &[u8], length: usize) -> Step {
    let mut text = text.iter();
    for digit in digits {
        match text.next() {
            None => return Step::Cut,
            Some(found) if char::from(*found).to_digit(16) == Some(digit.into()) => {}
            Some(_) => return Step::Other,
        }
    }
    Step::Taken(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str, bytes: &str) -> Spelled {
        Spelling::Json.find(text.as_bytes(), bytes.as_bytes())
    }

    fn percent(text: &str, bytes: &str) -> Spelled {
        Spelling::Percent.find(text.as_bytes(), bytes.as_bytes())
    }

    fn at(starts: &[usize], length: usize) -> Spelled {
        Spelled { places: starts.iter().map(|start| *start..start + length).collect(), begun: 0 }
    }

    #[test]
    fn a_text_is_found_whichever_of_its_characters_is_escaped() {
        for (text, spelled) in [
            ("sk-a", r"\u0073k-a"),
            ("sk-a", r"sk\u002da"),
            ("sk-a", r"sk\u002Da"),
            ("sk-a", r"sk-\u0061"),
            ("sk-a", r"\u0073\u006b\u002d\u0061"),
            ("s/a", r"s\/a"),
            ("s\"a", r#"s\"a"#),
            ("s\\a", r"s\\a"),
            ("s\\a", r"\u0073\u005Ca"),
        ] {
            let whole = format!("{{\"key\":\"{spelled}\"}} {spelled}{spelled}");
            let (first, length) = (8, spelled.len());
            let second = first + length + 3;
            let starts = [first, second, second + length];
            assert_eq!(json(text, &whole), at(&starts, length), "{spelled}");
        }
        for spelled in ["%73k-a", "sk%2da", "sk%2Da", "%73%6B%2d%61"] {
            assert_eq!(percent("sk-a", &format!("a={spelled}&b")), at(&[2], spelled.len()), "{spelled}");
        }
        assert_eq!(percent("a%b", "a%%62"), at(&[0], 5), "a sign that escapes nothing is itself");
        assert_eq!(percent("a%b", "a%25b"), at(&[0], 5));
    }

    #[test]
    fn what_only_looks_like_it_is_not_found() {
        // Escaped backslashes escape nothing themselves.
        for other in
            [r"\\u0073k-a", r"\\\\u0073k-a", r"\u0073k-b", r"\u1073k-a", r"\x73k-a", r"\nk-a", "sk-a"]
        {
            assert_eq!(json("sk-a", &format!("{other}, and so on")), Spelled::default(), "{other}");
        }
        assert_eq!(json("sk-a", r"\\\u0073k-a and so on"), at(&[2], 9), "a backslash, then the text");
        assert_eq!(percent("sk-a", "%7gk-a %74k-a and so on"), Spelled::default());
    }

    #[test]
    fn a_beginning_at_the_end_is_told_in_bytes() {
        let whole = r"\u0073k\u002Da";
        for length in 1..whole.len() {
            let part = format!("data: {}", &whole[..length]);
            assert_eq!(json("sk-a", &part).begun, length, "{part}");
        }
        assert_eq!(json("sk-a", r"skip sk\u00").begun, 6);
        assert_eq!(json("sk-a", r"skip s\u00").begun, 5);
        for other in [r"\u0074", r"\u1", r"\n", r"\\", r"s\u002"] {
            assert_eq!(json("sk-a", other).begun, 0, "{other}");
        }
        assert_eq!(percent("sk-a", "a=%7").begun, 2);
        assert_eq!(percent("sk-a", "a=s%6").begun, 3);
        assert_eq!(percent("sk-a", "a=50%").begun, 1);
    }
}
