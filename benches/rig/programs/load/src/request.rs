//! The request that is sent over and over.

use std::io;

const MARK: &[u8] = b"@FILLER@";
static FILLER: [u8; 256 * 1024] = [b'v'; 256 * 1024];

/// A whole request: bytes from a file, filler, and the rest of the file.
pub struct Request {
    head: Vec<u8>,
    filler: usize,
    tail: Vec<u8>,
}

impl Request {
    /// Reads the file; `filler` bytes stand where it says `@FILLER@`.
    pub fn read(path: &str, filler: u64) -> io::Result<Self> {
        let mut head = std::fs::read(path)?;
        let tail = match head.windows(MARK.len()).position(|window| window == MARK) {
            Some(at) => {
                let tail = head.split_off(at);
                tail.get(MARK.len()..).unwrap_or_default().to_vec()
            }
            None => Vec::new(),
        };
        Ok(Self { head, filler: usize::try_from(filler).unwrap_or(usize::MAX), tail })
    }

    /// How long it is, in bytes.
    pub fn length(&self) -> usize {
        self.head.len() + self.filler + self.tail.len()
    }

    /// What comes after so many bytes of it, as far as it lies in one piece; empty at the end.
    pub fn after(&self, sent: usize) -> &[u8] {
        if let Some(rest) = self.head.get(sent..).filter(|rest| !rest.is_empty()) {
            return rest;
        }
        let sent = sent - self.head.len();
        if sent < self.filler {
            return FILLER.get(..FILLER.len().min(self.filler - sent)).unwrap_or_default();
        }
        self.tail.get(sent - self.filler..).unwrap_or_default()
    }
}
