//! How lines look.

use tracing::Level;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// One JSON object a line.
    Json,
    /// A text, with colours or without.
    Text {
        /// Whether a terminal shows it.
        coloured: bool,
    },
}

pub(super) const DIM: &str = "\u{1b}[2m";
pub(super) const PLAIN: &str = "\u{1b}[0m";

/// Begins a level's colour.
pub(super) fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}
