//! What goes on when the configuration changes: whatever was counted, opened or remembered.

use std::time::Duration;

use super::Reloading;
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, get};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};
use crate::support::within;

const POLL: &str = "/v1/videos/video_1";

fn at(upstream: &Upstream, settings: &str) -> String {
    format!("{settings}\n[upstreams.main]\nbase_url = \"{}\"\n", upstream.base_url())
}

fn a_create(prompt: &str) -> Request {
    create(&format!(r#"{{"prompt":"{prompt}"}}"#))
}

async fn status(gateway: &Gateway, request: &Request) -> u16 {
    gateway.ask(request).await.status()
}

async fn until(gateway: &Gateway, series: &str, value: f64) {
    within(&format!("{series} to be {value}"), async {
        while (gateway.metric(series) - value).abs() > f64::EPSILON {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// A reload is no way to a new burst.
#[tokio::test]
async fn tokens_that_were_spent_stay_spent() {
    let upstream = Upstream::start(Reply::job()).await;
    let rate = |rate: &str, target: u32| {
        at(&upstream, &format!("[quota]\nsubmit = {{ rate = \"{rate}\" }}\n[limits]\ntarget = {target}\n"))
    };
    let mut reloading = Reloading::start(&rate("2/day", 100)).await;
    for prompt in ["a", "b"] {
        assert_eq!(status(&reloading.gateway, &a_create(prompt)).await, 200);
    }
    for toml in [rate("2/day", 101), rate("4/day", 101), rate("1/day", 101)] {
        reloading.to(&toml).await;
        assert_eq!(status(&reloading.gateway, &a_create("c")).await, 429, "{toml}");
    }
    reloading.to(&at(&upstream, "")).await;
    assert_eq!(status(&reloading.gateway, &a_create("c")).await, 200, "nothing limits it any more");
}

/// Connections are kept where nothing changes in how they are made, and closed where something does.
#[tokio::test]
async fn connections_to_upstreams_are_used_on() {
    let upstream = Upstream::start(Reply::job()).await;
    let with = |setting: &str| format!("{}{setting}", at(&upstream, ""));
    let mut reloading = Reloading::start(&with("")).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 200);
    for same in ["retry.attempts = 1", "fetch_timeout = \"1s\"\nbreaker.consecutive = 1", "idempotent = true"]
    {
        reloading.to(&with(same)).await;
        assert_eq!(status(&reloading.gateway, &get(POLL)).await, 200);
        assert_eq!(upstream.connections(), 1, "{same}");
    }
    reloading.to(&with("connect_timeout = \"1s\"")).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 200);
    assert_eq!(upstream.connections(), 2);
    upstream.until_ended(1).await;
}

/// RT19: an upstream that is left alone stays so, unless it is another one.
#[tokio::test]
async fn a_breaker_stays_open() {
    let upstream = Upstream::start(Reply::json(500, "{}")).await;
    let well = Upstream::start(Reply::job()).await;
    let settings = "retry.attempts = 1\nbreaker.consecutive = 1\n";
    let mut reloading = Reloading::start(&format!("{}{settings}", at(&upstream, ""))).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 500);
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 503);
    reloading.to(&format!("{}{settings}", at(&upstream, "[limits]\ntarget = 100\n"))).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 503);
    assert_eq!(upstream.count(), 1);
    reloading.to(&format!("{}{settings}", at(&well, ""))).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 200);
}

/// Video capacity is limited by the jobs that run, whenever they began.
#[tokio::test]
async fn a_limit_that_comes_later_counts_jobs_that_run_already() {
    let upstream = Upstream::start(Reply::job()).await;
    let mut reloading = Reloading::start(&at(&upstream, "")).await;
    assert_eq!(status(&reloading.gateway, &a_create("a")).await, 200);
    let one = at(&upstream, "[quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n");
    reloading.to(&one).await;
    assert_eq!(status(&reloading.gateway, &a_create("b")).await, 429);
    reloading.to(&one.replace("max_jobs = 1", "max_jobs = 2")).await;
    assert_eq!(status(&reloading.gateway, &a_create("b")).await, 200);
}

#[tokio::test]
async fn whoever_waits_for_a_slot_is_let_in_when_there_are_more() {
    let jobs = ["a", "b", "c"].map(|id| Reply::json(200, &JOB.replace("video_1", id)));
    let upstream = Upstream::script(jobs.to_vec()).await;
    let jobs = |number: u32| at(&upstream, &format!("[quota]\nmax_jobs = {number}\njobs_wait = \"1m\"\n"));
    let mut reloading = Reloading::start(&jobs(1)).await;
    assert_eq!(status(&reloading.gateway, &a_create("a")).await, 200);
    let mut waiting = reloading.gateway.connect().await;
    waiting.send(a_create("b").bytes()).await;
    until(&reloading.gateway, "reelgate_slots_waiting{name=\"\",scope=\"global\"}", 1.0).await;
    reloading.to(&jobs(2)).await;
    assert_eq!(waiting.answer().await.status(), 200);

    let mut waiting = reloading.gateway.connect().await;
    waiting.send(a_create("c").bytes()).await;
    until(&reloading.gateway, "reelgate_slots_waiting{name=\"\",scope=\"global\"}", 1.0).await;
    reloading.to(&at(&upstream, "")).await;
    assert_eq!(waiting.answer().await.status(), 200, "nothing limits it any more");
}

/// LM07: what is under way counts against the new number.
#[tokio::test]
async fn places_of_calls_under_way_are_counted_on() {
    let gate = Gate::closed();
    let job = answer(200, &[("content-type", "application/json")], JOB);
    let upstream = Upstream::script(vec![Reply::default().read().wait(&gate).send(job), Reply::job()]).await;
    let places =
        |number: u32| at(&upstream, &format!("[limits]\nin_flight = {number}\nin_flight_wait = \"0s\"\n"));
    let mut reloading = Reloading::start(&places(2)).await;
    let mut first = reloading.gateway.connect().await;
    first.send(get(POLL).bytes()).await;
    upstream.until("the first", |requests| requests.len() == 1).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 200);
    reloading.to(&places(1)).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 503);
    reloading.to(&places(3)).await;
    assert_eq!(status(&reloading.gateway, &get(POLL)).await, 200);
    gate.open();
    assert_eq!(first.answer().await.status(), 200);
}

/// RT22: what the ledger knows, it knows under every configuration.
#[tokio::test]
async fn a_repeat_is_known_whatever_was_reloaded() {
    let upstream = Upstream::start(Reply::job()).await;
    let mut reloading = Reloading::start(&at(&upstream, "")).await;
    let request = a_create("a").with("idempotency-key", "k");
    assert_eq!(status(&reloading.gateway, &request).await, 200);
    reloading.to(&at(&upstream, "[limits]\ntarget = 100\n[ledger]\nkeep_answers = \"1h\"\n")).await;
    let again = reloading.gateway.ask(&request).await;
    assert_eq!((again.status(), again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(upstream.count(), 1);
}

/// What a key has used of its budget it has used, whatever the budget becomes.
#[tokio::test]
async fn budgets_are_used_on() {
    let upstream = Upstream::start(Reply::job()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let credential = folder.path().join("credential");
    std::fs::write(&credential, "sk-operator").expect("a file");
    let day = |requests: u32| {
        let key = "1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca";
        format!(
            "{}credential = {{ file = \"{}\" }}\n[auth]\nmode = \"keys\"\n[auth.keys.team]\nsha256 = \"{key}\"\n\
             budget = {{ day = {{ requests = {requests} }} }}\n",
            at(&upstream, ""),
            credential.display(),
        )
    };
    let of_key = |prompt| a_create(prompt).without("authorization").with("authorization", "Bearer rg-key");
    let mut reloading = Reloading::start(&day(2)).await;
    for prompt in ["a", "b"] {
        assert_eq!(status(&reloading.gateway, &of_key(prompt)).await, 200);
    }
    assert_eq!(status(&reloading.gateway, &of_key("c")).await, 429);
    reloading.to(&day(1)).await;
    assert_eq!(status(&reloading.gateway, &of_key("c")).await, 429);
    reloading.to(&day(3)).await;
    assert_eq!(status(&reloading.gateway, &of_key("c")).await, 200);
    assert_eq!(status(&reloading.gateway, &of_key("d")).await, 429);
}

/// A page of a site that is taken from the list can read nothing more, and one of a new site can.
#[tokio::test]
async fn origins_change_with_the_configuration() {
    let upstream = Upstream::start(Reply::job()).await;
    let toml = |origins: &str| at(&upstream, &format!("[cors]\norigins = [{origins}]\n"));
    let mut reloading = Reloading::start(&toml("\"https://old.example.com\"")).await;
    for (origins, allowed) in
        [("\"https://new.example.com\"", Some("https://new.example.com")), ("\"*\"", Some("*")), ("", None)]
    {
        reloading.to(&toml(origins)).await;
        let asked = get(POLL).with("origin", "https://new.example.com");
        let answer = reloading.gateway.ask(&asked).await;
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origins}");
        let asked = get(POLL).with("origin", "https://old.example.com");
        let answer = reloading.gateway.ask(&asked).await;
        let expected = allowed.filter(|origin| *origin == "*");
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{origins}");
    }
}
