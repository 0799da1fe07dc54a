//! The immutable snapshot that one request sees, and the handle that yields the current one.

use std::sync::Arc;

use crate::config::Config;
use crate::metrics::Metrics;

/// Everything a request is decided by.
#[derive(Debug)]
pub struct Gateway {
    /// What the operator decided.
    pub config: Config,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
}

/// Yields the current snapshot. A request asks once and keeps what it got.
#[derive(Clone, Debug)]
pub struct Live(Arc<Gateway>);

impl Live {
    /// A handle on this snapshot.
    #[must_use]
    pub fn new(gateway: Gateway) -> Self {
        Self(Arc::new(gateway))
    }

    /// The snapshot for a request that begins now.
    #[must_use]
    pub fn current(&self) -> Arc<Gateway> {
        Arc::clone(&self.0)
    }
}
