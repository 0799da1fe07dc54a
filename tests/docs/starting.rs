//! The messages of starts and commands that fail, as `docs/troubleshooting.md` quotes them, against the source.

use crate::markdown::{page, spans};
use crate::rust_source::{source, texts};

/// Headings of the tables whose first column quotes such messages.
const HEADINGS: [&str; 2] = ["The gateway does not start", "The ledger cannot be read"];

#[test]
fn every_message_of_a_failed_start_is_one_the_code_has() {
    let said = texts(&source(""));
    let rows = page("docs/troubleshooting.md").rows();
    let starting: Vec<_> = rows.iter().filter(|row| HEADINGS.contains(&row.heading.as_str())).collect();
    assert!(starting.len() > 15, "only {} rows were found", starting.len());
    let mut wrong = Vec::new();
    for row in starting {
        for quoted in spans(&row.cells[0]) {
            // What a system or a library says is not ours, and is left out of the quote as `…`.
            if !said.iter().any(|text| text.contains(&quoted)) {
                wrong.push(format!("docs/troubleshooting.md:{}: nothing says {quoted}", row.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
