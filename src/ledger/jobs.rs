//! Where jobs are, and how far they have come.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::Ledger;
use super::bounded::Bounded;
use super::record::{Job, JobStatus, LedgerId};
use super::settlement::JobView;
use super::store::{LedgerError, Note, Noted};

impl Ledger {
    /// The job of this id, if an upstream took it through this ledger.
    pub(crate) async fn job(&self, id: &str) -> Option<Job> {
        if let Some(job) = self.jobs().get(&Arc::from(id)) {
            return Some(job.clone());
        }
        // Failing is logged; whoever asks goes on as without a ledger.
        let job = self.asked("lookup", self.0.store.job(id)).await.ok()??;
        self.remember_job(job.clone());
        Some(job)
    }

    /// Notes how far a job has come, as an answer of its upstream says. Written down only when it has changed, by
    /// and by, and only for jobs this process knows: it made them, or was asked for them.
    pub(crate) fn job_seen(&self, view: &JobView) {
        let (Some(id), Some(status)) = (&view.id, view.status) else { return };
        let id: Arc<str> = id.as_str().into();
        {
            let mut jobs = self.jobs();
            let Some(job) = jobs.get_mut(&id) else { return };
            // What has ended only changes by being deleted.
            let settled = job.status.is_final() && status != JobStatus::Deleted;
            if job.status == status || settled {
                return;
            }
            let had_ended = job.status.is_final();
            job.status = status;
            if !had_ended {
                self.job_moved(job);
            }
        }
        self.note(Noted::Job { id, status, fault: view.fault.clone() });
    }

    /// As [`Self::job_seen`], for a job that its client deleted.
    pub(crate) fn job_deleted(&self, id: &str) {
        self.job_seen(&JobView {
            id: Some(id.to_owned()),
            status: Some(JobStatus::Deleted),
            ..JobView::default()
        });
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
    pub(crate) async fn unfinished(&self, max_age: Duration) -> Result<Vec<Job>, LedgerError> {
        let since = self.0.clock.now().before(max_age);
        let mut jobs = self.asked("lookup", self.0.store.unfinished(since)).await?;
        let mut known = self.jobs();
        // What is known of a job here may not be written down yet.
        jobs.retain(|job| known.get(&job.id).is_none_or(|known| !known.status.is_final()));
        for job in &jobs {
            if known.get(&job.id).is_none() {
                known.insert(Arc::clone(&job.id), job.clone());
            }
        }
        Ok(jobs)
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

    /// How long ago a job was asked for.
    pub(crate) fn age(&self, job: &Job) -> Duration {
        self.0.clock.now().since(job.since)
    }

    pub(super) fn remember_job(&self, job: Job) {
        self.jobs().insert(Arc::clone(&job.id), job);
    }

    /// Asks for it to be written down and does not wait until it is.
    pub(super) fn note(&self, what: Noted) {
        drop(self.0.store.note(Note { at: self.0.clock.now(), what }));
    }

    fn jobs(&self) -> MutexGuard<'_, Bounded<Arc<str>, Job>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
