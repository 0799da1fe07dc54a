//! The jobs kept, oldest first, and how the API shows them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;

use super::rules::Order;
use super::timeline::{JobError, Pace, State, Status, Timeline};

/// Prompt bytes kept over all jobs. Without this, ten thousand of the longest prompts would need a gigabyte.
const MAX_PROMPT_BYTES: usize = 64 * 1024 * 1024;
/// How long a film can be downloaded after it is done, as the API shows it. Films made here do not expire.
const SHELF_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The jobs kept, by their number.
pub(super) struct Jobs {
    max: usize,
    pace: Pace,
    created: u64,
    prompt_bytes: usize,
    kept: BTreeMap<u64, Job>,
    numbers: HashMap<String, u64>,
}

/// One film in the making.
pub(super) struct Job {
    /// Its name in the API.
    pub(super) id: String,
    /// Which operation started it.
    pub(super) operation: Operation,
    /// What was asked for.
    pub(super) order: Order,
    /// The video it was made from.
    remixed_from: Option<String>,
    /// Since the Unix epoch.
    created_at: Duration,
    /// Where it stands at what time.
    timeline: Timeline,
}

/// What starts a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    /// `POST /v1/videos`
    Create,
    /// `POST /v1/videos/{id}/remix`
    Remix,
    /// `POST /v1/videos/edits`
    Edit,
    /// `POST /v1/videos/extensions`
    Extension,
}

/// What a new job is made of.
pub(super) struct NewJob {
    /// Its name in the API.
    pub(super) id: String,
    /// Which operation started it.
    pub(super) operation: Operation,
    /// What was asked for.
    pub(super) order: Order,
    /// The video it is made from.
    pub(super) remixed_from: Option<String>,
}

/// A job as the API shows it, its fields in the API's order.
#[derive(Serialize)]
pub(super) struct Video {
    id: String,
    object: &'static str,
    created_at: u64,
    status: Status,
    completed_at: Option<u64>,
    error: Option<JobError>,
    expires_at: Option<u64>,
    model: &'static str,
    progress: u8,
    prompt: String,
    remixed_from_video_id: Option<String>,
    seconds: String,
    size: String,
}

/// Which part of the list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// At most this many.
    pub(super) limit: usize,
    /// Oldest first.
    pub(super) ascending: bool,
    /// Starts behind this id.
    pub(super) after: Option<String>,
}

// === impl Jobs ===

impl Jobs {
    /// Keeps at most `max` jobs, and at least one.
    pub(super) fn new(max: usize, pace: Pace) -> Self {
        Self {
            max: max.max(1),
            pace,
            created: 0,
            prompt_bytes: 0,
            kept: BTreeMap::new(),
            numbers: HashMap::new(),
        }
    }

    /// Starts a job and returns it as the API shows it.
    pub(super) fn start(&mut self, new: NewJob, now: Duration) -> Video {
        let timeline = Timeline::new(self.pace, new.order.seconds, &new.order.prompt);
        let job = Job {
            id: new.id,
            operation: new.operation,
            order: new.order,
            remixed_from: new.remixed_from,
            created_at: now,
            timeline,
        };
        let video = job.show(now);
        self.created += 1;
        self.prompt_bytes += job.order.prompt.len();
        self.numbers.insert(job.id.clone(), self.created);
        self.kept.insert(self.created, job);
        while self.kept.len() > self.max || self.prompt_bytes > MAX_PROMPT_BYTES {
            let Some((_, oldest)) = self.kept.pop_first() else { break };
            self.forget(&oldest);
        }
        video
    }

    /// The job of this id.
    pub(super) fn get(&self, id: &str) -> Option<&Job> {
        self.kept.get(self.numbers.get(id)?)
    }

    /// The job of this id, to be changed.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Job> {
        self.kept.get_mut(self.numbers.get(id)?)
    }

    /// Forgets the job of this id; says whether there was one.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let job = self.numbers.get(id).copied().and_then(|number| self.kept.remove(&number));
        job.inspect(|job| self.forget(job)).is_some()
    }

    /// One page, and whether there is more behind it; nothing if `after` names no job.
    pub(super) fn page(&self, page: &Page) -> Option<(Vec<&Job>, bool)> {
        let after = match &page.after {
            Some(id) => Some(*self.numbers.get(id)?),
            None => None,
        };
        let wanted: Box<dyn Iterator<Item = &Job>> = if page.ascending {
            Box::new(self.kept.range(after.map_or(0, |after| after + 1)..).map(|(_, job)| job))
        } else {
            Box::new(self.kept.range(..after.unwrap_or(u64::MAX)).rev().map(|(_, job)| job))
        };
        let mut jobs: Vec<&Job> = wanted.take(page.limit + 1).collect();
        let more = jobs.len() > page.limit;
        jobs.truncate(page.limit);
        Some((jobs, more))
    }

    /// All jobs kept, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Job> {
        self.kept.values()
    }

    /// How many were ever started, whether kept or not.
    pub(super) fn created(&self) -> u64 {
        self.created
    }

    /// Forgets all jobs and starts counting again.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max, self.pace);
    }

    fn forget(&mut self, job: &Job) {
        self.prompt_bytes -= job.order.prompt.len();
        self.numbers.remove(&job.id);
    }
}

// === impl Job ===

impl Job {
    /// The job's state at a time since the Unix epoch.
    pub(super) fn state(&self, now: Duration) -> State {
        self.timeline.at(now.saturating_sub(self.created_at))
    }

    /// Leaves the job in a state that ends, if it does, now.
    pub(super) fn force(&mut self, now: Duration, state: impl FnOnce(Duration) -> State) {
        self.timeline.force(state(now.saturating_sub(self.created_at)));
    }

    /// The job as the API shows it at a time since the Unix epoch.
    pub(super) fn show(&self, now: Duration) -> Video {
        let state = self.state(now);
        let ended = state.ended.map(|after| self.created_at.saturating_add(after));
        let expires = ended.filter(|_| state.status == Status::Completed).map(|ended| ended + SHELF_TIME);
        Video {
            id: self.id.clone(),
            object: "video",
            created_at: self.created_at.as_secs(),
            status: state.status,
            completed_at: ended.map(|ended| ended.as_secs()),
            error: state.error,
            expires_at: expires.map(|expires| expires.as_secs()),
            model: self.order.model,
            progress: state.progress,
            prompt: self.order.prompt.clone(),
            remixed_from_video_id: self.remixed_from.clone(),
            seconds: self.order.seconds.to_string(),
            size: self.order.size.to_string(),
        }
    }
}

// === impl Video ===

impl Video {
    /// The name in the API.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}
