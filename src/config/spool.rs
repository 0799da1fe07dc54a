//! `[spool]`: where large files are until they are sent.

use std::path::PathBuf;

use super::reader::Section;

/// `[spool]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder, from the working directory.
    pub folder: PathBuf,
    /// Bytes that may be there at a time.
    pub size: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { folder: PathBuf::from("."), size: 4 << 30 }
    }
}

impl Settings {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let settings = Self {
            folder: section.text("folder").map_or(default.folder, PathBuf::from),
            size: section.bytes("size", default.size),
        };
        section.finish();
        settings
    }
}
