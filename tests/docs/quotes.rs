//! Messages of the command line and of the log, as pages quote them, against the source.

use crate::markdown::{page, spans};
use crate::rust_source::{source, texts};

/// Tables that quote such messages: page, heading, column.
const TABLES: [(&str, &str, usize); 3] = [
    ("docs/troubleshooting.md", "The gateway does not start", 0),
    ("docs/troubleshooting.md", "The ledger cannot be read", 0),
    ("docs/operations.md", "Other lines worth an alert", 1),
];

#[test]
fn every_message_that_is_quoted_is_one_the_code_has() {
    let said = texts(&source(""));
    let mut wrong = Vec::new();
    for (path, heading, column) in TABLES {
        let rows = page(path).rows();
        let quoting: Vec<_> = rows.iter().filter(|row| row.heading == heading).collect();
        assert!(quoting.len() > 3, "only {} rows below \"{heading}\"", quoting.len());
        for row in quoting {
            for quoted in spans(&row.cells[column]) {
                // What a system or a library says is not ours, and is left out of the quote as `…`.
                let quoted = quoted.trim_end_matches(" …");
                if !said.iter().any(|text| text.contains(quoted)) {
                    wrong.push(format!("{path}:{}: nothing says {quoted}", row.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
