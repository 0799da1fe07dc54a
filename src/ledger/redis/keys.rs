//! How things are called in Redis, and the scripts that work on them.

use std::sync::Arc;

use redis::{Cmd, cmd};

use crate::ledger::intent::{IdempotencyKey, Intent};
use crate::ledger::record::LedgerId;
use crate::ledger::store::Which;

/// Writes a record down.
pub(super) const INSERT: &str = concat!(include_str!("usage.lua"), include_str!("insert.lua"));
/// Writes an outcome down.
pub(super) const SETTLE: &str = concat!(include_str!("usage.lua"), include_str!("settle.lua"));
/// Writes down how far a job has come.
pub(super) const JOB: &str = concat!(include_str!("usage.lua"), include_str!("job.lua"));
/// Changes one field.
pub(super) const MARK: &str = include_str!("mark.lua");
/// Yields the calls of an index.
pub(super) const CALLS: &str = include_str!("calls.lua");
/// Yields the call that a key names.
pub(super) const CALL_OF: &str = include_str!("call_of.lua");
/// Says that a process is alive.
pub(super) const ALIVE: &str = include_str!("alive.lua");

/// Makes keys. All begin with the same prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys(pub(super) Arc<str>);

impl Keys {
    pub(super) fn call(&self, id: &LedgerId) -> String {
        format!("{}call:{id}", self.0)
    }

    pub(super) fn answer(&self, id: &LedgerId) -> String {
        format!("{}answer:{id}", self.0)
    }

    /// Says of a call that nobody waits for it to be written down any more.
    pub(super) fn given_up(&self, id: &LedgerId) -> String {
        format!("{}given_up:{id}", self.0)
    }

    pub(super) fn calls(&self) -> String {
        format!("{}calls", self.0)
    }

    pub(super) fn open(&self, instance: &str) -> String {
        format!("{}open:{instance}", self.0)
    }

    pub(super) fn instances(&self) -> String {
        format!("{}instances", self.0)
    }

    pub(super) fn request_id(&self, id: &str) -> String {
        format!("{}request_id:{id}", self.0)
    }

    pub(super) fn job(&self, id: &str) -> String {
        format!("{}job:{id}", self.0)
    }

    pub(super) fn unfinished(&self) -> String {
        format!("{}unfinished", self.0)
    }

    /// What clients have had made on a day, counted from the epoch.
    pub(super) fn usage(&self, day: i64) -> String {
        format!("{}usage:{day}", self.0)
    }

    /// The index that finds what a call may be a twin of. Neither names nor keys hold the byte between them.
    pub(super) fn index(&self, intent: &Intent) -> String {
        let Intent { client, operation, fingerprint, .. } = intent;
        match &intent.key {
            Some(key) => format!("{}key:{client}\0{operation}\0{}", self.0, key.as_str()),
            None => format!("{}request:{client}\0{fingerprint}", self.0),
        }
    }

    /// The same, where it is looked for.
    pub(super) fn index_of(&self, which: &Which) -> Option<String> {
        match which {
            Which::Id(_) => None,
            Which::Key { client, operation, key, .. } => {
                Some(format!("{}key:{client}\0{operation}\0{}", self.0, IdempotencyKey::as_str(key)))
            }
            Which::Request { client, fingerprint, .. } | Which::Oldest { client, fingerprint, .. } => {
                Some(format!("{}request:{client}\0{fingerprint}", self.0))
            }
        }
    }
}

/// A script over these keys. Its text goes along: a server that was restarted does not know it.
pub(super) fn script(text: &str, keys: &[String]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(keys.len()).arg(keys);
    command
}
