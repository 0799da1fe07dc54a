//! The files a configuration was read from, told apart by their contents: by what stands in them, since that is all
//! that survives a rename, a link that is moved, and clocks that go back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// What stood in files when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<PathBuf, Content>);

/// What stood in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// SHA-256 of its bytes.
    Read([u8; 32]),
    /// There was nothing to be read.
    Nothing(io::ErrorKind),
}

/// Reads files, and notes which, and what stood in them.
#[derive(Debug, Default)]
pub(super) struct Reader {
    files: Files,
    /// Of all that was read, in the order in which it was.
    all: Sha256,
}

impl Reader {
    /// Reads a whole text file.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<String> {
        let bytes = fs::read(path);
        let is_new = self.files.note(path, bytes.as_deref());
        let bytes = bytes?;
        if is_new {
            self.all.update(&bytes);
        }
        String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8"))
    }

    /// What was read; and of all that, one after the other, the first 12 hex digits of the SHA-256, which
    /// `cat FILES | sha256sum` prints too.
    pub(super) fn into_files(self) -> (Files, String) {
        let hash: [u8; 32] = self.all.finalize().into();
        let fingerprint = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        (self.files, fingerprint)
    }
}

impl Files {
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// Whether it was not noted before.
    pub(super) fn insert(&mut self, path: &Path, content: Content) -> bool {
        self.0.insert(path.to_owned(), content).is_none()
    }

    /// Those of them that `other` has not, or not like this.
    pub(super) fn unlike<'f>(&'f self, other: &'f Self) -> impl Iterator<Item = &'f Path> {
        let unlike = move |(path, content): &(&'f PathBuf, &Content)| other.0.get(*path) != Some(*content);
        self.0.iter().filter(unlike).map(|(path, _)| path.as_path())
    }

    /// Whether it was not noted before.
    fn note(&mut self, path: &Path, bytes: Result<&[u8], &io::Error>) -> bool {
        if !may_be_read_again(path) {
            return false;
        }
        let content = bytes.map_or_else(|error| Content::Nothing(error.kind()), Content::of);
        self.insert(path, content)
    }
}

/// Whether a path is that of a file, or of nothing yet. What comes out of a pipe comes once, and opening one waits for
/// somebody at its other end.
pub(super) fn may_be_read_again(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

impl Content {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::Read(Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn read(paths: &[&Path]) -> (Files, String) {
        let mut reader = Reader::default();
        for path in paths {
            // What is missing is noted as well.
            let _ = reader.read(path);
        }
        reader.into_files()
    }

    #[test]
    fn only_contents_count() {
        let folder = TempDir::new().expect("a folder");
        let [one, other, link] = ["one", "other", "link"].map(|name| folder.path().join(name));
        fs::write(&one, "a").expect("a file");
        fs::write(&other, "a").expect("a file");
        symlink(&one, &link).expect("a link");
        let (files, _) = read(&[&one, &link]);

        fs::rename(&other, &one).expect("a rename");
        assert_eq!(read(&[&one, &link]).0, files, "another file of the same content");

        fs::write(&other, "b").expect("a file");
        fs::rename(&other, &one).expect("a rename");
        let (now, _) = read(&[&one, &link]);
        assert_eq!(now.unlike(&files).collect::<Vec<_>>(), [&*link, &*one]);
    }

    #[test]
    fn the_fingerprint_is_what_sha256sum_prints() {
        let folder = TempDir::new().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        fs::write(&one, "ab").expect("a file");
        fs::write(&other, "c").expect("a file");
        let (_, fingerprint) = read(&[&one, &other, &one, &folder.path().join("missing")]);
        assert_eq!(fingerprint, "ba7816bf8f01", "of \"abc\"");
    }

    #[test]
    fn what_is_no_text_is_noted_and_refused() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, b"\xff").expect("a file");
        let mut reader = Reader::default();
        assert!(reader.read(&path).is_err());
        assert_eq!(reader.into_files().0.0.len(), 1);
    }
}
