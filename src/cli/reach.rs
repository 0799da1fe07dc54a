//! What each key of a client can reach and spend: a table for `reelgate check`, and lines of the log at the start. Names
//! and numbers of the configuration, and nothing that a key could be found from.

use std::fmt::Display;
use std::time::SystemTime;

use tracing::info;

use super::columns::{self, short};
use crate::config::Config;
use crate::config::auth::{AuthMode, Key};
use crate::config::budget::{Budget, Limits};
use crate::config::quota::Quota;
use crate::config::routes::OtherAccess;

/// What one key can reach and spend, in words.
struct Reach {
    key: String,
    /// Whose it can reach.
    videos: String,
    models: String,
    budget: String,
    quota: String,
    expires: String,
    /// Last: it is the longest.
    routes: String,
}

const TITLES: [&str; 7] = ["KEY", "VIDEOS", "MODELS", "BUDGET", "QUOTA", "EXPIRES", "ROUTES"];

/// Keys that get a line each in the log. Of more, only their number and what they have in common is worth a line.
const LINES_MAX: usize = 20;
/// Names of a list that are told; `reelgate explain --key NAME` tells all.
const NAMES_MAX: usize = 3;
/// What is said of a limit that there is not.
const NO_LIMIT: &str = "no limit";

/// A line for each key, below a title; nothing where clients have none.
pub(super) fn table(config: &Config, now: SystemTime) -> String {
    if config.auth.mode != AuthMode::Keys {
        return String::new();
    }
    let rows: Vec<[String; 7]> = reaches(config, now).map(Reach::cells).collect();
    format!("\n{}", columns::table(TITLES, &rows))
}

/// Writes into the log what the keys can reach and spend.
pub(super) fn log(config: &Config, now: SystemTime) {
    if config.auth.mode != AuthMode::Keys {
        return;
    }
    let keys = &config.auth.keys;
    if keys.len() <= LINES_MAX {
        for Reach { key, videos, models, budget, quota, expires, routes } in reaches(config, now) {
            info!(key, videos, models, budget, quota, expires, routes, "what a key can reach and spend");
        }
        return;
    }
    let number = |is: &dyn Fn(&Key) -> bool| keys.iter().filter(|key| is(key)).count();
    info!(
        keys = keys.len(),
        with_all_models = number(&|key| key.models.is_none()),
        without_budget = number(&|key| !key.budget.is_limited()),
        with_other_routes =
            number(&|key| opens_more(config.routes.other_access(config.auth.mode, Some(key)))),
        expired = number(&|key| key.has_expired(now)),
        "what keys can reach and spend; `reelgate check` tells it of each"
    );
}

fn reaches(config: &Config, now: SystemTime) -> impl Iterator<Item = Reach> {
    config.auth.keys.iter().map(move |key| Reach::of(config, key, now))
}

impl Reach {
    fn of(config: &Config, key: &Key, now: SystemTime) -> Self {
        let quota = config.auth.quotas.iter().find(|(name, _)| *name == key.name);
        let models = key.models.as_ref().map(|models| listed(models.names().map(str::to_owned)));
        Self {
            key: short(&key.name),
            videos: videos(key),
            models: models.unwrap_or_else(|| "all".to_owned()),
            budget: budget(&key.budget),
            quota: quota.map_or_else(|| NO_LIMIT.to_owned(), |(_, limits)| rates(limits)),
            expires: expires(key, now),
            routes: routes(config.routes.other_access(config.auth.mode, Some(key))),
        }
    }

    fn cells(self) -> [String; 7] {
        let Self { key, videos, models, budget, quota, expires, routes } = self;
        [key, videos, models, budget, quota, expires, routes]
    }
}

fn videos(key: &Key) -> String {
    let own = key.group.as_ref().map_or_else(|| "own".to_owned(), |group| format!("group {}", short(group)));
    let former = (!key.formerly.is_empty()).then(|| {
        let names = key.formerly.iter().map(ToString::to_string);
        format!("formerly {}", listed(names))
    });
    let all = key.sees_all.then(|| "reads all".to_owned());
    [Some(own), former, all].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The first names, and how many more there are.
fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut words: Vec<String> = names.iter().take(NAMES_MAX).map(|name| short(name)).collect();
    if let Some(more) = names.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}

fn budget(budget: &Budget) -> String {
    let Budget { day, month } = budget;
    let windows = [(day, "a day"), (month, "a month")];
    let words: Vec<String> = windows
        .into_iter()
        .filter_map(|(limits, window)| Some(format!("{} {window}", amounts(limits)?)))
        .collect();
    if words.is_empty() { NO_LIMIT.to_owned() } else { words.join(", ") }
}

fn amounts(limits: &Limits) -> Option<String> {
    let Limits { requests, seconds, money } = limits;
    let amounts = [
        requests.map(|number| counted(number, "call")),
        seconds.map(|number| format!("{number} s")),
        money.map(|money| format!("{money} of money")),
    ];
    let words: Vec<String> = amounts.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" + "))
}

/// One thing, or several.
fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let ending = if number == N::from(1) { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

fn rates(quota: &Quota) -> String {
    let Quota { submit, fetch, other, jobs } = quota;
    let rate = [("submit", submit), ("fetch", fetch), ("other", other)].into_iter();
    let rate = rate.filter_map(|(class, quota)| Some(format!("{class} {}", quota.as_ref()?.rate)));
    // Zero lifts an inherited limit.
    let jobs = jobs.filter(|jobs| jobs.number > 0).map(|jobs| counted(jobs.number, "job"));
    let words: Vec<String> = rate.chain(jobs).collect();
    if words.is_empty() { NO_LIMIT.to_owned() } else { words.join(", ") }
}

fn routes(access: OtherAccess<'_>) -> String {
    match access {
        OtherAccess::Everything => "everything".to_owned(),
        OtherAccess::Nothing => "videos".to_owned(),
        OtherAccess::Listed(Some(list)) if list.allows_everything() => "everything".to_owned(),
        OtherAccess::Listed(Some(list)) if opens_more(access) => {
            format!("videos, models, {}", listed(list.entries()))
        }
        OtherAccess::Listed(_) => "videos, models".to_owned(),
    }
}

/// Whether more is open than videos and the list of models.
fn opens_more(access: OtherAccess<'_>) -> bool {
    match access {
        OtherAccess::Everything => true,
        OtherAccess::Nothing => false,
        OtherAccess::Listed(list) => list.is_some_and(|list| list.entries().next().is_some()),
    }
}

fn expires(key: &Key, now: SystemTime) -> String {
    let Some(at) = key.expires else { return "never".to_owned() };
    let date = humantime::format_rfc3339_seconds(at);
    if key.has_expired(now) { format!("has expired, {date}") } else { date.to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::config::secret::Sources;

    fn config(toml: &str) -> Config {
        let sources =
            Sources { var: &|_| Some("x".to_owned()), file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        Config::parse(toml, Path::new(""), sources).unwrap_or_else(|problems| panic!("{problems}"))
    }

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn printed(keys: &str) -> String {
        let toml = format!("presets = [\"openai\"]\n[auth]\nmode = \"keys\"\n{keys}");
        table(&config(&toml), SystemTime::UNIX_EPOCH + NOW)
    }

    /// What stands in a line, but for the spaces between columns.
    fn cells(line: &str) -> Vec<&str> {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
    }

    #[test]
    fn each_key_has_a_line_with_what_it_can_reach_and_spend() {
        let (one, other, third) = ("01".repeat(32), "02".repeat(32), "03".repeat(32));
        let text = printed(&format!(
            r#"key_quota = {{ submit = {{ rate = "30/min" }}, max_jobs = 4 }}
            [auth.keys.team-a]
            sha256 = "{one}"
            models = ["sora-2"]
            budget = {{ day = {{ requests = 100, seconds = 600 }}, month = {{ requests = 2000 }} }}
            expires = "2027-06-30T00:00:00Z"
            [auth.keys.team-b]
            sha256 = "{other}"
            group = "studio"
            formerly = ["old"]
            quota = {{ max_jobs = 0, fetch = {{ rate = "5/s" }} }}
            expires = "2020-01-01T00:00:00Z"
            allow = ["/v1/a", "/v1/b", "/v1/c", "/v1/d", "/v1/e"]
            [auth.keys.team-c]
            sha256 = "{third}"
            sees = "all"
            allow = ["*"]
            [routes]
            allow = ["POST /v1/chat/completions"]"#
        ));
        let rows: Vec<Vec<&str>> = text.lines().map(cells).collect();
        let expected = [
            &[][..],
            &TITLES,
            &[
                "team-a",
                "own",
                "sora-2",
                "100 calls + 600 s a day, 2000 calls a month",
                "submit 30/min, 4 jobs",
                "2027-06-30T00:00:00Z",
                "videos, models, POST /v1/chat/completions",
            ],
            &[
                "team-b",
                "group studio, formerly old",
                "all",
                "no limit",
                "submit 30/min, fetch 5/s",
                "has expired, 2020-01-01T00:00:00Z",
                "videos, models, /v1/a, /v1/b, /v1/c, 2 more",
            ],
            &["team-c", "own, reads all", "all", "no limit", "submit 30/min, 4 jobs", "never", "everything"],
        ];
        assert_eq!(rows, expected, "{text}");
        for hash in [one, other, third] {
            assert!(!text.contains(hash.get(..8).expect("a hash")), "a hash is shown: {text}");
        }
    }

    #[test]
    fn what_is_not_limited_and_not_opened_is_said() {
        let text = printed(&format!("[auth.keys.team]\nsha256 = \"{}\"", "01".repeat(32)));
        let line = cells(text.lines().last().expect("a line"));
        assert_eq!(line, ["team", "own", "all", "no limit", "no limit", "never", "videos, models"], "{text}");
    }

    #[test]
    fn two_hundred_keys_are_two_hundred_lines() {
        let keys: String = (0..200)
            .map(|number| format!("[auth.keys.team-{number}]\nsha256 = \"{number:064x}\"\n"))
            .collect();
        let text = printed(&keys);
        assert_eq!(text.lines().count(), 202, "a title and an empty line before it");
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| widest < 80), "{widest:?}");
    }

    #[test]
    fn clients_without_keys_have_no_table() {
        assert_eq!(table(&config(""), SystemTime::UNIX_EPOCH), "");
    }
}
