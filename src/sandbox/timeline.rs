//! How far a job has come, as a pure function of the time since it was made.
//!
//! No job has a task of its own: whoever looks at it works out its state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How fast jobs go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long a job stays queued.
    pub(super) queue_time: Duration,
    /// How long one second of film takes after that.
    pub(super) time_per_second: Duration,
}

/// A job's way from queued to its end.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    queued: Duration,
    work: Duration,
    ending: Ending,
    /// Set from outside; counts instead of everything above.
    forced: Option<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Film,
    /// Blocked as soon as it is looked at.
    Blocked,
    /// Breaks down half way.
    Breakdown,
}

/// The four words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Waits.
    Queued,
    /// Is being made.
    InProgress,
    /// Can be downloaded.
    Completed,
    /// Has an error instead of a film.
    Failed,
}

/// Why a job failed, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JobError {
    code: String,
    message: String,
}

/// A job at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Where it is.
    pub(super) status: Status,
    /// Percent, 100 when completed.
    pub(super) progress: u8,
    /// When it ended, counted from its making.
    pub(super) ended: Option<Duration>,
    /// Why it failed.
    pub(super) error: Option<JobError>,
}

// === impl Timeline ===

impl Timeline {
    /// The way of a film of `seconds`; words in the prompt may decide that it fails.
    pub(super) fn new(pace: Pace, seconds: u32, prompt: &str) -> Self {
        let ending = if prompt.contains("[moderation]") {
            Ending::Blocked
        } else if prompt.contains("[fail]") {
            Ending::Breakdown
        } else {
            Ending::Film
        };
        Self {
            queued: pace.queue_time,
            work: pace.time_per_second.saturating_mul(seconds),
            ending,
            forced: None,
        }
    }

    /// Stops the clock for this job and leaves it in the given state.
    pub(super) fn force(&mut self, state: State) {
        self.forced = Some(state);
    }

    /// The state this long after the job was made.
    pub(super) fn at(&self, elapsed: Duration) -> State {
        if let Some(state) = &self.forced {
            return state.clone();
        }
        let Some(worked) = elapsed.checked_sub(self.queued) else {
            return State::unfinished(Status::Queued, 0);
        };
        let half = self.work / 2;
        match self.ending {
            Ending::Blocked => State::failed(JobError::blocked(), 0, self.queued),
            Ending::Breakdown if worked >= half => {
                State::failed(JobError::broken(), 50, self.queued.saturating_add(half))
            }
            Ending::Film if worked >= self.work => State::completed(self.queued.saturating_add(self.work)),
            Ending::Film | Ending::Breakdown => State::unfinished(Status::InProgress, self.percent(worked)),
        }
    }

    /// From 0 to 99, as 100 is for films that are there.
    fn percent(&self, worked: Duration) -> u8 {
        let percent = worked.as_nanos() * 100 / self.work.as_nanos().max(1);
        u8::try_from(percent).unwrap_or(99).min(99)
    }
}

// === impl State ===

impl State {
    /// Queued or in progress.
    pub(super) fn unfinished(status: Status, progress: u8) -> Self {
        Self { status, progress, ended: None, error: None }
    }

    /// Done, this long after the job was made.
    pub(super) fn completed(ended: Duration) -> Self {
        Self { status: Status::Completed, progress: 100, ended: Some(ended), error: None }
    }

    /// Failed, this long after the job was made.
    pub(super) fn failed(error: JobError, progress: u8, ended: Duration) -> Self {
        Self { status: Status::Failed, progress, ended: Some(ended), error: Some(error) }
    }
}

// === impl JobError ===

impl JobError {
    fn blocked() -> Self {
        let message = "Your request was blocked by our moderation system.".to_owned();
        Self { code: "moderation_blocked".to_owned(), message }
    }

    /// The error of jobs that fail for no reason worth telling.
    pub(super) fn broken() -> Self {
        let message = "The video could not be generated. Please try again.".to_owned();
        Self { code: "video_generation_failed".to_owned(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { queue_time: Duration::from_secs(2), time_per_second: Duration::from_secs(1) };

    fn at(prompt: &str, elapsed: u64) -> State {
        Timeline::new(PACE, 8, prompt).at(Duration::from_secs(elapsed))
    }

    #[test]
    fn a_job_waits_then_rises_then_is_there() {
        let seen: Vec<_> =
            (0..12).map(|second| at("a cat", second)).map(|s| (s.status, s.progress)).collect();
        assert_eq!(seen[..2], [(Status::Queued, 0), (Status::Queued, 0)]);
        let progress: Vec<u8> = seen[2..10].iter().map(|(_, progress)| *progress).collect();
        assert_eq!(progress, [0, 12, 25, 37, 50, 62, 75, 87]);
        assert_eq!(seen[10..], [(Status::Completed, 100), (Status::Completed, 100)]);
    }

    #[test]
    fn a_finished_job_remembers_when_it_ended() {
        assert_eq!(at("a cat", 500).ended, Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_blocked_prompt_fails_when_its_turn_comes() {
        assert_eq!(at("a [moderation] cat", 1).status, Status::Queued);
        let state = at("a [moderation] cat", 2);
        assert_eq!((state.status, state.progress), (Status::Failed, 0));
        assert_eq!(state.error.unwrap().code, "moderation_blocked");
    }

    #[test]
    fn a_breakdown_comes_half_way() {
        assert_eq!(at("[fail]", 5).status, Status::InProgress);
        assert_eq!((at("[fail]", 6).status, at("[fail]", 6).progress), (Status::Failed, 50));
    }

    #[test]
    fn a_forced_state_stays() {
        let mut timeline = Timeline::new(PACE, 8, "a cat");
        timeline.force(State::unfinished(Status::InProgress, 7));
        assert_eq!(timeline.at(Duration::from_secs(500)).progress, 7);
    }
}
