//! TO05, TO07, LM06: connections that say nothing, or say it slowly; and TCP keep-alive.

use std::fs;
use std::time::Duration;

use tokio::time::Instant;

use super::with_server;
use crate::support::gateway::Gateway;
use crate::support::request::{create, get};
use crate::support::upstream::{JOB, Reply, Upstream};
use crate::support::within;

const POLL: &str = "/v1/videos/video_1";

/// TO05: however it is begun, a head that is not whole in time ends its connection.
#[tokio::test]
async fn a_head_that_is_not_whole_in_time_ends_the_connection() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with_server(&upstream, "head_timeout = \"300ms\"\nkeep_alive = \"1h\"").await;
    for kept in [false, true] {
        for begun in ["G", "POST /v1/videos HTTP/1.1\r\n", "POST /v1/videos HTTP/1.1\r\nhost: a\r\nx: "] {
            let mut client = gateway.connect().await;
            if kept {
                client.send(get(POLL).bytes()).await;
                assert_eq!(client.answer().await.status(), 200);
            }
            client.send(begun).await;
            client.assert_closed().await;
        }
    }
    gateway.connect().await.assert_closed().await;
}

/// TO05: a byte now and then buys no time.
#[tokio::test]
async fn a_dripping_head_ends_the_connection() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with_server(&upstream, "head_timeout = \"300ms\"").await;
    let mut client = gateway.connect().await;
    let head = get(POLL).head();
    let (dripped, rest) = head.split_at(50);
    for byte in dripped {
        client.send([*byte]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.send(rest).await;
    assert!(client.answers().await.is_empty());
    upstream.assert_untouched("a head of a second");
}

/// TO05, TO07: the time of a head is not the time between two of them.
#[tokio::test]
async fn a_kept_connection_may_rest_longer_than_a_head_may_take() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with_server(&upstream, "head_timeout = \"200ms\"").await;
    let mut resting = gateway.connect().await;
    for _ in 0..2 {
        resting.send(get(POLL).bytes()).await;
        assert_eq!(resting.answer().await.text(), JOB);
        // By the end of a connection that says nothing, more than the time of a head has passed.
        gateway.connect().await.assert_closed().await;
    }
}

/// TO07: what a connection needs only while it is used is given back within a second or two, and nobody notices.
#[tokio::test]
async fn a_connection_that_rested_goes_on_where_it_was() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with_server(&upstream, "head_timeout = \"1200ms\"").await;
    let next = get(POLL).bytes();
    for begun in [0, 1, 30, next.len() - 1] {
        let mut resting = gateway.connect().await;
        // The beginning of the next request comes with this one.
        resting.send([&next[..], &next[..begun]].concat()).await;
        assert_eq!(resting.answer().await.text(), JOB);
        // By then, more than a second has passed.
        gateway.connect().await.assert_closed().await;
        resting.send(&next[begun..]).await;
        assert_eq!(resting.answer().await.text(), JOB, "{begun}");
        resting.send(&next[..]).await;
        assert_eq!(resting.answer().await.text(), JOB, "{begun}");
    }
    let gateway = with_server(&upstream, "keep_alive = \"1300ms\"").await;
    let mut resting = gateway.connect().await;
    resting.send(&next[..]).await;
    assert_eq!(resting.answer().await.text(), JOB);
    resting.assert_closed().await;
}

/// TO07
#[tokio::test]
async fn an_idle_connection_is_closed() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with_server(&upstream, "keep_alive = \"300ms\"").await;
    for request in [get(POLL), create(r#"{"prompt":"a cat"}"#)] {
        let mut client = gateway.connect().await;
        client.send(request.bytes()).await;
        assert_eq!(client.answer().await.status(), 200);
        client.assert_closed().await;
    }
}

/// LM06: whatever 300 others do not say.
#[tokio::test]
async fn idle_connections_lock_nobody_out() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut idle = Vec::new();
    for said in ["", "G", "POST /v1/videos HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{"] {
        for _ in 0..100 {
            let mut client = gateway.connect().await;
            client.send(said).await;
            idle.push(client);
        }
    }
    let began = Instant::now();
    let answer = gateway.ask(&get(POLL)).await;
    assert_eq!((answer.status(), idle.len()), (200, 300));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// The kernel's timer of the connection between two ports, from the first port's side: `02` is keep-alive's.
fn timer(local: Option<u16>, remote: u16) -> String {
    let port = |address: &str| {
        address.split(':').nth(1).and_then(|digits| u16::from_str_radix(digits, 16).ok()).expect("a port")
    };
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    for row in table.lines().skip(1) {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let (here, there, state, timer) = (columns[1], columns[2], columns[3], columns[5]);
        let is_local = local.is_none_or(|local| port(here) == local);
        if state == "01" && is_local && port(there) == remote {
            return timer.split(':').next().expect("a number").to_owned();
        }
    }
    panic!("no connection from {local:?} to {remote}:\n{table}");
}

/// A silent connection is not forgotten by what stands between.
#[tokio::test]
async fn tcp_asks_whether_the_other_side_is_still_there() {
    for (keep_alive, expected) in [("", "02"), ("tcp_keep_alive = \"0s\"", "00")] {
        let upstream = Upstream::start(Reply::job()).await;
        let configuration =
            format!("[server]\n{keep_alive}\n[upstreams.main]\nbase_url = \"{{upstream}}\"\n{keep_alive}");
        let gateway = Gateway::start(&upstream, &configuration).await;
        let mut client = gateway.connect().await;
        client.send(get(POLL).bytes()).await;
        assert_eq!(client.answer().await.status(), 200);
        let sockets = [(Some(gateway.address.port()), client.port()), (None, upstream.address.port())];
        within("no other timer to run", async {
            // Nobody tells when all that was sent is acknowledged.
            while sockets.iter().any(|(local, remote)| timer(*local, *remote) != expected) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}
