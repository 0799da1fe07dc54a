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

/// Every word on record, in lower case.
const WORDS: &[(&str, JobState)] = &[
    ("queued", JobState::Queued),
    ("pending", JobState::Queued),
    ("submitted", JobState::Queued),
    ("not_start", JobState::Queued),
    ("preparing", JobState::Queued),
    ("in_progress", JobState::InProgress),
    ("processing", JobState::InProgress),
    ("running", JobState::InProgress),
    ("generating", JobState::InProgress),
    ("completed", JobState::Completed),
    ("complete", JobState::Completed),
    ("success", JobState::Completed),
    ("succeeded", JobState::Completed),
    ("finished", JobState::Completed),
    ("failed", JobState::Failed),
    ("fail", JobState::Failed),
    ("failure", JobState::Failed),
    ("error", JobState::Failed),
    ("cancelled", JobState::Failed),
    ("canceled", JobState::Failed),
    ("expired", JobState::Failed),
    ("deleted", JobState::Deleted),
];

impl JobState {
    /// What a word means, in any case; nothing where nobody is known to say it.
    #[must_use]
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, state)| *state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_same_in_any_case() {
        for (word, state) in WORDS {
            assert_eq!(JobState::from_word(word), Some(*state));
            assert_eq!(JobState::from_word(&word.to_uppercase()), Some(*state));
        }
        assert_eq!(WORDS.len(), 22, "a word stands there twice, or none");
    }

    #[test]
    fn an_unknown_word_ends_nothing() {
        for word in ["", "done?", "queued ", "100%"] {
            assert_eq!(JobState::from_word(word), None, "{word:?}");
        }
    }
}
