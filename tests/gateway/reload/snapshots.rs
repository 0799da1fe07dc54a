//! Which configuration a request sees: the one there is when it begins, and no other until it ends.

use std::sync::{Arc, Weak};

use reelgate::gateway::Gateway as Snapshot;

use super::Reloading;
use crate::support::message::Message;
use crate::support::request::{create, get};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};
use crate::support::within;

const POLL: &str = "/v1/videos/video_1";

fn before(upstream: &Upstream) -> String {
    format!("[upstreams.main]\nbase_url = \"{}\"\n", upstream.base_url())
}

fn named(id: &str) -> String {
    JOB.replace("video_1", id)
}

fn job() -> Vec<u8> {
    answer(200, &[("content-type", "application/json")], JOB)
}

/// The snapshot of now, without keeping it.
fn watched(reloading: &Reloading) -> Weak<Snapshot> {
    Arc::downgrade(&reloading.gateway.live().current())
}

async fn until_freed(snapshot: &Weak<Snapshot>) {
    within("the old snapshot to be freed", async {
        while snapshot.strong_count() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Each request goes where the configuration of its beginning says, also when both come on the same connection.
#[tokio::test]
async fn a_request_keeps_its_snapshot_and_the_next_one_sees_the_new() {
    let gate = Gate::closed();
    let old = Upstream::script(vec![Reply::job(), Reply::default().read().wait(&gate).send(job())]).await;
    let new = Upstream::start(Reply::json(200, &named("video_new"))).await;
    let mut reloading = Reloading::start(&before(&old)).await;
    let mut kept = reloading.gateway.connect().await;
    kept.send(get(POLL).bytes()).await;
    assert_eq!(kept.answer().await.json()["id"], "video_1");

    let mut slow = reloading.gateway.connect().await;
    slow.send(get(POLL).bytes()).await;
    old.until("the slow request", |requests| requests.len() == 2).await;
    let snapshot = watched(&reloading);
    reloading.to(&before(&new)).await;

    kept.send(get(POLL).bytes()).await;
    assert_eq!(kept.answer().await.json()["id"], "video_new");
    assert!(snapshot.strong_count() > 0, "the slow request still needs it");
    gate.open();
    assert_eq!(slow.answer().await.json()["id"], "video_1");
    slow.send(get(POLL).bytes()).await;
    assert_eq!(slow.answer().await.json()["id"], "video_new");
    until_freed(&snapshot).await;
}

/// A paid call outlives its client, and with it the snapshot it was made by.
#[tokio::test]
async fn a_paid_call_whose_client_has_left_keeps_its_snapshot() {
    let gate = Gate::closed();
    let old = Upstream::start(Reply::default().read().wait(&gate).send(job())).await;
    let new = Upstream::start(Reply::job()).await;
    let mut reloading = Reloading::start(&before(&old)).await;
    let mut client = reloading.gateway.connect().await;
    client.send(create(r#"{"prompt":"a cat"}"#).bytes()).await;
    old.until("the create", |requests| requests.iter().any(|request| request.whole)).await;
    drop(client);
    let snapshot = watched(&reloading);
    reloading.to(&before(&new)).await;
    assert_eq!(reloading.gateway.ask(&create(r#"{"prompt":"a dog"}"#)).await.status(), 200);
    assert!(snapshot.strong_count() > 0, "the call is still under way");
    gate.open();
    until_freed(&snapshot).await;
    assert!((reloading.gateway.metric("reelgate_orphaned_jobs_total") - 1.0).abs() < f64::EPSILON);
    assert_eq!((old.count(), new.count()), (1, 1));
}

/// A download goes on, however many configurations come meanwhile.
#[tokio::test]
async fn a_download_goes_on() {
    let gate = Gate::closed();
    let halting = Reply::default()
        .read()
        .send("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 10\r\n\r\nfirst")
        .wait(&gate)
        .send("_last");
    let upstream = Upstream::start(halting).await;
    let mut reloading = Reloading::start(&before(&upstream)).await;
    let mut client = reloading.gateway.connect().await;
    client.send(get("/v1/videos/video_1/content").bytes()).await;
    let (_, mut framing) = client.head_of_answer("GET").await;
    assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"first"[..]));
    let elsewhere = Upstream::start(Reply::job()).await;
    for number in 100..110 {
        reloading.to(&format!("{}[limits]\ntarget = {number}\n", before(&elsewhere))).await;
    }
    gate.open();
    assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"_last"[..]));
    assert!(client.piece(&mut framing).await.expect("a whole body").is_none());
}

/// A configuration that cannot be used changes nothing at all: not even what comes before its mistake.
#[tokio::test]
async fn a_configuration_with_a_mistake_is_none() {
    let upstream = Upstream::start(Reply::job()).await;
    let other = Upstream::start(Reply::job()).await;
    let mut reloading = Reloading::start(&before(&upstream)).await;
    let snapshot = watched(&reloading);
    for mistake in
        ["mistake = 1", "[limits]\ntarget = 0", "ca_file = \"missing.pem\"", "[server]\nlog = \"=\""]
    {
        super::replace(reloading.folder.path(), &format!("{}{mistake}", before(&other)));
        reloading.reload.now().await;
        let answered: Message = reloading.gateway.ask(&get(POLL)).await;
        assert_eq!(answered.status(), 200, "{mistake}");
    }
    assert_eq!((upstream.count(), other.count()), (4, 0));
    assert!(snapshot.strong_count() > 0);
    assert!((reloading.gateway.metric(&super::reloads("failed")) - 4.0).abs() < f64::EPSILON);
}
