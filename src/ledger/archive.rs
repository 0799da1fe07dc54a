//! Records as people read them: without the gateway, or beside it.

use std::fmt;

use super::intent::IdempotencyKey;
use super::record::{LedgerId, Record, State};
use super::settlement::Answer;
use super::time::Timestamp;

/// What holds the records, opened for reading only.
pub(crate) trait Archive {
    /// The records that pass, newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    fn list(&mut self, filter: &Filter) -> Result<Vec<Record>, Unreadable>;

    /// The records with this id: their own, their job's, or their request's. Newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    fn find(&mut self, id: &str) -> Result<Vec<Record>, Unreadable>;

    /// The answer that was kept with a record, if it still is.
    ///
    /// # Errors
    /// If it cannot be read.
    fn answer(&mut self, id: &LedgerId) -> Result<Option<Answer>, Unreadable>;
}

/// Which records to list. What is not set is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// What is known about the call.
    pub state: Option<State>,
    /// Who asked.
    pub client: Option<String>,
    /// Configured name of the model.
    pub model: Option<String>,
    /// The upstream that was asked.
    pub upstream: Option<String>,
    /// Not older.
    pub since: Option<Timestamp>,
    /// Not younger.
    pub until: Option<Timestamp>,
    /// Id of the job.
    pub job: Option<String>,
    /// The idempotency key.
    pub key: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// Records that cannot be read, in the words of whoever tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(super) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Filter {
    /// Whether a record passes, whatever the limit.
    pub(super) fn includes(&self, record: &Record) -> bool {
        let Record { intent, details, outcome, .. } = record;
        let is = |wanted: &Option<String>, text: Option<&str>| wanted.is_none() || wanted.as_deref() == text;
        self.state.is_none_or(|state| state == outcome.state)
            && is(&self.client, Some(&intent.client))
            && is(&self.model, details.model.as_deref())
            && is(&self.upstream, Some(&details.upstream))
            && self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at <= until)
            && is(&self.job, outcome.job_id.as_deref())
            && is(&self.key, intent.key.as_ref().map(IdempotencyKey::as_str))
    }
}
