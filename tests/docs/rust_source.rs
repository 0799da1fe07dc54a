//! The texts in the project's own source: what it can say at all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project;

/// The source of a room or file below `src/`, without its tests. A room may be a folder, a file of its name, or both.
pub(crate) fn source(path: &str) -> String {
    let path = project().join("src").join(path);
    let mut files = Vec::new();
    gather(&path, &mut files);
    gather(&path.with_extension("rs"), &mut files);
    assert!(!files.is_empty(), "{} is gone", path.display());
    files.iter().map(|file| production(&fs::read_to_string(file).expect("source"))).collect()
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) {
    if files.iter().any(|known| known == path) {
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            gather(&entry.expect("an entry").path(), files);
        }
    } else if path.is_file() && path.extension().is_some_and(|ending| ending == "rs") {
        files.push(path.to_owned());
    }
}

fn production(source: &str) -> String {
    let end = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    source[..end].to_owned()
}

/// The texts in a source, with `…` for whatever is filled in.
pub(crate) fn texts(source: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = source;
    while let Some((before, from)) = cut(rest) {
        if let Some(behind) = skipped(before, from) {
            rest = behind;
            continue;
        }
        let (text, behind) = literal(from);
        texts.push(filled(&text));
        rest = behind;
    }
    texts
}

/// Up to the next comment or quote.
fn cut(source: &str) -> Option<(&str, &str)> {
    let comment = source.find("//");
    let quote = source.find('"');
    [comment, quote].into_iter().flatten().min().map(|at| source.split_at(at))
}

/// What is behind a comment, or a quote that is a character.
fn skipped<'s>(before: &str, from: &'s str) -> Option<&'s str> {
    if from.starts_with("//") {
        return Some(from.split_once('\n').map_or("", |(_, behind)| behind));
    }
    (before.ends_with('\'') && from.starts_with("\"'")).then(|| &from[2..])
}

/// The text that begins here, and what is behind it. Raw texts are good enough read as others.
fn literal(from: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = from.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &from[at + 1..]),
            '\\' => match chars.next() {
                Some((at, '\n')) => {
                    let indented = &from[at + 1..];
                    let indent = indented.len() - indented.trim_start().len();
                    // Counted in characters; an indent has only spaces.
                    for _ in 0..indent {
                        chars.next();
                    }
                }
                Some((_, 'n')) => text.push('\n'),
                Some((_, escaped)) => text.push(escaped),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, "")
}

/// `…` for `{placeholders}`.
fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((_, behind)) = behind.split_once('}') else { break };
        filled += before;
        filled.push('…');
        rest = behind;
    }
    filled + rest
}

/// Whether `text` is what `pattern` says, with anything for each `…`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = rest.split('…').collect();
    let (last, inner) = parts.split_last().expect("at least one part");
    for part in inner {
        let Some((_, behind)) = text.split_once(part) else { return false };
        text = behind;
    }
    text.ends_with(last)
}

#[test]
fn texts_are_read_as_the_compiler_reads_them() {
    let source = "let a = \"one {x} \\\n     more\"; // \"no\"\nlet b = '\"'; f(\"two \\\"quoted\\\"\");";
    assert_eq!(texts(source), ["one … more", "two \"quoted\""]);
}

#[test]
fn a_pattern_has_gaps() {
    for (pattern, text, expected) in [
        ("a … c", "a b c", true),
        ("a … c", "a b d", false),
        ("… b … d", "a b c d", true),
        ("a b", "a b", true),
        ("a", "a b", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
