//! Answers to creates that are not as they should be: whatever they look like, no job is lost sight of.

use crate::money::{again, first, with};
use crate::support::gateway::Gateway;
use crate::support::request::get;
use crate::support::upstream::{Gate, Reply, Upstream};
use crate::support::within;

const ONE: &str = "[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n";
const IN_USE: &str = "reelgate_slots_in_use{name=\"main\",scope=\"upstream\"}";
const BUSY: &str = r#"{"error":{"message":"busy","type":"requests","param":null,"code":null}}"#;

fn slots(gateway: &Gateway) -> f64 {
    gateway.metric(IN_USE)
}

/// The gateway has to read the ids and states of jobs, and most upstreams honour this.
#[tokio::test]
async fn answers_about_jobs_are_asked_for_without_compression() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let compressed =
        |request: crate::support::request::Request| request.with("accept-encoding", "gzip, deflate");
    gateway.ask(&compressed(first("a cat"))).await;
    gateway.ask(&compressed(get("/v1/videos/video_1"))).await;
    gateway.ask(&compressed(get("/v1/videos/video_1/content"))).await;
    let asked: Vec<Option<String>> =
        upstream.requests().iter().map(|seen| seen.header("accept-encoding").map(str::to_owned)).collect();
    let asked: Vec<Option<&str>> = asked.iter().map(Option::as_deref).collect();
    assert_eq!(asked, [Some("identity"), Some("identity"), Some("gzip, deflate")]);
}

/// RT22, RT29: an answer that is too long to be kept is not given again in part.
#[tokio::test]
async fn an_answer_that_is_not_kept_is_not_replayed() {
    let gate = Gate::closed();
    let long =
        crate::support::upstream::answer(200, &[("content-type", "application/json")], vec![b' '; 2 << 20]);
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(long)).await;
    let gateway = Gateway::over(&upstream).await;
    let keyed = first("a cat").with("idempotency-key", "k");
    let mut leader = gateway.connect().await;
    leader.send(keyed.bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    let mut twin = gateway.connect().await;
    twin.send(keyed.bytes()).await;
    // The twin waits before the leader is answered.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), twin.answer()).await.is_err());
    gate.open();

    let answered = leader.answer().await;
    assert_eq!((answered.status(), answered.body.len()), (200, 2 << 20));
    for told in [twin.answer().await, gateway.ask(&keyed).await] {
        assert_eq!((told.status(), told.code().as_deref()), (409, Some("create_unresolved")));
        assert_eq!(told.header("x-should-retry"), Some("false"));
    }
    assert_eq!(upstream.count(), 1);
}

/// RT05: 524 is what one sees whose server was cut off by somebody in front of it.
#[tokio::test]
async fn every_status_that_leaves_the_outcome_open_tells_sdks_not_to_ask_again() {
    for status in [408, 500, 502, 504, 520, 524, 599] {
        let upstream = Upstream::start(Reply::json(status, BUSY)).await;
        let gateway = Gateway::over(&upstream).await;
        let answer = gateway.ask(&first("a cat")).await;
        assert_eq!((answer.status(), answer.header("x-should-retry")), (status, Some("false")), "{status}");
    }
}

#[tokio::test]
async fn a_job_that_is_over_at_once_holds_no_slot() {
    for (status, held) in [("completed", 0.0), ("failed", 0.0), ("queued", 1.0), ("unheard_of", 1.0)] {
        let job = format!(r#"{{"id":"video_1","object":"video","status":"{status}"}}"#);
        let upstream = Upstream::start(Reply::json(200, &job)).await;
        let gateway = with(&upstream, ONE).await;
        assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
        assert!((slots(&gateway) - held).abs() < f64::EPSILON, "{status}: {}", slots(&gateway));
    }
}

/// The words of servers that are like OpenAI's, and not quite.
#[tokio::test]
async fn a_slot_follows_a_job_in_every_servers_words() {
    for words in [
        ["SUBMITTED", "generating", "success"],
        ["not_start", "preparing", "failure"],
        ["?", "??", "completed"],
    ] {
        let job = |status: &str| Reply::json(200, &format!(r#"{{"task_id":"video_1","status":"{status}"}}"#));
        let upstream = Upstream::script(words.map(job).to_vec()).await;
        let gateway = with(&upstream, &format!("{ONE}[jobs]\nwatch = false\n")).await;
        assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
        assert!(slots(&gateway) > 0.0, "{words:?}");
        gateway.ask(&get("/v1/videos/video_1")).await;
        assert!(slots(&gateway) > 0.0, "{words:?}");
        gateway.ask(&get("/v1/videos/video_1")).await;
        assert!(slots(&gateway) < 1.0, "{words:?}");
    }
}

/// RT29: a client that leaves is missed at once: its repeat is not taken for that of a call that was refused.
#[tokio::test]
async fn the_repeat_of_an_open_try_whose_client_left_is_not_made_in_place_of_another() {
    let gate = Gate::closed();
    let open = Reply::default().read().wait(&gate).send(super::job());
    let upstream = Upstream::script(vec![Reply::json(429, BUSY), open, Reply::job()]).await;
    let gateway = with(&upstream, "[upstreams.main.retry]\nattempts = 1\n").await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 429);
    let mut gone = gateway.connect().await;
    gone.send(first("a cat").bytes()).await;
    upstream.until("the create", |requests| requests.len() == 2).await;
    drop(gone);
    within("the client to be missed", async {
        while gateway.metric("reelgate_requests_in_flight") > 0.0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;

    let mut client = gateway.connect().await;
    client.send(again("a cat").bytes()).await;
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), client.answer()).await.is_err());
    gate.open();
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.header("x-reelgate-replayed")), (200, Some("true")));
    assert_eq!(upstream.count(), 2);
}
