//! `config/default.toml`, line by line: headings, tables, keys, and what is said about them.

use std::collections::HashMap;

use toml::Value;

/// What stands in the file.
pub(super) enum Entry {
    /// A ruler with a title.
    Part(String),
    /// The head of a table, with what is said about it.
    Section { path: String, about: String },
    /// What is said about no key.
    Text(String),
    /// A key.
    Key(Key),
}

/// A key with its value, as the file shows it.
pub(super) struct Key {
    /// Dotted, with the example's name where the operator chooses one.
    pub(super) path: String,
    /// Its value in TOML.
    pub(super) shown: String,
    /// Whether it stands behind `#`.
    pub(super) optional: bool,
    /// What is said about it.
    pub(super) about: String,
    /// Another key whose text speaks of it too, where nothing is said about it alone.
    pub(super) beside: Option<String>,
}

/// Reads the file.
pub(super) fn entries(file: &str) -> Vec<Entry> {
    let mut reading = Reading::default();
    for line in file.lines() {
        reading.line(line);
    }
    reading.found
}

#[derive(Default)]
struct Reading {
    found: Vec<Entry>,
    section: String,
    /// What was said since the last blank line or key.
    said: Vec<String>,
    /// The last key that something was said about.
    spoken_of: Option<String>,
    /// The first key of each name, by the kind of its table: quotas are alike wherever they stand.
    first: HashMap<String, String>,
}

impl Reading {
    fn line(&mut self, line: &str) {
        if let Some(title) = line.strip_prefix("# ---") {
            let title = title.trim_matches(['-', ' ']);
            self.found.push(Entry::Part(title.to_owned()));
        } else if let Some(text) = line.strip_prefix("# ") {
            self.said.push(text.to_owned());
        } else if line.is_empty() || line == "#" {
            self.blank();
        } else {
            let setting = line.strip_prefix('#').unwrap_or(line);
            match setting.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(path) => self.head(path),
                None => self.key(setting, line.starts_with('#')),
            }
        }
    }

    fn blank(&mut self) {
        let text = std::mem::take(&mut self.said).join(" ");
        self.spoken_of = None;
        if !text.is_empty() {
            self.found.push(Entry::Text(text));
        }
    }

    fn head(&mut self, path: &str) {
        self.section = path.to_owned();
        self.spoken_of = None;
        let about = std::mem::take(&mut self.said).join(" ");
        self.found.push(Entry::Section { path: path.to_owned(), about });
    }

    fn key(&mut self, setting: &str, optional: bool) {
        let (name, shown) =
            setting.split_once(" = ").unwrap_or_else(|| panic!("no key and value: {setting}"));
        let path = if self.section.is_empty() { name.to_owned() } else { format!("{}.{name}", self.section) };
        let about = std::mem::take(&mut self.said).join(" ");
        if !about.is_empty() {
            self.spoken_of = Some(path.clone());
        }
        let like = self.first.get(&alike(&path)).cloned();
        let beside = if about.is_empty() { self.spoken_of.clone().or(like.clone()) } else { None };
        let key = Key { path: path.clone(), shown: shown.to_owned(), optional, about, beside };
        self.found.push(Entry::Key(key));
        if like.is_none() {
            self.first.insert(alike(&path), path.clone());
            self.inner(&path, shown, optional);
        }
    }

    /// The keys of a table written in one line.
    fn inner(&mut self, path: &str, shown: &str, optional: bool) {
        let document: toml::Table =
            toml::from_str(&format!("x = {shown}")).unwrap_or_else(|error| panic!("{path}: {error}"));
        let Some(Value::Table(table)) = document.get("x") else { return };
        for (key, value) in table {
            let (path, beside) = (format!("{path}.{key}"), self.spoken_of.clone());
            let shown = value.to_string();
            self.found.push(Entry::Key(Key { path, shown, optional, about: String::new(), beside }));
        }
    }
}

/// The key's name behind the last word of its table's: `quota.submit` for `auth.key_quota.submit`.
fn alike(path: &str) -> String {
    let mut steps = path.rsplit('.');
    let (name, table) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    format!("{}.{name}", table.rsplit('_').next().unwrap_or_default())
}
