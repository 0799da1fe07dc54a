//! Names that are not a known one, but that some parser reads as one.

use crate::rejection::Param;

/// Whether a lax parser could take `name` for a known field.
///
/// Go's `encoding/json` ignores case, and with it the long s and the Kelvin sign; its successor can be told
/// to ignore dashes and underscores too. PHP turns dots and spaces into underscores. C stops at a NUL.
pub(super) fn resembles(name: &str, known: &[Param]) -> bool {
    known.iter().any(|param| fold(param.name()).eq(fold(name)))
}

/// As [`resembles`], for the name of a form field, of which lax parsers may read only what stands before
/// or within brackets, or before a dot.
pub(super) fn resembles_in_form(name: &str, known: &[Param]) -> bool {
    let stem = name.trim_start_matches(['[', ']']).split(['[', ']', '.']).next();
    resembles(name, known) || stem.is_some_and(|stem| resembles(stem, known))
}

fn fold(name: &str) -> impl Iterator<Item = char> {
    name.chars().take_while(|c| *c != '\0').filter_map(|c| match c {
        'ſ' => Some('s'),
        '\u{212A}' => Some('k'),
        c if c.is_ascii() => c.is_ascii_alphanumeric().then(|| c.to_ascii_lowercase()),
        // Blanks and marks of no width, which some parsers trim.
        c => c.is_alphanumeric().then_some(c),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Param] = &[Param::Prompt, Param::InputReference, Param::Seconds, Param::Video];

    #[test]
    fn sees_through_case_and_punctuation() {
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
        ] {
            assert!(resembles(name, KNOWN), "{name:?}");
        }
        // No known name has a k today; the Kelvin sign is folded nevertheless.
        assert!(fold("\u{212A}").eq(fold("k")));
    }

    #[test]
    fn leaves_other_names_alone() {
        for name in ["", "negative_prompt", "prompts", "rompt", "second", "videoid", "ｐrompt", "video.id"] {
            assert!(!resembles(name, KNOWN), "{name:?}");
        }
    }

    #[test]
    fn sees_through_brackets_and_dots_in_forms() {
        for name in
            ["[prompt]", "prompt[", "prompt]", "Video[id]", "video.id", "video[id", "input_reference[00]"]
        {
            assert!(resembles_in_form(name, KNOWN), "{name:?}");
        }
        assert!(!resembles_in_form("obj[prompt]", KNOWN));
    }
}
