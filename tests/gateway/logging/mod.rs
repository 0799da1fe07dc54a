//! The log of the real process: what it says of every request, and what it never says.

mod lines;
#[cfg(feature = "otlp")]
mod otlp;
mod secrets;
mod traces;

use serde_json::Value;

use crate::support::process::Process;

/// A gateway in front of one upstream that knows what OpenAI's own API takes.
const OPEN: &str = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\n";

/// The line of the next request to this path.
async fn line_of(process: &mut Process, path: &str) -> Value {
    process.logged(&format!("the line of {path}"), |line| line["path"] == path).await
}
