//! `[upstreams.NAME.retry]` and `[upstreams.NAME.breaker]`: what is asked again, and when nothing is asked at all.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::http::StatusCode;
use toml::Value;

use super::reader::Section;

/// When a call becomes more than one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Most attempts of one call; 1 leaves asking again to the client.
    pub attempts: u32,
    /// Statuses after which a call that starts a generation is asked again.
    pub submit_statuses: Vec<StatusCode>,
    /// Statuses after which a call that can be repeated freely is asked again.
    pub fetch_statuses: Vec<StatusCode>,
    /// Statuses after which a POST or PATCH that is not about videos is asked again.
    pub other_statuses: Vec<StatusCode>,
    /// What a 503 says about a call that may cost money, where nothing in it is the application's own word.
    pub bare_503: Bare503,
    /// Longest pause after the first attempt; each further one may be twice as long.
    pub backoff_base: Duration,
    /// Longest pause of our own choice.
    pub backoff_max: Duration,
    /// Longest pause an upstream may ask for; what asks for more goes to the client at once.
    pub retry_after_max: Duration,
    /// How soon the attempt of a call that starts a generation must have failed to be repeated.
    pub retry_on_failure_within: Duration,
    /// Repeats allowed for each call of the last 10 s, over all calls to the upstream.
    pub budget_ratio: f64,
    /// Repeats allowed in 10 s beside those.
    pub budget_min: u32,
    /// Longest body that is kept to be sent again, in bytes.
    pub replay_body: u64,
    /// Bytes of all bodies that are kept at a time.
    pub replay_total: u64,
    /// Whether a client is told not to repeat a call that was refused for want of quota.
    pub quota_stops_sdk: bool,
}

/// What a 503 says that has neither an error object nor a time to come back. Proxies and service meshes answer like
/// that, also when a connection breaks on which they had passed the call on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bare503 {
    /// Nothing: the upstream may have begun.
    #[default]
    Open,
    /// That nothing was begun.
    Refused,
}

/// When an upstream is left alone for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// Failures in a row that open it; 0 for never.
    pub consecutive: u32,
    /// Share of failures among the calls of `window` that opens it; 0 for never.
    pub ratio: f64,
    /// Least calls in `window` for `ratio` to mean anything.
    pub min_calls: u32,
    /// The time over which `ratio` is taken.
    pub window: Duration,
    /// How long it stays open at first; twice as long after each probe that fails.
    pub open: Duration,
    /// Longest it stays open.
    pub open_max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            submit_statuses: statuses(&[429, 503, 529]),
            fetch_statuses: statuses(&[429, 500, 502, 503, 504, 529]),
            other_statuses: statuses(&[429, 503, 529]),
            bare_503: Bare503::default(),
            backoff_base: Duration::from_millis(500),
            backoff_max: Duration::from_secs(8),
            retry_after_max: Duration::from_secs(20),
            retry_on_failure_within: Duration::from_secs(10),
            budget_ratio: 0.2,
            budget_min: 10,
            replay_body: 1 << 20,
            replay_total: 128 << 20,
            quota_stops_sdk: false,
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            consecutive: 5,
            ratio: 0.5,
            min_calls: 20,
            window: Duration::from_secs(30),
            open: Duration::from_secs(10),
            open_max: Duration::from_secs(60),
        }
    }
}

impl Retry {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let bare_503 = [("open", Bare503::Open), ("refused", Bare503::Refused)];
        let retry = Self {
            attempts: section.number("attempts", default.attempts, 1..=5),
            submit_statuses: read_statuses(&mut section, "submit_statuses", default.submit_statuses),
            fetch_statuses: read_statuses(&mut section, "fetch_statuses", default.fetch_statuses),
            other_statuses: read_statuses(&mut section, "other_statuses", default.other_statuses),
            bare_503: section.choice("bare_503", &bare_503, default.bare_503),
            backoff_base: section.duration("backoff_base", default.backoff_base),
            backoff_max: section.duration("backoff_max", default.backoff_max),
            retry_after_max: section.duration("retry_after_max", default.retry_after_max),
            retry_on_failure_within: section
                .duration("retry_on_failure_within", default.retry_on_failure_within),
            budget_ratio: read_share(&mut section, "budget_ratio", default.budget_ratio),
            budget_min: section.number("budget_min", default.budget_min, 0..=u32::MAX),
            replay_body: section.bytes("replay_body", default.replay_body),
            replay_total: section.bytes("replay_total", default.replay_total),
            quota_stops_sdk: section.flag("quota_stops_sdk", default.quota_stops_sdk),
        };
        section.finish();
        retry
    }
}

impl Breaker {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let breaker = Self {
            consecutive: section.number("consecutive", default.consecutive, 0..=u32::MAX),
            ratio: read_share(&mut section, "ratio", default.ratio),
            min_calls: section.number("min_calls", default.min_calls, 1..=u32::MAX),
            window: section.duration("window", default.window),
            open: section.duration("open", default.open),
            open_max: section.duration("open_max", default.open_max),
        };
        if breaker.open > breaker.open_max {
            section.problem("open", "longer than open_max is not allowed (lower it, or raise open_max)");
        }
        section.finish();
        breaker
    }
}

/// Statuses that may be worth another attempt: no other 4xx than 429 ever is.
const RETRYABLE: RangeInclusive<u16> = 500..=599;

fn is_retryable(status: u16) -> bool {
    status == 429 || RETRYABLE.contains(&status)
}

fn statuses(codes: &[u16]) -> Vec<StatusCode> {
    codes.iter().filter_map(|&code| StatusCode::from_u16(code).ok()).collect()
}

fn read_statuses(section: &mut Section<'_>, key: &'static str, default: Vec<StatusCode>) -> Vec<StatusCode> {
    let status = |item: &Value| {
        let code = u16::try_from(item.as_integer()?).ok().filter(|&code| is_retryable(code))?;
        StatusCode::from_u16(code).ok()
    };
    let read = |value: &Value| value.as_array()?.iter().map(status).collect();
    section.read(key, "use a list of 429 and statuses from 500 to 599", read).unwrap_or(default)
}

/// A number from 0 to 1.
/// A share, from 0 to 1.
pub(super) fn read_share(section: &mut Section<'_>, key: &'static str, default: f64) -> f64 {
    let read = |value: &Value| {
        let whole = || value.as_integer().and_then(|whole| u8::try_from(whole).ok()).map(f64::from);
        value.as_float().or_else(whole).filter(|share| (0.0..=1.0).contains(share))
    };
    section.read(key, "use a number from 0 to 1, such as 0.2", read).unwrap_or(default)
}
