//! The fields of a request's log line, as `docs/operations.md` lists them, against the source.

use std::collections::BTreeSet;

use crate::markdown::{page, spans};
use crate::rust_source::source;

/// Heading of the table.
const HEADING: &str = "The line of a request";
/// What the log itself adds to every line.
const OF_EVERY_LINE: [&str; 3] = ["timestamp", "level", "message"];

#[test]
fn every_field_of_a_requests_line_is_explained_and_no_other() {
    let rows = page("docs/operations.md").rows();
    let explained: BTreeSet<String> =
        rows.iter().filter(|row| row.heading == HEADING).flat_map(|row| spans(&row.cells[0])).collect();
    let mut written: BTreeSet<String> = OF_EVERY_LINE.map(str::to_owned).into();
    written.extend(source("server/record/log.rs").lines().filter_map(field));
    assert!(written.len() > 10, "only {written:?} were found in the source");
    assert_eq!(written, explained, "left: fields in the source, right: fields in docs/operations.md");
}

/// `fields.text("name", value);` and its like.
fn field(line: &str) -> Option<String> {
    let (_, name) = line.trim_start().strip_prefix("fields.")?.split_once("(\"")?;
    Some(name.split_once('"')?.0.to_owned())
}
