//! LM15, TO04, ST05: clients that do not read what they asked for, read it slowly, or leave.

use std::time::Duration;

use super::{download, with_server};
use crate::support::client::{Client, End};
use crate::support::gateway::Gateway;
use crate::support::request::get;
use crate::support::upstream::Upstream;

const CONTENT: &str = "/v1/videos/video_1/content";
const MIB: usize = 1 << 20;

/// LM15
#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let upstream = Upstream::start(download(256 * MIB).repeat(vec![b'x'; MIB], 256)).await;
    let gateway = with_server(&upstream, "write_idle = \"300ms\"").await;
    let mut client = gateway.connect().await;
    client.send(get(CONTENT).bytes()).await;
    upstream.until_ended(1).await;
    assert_eq!(client.end().await, End::Reset);
}

/// TO04: neither the kernel's buffers nor a time-out of ours may take a slow client for one that is gone.
#[tokio::test]
async fn a_client_that_reads_slowly_gets_it_all() {
    let length = 10 * MIB;
    let upstream = Upstream::start(download(length).repeat(vec![b'x'; MIB], 10)).await;
    let gateway = with_server(&upstream, "write_idle = \"400ms\"").await;
    let mut client = Client::connect_with_room(gateway.address, 32 << 10).await;
    client.send(get(CONTENT).bytes()).await;
    let (_, mut framing) = client.head_of_answer("GET").await;
    let (mut read, mut paused_at) = (0, 0);
    while let Some(piece) = client.piece(&mut framing).await.expect("it is whole") {
        read += piece.len();
        if read - paused_at > 32 << 10 {
            paused_at = read;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(read, length);
}

/// ST05: at once, whether or not there is anything more to send.
#[tokio::test]
async fn a_client_that_leaves_ends_the_transfer_from_the_upstream() {
    let endless = download(256 * MIB).repeat(vec![b'x'; MIB], 256);
    let quiet = download(10).send("first").until_left();
    for reply in [endless, quiet] {
        let upstream = Upstream::start(reply).await;
        let gateway = Gateway::over(&upstream).await;
        let mut client = gateway.connect().await;
        client.send(get(CONTENT).bytes()).await;
        let (_, mut framing) = client.head_of_answer("GET").await;
        assert!(client.piece(&mut framing).await.expect("a piece").is_some());
        drop(client);
        upstream.until_ended(1).await;
    }
}
