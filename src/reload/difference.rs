//! What is different between two documents, section by section, for whoever reads the log.

use std::fmt;

use toml::{Table, Value};

/// What is different, as dotted keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    changed: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
    /// Outermost keys in which nothing is different.
    pub(super) kept: Vec<String>,
}

/// What is different in `new`. Shows no values: some are hashes of keys.
pub(super) fn between(old: &Table, new: &Table) -> Difference {
    let mut difference = Difference::default();
    difference.compare(&Path::default(), old, new);
    let same = |key: &&String| old.get(*key) == new.get(*key);
    difference.kept = new.keys().filter(same).cloned().collect();
    difference.kept.sort();
    difference
}

impl Difference {
    /// What is different below any of these keys.
    pub(super) fn below<'d>(&'d self, keys: &'d [&str]) -> Vec<&'d str> {
        let below = |path: &&str| {
            keys.iter().any(|key| {
                path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let all = self.changed.iter().chain(&self.added).chain(&self.removed);
        all.map(|path| &**path).filter(below).collect()
    }

    fn compare(&mut self, path: &Path, old: &Table, new: &Table) {
        for (key, value) in new {
            let path = path.to(key);
            match (old.get(key), value) {
                (None, _) => self.added.push(path.name),
                (Some(was), is) if was == is => {}
                (Some(Value::Table(was)), Value::Table(is)) if path.is_section() => {
                    self.compare(&path, was, is);
                }
                (Some(_), _) => self.changed.push(path.name),
            }
        }
        let gone = old.keys().filter(|key| !new.contains_key(*key));
        self.removed.extend(gone.map(|key| path.to(key).name));
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("changed", &self.changed), ("added", &self.added), ("removed", &self.removed)];
        let told: Vec<String> = parts
            .iter()
            .filter(|(_, paths)| !paths.is_empty())
            .map(|(what, paths)| format!("{what}: {}", paths.join(", ")))
            .collect();
        f.write_str(if told.is_empty() { "no setting is different" } else { "" })?;
        f.write_str(&told.join("; "))
    }
}

/// Where in a document something is.
#[derive(Clone, Debug, Default)]
struct Path {
    name: String,
    depth: usize,
}

impl Path {
    fn to(&self, key: &str) -> Self {
        // A dotted key would otherwise read as two.
        let key = if key.contains('.') { format!("\"{key}\"") } else { key.to_owned() };
        let name = if self.depth == 0 { key } else { format!("{}.{key}", self.name) };
        Self { name, depth: self.depth + 1 }
    }

    /// Whether a table is looked into: sections are, and what has a name in them is one thing.
    fn is_section(&self) -> bool {
        self.depth == 1 || self.name == "auth.keys"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> String {
        let [old, new] = [old, new].map(|text| toml::from_str(text).expect("TOML"));
        between(&old, &new).to_string()
    }

    #[test]
    fn a_difference_is_told_by_its_section() {
        for (old, new, expected) in [
            ("a = 1", "a = 1", "no setting is different"),
            ("a = 1", "a = 2", "changed: a"),
            (
                "[server]\ndrain = \"1s\"\nlog = \"info\"",
                "[server]\ndrain = \"2s\"",
                "changed: server.drain; removed: server.log",
            ),
            (
                "[models.a]\nseconds = [4]",
                "[models.a]\nseconds = [8]\n[models.\"b-1.5\"]",
                "changed: models.a; added: models.\"b-1.5\"",
            ),
            (
                "[auth.keys.a]\nsha256 = \"1\"",
                "[auth.keys.b]\nsha256 = \"1\"",
                "added: auth.keys.b; removed: auth.keys.a",
            ),
            (
                "[upstreams.a.retry]\nattempts = 1",
                "[upstreams.a.retry]\nattempts = 2",
                "changed: upstreams.a",
            ),
            ("[quota]\nmax_jobs = 1", "", "removed: quota"),
            ("auth = 1", "[auth]\nmode = \"open\"", "changed: auth"),
        ] {
            assert_eq!(told(old, new), expected);
        }
    }

    #[test]
    fn what_is_below_a_key_is_found_and_the_rest_is_kept() {
        let text = "[ledger]\nkeep = \"1d\"\n[ledgers]\na = 1\n[server]\nlisten = \"a\"\nlog = \"b\"\n[limits]\nhead = 1";
        let old: Table = toml::from_str(text).expect("TOML");
        let new = text.replace("1d", "2d").replace("\"a\"", "\"c\"").replace("a = 1", "a = 2");
        let difference = between(&old, &toml::from_str(&new).expect("TOML"));
        assert_eq!(difference.below(&["ledger", "server.listen"]), ["ledger.keep", "server.listen"]);
        assert_eq!(difference.kept, ["limits"]);
    }
}
