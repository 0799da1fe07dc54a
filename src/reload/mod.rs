//! Another configuration in the place of the one that runs, without a restart.
//!
//! It is read when the process is told to (SIGHUP), and when other bytes stand in the files it was read from. It is
//! checked and built as a whole before anything of it counts; where that fails, everything stays as it is.
//!
//! [`origin`] reads · [`files`] and [`looks`] see what has changed on disk · [`difference`] tells what that changes ·
//! [`fixed`] is what only a restart changes. What goes on from one snapshot to the next is for
//! [`gateway`](crate::gateway) to say.

use std::future::pending;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use toml::Table;
use tracing::{error, info, warn};

use crate::config::Unusable;
use crate::gateway::next::Prepared;
use crate::gateway::{Gateway, Live, unix_seconds};
use crate::telemetry;

mod difference;
mod files;
mod fixed;
mod looks;
mod origin;

pub use origin::{Loaded, Origin, Source};

use files::Files;
use looks::Looks;
use origin::stated;

/// Reloads the configuration of a running gateway.
#[derive(Debug)]
pub struct Reload {
    origin: Arc<Origin>,
    live: Live,
    /// What the current snapshot was read from.
    loaded: Source,
    /// The document the process was started with: some of it counts until the next start.
    started: Table,
    /// What stood in the files when they were last read, whether or not it could be used.
    tried: Files,
    /// How they looked since then.
    looks: Looks,
    /// What stands there now, once that is something else.
    unsettled: Option<Files>,
}

/// How long files must stand still before they are read: whoever writes one may be in the middle of it, and half a
/// file may well be a configuration.
const SETTLED: Duration = Duration::from_millis(250);

/// Reloads whenever it is time to, until it is dropped. Without anything to be reloaded, a hangup is only not the end
/// of the process.
pub(crate) async fn run(reload: Option<Reload>, mut hangup: Signal) {
    if let Some(mut reload) = reload {
        loop {
            let told = tokio::select! {
                _ = hangup.recv() => true,
                () = reload.due() => false,
            };
            if told || reload.has_changed().await {
                reload.attempt(told).await;
            }
        }
    }
    loop {
        hangup.recv().await;
        warn!("SIGHUP: there is no configuration file that could be read again");
    }
}

impl Reload {
    /// Over the snapshot that was loaded from `origin`.
    #[must_use]
    pub fn new(origin: Origin, source: Source, live: Live) -> Self {
        for result in ["ok", "failed", "unchanged"] {
            // What has not happened yet is shown as well: only then it can be seen to happen.
            live.current().metrics.reloads.with_label_values(&[result]);
        }
        Self {
            origin: Arc::new(origin),
            live,
            started: source.document.clone(),
            tried: source.files.clone(),
            loaded: source,
            looks: Looks::default(),
            unsettled: None,
        }
    }

    /// Reads the files now. Whatever comes of it is counted, and said in the log.
    pub async fn now(&mut self) {
        self.attempt(true).await;
    }

    /// Resolves when the files are to be looked at.
    async fn due(&self) {
        match self.live.current().config.server.reload {
            Some(interval) if self.unsettled.is_some() => sleep(interval.min(SETTLED)).await,
            Some(interval) => sleep(interval).await,
            None => pending().await,
        }
    }

    /// Whether something else stands in the files than what was read last, and has done so for a while.
    async fn has_changed(&mut self) -> bool {
        let (tried, mut looks) = (self.tried.clone(), mem::take(&mut self.looks));
        let look = spawn_blocking(move || (looks.again(&tried, Instant::now()), looks));
        let Ok((now, looks)) = look.await else { return false };
        self.looks = looks;
        if now == self.tried {
            self.unsettled = None;
            return false;
        }
        let is_settled = self.unsettled.as_ref() == Some(&now);
        self.unsettled = (!is_settled).then_some(now);
        is_settled
    }

    /// `told`: by somebody who wants to know what came of it in any case.
    async fn attempt(&mut self, told: bool) {
        let (origin, current) = (Arc::clone(&self.origin), self.live.current());
        let loaded = self.loaded.files.clone();
        // Files may be far away, and the system's certificates are many.
        let read = spawn_blocking(move || read(&origin, &current, &loaded)).await;
        self.unsettled = None;
        let result = read
            .unwrap_or_else(|error| (self.tried.clone(), Err(stated(&format!("configuration: {error}")))));
        self.tried = result.0;
        let applied = match result.1 {
            Ok(Some((prepared, source))) => self.apply(prepared, source).await.map(|()| true),
            Ok(None) => Ok(false),
            Err(unusable) => Err(unusable),
        };
        match applied {
            Ok(true) => {
                self.count("ok");
            }
            Ok(false) => {
                let had_failed = self.count("unchanged");
                if told || had_failed {
                    info!("the configuration was read again: it is the one that runs");
                }
            }
            Err(unusable) => {
                complain(&unusable);
                self.count("failed");
            }
        }
    }

    /// Whether the attempt before had failed.
    fn count(&self, result: &str) -> bool {
        let metrics = &self.live.current().metrics;
        let had_failed = metrics.config_last_reload_successful.get() == 0;
        metrics.reloads.with_label_values(&[result]).inc();
        metrics.config_last_reload_successful.set((result != "failed").into());
        if result != "failed" {
            metrics.config_last_reload_success.set(unix_seconds());
        }
        had_failed
    }

    async fn apply(&mut self, prepared: Prepared, source: Source) -> Result<(), Unusable> {
        let old = self.live.current();
        let next = self.live.replace(prepared).await.map_err(|error| stated(&error.to_string()))?;
        if next.config.server.log != old.config.server.log {
            telemetry::set_filter(&next.config.server.log);
        }
        let difference = difference::between(&self.loaded.document, &source.document);
        let files: Vec<String> =
            source.files.unlike(&self.loaded.files).map(|path| path.display().to_string()).collect();
        info!(
            generation = next.version.generation,
            fingerprint = next.version.fingerprint,
            files = files.join(", "),
            "the configuration was reloaded: {difference}; kept: {}",
            difference.kept.join(", "),
        );
        // Those on settings that stay as they were are in the log already.
        let known = old.config.remarks();
        for remark in next.config.remarks().iter().filter(|remark| !known.contains(remark)) {
            warn!("remark on the configuration: {remark}");
        }
        let since_start = difference::between(&self.started, &source.document);
        let waiting = since_start.below(&fixed::KEYS);
        if !waiting.is_empty() {
            warn!(keys = waiting.join(", "), "takes a restart: until then it stays as it was");
        }
        self.loaded = source;
        Ok(())
    }
}

/// Which files were read, and what came of it; nothing where nothing else than `loaded` stands in them.
fn read(origin: &Origin, current: &Gateway, loaded: &Files) -> (Files, Attempted) {
    let (files, read) = origin.read();
    let prepared = read.and_then(|Loaded { mut config, source }| {
        if files == *loaded {
            return Ok(None);
        }
        fixed::keep(&mut config, &current.config);
        let prepared = current.prepare(config, source.fingerprint.clone());
        let prepared = prepared.map_err(|error| stated(&error.to_string()))?;
        Ok(Some((prepared, source)))
    });
    (files, prepared)
}

type Attempted = Result<Option<(Prepared, Source)>, Unusable>;

fn complain(Unusable(problems): &Unusable) {
    for problem in problems {
        error!("the new configuration cannot be used: {}", on_a_line(&problem.to_string()));
    }
    error!(problems = problems.len(), "the configuration stays as it was");
}

/// Without what a parser quotes of the file: something secret may stand there by mistake.
fn on_a_line(problem: &str) -> String {
    let is_quoted = |line: &&str| {
        line.trim_start_matches(|sign: char| sign.is_ascii_digit() || sign == ' ').starts_with('|')
    };
    problem.lines().filter(|line| !is_quoted(line)).map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::secret::Sources;

    /// SE03: a line of the file is no line for the log.
    #[test]
    fn a_problem_is_told_on_one_line_and_quotes_nothing() {
        let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        let toml = "[upstreams.main]\ncredential = \"sk-live";
        let Unusable(problems) =
            Config::parse(toml, std::path::Path::new(""), sources).expect_err("an open string");
        let told = on_a_line(&problems.first().expect("one").to_string());
        assert!(told.starts_with("configuration: TOML parse error at line 2, column"), "{told}");
        assert!(
            !told.contains("sk-live") && !told.contains('\n') && told.ends_with("(correct the TOML)"),
            "{told}"
        );
    }
}
