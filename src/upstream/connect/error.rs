//! What went wrong on a connection means for the call. What is not certainly "before the first byte" is lost.

use std::error::Error;
use std::io;

use axum::body::Body;

use crate::failure::Failure;

pub(super) type AnyError = Box<dyn Error + Send + Sync>;

/// A request without an answer.
pub(super) enum Broken {
    /// Not a byte of it was sent; here is its body again, and what is wrong with the connection.
    Unsent(Body, Failure),
    /// It is gone.
    Failed(Failure),
}

/// Why there is no connection.
pub(super) fn of_connecting(error: &(dyn Error + 'static)) -> Failure {
    if causes(error).any(is_tls) { Failure::Tls } else { Failure::Unreachable }
}

/// Why there is no answer.
pub(super) fn of_sending(error: &hyper::Error) -> Failure {
    let parse = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_parse() || error.is_parse_status())
    };
    if causes(error).any(was_refused) {
        Failure::Unreachable
    } else if causes(error).any(parse) {
        Failure::Garbled
    } else if causes(error).any(took_nothing) {
        Failure::HeadTimeout
    } else {
        Failure::Lost
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}

/// Whether the upstream says that it did nothing about an HTTP/2 request, and will not: it refuses the stream, or
/// names an earlier one as the last that it has looked at as it goes away. All other ends leave it open.
fn was_refused(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref::<h2::Error>().is_some_and(|error| {
        // Only streams above the one named get the upstream's GOAWAY as their error.
        error.is_remote()
            && (error.is_go_away()
                || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)))
    })
}

/// Whether the upstream took nothing of what it was sent.
pub(super) fn took_nothing(cause: &(dyn Error + 'static)) -> bool {
    let io = cause.downcast_ref::<io::Error>();
    let io = io.or_else(|| cause.downcast_ref::<h2::Error>().and_then(h2::Error::get_io));
    io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// rustls reports its errors inside of I/O errors, the connector puts those into others, and the `source` of an
/// I/O error skips what it holds.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    cause.is::<rustls::Error>() || held.is_some_and(|held| is_tls(held))
}
