//! Calls that cost money: one call is one job, whatever becomes of its answer and however often it is asked for.

mod answers;
mod budgets;
mod coded;
mod homes;
mod idempotency;
mod large;
mod lost;
mod places;
mod quotas;
mod repeats;
mod sdk;
mod shared;
mod slots;
mod successes;
mod unknown;
mod waits;

use crate::support::gateway::Gateway;
use crate::support::request::{Request, create};
use crate::support::upstream::{JOB, Upstream, answer};

/// A create that an SDK makes for the first time.
fn first(prompt: &str) -> Request {
    create(&format!(r#"{{"prompt":"{prompt}"}}"#)).with("x-stainless-retry-count", "0")
}

/// The same create, asked again by the SDK itself.
fn again(prompt: &str) -> Request {
    create(&format!(r#"{{"prompt":"{prompt}"}}"#)).with("x-stainless-retry-count", "1")
}

/// A job's answer.
fn job() -> Vec<u8> {
    answer(200, &[("content-type", "application/json")], JOB)
}

/// A gateway with more settings for its one upstream.
async fn with(upstream: &Upstream, settings: &str) -> Gateway {
    let base = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\n";
    Gateway::start(upstream, &format!("{base}{settings}")).await
}
