//! Faults on command: how they are written, and the scripts that play them.
//!
//! A fault is written as words between semicolons, the first being what happens:
//!
//! | word | what happens |
//! |---|---|
//! | `ok` | nothing |
//! | `429`, `status=429` | an error of that status, 400 to 599, in the service's words; nothing is done |
//! | `reset` | the request is read, then the connection is closed without an answer |
//! | `stall` | the request is read, then nothing, for as long as the client waits |
//! | `stall=100` | the answer stops after 100 bytes of its body |
//! | `truncate=100` | the connection breaks after 100 bytes of the announced body |
//! | `accept-then-reset`, `accept-then-stall`, `accept-then-500` | first does what was asked, then that |
//!
//! and after it, or alone:
//!
//! | word | what it adds |
//! |---|---|
//! | `delay=1500ms` | waits before it, at most ten minutes |
//! | `retry-after=2`, `retry-after-ms=1500` | that header on an error, the text as it is |
//! | `kind=rate`, `kind=quota`, `kind=overloaded`, `kind=tasks` | which of the errors a 429 is |
//!
//! The header `x-sandbox-fault` has a fault for its own request. For faults in a row,
//! `POST /sandbox/faults` takes
//! `{"on":"POST /v1/videos","script":["429;retry-after=1","reset","ok"],"repeat":false}`:
//! each request whose method and path match `on` (`*` stands for anything, `?` for one character)
//! uses up one fault, from the oldest script that has any left; with `repeat` a script never ends.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// The longest wait before a fault.
const MAX_DELAY: Duration = Duration::from_secs(600);
/// Scripts kept, and faults in one of them.
const MAX_SCRIPTS: usize = 100;
const MAX_STEPS: usize = 1000;

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    /// Wait before anything else.
    pub(super) delay: Duration,
    /// Do what was asked before the fault.
    pub(super) accepts: bool,
    /// The fault.
    pub(super) act: Act,
    /// Headers of an error.
    pub(super) retry_after: Option<HeaderValue>,
    /// Headers of an error.
    pub(super) retry_after_ms: Option<HeaderValue>,
    /// Which of the errors a 429 is.
    pub(super) limit: Limit,
}

/// The fault itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Act {
    /// None.
    #[default]
    Nothing,
    /// An error.
    Status(StatusCode),
    /// The connection breaks after this many bytes of the body.
    Truncate(usize),
    /// The connection closes without an answer.
    Reset,
    /// The answer never comes.
    Stall,
    /// The answer stops after this many bytes of the body.
    StallAfter(usize),
}

/// The reasons of a 429.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Limit {
    /// Too many requests in a minute.
    #[default]
    Rate,
    /// No money left.
    Quota,
    /// The service has no room.
    Overloaded,
    /// Too many jobs at once.
    Tasks,
}

/// The scripts that are played, oldest first.
#[derive(Default, Serialize)]
pub(super) struct Scripts(VecDeque<Script>);

/// Faults in a row for matching requests, as asked for by `POST /sandbox/faults`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    on: String,
    script: VecDeque<String>,
    #[serde(default)]
    repeat: bool,
}

// === impl Fault ===

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fault = Self::default();
        for word in text.split(';').map(str::trim).filter(|word| !word.is_empty()) {
            fault.add(word)?;
        }
        Ok(fault)
    }
}

impl Fault {
    fn add(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match name {
            "delay" => self.delay = delay(value)?,
            "retry-after" => self.retry_after = Some(header(value)?),
            "retry-after-ms" => self.retry_after_ms = Some(header(value)?),
            "kind" => self.limit = limit(value)?,
            _ => {
                let act = word.strip_prefix("accept-then-");
                self.accepts = act.is_some();
                self.act = act.unwrap_or(word).parse()?;
            }
        }
        Ok(())
    }

    /// Whether the request gets to where it would go without the fault.
    pub(super) fn reaches_the_api(&self) -> bool {
        match self.act {
            Act::Nothing | Act::Truncate(_) | Act::StallAfter(_) => true,
            Act::Status(_) | Act::Reset | Act::Stall => self.accepts,
        }
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match (name, value) {
            ("ok", "") => Ok(Self::Nothing),
            ("reset", "") => Ok(Self::Reset),
            ("stall", "") => Ok(Self::Stall),
            ("stall", bytes) => Ok(Self::StallAfter(number(bytes)?)),
            ("truncate", bytes) => Ok(Self::Truncate(number(bytes)?)),
            ("status", code) | (code, "") => status(code),
            _ => Err(unknown(word)),
        }
    }
}

fn status(code: &str) -> Result<Act, String> {
    let status = code.parse::<u16>().ok().filter(|code| (400..600).contains(code));
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    status.map(Act::Status).ok_or_else(|| unknown(code))
}

fn unknown(word: &str) -> String {
    format!(
        "{word} is no fault; write ok, reset, stall, stall=BYTES, truncate=BYTES or a status from 400 to 599, with \
         or without accept-then- before it, and delay=TIME, retry-after=SECONDS, retry-after-ms=MILLISECONDS or \
         kind=rate|quota|overloaded|tasks after a semicolon"
    )
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text:?} is no number of bytes; write digits, as in truncate=100"))
}

fn delay(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(delay) if delay <= MAX_DELAY => Ok(delay),
        Ok(_) => Err(format!("a delay of {text} is too long; use 10m or less")),
        Err(_) => Err(format!("{text:?} is no time; write it as in delay=1500ms")),
    }
}

fn header(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("{text:?} cannot stand in a header"))
}

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "rate" => Ok(Limit::Rate),
        "quota" => Ok(Limit::Quota),
        "overloaded" => Ok(Limit::Overloaded),
        "tasks" => Ok(Limit::Tasks),
        other => Err(format!("there is no kind {other:?}; use rate, quota, overloaded or tasks")),
    }
}

// === impl Scripts ===

impl Scripts {
    /// Adds a script after reading all of its faults once.
    ///
    /// # Errors
    ///
    /// What is wrong with the script, and what to write instead.
    pub(super) fn add(&mut self, script: Script) -> Result<(), String> {
        if self.0.len() >= MAX_SCRIPTS || script.script.len() > MAX_STEPS {
            return Err(format!("there is room for {MAX_SCRIPTS} scripts of {MAX_STEPS} faults each"));
        }
        for step in &script.script {
            step.parse::<Fault>()?;
        }
        if !script.script.is_empty() {
            self.0.push_back(script);
        }
        Ok(())
    }

    /// Takes the next fault for a request, as it was written.
    pub(super) fn next(&mut self, method: &str, path: &str) -> Option<String> {
        let request = format!("{method} {path}");
        let matches = |script: &Script| WildMatch::new(&script.on).matches(&request);
        let place = self.0.iter().position(matches)?;
        let script = self.0.get_mut(place)?;
        let step = script.script.pop_front()?;
        if script.repeat {
            script.script.push_back(step.clone());
        } else if script.script.is_empty() {
            self.0.remove(place);
        }
        Some(step)
    }

    /// Drops all scripts.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        text.parse().unwrap()
    }

    #[test]
    fn every_fault_of_the_table_can_be_written() {
        let too_many = Act::Status(StatusCode::TOO_MANY_REQUESTS);
        let cases = [
            ("ok", Act::Nothing, true),
            ("", Act::Nothing, true),
            ("429", too_many, false),
            ("status=429", too_many, false),
            ("reset", Act::Reset, false),
            ("stall", Act::Stall, false),
            ("stall=100", Act::StallAfter(100), true),
            ("truncate=100", Act::Truncate(100), true),
            ("accept-then-reset", Act::Reset, true),
            ("accept-then-stall", Act::Stall, true),
            ("accept-then-500", Act::Status(StatusCode::INTERNAL_SERVER_ERROR), true),
        ];
        for (text, act, reaches_the_api) in cases {
            let fault = fault(text);
            assert_eq!((fault.act, fault.reaches_the_api()), (act, reaches_the_api), "{text}");
        }
    }

    #[test]
    fn words_after_the_first_add_to_it() {
        let fault = fault("status=429; retry-after=2; retry-after-ms=1500; kind=quota; delay=1500ms");
        assert_eq!(fault.retry_after.unwrap(), "2");
        assert_eq!(fault.retry_after_ms.unwrap(), "1500");
        assert_eq!(fault.limit, Limit::Quota);
        assert_eq!(fault.delay, Duration::from_millis(1500));
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_what_to_write() {
        let cases = [
            ("explode", "write ok, reset"),
            ("status=200", "from 400 to 599"),
            ("truncate=some", "as in truncate=100"),
            ("delay=long", "as in delay=1500ms"),
            ("delay=2h", "10m or less"),
            ("kind=bad", "use rate, quota"),
        ];
        for (text, advice) in cases {
            let refused = text.parse::<Fault>().unwrap_err();
            assert!(refused.contains(advice), "{text}: {refused}");
        }
    }

    fn script(on: &str, steps: &[&str], repeat: bool) -> Script {
        Script { on: on.into(), script: steps.iter().map(|step| (*step).to_owned()).collect(), repeat }
    }

    #[test]
    fn a_script_is_used_up_by_the_requests_it_is_for() {
        let mut scripts = Scripts::default();
        scripts.add(script("POST /v1/videos", &["429", "ok"], false)).unwrap();

        assert_eq!(scripts.next("GET", "/v1/videos"), None);
        assert_eq!(scripts.next("POST", "/v1/videos/edits"), None);
        assert_eq!(scripts.next("POST", "/v1/videos").as_deref(), Some("429"));
        assert_eq!(scripts.next("POST", "/v1/videos").as_deref(), Some("ok"));
        assert_eq!(scripts.next("POST", "/v1/videos"), None);
    }

    #[test]
    fn a_repeated_script_never_ends() {
        let mut scripts = Scripts::default();
        scripts.add(script("* /v1/videos/*", &["500", "503"], true)).unwrap();
        let played: Vec<_> = (0..4).filter_map(|_| scripts.next("GET", "/v1/videos/video_1")).collect();
        assert_eq!(played, ["500", "503", "500", "503"]);
    }

    #[test]
    fn a_script_with_a_mistake_is_refused_whole() {
        let mut scripts = Scripts::default();
        scripts.add(script("*", &["429", "explode"], false)).unwrap_err();
        assert_eq!(scripts.next("GET", "/"), None);
    }
}
