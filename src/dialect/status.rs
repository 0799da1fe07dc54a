//! The words upstreams have for the state of a job.

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// It waits.
    Queued,
    /// It runs.
    InProgress,
    /// It has made its video.
    Completed,
    /// It has made none, and will not.
    Failed,
    /// It is gone.
    Deleted,
}

/// Every word on record, in lower case and with underscores. A word that is missing here ends no job, nor may a word be
/// listed as an end that some upstream uses for a running job: a slot that is held too long is released by
/// `jobs.max_hold`, but one that is freed too early lets two jobs run.
const WORDS: &[(&str, JobState)] = &[
    ("queued", JobState::Queued),
    ("pending", JobState::Queued),
    ("submitted", JobState::Queued),
    ("not_start", JobState::Queued),
    ("not_started", JobState::Queued),
    ("preparing", JobState::Queued),
    ("queueing", JobState::Queued),
    ("queuing", JobState::Queued),
    ("in_queue", JobState::Queued),
    ("suspended", JobState::Queued),
    ("throttled", JobState::Queued),
    ("starting", JobState::Queued),
    ("scheduled", JobState::Queued),
    ("waiting", JobState::Queued),
    ("created", JobState::Queued),
    ("accepted", JobState::Queued),
    ("in_progress", JobState::InProgress),
    ("inprogress", JobState::InProgress),
    ("processing", JobState::InProgress),
    ("running", JobState::InProgress),
    ("generating", JobState::InProgress),
    ("dreaming", JobState::InProgress),
    ("rendering", JobState::InProgress),
    ("started", JobState::InProgress),
    // It runs until it is cancelled.
    ("cancelling", JobState::InProgress),
    ("canceling", JobState::InProgress),
    ("completed", JobState::Completed),
    ("complete", JobState::Completed),
    ("success", JobState::Completed),
    ("succeeded", JobState::Completed),
    ("succeed", JobState::Completed),
    ("successful", JobState::Completed),
    ("finished", JobState::Completed),
    ("done", JobState::Completed),
    ("failed", JobState::Failed),
    ("fail", JobState::Failed),
    ("failure", JobState::Failed),
    ("error", JobState::Failed),
    ("errored", JobState::Failed),
    ("cancelled", JobState::Failed),
    ("canceled", JobState::Failed),
    ("expired", JobState::Failed),
    ("incomplete", JobState::Failed),
    ("budget_exceeded", JobState::Failed),
    // The API offers no way to act on a job, so it stays like this.
    ("requires_action", JobState::Failed),
    ("timeout", JobState::Failed),
    ("timed_out", JobState::Failed),
    ("rejected", JobState::Failed),
    ("aborted", JobState::Failed),
    ("terminated", JobState::Failed),
    ("deleted", JobState::Deleted),
];

impl JobState {
    /// What a word means, in any case and with any separator; nothing where no upstream is known to say it.
    #[must_use]
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| is_same(known, word)).map(|(_, state)| *state)
    }
}

/// Whether a word is this one of the table's.
fn is_same(known: &str, word: &str) -> bool {
    let plain = |byte: u8| if matches!(byte, b'-' | b' ') { b'_' } else { byte.to_ascii_lowercase() };
    known.len() == word.len() && known.bytes().eq(word.bytes().map(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_same_in_any_case_and_with_any_separator() {
        for (word, state) in WORDS {
            assert_eq!(JobState::from_word(word), Some(*state));
            assert_eq!(JobState::from_word(&word.to_uppercase()), Some(*state));
            assert_eq!(JobState::from_word(&word.replace('_', "-")), Some(*state));
        }
        let mut words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), WORDS.len(), "a word stands there twice");
    }

    /// As native APIs and compatible servers write them.
    #[test]
    fn every_upstreams_words_are_known() {
        use JobState::{Completed, Failed, InProgress, Queued};
        for (state, words) in [
            (
                Queued,
                "queued PENDING SUSPENDED Preparing Queueing submitted THROTTLED IN_QUEUE starting NOT_START",
            ),
            (
                InProgress,
                "in_progress RUNNING running Processing processing dreaming IN_PROGRESS InProgress cancelling",
            ),
            (
                Completed,
                "done succeeded SUCCEEDED Success SUCCESS succeed completed COMPLETED Completed finished",
            ),
            (
                Failed,
                "failed cancelled incomplete budget_exceeded requires_action expired FAILED CANCELED Fail timeout",
            ),
        ] {
            for word in words.split(' ') {
                assert_eq!(JobState::from_word(word), Some(state), "{word}");
            }
        }
    }

    #[test]
    fn an_unknown_word_ends_nothing() {
        for word in ["", "done?", "queued ", "100%", "unknown", "UNKNOWN", "ok"] {
            assert_eq!(JobState::from_word(word), None, "{word:?}");
        }
    }
}
