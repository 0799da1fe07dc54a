//! Load shedding: so many calls in flight, and no more.

use std::time::Duration;

use tokio::time::Instant;

use crate::money::{first, job, with};
use crate::support::request::get;
use crate::support::upstream::{Gate, Reply, Upstream};

const TIGHT: &str = "[limits]\nin_flight = 2\nin_flight_queue = 1\nin_flight_wait = \"100ms\"\n";

/// LM07
#[tokio::test]
async fn above_the_limit_calls_are_refused_quickly_and_below_it_none_is() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(job())).await;
    let gateway = with(&upstream, TIGHT).await;
    let mut running = Vec::new();
    for n in 0..2 {
        let mut client = gateway.connect().await;
        client.send(first(&format!("cat {n}")).bytes()).await;
        running.push(client);
    }
    upstream.until("both creates", |requests| requests.len() == 2).await;

    for n in 0..3 {
        let began = Instant::now();
        let refused = gateway.ask(&first(&format!("dog {n}"))).await;
        assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("1")));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    gate.open();
    for client in &mut running {
        assert_eq!(client.answer().await.status(), 200);
    }
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200, "a place that is free again is free");
    assert_eq!(upstream.count(), 3);
}

/// LM07: refusing must not take the processor from serving.
#[tokio::test]
async fn a_connection_whose_call_found_no_room_has_its_next_looked_at_after_a_pause() {
    let upstream = Upstream::script(vec![Reply::default().read().stall(), Reply::job()]).await;
    let settings = "[limits]\nin_flight = 1\nin_flight_queue = 0\nin_flight_wait = \"200ms\"\n";
    let gateway = with(&upstream, settings).await;
    let mut running = gateway.connect().await;
    running.send(get("/v1/videos/video_1").bytes()).await;
    upstream.until("the poll", |requests| requests.len() == 1).await;

    let mut refused = gateway.connect().await;
    // The pause begins with the refusal, of which its client may hear later.
    let began = Instant::now();
    for _ in 0..2 {
        refused.send(get("/v1/videos/video_2").bytes()).await;
        assert_eq!(refused.answer().await.status(), 503);
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    drop(running);
}

/// Polls can never keep a create out.
#[tokio::test]
async fn polls_in_flight_leave_room_for_creates() {
    let stalled = Reply::default().read().stall();
    let upstream = Upstream::script(vec![stalled.clone(), stalled, Reply::job()]).await;
    let gateway = with(&upstream, TIGHT).await;
    let mut polls = Vec::new();
    for _ in 0..2 {
        let mut client = gateway.connect().await;
        client.send(get("/v1/videos/video_1").bytes()).await;
        polls.push(client);
    }
    upstream.until("both polls", |requests| requests.len() == 2).await;
    assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 503);
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
}

/// LM07: whoever leaves gives its place up.
#[tokio::test]
async fn a_client_that_leaves_gives_its_place_up() {
    let stalled = Reply::default().read().stall();
    let upstream = Upstream::script(vec![stalled.clone(), stalled, Reply::job()]).await;
    let gateway = with(&upstream, TIGHT).await;
    for n in 1..=2 {
        let mut client = gateway.connect().await;
        client.send(get("/v1/videos/video_1").bytes()).await;
        upstream.until("the poll", |requests| requests.len() == n).await;
    }
    // Both have left, and are seen to have left by and by.
    crate::support::within("a place", async {
        while gateway.ask(&get("/v1/videos/video_1")).await.status() == 503 {}
    })
    .await;
}
