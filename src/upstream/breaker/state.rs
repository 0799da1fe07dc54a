//! When an upstream is left alone. A pure state machine: the time is passed in.

use std::time::Duration;

use tokio::time::Instant;

use super::super::window::{Sums, Window};
use crate::config::retry::Breaker as Settings;

/// The breaker of one upstream.
#[derive(Debug)]
pub(crate) struct State {
    settings: Settings,
    phase: Phase,
    /// Changes with the phase: what was let in before says nothing about what is now.
    era: u64,
    window: Window,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    Open {
        until: Instant,
        /// How long it is open, to be doubled.
        open: Duration,
    },
    HalfOpen {
        open: Duration,
        /// Until when nobody else may try.
        probing: Option<Instant>,
    },
}

/// Where the breaker stands, for those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Calls pass.
    Closed,
    /// One call at a time may try.
    HalfOpen,
    /// Nothing passes.
    Open,
}

impl Position {
    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }

    /// Value of the gauge.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// That an attempt was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u64);

/// What an attempt says of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    Bad {
        /// How long the upstream asks to be left alone.
        wait: Option<Duration>,
    },
    /// Nothing: it was the client's fault, or nobody waited for its end.
    Untold,
}

impl State {
    pub(crate) fn new(settings: &Settings) -> Self {
        let window = Window::new(settings.window);
        Self { settings: settings.clone(), phase: Phase::Closed { failures: 0 }, era: 0, window }
    }

    pub(crate) const fn position(&self) -> Position {
        match self.phase {
            Phase::Closed { .. } => Position::Closed,
            Phase::Open { .. } => Position::Open,
            Phase::HalfOpen { .. } => Position::HalfOpen,
        }
    }

    /// Failures in a row while calls pass.
    pub(crate) const fn failures(&self) -> u32 {
        match self.phase {
            Phase::Closed { failures } => failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => 0,
        }
    }

    /// Until when nothing will be let in.
    pub(crate) const fn open_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { until, .. } => Some(until),
            Phase::Closed { .. } | Phase::HalfOpen { .. } => None,
        }
    }

    /// Lets an attempt in, or says how long to stay away.
    pub(crate) fn enter(&mut self, now: Instant) -> Result<Entry, Duration> {
        if let Phase::Open { until, open } = self.phase {
            if now < until {
                return Err(until - now);
            }
            self.go(Phase::HalfOpen { open, probing: None });
        }
        if let Phase::HalfOpen { probing, open } = &mut self.phase {
            if probing.is_some_and(|until| now < until) {
                return Err(PROBE_WAIT);
            }
            // A probe may be a call that takes minutes. Everybody else does not wait that long.
            *probing = Some(now + *open);
        }
        Ok(Entry(self.era))
    }

    /// An attempt that was let in has ended.
    pub(crate) fn leave(&mut self, entry: Entry, health: Health, now: Instant) {
        if entry.0 != self.era {
            return;
        }
        match (self.phase, health) {
            (Phase::HalfOpen { open, .. }, Health::Untold) => {
                self.phase = Phase::HalfOpen { open, probing: None };
            }
            (Phase::HalfOpen { .. }, Health::Good) => {
                self.window.clear();
                self.go(Phase::Closed { failures: 0 });
            }
            (Phase::HalfOpen { open, .. }, Health::Bad { wait }) => {
                self.open(open.saturating_mul(2), wait, now);
            }
            (Phase::Closed { .. }, Health::Good) => {
                self.window.add(now, Sums { all: 1, marked: 0 });
                self.phase = Phase::Closed { failures: 0 };
            }
            (Phase::Closed { failures }, Health::Bad { wait }) => self.fail(failures + 1, wait, now),
            // Nothing is let in where it is open.
            (Phase::Closed { .. }, Health::Untold) | (Phase::Open { .. }, _) => {}
        }
    }

    fn fail(&mut self, failures: u32, wait: Option<Duration>, now: Instant) {
        self.window.add(now, Sums { all: 1, marked: 1 });
        let Settings { consecutive, ratio, min_calls, open, .. } = self.settings;
        let Sums { all, marked } = self.window.sums(now);
        let in_a_row = consecutive > 0 && failures >= consecutive;
        let share = ratio > 0.0 && all >= u64::from(min_calls) && marked as f64 >= ratio * all as f64;
        if in_a_row || share {
            self.open(open, wait, now);
        } else {
            self.phase = Phase::Closed { failures };
        }
    }

    /// Opens for so long, or as long as the upstream asks for.
    fn open(&mut self, open: Duration, wait: Option<Duration>, now: Instant) {
        let open = open.min(self.settings.open_max);
        let asked = wait.unwrap_or_default().min(self.settings.open_max);
        self.go(Phase::Open { until: now + open.max(asked), open });
    }

    fn go(&mut self, phase: Phase) {
        self.phase = phase;
        self.era += 1;
    }
}

/// What callers are told to wait while another one probes.
const PROBE_WAIT: Duration = Duration::from_secs(1);
