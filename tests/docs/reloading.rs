//! What takes a restart, as `docs/configuration.md` says, against the source.

use std::collections::BTreeSet;

use crate::markdown::{page, spans};
use crate::rust_source::{source, texts};

#[test]
fn every_key_that_takes_a_restart_is_named_and_no_other() {
    let rows = page("docs/configuration.md").rows();
    let below = rows.iter().filter(|row| row.heading == "Change it while it runs");
    let named: BTreeSet<String> = below.flat_map(|row| spans(&row.cells[0])).collect();
    let source = source("reload/fixed.rs");
    let (_, list) = source.split_once("KEYS").expect("the list");
    let kept: BTreeSet<String> = texts(list.split("];").next().unwrap_or_default()).into_iter().collect();
    assert!(kept.len() >= 4, "only {kept:?} were found in the source");
    assert_eq!(kept, named, "left: the source, right: docs/configuration.md");
}
