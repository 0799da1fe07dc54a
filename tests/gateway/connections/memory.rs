//! LM05, ST13: many large bodies at once, in the memory of a few.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::download;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::request::{get, post};
use crate::support::upstream::{JOB, Reply, Upstream};

const MIB: usize = 1 << 20;
const AT_ONCE: usize = 24;
/// Bytes of each body.
const LENGTH: usize = 4 * MIB;
const PIECE: usize = 64 << 10;
/// What one stream may hold at most, debug build and allocator included.
const EACH: usize = MIB;

const CONFIGURATION: &str = "[upstreams.main]\nbase_url = \"{upstream}\"";

/// Runs a transfer many times at once, and asserts that nothing of its size is kept.
async fn assert_little_memory<F>(upstream: &Upstream, transfer: fn(SocketAddr) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let process = Process::start(upstream, CONFIGURATION).await;
    let before = process.memory().now;
    let mut transfers = JoinSet::new();
    for _ in 0..AT_ONCE {
        transfers.spawn(transfer(process.address));
    }
    transfers.join_all().await;
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < (AT_ONCE * EACH) as u64, "grew by {grown} bytes");
}

/// LM05
#[tokio::test]
async fn many_large_downloads_take_little_memory() {
    let upstream = Upstream::start(download(LENGTH).repeat(vec![b'x'; PIECE], LENGTH / PIECE)).await;
    assert_little_memory(&upstream, |address| async move {
        let mut client = Client::connect(address).await;
        client.send(get("/v1/videos/video_1/content").bytes()).await;
        let (_, mut framing) = client.head_of_answer("GET").await;
        let mut read = 0;
        while let Some(piece) = client.piece(&mut framing).await.expect("it is whole") {
            read += piece.len();
        }
        assert_eq!(read, LENGTH);
    })
    .await;
}

/// LM05, ST13
#[tokio::test]
async fn many_large_uploads_take_little_memory() {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{JOB}", JOB.len());
    let upstream = Upstream::start(Reply::default().skim().send(head)).await;
    assert_little_memory(&upstream, |address| async move {
        let mut client = Client::connect(address).await;
        let length = LENGTH.to_string();
        client
            .send(post("/v1/files", "").without("content-length").with("content-length", &length).head())
            .await;
        for _ in 0..LENGTH / PIECE {
            client.send([b'x'; PIECE]).await;
        }
        assert_eq!(client.answer().await.text(), JOB);
    })
    .await;
}
