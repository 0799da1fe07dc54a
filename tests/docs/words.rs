//! The project's words: the glossary holds, and words that say nothing of whom they are about become fewer.

use std::fs;
use std::path::Path;

use crate::{project, text_of};

/// Words that stand for clients, upstreams, operators, requests and records without saying which, and how often they stand
/// in the source. The numbers may only fall: write the new ones down.
const VAGUE: [(&str, usize); 8] = [
    ("asked", 476),
    ("told", 335),
    ("kept", 341),
    ("taken", 255),
    ("said", 244),
    ("wanted", 233),
    ("nobody", 196),
    ("whoever", 92),
];

fn sources(folder: &Path, texts: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            texts.push_str(&fs::read_to_string(&path).expect("source"));
        }
    }
}

fn all_sources() -> String {
    let mut texts = String::new();
    for folder in ["src", "crates"] {
        sources(&project().join(folder), &mut texts);
    }
    texts
}

#[test]
fn vague_words_become_fewer() {
    let text = all_sources().to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for (word, most) in VAGUE {
        let count = words.iter().filter(|other| **other == word).count();
        assert!(
            count <= most,
            "\"{word}\" stands {count} times in the source, {most} before: name who or what it is"
        );
        assert!(
            count == most,
            "\"{word}\" stands {count} times in the source: write that down in place of {most}"
        );
    }
}

#[test]
fn every_type_of_the_glossary_is_there() {
    let (glossary, source) = (text_of("docs/glossary.md"), all_sources());
    let rows = glossary.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| word "));
    let types: Vec<&str> =
        rows.filter_map(|row| row.rsplit('`').nth(1)).filter(|name| !name.contains('/')).collect();
    assert!(types.len() >= 30, "{types:?}");
    for name in types {
        let is_there = ["struct", "enum", "trait"].iter().any(|kind| {
            source.match_indices(&format!("{kind} {name}")).any(|(at, found)| {
                !source[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
        });
        assert!(is_there, "docs/glossary.md names the type {name}, which is gone");
    }
}
