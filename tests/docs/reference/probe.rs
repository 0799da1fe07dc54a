//! Asking the reader of configurations what it takes.

use std::collections::HashMap;
use std::path::Path;

use reelgate::config::Config;
use reelgate::config::secret::Sources;
use toml::{Table, Value};

use super::entry::{Entry, Key};

/// A time of day without a date: TOML has it, and no key takes it.
const TAKEN_BY_NONE: &str = "07:32:00";

/// What counts where the key is left away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// The value that the file shows.
    Shown,
    /// Nothing: what it would do is not done. The shown value is an example.
    Nothing,
    /// The file cannot be used.
    Wrong,
}

/// Asks, and knows the values that the file shows.
pub(super) struct Probe(HashMap<String, Value>);

impl Probe {
    /// Over the entries of the file.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let keys = entries.iter().filter_map(|entry| match entry {
            Entry::Key(key) => Some((key.path.clone(), value(&key.shown))),
            Entry::Part(_) | Entry::Section { .. } | Entry::Text(_) => None,
        });
        Self(keys.collect())
    }

    /// What the reader says would be right for the key, as in "use true or false".
    pub(super) fn right(&self, key: &Key) -> String {
        let problems = parsed(&with(key, &value(TAKEN_BY_NONE))).err().unwrap_or_default();
        let told = told(&problems, &key.path);
        let right =
            told.and_then(|told| told.split_once(" (")).and_then(|(_, right)| right.strip_suffix(')'));
        right.map_or_else(|| kind(&value(&key.shown)).to_owned(), str::to_owned)
    }

    /// What counts where the key is left away.
    pub(super) fn absent(&self, key: &Key) -> Absent {
        if !key.optional {
            return Absent::Shown;
        }
        let with = with(key, &value(&key.shown));
        // Its table stays: it may mean something by being there.
        let mut without = with.clone();
        remove(&mut without, &key.path);
        match (self.completed(with, key), self.completed(without, key)) {
            (_, Err(problems)) if told(&problems, &key.path).is_some_and(is_missing) => Absent::Wrong,
            (Ok(with), Ok(without)) if with == without => Absent::Shown,
            _ => Absent::Nothing,
        }
    }

    /// Reads the document, with whatever else the reader misses in it.
    fn completed(&self, mut document: Table, key: &Key) -> Result<String, String> {
        loop {
            let problems = match parsed(&document) {
                Ok(config) => return Ok(config),
                Err(problems) => problems,
            };
            let missing = self
                .0
                .iter()
                .find(|(path, _)| **path != key.path && told(&problems, path).is_some_and(is_missing));
            let Some((path, value)) = missing else { return Err(problems) };
            insert(&mut document, path, value.clone());
        }
    }
}

/// What is wrong with the key at this path.
fn told<'p>(problems: &'p str, path: &str) -> Option<&'p str> {
    problems.lines().find_map(|line| line.strip_prefix(path)?.strip_prefix(": "))
}

fn is_missing(told: &str) -> bool {
    told.starts_with("missing")
}

fn remove(document: &mut Table, path: &str) {
    let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = Some(document);
    for step in above.split('.').filter(|step| !step.is_empty()) {
        table = table.and_then(|table| table.get_mut(step)).and_then(Value::as_table_mut);
    }
    table.map(|table| table.remove(name));
}

/// A value as it stands in the file.
fn value(text: &str) -> Value {
    let table: Table =
        toml::from_str(&format!("x = {text}")).unwrap_or_else(|error| panic!("{text}: {error}"));
    table.get("x").expect("the value").clone()
}

/// A word for values that the reader looks at more closely than at their type.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// The smallest file in which the key's table means something.
fn surroundings(key: &Key) -> Table {
    let mut text =
        "[upstreams.main]\nbase_url = \"https://api.example.com/v1\"\n[models.example]\n".to_owned();
    if key.path.starts_with("auth.key") {
        let hash = "0".repeat(64);
        text = text.replace("[models", "credential = { env = \"KEY\" }\n[models");
        text += &format!("[auth]\nmode = \"keys\"\n[auth.keys.example]\nsha256 = \"{hash}\"\n");
    }
    toml::from_str(&text).expect("TOML")
}

/// The smallest file with the key at this value.
fn with(key: &Key, value: &Value) -> Table {
    let mut document = surroundings(key);
    insert(&mut document, &key.path, value.clone());
    document
}

fn insert(document: &mut Table, path: &str, value: Value) {
    let mut table = document;
    let mut steps: Vec<&str> = path.split('.').collect();
    let last = steps.pop().expect("a name");
    for step in steps {
        let inner = table.entry(step).or_insert_with(|| Value::Table(Table::new()));
        table = inner.as_table_mut().expect("a table");
    }
    table.insert(last.to_owned(), value);
}

/// The whole configuration as text, or every problem of it.
fn parsed(document: &Table) -> Result<String, String> {
    let var = |_: &str| Some("sk-of-the-environment".to_owned());
    let file = |_: &Path| Ok("sk-of-a-file".to_owned());
    let sources = Sources { var: &var, file: &file };
    let config = Config::parse(&document.to_string(), Path::new(""), sources);
    config.map(|config| format!("{config:?}")).map_err(|problems| problems.to_string())
}
