//! Texts as they may stand in a log: one line, no control characters, and never more than [`FIELD_MAX`] bytes.
//!
//! Every value of every event passes here, whoever wrote it and wherever it came from, so that no call site has to
//! think of it.

use std::fmt::{self, Write};

use crate::plain::is_plain;

/// Bytes of one field, most, with all that escaping adds to it.
pub(super) const FIELD_MAX: usize = 1 << 10;

/// Stands where a field was cut.
const CUT: &str = "…";

/// What the text is written into has a syntax of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing but the text.
    Text,
    /// The quotes of a JSON string.
    Json,
}

/// Writes one field into a line.
pub(super) struct Shown<'l> {
    line: &'l mut String,
    within: Within,
    /// Bytes that may still come.
    left: usize,
    /// Whether nothing more comes, since more came than may.
    is_cut: bool,
}

impl<'l> Shown<'l> {
    pub(super) fn new(line: &'l mut String, within: Within) -> Self {
        Self { line, within, left: FIELD_MAX - CUT.len(), is_cut: false }
    }

    /// Writes a text in which something has to be spelled out, or cut.
    #[cold]
    fn spell(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        text.chars().try_for_each(|char| self.put_char(char))
    }

    /// Writes what stands for a character, all of it or nothing more ever.
    fn put(&mut self, text: &str) -> fmt::Result {
        if self.left < text.len() {
            self.line.push_str(CUT);
            (self.left, self.is_cut) = (0, true);
            // Ends the formatting of the value: nothing more of it is wanted.
            return Err(fmt::Error);
        }
        self.left -= text.len();
        self.line.push_str(text);
        Ok(())
    }

    fn put_char(&mut self, char: char) -> fmt::Result {
        // Longest: a backslash of JSON's, and ten characters.
        let mut spelled = Spelled::default();
        match (char, self.within) {
            ('"', Within::Json) => spelled.write_str("\\\"")?,
            ('\\', Within::Json) => spelled.write_str("\\\\")?,
            (char, _) if is_plain(char) => spelled.write_char(char)?,
            (char, within) => {
                // A reader that undoes JSON's escapes must not get the character back.
                if within == Within::Json {
                    spelled.write_char('\\')?;
                }
                write!(spelled, "{}", char.escape_default())?;
            }
        }
        self.put(spelled.as_str())
    }
}

impl Write for Shown<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // What nearly all of it is passes in one go.
        if text.len() <= self.left && is_bare(text.as_bytes()) {
            self.left -= text.len();
            self.line.push_str(text);
            return Ok(());
        }
        self.spell(text)
    }
}

/// Whether a text is ASCII that nothing has to be done about, whatever it stands within.
fn is_bare(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks();
    let last = rest.iter().fold(ONES * u64::from(b' '), |word, byte| word << 8 | u64::from(*byte));
    let odd = words.iter().fold(odd(last), |all, word| all | odd(u64::from_ne_bytes(*word)));
    odd & (ONES << 7) == 0
}

/// Eight bytes that are one.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Looks at eight bytes at once: the highest bit of one of them is set only if there is one that is not bare.
const fn odd(word: u64) -> u64 {
    let (quotes, backslashes) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * b' ' as u64) | word.wrapping_add(ONES);
    // A byte that is zero borrows from its neighbour, and has its own bit set.
    word | control | quotes.wrapping_sub(ONES) | backslashes.wrapping_sub(ONES)
}

/// A few characters.
#[derive(Default)]
struct Spelled {
    bytes: [u8; 16],
    length: usize,
}

impl Spelled {
    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Write for Spelled {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, within: Within) -> String {
        let mut line = String::new();
        let _ = Shown::new(&mut line, within).write_str(text);
        line
    }

    /// SE04
    #[test]
    fn what_could_forge_or_colour_a_line_is_spelled_out() {
        for (text, plain) in [
            ("a cat", "a cat"),
            ("Füße, 猫", "Füße, 猫"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("a\u{202e}b\u{2066}\u{2028}\u{feff}", "a\\u{202e}b\\u{2066}\\u{2028}\\u{feff}"),
            ("\u{e0041}", "\\u{e0041}"),
            ("\"quoted\\\"", "\"quoted\\\""),
        ] {
            assert_eq!(shown(text, Within::Text), plain);
            let json = format!("\"{}\"", shown(text, Within::Json));
            assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), plain);
        }
    }

    /// SE04: the quick look says what a look at each character says.
    #[test]
    fn no_byte_passes_for_another_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_harmless = (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
            for length in 1..20 {
                for place in 0..length {
                    for around in *b" ~" {
                        let mut text = vec![around; length];
                        text[place] = byte;
                        assert_eq!(is_bare(&text), is_harmless, "{text:?}");
                    }
                }
            }
        }
        assert!(is_bare(b""));
    }

    /// SE04
    #[test]
    fn a_field_has_no_more_than_its_bytes() {
        let fits = "x".repeat(FIELD_MAX - CUT.len());
        assert_eq!(shown(&fits, Within::Text), fits);
        for long in ["x".repeat(FIELD_MAX), "\u{1b}".repeat(FIELD_MAX), "猫\"\\".repeat(FIELD_MAX)] {
            for within in [Within::Text, Within::Json] {
                let line = shown(&long, within);
                assert!(line.len() <= FIELD_MAX && line.ends_with(CUT), "{}", line.len());
            }
        }
    }

    /// SE04: also where the value comes in pieces, as values that format themselves do.
    #[test]
    fn all_the_pieces_of_a_field_together_have_no_more() {
        let mut line = String::new();
        let written = write!(Shown::new(&mut line, Within::Json), "{:?}", vec!["猫\n"; FIELD_MAX]);
        assert!(written.is_err());
        assert!(line.len() <= FIELD_MAX && line.ends_with(CUT), "{line}");
    }
}
