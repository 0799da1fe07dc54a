//! What a connection needs to know of a request's head.

use axum::http::Request;
use axum::http::header::HeaderName;
use reelgate_http1::RequestHead;

use crate::failure::Failure;

/// What is asked of an upstream, but for the body.
pub(in crate::upstream) struct Asked<'a, H> {
    pub(in crate::upstream) head: &'a H,
    /// Headers of the answer that go on to the client beside the usual ones.
    pub(in crate::upstream) wanted: &'a [HeaderName],
}

/// The head of a request, which each protocol writes as it wants it: framing, and the host it goes to, are not in it.
pub(in crate::upstream) trait Head: RequestHead {
    /// All of it, with scheme and authority in its target.
    ///
    /// # Errors
    /// If there is no such target.
    fn request(&self) -> Result<Request<()>, Failure>;
}

impl Head for Request<()> {
    fn request(&self) -> Result<Request<()>, Failure> {
        Ok(self.clone())
    }
}
