//! Every alert has a section in the runbook, and the runbook has no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::markdown::page;
use crate::project;
use crate::rust_source::{source, texts};

#[test]
fn every_alert_has_a_section_in_the_runbook() {
    let alerts = alerts();
    let page = page("docs/operations.md");
    let sections: BTreeSet<String> =
        page.headings().into_iter().filter(|heading| is_alert(heading)).map(str::to_owned).collect();
    assert!(!alerts.is_empty(), "no alert was found in deploy/prometheus/");
    assert_eq!(alerts, sections, "left: alerts of deploy/prometheus/, right: sections of docs/operations.md");
}

/// A rule that waits for a result of another name never fires.
#[test]
fn every_result_that_a_rule_waits_for_is_one_that_attempts_end_with() {
    let counted = source("upstream/upstream_metrics.rs");
    let (_, list) = counted.split_once("RESULTS").expect("the list");
    let known: BTreeSet<String> = texts(list.split("];").next().unwrap_or_default()).into_iter().collect();
    let mut named = BTreeSet::new();
    for text in rules() {
        let selectors = text.split("reelgate_upstream_answers_total{").skip(1);
        for selector in selectors.filter_map(|rest| rest.split('}').next()) {
            let results = selector.split_once("result").and_then(|(_, rest)| rest.split('"').nth(1));
            named.extend(results.into_iter().flat_map(|results| results.split('|')).map(str::to_owned));
        }
    }
    assert!(named.len() >= 6, "only {named:?} were found");
    let unknown: Vec<&String> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "no attempt ends with {unknown:?}");
}

/// Names of alerts all begin alike, and are one word.
fn is_alert(heading: &str) -> bool {
    heading.starts_with("Reelgate") && !heading.contains(' ') && heading != "Reelgate"
}

fn rules() -> Vec<String> {
    let mut files = Vec::new();
    gather(&project().join("deploy/prometheus"), &mut files);
    files.iter().map(|file| fs::read_to_string(file).expect("rules")).collect()
}

fn alerts() -> BTreeSet<String> {
    let names = rules().into_iter().flat_map(|text| {
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
