//! Secrets, and the only two places they may come from: the environment and files.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::reader::Section;

/// A text that must never be shown. Its `Debug` prints stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// A text that may hold a secret and turned out not to.
    pub(super) fn written(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"***\"")
    }
}

/// The outside world as far as a configuration needs it; tests pass their own.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Looks up an environment variable.
    pub var: &'a dyn Fn(&str) -> Option<String>,
    /// Reads a whole text file.
    pub file: &'a dyn Fn(&Path) -> io::Result<String>,
}

impl Sources<'static> {
    /// The process's own environment and file system.
    #[must_use]
    pub fn process() -> Self {
        Self { var: &|name| std::env::var(name).ok(), file: &|path| std::fs::read_to_string(path) }
    }
}

/// Reads `{ env = "NAME" }` or `{ file = "PATH" }`.
pub(super) fn read(mut section: Section<'_>, sources: Sources<'_>) -> Option<Secret> {
    let secret = source(&mut section, sources).map(|(_, secret)| secret);
    section.finish();
    secret
}

/// Reads the same from a table that has other keys as well. Yields which of the two it was.
pub(super) fn source(section: &mut Section<'_>, sources: Sources<'_>) -> Option<(&'static str, Secret)> {
    let (env, file) = (section.text("env"), section.text("file"));
    let (key, value) = match (env, file) {
        (Some(name), None) => {
            let value = (sources.var)(name);
            if value.is_none() {
                section.problem("env", format!("the variable {name} is not set (set it, or name another)"));
            }
            ("env", value?)
        }
        (None, Some(path)) => match (sources.file)(Path::new(path)) {
            Ok(value) => ("file", value),
            Err(error) => {
                section.problem("file", format!("{path} cannot be read: {error} (name a readable file)"));
                return None;
            }
        },
        (None, None) | (Some(_), Some(_)) => {
            section.problem("env", "a secret has one source (use either env or file)");
            return None;
        }
    };
    // Editors end files with a newline; no key contains one.
    let text = value.trim();
    let sendable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if !sendable {
        let what = "the secret is empty or has characters no header can carry (use visible ASCII)";
        section.problem(key, what);
    }
    sendable.then(|| (key, Secret(text.into())))
}
