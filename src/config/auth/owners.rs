//! Which keys share videos: those of one group, and a key with the names it had before. Pure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Key;
use crate::config::reader::Section;

/// The keys, each with every name under which its videos may be recorded. Reports names that two keys would share
/// without being of one group. `section`: `[auth]`.
pub(super) fn shared(keys: Vec<Key>, section: &Section<'_>) -> Vec<Key> {
    report_ambiguous_names(&keys, section);
    let mut groups = HashMap::<Arc<str>, BTreeSet<Arc<str>>>::new();
    for key in &keys {
        if let Some(group) = &key.group {
            groups.entry(Arc::clone(group)).or_default().extend(key.recorded_names().cloned());
        }
    }
    let owners = |key: &Key| -> Arc<[Arc<str>]> {
        match key.group.as_ref().and_then(|group| groups.get(group)) {
            Some(names) => names.iter().cloned().collect(),
            None => key.recorded_names().cloned().collect(),
        }
    };
    keys.into_iter().map(|key| Key { owners: owners(&key), ..key }).collect()
}

fn report_ambiguous_names(keys: &[Key], section: &Section<'_>) {
    let mut heirs = HashMap::<&str, &Key>::new();
    for key in keys {
        let path = || format!("auth.keys.{}.formerly", key.name);
        for name in &key.formerly {
            if keys.iter().any(|other| other.name == *name) {
                let what = format!(
                    "\"{name}\" is the name of a configured key (remove that key, or let both share with \
                     group = \"NAME\")"
                );
                section.problem_at(path(), what);
            }
            let other =
                heirs.insert(name, key).filter(|other| other.group.is_none() || other.group != key.group);
            if let Some(other) = other {
                let what = format!(
                    "\"{name}\" is formerly of the key \"{}\" too (leave it to one of them, or let both share with \
                     group = \"NAME\")",
                    other.name
                );
                section.problem_at(path(), what);
            }
        }
    }
}
