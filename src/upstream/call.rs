//! A call in the client's terms, and why it may have no answer.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;

use super::presence::Presence;
use crate::failure::Failure;
use crate::journey::Journey;
use crate::quota::{Class, Quotas};
use crate::rejection::Rejection;
use crate::request_body::Piece;

/// Which stack a call takes: the rules differ because the cost does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Starts, and bills, a generation.
    Submit,
    /// Reads, lists or deletes.
    Fetch,
    /// Is not about videos, and may take as long as it takes.
    Other,
}

impl Kind {
    /// All of them; what is asked for most stands first.
    pub const ALL: [Self; 3] = [Self::Fetch, Self::Submit, Self::Other];

    /// Label of metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Fetch => "fetch",
            Self::Other => "other",
        }
    }
}

impl From<Kind> for Class {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Submit => Self::Submit,
            Kind::Fetch => Self::Fetch,
            Kind::Other => Self::Other,
        }
    }
}

/// One call, still in the client's terms.
#[derive(Debug)]
pub struct Call {
    /// How it is treated.
    pub kind: Kind,
    /// Its head. The target starts with `/v1`; the headers that go on are picked here.
    pub head: Box<Parts>,
    /// The name of the client's key, where it has one of ours: it shares the upstream's account with other clients.
    pub(crate) owner: Option<Arc<str>>,
    /// What it is part of.
    pub(crate) journey: Journey,
    /// What counts its attempts. Without a gateway around, as in benchmarks, nothing does.
    pub(crate) quotas: Option<Arc<Quotas>>,
    /// Whether anybody still waits for the answer. Where the call ends with its client, always.
    pub client: Presence,
    /// Whether an attempt that was begun is seen through when the client's announced patience ends. Whoever made the
    /// call answers its client then.
    pub outlives_client: bool,
}

impl Call {
    /// The call that a request comes to. The edge has given it its journey.
    #[must_use]
    pub fn new(kind: Kind, head: impl Into<Box<Parts>>) -> Self {
        let head = head.into();
        let journey = Journey::of(&head.extensions);
        Self {
            kind,
            head,
            owner: None,
            journey,
            quotas: None,
            client: Presence::always(),
            outlives_client: false,
        }
    }

    /// The same, of the client with a key of this name.
    #[must_use]
    pub(crate) fn owned_by(self, owner: Option<&Arc<str>>) -> Self {
        Self { owner: owner.cloned(), ..self }
    }

    /// The same, whose attempts count.
    #[must_use]
    pub(crate) fn counted_by(self, quotas: &Arc<Quotas>) -> Self {
        Self { quotas: Some(Arc::clone(quotas)), ..self }
    }
}

/// What goes upstream as the body.
pub enum Payload {
    /// Nothing.
    Empty,
    /// All of it is here, in pieces.
    Whole(Vec<Piece>),
    /// It is still arriving.
    Streaming {
        /// The body.
        body: Body,
        /// Most bytes it may have.
        limit: u64,
        /// How long the client may pause.
        idle: Duration,
    },
}

/// A call without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Why it has none.
    pub why: Why,
    /// How many attempts were made, and what they may have done.
    pub attempts: Attempts,
    /// Whether the client's SDK is to be told not to ask again by itself: our own attempts are used up, or a repeat
    /// could have its effect twice.
    pub spent: bool,
}

/// Whose side it is on that there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The upstream's side.
    Failed(Failure),
    /// Ours or the client's: a limit of ours, or a body that could not be read to the end.
    Rejected(Rejection),
}

impl Unanswered {
    /// Of a call of which nothing was sent.
    pub(super) fn never_sent(failure: Failure) -> Self {
        Self { why: failure.into(), attempts: Attempts::NONE, spent: false }
    }
}

impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// An attempt without an answer.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) why: Why,
    /// Whether it was the client's announced time that ran out, and not ours.
    pub(super) cut_short: bool,
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self { why: failure.into(), cut_short: false }
    }
}

/// What an answer took; in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How many attempts, the last included.
    pub made: u32,
    /// Whether one before the last may have had its effect all the same.
    pub doubtful: bool,
    /// Whether the last one's answer leaves open what became of a call that is paid for.
    pub open: bool,
}

impl Attempts {
    /// None yet.
    pub(super) const NONE: Self = Self { made: 0, doubtful: false, open: false };

    /// Whether the call may have come to something, whatever its last answer says short of success.
    #[must_use]
    pub const fn are_uncertain(self) -> bool {
        self.doubtful || self.open
    }
}
