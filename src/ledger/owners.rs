//! Whose videos a request may reach.

use std::sync::Arc;

use super::record::Job;

/// The clients whose records a request may reach, by the names that records have for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Every client's.
    Everybody,
    /// Those of these clients.
    Clients(Arc<[Arc<str>]>),
}

/// What the ledger knows of a job under an id, for a request with certain owners.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// One of the owners ordered it.
    Owned(Arc<Job>),
    /// Only other clients ordered a job with this id.
    Foreign,
    /// No client ordered a job with this id through this ledger.
    Unknown,
}

/// A part of a list of videos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The id of the video that the page follows.
    pub after: Option<String>,
    /// Most videos on the page.
    pub limit: usize,
    /// Whether the oldest video comes first.
    pub oldest_first: bool,
}

impl Owners {
    /// Whether records of this client may be reached.
    pub(crate) fn include(&self, client: &str) -> bool {
        match self {
            Self::Everybody => true,
            Self::Clients(names) => names.iter().any(|name| **name == *client),
        }
    }

    /// What these owners may know of the jobs with one id, which are given newest first: several upstreams may give the
    /// same id, so each owner has a job of its own.
    pub(super) fn find(&self, jobs: impl IntoIterator<Item = Job>) -> Found {
        let mut found = Found::Unknown;
        for job in jobs {
            if self.include(&job.client) {
                return Found::Owned(job.into());
            }
            found = Found::Foreign;
        }
        found
    }
}
