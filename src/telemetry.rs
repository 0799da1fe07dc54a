//! The log: where it goes and how it looks. What stands in it is decided where it is written.

use std::fmt::{Display, Formatter, Result as Formatted};
use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::config::server::LogFormat;

/// A filter that is not in the syntax of `RUST_LOG`.
#[derive(Debug)]
pub(crate) struct BadFilter(ParseError);

impl Display for BadFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> Formatted {
        write!(f, "server.log: {} (use a filter such as \"info\" or \"reelgate=debug\")", self.0)
    }
}

/// Whether a filter could be used.
pub(crate) fn check(filter: &str) -> Result<(), BadFilter> {
    EnvFilter::try_new(filter).map(drop).map_err(BadFilter)
}

/// The filter of the log that was started.
static FILTER: OnceLock<Handle<EnvFilter, Registry>> = OnceLock::new();

/// Changes the filter of the log. One that is not in the syntax of `RUST_LOG` changes nothing.
pub(crate) fn set_filter(filter: &str) {
    if let (Some(handle), Ok(filter)) = (FILTER.get(), EnvFilter::try_new(filter)) {
        // It fails only where the log is gone.
        let _ = handle.reload(filter);
    }
}

/// Starts the log on standard error. A second call changes nothing.
///
/// # Errors
/// If the filter is not in the syntax of `RUST_LOG`.
pub(crate) fn init(filter: &str, format: LogFormat) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(filter).map_err(BadFilter)?;
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let (filter, handle) = reload::Layer::new(filter);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(io::stderr).with_target(false);
    // Only a test that starts two gateways in one process comes here twice.
    let started = if json {
        registry.with(lines.json().flatten_event(true)).try_init()
    } else {
        registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init()
    };
    if started.is_ok() {
        let _ = FILTER.set(handle);
    }
    Ok(())
}
