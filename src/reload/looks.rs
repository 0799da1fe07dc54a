//! Looks at files again and again, and reads only those that may have changed.
//!
//! What stands in a file decides whether it has changed. Length, inode and times only tell that it cannot have: whoever
//! writes into a file moves its times, and whoever puts another in its place, by a rename or by moving a link, which is
//! how a `ConfigMap` is swapped, brings one of another inode. Three things could hide a change, and each has its answer:
//!
//! - Clocks of file systems are coarse: two writes within one tick leave the same times. So times are trusted only if
//!   they already stood so, for longer than a tick, when the file was read. How long that was is told by our own clock,
//!   which does not go back, and not by comparing its time to that of a file server.
//! - Times of modification can be set, as `cp -p` and `touch -d` do. The time of the last change of the inode cannot.
//! - Some file systems keep no such time, some clients of file servers tell old times, and memory that is mapped is
//!   written without any. So nothing is trusted for long.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::files::{Content, Files, may_be_read_again};

/// What was seen of files when they were last looked at.
#[derive(Debug, Default)]
pub(super) struct Looks(BTreeMap<PathBuf, Look>);

#[derive(Clone, Debug)]
struct Look {
    stamp: Stamp,
    /// When it was first seen to be so.
    since: Instant,
    read_at: Instant,
    content: Content,
}

/// What is another one once a file is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    length: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The longest tick of a file system's clock: FAT's.
const TICK: Duration = Duration::from_secs(2);
/// How long a file is not read, whatever its times say.
const TRUSTED: Duration = Duration::from_mins(1);

// === impl Looks ===

impl Looks {
    /// The same files as they are `now`.
    pub(super) fn again(&mut self, files: &Files, now: Instant) -> Files {
        let mut before = mem::take(&mut self.0);
        let mut seen = Files::default();
        for path in files.paths() {
            if !may_be_read_again(path) {
                continue;
            }
            match Look::at(path, before.remove(path), now) {
                Ok(look) => {
                    seen.insert(path, look.content.clone());
                    self.0.insert(path.to_owned(), look);
                }
                Err(error) => {
                    seen.insert(path, Content::Nothing(error.kind()));
                }
            }
        }
        seen
    }
}

// === impl Look ===

impl Look {
    fn at(path: &Path, before: Option<Self>, now: Instant) -> io::Result<Self> {
        // A client of a file server asks for the times anew when a file is opened, and not before.
        let mut file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let before = before.filter(|before| before.stamp == stamp);
        let since = match before {
            Some(before) if before.is_trusted(now) => return Ok(before),
            Some(before) => before.since,
            None => now,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Self { stamp, since, read_at: now, content: Content::of(&bytes) })
    }

    /// Whether a file of the same stamp has the same content.
    fn is_trusted(&self, now: Instant) -> bool {
        self.read_at.duration_since(self.since) > TICK && now.duration_since(self.read_at) < TRUSTED
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: (metadata.dev(), metadata.ino()),
            length: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A file that was looked at until it is trusted, and when that was.
    struct Watched {
        folder: TempDir,
        files: Files,
        looks: Looks,
        now: Instant,
    }

    impl Watched {
        fn new(path: &str, prepare: impl FnOnce(&Path)) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            prepare(folder.path());
            let path = folder.path().join(path);
            let content = Content::of(&fs::read(&path).expect("a file"));
            let mut files = Files::default();
            files.insert(&path, content);
            Self { folder, files, looks: Looks::default(), now: Instant::now() }
        }

        /// Whether it has changed, so much later.
        fn has_changed_after(&mut self, time: Duration) -> bool {
            self.now += time;
            self.looks.again(&self.files, self.now) != self.files
        }

        fn trusted(mut self) -> Self {
            for _ in 0..3 {
                assert!(!self.has_changed_after(TICK));
            }
            let look = self.looks.0.values().next().expect("a look");
            assert!(look.is_trusted(self.now), "{look:?}");
            self
        }

        fn read_at(&self) -> Instant {
            self.looks.0.values().next().expect("a look").read_at
        }
    }

    fn write(path: &Path, text: &str) {
        fs::write(path, text).expect("a file");
    }

    /// Of the same time of modification as another.
    fn dated_like(path: &Path, other: &Path) {
        let modified = fs::metadata(other).and_then(|metadata| metadata.modified()).expect("a time");
        File::options().write(true).open(path).and_then(|file| file.set_modified(modified)).expect("a date");
    }

    #[test]
    fn a_file_that_stands_still_is_read_no_more_but_now_and_then() {
        let mut watched = Watched::new("file", |folder| write(&folder.join("file"), "a")).trusted();
        let read_at = watched.read_at();
        assert!(!watched.has_changed_after(Duration::from_secs(2)));
        assert_eq!(watched.read_at(), read_at);
        assert!(!watched.has_changed_after(TRUSTED));
        assert_eq!(watched.read_at(), watched.now);
    }

    /// As where it is written, looked at and written again within one tick of its clock.
    #[test]
    fn a_file_that_has_just_changed_is_read_whatever_its_times_say() {
        let mut watched = Watched::new("file", |folder| write(&folder.join("file"), "a"));
        for time in [Duration::ZERO, Duration::from_millis(1), TICK - Duration::from_millis(1)] {
            assert!(!watched.has_changed_after(time));
            assert_eq!(watched.read_at(), watched.now);
        }
        let look = watched.looks.0.values_mut().next().expect("a look");
        look.content = Content::of(b"what stood there within the same tick");
        assert!(!watched.has_changed_after(Duration::from_millis(1)), "read again");
    }

    #[test]
    fn no_change_that_keeps_length_and_date_is_missed() {
        type Change = fn(&Path);
        let in_place: Change = |folder| {
            dated_like(&folder.join("other"), &folder.join("file"));
            write(&folder.join("file"), "b");
            dated_like(&folder.join("file"), &folder.join("other"));
        };
        let renamed: Change = |folder| {
            dated_like(&folder.join("other"), &folder.join("file"));
            fs::rename(folder.join("other"), folder.join("file")).expect("a rename");
        };
        for (what, change) in [("in place", in_place), ("by a rename", renamed)] {
            let prepare = |folder: &Path| {
                write(&folder.join("file"), "a");
                write(&folder.join("other"), "b");
            };
            let mut watched = Watched::new("file", prepare).trusted();
            change(watched.folder.path());
            assert!(watched.has_changed_after(Duration::from_millis(1)), "{what}");
        }
    }

    /// As a `ConfigMap` is swapped: a link to a link to a folder.
    #[test]
    fn a_link_on_the_way_that_is_moved_is_a_change() {
        let prepare = |folder: &Path| {
            for (version, text) in [("1", "a"), ("2", "b")] {
                fs::create_dir(folder.join(version)).expect("a folder");
                write(&folder.join(version).join("file"), text);
            }
            dated_like(&folder.join("2/file"), &folder.join("1/file"));
            symlink("1", folder.join("data")).expect("a link");
            symlink("data/file", folder.join("file")).expect("a link");
        };
        let mut watched = Watched::new("file", prepare).trusted();
        let folder = watched.folder.path();
        symlink("2", folder.join("next")).expect("a link");
        fs::rename(folder.join("next"), folder.join("data")).expect("a rename");
        assert!(watched.has_changed_after(Duration::from_millis(1)));
    }

    #[test]
    fn a_file_that_comes_or_goes_is_a_change() {
        let mut watched = Watched::new("file", |folder| write(&folder.join("file"), "")).trusted();
        let path = watched.folder.path().join("file");
        fs::remove_file(&path).expect("it was there");
        assert!(watched.has_changed_after(TICK));
        watched.files.insert(&path, Content::Nothing(io::ErrorKind::NotFound));
        assert!(!watched.has_changed_after(TICK));
        write(&path, "");
        assert!(watched.has_changed_after(TICK));
    }
}
