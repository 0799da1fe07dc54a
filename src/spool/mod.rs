//! Where large files are from the moment they come until their call has its answer: on disk, so that memory does not
//! bound how many are under way.
//!
//! All of them share one file, in slots. It has no name, so nobody else can open it, and it is gone with the process;
//! once nothing is in it, it is closed, and the disk has its space back. Slots that are used again, the last given back
//! first, cost the kernel neither pages nor blocks.
//!
//! Workers write and read themselves: as a rule, memory is copied, which takes them less than passing it to a thread. But
//! a kernel that has too much to write yet lets whoever writes more wait for the disk, and a worker has others to serve:
//! once it had to wait, [threads](pace) do it for a while.

mod pace;
mod sending;
mod slots;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

pub(crate) use sending::sending;
pub(crate) use slots::Usage;

use crate::config::spool::Settings;
use crate::rejection::Rejection;
use crate::telemetry::Seldom;
use pace::Pace;
use slots::{SLOT, Slots};

/// The place for files of bodies.
pub(crate) struct Spool {
    folder: PathBuf,
    slots: Mutex<Slots>,
    pace: Pace,
}

/// A spool that cannot be used: the key of the configuration, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable(String);

/// Some bytes in the spool. Their place is given back when they are dropped.
pub(crate) struct Stored {
    spool: Arc<Spool>,
    file: Option<Arc<File>>,
    slots: Vec<u32>,
    length: u64,
}

/// Something that takes the disk.
enum Doing<T> {
    /// `None` once it was taken.
    Done(Option<io::Result<T>>),
    ByThread(JoinHandle<io::Result<T>>),
}

/// What was said of a disk that fails.
static FAILED: Seldom = Seldom::new();

// === impl Spool ===

impl Spool {
    /// Makes sure that the folder can be written to.
    pub(crate) fn open(settings: &Settings) -> Result<Arc<Self>, Unusable> {
        let Settings { folder, size } = settings;
        open(folder).map_err(|error| Unusable::new(folder, &error))?;
        let slots = Mutex::new(Slots::new(*size));
        Ok(Arc::new(Self { folder: folder.clone(), slots, pace: Pace::new() }))
    }

    /// A place for the files of one body.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Stored, Rejection> {
        let file = self.slots().enter(|| open(&self.folder)).map_err(|error| failed(&error))?;
        Ok(Stored { spool: Arc::clone(self), file: Some(file), slots: Vec::new(), length: 0 })
    }

    /// How much of it is taken just now.
    pub(crate) fn usage(&self) -> Usage {
        self.slots().usage()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A file without a name, which nobody else may read.
fn open(folder: &Path) -> io::Result<File> {
    let file = tempfile::tempfile_in(folder)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// That a body cannot be put away. Said to the client each time, and in the log now and then.
fn failed(error: &io::Error) -> Rejection {
    if FAILED.is_due("spool") {
        warn!(%error, "a file of a request could not be put on disk (see [spool])");
    }
    Rejection::SpoolUnavailable
}

// === impl Stored ===

impl Stored {
    /// Puts more bytes behind what there is.
    pub(crate) async fn append(mut self, pieces: Vec<Bytes>) -> Result<Self, Rejection> {
        let spool = Arc::clone(&self.spool);
        let is_slow = spool.pace.is_slow();
        let write = move || {
            spool.pace.of(|| pieces.iter().try_for_each(|piece| self.write(piece)))?;
            Ok(self)
        };
        Doing::begin(is_slow, write).await.map_err(|error| failed(&error))
    }

    /// Reads as many bytes as `into` has, from this one on.
    fn read(self: &Arc<Self>, from: u64, mut into: BytesMut) -> Doing<BytesMut> {
        let stored = Arc::clone(self);
        Doing::begin(self.spool.pace.is_slow(), move || {
            stored.spool.pace.of(|| stored.fill(from, &mut into))?;
            Ok(into)
        })
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let within = self.length % SLOT;
            if within == 0 {
                let slot = self.spool.slots().take()?;
                self.slots.push(slot);
            }
            let room = usize::try_from(SLOT - within).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            self.file()?.write_all_at(now, self.place(self.length)?)?;
            self.length += now.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn fill(&self, mut from: u64, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            let room = usize::try_from(SLOT - from % SLOT).unwrap_or(usize::MAX);
            let (now, rest) = into.split_at_mut(into.len().min(room));
            self.file()?.read_exact_at(now, self.place(from)?)?;
            from += now.len() as u64;
            into = rest;
        }
        Ok(())
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_deref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Where in the file this byte is.
    fn place(&self, at: u64) -> io::Result<u64> {
        let slot = usize::try_from(at / SLOT).ok().and_then(|index| self.slots.get(index));
        Ok(u64::from(*slot.ok_or(io::ErrorKind::UnexpectedEof)?) * SLOT + at % SLOT)
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        let unused = self.spool.slots().leave(&self.slots);
        let ours = self.file.take();
        if unused.is_some()
            && let Ok(runtime) = Handle::try_current()
        {
            // Giving pages back takes the kernel milliseconds.
            runtime.spawn_blocking(move || drop((unused, ours)));
        }
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("length", &self.length).finish_non_exhaustive()
    }
}

// === impl Doing ===

impl<T: Send + 'static> Doing<T> {
    fn begin(is_slow: bool, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        if is_slow { Self::ByThread(spawn_blocking(work)) } else { Self::Done(Some(work())) }
    }
}

impl<T: Unpin> Future for Doing<T> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        match self.get_mut() {
            Self::Done(done) => {
                Poll::Ready(done.take().unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())))
            }
            Self::ByThread(thread) => Pin::new(thread).poll(cx).map(|done| done.map_err(io::Error::other)?),
        }
    }
}

// === impl Unusable ===

impl Unusable {
    fn new(folder: &Path, error: &io::Error) -> Self {
        Self(format!(
            "spool.folder: no file can be made in {}: {error} (name a folder on a disk that this user may write to; \
             in a container, mount one there)",
            folder.display()
        ))
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}
