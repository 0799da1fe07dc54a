//! What is left of a request's way for whoever writes it down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Cut;
use crate::trace_context::SpanId;

/// What a request has come through so far, each by whoever learns of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// Template of the route that took the request.
    pub(crate) route: Option<&'static str>,
    /// Configured name of the client's key.
    pub(crate) client: Option<Arc<str>>,
    /// The model as the client named it.
    pub(crate) asked: Option<Box<str>>,
    /// Configured name of the model that is to answer.
    pub(crate) model: Option<Arc<str>>,
    /// What was changed on the client's behalf.
    pub(crate) adjusted: Option<Arc<str>>,
    /// Name of the upstream that was chosen.
    pub(crate) upstream: Option<Arc<str>>,
    /// The record of a paid call.
    pub(crate) ledger_id: Option<Arc<str>>,
    /// The job that a paid call made, as the upstream names it.
    pub(crate) job: Option<Box<str>>,
    /// Attempts that were begun.
    pub(crate) attempts: u32,
    /// Their spans, where the request has a trace.
    pub(crate) spans: Vec<SpanId>,
    /// Why there was another attempt, each time.
    pub(crate) retries: Vec<&'static str>,
    /// What it stood in line for, and how long.
    pub(crate) waits: Vec<(&'static str, Duration)>,
    /// How the answer of the upstream broke off.
    pub(crate) cut: Option<Cut>,
}

/// All waits as one text, each with its milliseconds. Nothing where there was none.
pub(crate) struct InLine<'m>(pub(crate) &'m [(&'static str, Duration)]);

impl fmt::Display for InLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, took)) in self.0.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(f, "{space}{what}={}ms", took.as_millis())?;
        }
        Ok(())
    }
}
