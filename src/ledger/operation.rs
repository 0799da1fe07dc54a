//! Which paid calls there are.

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
