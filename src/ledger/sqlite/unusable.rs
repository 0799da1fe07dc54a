//! Why a file cannot hold the ledger, and what an operator can do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bytesize::ByteSize;

use crate::plain::plain;

/// Why a file cannot hold the ledger.
#[derive(Debug)]
pub(super) enum Unusable {
    /// Another application's database is in it.
    Foreign {
        /// What that application writes into its files, or zero.
        application_id: i32,
        /// Names of its tables.
        tables: Vec<String>,
    },
    /// It has to be brought up to date, and could not be copied before.
    NoBackup {
        /// Where the copy was to be.
        path: PathBuf,
        /// Most bytes that the copy takes.
        room: u64,
        /// What went wrong.
        error: String,
    },
    /// Anything else, in the words of whoever noticed it.
    Other(String),
}

/// Tables of another application that are named.
const NAMED_MAX: usize = 5;

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { application_id, tables } => {
                write!(
                    f,
                    "it is a database of another application ({}), and is left as it is (name a file of the ledger's own)",
                    describe(*application_id, tables)
                )
            }
            Self::NoBackup { path, room, error } => {
                write!(
                    f,
                    "it has to be brought up to date, and no backup of it can be written to {}: {error} (make {} of \
                     room there)",
                    path.display(),
                    ByteSize::b(*room)
                )
            }
            Self::Other(why) => write!(
                f,
                "{why} (name a file in a folder that can be written, or set ledger.store = \"memory\" if no record has \
                 to outlive the process)"
            ),
        }
    }
}

/// Names another application's database by what it says of itself.
fn describe(application_id: i32, tables: &[String]) -> String {
    let mut told = Vec::new();
    if application_id != 0 {
        let letters = application_id.to_be_bytes();
        let word = if letters.iter().all(u8::is_ascii_graphic) {
            format!(", \"{}\"", letters.map(char::from).iter().collect::<String>())
        } else {
            String::new()
        };
        told.push(format!("application_id {application_id:#010x}{word}"));
    }
    if !tables.is_empty() {
        let named: Vec<String> = tables.iter().take(NAMED_MAX).map(|name| plain(name)).collect();
        let more = if tables.len() > NAMED_MAX { ", …" } else { "" };
        told.push(format!("tables: {}{more}", named.join(", ")));
    }
    if told.is_empty() { "it has no tables".to_owned() } else { told.join("; ") }
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<String> for Unusable {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_another_application_by_what_its_file_says() {
        let tables = |number: usize| (0..number).map(|number| format!("t{number}")).collect::<Vec<_>>();
        for (id, tables, expected) in [
            (0x4750_4b47, tables(1), "application_id 0x47504b47, \"GPKG\"; tables: t0"),
            (-1, tables(0), "application_id 0xffffffff"),
            (0, tables(6), "tables: t0, t1, t2, t3, t4, …"),
            (0, tables(0), "it has no tables"),
        ] {
            assert_eq!(describe(id, &tables), expected);
        }
    }
}
