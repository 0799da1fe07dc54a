//! One event as one line: an object for machines, or a text for people.

use std::fmt::Write;
use std::time::SystemTime;

use tracing::{Event, Level};

use super::fields::{Fields, Sentence};
use super::stamp;
use super::style::{DIM, PLAIN, Style, colour};

impl Style {
    /// Writes the event. `line` is empty.
    pub(super) fn write_event(self, event: &Event<'_>, now: SystemTime, line: &mut String) {
        let metadata = event.metadata();
        self.write((*metadata.level(), now), line, |fields| {
            if self != Self::Json {
                event.record(&mut Sentence(fields));
            }
            // What is not ours is told by where it comes from.
            fields.text("target", Some(metadata.target()).filter(|target| !super::is_ours(target)));
            event.record(fields);
        });
    }

    /// Writes a line that says all this, with the line break at its end. `line` is empty.
    pub(crate) fn write(
        self,
        (level, now): (Level, SystemTime),
        line: &mut String,
        say: impl FnOnce(&mut Fields<'_>),
    ) {
        match self {
            Self::Json => begin_json(line, now, level),
            Self::Text { coloured } => begin_text(line, now, level, coloured),
        }
        say(&mut Fields::new(line, self));
        line.push_str(if self == Self::Json { "}\n" } else { "\n" });
    }

    /// A line that tells of lines that were lost.
    pub(super) fn write_lost(self, lost: u64, now: SystemTime, line: &mut String) {
        self.write((Level::WARN, now), line, |fields| {
            fields.sentence(&[LOST]);
            fields.number("lines", lost);
        });
    }
}

const LOST: &str = "lines of the log were lost: nobody read them in time";

fn begin_json(line: &mut String, now: SystemTime, level: Level) {
    line.push_str("{\"timestamp\":\"");
    stamp::write(line, now, 6);
    for piece in ["\",\"level\":\"", level.as_str(), "\""] {
        line.push_str(piece);
    }
}

fn begin_text(line: &mut String, now: SystemTime, level: Level, coloured: bool) {
    let (dim, colour, plain) = if coloured { (DIM, colour(level), PLAIN) } else { ("", "", "") };
    line.push_str(dim);
    stamp::write(line, now, 3);
    // A string takes whatever is written.
    let _ = write!(line, "{plain} {colour}{:>5}{plain} ", level.as_str());
}
