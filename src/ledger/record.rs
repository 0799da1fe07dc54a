//! What is written down about one paid call.

use std::fmt;
use std::sync::Arc;

use super::digits::in_hex;
use super::intent::{Details, Intent};
use super::operation::Operation;
use super::time::Timestamp;
use super::words;
use crate::budget::{Charge, Cost};
use crate::metrics::Order;

/// Identifies a record: `lg_` and 32 hex digits, of which the first twelve are the time, so that ids sort. The rest
/// cannot be guessed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LedgerId(pub(crate) Arc<str>);

impl LedgerId {
    /// Before those of calls that are claimed then or later, and behind all others.
    #[must_use]
    pub(crate) fn first_at(time: Timestamp) -> Self {
        Self(format!("lg_{:012x}", time.0).into())
    }

    /// As it stands in headers, messages and on the command line.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes ids that sort as they were made, also within a millisecond.
#[derive(Debug, Default)]
pub(crate) struct LedgerIds {
    /// The latest one's time.
    at: Timestamp,
    /// The rest of it.
    tail: u128,
}

impl LedgerIds {
    /// The next one.
    pub(crate) fn next(&mut self, now: Timestamp) -> LedgerId {
        self.tail = if self.tail > 0 && self.at == now {
            self.tail + 1 + u128::from(fastrand::u64(..))
        } else {
            // Half of what 80 bits can be, for those of the same millisecond come behind it.
            fastrand::u128(..1 << 79)
        };
        self.at = now;
        let number = u128::from(now.0.unsigned_abs()) << 80 | self.tail;
        LedgerId(in_hex("lg_", &number.to_be_bytes()))
    }
}

words! {
    /// What is known about a call.
    pub(crate) enum State {
        /// It is written down, and may be under way.
        Open = "open",
        /// The upstream took it.
        Accepted = "accepted",
        /// It was definitely not taken: nobody pays.
        Refused = "refused",
        /// It may have been taken: the answer was lost, came too late, or left it open.
        Unknown = "unknown",
    }
}

words! {
    /// How far an accepted job has come, as far as anybody looked.
    pub(crate) enum JobStatus {
        /// It waits.
        Queued = "queued",
        /// It is being made.
        InProgress = "in_progress",
        /// The video is there.
        Completed = "completed",
        /// There will be no video.
        Failed = "failed",
        /// The client deleted it.
        Deleted = "deleted",
        /// A word of the upstream's that is none of the above. SDKs stop asking at any such; the job may go on.
        Other = "other",
    }
}

impl JobStatus {
    /// Whether the upstream works on it no more.
    #[must_use]
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::InProgress | Self::Other => false,
            Self::Completed | Self::Failed | Self::Deleted => true,
        }
    }
}

/// An error object's two parts that support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `code`, or our own word where there was no answer.
    pub code: Option<String>,
    /// `message`.
    pub message: Option<String>,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// What is known.
    pub state: State,
    /// Times the upstream was asked.
    pub attempts: u32,
    /// Status of the upstream's answer, if there was one.
    pub status: Option<u16>,
    /// Id of the job that was started.
    pub job_id: Option<String>,
    /// How far that job has come.
    pub job_status: Option<JobStatus>,
    /// `x-request-id` of the upstream's answer.
    pub upstream_request_id: Option<String>,
    /// What went wrong, with the call or later with its job.
    pub fault: Fault,
}

impl Outcome {
    /// Nothing yet.
    #[must_use]
    pub(crate) fn open() -> Self {
        Self::without_answer(State::Open, Fault::default())
    }

    /// One without an answer of the upstream's.
    #[must_use]
    pub(crate) fn without_answer(state: State, fault: Fault) -> Self {
        Self {
            state,
            attempts: 0,
            status: None,
            job_id: None,
            job_status: None,
            upstream_request_id: None,
            fault,
        }
    }

    /// Whether a later try with the same idempotency key must be told this outcome. A refusal that only was
    /// about the moment frees the key; one that was about the request stands.
    #[must_use]
    pub(crate) fn stands(&self) -> bool {
        match self.state {
            State::Open | State::Accepted | State::Unknown => true,
            State::Refused => self.status.is_some_and(|status| !is_momentary(status)),
        }
    }
}

/// Whether a status speaks of the moment, or of who pays, and not of the request: asked again, the same request may
/// pass. With 502 an upstream refuses that does not say why.
pub(crate) const fn is_momentary(status: u16) -> bool {
    matches!(status, 401..=403 | 409 | 425 | 429 | 502 | 503 | 529)
}

/// Everything about one paid call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// Its id.
    pub id: LedgerId,
    /// When it was written down, before it left.
    pub at: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Who asked for what.
    pub intent: Intent,
    /// What was sent where.
    pub details: Details,
    /// What became of it.
    pub outcome: Outcome,
    /// The process that made the call.
    pub instance: Arc<str>,
    /// Whether the client was gone before it was answered.
    pub client_left: bool,
    /// How often later tries were answered from this record.
    pub replays: u32,
}

/// A job that some upstream took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    /// Its id at the upstream.
    pub id: Arc<str>,
    /// The upstream that has it.
    pub upstream: Arc<str>,
    /// The configured name of its model.
    pub model: Option<Arc<str>>,
    /// The name by which the client ordered the model, where it named one.
    pub model_named: Option<Arc<str>>,
    /// Whose it is.
    pub client: Arc<str>,
    /// When it was asked for.
    pub since: Timestamp,
    /// How far it has come, as far as anybody looked.
    pub status: JobStatus,
    /// The call that started it.
    pub operation: Operation,
    /// Size of its video, such as `1280x720`.
    pub size: Option<String>,
    /// What was paid for.
    pub cost: Cost,
}

// === impl Job ===

impl Job {
    /// What was asked for, to be counted.
    pub(crate) fn order(&self) -> Order<'_> {
        Order { model: self.model.as_deref(), seconds: self.cost.seconds, price: self.cost.price }
    }

    /// What it took of its client's budget.
    pub(crate) fn charge(&self) -> Charge {
        Charge { key: Arc::clone(&self.client), amount: self.cost.amount(), at: self.since.system() }
    }
}

// === impl Record ===

impl Record {
    /// What it asked for.
    pub(crate) fn cost(&self) -> Cost {
        Cost { seconds: self.details.seconds, price: self.details.price }
    }

    /// Whether it counts as made. What may have been made does.
    pub(crate) fn is_used(&self) -> bool {
        self.outcome.state != State::Refused && self.outcome.job_status != Some(JobStatus::Failed)
    }

    /// Whether it has made a video, or is making one.
    pub(crate) fn is_video(&self) -> bool {
        self.outcome.job_id.is_some() && self.intent.operation.makes_job()
    }

    /// Whether its upstream may still have what it made.
    pub(crate) fn may_have_job(&self) -> bool {
        self.outcome.job_id.is_some() && self.outcome.job_status != Some(JobStatus::Deleted)
    }

    /// The job that was started, or the character that was made, if its id is known.
    pub(crate) fn job(&self) -> Option<Job> {
        let id = self.outcome.job_id.as_deref()?;
        Some(Job {
            id: id.into(),
            upstream: Arc::clone(&self.details.upstream),
            model: self.details.model.clone(),
            model_named: self.details.model_named.clone(),
            client: Arc::clone(&self.intent.client),
            since: self.at,
            status: self.outcome.job_status.unwrap_or(self.intent.operation.first_status()),
            operation: self.intent.operation,
            size: self.details.size.clone(),
            cost: self.cost(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_they_were_made_and_do_not_repeat() {
        let mut ids = LedgerIds::default();
        let made: Vec<LedgerId> = (0..1000).map(|index| ids.next(Timestamp(1000 + index / 100))).collect();
        assert!(made.is_sorted_by(|earlier, later| earlier < later), "{made:?}");
        assert!(made.iter().all(|id| id.as_str().len() == 35), "{made:?}");
        assert_ne!(LedgerIds::default().next(Timestamp(1000)), made[0]);
    }

    #[test]
    fn a_job_is_over_where_its_upstream_works_on_it_no_more() {
        assert!(!JobStatus::InProgress.is_final() && JobStatus::Deleted.is_final());
    }

    #[test]
    fn a_refusal_about_the_request_stands_and_one_about_the_moment_does_not() {
        let refused = |status| {
            let outcome = Outcome::without_answer(State::Refused, Fault::default());
            Outcome { status, ..outcome }.stands()
        };
        for status in [400, 404, 413, 422] {
            assert!(refused(Some(status)), "{status}");
        }
        for status in [
            None,
            Some(401),
            Some(402),
            Some(403),
            Some(409),
            Some(425),
            Some(429),
            Some(502),
            Some(503),
            Some(529),
        ] {
            assert!(!refused(status), "{status:?}");
        }
    }
}
