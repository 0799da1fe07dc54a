//! Names that pages mention in passing: variables of the environment, and files.

use std::collections::BTreeSet;

use crate::markdown::pages;
use crate::rust_source::{source, texts};
use crate::text_of;

#[test]
fn every_variable_of_the_environment_is_one_that_something_reads() {
    let scripts = ["tests/run", "tests/docs/reference/mod.rs", ".github/release/build"].map(text_of);
    let known = source("") + &scripts.concat();
    let mut named = BTreeSet::new();
    for page in pages() {
        let words = page.text.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).map(str::to_owned);
        named.extend(words.filter(|word| word.starts_with("REELGATE_") && word.len() > "REELGATE_".len()));
    }
    assert!(named.len() >= 4, "only {named:?} were found");
    let unknown: Vec<&String> = named.iter().filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "nothing reads {unknown:?}");
}

#[test]
fn every_metric_is_one_that_the_code_counts() {
    let known = texts(&source("metrics"));
    let mut named = BTreeSet::new();
    for page in pages() {
        let words = page
            .text
            .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '.' | '/')));
        named.extend(words.filter_map(|word| word.strip_prefix("reelgate_")).map(without_ending));
    }
    assert!(named.len() > 10, "only {named:?} were found");
    let unknown: Vec<&String> = named.iter().filter(|name| !known.contains(*name)).collect();
    assert!(unknown.is_empty(), "nothing counts {unknown:?}");
}

/// A histogram's series have endings of their own.
fn without_ending(name: &str) -> String {
    let endings = ["_bucket", "_count", "_sum"];
    endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned()
}
