//! The state machine, on a clock of the test's own.

use std::time::Duration;

use tokio::time::Instant;

use super::state::{Entry, Health, Position, State};
use crate::config::retry::Breaker as Settings;

const BAD: Health = Health::Bad { wait: None };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn enter(state: &mut State, now: Instant) -> Entry {
    state.enter(now).expect("it lets in")
}

fn fail(state: &mut State, times: u32, now: Instant) {
    for _ in 0..times {
        let entry = enter(state, now);
        state.leave(entry, BAD, now);
    }
}

#[tokio::test(start_paused = true)]
async fn only_failures_in_a_row_count() {
    let (mut state, now) = (State::new(&Settings::default()), Instant::now());
    fail(&mut state, 4, now);
    let entry = enter(&mut state, now);
    state.leave(entry, Health::Good, now);
    fail(&mut state, 4, now);
    let entry = enter(&mut state, now);
    state.leave(entry, Health::Untold, now);
    assert_eq!(state.position(), Position::Closed);
    fail(&mut state, 1, now);
    assert_eq!(state.position(), Position::Open);
    assert_eq!(state.enter(now + seconds(4)), Err(seconds(6)));
}

#[tokio::test(start_paused = true)]
async fn a_share_of_failures_counts_once_there_are_enough_calls() {
    let settings = Settings { consecutive: 0, ..Settings::default() };
    let (mut state, now) = (State::new(&settings), Instant::now());
    for _ in 0..9 {
        let entry = enter(&mut state, now);
        state.leave(entry, Health::Good, now);
        fail(&mut state, 1, now);
    }
    fail(&mut state, 1, now);
    assert_eq!(state.position(), Position::Closed, "19 calls");
    fail(&mut state, 1, now);
    assert_eq!(state.position(), Position::Open, "11 of 20");

    let mut state = State::new(&settings);
    fail(&mut state, 19, now);
    fail(&mut state, 1, now + seconds(40));
    assert_eq!(state.position(), Position::Closed, "the others are forgotten");
}

#[tokio::test(start_paused = true)]
async fn it_can_be_turned_off() {
    let settings = Settings { consecutive: 0, ratio: 0.0, ..Settings::default() };
    let (mut state, now) = (State::new(&settings), Instant::now());
    fail(&mut state, 1000, now);
    assert_eq!(state.position(), Position::Closed);
}

#[tokio::test(start_paused = true)]
async fn each_probe_that_fails_doubles_the_time_up_to_the_longest() {
    let (mut state, mut now) = (State::new(&Settings::default()), Instant::now());
    fail(&mut state, 5, now);
    for open in [10, 20, 40, 60, 60] {
        assert_eq!(state.enter(now), Err(seconds(open)));
        now += seconds(open);
        let probe = enter(&mut state, now);
        assert_eq!(state.position(), Position::HalfOpen);
        assert!(state.enter(now).is_err(), "one at a time");
        state.leave(probe, BAD, now);
        assert_eq!(state.position(), Position::Open);
    }
    now += seconds(60);
    let probe = enter(&mut state, now);
    state.leave(probe, Health::Good, now);
    assert_eq!(state.position(), Position::Closed);
    fail(&mut state, 5, now);
    assert_eq!(state.enter(now), Err(seconds(10)), "from the beginning");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_tells_nothing_frees_its_place() {
    let (mut state, now) = (State::new(&Settings::default()), Instant::now());
    fail(&mut state, 5, now);
    let now = now + seconds(10);
    for _ in 0..3 {
        let probe = enter(&mut state, now);
        state.leave(probe, Health::Untold, now);
        assert_eq!(state.position(), Position::HalfOpen);
    }
}

/// A 503 with `Retry-After`.
#[tokio::test(start_paused = true)]
async fn it_stays_open_as_long_as_the_upstream_asks_for() {
    for (asked, open) in [(5, 10), (30, 30), (3600, 60)] {
        let (mut state, now) = (State::new(&Settings::default()), Instant::now());
        fail(&mut state, 4, now);
        let entry = enter(&mut state, now);
        state.leave(entry, Health::Bad { wait: Some(seconds(asked)) }, now);
        assert_eq!(state.enter(now), Err(seconds(open)), "{asked}");
    }
}

/// What was let in before it opened says nothing about the probe.
#[tokio::test(start_paused = true)]
async fn stragglers_are_not_heard() {
    let (mut state, now) = (State::new(&Settings::default()), Instant::now());
    let stragglers = [enter(&mut state, now), enter(&mut state, now)];
    fail(&mut state, 5, now);
    state.leave(stragglers[0], Health::Good, now);
    assert_eq!(state.position(), Position::Open);
    let now = now + seconds(10);
    let probe = enter(&mut state, now);
    state.leave(stragglers[1], Health::Good, now);
    assert_eq!(state.position(), Position::HalfOpen);
    assert!(state.enter(now).is_err(), "the probe is still under way");
    state.leave(probe, Health::Good, now);
    assert_eq!(state.position(), Position::Closed);
}
