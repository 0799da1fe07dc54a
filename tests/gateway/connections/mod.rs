//! Connections: how long they are kept, how they end, and how much they may hold.

mod cut;
mod draining;
mod heads;
mod idle;
mod memory;
mod refused;
mod unread;

use crate::support::gateway::Gateway;
use crate::support::upstream::{Gate, Reply, Upstream};

/// A gateway with these settings in `[server]`.
async fn with_server(upstream: &Upstream, settings: &str) -> Gateway {
    let configuration = format!("[server]\n{settings}\n[upstreams.main]\nbase_url = \"{{upstream}}\"");
    Gateway::start(upstream, &configuration).await
}

/// The head of a download of this many bytes.
fn download(length: usize) -> Reply {
    Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: {length}\r\n\r\n"))
}

/// A download that goes quiet half-way, until the gate is opened.
fn halting(gate: &Gate) -> Reply {
    download(10).send("first").wait(gate).send("_last")
}
