//! Budgets before a real upstream: what they count, what gives it back, and what a restart knows of it.
//!
//! Most are for a month: a test that runs over midnight is not to fail.

use std::path::Path;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, create, get, post, request};
use crate::support::upstream::{Reply, Upstream, answer};
use crate::support::within;

/// The key "rg-key", whose month has these limits, before an upstream that makes sora-2 at 0.1 a second.
async fn with(upstream: &Upstream, month: &str, more: &str) -> Gateway {
    let text = format!(
        "presets = [\"seed\"]\n[auth]\nmode = \"keys\"\nunknown_videos = \"forward\"\n[auth.keys.team]\n\
         sha256 = \"1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca\"\n\
         budget = {{ month = {{ {month} }} }}\n\
         [models.sora-2]\nprice_per_second = 0.1\n[models.sora-2-pro]\nprice_per_second = 0.3\n\
         [upstreams.main]\nbase_url = \"{{upstream}}\"\ncredential = {{ env = \"UPSTREAM_KEY\" }}\n\
         [upstreams.main.retry]\nattempts = 1\n{more}"
    );
    Gateway::start(upstream, &text).await
}

fn by_key(request: Request) -> Request {
    request.without("authorization").with("authorization", "Bearer rg-key")
}

/// A create of 8 seconds, which cost 0.8.
fn eight(prompt: &str) -> Request {
    by_key(create(&format!(r#"{{"prompt":"{prompt}","model":"sora-2","seconds":"8"}}"#)))
}

fn job(id: &str, status: &str) -> Reply {
    Reply::json(200, &format!(r#"{{"id":"{id}","object":"video","status":"{status}"}}"#))
}

async fn statuses(gateway: &Gateway, asked: &[Request]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for request in asked {
        statuses.push(gateway.ask(request).await.status());
    }
    statuses
}

fn is_over(answer: &Message) -> bool {
    (answer.status(), answer.code().as_deref()) == (429, Some("insufficient_quota"))
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_told_in_openais_words() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "requests = 2", "").await;
    assert_eq!(statuses(&gateway, &[eight("a"), eight("b")]).await, [200, 200]);

    let refused = gateway.ask(&eight("c")).await;

    assert!(is_over(&refused), "{}", refused.text());
    let error = &refused.json()["error"];
    assert_eq!((&error["type"], &error["param"]), (&"insufficient_quota".into(), &serde_json::Value::Null));
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.starts_with("You exceeded your current quota, please check your plan and billing details.")
    );
    assert_eq!(refused.header("x-should-retry"), Some("false"), "SDKs repeat every other 429");
    assert_eq!(upstream.count(), 2);
    assert!(gateway.page().contains("outcome=\"limited\""), "{}", gateway.page());
    assert_eq!(gateway.ask(&by_key(get("/v1/videos/video_1"))).await.status(), 200, "looking costs nothing");
}

#[tokio::test]
async fn seconds_and_money_are_counted_as_they_are_asked_for() {
    let by_model = |model: &str, seconds: &str| {
        by_key(create(&format!(r#"{{"prompt":"a","model":"{model}","seconds":"{seconds}"}}"#)))
    };
    for (limits, asked, expected) in [
        (
            "seconds = 20",
            vec![eight("a"), eight("b"), eight("c"), by_model("sora-2", "4")],
            [200, 200, 429, 200],
        ),
        (
            "money = 5.4",
            vec![by_model("sora-2-pro", "15"), eight("a"), eight("b"), by_model("sora-2", "4")],
            [200, 200, 429, 429],
        ),
        // What is left out is what the model makes of it: 4 s.
        (
            "seconds = 4",
            vec![by_key(create(r#"{"prompt":"a"}"#)), eight("b"), eight("c"), eight("d")],
            [200, 429, 429, 429],
        ),
    ] {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = with(&upstream, limits, "").await;
        assert_eq!(statuses(&gateway, &asked).await, expected, "{limits}");
    }
}

#[tokio::test]
async fn what_is_refused_costs_nothing_and_what_may_have_been_made_does() {
    let no = Reply::json(400, r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#);
    let at_once = Reply::json(
        200,
        r#"{"id":"video_9","object":"video","status":"failed","error":{"code":"moderation_blocked","message":"no"}}"#,
    );
    for (reply, counts) in [
        (no, false),
        (at_once, false),
        (Reply::json(503, r#"{"error":"busy"}"#), false),
        // A proxy's, perhaps, which may have passed it on.
        (Reply::json(503, "{}"), true),
        (
            Reply::json(200, r#"{"error":{"message":"no money","type":"x","code":"insufficient_quota"}}"#),
            false,
        ),
        (Reply::json(200, r#"{"success":false,"message":"no"}"#), false),
        (Reply::json(200, r#"{"error":{"message":"gave up","code":"gateway_timeout"}}"#), true),
        (Reply::raw(answer(200, &[("content-type", "text/html")], "<html></html>")), true),
        (Reply::json(200, ""), true),
        (Reply::json(500, "{}"), true),
        (Reply::default().read().reset(), true),
    ] {
        let what = format!("{reply:?}");
        let upstream = Upstream::script(vec![reply, Reply::job()]).await;
        let gateway = with(&upstream, "requests = 1", "").await;
        gateway.ask(&eight("a")).await;
        let next = gateway.ask(&eight("b")).await;
        assert_eq!(is_over(&next), counts, "{what}");
    }
    // Refused by ourselves, for another reason.
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "requests = 1", "").await;
    let wrong = by_key(create(r#"{"prompt":"a","model":"sora-2","seconds":"7"}"#));
    assert_eq!(statuses(&gateway, &[wrong, eight("b")]).await, [400, 200]);
}

/// An answer that was given before costs nothing.
#[tokio::test]
async fn a_replay_spends_nothing() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "requests = 2, money = 1.6", "").await;
    for _ in 0..4 {
        assert_eq!(gateway.ask(&eight("a").with("idempotency-key", "k")).await.status(), 200);
    }
    let again = || eight("b").with("x-stainless-retry-count", "0");
    assert_eq!(gateway.ask(&again()).await.status(), 200);
    let repeated = eight("b").with("x-stainless-retry-count", "1");
    assert_eq!(gateway.ask(&repeated).await.header("x-reelgate-replayed"), Some("true"));
    assert!(is_over(&gateway.ask(&eight("c")).await));
    assert_eq!(upstream.count(), 2);
}

#[tokio::test]
async fn a_job_that_fails_gives_back_what_it_took_once() {
    let script = vec![job("video_1", "queued"), job("video_1", "in_progress"), job("video_1", "failed")];
    let then = vec![job("video_1", "failed"), job("video_2", "queued"), job("video_2", "completed")];
    let upstream = Upstream::script([script, then].concat()).await;
    let gateway = with(&upstream, "requests = 1", "").await;
    let poll = |id: &str| by_key(get(&format!("/v1/videos/{id}")));
    assert_eq!(statuses(&gateway, &[eight("a"), poll("video_1"), eight("b")]).await, [200, 200, 429]);
    // Seen twice, given back once.
    assert_eq!(statuses(&gateway, &[poll("video_1"), poll("video_1"), eight("b")]).await, [200, 200, 200]);
    assert_eq!(statuses(&gateway, &[poll("video_2"), eight("c")]).await, [200, 429]);
}

/// What its client does not see, the watch does.
#[tokio::test]
async fn a_job_that_is_watched_and_fails_gives_back_what_it_took() {
    let upstream =
        Upstream::script(vec![job("video_1", "queued"), job("video_1", "failed"), Reply::job()]).await;
    let more = "[jobs]\nwatch_after = \"1ms\"\nwatch_interval = \"1ms\"\n[quota]\nmax_jobs = 9";
    let gateway = with(&upstream, "requests = 1", more).await;
    assert_eq!(gateway.ask(&eight("a")).await.status(), 200);
    let next = within("what was taken to be given back", async {
        loop {
            let answer = gateway.ask(&eight("b")).await;
            if !is_over(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(next.await.status(), 200);
}

/// Whoever deletes a video may have had it.
#[tokio::test]
async fn a_deleted_job_was_paid_for() {
    let deleted = Reply::json(200, r#"{"id":"video_1","object":"video.deleted","deleted":true}"#);
    let upstream = Upstream::script(vec![Reply::job(), deleted]).await;
    let gateway = with(&upstream, "requests = 1", "").await;
    let delete = by_key(request("DELETE", "/v1/videos/video_1"));
    assert_eq!(statuses(&gateway, &[eight("a"), delete, eight("b")]).await, [200, 200, 429]);
}

fn in_file(path: &Path) -> String {
    format!("[ledger]\npath = \"{}\"", path.join("ledger.db").display())
}

/// What was used, and what comes back later, outlives the process.
#[tokio::test]
async fn a_restart_forgets_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = in_file(folder.path());
    let no = Reply::json(400, r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#);
    let before = vec![
        job("video_1", "queued"),
        no,
        Reply::default().read().reset(),
        job("video_2", "queued"),
        job("video_2", "failed"),
    ];
    let after = vec![
        job("video_3", "queued"),
        job("video_1", "failed"),
        job("video_1", "failed"),
        job("video_4", "queued"),
    ];
    let upstream = Upstream::script([before, after].concat()).await;
    let gateway = with(&upstream, "requests = 3, seconds = 24", &ledger).await;
    let poll = |id: &str| by_key(get(&format!("/v1/videos/{id}")));
    let asked = [eight("accepted"), eight("refused"), eight("unknown"), eight("failed"), poll("video_2")];
    assert_eq!(statuses(&gateway, &asked).await, [200, 400, 502, 200, 200]);
    gateway.stop().await;

    let next = with(&upstream, "requests = 3, seconds = 24", &ledger).await;
    assert_eq!(
        statuses(&next, &[eight("third"), eight("fourth")]).await,
        [200, 429],
        "one of three was left"
    );
    // Of a job that an earlier process made.
    assert_eq!(statuses(&next, &[poll("video_1"), poll("video_1")]).await, [200, 200]);
    assert_eq!(statuses(&next, &[eight("fourth"), eight("fifth")]).await, [200, 429]);
    next.stop().await;

    let last = with(&upstream, "requests = 4", &ledger).await;
    assert_eq!(statuses(&last, &[eight("fifth"), eight("sixth")]).await, [200, 429]);
}

#[tokio::test]
async fn a_remix_costs_what_its_source_did_and_an_unknown_one_is_refused() {
    let upstream = Upstream::script(vec![
        job("video_1", "completed"),
        job("video_2", "queued"),
        job("video_3", "queued"),
    ])
    .await;
    let gateway = with(&upstream, "seconds = 24, money = 99", "").await;
    let remix = |id: &str| by_key(post(&format!("/v1/videos/{id}/remix"), r#"{"prompt":"b"}"#));
    let extend = |seconds: &str| {
        by_key(post(
            "/v1/videos/extensions",
            &format!(r#"{{"prompt":"b","video":{{"id":"video_1"}},"seconds":"{seconds}"}}"#),
        ))
    };
    assert_eq!(statuses(&gateway, &[eight("a"), remix("video_1")]).await, [200, 200]);
    assert_eq!(statuses(&gateway, &[extend("12"), extend("8"), extend("4")]).await, [429, 200, 429]);
    let refused = gateway.ask(&remix("video_of_nobody")).await;
    assert_eq!((refused.status(), refused.code().as_deref()), (403, Some("cost_unknown")));
    assert_eq!(upstream.count(), 3);

    // Where only calls are counted, nothing else needs to be known.
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "requests = 1", "").await;
    assert_eq!(gateway.ask(&remix("video_of_nobody")).await.status(), 200);
}

/// However many come at once: never more than the budget.
#[tokio::test]
async fn creates_that_come_together_never_exceed_a_budget() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "money = 5.6", "").await;
    let mut clients = Vec::new();
    for n in 0..24 {
        let mut client = gateway.connect().await;
        client.send(eight(&format!("cat {n}")).bytes()).await;
        clients.push(client);
    }
    let mut made = 0;
    for client in &mut clients {
        let answer = client.answer().await;
        assert!(answer.status() == 200 || is_over(&answer), "{}", answer.text());
        made += usize::from(answer.status() == 200);
    }
    assert_eq!((made, upstream.count()), (7, 7));
}
