//! The jobs that hold slots: who polls them, and how long they may run.
//!
//! Pure bookkeeping: the time is passed in, and the polling is done elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use tokio::time::Instant;

use super::gate::Place;
use crate::config::quota::Watch;

/// Names a job: its id means something at the upstream that made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Job {
    /// The configured name of the upstream.
    pub upstream: Arc<str>,
    /// The id it gave the job.
    pub id: String,
}

/// The jobs that hold slots.
#[derive(Debug, Default)]
pub(super) struct Jobs(HashMap<Arc<str>, HashMap<String, Kept>>);

#[derive(Debug)]
struct Kept {
    /// What is free again once this is dropped.
    places: Vec<Place>,
    /// What its client authenticates with.
    credential: HeaderMap,
    /// When its slots are given up, whatever became of it.
    until: Instant,
    /// When it began, or a client last asked for it.
    seen: Instant,
    /// When the gateway last had reason to ask for it.
    asked: Option<Instant>,
}

/// What is due for the jobs that nobody polls.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Overdue {
    /// Jobs to be polled now, each with what its client authenticates with, as far as that is known.
    pub poll: Vec<(Job, HeaderMap)>,
    /// Jobs whose slots were given up, because nobody saw them end.
    pub given_up: Vec<Job>,
}

impl Jobs {
    /// Keeps places for a job until `until`. A job that is kept already does not need them.
    pub(super) fn keep(&mut self, job: Job, (places, credential): (Vec<Place>, HeaderMap), until: Instant) {
        let kept = Kept { places, credential, until, seen: Instant::now(), asked: None };
        self.0.entry(job.upstream).or_default().entry(job.id).or_insert(kept);
    }

    /// A client asked for the job. Yields whether it is kept.
    pub(super) fn seen(&mut self, upstream: &str, id: &str, now: Instant) -> bool {
        let kept = self.0.get_mut(upstream).and_then(|jobs| jobs.get_mut(id));
        kept.map(|kept| kept.seen = now).is_some()
    }

    /// Yields the places of a job that has ended, where it has any.
    pub(super) fn remove(&mut self, upstream: &str, id: &str) -> Vec<Place> {
        let kept = self.0.get_mut(upstream).and_then(|jobs| jobs.remove(id));
        kept.map(|kept| kept.places).unwrap_or_default()
    }

    /// What is due, and the places that were given up.
    pub(super) fn overdue(&mut self, watch: &Watch, now: Instant) -> (Overdue, Vec<Place>) {
        let mut due = Overdue::default();
        let mut freed = Vec::new();
        for (upstream, jobs) in &mut self.0 {
            let job = |id: &str| Job { upstream: Arc::clone(upstream), id: id.to_owned() };
            jobs.retain(|id, kept| {
                if now >= kept.until {
                    due.given_up.push(job(id));
                    freed.append(&mut kept.places);
                    return false;
                }
                if watch.on && kept.is_due(watch, now) {
                    kept.asked = Some(now);
                    due.poll.push((job(id), kept.credential.clone()));
                }
                true
            });
        }
        (due, freed)
    }

    /// How many jobs hold slots.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }
}

impl Kept {
    fn is_due(&self, watch: &Watch, now: Instant) -> bool {
        let since = |then: Instant| now.saturating_duration_since(then);
        since(self.seen) >= watch.after && self.asked.is_none_or(|then| since(then) >= watch.interval)
    }
}
