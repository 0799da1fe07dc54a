//! `[quota]`, everybody's and each key's, model's and upstream's: how many calls in a time, and jobs at a time.
//! And `[jobs]`: how long a job may hold what it holds.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::reader::Section;
use crate::rejection::Per;

/// One quota table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Calls that start a generation. `None`: as many as come.
    pub submit: Option<RateQuota>,
    /// Calls that read, list, download or delete videos.
    pub fetch: Option<RateQuota>,
    /// Calls that are not about videos.
    pub other: Option<RateQuota>,
    /// Jobs that run at the same time; a number of zero is no limit, and lifts an inherited one.
    pub jobs: Option<Places>,
}

/// How many calls in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateQuota {
    /// How fast the bucket refills.
    pub rate: Rate,
    /// How much it holds.
    pub burst: NonZeroU32,
    /// How long a call may wait for its turn. Zero: it is refused at once.
    pub wait: Duration,
    /// How many calls may wait.
    pub queue: usize,
}

/// So many in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub tokens: NonZeroU32,
    /// In how much time.
    pub per: Per,
}

/// How many of something at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// How many.
    pub number: usize,
    /// How many may wait for one.
    pub queue: usize,
    /// How long they may wait.
    pub wait: Duration,
}

/// `[jobs]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Whether the gateway polls jobs that hold slots and that nobody polls.
    pub on: bool,
    /// How long nobody must have polled a job.
    pub after: Duration,
    /// How often it is then polled.
    pub interval: Duration,
    /// How long a job may hold its slots, whatever becomes of it.
    pub max_hold: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            on: true,
            after: Duration::from_mins(1),
            interval: Duration::from_secs(30),
            max_hold: Duration::from_hours(1),
        }
    }
}

impl Rate {
    /// How long one token takes to refill; never zero. Rounded up: never more than the rate.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let nanos = self.per.duration().as_nanos().div_ceil(u128::from(self.tokens.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// As it is written in the configuration.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
            Per::Hour => "h",
            Per::Day => "day",
        };
        write!(f, "{}/{per}", self.tokens)
    }
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (tokens, per) = text.split_once('/').ok_or(())?;
        let tokens: u32 = tokens.trim().parse().map_err(|_| ())?;
        let per = match per.trim() {
            "s" | "sec" | "second" => Per::Second,
            "min" | "minute" => Per::Minute,
            "h" | "hour" => Per::Hour,
            "day" => Per::Day,
            _ => return Err(()),
        };
        let tokens = NonZeroU32::new(tokens).filter(|tokens| tokens.get() <= TOKENS_MAX).ok_or(())?;
        Ok(Self { tokens, per })
    }
}

/// Above it nothing is limited: the gateway itself takes fewer calls.
const TOKENS_MAX: u32 = 1_000_000;
/// A line that nobody reaches the end of is no use.
const QUEUE_MAX: u32 = 10_000;
/// A bucket that takes longer to refill is not meant.
const REFILL_MAX: Duration = Duration::from_hours(366 * 24);
const RATE_RIGHT: &str =
    "use a number from 1 to 1000000 and a time, such as \"5/s\", \"60/min\", \"100/h\" or \"1000/day\"";

impl Quota {
    /// As [`Self::read`], for a model: polls name none.
    fn read_creates(mut section: Section<'_>) -> Self {
        let submit = read_rate(section.optional_section("submit"));
        let jobs = read_jobs(&mut section);
        section.finish();
        Self { submit, jobs, ..Self::default() }
    }

    pub(super) fn read(mut section: Section<'_>) -> Self {
        let quota = Self {
            submit: read_rate(section.optional_section("submit")),
            fetch: read_rate(section.optional_section("fetch")),
            other: read_rate(section.optional_section("other")),
            jobs: read_jobs(&mut section),
        };
        section.finish();
        quota
    }

    /// This quota where it says something, and `default` where it does not.
    #[must_use]
    pub(super) fn or(self, default: Self) -> Self {
        Self {
            submit: self.submit.or(default.submit),
            fetch: self.fetch.or(default.fetch),
            other: self.other.or(default.other),
            jobs: self.jobs.or(default.jobs),
        }
    }
}

/// Reads the quota of a model.
pub(super) fn of_model(name: &str, section: &mut Section<'_>) -> (Arc<str>, Quota) {
    (Arc::from(name), Quota::read_creates(section.section("quota")))
}

/// Reads the quota of a name.
pub(super) fn named(name: &str, section: &mut Section<'_>) -> (Arc<str>, Quota) {
    (Arc::from(name), Quota::read(section.section("quota")))
}

fn read_rate(section: Option<Section<'_>>) -> Option<RateQuota> {
    let mut section = section?;
    let rate: Option<Rate> = section.parsed("rate", RATE_RIGHT);
    if rate.is_none() && section.value("rate").is_none() {
        section.problem("rate", format!("missing ({RATE_RIGHT})"));
    }
    let tokens = rate.map_or(1, |rate| rate.tokens.get());
    let burst = section.number("burst", tokens, 1..=TOKENS_MAX);
    let wait = section.duration_or_zero("wait", Duration::ZERO);
    let queue = section.number("queue", 64, 1..=QUEUE_MAX) as usize;
    if let Some(rate) = rate {
        check_refill(&section, rate, burst);
    }
    section.finish();
    Some(RateQuota { rate: rate?, burst: NonZeroU32::new(burst)?, wait, queue })
}

fn check_refill(section: &Section<'_>, rate: Rate, burst: u32) {
    if rate.interval().saturating_mul(burst) > REFILL_MAX {
        let most = REFILL_MAX.as_nanos() / rate.interval().as_nanos().max(1);
        section.problem(
            "burst",
            format!("{burst} is not allowed: it takes more than a year to refill (use {most} or less)"),
        );
    }
}

fn read_jobs(section: &mut Section<'_>) -> Option<Places> {
    let named = section.value("max_jobs").is_some();
    let number = section.number("max_jobs", 0, 0..=TOKENS_MAX) as usize;
    let queue = section.number("jobs_queue", 64, 0..=QUEUE_MAX) as usize;
    let wait = section.duration_or_zero("jobs_wait", Duration::from_secs(30));
    named.then_some(Places { number, queue, wait })
}

impl Watch {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let watch = Self {
            on: section.flag("watch", default.on),
            after: section.duration("watch_after", default.after),
            interval: section.duration("watch_interval", default.interval),
            max_hold: section.duration("max_hold", default.max_hold),
        };
        section.finish();
        watch
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;
    use crate::config::reader::Notes;

    fn read(text: &str) -> (Quota, Vec<String>) {
        let table: Table = toml::from_str(text).expect("TOML");
        let notes = Notes::default();
        let quota = Quota::read(Section::root(&table, &notes).section("quota"));
        (quota, notes.into_problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        let second = |text: &str| text.parse::<Rate>().map(|rate| rate.interval());
        assert_eq!(second("60/min"), Ok(Duration::from_secs(1)));
        assert_eq!(second("1 / minute"), Ok(Duration::from_mins(1)));
        assert_eq!(second("4/s"), second("4/second"));
        assert_eq!(second("24/day"), second("1/h"));
        assert_eq!(second("7/hour"), Ok(Duration::from_nanos(514_285_714_286)), "never more than the rate");
        for text in ["", "60", "/min", "60/", "0/min", "-1/s", "1.5/s", "60/fortnight", "1000001/s", "1/s/s"]
        {
            assert_eq!(second(text), Err(()), "{text}");
        }
    }

    #[test]
    fn only_the_rate_is_required() {
        let (quota, problems) = read("quota = { submit = { rate = \"3/min\" }, max_jobs = 2 }");
        assert_eq!(problems, [] as [&str; 0]);
        let submit = quota.submit.expect("a quota");
        assert_eq!((submit.burst.get(), submit.wait, submit.queue), (3, Duration::ZERO, 64));
        assert_eq!(quota.jobs, Some(Places { number: 2, queue: 64, wait: Duration::from_secs(30) }));
        assert_eq!((quota.fetch, quota.other), (None, None));
    }

    #[test]
    fn every_mistake_is_reported_with_its_path_and_what_would_be_right() {
        let (_, problems) = read(
            r#"[quota]
            submit = { rate = "60/fortnight", burst = 0, wait = "soon" }
            fetch = { burst = 5 }
            other = { rate = "1/day", burst = 1000, queue = 0 }
            submits = 1
            max_jobs = -1"#,
        );
        let expected = [
            "quota.submit.rate: \"60/fortnight\" is not allowed (use a number from 1 to 1000000 and a time, such as \
             \"5/s\", \"60/min\", \"100/h\" or \"1000/day\")",
            "quota.submit.burst: 0 is not allowed (use a whole number from 1 to 1000000)",
            "quota.submit.wait: \"soon\" is not allowed (use a time with its unit, such as \"0s\", \"500ms\" or \
             \"10s\")",
            "quota.fetch.rate: missing (use a number from 1 to 1000000 and a time, such as \"5/s\", \"60/min\", \
             \"100/h\" or \"1000/day\")",
            "quota.other.queue: 0 is not allowed (use a whole number from 1 to 10000)",
            "quota.other.burst: 1000 is not allowed: it takes more than a year to refill (use 366 or less)",
            "quota.max_jobs: -1 is not allowed (use a whole number from 0 to 1000000)",
            "quota.submits: unknown key (did you mean \"submit\"?)",
        ];
        assert_eq!(problems, expected);
    }

    #[test]
    fn a_quota_takes_from_the_default_what_it_does_not_say() {
        let (default, _) = read("quota = { submit = { rate = \"3/min\" }, max_jobs = 2 }");
        let (own, _) = read("quota = { submit = { rate = \"9/min\" }, fetch = { rate = \"1/s\" } }");
        let both = own.or(default);
        assert_eq!((both.submit, both.fetch, both.jobs), (own.submit, own.fetch, default.jobs));
        let (lifted, _) = read("quota = { max_jobs = 0 }");
        assert_eq!(lifted.or(default).jobs.map(|places| places.number), Some(0));
    }
}
