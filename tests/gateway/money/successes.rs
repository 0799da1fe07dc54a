//! Successful answers to paid calls whose bodies are errors, pages or nothing.

use serde_json::Value;

use crate::money::{again, first, with};
use crate::support::gateway::{Gateway, KEYS};
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{get, post};
use crate::support::upstream::{Reply, Upstream, answer};

const ONE: &str = "[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n";
const IN_USE: &str = "reelgate_slots_in_use{name=\"main\",scope=\"upstream\"}";
const QUOTA: &str = r#"{"error":{"message":"no money","type":"x","param":null,"code":"insufficient_quota"}}"#;

fn html() -> Reply {
    let page = "<html><body>Welcome to nginx!</body></html>";
    Reply::raw(answer(200, &[("content-type", "text/html; charset=utf-8")], page))
}

/// Status and the four fields that SDKs find.
fn error(answer: &Message) -> (u16, [Option<String>; 4]) {
    let error = &answer.json()["error"];
    let fields = ["message", "type", "param", "code"].map(|name| error[name].as_str().map(str::to_owned));
    (answer.status(), fields)
}

/// DI01: SDKs must raise.
#[tokio::test]
async fn an_error_under_a_success_reaches_the_client_with_the_status_that_it_names() {
    const IRE: &str = "invalid_request_error";
    const SRV: &str = "server_error";
    #[rustfmt::skip]
    let rows = [
        (QUOTA, 429, ["no money", "x", "", "insufficient_quota"]),
        (r#"{"error":{"message":"m","type":"invalid_request_error","param":"seconds","code":"invalid_value"}}"#, 400, ["m", IRE, "seconds", "invalid_value"]),
        (r#"{"error":{"message":"m","code":"content_policy_violation"}}"#, 400, ["m", IRE, "", "content_policy_violation"]),
        (r#"{"error":{"message":"m","code":402}}"#, 402, ["m", IRE, "", "402"]),
        (r#"{"error":{"message":"Rate limit reached for sora-2","type":"requests"}}"#, 429, ["Rate limit reached for sora-2", "requests", "", ""]),
        (r#"{"error":{"message":"Too many running tasks","type":"video_generation_user_error"}}"#, 429, ["Too many running tasks", "video_generation_user_error", "", ""]),
        (r#"{"error":{"message":"m","code":"model_not_found"}}"#, 404, ["m", IRE, "", "model_not_found"]),
        (r#"{"error":{"message":"m","code":"engine_overloaded"}}"#, 503, ["m", SRV, "", "engine_overloaded"]),
        (r#"{"code":"get_channel_failed","message":"m","data":null}"#, 502, ["m", SRV, "", "get_channel_failed"]),
        (r#"{"detail":"m"}"#, 502, ["m", SRV, "", "upstream_error"]),
        (r#"{"success":false,"message":"m"}"#, 502, ["m", SRV, "", "upstream_error"]),
        (r#"{"error":"boom"}"#, 502, ["boom", SRV, "", "upstream_error"]),
        (r#"{"ok":false}"#, 502, ["The upstream server answered with an error that it did not explain.", SRV, "", "upstream_error"]),
        (r#"{"error":{"message":"m","code":"upstream_timeout"}}"#, 504, ["m", SRV, "", "upstream_timeout"]),
        (r#"{"error":{"message":"m","type":"server_error"}}"#, 502, ["m", SRV, "", ""]),
    ];
    for (body, status, fields) in rows {
        let upstream = Upstream::start(Reply::json(200, body)).await;
        let gateway = with(&upstream, "retry.attempts = 1\n").await;
        let answer = gateway.ask(&first("a cat")).await;
        let fields = fields.map(|field| Some(field.to_owned()).filter(|text| !text.is_empty()));
        assert_eq!(error(&answer), (status, fields), "{body}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{body}");
        let stops = answer.header("x-should-retry") == Some("false");
        assert_eq!(stops, matches!(status, 502 | 504), "{body}");
        assert_eq!(upstream.count(), 1, "{body}");
    }
}

/// RT05: the state follows from the body.
#[tokio::test]
async fn the_ledger_records_what_the_body_of_a_success_says() {
    #[rustfmt::skip]
    let rows = [
        (Reply::job(), "accepted", Some("video_1"), None),
        (Reply::json(200, r#"{"id":"video_2","object":"video","status":"failed","error":{"code":"moderation_blocked","message":"no"}}"#), "accepted", Some("video_2"), Some("moderation_blocked")),
        (Reply::json(202, r#"{"code":"success","message":"","data":{"task_id":"task_3"}}"#), "accepted", Some("task_3"), None),
        (Reply::json(200, r#"{"created":1,"data":[{"url":"https://cdn/film.mp4"}]}"#), "accepted", None, None),
        (Reply::raw(answer(200, &[("content-type", "video/mp4")], "\0\0\0 ftypisom")), "accepted", None, None),
        (Reply::json(200, QUOTA), "refused", None, Some("insufficient_quota")),
        (Reply::json(200, r#"{"code":"x","message":"y","data":null}"#), "refused", None, Some("x")),
        (Reply::json(200, r#"{"error":"boom"}"#), "refused", None, Some("upstream_error")),
        (Reply::json(200, r#"{"error":{"message":"m","code":504}}"#), "unknown", None, Some("504")),
        (Reply::json(200, r#"{"error":{"message":"context deadline exceeded"}}"#), "unknown", None, None),
        (html(), "unknown", None, Some("upstream_bad_answer")),
        (Reply::json(200, ""), "unknown", None, Some("upstream_bad_answer")),
        (Reply::raw(answer(204, &[], "")), "unknown", None, Some("upstream_bad_answer")),
        (Reply::json(200, "[]"), "unknown", None, Some("upstream_bad_answer")),
        (Reply::json(200, r#"{"object":"video","status":"queued"}"#), "unknown", None, Some("upstream_bad_answer")),
        (Reply::json(200, r#"{"id":"video_1","status":"que"#), "unknown", None, Some("upstream_bad_answer")),
    ];
    let count = rows.len();
    let upstream = Upstream::script(rows.iter().map(|(reply, ..)| reply.clone()).collect()).await;
    let toml = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\n\
                retry.attempts = 1\nbreaker.consecutive = 0\n";
    let process = Process::start(&upstream, toml).await;
    let mut answers = Vec::new();
    for number in 0..count {
        let mut client = process.connect().await;
        client.send(first(&format!("cat {number}")).bytes()).await;
        answers.push(client.answer().await);
    }

    let mut records = process.ledger();
    records.sort_by_key(|record| record["id"].as_str().map(str::to_owned));

    assert_eq!(records.len(), count);
    for ((reply, state, job, fault), (record, answer)) in rows.iter().zip(records.iter().zip(&answers)) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let found = (text(&record["state"]), text(&record["job_id"]), text(&record["error_code"]));
        let expected = (Some((*state).to_owned()), job.map(str::to_owned), fault.map(str::to_owned));
        assert_eq!(found, expected, "{reply:?}: {record}");
        assert_eq!(answer.status() < 300, *state == "accepted", "{reply:?}");
        if *state == "unknown" {
            assert_eq!(answer.header("x-should-retry"), Some("false"), "{reply:?}");
        }
        if *fault == Some("upstream_bad_answer") {
            assert_eq!(answer.code().as_deref(), Some("upstream_outcome_unknown"), "{reply:?}");
            assert!(record["status"].as_u64().is_some_and(|status| status < 300), "{record}");
        }
    }
}

#[tokio::test]
async fn an_error_under_a_success_holds_no_slot() {
    let upstream = Upstream::script(vec![Reply::json(200, QUOTA), html(), Reply::job()]).await;
    let gateway = with(&upstream, ONE).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 429);
    assert_eq!(gateway.ask(&first("a dog")).await.status(), 502);
    assert!(gateway.metric(IN_USE) < 1.0);
    assert_eq!(gateway.ask(&first("a bird")).await.status(), 200);
    assert!(gateway.metric(IN_USE) > 0.0);
}

/// RT30
#[tokio::test]
async fn every_paid_call_is_judged_by_its_body() {
    let upstream =
        Upstream::start(Reply::json(200, r#"{"error":{"message":"m","code":"invalid_value"}}"#)).await;
    let gateway = Gateway::over(&upstream).await;
    let form = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nFox\r\n\
                --x\r\nContent-Disposition: form-data; name=\"video\"; filename=\"a.mp4\"\r\n\
                Content-Type: video/mp4\r\n\r\nabc\r\n--x--\r\n";
    let character = post("/v1/videos/characters", "").without("content-type");
    let character = character.with("content-type", "multipart/form-data; boundary=x").body(form.as_bytes());
    let video = r#"{"prompt":"b","video":{"id":"video_1"}}"#;
    for call in [
        post("/v1/videos/video_1/remix", r#"{"prompt":"b"}"#),
        post("/v1/videos/edits", video),
        post(
            "/v1/videos/extensions",
            &video.replace('}', "").replace("\"video_1\"", "\"video_1\"},\"seconds\":\"4\"}"),
        ),
        character,
    ] {
        let answer = gateway.ask(&call).await;
        assert_eq!(
            (answer.status(), answer.code().as_deref()),
            (400, Some("invalid_value")),
            "{}",
            call.target()
        );
    }
    assert_eq!(upstream.count(), 4);
}

/// RT01, RT22: it is treated like any answer with the status that it names.
#[tokio::test]
async fn an_error_under_a_success_is_repeated_and_replayed_by_the_status_that_it_names() {
    let busy = r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    let upstream = Upstream::script(vec![Reply::json(200, busy), Reply::job()]).await;
    let quick = "retry.backoff_base = \"1ms\"\nretry.backoff_max = \"1ms\"\n";
    let gateway = with(&upstream, quick).await;
    let answer = gateway.ask(&first("a cat")).await;
    assert_eq!((answer.status(), answer.header("x-reelgate-attempts")), (200, Some("2")));

    // An error about the request is replayed for its key; one without a reason frees the key.
    let bad = r#"{"error":{"message":"no","code":"invalid_value"}}"#;
    let boom = r#"{"error":"boom"}"#;
    let upstream = Upstream::script(vec![Reply::json(200, bad), Reply::json(200, boom), Reply::job()]).await;
    let gateway = with(&upstream, quick).await;
    let stands = first("a cat").with("idempotency-key", "a");
    for replayed in [None, Some("true")] {
        let answer = gateway.ask(&stands).await;
        assert_eq!((answer.status(), answer.header("x-reelgate-replayed")), (400, replayed));
        assert_eq!(answer.code().as_deref(), Some("invalid_value"));
    }
    let passes = first("a cat").with("idempotency-key", "b");
    assert_eq!(gateway.ask(&passes).await.status(), 502);
    assert_eq!(gateway.ask(&passes).await.status(), 200);
    assert_eq!(upstream.count(), 3);
}

/// RT05, RT29: its outcome is unknown.
#[tokio::test]
async fn a_repeat_of_a_create_that_was_answered_with_a_page_is_not_sent() {
    let upstream = Upstream::script(vec![html(), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 502);
    let answer = gateway.ask(&again("a cat")).await;
    assert_eq!((answer.status(), answer.code().as_deref()), (409, Some("create_unresolved")));
    let keyed = first("a dog").with("idempotency-key", "k");
    let upstream = Upstream::script(vec![Reply::json(200, ""), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(gateway.ask(&keyed).await.code().as_deref(), Some("upstream_outcome_unknown"));
    assert_eq!(gateway.ask(&keyed).await.code().as_deref(), Some("create_unresolved"));
    assert_eq!(upstream.count(), 1);
}

/// JSON and videos that are too long to be read whole are streamed, a page is not.
#[tokio::test]
async fn a_long_answer_is_a_job_unless_it_is_a_page() {
    for (kind, status) in [("text/html", 502), ("application/json", 200), ("video/mp4", 200)] {
        let long = answer(200, &[("content-type", kind)], vec![b' '; 2 << 20]);
        let upstream = Upstream::start(Reply::raw(long)).await;
        let gateway = Gateway::over(&upstream).await;
        assert_eq!(gateway.ask(&first("a cat")).await.status(), status, "{kind}");
    }
}

/// AU08: an error about our own credential is ours, also under a success.
#[tokio::test]
async fn an_error_about_our_credential_is_not_the_clients() {
    let wrong =
        r#"{"error":{"message":"Incorrect API key","type":"x","param":null,"code":"invalid_api_key"}}"#;
    let upstream = Upstream::start(Reply::json(200, wrong)).await;
    let keyed = first("a cat").without("authorization").with("authorization", "Bearer rg-key");
    let gateway = Gateway::start(&upstream, KEYS).await;
    let answer = gateway.ask(&keyed).await;
    assert_eq!((answer.status(), answer.code().as_deref()), (502, Some("upstream_auth_failed")));
    assert!(gateway.metric("reelgate_upstream_auth_failures_total{upstream=\"main\"}") > 0.0);

    let gateway = Gateway::over(&upstream).await;
    let answer = gateway.ask(&first("a cat")).await;
    assert_eq!(
        (answer.status(), answer.code().as_deref()),
        (401, Some("invalid_api_key")),
        "the client's own"
    );
}

/// SH01: one client's prompts can cause them.
#[tokio::test]
async fn errors_without_a_reason_do_not_open_the_breaker() {
    let mut script = vec![Reply::json(200, r#"{"error":"blocked"}"#); 8];
    script.push(Reply::job());
    let upstream = Upstream::script(script).await;
    let gateway = Gateway::over(&upstream).await;
    for number in 0..8 {
        assert_eq!(gateway.ask(&first(&format!("cat {number}"))).await.status(), 502);
    }
    assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 200);
}
