//! One event as one line: an object for machines, or a text for people.

use std::fmt::{Debug, Write};
use std::time::SystemTime;

use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::shown::{Shown, Within};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// One JSON object a line.
    Json,
    /// A text, with colours or without.
    Text {
        /// Whether a terminal shows it.
        coloured: bool,
    },
}

/// Name of the field that is the event's sentence.
const MESSAGE: &str = "message";

/// Fields that the sentence of a request's line says already, to people.
const SAID: [&str; 3] = ["method", "path", "status"];

impl Style {
    /// Writes the event, with the line break at its end. `line` is empty.
    pub(super) fn write(self, event: &Event<'_>, now: SystemTime, line: &mut String) {
        let metadata = event.metadata();
        // What is not ours is told by where it comes from.
        let target = Some(metadata.target()).filter(|target| !super::is_ours(target));
        match self {
            Self::Json => {
                begin_json(line, now, *metadata.level());
                if let Some(target) = target {
                    Json { line }.text("target", target);
                }
                event.record(&mut Json { line });
                line.push_str("}\n");
            }
            Self::Text { coloured } => {
                begin_text(line, now, *metadata.level(), coloured);
                // The sentence first, wherever it stands among the fields.
                event.record(&mut Sentence { line });
                let mut text = Text { line, coloured };
                if let Some(target) = target {
                    text.field("target", |value| value.write_str(target));
                }
                event.record(&mut text);
                line.push('\n');
            }
        }
    }

    /// A line that tells of lines that were lost.
    pub(super) fn write_lost(self, lost: u64, now: SystemTime, line: &mut String) {
        // A string takes whatever is written.
        let _ = match self {
            Self::Json => {
                begin_json(line, now, Level::WARN);
                writeln!(line, ",\"message\":\"{LOST}\",\"lines\":{lost}}}")
            }
            Self::Text { coloured } => {
                begin_text(line, now, Level::WARN, coloured);
                writeln!(line, "{LOST} lines={lost}")
            }
        };
    }
}

const LOST: &str = "lines of the log were lost: nobody read them in time";

fn begin_json(line: &mut String, now: SystemTime, level: Level) {
    line.push_str("{\"timestamp\":\"");
    write_time(line, now, 6);
    let _ = write!(line, "\",\"level\":\"{level}\"");
}

fn begin_text(line: &mut String, now: SystemTime, level: Level, coloured: bool) {
    let (dim, colour, plain) = if coloured { (DIM, colour(level), PLAIN) } else { ("", "", "") };
    line.push_str(dim);
    write_time(line, now, 3);
    let _ = write!(line, "{plain} {colour}{:>5}{plain} ", level.as_str());
}

const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

/// RFC 3339, in UTC.
fn write_time(line: &mut String, now: SystemTime, digits: u32) {
    let now = OffsetDateTime::from(now);
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    let (hour, minute, second) = now.to_hms();
    let fraction = now.nanosecond() / 10_u32.pow(9 - digits);
    // By hand: every line has one, and the machinery for formats takes longer than all the rest of the line's beginning.
    for (number, width, end) in [
        (year.unsigned_abs(), 4, '-'),
        (month.into(), 2, '-'),
        (day.into(), 2, 'T'),
        (hour.into(), 2, ':'),
        (minute.into(), 2, ':'),
        (second.into(), 2, '.'),
        (fraction, digits, 'Z'),
    ] {
        write_digits(line, number, width);
        line.push(end);
    }
}

/// The last `width` digits of a number.
fn write_digits(line: &mut String, number: u32, width: u32) {
    let digits = (0..width).rev().map(|place| number / 10_u32.pow(place) % 10);
    line.extend(digits.filter_map(|digit| char::from_digit(digit, 10)));
}

// === JSON ===

/// Writes members of an object that is not at its end, behind others.
struct Json<'l> {
    line: &'l mut String,
}

impl Json<'_> {
    fn key(&mut self, name: &str) {
        self.line.push_str(",\"");
        // Names stand in the source, ours and that of libraries: plain, but who knows.
        let _ = Shown::new(self.line, Within::Json).write_str(name);
        self.line.push_str("\":");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.written(name, |shown| shown.write_str(value));
    }

    fn written(&mut self, name: &str, write: impl FnOnce(&mut Shown<'_>) -> std::fmt::Result) {
        self.key(name);
        self.line.push('"');
        // A field that is too long ends with an error, where it was cut.
        let _ = write(&mut Shown::new(self.line, Within::Json));
        self.line.push('"');
    }

    fn integer(&mut self, name: &str, value: impl itoa::Integer) {
        self.key(name);
        self.line.push_str(itoa::Buffer::new().format(value));
    }

    fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        self.key(name);
        let _ = write!(self.line, "{value}");
    }
}

impl Visit for Json<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.number(field.name(), value) } else { self.number(field.name(), "null") }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.integer(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.written(field.name(), |shown| write!(shown, "{value:?}"));
    }
}

// === Text ===

/// Writes the sentence of an event.
struct Sentence<'l> {
    line: &'l mut String,
}

impl Visit for Sentence<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == MESSAGE {
            let _ = write!(Shown::new(self.line, Within::Text), "{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            let _ = Shown::new(self.line, Within::Text).write_str(value);
        }
    }
}

/// Writes everything else of it.
struct Text<'l> {
    line: &'l mut String,
    coloured: bool,
}

impl Text<'_> {
    fn field(&mut self, name: &str, write: impl FnOnce(&mut Shown<'_>) -> std::fmt::Result) {
        if name == MESSAGE || SAID.contains(&name) {
            return;
        }
        let (dim, plain) = if self.coloured { (DIM, PLAIN) } else { ("", "") };
        let _ = write!(self.line, " {dim}{name}={plain}");
        let from = self.line.len();
        let _ = write(&mut Shown::new(self.line, Within::Text));
        let value = self.line.get(from..).unwrap_or_default();
        // What could be read as two fields stands in quotes.
        if value.is_empty() || value.contains([' ', '=', '"']) {
            let quoted = format!("\"{}\"", value.replace('"', "\\\""));
            self.line.truncate(from);
            self.line.push_str(&quoted);
        }
    }
}

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field.name(), |shown| write!(shown, "{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field.name(), |shown| shown.write_str(value));
    }
}
