//! Whether the ledger's files are still found under their names.
//!
//! A file that is deleted, replaced or unmounted while it is open still takes what is written into it, and no program
//! can read that afterwards. SQLite does not notice. So the writer compares the files that the names point to with those
//! that were opened: before and after each transaction, and every second while it rests. That is one `stat` for each of
//! up to three files.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tracing::{error, info};

use super::file::with_ending;
use crate::ledger::store::LedgerError;

/// Tells a file from all others. The system gives an inode's number to no other file while that file is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Why a file is not where it was opened.
#[derive(Debug)]
enum Missing {
    /// Its name points to nothing.
    Gone,
    /// Its name points to another file.
    Replaced,
    /// The system does not say what its name points to.
    Unreadable(io::Error),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it was deleted, moved away or unmounted"),
            Self::Replaced => f.write_str("another file has taken its place"),
            Self::Unreadable(error) => write!(f, "it cannot be found: {error}"),
        }
    }
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The records.
    Database,
    /// What was committed last: SQLite's write-ahead log.
    WriteAheadLog,
    /// What connections tell each other of the log. A process that makes it anew does not see what others write.
    SharedIndex,
}

/// A file that the connections have open.
#[derive(Debug)]
struct OpenFile {
    part: Part,
    path: PathBuf,
    id: FileId,
}

impl OpenFile {
    fn missing(&self) -> Option<Missing> {
        match fs::metadata(&self.path) {
            Ok(metadata) if FileId::from(&metadata) == self.id => None,
            Ok(_) => Some(Missing::Replaced),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Some(Missing::Gone)
            }
            Err(error) => Some(Missing::Unreadable(error)),
        }
    }
}

/// Why paid calls are refused, if the files are lost. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Loss(Arc<Mutex<Option<Arc<str>>>>);

impl Loss {
    /// The reason, if the files are lost.
    pub(super) fn reason(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, reason: Option<Arc<str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

/// The files of one ledger, in the hands of the thread that writes them.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    files: Vec<OpenFile>,
    loss: Loss,
}

impl OpenFiles {
    /// The files that are open. `database`: what was opened under `path`.
    ///
    /// # Errors
    /// If another file has taken its place since.
    pub(super) fn new(path: &Path, database: FileId) -> Result<Self, String> {
        let database = OpenFile { part: Part::Database, path: path.to_owned(), id: database };
        if let Some(missing) = database.missing() {
            return Err(format!("{missing} while it was opened"));
        }
        // SQLite keeps its other files beside the file that a link points to.
        let real = fs::canonicalize(path).map_err(|error| error.to_string())?;
        let beside = [(Part::WriteAheadLog, "-wal"), (Part::SharedIndex, "-shm")].into_iter().filter_map(
            |(part, ending)| {
                let path = with_ending(&real, ending);
                // A file system without shared memory has neither of them.
                let id = FileId::from(&fs::metadata(&path).ok()?);
                Some(OpenFile { part, path, id })
            },
        );
        let files = std::iter::once(database).chain(beside).collect();
        Ok(Self { files, ..Self::default() })
    }

    /// Where others can read whether the files are lost.
    pub(super) fn loss(&self) -> Loss {
        self.loss.clone()
    }

    /// Whether they were lost when they were last looked at.
    pub(super) fn are_lost(&self) -> bool {
        self.loss.reason().is_some()
    }

    /// Looks whether each is still found under its name. Says in the log when that has changed.
    ///
    /// # Errors
    /// If one of them is not: what is written then may be found by no one.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), LedgerError> {
        let missing = self.files.iter().find_map(|file| Some((file, file.missing()?)));
        let before = self.loss.reason();
        let Some((file, missing)) = missing else {
            if before.is_some() {
                self.loss.set(None);
                info!("the ledger's files are back in their place: paid calls are taken again");
            }
            return Ok(());
        };
        if let Some(reason) = before {
            return Err(LedgerError::Lost(reason));
        }
        let reason: Arc<str> = format!("{}: {missing}", file.path.display()).into();
        self.loss.set(Some(Arc::clone(&reason)));
        error!(
            %reason,
            "a file of the ledger is lost: paid calls are refused until the very same file is back in its place, or \
             else until a restart"
        );
        if file.part == Part::WriteAheadLog && matches!(missing, Missing::Gone) {
            save_log(connection);
        }
        Err(LedgerError::Lost(reason))
    }
}

/// The log has lost its name and the database has not: what the log holds is written into the database, where other
/// processes find it, however this one ends.
fn save_log(connection: &Connection) {
    let saved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match saved {
        Ok(false) => info!("what the lost file held was written into the ledger's database"),
        Ok(true) => {
            error!(
                "what the lost file held is not yet in the ledger's database: stop the process with SIGTERM"
            );
        }
        Err(error) => {
            error!(%error, "what the lost file held could not be written into the ledger's database");
        }
    }
}
