//! Which paid calls there are.

use super::record::JobStatus;
use super::words;

words! {
    /// Which paid call it is.
    pub(crate) enum Operation {
        /// `POST /v1/videos`
        Create = "create",
        /// `POST /v1/videos/{id}/remix`
        Remix = "remix",
        /// `POST /v1/videos/edits`
        Edit = "edit",
        /// `POST /v1/videos/extensions`
        Extension = "extension",
        /// `POST /v1/videos/characters`
        Character = "character",
    }
}

impl Operation {
    /// Whether it starts a job, which takes its time. A character is there at once.
    #[must_use]
    pub(crate) const fn makes_job(self) -> bool {
        match self {
            Self::Create | Self::Remix | Self::Edit | Self::Extension => true,
            Self::Character => false,
        }
    }

    /// How far what it makes has come where the upstream's answer does not say.
    #[must_use]
    pub(crate) const fn first_status(self) -> JobStatus {
        if self.makes_job() { JobStatus::Queued } else { JobStatus::Completed }
    }
}
