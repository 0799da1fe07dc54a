//! `[ledger]`: where paid calls are written down, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;
use super::redis;

/// `[ledger]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What holds the records.
    pub store: StoreKind,
    /// The file, from the working directory.
    pub path: PathBuf,
    /// How long records are kept, but for those of jobs.
    pub keep: Duration,
    /// How long the record of a job is kept that its client has not deleted: whose it is, and where. `None`: for as long as
    /// it is not deleted.
    pub keep_jobs: Option<Duration>,
    /// How long answers are kept to be given again, and idempotency keys count.
    pub keep_answers: Duration,
    /// How long a try is remembered for an SDK's own repeat of it.
    pub repeat_window: Duration,
    /// What a written record outlives.
    pub sync: Sync,
    /// How long the store may take.
    pub timeout: Duration,
    /// Records that may wait to be written.
    pub queue: u32,
    /// The server that holds the records, where one does.
    pub redis: Option<redis::Settings>,
}

/// What holds the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// An SQLite file.
    #[default]
    Sqlite,
    /// This process: they end with it.
    Memory,
    /// A Redis server, which several gateways share.
    Redis,
}

/// What a written record outlives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Also a power failure: every commit waits for the disk.
    #[default]
    Full,
    /// The process; a power failure may cost the last moments.
    Normal,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: StoreKind::Sqlite,
            path: PathBuf::from("reelgate-ledger.db"),
            keep: Duration::from_secs(90 * 24 * 3600),
            keep_jobs: None,
            keep_answers: Duration::from_secs(24 * 3600),
            repeat_window: Duration::from_secs(600),
            sync: Sync::Full,
            timeout: Duration::from_secs(5),
            queue: 1024,
            redis: None,
        }
    }
}

impl Settings {
    /// `redis`: the server there is.
    pub(super) fn read(mut section: Section<'_>, redis: Option<&redis::Settings>) -> Self {
        let default = Self::default();
        let stores =
            [("sqlite", StoreKind::Sqlite), ("memory", StoreKind::Memory), ("redis", StoreKind::Redis)];
        let syncs = [("full", Sync::Full), ("normal", Sync::Normal)];
        let store = section.choice("store", &stores, default.store);
        let settings = Self {
            redis: redis.filter(|_| store == StoreKind::Redis).cloned(),
            store,
            path: section.text("path").map_or(default.path, PathBuf::from),
            keep: section.duration("keep", default.keep),
            keep_jobs: section.duration_or_forever("keep_jobs", default.keep_jobs),
            keep_answers: section.duration("keep_answers", default.keep_answers),
            repeat_window: section.duration("repeat_window", default.repeat_window),
            sync: section.choice("sync", &syncs, default.sync),
            timeout: section.duration("timeout", default.timeout),
            queue: section.number("queue", default.queue, 1..=1_000_000),
        };
        if settings.repeat_window > settings.keep_answers {
            section
                .problem("repeat_window", "longer than keep_answers (a repeat needs the answer; use less)");
        }
        if settings.keep_jobs.is_some_and(|jobs| jobs < settings.keep) {
            section.problem(
                "keep_jobs",
                "shorter than keep (the record of a job is one of those; use more, or \"forever\")",
            );
        }
        if settings.keep_answers > settings.keep {
            section.problem("keep_answers", "longer than keep (an answer needs its record; use less)");
        }
        if store == StoreKind::Redis && redis.is_none() {
            section.problem("store", "\"redis\" needs to know where that is (add [redis] with its url)");
        }
        if settings.redis.as_ref().is_some_and(|redis| redis.lease < settings.timeout * 2) {
            let what = "shorter than two of ledger.timeout (one late word would make a gateway count as dead; use more)";
            section.problem_at("redis.lease", what);
        }
        section.finish();
        settings
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use crate::config::secret::Sources;

    fn problems(text: &str) -> String {
        let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let sources = Sources { var: &|_| None, file: &nothing };
        Config::parse(text, Path::new(""), sources)
            .map(|_| String::new())
            .unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn a_ledger_in_redis_needs_to_know_where_that_is_and_a_lease_that_outlasts_its_time_out() {
        let store = "[ledger]\nstore = \"redis\"\n";
        let redis = "[redis]\nurl = \"redis://10.0.0.1\"\n";
        assert!(problems(store).starts_with("ledger.store: "), "{}", problems(store));
        assert_eq!(problems(&format!("{store}{redis}")), "");
        let short = problems(&format!("{store}{redis}lease = \"9s\""));
        assert!(short.starts_with("redis.lease: "), "{short}");
        assert_eq!(problems(&format!("{redis}lease = \"9s\"")), "", "nobody asks for it");
    }
}
