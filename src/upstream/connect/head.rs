//! What a connection needs to know of a request's head.

use axum::http::header::HeaderName;
use axum::http::{HeaderValue, Method, Request};

use crate::failure::Failure;

/// What is asked of an upstream, but for the body.
pub(in crate::upstream) struct Asked<'a, H> {
    pub(in crate::upstream) head: &'a H,
    /// Headers of the answer that go on to the client beside the usual ones.
    pub(in crate::upstream) wanted: &'a [HeaderName],
}

/// The head of a request, which each protocol writes as it wants it: framing, and the host it goes to, are not in it.
pub(in crate::upstream) trait Head: Sync {
    /// Its method.
    fn method(&self) -> &Method;

    /// Writes path and query.
    fn write_target(&self, to: &mut Vec<u8>);

    /// Shows every header.
    fn each_header(&self, show: impl FnMut(&HeaderName, &HeaderValue));

    /// All of it, with scheme and authority in its target.
    ///
    /// # Errors
    /// If there is no such target.
    fn request(&self) -> Result<Request<()>, Failure>;
}

impl Head for Request<()> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn write_target(&self, to: &mut Vec<u8>) {
        let target = self.uri().path_and_query();
        to.extend_from_slice(target.map_or("/", |target| target.as_str()).as_bytes());
    }

    fn each_header(&self, mut show: impl FnMut(&HeaderName, &HeaderValue)) {
        self.headers().iter().for_each(|(name, value)| show(name, value));
    }

    fn request(&self) -> Result<Request<()>, Failure> {
        Ok(self.clone())
    }
}
