//! Clients that leave before they are answered.

use std::time::Duration;

use crate::support::gateway::Gateway;
use crate::support::process::Process;
use crate::support::request::{create, get};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};
use crate::support::within;

/// A create that is answered once the gate is open.
fn job_behind(gate: &Gate) -> Reply {
    Reply::default().read().wait(gate).send(answer(200, &[("content-type", "application/json")], JOB))
}

/// Waits until a counter or gauge has a value; whoever changes it tells nobody else.
async fn reaches(gateway: &Gateway, series: &str, value: f64) {
    within(series, async {
        while (gateway.metric(series) - value).abs() > f64::EPSILON {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// A gateway whose client has left while its create waits for the gate.
async fn left_mid_create() -> (Gateway, Upstream, Gate) {
    let gate = Gate::closed();
    let upstream = Upstream::start(job_behind(&gate)).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send(create(r#"{"prompt":"a cat"}"#).bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    drop(client);
    reaches(&gateway, "reelgate_requests_in_flight", 0.0).await;
    (gateway, upstream, gate)
}

/// RT25: the answer is awaited, and the job is counted and logged.
#[tokio::test]
async fn a_client_that_leaves_mid_create_neither_cancels_nor_hides_the_job() {
    let (gateway, upstream, gate) = left_mid_create().await;

    gate.open();

    reaches(&gateway, "reelgate_orphaned_jobs_total", 1.0).await;
    assert_eq!(upstream.count(), 1, "nothing is asked twice");
}

/// RT25: its id is in the log and in the ledger, for whoever looks for it.
#[tokio::test]
async fn the_job_of_a_client_that_left_is_logged_and_written_down() {
    let gate = Gate::closed();
    let upstream = Upstream::start(job_behind(&gate)).await;
    let mut process =
        Process::start(&upstream, "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"")
            .await;
    let mut client = process.connect().await;
    client.send(create(r#"{"prompt":"a cat"}"#).bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    drop(client);
    within("the client's end to be seen", async {
        while !process.page().await.contains("reelgate_requests_in_flight 0") {}
    })
    .await;

    gate.open();

    process.logged("a line with the job", |line| line.to_string().contains("video_1")).await;
    let records = process.ledger();
    assert_eq!((records.len(), records[0]["job_id"].as_str()), (1, Some("video_1")), "{records:?}");
}

/// A read costs nothing to ask again: nobody waits for it once nobody wants it.
#[tokio::test]
async fn a_client_that_leaves_mid_poll_frees_the_gateway_at_once() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send(get("/v1/videos/video_1").bytes()).await;
    upstream.until("the poll", |requests| requests.len() == 1).await;
    reaches(&gateway, "reelgate_requests_in_flight", 1.0).await;

    drop(client);

    reaches(&gateway, "reelgate_requests_in_flight", 0.0).await;
    assert!(gateway.metric("reelgate_orphaned_jobs_total").abs() < f64::EPSILON);
}

/// SD01: the process does not end before a paid call that nobody waits for any more.
#[tokio::test]
async fn a_paid_call_without_a_client_holds_up_the_end() {
    let (gateway, _upstream, gate) = left_mid_create().await;

    let mut stopping = Box::pin(gateway.stop());
    tokio::select! {
        biased;
        () = &mut stopping => panic!("ended before the call"),
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
    gate.open();
    within("the end", stopping).await;
}
