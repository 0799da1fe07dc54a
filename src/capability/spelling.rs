//! What a lax parser may take a name for that is spelled otherwise.

use percent_encoding::percent_decode_str;

use crate::rejection::Param;

/// A name as lax parsers read it.
///
/// Go's `encoding/json` ignores case, and with it the long s and the Kelvin sign; its successor can be told to ignore
/// dashes and underscores too. PHP turns dots and spaces into underscores. C stops at a NUL. Some forms are decoded
/// once more than they were encoded. And some parsers read only what stands before brackets or a dot, others make
/// objects of them.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    whole: String,
    steps: Vec<String>,
}

impl Readings {
    /// Of a name as it was sent.
    pub(super) fn of(name: &str) -> Self {
        let decoded = decoded(name);
        let steps = decoded.split(['[', ']', '.']).map(folded).filter(|step| !step.is_empty());
        Self { whole: folded(&decoded), steps: steps.collect() }
    }

    /// Whether some parser may take it for this name: as a whole, or by what stands before brackets or a dot.
    pub(super) fn may_be(&self, name: &str) -> bool {
        let name = folded(name);
        !name.is_empty() && (self.whole == name || self.steps.first() == Some(&name))
    }

    /// Whether some parser may take it for one of these fields.
    pub(super) fn may_be_one_of(&self, fields: &[Param]) -> bool {
        fields.iter().any(|field| self.may_be(field.name()))
    }

    /// The name as a whole, and each step of it that stands outside or within brackets: folded, none of them empty.
    pub(super) fn folded(&self) -> impl Iterator<Item = &str> {
        let whole = Some(self.whole.as_str()).filter(|whole| !whole.is_empty());
        whole.into_iter().chain(self.steps.iter().map(String::as_str))
    }
}

/// Without percent signs that mean another character.
fn decoded(name: &str) -> String {
    let mut name = name.to_owned();
    for _ in 0..DECODED_MAX {
        if !name.contains('%') {
            break;
        }
        name = percent_decode_str(&name).decode_utf8_lossy().into_owned();
    }
    name
}

/// More often than any chain of parsers decodes a name. A long name could be decoded a hundred thousand times.
const DECODED_MAX: usize = 4;

/// Letters and digits alone, in lower case.
pub(crate) fn folded(name: &str) -> String {
    let chars = name.chars().take_while(|c| *c != '\0').filter_map(|c| match c {
        'ſ' => Some('s'),
        '\u{212A}' => Some('k'),
        c if c.is_ascii() => c.is_ascii_alphanumeric().then(|| c.to_ascii_lowercase()),
        // Blanks and marks of no width, which some parsers trim.
        c => c.is_alphanumeric().then_some(c),
    });
    chars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Param] = &[Param::Prompt, Param::InputReference, Param::Seconds, Param::Video];

    fn may_be_known(name: &str) -> bool {
        Readings::of(name).may_be_one_of(KNOWN)
    }

    #[test]
    fn sees_through_case_punctuation_and_encoding() {
        for name in [
            "Prompt",
            "PROMPT",
            "prompt ",
            "prompt\0x",
            "ſecondſ",
            "inputReference",
            "input-reference",
            "input.reference",
            "prompt[]",
            "_prompt",
            "input%5Freference",
            "%70rompt",
            "%2570rompt",
            "prompt%00x",
        ] {
            assert!(may_be_known(name), "{name:?}");
        }
        assert_eq!(folded("\u{212A}"), "k");
    }

    #[test]
    fn leaves_other_names_alone() {
        for name in
            ["", "%", "%%", "negative_prompt", "prompts", "rompt", "second", "videoid", "ｐrompt", "[]", "\0"]
        {
            assert!(!may_be_known(name), "{name:?}");
        }
    }

    #[test]
    fn sees_through_brackets_and_dots() {
        for name in
            ["[prompt]", "prompt[", "prompt]", "Video[id]", "video.id", "video[id", "input_reference[00]"]
        {
            assert!(may_be_known(name), "{name:?}");
        }
        assert!(!may_be_known("obj[prompt]"));
    }

    #[test]
    fn shows_every_step_of_a_name() {
        let readings = Readings::of("A_b[C%5B0].d");
        assert_eq!(readings.folded().collect::<Vec<_>>(), ["abc0d", "ab", "c", "0", "d"]);
        assert_eq!(Readings::of("").folded().count(), 0);
    }
}
