//! The fields of a line, one behind the other, in either style.

use std::fmt::{self, Debug, Display, Write};

use tracing::field::{Field, Visit};

use super::shown::{Shown, Within};
use super::style::{DIM, PLAIN, Style};

/// Name of the field that is the event's sentence.
const MESSAGE: &str = "message";

/// Fields that the sentence of a request's line says already, to people.
const SAID: [&str; 3] = ["method", "path", "status"];

/// Writes what a line says as it comes. What has no value is left out.
pub(crate) struct Fields<'l> {
    line: &'l mut String,
    style: Style,
}

impl<'l> Fields<'l> {
    /// Those of a line that has its beginning.
    pub(super) fn new(line: &'l mut String, style: Style) -> Self {
        Self { line, style }
    }

    /// The line's sentence, in pieces. Comes before everything else.
    pub(crate) fn sentence(&mut self, pieces: &[&str]) {
        self.said(|shown| pieces.iter().try_for_each(|piece| shown.write_str(piece)));
    }

    /// A text, whoever wrote it.
    pub(crate) fn text<'v>(&mut self, name: &str, text: impl Into<Option<&'v str>>) {
        if let Some(text) = text.into() {
            self.written(name, |shown| shown.write_str(text));
        }
    }

    /// A value as it shows itself.
    pub(crate) fn shown(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.written(name, |shown| write!(shown, "{value}"));
        }
    }

    /// A whole number.
    pub(crate) fn number(&mut self, name: &str, number: impl Into<Option<u64>>) {
        if let Some(number) = number.into() {
            self.bare(name, itoa::Buffer::new().format(number));
        }
    }

    /// What is told only where it is so.
    pub(crate) fn flag(&mut self, name: &str, is_so: bool) {
        if is_so {
            self.bare(name, "true");
        }
    }

    fn said(&mut self, write: impl FnOnce(&mut Shown<'_>) -> fmt::Result) {
        match self.style {
            Style::Json => self.written(MESSAGE, write),
            Style::Text { .. } => {
                let _ = write(&mut Shown::new(self.line, Within::Text));
            }
        }
    }

    fn written(&mut self, name: &str, write: impl FnOnce(&mut Shown<'_>) -> fmt::Result) {
        match self.style {
            Style::Json => {
                self.key(name);
                self.line.push('"');
                // A field that is too long ends with an error, where it was cut.
                let _ = write(&mut Shown::new(self.line, Within::Json));
                self.line.push('"');
            }
            Style::Text { coloured } => self.for_people(name, coloured, write),
        }
    }

    /// A value that JSON writes without quotes.
    fn bare(&mut self, name: &str, value: &str) {
        match self.style {
            Style::Json => {
                self.key(name);
                self.line.push_str(value);
            }
            Style::Text { coloured } => self.for_people(name, coloured, |shown| shown.write_str(value)),
        }
    }

    fn key(&mut self, name: &str) {
        // Names stand in the source, ours and that of libraries: they need no looking at.
        for piece in [",\"", name, "\":"] {
            self.line.push_str(piece);
        }
    }

    fn for_people(&mut self, name: &str, coloured: bool, write: impl FnOnce(&mut Shown<'_>) -> fmt::Result) {
        if name == MESSAGE || SAID.contains(&name) {
            return;
        }
        let (dim, plain) = if coloured { (DIM, PLAIN) } else { ("", "") };
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

/// The fields of an event.
impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        match self.style {
            Style::Json if value.is_finite() => self.bare(field.name(), &value.to_string()),
            Style::Json => self.bare(field.name(), "null"),
            Style::Text { .. } => self.record_debug(field, &value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field.name(), itoa::Buffer::new().format(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field.name(), if value { "true" } else { "false" });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.written(field.name(), |shown| write!(shown, "{value:?}"));
    }
}

/// The sentence of an event, which people read first, wherever it stands among the fields.
pub(super) struct Sentence<'f, 'l>(pub(super) &'f mut Fields<'l>);

impl Visit for Sentence<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == MESSAGE {
            self.0.said(|shown| write!(shown, "{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            self.0.said(|shown| shown.write_str(value));
        }
    }
}
