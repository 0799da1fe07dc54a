//! Gauges go back to zero when the work is over, however it ends.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::parsed;
use crate::support::gateway::Gateway;
use crate::support::request::{create, get, post};
use crate::support::upstream::{Gate, JOB, Reply, Upstream};

const CREATE: &str = r#"{"model":"sora-2","prompt":"a cat","seconds":"8"}"#;
const SETTINGS: &str = r#"
presets = ["openai"]
[limits]
body_idle = "300ms"
[upstreams.main]
base_url = "{upstream}"
retry.attempts = 1
resume_attempts = 0
quota.max_jobs = 4
"#;
const GAUGES: [&str; 3] = ["requests_in_flight", "connections", "ledger_open"];

/// ME02: how long gauges may stand above zero after the work is over.
const SOON: Duration = Duration::from_secs(1);

async fn back_to_zero(gateway: &Gateway, what: &str) {
    let began = Instant::now();
    loop {
        let page = parsed(gateway);
        let of = |gauge: &&str| page.value(&format!("reelgate_{gauge}"), &[]);
        let slots = page.value("reelgate_slots_in_use", &[("scope", "upstream"), ("name", "main")]);
        if GAUGES.iter().map(of).sum::<f64>() + slots == 0.0 {
            return;
        }
        assert!(began.elapsed() < SOON, "{what}: {}", gateway.page());
        sleep(Duration::from_millis(5)).await;
    }
}

async fn until(gateway: &Gateway, gauge: &str, value: f64) {
    crate::support::within(gauge, async {
        while parsed(gateway).value(&format!("reelgate_{gauge}"), &[]) != value {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// ME02
#[tokio::test]
async fn gauges_are_zero_after_answers_of_every_kind() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 1000\r\n\r\nonly the beginning";
    for (what, request, reply) in [
        ("an answer", get("/v1/videos/video_1"), Reply::json(200, JOB)),
        ("a refusal", create("{}"), Reply::json(200, JOB)),
        ("a refused create", create(CREATE), Reply::json(400, "{}")),
        ("a create that is lost", create(CREATE), Reply::default().read().reset()),
        ("a download that is cut", get("/v1/videos/video_1/content"), Reply::raw(cut).reset()),
        ("garbage", create(CREATE), Reply::raw("HTTP/1.1 what\r\n\r\n")),
    ] {
        let upstream = Upstream::start(reply).await;
        let gateway = Gateway::start(&upstream, SETTINGS).await;
        let mut client = gateway.connect().await;
        client.send(request.bytes()).await;
        client.head_of_answer(request.method()).await;
        drop(client);
        back_to_zero(&gateway, what).await;
    }
}

/// ME02: the client leaves while the upstream is at work, in the middle of its upload, and amid its download.
#[tokio::test]
async fn gauges_are_zero_after_clients_that_left() {
    let gate = Gate::closed();
    let refused = Reply::default().read().wait(&gate).send("HTTP/1.1 400 No\r\ncontent-length: 2\r\n\r\n{}");
    let film = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 100000000\r\n\r\n";
    let endless = Reply::default().read().send(film).drip([0; 1000], Duration::from_millis(1));
    let upload = post("/v1/files", "").body([7; 1000]);
    let half = upload.bytes().split_at(upload.bytes().len() - 500).0.to_vec();
    for (what, bytes, reply) in [
        ("a create", create(CREATE).bytes(), refused),
        ("a poll", get("/v1/videos/video_1").bytes(), Reply::default().read().stall()),
        ("an upload", half, Reply::default().read().stall()),
        ("a download", get("/v1/videos/video_1/content").bytes(), endless),
    ] {
        let upstream = Upstream::start(reply).await;
        let gateway = Gateway::start(&upstream, SETTINGS).await;
        let mut client = gateway.connect().await;
        client.send(bytes).await;
        upstream.until("the attempt", |requests| requests.len() == 1).await;
        until(&gateway, "connections", 1.0).await;
        drop(client);
        until(&gateway, "requests_in_flight", 0.0).await;
        gate.open();
        back_to_zero(&gateway, what).await;
    }
}

/// ME02: a slot is the job's until it is seen to end.
#[tokio::test]
async fn slots_and_unfinished_jobs_are_zero_once_the_job_has_ended() {
    let done = JOB.replace("queued", "failed");
    let upstream = Upstream::script(vec![Reply::job(), Reply::json(200, &done)]).await;
    let gateway = Gateway::start(&upstream, SETTINGS).await;
    gateway.ask(&create(CREATE)).await;
    let slots = [("scope", "upstream"), ("name", "main")];
    let page = parsed(&gateway);
    assert_eq!(page.value("reelgate_slots_limit", &slots), 4.0);
    assert_eq!(page.value("reelgate_slots_in_use", &slots), 1.0);
    assert_eq!(page.value("reelgate_jobs_unfinished", &[]), 1.0);
    gateway.ask(&get("/v1/videos/video_1")).await;
    assert_eq!(parsed(&gateway).value("reelgate_jobs_unfinished", &[]), 0.0);
    back_to_zero(&gateway, "a job").await;
}

/// A breaker stands where it stands, whether or not anybody calls.
#[tokio::test]
async fn an_open_breaker_is_half_open_once_its_time_is_over() {
    let upstream = Upstream::start(Reply::json(500, "{}")).await;
    let settings = "[upstreams.main]\nbase_url = \"{upstream}\"\nretry.attempts = 1\n\
                    breaker = { consecutive = 1, open = \"400ms\" }";
    let gateway = Gateway::start(&upstream, settings).await;
    let state = || parsed(&gateway).value("reelgate_breaker_state", &[("upstream", "main")]);
    assert_eq!(state(), 0.0);
    let began = Instant::now();
    gateway.ask(&get("/v1/videos/video_1")).await;
    assert!(state() == 2.0 || began.elapsed() > Duration::from_millis(400));
    crate::support::within("half-open", async {
        while state() != 1.0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(upstream.count(), 1);
}
