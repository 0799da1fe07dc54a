//! Writing to the terminal, or to whatever stands in its place.

use std::io::{self, Write};

use super::Failed;
use crate::plain::plain;

/// Writes to standard output. A reader that has gone is no failure: `reelgate capabilities | head` is fine.
pub(super) fn write(bytes: &[u8]) -> io::Result<()> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Says on standard error why a command failed.
pub(super) fn complain(failed: &Failed) {
    // A configuration's text is quoted, and who knows who wrote it.
    let lines: Vec<String> = failed.to_string().lines().map(plain).collect();
    // There is nowhere left to complain to if this fails.
    let _ = writeln!(io::stderr().lock(), "reelgate: {}", lines.join("\n"));
}

/// Says something to the person at the terminal that is no part of the output.
pub(super) fn note(text: &str) {
    // Whoever cannot be told does without.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
