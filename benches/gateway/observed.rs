//! The log and the metrics.

use axum::http::StatusCode;
use divan::Bencher;
use tracing::info;

use crate::asked::Asked;
use crate::keys;
use crate::memory::{EVERYTHING, Stack};

/// Made, and put where the log's own thread takes it from. Has what the line of a create has.
#[divan::bench]
fn a_line_of_the_log() {
    info!(
        status = 200,
        outcome = "forwarded",
        method = "POST",
        path = "/v1/videos",
        route = "/v1/videos",
        model_asked = "sora-2",
        model = "sora-2",
        upstream = "main",
        attempts = 1,
        duration_us = 12_345_u64,
        overhead_us = 123_u64,
        bytes_in = 404_u64,
        bytes_out = 330_u64,
        ledger_id = "lg_019aab12c3d4e5f60718293a4b5c6d7e",
        job_id = "video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5",
        client = "team",
        peer = "127.0.0.1:40404",
        user_agent = "OpenAI/Python 3.54.0",
        request_id = "req_0123456789abcdef0123456789abcdef",
        "POST /v1/videos → 200",
    );
}

/// What Prometheus asks for, once this many keys have series of their own.
#[divan::bench(args = [1, 1000])]
fn a_page_of_metrics(bencher: Bencher<'_, '_>, keys: usize) {
    let stack = Stack::new(&keys::toml(keys));
    for number in 1..=keys {
        stack.expect(&Asked::create_json().with_key(&format!("key-{number}")), StatusCode::OK);
    }
    let gateway = stack.live.current();
    let page = String::from_utf8(gateway.page()).expect("UTF-8");
    let of_keys = |line: &&str| line.starts_with("reelgate_slots_in_use{") && line.contains("team-");
    assert_eq!(page.lines().filter(of_keys).count(), keys);
    bencher.bench_local(|| gateway.page());
}

/// The counts of a request, its line and all else that is done for any: it is refused for its path.
#[divan::bench]
fn a_request_for_nothing(bencher: Bencher<'_, '_>) {
    let stack = Stack::new(EVERYTHING);
    let asked = Asked::json("/nowhere", "{}");
    stack.expect(&asked, StatusCode::NOT_FOUND);
    bencher.with_inputs(|| asked.request()).bench_local_values(|request| stack.call(request));
}
