//! How much memory a request takes: allocations and bytes, counted and bounded, with everything on.
//!
//! No clock is asked, so a busy machine changes nothing. What is counted are all allocations of the thread that the
//! gateway runs on; clients and upstreams are on others. Growing an allocation counts as a new one.
//!
//! Where a bound is passed, the failure says by how much. One that is meant to be passed, or is far too high by now, is
//! replaced by what `REELGATE_PRINT_ALLOCATIONS=1 cargo test --test allocations -- --nocapture` prints.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot be made shall fail"
)]

use std::sync::Once;

use allocation_counter::AllocationInfo;
use axum::http::StatusCode;
use reelgate::telemetry;

#[expect(dead_code, reason = "benchmarks ask for more")]
#[path = "../../benches/gateway/asked.rs"]
mod asked;
#[expect(dead_code, reason = "benchmarks look into it")]
#[path = "../../benches/gateway/memory.rs"]
mod memory;
mod wire;

use asked::Asked;
use memory::{EVERYTHING, Stack};
use wire::Wire;

/// A test for each request, of a gateway in memory or over TCP, and what it may take at most, on average. About 5 % above
/// what was measured, and [`GROWTH`].
macro_rules! bounds {
    ($($what:ident $allocations:literal $bytes:literal;)*) => {$(
        #[test]
        fn $what() {
            check(stringify!($what), ($allocations, $bytes));
        }
    )*};
}

bounds! {
    // What it is            allocations, bytes
    poll_in_memory           80 15941;
    other_in_memory          87 16225;
    create_json_in_memory    150 29474;
    create_form_in_memory    157 30432;
    rejected_in_memory       50 6272;
    wrong_key_in_memory      34 6079;
    poll_over_tcp            52 21414;
    other_over_tcp           60 22086;
    create_json_over_tcp     141 55387;
    create_form_over_tcp     147 56195;
    rejected_over_tcp        62 17899;
    wrong_key_over_tcp       42 17112;
}

/// What a MiB of a download may take at most: allocations, bytes. Twice what was measured: how much the kernel has ready
/// differs.
const DOWNLOADED: (u64, u64) = (4, 131906);

/// Most bytes that a download may hold at a time, however long it is.
const DOWNLOAD_HELD: u64 = 280252;

/// Bytes a request that come and go: a queue grows, and is copied, in one run and not in another.
const GROWTH: u64 = 512;

const WARM_UP: usize = 100;
const REQUESTS: usize = 300;
const MIB: usize = 64;

/// Clients need a key, and theirs is another one.
const KEYS: &str = r#"
[auth]
mode = "keys"
[auth.keys.team]
sha256 = "1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca"
"#;

/// What is asked, how it is answered, and by a gateway of which configuration.
fn scenario(name: &str) -> (Asked, StatusCode, String) {
    let (asked, status) = match name {
        "poll" => (Asked::poll(), StatusCode::OK),
        "other" => (Asked::other(), StatusCode::OK),
        "create_json" => (Asked::create_json(), StatusCode::OK),
        "create_form" => (Asked::create_form(), StatusCode::OK),
        "rejected" => (Asked::rejected(), StatusCode::BAD_REQUEST),
        "wrong_key" => return (Asked::poll(), StatusCode::UNAUTHORIZED, keys()),
        other => panic!("no scenario is called {other}"),
    };
    (asked, status, EVERYTHING.to_owned())
}

fn keys() -> String {
    let ours = "credential = { env = \"UPSTREAM_KEY\" }\n[upstreams.main.quota]";
    EVERYTHING.replace("[upstreams.main.quota]", ours) + KEYS
}

/// Holds what a request takes against its bound, or prints what the bound would be.
fn check(what: &str, bound: (u64, u64)) {
    log();
    let measured = match (what.strip_suffix("_in_memory"), what.strip_suffix("_over_tcp")) {
        (Some(name), _) => in_memory(name),
        (_, Some(name)) => over_tcp(name),
        (None, None) => panic!("{what} is neither in memory nor over TCP"),
    };
    let a_request = |total: u64| total.div_ceil(REQUESTS as u64);
    let (count, bytes) = (a_request(measured.count_total), a_request(measured.bytes_total));
    if prints() {
        let looser = |measured: u64| (measured * 105).div_ceil(100);
        println!("    {what:24} {} {};", looser(count), looser(bytes) + GROWTH);
        return;
    }
    let (most, most_bytes) = bound;
    let advice = "REELGATE_PRINT_ALLOCATIONS=1 prints new bounds";
    assert!(count <= most, "{what}: {count} allocations a request, {most} are allowed; {advice}");
    assert!(bytes <= most_bytes, "{what}: {bytes} bytes a request, {most_bytes} are allowed; {advice}");
}

/// What this many requests take, without a socket.
fn in_memory(name: &str) -> AllocationInfo {
    let (asked, status, toml) = scenario(name);
    let stack = Stack::new(&toml);
    (0..WARM_UP).for_each(|number| stack.expect(&asked.numbered(number), status));
    let numbers = WARM_UP..WARM_UP + REQUESTS;
    let requests: Vec<_> = numbers.map(|number| asked.numbered(number).request()).collect();
    allocation_counter::measure(|| {
        for request in requests {
            assert_eq!(stack.call(request), status);
        }
    })
}

/// What this many requests take, with everything that belongs to sockets.
fn over_tcp(name: &str) -> AllocationInfo {
    let (asked, status, toml) = scenario(name);
    let wire = Wire::start(&toml, wire::job());
    wire.ask(&asked, status, 0..WARM_UP);
    wire.ask(&asked, status, WARM_UP..WARM_UP + REQUESTS)
}

#[test]
fn a_download_is_never_held() {
    log();
    let wire = Wire::start(EVERYTHING, wire::film(MIB));
    wire.ask(&Asked::download(), StatusCode::OK, 0..1);
    let AllocationInfo { count_total, bytes_total, bytes_max, .. } =
        wire.ask(&Asked::download(), StatusCode::OK, 0..1);
    let (count, bytes) = (count_total.div_ceil(MIB as u64), bytes_total.div_ceil(MIB as u64));
    if prints() {
        println!("const DOWNLOADED: (u64, u64) = ({}, {});", count * 2, bytes * 2);
        println!("const DOWNLOAD_HELD: u64 = {};", bytes_max * 2);
        return;
    }
    let (most, most_bytes) = DOWNLOADED;
    assert!(count <= most, "{count} allocations a MiB, {most} are allowed: see DOWNLOADED");
    assert!(bytes <= most_bytes, "{bytes} bytes a MiB, {most_bytes} are allowed: see DOWNLOADED");
    assert!(bytes_max <= DOWNLOAD_HELD, "{bytes_max} bytes at a time, {DOWNLOAD_HELD} are allowed");
}

/// Whether bounds are asked for, not held.
fn prints() -> bool {
    std::env::var_os("REELGATE_PRINT_ALLOCATIONS").is_some()
}

/// The log is written as ever, and nobody reads it.
fn log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let server = memory::config("[server]\nlog_format = \"json\"").server;
        telemetry::init_to("info", &server, std::io::sink()).expect("a log");
    });
}
