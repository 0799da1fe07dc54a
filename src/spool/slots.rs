//! Which places of the spool's file are taken.

use std::fs::File;
use std::io;
use std::sync::Arc;

/// Bytes of a place.
pub(super) const SLOT: u64 = 1 << 20;

/// Places of one file, as long as anybody uses it.
#[derive(Debug)]
pub(super) struct Slots {
    /// How many there may be.
    max: u32,
    file: Option<Arc<File>>,
    users: usize,
    /// Given back, the last one last.
    free: Vec<u32>,
    /// How many there have been.
    used: u32,
}

/// How much of a spool is taken, in bytes. Places are taken as wholes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) in_use: u64,
    /// Where files are refused.
    pub(crate) limit: u64,
}

impl Slots {
    /// `size`: bytes of all places.
    pub(super) fn new(size: u64) -> Self {
        let max = u32::try_from(size.div_ceil(SLOT)).unwrap_or(u32::MAX);
        Self { max, file: None, users: 0, free: Vec::new(), used: 0 }
    }

    /// One more uses the file, which is opened if nobody else does.
    pub(super) fn enter(&mut self, open: impl FnOnce() -> io::Result<File>) -> io::Result<Arc<File>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => Arc::new(open()?),
        };
        self.users += 1;
        Ok(Arc::clone(self.file.insert(file)))
    }

    /// A place for whoever uses the file.
    pub(super) fn take(&mut self) -> io::Result<u32> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        if self.used == self.max {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "spool.size is used up"));
        }
        self.used += 1;
        Ok(self.used - 1)
    }

    /// One uses the file no more. After the last one it is to be closed.
    pub(super) fn leave(&mut self, slots: &[u32]) -> Option<Arc<File>> {
        self.users -= 1;
        if self.users > 0 {
            self.free.extend_from_slice(slots);
            return None;
        }
        self.free.clear();
        self.used = 0;
        self.file.take()
    }

    /// How much of the file is taken.
    pub(super) fn usage(&self) -> Usage {
        let free = self.free.len() as u64;
        Usage { in_use: u64::from(self.used).saturating_sub(free) * SLOT, limit: u64::from(self.max) * SLOT }
    }
}
