//! Walks a TOML document key by key, and gathers every mistake on the way instead of stopping at the first.
//!
//! Each getter takes the default that stands in for an absent or wrong value, so that reading goes on. What
//! was never asked for is an unknown key; [`Section::finish`] reports it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use axum::http::HeaderName;
use bytesize::ByteSize;
use toml::{Table, Value};

use crate::credential_name::is_credential;

/// One mistake in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as dotted keys.
    pub path: String,
    /// What is wrong, and in parentheses what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// What reading a document has brought to light so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    problems: RefCell<Vec<Problem>>,
    asked: RefCell<BTreeSet<String>>,
}

impl Notes {
    pub(super) fn problem(&self, path: impl Into<String>, what: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { path: path.into(), what: what.into() });
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// Every key that was asked for, present or not, with `*` for names chosen by the operator.
    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }
}

/// One table of the document.
#[derive(Debug)]
pub(super) struct Section<'a> {
    path: String,
    /// The path with `*` for names chosen by the operator.
    pattern: String,
    table: Option<&'a Table>,
    asked: BTreeSet<&'static str>,
    notes: &'a Notes,
}

impl<'a> Section<'a> {
    pub(super) fn root(table: &'a Table, notes: &'a Notes) -> Self {
        Self {
            path: String::new(),
            pattern: String::new(),
            table: Some(table),
            asked: BTreeSet::new(),
            notes,
        }
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    /// Reports a mistake in one of the section's values.
    pub(super) fn problem(&self, key: &str, what: impl Into<String>) {
        self.notes.problem(self.path_of(key), what);
    }

    /// Reports a mistake that only shows between sections; `path` starts at the root.
    pub(super) fn problem_at(&self, path: impl Into<String>, what: impl Into<String>) {
        self.notes.problem(path, what);
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.asked.insert(key);
        self.notes.asked.borrow_mut().insert(joined(&self.pattern, key));
        self.table.and_then(|table| table.get(key))
    }

    /// Reads a value with `read`; a value it refuses is reported with `right`.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        right: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let read = read(value);
        if read.is_none() {
            self.problem(key, format!("{} is not allowed ({right})", shown(value)));
        }
        read
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.read(key, "use a text in quotes", |value| value.as_str().filter(|text| !text.is_empty()))
    }

    /// A text that may be empty, for values where empty means something.
    pub(super) fn any_text(&mut self, key: &'static str) -> Option<&'a str> {
        self.read(key, "use a text in quotes", Value::as_str)
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.read(key, "use true or false", Value::as_bool).unwrap_or(default)
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(key, "use a list of texts, such as [\"a\", \"b\"]", |value| {
            let texts = value.as_array()?.iter().map(|item| Some(item.as_str()?.to_owned()));
            texts.collect()
        })
    }

    pub(super) fn number(&mut self, key: &'static str, default: u32, allowed: RangeInclusive<u32>) -> u32 {
        let right = format!("use a whole number from {} to {}", allowed.start(), allowed.end());
        self.read(key, &right, |value| in_range(value, &allowed)).unwrap_or(default)
    }

    /// A time such as `"10s"` or `"1m 30s"`; never zero.
    pub(super) fn duration(&mut self, key: &'static str, default: Duration) -> Duration {
        self.read(key, "use a time above zero with its unit, such as \"500ms\", \"10s\" or \"2m\"", |value| {
            humantime::parse_duration(value.as_str()?).ok().filter(|time| !time.is_zero())
        })
        .unwrap_or(default)
    }

    /// As [`Self::duration`], or zero.
    pub(super) fn duration_or_zero(&mut self, key: &'static str, default: Duration) -> Duration {
        let right = "use a time with its unit, such as \"0s\", \"500ms\" or \"10s\"";
        self.time(key, right).unwrap_or(default)
    }

    /// As [`Self::duration`]; `None` for `"0s"`, which turns off what the time is for.
    pub(super) fn duration_or_off(
        &mut self,
        key: &'static str,
        default: Option<Duration>,
    ) -> Option<Duration> {
        let right =
            "use a time with its unit, such as \"500ms\", \"10s\" or \"2m\", or \"0s\" for not at all";
        self.time(key, right).map_or(default, |time| Some(time).filter(|time| !time.is_zero()))
    }

    /// As [`Self::duration`]; `None` for `"forever"`.
    pub(super) fn duration_or_forever(
        &mut self,
        key: &'static str,
        default: Option<Duration>,
    ) -> Option<Duration> {
        let right = "use a time above zero with its unit, such as \"365days\", or \"forever\"";
        let read = self.read(key, right, |value| match value.as_str()? {
            "forever" => Some(None),
            text => humantime::parse_duration(text).ok().filter(|time| !time.is_zero()).map(Some),
        });
        read.unwrap_or(default)
    }

    fn time(&mut self, key: &'static str, right: &str) -> Option<Duration> {
        self.read(key, right, |value| humantime::parse_duration(value.as_str()?).ok())
    }

    /// A number of bytes: a plain number, or a text such as `"32MiB"`; never zero.
    pub(super) fn bytes(&mut self, key: &'static str, default: u64) -> u64 {
        self.read(key, "use a number of bytes above zero, such as 65536 or \"32MiB\"", |value| {
            let bytes = match value.as_integer() {
                Some(bytes) => u64::try_from(bytes).ok()?,
                None => ByteSize::from_str(value.as_str()?).ok()?.as_u64(),
            };
            Some(bytes).filter(|&bytes| bytes > 0)
        })
        .unwrap_or(default)
    }

    /// As [`Self::bytes`], for what must fit into memory.
    pub(super) fn length(&mut self, key: &'static str, default: usize) -> usize {
        usize::try_from(self.bytes(key, default as u64)).unwrap_or(usize::MAX)
    }

    /// One of a closed list of words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], default: T) -> T {
        self.optional_choice(key, words).unwrap_or(default)
    }

    pub(super) fn optional_choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.read(key, &format!("use one of {}", names.join(", ")), |value| {
            let text = value.as_str()?;
            words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
        })
    }

    /// A text that some type can parse.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &'static str, right: &str) -> Option<T> {
        self.read(key, right, |value| value.as_str()?.parse().ok())
    }

    pub(super) fn header_names(&mut self, key: &'static str) -> Vec<HeaderName> {
        let mut headers = Vec::new();
        for name in self.texts(key).unwrap_or_default() {
            match name.parse::<HeaderName>() {
                Ok(name) if NEVER_LISTED.contains(&name.as_str()) => {
                    self.problem(key, format!("\"{name}\" must not cross the gateway (remove it)"));
                }
                Ok(name) => headers.push(name),
                Err(_) => self.problem(key, format!("\"{name}\" is no header name (remove it)")),
            }
        }
        headers
    }

    /// As [`Self::header_names`], of headers that go to the client as the upstream sent them.
    pub(super) fn answer_header_names(&mut self, key: &'static str) -> Vec<HeaderName> {
        let mut headers = self.header_names(key);
        headers.retain(|name| {
            let is_ours = name.as_str().starts_with("access-control-");
            if is_ours {
                let what = format!(
                    "\"{name}\" is not allowed: which pages may read answers is not for the upstream to say \
                     (remove it, and name their sites in [cors] origins)"
                );
                self.problem(key, what);
            }
            !is_ours
        });
        headers
    }

    /// As [`Self::header_names`], of headers that go upstream as the client sent them.
    pub(super) fn request_header_names(&mut self, key: &'static str) -> Vec<HeaderName> {
        let mut headers = self.header_names(key);
        headers.retain(|name| {
            let is_kept_back = is_credential(name.as_str());
            if is_kept_back {
                let what = format!(
                    "\"{name}\" names a credential, and a client's credential never goes upstream as it came \
                     (remove it; the upstream gets its key in credential_header)"
                );
                self.problem(key, what);
            }
            !is_kept_back
        });
        headers
    }

    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        let table = self.read(key, "use a table, such as [name] or { key = \"value\" }", Value::as_table);
        Section {
            path: self.path_of(key),
            pattern: joined(&self.pattern, key),
            table,
            asked: BTreeSet::new(),
            notes: self.notes,
        }
    }

    /// A table that means something by being there.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Section<'a>> {
        self.value(key).is_some().then(|| self.section(key)).filter(|section| section.table.is_some())
    }

    /// The tables below a key, by the names the operator chose, in order of name.
    pub(super) fn named_sections(&mut self, key: &'static str) -> Vec<(&'a str, Section<'a>)> {
        let parent = self.section(key);
        let Some(table) = parent.table else { return Vec::new() };
        let mut sections = Vec::new();
        for (name, value) in table {
            let Some(inner) = value.as_table() else {
                parent.problem(name, format!("{} is not allowed (use a table)", shown(value)));
                continue;
            };
            let section = Section {
                path: parent.path_of(name),
                pattern: format!("{}.*", parent.pattern),
                table: Some(inner),
                asked: BTreeSet::new(),
                notes: self.notes,
            };
            sections.push((name.as_str(), section));
        }
        sections
    }

    /// Reports every key that nothing asked for.
    pub(super) fn finish(self) {
        for key in self.table.into_iter().flat_map(Table::keys) {
            if !self.asked.contains(key.as_str()) {
                self.problem(key, format!("unknown key ({})", suggestion(key, &self.asked)));
            }
        }
    }
}

/// Headers of one hop, of framing, and of other people's secrets.
const NEVER_LISTED: &[&str] = &[
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
];

fn in_range(value: &Value, allowed: &RangeInclusive<u32>) -> Option<u32> {
    let number = u32::try_from(value.as_integer()?).ok()?;
    Some(number).filter(|number| allowed.contains(number))
}

pub(super) fn joined(path: &str, key: &str) -> String {
    // A dotted key would otherwise read as two.
    let key = if key.contains('.') { format!("\"{key}\"") } else { key.to_owned() };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// A value as the operator wrote it, without flooding the terminal.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Table(_) => "a table".to_owned(),
        Value::Array(_) => "a list with these items".to_owned(),
        Value::String(text) => format!("\"{text}\""),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.to_string(),
    };
    text.chars().take(SHOWN_MAX).collect()
}

/// Characters of a wrong value that a problem repeats.
const SHOWN_MAX: usize = 80;

fn suggestion(key: &str, known: &BTreeSet<&'static str>) -> String {
    let near = known.iter().map(|name| (strsim::damerau_levenshtein(key, name), name)).min();
    match near {
        Some((distance, name)) if distance <= 1 + key.len() / 3 => format!("did you mean \"{name}\"?"),
        _ => {
            let names: Vec<&str> = known.iter().copied().collect();
            format!("known keys here: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str, read: impl FnOnce(&mut Section<'_>)) -> Vec<String> {
        let table: Table = toml::from_str(text).expect("TOML");
        let notes = Notes::default();
        let mut section = Section::root(&table, &notes);
        read(&mut section);
        section.finish();
        notes.into_problems().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn every_mistake_is_reported_with_its_path_and_what_would_be_right() {
        let found = problems("a = 0\nb = \"soon\"\nc = \"maybe\"\nlisten_adr = \"x\"\n[d]\ne = 1", |root| {
            root.number("a", 1, 1..=5);
            root.duration("b", Duration::from_secs(1));
            root.choice("c", &[("yes", true), ("no", false)], true);
            root.text("listen_addr");
            let mut inner = root.section("d");
            inner.flag("e", false);
            inner.finish();
        });
        assert_eq!(
            found,
            [
                "a: 0 is not allowed (use a whole number from 1 to 5)",
                "b: \"soon\" is not allowed (use a time above zero with its unit, such as \"500ms\", \"10s\" or \"2m\")",
                "c: \"maybe\" is not allowed (use one of \"yes\", \"no\")",
                "d.e: 1 is not allowed (use true or false)",
                "listen_adr: unknown key (did you mean \"listen_addr\"?)",
            ]
        );
    }

    #[test]
    fn sizes_may_be_numbers_or_texts() {
        let table: Table = toml::from_str("a = 1024\nb = \"32MiB\"").expect("TOML");
        let notes = Notes::default();
        let mut root = Section::root(&table, &notes);
        assert_eq!((root.bytes("a", 1), root.bytes("b", 1), root.bytes("c", 7)), (1024, 32 << 20, 7));
    }

    #[test]
    fn a_name_with_a_dot_is_quoted_in_paths() {
        let found = problems("[models.\"wan-2.7\"]\nx = 1", |root| {
            for (_, section) in root.named_sections("models") {
                section.finish();
            }
        });
        assert_eq!(found, ["models.\"wan-2.7\".x: unknown key (known keys here: )"]);
    }
}
