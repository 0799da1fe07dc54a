//! What each step of a request costs, and what the whole gateway does: `cargo bench --bench gateway`, with a word behind
//! it for those whose names have it in them.
//!
//! Every benchmark asserts its answer once before it is timed. Those that must not grow with what is configured or
//! written down take its number as their argument: the lines beneath each other should say the same.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that cannot be set up shall stop"
)]

use std::io;

use reelgate::telemetry;

#[expect(dead_code, reason = "tests/allocations asks for more")]
mod asked;
mod bodies;
mod errors;
mod judging;
mod keys;
mod ledger;
mod limits;
mod memory;
mod observed;
mod rewriting;
mod stack;
mod upkeep;

fn main() {
    // As it runs: every line is made and goes its way, to nobody.
    let server = memory::config("[server]\nlog_format = \"json\"").server;
    telemetry::init_to("info", &server, io::sink()).expect("a log");
    divan::main();
}
