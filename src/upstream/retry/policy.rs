//! Which attempts are followed by another. Pure: no clock, no randomness, no sockets.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::super::call::{Kind, Why};
use super::super::response_class::{Retryability, Said};
use crate::config::retry::Bare503;
use crate::config::upstreams::Upstream as Settings;
use crate::failure::{Failure, leaves_open};

/// What a repeat costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeatability {
    /// Nothing.
    Free,
    /// A second generation, if the first attempt was accepted.
    Paid,
    /// Nothing: it would be paid for, but the upstream knows repeats by their idempotency key.
    Recognised,
    /// Whatever the call does, done twice.
    Unknown,
}

/// What is known of an attempt that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) repeatability: Repeatability,
    /// The first is 1.
    pub(crate) attempt: u32,
    /// From the attempt's begin to its end.
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome<'a>,
}

/// What it came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome<'a> {
    Answered(Said),
    Unanswered(&'a Why),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This is what the client gets; whether its SDK asks again is left to it.
    Done,
    /// This is what the client gets, and all there is to be had: its SDK shall not ask again by itself.
    Spent,
    /// Another attempt, after a pause.
    Again { reason: Reason, wait: Wait },
}

/// How long the pause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// As long as the upstream asks for.
    Asked(Duration),
    /// Of our own choice.
    Backoff,
}

/// Why there is another attempt. A closed vocabulary, and so fit for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// 429
    RateLimited,
    /// 529
    Overloaded,
    /// 503
    Unavailable,
    /// 500 and its other kin, a bare 503 among them: what became of the request is open.
    ServerError,
    /// No connection.
    Connect,
    /// A connection that broke.
    Lost,
    /// No answer in time.
    Timeout,
    /// An answer that could not be read.
    Garbled,
}

impl Reason {
    /// Label of metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::ServerError => "server_error",
            Self::Connect => "connect",
            Self::Lost => "lost",
            Self::Timeout => "timeout",
            Self::Garbled => "garbled",
        }
    }

    /// Whether the attempt may have had its effect.
    pub(crate) const fn leaves_open(self) -> bool {
        match self {
            Self::RateLimited | Self::Overloaded | Self::Unavailable | Self::Connect => false,
            Self::ServerError | Self::Lost | Self::Timeout | Self::Garbled => true,
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            429 => Self::RateLimited,
            529 => Self::Overloaded,
            503 => Self::Unavailable,
            _ => Self::ServerError,
        }
    }
}

/// One upstream's rules.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    attempts: u32,
    submit: Vec<StatusCode>,
    fetch: Vec<StatusCode>,
    other: Vec<StatusCode>,
    bare_503: Bare503,
    longest_wait: Duration,
    within: Duration,
    idempotent: bool,
}

impl Policy {
    pub(crate) fn new(settings: &Settings) -> Self {
        let retry = &settings.retry;
        Self {
            attempts: retry.attempts,
            submit: retry.submit_statuses.clone(),
            fetch: retry.fetch_statuses.clone(),
            other: retry.other_statuses.clone(),
            bare_503: retry.bare_503,
            longest_wait: retry.retry_after_max,
            within: retry.retry_on_failure_within,
            idempotent: settings.idempotent,
        }
    }

    /// What a repeat of such a call costs.
    pub(crate) fn repeatability(&self, kind: Kind, method: &Method) -> Repeatability {
        match kind {
            Kind::Submit if self.idempotent => Repeatability::Recognised,
            Kind::Submit => Repeatability::Paid,
            Kind::Fetch => Repeatability::Free,
            Kind::Other if method.is_idempotent() => Repeatability::Free,
            Kind::Other => Repeatability::Unknown,
        }
    }

    /// What follows an attempt.
    pub(crate) fn judge(&self, ended: Ended<'_>) -> Verdict {
        let (reason, asked) = match ended.outcome {
            Outcome::Answered(said) => (self.reason_to_repeat_answer(ended.repeatability, said), said.wait),
            Outcome::Unanswered(Why::Failed(failure)) => {
                (reason_to_repeat(ended.repeatability, *failure), None)
            }
            // The client's fault.
            Outcome::Unanswered(Why::Rejected(_)) => (None, None),
        };
        let Some(reason) = reason.filter(|_| self.attempts > 1) else { return Verdict::Done };
        if asked.is_some_and(|wait| wait > self.longest_wait) {
            return Verdict::Done;
        }
        if ended.attempt >= self.attempts || self.is_too_late(&ended, reason) {
            return Verdict::Spent;
        }
        Verdict::Again { reason, wait: asked.map_or(Wait::Backoff, Wait::Asked) }
    }

    fn reason_to_repeat_answer(&self, repeatability: Repeatability, said: Said) -> Option<Reason> {
        if said.forbids || said.meaning != Retryability::Plain {
            return None;
        }
        let known = |statuses: &[StatusCode]| statuses.contains(&said.status);
        let bare_503 = self.is_open_503(said);
        let (repeats, reason) = match repeatability {
            Repeatability::Free => (known(&self.fetch), Reason::of_status(said.status)),
            // Whatever is listed: what is listed is the application's 503.
            Repeatability::Paid => (known(&self.submit) && !bare_503, Reason::of_status(said.status)),
            Repeatability::Unknown => (known(&self.other) && !bare_503, Reason::of_status(said.status)),
            Repeatability::Recognised if bare_503 => (true, Reason::ServerError),
            Repeatability::Recognised => {
                let repeats = known(&self.submit) || matches!(said.status.as_u16(), 500 | 502 | 504);
                (repeats, Reason::of_status(said.status))
            }
        };
        repeats.then_some(reason)
    }

    /// Whether an answer leaves open what became of a paid call.
    pub(crate) fn leaves_open(&self, said: Said) -> bool {
        !said.is_refusal && (leaves_open(said.status) || self.is_open_503(said))
    }

    fn is_open_503(&self, said: Said) -> bool {
        said.is_bare_503 && self.bare_503 == Bare503::Open
    }

    /// Whether a call that is paid for failed so late that it may have come to something. Without a connection it
    /// cannot have.
    fn is_too_late(&self, ended: &Ended<'_>, reason: Reason) -> bool {
        ended.repeatability == Repeatability::Paid && reason != Reason::Connect && ended.took > self.within
    }
}

fn reason_to_repeat(repeatability: Repeatability, failure: Failure) -> Option<Reason> {
    let safely = |reason| match repeatability {
        Repeatability::Free | Repeatability::Recognised => Some(reason),
        Repeatability::Paid | Repeatability::Unknown => None,
    };
    match failure {
        // Nothing was sent, or TLS refused it unread.
        Failure::Unreachable | Failure::ConnectTimeout | Failure::Tls => Some(Reason::Connect),
        Failure::Lost => safely(Reason::Lost),
        Failure::HeadTimeout => safely(Reason::Timeout),
        Failure::Garbled => safely(Reason::Garbled),
        // The same would happen again, or it is left alone.
        Failure::Redirected | Failure::Credential | Failure::BreakerOpen { .. } => None,
    }
}
