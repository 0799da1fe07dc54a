//! Clients with keys of the gateway's: who is let in, to what, and what nobody gets to see.

mod early;
mod headers;
mod idempotency;
mod keys;
mod models;
mod routes;
mod secrets;
mod upstreams_refusal;

use crate::support::gateway::Gateway;
use crate::support::request::Request;
use crate::support::upstream::Upstream;

/// The team's key.
const TEAM: &str = "rg-key-of-the-team-0001";
/// One that has expired long ago, and is masked alike.
const FORMER: &str = "rg-key-of-the-then-0001";
/// One that nobody has, and is masked alike.
const NOBODYS: &str = "rg-key-of-the-none-0001";

/// Opens whatever there is beside videos.
const OPEN: &str = "[routes]\nallow = [\"*\"]\n";

/// A gateway whose team has this key and these settings; whatever else there is comes behind.
async fn with(upstream: &Upstream, team: &str, more: &str) -> Gateway {
    let text = format!(
        "presets = [\"openai\"]\n[auth]\nmode = \"keys\"\nunknown_videos = \"forward\"\n\
         [auth.keys.team]\nsha256 = \"{}\"\n{team}\n\
         [auth.keys.former]\nsha256 = [\"{}\"]\nexpires = 2020-01-01T00:00:00Z\n\
         [upstreams.main]\nbase_url = \"{{upstream}}\"\ncredential = {{ env = \"UPSTREAM_KEY\" }}\n{more}",
        sha256(TEAM),
        sha256(FORMER)
    );
    Gateway::start(upstream, &text).await
}

/// What `sha256sum` says.
fn sha256(key: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The request of whoever has this key.
fn by(key: &str, request: Request) -> Request {
    request.without("authorization").with("authorization", &format!("Bearer {key}"))
}
