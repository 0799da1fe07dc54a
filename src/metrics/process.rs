//! The process itself: what was built, and how it runs.

use prometheus::{Error, IntGaugeVec};

use super::registering::Registering;

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, where the build says so.
pub const COMMIT: &str = match option_env!("REELGATE_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// A gauge that is not on the page before it is set: what it speaks of need not exist.
#[derive(Clone, Debug)]
pub struct OptionalGauge(IntGaugeVec);

impl OptionalGauge {
    pub(super) fn new(new: &Registering, name: &str, help: &str) -> Result<Self, Error> {
        new.gauges(name, help, &[]).map(Self)
    }

    /// Sets it, and shows it from now on.
    pub fn set(&self, value: i64) {
        self.0.with_label_values::<&str>(&[]).set(value);
    }
}

/// Says what was built, and has the process watched.
pub(super) fn register(new: &Registering) -> Result<(), Error> {
    let build = new.gauges("build_info", "What was built: always 1.", &["version", "commit"])?;
    build.with_label_values(&[VERSION, COMMIT]).set(1);
    #[cfg(target_os = "linux")]
    new.collector(prometheus::process_collector::ProcessCollector::for_self())?;
    Ok(())
}
