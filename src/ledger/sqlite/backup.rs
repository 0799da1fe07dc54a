//! A copy of the file beside it, as it was before a newer version of the program changed its tables.
//!
//! The copy has another name until the change is committed. So a copy of its final name belongs to a change that was
//! made, and is never written over; one that is unfinished belongs to an attempt that was interrupted. Only the process
//! that holds the ledger's lock alone comes here.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::file::with_ending;
use super::unusable::Unusable;

/// A copy that was made, for a change that is not committed yet.
#[derive(Debug)]
pub(super) struct Backup {
    unfinished: PathBuf,
    kept: PathBuf,
}

/// Copies of one name that are kept side by side: who goes back to an older version again and again has so many.
const COPIES_MAX: usize = 100;

impl Backup {
    /// Copies the file at `path` before it is brought to `schema`.
    ///
    /// # Errors
    /// If there is no room, or the folder cannot be written.
    pub(super) fn make(connection: &Connection, path: &Path, schema: usize) -> Result<Self, Unusable> {
        let backup = Self::named(path, schema);
        let made = remove(&backup.unfinished).map_err(|error| error.to_string()).and_then(|()| {
            create(&backup.unfinished).map_err(|error| error.to_string())?;
            copy(connection, &backup.unfinished)
        });
        let Err(error) = made else { return Ok(backup) };
        let room = size(connection)?;
        let path = backup.unfinished.clone();
        // A part of a copy would take the room that is needed.
        backup.discard();
        Err(Unusable::NoBackup { path, room, error })
    }

    /// The change is committed: gives the copy its name. A copy of that name is left, and this one gets a number.
    pub(super) fn keep(self) -> io::Result<PathBuf> {
        let Self { unfinished, kept } = self;
        let names = (2..=COPIES_MAX).map(|number| with_ending(&kept, &format!("-{number}")));
        let mut names = std::iter::once(kept.clone()).chain(names);
        let name = names.find(|name| matches!(name.try_exists(), Ok(false)));
        let name = name.ok_or_else(|| io::Error::other("too many copies of its name (remove some)"))?;
        fs::rename(&unfinished, &name)?;
        sync_folder_of(&name)?;
        Ok(name)
    }

    /// Nothing was changed: removes the copy.
    pub(super) fn discard(self) {
        // What cannot be removed is written over by the next attempt.
        let _ = remove(&self.unfinished);
    }

    /// The copy of a change to `schema` that was committed by a process that ended before the copy had its name.
    pub(super) fn left_behind(path: &Path, schema: usize) -> Option<Self> {
        let backup = Self::named(path, schema);
        matches!(backup.unfinished.try_exists(), Ok(true)).then_some(backup)
    }

    fn named(path: &Path, schema: usize) -> Self {
        let kept = with_ending(path, &format!(".before-schema-{schema}"));
        Self { unfinished: with_ending(&kept, ".unfinished"), kept }
    }
}

/// An empty file that its owner alone can read: it holds what the ledger holds.
fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Writes all that the connection sees into an empty file, and waits for the disk.
fn copy(connection: &Connection, path: &Path) -> Result<(), String> {
    let name = ToSqlOutput::Borrowed(ValueRef::Text(path.as_os_str().as_bytes()));
    connection.execute("VACUUM INTO ?1", [name]).map_err(|error| error.to_string())?;
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| error.to_string())
}

/// Most bytes that a copy takes.
fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, u32>(0)).map(u64::from);
    Ok(number("PRAGMA page_count")? * number("PRAGMA page_size")?)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// A name outlives a power failure once its folder is on the disk.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
