//! The jobs that hold slots: who polls them, and how long they may run.
//!
//! Pure bookkeeping: the time is passed in, and the polling is done elsewhere.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use tokio::time::Instant;

use super::concurrency_limit::Permit;
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

/// What a job, or one to be, holds.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// What is free again once this is dropped.
    pub(super) places: Vec<Permit>,
    /// The configured name of its model.
    pub(super) model: Option<Arc<str>>,
    /// The configured name of its client's key.
    pub(super) key: Option<Arc<str>>,
    /// What its client authenticates with.
    pub(super) credential: HeaderMap,
}

#[derive(Debug)]
struct Kept {
    holding: Holding,
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
    /// Keeps what a job holds until `until`. A job that is kept already does not need it.
    pub(super) fn keep(&mut self, job: Job, holding: Holding, until: Instant) {
        let kept = Kept { holding, until, seen: Instant::now(), asked: None };
        self.0.entry(job.upstream).or_default().entry(job.id).or_insert(kept);
    }

    /// Whether the job is kept.
    pub(super) fn has(&self, job: &Job) -> bool {
        self.0.get(&job.upstream).is_some_and(|jobs| jobs.contains_key(&job.id))
    }

    /// Changes what each job at an upstream holds. One that then holds nothing is forgotten.
    pub(super) fn revise(&mut self, revise: impl Fn(&str, &mut Holding)) {
        for (upstream, jobs) in &mut self.0 {
            jobs.retain(|_, kept| {
                revise(upstream, &mut kept.holding);
                !kept.holding.places.is_empty()
            });
        }
    }

    /// A client asked for the job. Yields whether it is kept.
    pub(super) fn seen(&mut self, upstream: &str, id: &str, now: impl FnOnce() -> Instant) -> bool {
        let kept = self.0.get_mut(upstream).and_then(|jobs| jobs.get_mut(id));
        kept.map(|kept| kept.seen = now()).is_some()
    }

    /// Yields the places of a job that has ended, where it has any.
    pub(super) fn remove(&mut self, upstream: &str, id: &str) -> Vec<Permit> {
        let kept = self.0.get_mut(upstream).and_then(|jobs| jobs.remove(id));
        kept.map(|kept| kept.holding.places).unwrap_or_default()
    }

    /// What is due, and the places that were given up.
    pub(super) fn overdue(&mut self, watch: &Watch, now: Instant) -> (Overdue, Vec<Permit>) {
        let mut due = Overdue::default();
        let mut freed = Vec::new();
        for (upstream, jobs) in &mut self.0 {
            let job = |id: &str| Job { upstream: Arc::clone(upstream), id: id.to_owned() };
            jobs.retain(|id, kept| {
                if now >= kept.until {
                    due.given_up.push(job(id));
                    freed.append(&mut kept.holding.places);
                    return false;
                }
                if watch.on && kept.is_due(watch, now) {
                    kept.asked = Some(now);
                    due.poll.push((job(id), kept.holding.credential.clone()));
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
