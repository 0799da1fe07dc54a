//! The log: where it goes and how it looks. What stands in it is decided where it is written.

use std::fmt;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::server::LogFormat;

/// A filter that is not in the syntax of `RUST_LOG`.
#[derive(Debug)]
pub(crate) struct BadFilter(ParseError);

impl fmt::Display for BadFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server.log: {} (use a filter such as \"info\" or \"reelgate=debug\")", self.0)
    }
}

/// Whether a filter could be used.
pub(crate) fn check(filter: &str) -> Result<(), BadFilter> {
    EnvFilter::try_new(filter).map(drop).map_err(BadFilter)
}

/// Starts the log on standard error. A second call changes nothing.
///
/// # Errors
/// If the filter is not in the syntax of `RUST_LOG`.
pub(crate) fn init(filter: &str, format: LogFormat) -> Result<(), BadFilter> {
    let filter = EnvFilter::try_new(filter).map_err(BadFilter)?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    let json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // Only a test that starts two gateways in one process comes here twice.
    let _ = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(io::stderr().is_terminal()).try_init()
    };
    Ok(())
}
