//! A judged body as it goes upstream: written anew, with what the ledger knows it by.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;
use axum::http::request::Parts;

use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent;
use crate::ledger::operation::Operation;
use crate::params::{Encoding, Params};
use crate::request_body::{Piece, RequestBody};
use crate::rewrite::former::spliced;
use crate::rewrite::{self, Boundary, Edit};

/// A body, ready to be sent.
pub(super) struct Written {
    pub(super) pieces: Vec<Piece>,
    /// Of the pieces.
    pub(super) content_type: HeaderValue,
    pub(super) fingerprint: Fingerprint,
    /// What version 0.1 knew it by; only where an earlier call may have to be recognised.
    pub(super) former: Option<Fingerprint>,
}

/// What changes in a body.
pub(super) struct Edits<'e> {
    pub(super) all: &'e [Edit],
    /// Those that version 0.1 made, too.
    pub(super) former: &'e [Edit],
}

impl Written {
    /// Writes the body that `params` was parsed from, with `edits`.
    pub(super) fn of(
        operation: Operation,
        head: &Parts,
        (encoding, body, params): (&Encoding, &RequestBody, &Params<'_>),
        edits: &Edits<'_>,
    ) -> Self {
        let path = head.uri.path();
        let boundary = Boundary::new(unforeseeable());
        let content_type = match encoding {
            Encoding::Json => HeaderValue::from_static("application/json"),
            // Hex digits are what a header may hold.
            Encoding::Multipart { .. } => HeaderValue::try_from(boundary.content_type())
                .unwrap_or(HeaderValue::from_static("multipart/form-data")),
        };
        let former = intent::may_be_repeat(&head.headers)
            .then(|| Fingerprint::of_bytes(operation, path, encoding, &spliced(body, params, edits.former)));
        Self {
            pieces: rewrite::apply_held(body, params, edits.all, &boundary),
            content_type,
            fingerprint: Fingerprint::of(operation, path, (body, params), edits.all),
            former,
        }
    }
}

/// 128 bits that no client can foresee, whatever it has seen of other requests: a content with the boundary in it would
/// be read as parts that were never judged. The standard library's hash keys come from the operating system.
fn unforeseeable() -> u128 {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.each_ref().map(|keys| u128::from(keys.hash_one(count)));
    high << 64 | low
}

#[cfg(test)]
mod tests {
    use super::unforeseeable;

    #[test]
    fn no_two_boundaries_are_the_same() {
        let mut made: Vec<u128> = std::iter::repeat_with(unforeseeable).take(1000).collect();
        made.sort_unstable();
        made.dedup();
        assert_eq!(made.len(), 1000);
    }
}
