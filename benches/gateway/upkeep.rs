//! What is decided around each attempt.

use axum::http::StatusCode;
use divan::Bencher;
use reelgate::bench_api::Upkeep;
use tokio::time::Instant;

use crate::memory::{self, EVERYTHING};

fn upkeep() -> Upkeep {
    let config = memory::config(EVERYTHING);
    Upkeep::new(config.upstream("main").expect("an upstream"))
}

#[divan::bench]
fn pass_a_closed_breaker(bencher: Bencher<'_, '_>) {
    let mut upkeep = upkeep();
    assert!(upkeep.passes(Instant::now()));
    bencher.bench_local(|| upkeep.passes(Instant::now()));
}

#[divan::bench]
fn leave_an_answer_as_it_is(bencher: Bencher<'_, '_>) {
    let upkeep = upkeep();
    assert!(!upkeep.repeats(Instant::now(), StatusCode::OK));
    bencher.bench_local(|| upkeep.repeats(Instant::now(), StatusCode::OK));
}

/// As long as there is some budget left; then the refusal of a repeat is measured, which costs the same.
#[divan::bench]
fn pay_for_a_repeat(bencher: Bencher<'_, '_>) {
    let upkeep = upkeep();
    assert!(upkeep.repeats(Instant::now(), StatusCode::SERVICE_UNAVAILABLE));
    bencher.bench_local(|| upkeep.repeats(Instant::now(), StatusCode::SERVICE_UNAVAILABLE));
}
