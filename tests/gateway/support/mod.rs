//! What the wire tests are made of: a client that sends exact bytes, an upstream that follows a script, and the
//! gateway between them, in this process or in one of its own.
//!
//! Nothing sleeps to let things settle; every wait ends in a failure once [`WAIT`] is over.

use std::time::Duration;

pub(crate) mod client;
pub(crate) mod fields;
pub(crate) mod gateway;
pub(crate) mod message;
pub(crate) mod process;
pub(crate) mod redis;
pub(crate) mod request;
pub(crate) mod upstream;

/// Longest anything here may take. Far above what it does take, even on a busy machine.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

/// The future's result, or a failed test that names what was waited for.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(WAIT, future).await {
        Ok(result) => result,
        Err(_) => panic!("waited {WAIT:?} in vain for {what}"),
    }
}
