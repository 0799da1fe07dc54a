//! Where jobs are, and how far they have come.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::bounded::Bounded;
use super::owners::{Found, Owners, Page};
use super::record::{Job, JobStatus, LedgerId, Record};
use super::settlement::JobView;
use super::store::{LedgerError, Note, Noted, Videos};
use super::{Ledger, Timestamp};
use crate::budget::{Amount, Period};

impl Ledger {
    /// The job of this id, if an upstream took it through this ledger. A store that fails is logged, and counts as one
    /// that does not know the job.
    pub(crate) async fn job(&self, id: &str) -> Option<Arc<Job>> {
        match self.owned_job(id, &Owners::Everybody).await {
            Ok(Found::Owned(job)) => Some(job),
            Ok(Found::Foreign | Found::Unknown) | Err(_) => None,
        }
    }

    /// The job of this id that one of the owners ordered, if this process knows it without its store.
    pub(crate) fn known_job(&self, id: &str, owners: &Owners) -> Option<Arc<Job>> {
        let jobs = self.jobs();
        jobs.get(id).filter(|job| owners.include(&job.client)).map(Arc::clone)
    }

    /// The job of this id that one of the owners ordered. Only for what is theirs the answer may come without the store:
    /// a request for another client's job takes as long as one for a job that does not exist.
    ///
    /// # Errors
    /// If the store does not say.
    pub(crate) async fn owned_job(&self, id: &str, owners: &Owners) -> Result<Found, LedgerError> {
        if let Some(job) = self.known_job(id, owners) {
            return Ok(Found::Owned(job));
        }
        let found = self.asked("lookup", self.0.store.job(id, owners.clone())).await?;
        Ok(match found {
            Found::Owned(job) => Found::Owned(self.remember_old(job)),
            found @ (Found::Foreign | Found::Unknown) => found,
        })
    }

    /// A page of the owners' videos, as far as they have come by what this process knows. One that was deleted a moment
    /// ago may be among them, and takes its place on the page.
    ///
    /// # Errors
    /// If the store does not say.
    pub(crate) async fn videos(&self, owners: Owners, page: Page) -> Result<Videos, LedgerError> {
        let mut videos = self.asked("list", self.0.store.videos(owners, page)).await?;
        if let Videos::Page(records) = &mut videos {
            // What a poll has seen may not be written down yet.
            let jobs = self.jobs();
            for Record { intent, outcome, .. } in records.iter_mut() {
                let known = outcome.job_id.as_deref().and_then(|id| jobs.get(id));
                if let Some(known) = known.filter(|known| known.client == intent.client) {
                    outcome.job_status = Some(known.status);
                }
            }
        }
        Ok(videos)
    }

    /// Notes how far a job has come, as an answer of its upstream says. Written down only when it has changed, by
    /// and by, and only for jobs this process knows: it made them, or was asked for them.
    ///
    /// Yields the job if it has come to nothing, the first time that shows.
    pub(crate) fn job_seen(&self, view: &JobView) -> Option<Arc<Job>> {
        let (id, status) = (view.id.as_deref()?, view.status?);
        let seen = {
            let mut jobs = self.jobs();
            let known = jobs.get_mut(id)?;
            let had_ended = known.status.is_final();
            // What has ended only changes by being deleted.
            let settled = had_ended && status != JobStatus::Deleted;
            if known.status == status || settled {
                return None;
            }
            Arc::make_mut(known).status = status;
            if !had_ended {
                self.job_moved(known);
            }
            Arc::clone(known)
        };
        self.note(Noted::Job { id: Arc::clone(&seen.id), status, fault: view.fault.clone() });
        Some(seen).filter(|job| job.status == JobStatus::Failed)
    }

    /// As [`Self::job_seen`], for a job that its client deleted.
    pub(crate) fn job_deleted(&self, id: &str) {
        let deleted =
            JobView { id: Some(id.to_owned()), status: Some(JobStatus::Deleted), ..JobView::default() };
        // Whoever deletes a job may have had its video: it did not fail.
        let _ = self.job_seen(&deleted);
    }

    /// Notes that the client of a call was gone before it was answered, whether the call is over or not.
    pub(crate) fn client_left(&self, id: &LedgerId) {
        let open = self.desk().client_left(id);
        if !open {
            self.note(Noted::ClientLeft(id.clone()));
        }
    }

    /// Jobs asked for within `max_age` that nobody has seen at their end.
    ///
    /// # Errors
    /// If the store does not say.
    pub(crate) async fn unfinished(&self, max_age: Duration) -> Result<Vec<Arc<Job>>, LedgerError> {
        let since = self.0.clock.now().before(max_age);
        let jobs = self.asked("lookup", self.0.store.unfinished(since)).await?;
        // What is known of a job here may not be written down yet.
        Ok(jobs
            .into_iter()
            .map(|job| self.remember_old(job.into()))
            .filter(|job| !job.status.is_final())
            .collect())
    }

    /// Whether a job is known, and not to have ended. Asks no store.
    pub(crate) fn is_unfinished(&self, id: &str) -> bool {
        self.jobs().get(id).is_some_and(|job| !job.status.is_final())
    }

    /// How many jobs are known, and not to have ended.
    pub(crate) fn jobs_unfinished(&self) -> usize {
        self.jobs().values().filter(|job| !job.status.is_final()).count()
    }

    /// Counts a job that an upstream has just taken; some upstreams have made it by then.
    pub(super) fn job_taken(&self, job: &Job) {
        self.0.job_counts.submitted(job.order());
        self.job_moved(job);
    }

    /// Counts a job that was seen for the first time where it is now.
    fn job_moved(&self, job: &Job) {
        let counts = &self.0.job_counts;
        match job.status {
            JobStatus::Completed => counts.completed(job.order(), self.age(job)),
            JobStatus::Failed => counts.failed(job.order(), self.age(job)),
            JobStatus::Deleted => counts.deleted(job.order()),
            JobStatus::Queued | JobStatus::InProgress | JobStatus::Other => {}
        }
    }

    /// Whether anything is known of a job, without asking the store.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.jobs().get(id).is_some()
    }

    /// What every client has had made by `now` of this day and of this month, in this order.
    ///
    /// # Errors
    /// If the store does not say.
    pub(crate) async fn usage(&self, now: SystemTime) -> Result<[HashMap<Arc<str>, Amount>; 2], LedgerError> {
        let since = |period: Period| self.0.store.usage(period.at(now).start.into());
        let day = self.asked("lookup", since(Period::Day)).await?;
        Ok([day, self.asked("lookup", since(Period::Month)).await?])
    }

    /// The date, as records have it.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// How long ago a job was asked for.
    pub(crate) fn age(&self, job: &Job) -> Duration {
        self.0.clock.now().since(job.since)
    }

    pub(super) fn remember_job(&self, job: Job) {
        self.jobs().insert(Arc::clone(&job.id), Arc::new(job));
    }

    /// As [`Self::remember_job`], of a job as the store has it: what was seen of it meanwhile is newer.
    fn remember_old(&self, job: Arc<Job>) -> Arc<Job> {
        let mut jobs = self.jobs();
        if let Some(known) = jobs.get(&*job.id) {
            // Another upstream may have given another client's job the same id.
            return if known.client == job.client { Arc::clone(known) } else { job };
        }
        jobs.insert(Arc::clone(&job.id), Arc::clone(&job));
        job
    }

    /// Asks for it to be written down and does not wait until it is.
    pub(super) fn note(&self, what: Noted) {
        drop(self.0.store.note(Note { at: self.0.clock.now(), what }));
    }

    fn jobs(&self) -> MutexGuard<'_, Bounded<Arc<str>, Arc<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
