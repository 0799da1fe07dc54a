//! Every alert has a section in the runbook, and the runbook has no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::markdown::page;
use crate::project;

#[test]
fn every_alert_has_a_section_in_the_runbook() {
    let alerts = alerts();
    let page = page("docs/operations.md");
    let sections: BTreeSet<String> =
        page.headings().into_iter().filter(|heading| is_alert(heading)).map(str::to_owned).collect();
    assert!(!alerts.is_empty(), "no alert was found in deploy/prometheus/");
    assert_eq!(alerts, sections, "left: alerts of deploy/prometheus/, right: sections of docs/operations.md");
}

/// Names of alerts all begin alike, and are one word.
fn is_alert(heading: &str) -> bool {
    heading.starts_with("Reelgate") && !heading.contains(' ') && heading != "Reelgate"
}

fn alerts() -> BTreeSet<String> {
    let mut files = Vec::new();
    gather(&project().join("deploy/prometheus"), &mut files);
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("rules"));
    let names = texts.flat_map(|text| {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ").map(str::to_owned));
        lines.collect::<Vec<_>>()
    });
    names.collect()
}

/// Rules, and not their tests.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            files.push(path);
        }
    }
}
