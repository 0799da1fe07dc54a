//! The generated part of `docs/configuration.md`: every key, from `config/default.toml` and from the reader itself.
//!
//! Meaning and example come from the file, which another test holds to the code. What is allowed comes from the
//! reader: each key is given a value that nothing takes, and what the reader would have taken stands in its answer.
//! Whether a shown value is the default is found out by leaving the key away.

use std::fmt::Write;
use std::fs;

use crate::{project, text_of};

mod entry;
mod marks;
mod probe;

use entry::{Entry, Key};
use marks::{cell, code, prose, values};
use probe::{Absent, Probe};

const PAGE: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- generated: REELGATE_WRITE_DOCS=1 cargo test --test docs -->\n";
const END: &str = "<!-- end of what is generated -->\n";

#[test]
#[cfg_attr(
    feature = "otlp",
    ignore = "the page is of a binary with the features that a build has by default"
)]
fn the_reference_lists_every_key_as_the_code_reads_it() {
    let (reference, keys) = written();
    assert!(keys > 150, "only {keys} keys were found");
    let page = text_of(PAGE);
    let (before, rest) = page.split_once(BEGIN).expect("where the reference begins");
    let (old, after) = rest.split_once(END).expect("where the reference ends");
    if old == reference {
        return;
    }
    if std::env::var_os("REELGATE_WRITE_DOCS").is_some() {
        fs::write(project().join(PAGE), format!("{before}{BEGIN}{reference}{END}{after}")).expect("written");
        return;
    }
    let new = reference.lines().find(|line| !old.contains(line)).unwrap_or("a line less");
    panic!(
        "{PAGE} is out of date: run REELGATE_WRITE_DOCS=1 cargo test --test docs\nfirst difference: {new}"
    );
}

/// The reference, and the number of its keys.
fn written() -> (String, usize) {
    let mut page = String::new();
    let mut keys = 0;
    let mut in_table = false;
    let entries = entry::entries(&text_of("config/default.toml"));
    let probe = Probe::new(&entries);
    for entry in entries {
        let is_key = matches!(entry, Entry::Key(_));
        if is_key && !in_table {
            page += "\n| key | values | default | meaning |\n|---|---|---|---|\n";
        }
        in_table = is_key;
        match entry {
            Entry::Part(title) => page += &format!("\n### {}\n", marks::title(&title)),
            Entry::Section { path, about } => {
                page += &format!("\n#### `[{}]`\n", named(&path));
                if !about.is_empty() {
                    page += &format!("\n{}\n", prose(&about));
                }
            }
            Entry::Text(text) => page += &format!("\n{}\n", prose(&text)),
            Entry::Key(key) => {
                keys += 1;
                write!(page, "{}", row(&key, &probe)).expect("written into memory");
            }
        }
    }
    (page + "\n", keys)
}

fn row(key: &Key, probe: &Probe) -> String {
    let absent = probe.absent(key);
    let default = match absent {
        Absent::Shown => code(&key.shown),
        Absent::Nothing => "–".to_owned(),
        Absent::Wrong => "required".to_owned(),
    };
    let meaning = match &key.beside {
        Some(first) => format!("See `{}`.", named(first)),
        None => cell(&prose(&key.about)),
    };
    let example =
        if absent == Absent::Nothing { format!(" Such as {}.", code(&key.shown)) } else { String::new() };
    let values = cell(&values(&probe.right(key)));
    format!("| `{}` | {values} | {default} | {} |\n", named(&key.path), format!("{meaning}{example}").trim())
}

/// A name of the operator's choice stands as `NAME`.
fn named(path: &str) -> String {
    let steps: Vec<&str> = path.split('.').collect();
    let shown = steps.iter().enumerate().map(|(at, step)| {
        let above = steps[..at].join(".");
        if matches!(above.as_str(), "models" | "upstreams" | "auth.keys") { "NAME" } else { *step }
    });
    shown.collect::<Vec<_>>().join(".")
}
