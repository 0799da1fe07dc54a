//! Takes what is large out of a body while it arrives: the files of a form, and the picture that `input_reference` has as
//! a URL. The judgement does not look into either, so that neither need be in memory.
//!
//! What stays is the body with gaps, and [`parse_gapped`](super::parse_gapped) judges it as it would judge the whole.
//! A body that exceeds a limit is refused as soon as it does.

mod form;
mod json;

use std::ops::Range;

use bytes::Bytes;

pub(crate) use form::FormSpooler;
pub(crate) use json::JsonSpooler;

use super::{Encoding, Limits};
use crate::rejection::Rejection;

/// Bytes of a file that are held with the form. Larger files are taken out, all of them: it is part of what a
/// [fingerprint](crate::ledger::fingerprint) is of, and no setting.
pub(crate) const HELD_MAX: usize = 128 << 10;

/// The same of a picture that is a text. Version 0.1 refused longer JSON, so that what it knows JSON bodies by is of bytes
/// that are in memory.
pub(crate) const PICTURE_HELD_MAX: usize = 1 << 20;

/// Bytes of such a picture that stay, so that it is not taken for an empty text.
const PICTURE_PREFIX: usize = 64;

/// Where something was taken out of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// How many bytes of what was kept stand before it.
    pub(crate) at: usize,
    /// Bytes of what was taken out.
    pub(crate) length: u64,
    /// BLAKE3 of it; of a JSON string, of what it says without escapes.
    pub(crate) digest: [u8; 32],
}

/// A body whose large files may be elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gapped<'b> {
    /// All bytes that are in no gap.
    pub(crate) bytes: &'b [u8],
    /// In order.
    pub(crate) gaps: &'b [Gap],
}

impl<'b> Gapped<'b> {
    /// The gaps in this range of the bytes; one at its very beginning is none of them.
    pub(crate) fn within(&self, range: &Range<usize>) -> impl Iterator<Item = &'b Gap> {
        self.gaps.iter().filter(|gap| range.start < gap.at && gap.at <= range.end)
    }

    /// How many bytes of this range are elsewhere.
    pub(crate) fn missing(&self, range: &Range<usize>) -> u64 {
        self.within(range).map(|gap| gap.length).sum()
    }
}

/// Takes what is large out of one body.
pub(crate) enum Spooler {
    /// A form.
    Form(Box<FormSpooler>),
    /// JSON.
    Json(Box<JsonSpooler>),
}

impl Spooler {
    /// For a body of which so many bytes have come or are announced; `None` while it is small enough to stay in memory.
    pub(crate) fn for_body(encoding: &Encoding, bytes: u64, limits: &Limits) -> Option<Self> {
        match encoding {
            Encoding::Multipart { boundary } if bytes > HELD_MAX as u64 => {
                Some(Self::Form(Box::new(FormSpooler::new(boundary, limits))))
            }
            Encoding::Json if bytes > PICTURE_HELD_MAX as u64 => {
                Some(Self::Json(Box::new(JsonSpooler::new(limits))))
            }
            Encoding::Multipart { .. } | Encoding::Json => None,
        }
    }

    /// Takes the next piece of the body. What of it, or of what came before it, is taken out goes into `taken`, in order.
    ///
    /// # Errors
    ///
    /// The body exceeds a limit.
    pub(crate) fn push(&mut self, piece: Bytes, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        match self {
            Self::Form(form) => form.push(piece, taken),
            Self::Json(json) => json.push(piece, taken),
        }
    }

    /// Whether what has come is certain to be refused, so that nothing more need be read.
    pub(crate) fn is_refused(&self) -> bool {
        match self {
            Self::Form(form) => form.is_refused(),
            Self::Json(_) => false,
        }
    }

    /// The body is over: what of it was kept, and the gaps.
    pub(crate) fn finish(self) -> (Bytes, Vec<Gap>) {
        match self {
            Self::Form(form) => form.finish(),
            Self::Json(json) => json.finish(),
        }
    }
}

/// What is being taken out.
struct Taking {
    hash: Box<blake3::Hasher>,
    length: u64,
}

impl Taking {
    fn new() -> Self {
        Self { hash: Box::new(blake3::Hasher::new()), length: 0 }
    }

    /// Takes bytes that say what they are.
    fn put(&mut self, bytes: Bytes, taken: &mut Vec<Bytes>) {
        self.hash.update(&bytes);
        self.put_unhashed(bytes, taken);
    }

    /// Takes bytes of which the hash has been, or will be, told in another way.
    fn put_unhashed(&mut self, bytes: Bytes, taken: &mut Vec<Bytes>) {
        if !bytes.is_empty() {
            self.length += bytes.len() as u64;
            taken.push(bytes);
        }
    }

    fn gap(&self, at: usize) -> Gap {
        Gap { at, length: self.length, digest: *self.hash.finalize().as_bytes() }
    }
}

/// Refuses a body whose texts, without files and the picture, have so many bytes.
pub(super) fn texts_too_long(texts: usize, limits: &Limits) -> Result<(), Rejection> {
    if texts > limits.texts {
        return Err(Rejection::BodyTooLarge { limit: limits.texts as u64, read: texts as u64 });
    }
    Ok(())
}
