//! The pieces of a body, put together.

use axum::body::Bytes;
use bytes::BytesMut;

/// Pieces put together as they come. A single one, which is what nearly every body is, is not copied.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    first: Bytes,
    /// All of them, from the second on.
    all: BytesMut,
}

impl Joined {
    /// Adds a piece. `expected`: bytes of the whole, as far as they are known; room for them is made once.
    pub(crate) fn push(&mut self, piece: Bytes, expected: usize) {
        if self.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(expected.max(self.first.len() + piece.len()));
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole.
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(pieces: &[&'static [u8]]) -> Bytes {
        let mut joined = Joined::default();
        for piece in pieces {
            joined.push(Bytes::from_static(piece), 0);
        }
        assert_eq!(joined.len(), pieces.concat().len());
        joined.into_bytes()
    }

    #[test]
    fn pieces_come_out_in_order() {
        let none: &[&'static [u8]] = &[];
        for pieces in [none, &[b"a"], &[b"a", b"b"], &[b"", b"a", b"", b"bc", b""]] {
            assert_eq!(joined(pieces), pieces.concat());
        }
    }

    #[test]
    fn a_single_piece_is_not_copied() {
        static ONE: &[u8] = b"one";
        assert_eq!(joined(&[ONE]).as_ptr(), ONE.as_ptr());
    }
}
