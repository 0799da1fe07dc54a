//! One line a request, with everything that answers what happened to it; and lines nobody can forge.

use serde_json::{Value, json};

use super::{OPEN, line_of};
use crate::support::process::Process;
use crate::support::request::{chunked, create, get, post, request};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};
use crate::support::within;

/// Every member of `wanted` is as it says.
fn assert_says(line: &Value, wanted: &Value) {
    for (name, value) in wanted.as_object().expect("an object") {
        assert_eq!(line.get(name), Some(value), "{name} in {line:#}");
    }
}

#[tokio::test]
async fn a_create_with_a_retry_is_one_line_that_tells_everything() {
    let job = answer(200, &[("content-type", "application/json"), ("x-request-id", "req_theirs")], JOB);
    let upstream =
        Upstream::script(vec![Reply::raw(answer(429, &[("retry-after-ms", "20")], "")), Reply::raw(job)])
            .await;
    let configuration = format!("{OPEN}[rewrite]\non_unsupported = \"adjust\"");
    let mut process = Process::start(&upstream, &configuration).await;
    let mut client = process.connect().await;
    let body = r#"{"prompt":"a secret cat","model":"sora-2","seconds":"10"}"#;
    let sent = create(body).with("user-agent", "OpenAI/Python 2.1").with("x-stainless-retry-count", "0");
    client.send(sent.bytes()).await;
    let answered = client.answer().await;
    assert_eq!(answered.status(), 200);

    let line = line_of(&mut process, "/v1/videos").await;

    assert_says(
        &line,
        &json!({
            "level": "INFO",
            "message": "POST /v1/videos -> 200",
            "method": "POST",
            "status": 200,
            "outcome": "forwarded",
            "route": "/v1/videos",
            "model_asked": "sora-2",
            "model": "sora-2",
            "adjusted": answered.header("x-reelgate-adjusted").expect("it was adjusted"),
            "upstream": "main",
            "attempts": 2,
            "retries": "rate_limited",
            "bytes_in": body.len(),
            "bytes_out": JOB.len(),
            "ledger_id": answered.header("x-reelgate-ledger-id").expect("an id"),
            "job_id": "video_1",
            "user_agent": "OpenAI/Python 2.1",
            "sdk_retries": "0",
            "answer_id": "req_theirs",
            "peer": format!("127.0.0.1:{}", client.port()),
        }),
    );
    assert!(line["waits"].as_str().is_some_and(|waits| waits.contains("retry=")), "{line:#}");
    assert!(line["duration_us"].as_u64().is_some_and(|took| took >= 20_000), "{line:#}");
    assert!(line["request_id"].as_str().is_some_and(|id| id.starts_with("req_")), "{line:#}");
    assert!(!line.to_string().contains("secret cat"), "{line}");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let upstream = Upstream::start(Reply::job()).await;
    let mut process = Process::start(&upstream, OPEN).await;
    let mut client = process.connect().await;
    for (sent, wanted) in [
        (
            create(r#"{"prompt":"a cat","seconds":"5"}"#),
            json!({"status": 400, "outcome": "rejected", "fault": "client", "error": "invalid_value", "param": "seconds", "attempts": 0}),
        ),
        (
            create(r#"{"prompt":"a cat","model":"nobody's"}"#),
            json!({"status": 400, "model_asked": "nobody's", "param": "model"}),
        ),
    ] {
        client.send(sent.bytes()).await;
        client.answer().await;
        let line = line_of(&mut process, "/v1/videos").await;
        assert_says(&line, &wanted);
        assert_eq!((line.get("upstream"), line.get("job_id")), (None, None), "{line:#}");
    }
}

/// The line of a request passes the filter under the name of its place in the source, as every line does.
#[tokio::test]
async fn the_lines_of_requests_alone_can_be_left_out() {
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start_logging(&upstream, OPEN, "info,reelgate::server::record=warn").await;
    let mut client = process.connect().await;
    client.send(get("/v1/videos/video_1").bytes()).await;
    assert_eq!(client.answer().await.status(), 200);
    drop(client);
    let rest = process.rest_of_log().await;
    assert!(rest.iter().any(|line| line.contains("INFO")), "{rest:#?}");
    assert!(!rest.iter().any(|line| line.contains("request_id")), "{rest:#?}");
}

/// A client that leaves is not forgotten: its request has a line, and only one.
#[tokio::test]
async fn a_client_that_leaves_has_a_line_too() {
    let gate = Gate::closed();
    let job = answer(200, &[("content-type", "application/json")], JOB);
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(job)).await;
    let mut process = Process::start(&upstream, OPEN).await;
    let mut client = process.connect().await;
    client.send(create(r#"{"prompt":"a cat"}"#).bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    drop(client);

    let line = line_of(&mut process, "/v1/videos").await;

    let wanted = json!({
        "status": 499, "outcome": "client_left", "route": "/v1/videos", "model": "sora-2", "upstream": "main",
        "attempts": 1,
    });
    assert_says(&line, &wanted);
    assert!(line["ledger_id"].as_str().is_some_and(|id| !id.is_empty()), "{line:#}");
    gate.open();
    // The job is told of once it is known, under the same id.
    let job = process.logged("a line with the job", |line| line["job"] == "video_1").await;
    assert_eq!(job["request_id"], line["request_id"]);
    let rest = process.rest_of_log().await;
    assert!(!rest.iter().any(|line| line.contains("\"path\"")), "{rest:#?}");
}

/// A body that does not end well has a second line, under the same id.
#[tokio::test]
async fn an_answer_that_breaks_off_is_told_of() {
    let film = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 1000\r\n\r\nbeginning";
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = chunked(b"data: 1\n\n");
    let upstream = Upstream::script(vec![
        Reply::raw(film).close(),
        Reply::raw(events).send(&event).close(),
        Reply::raw(film).until_left(),
        Reply::raw(events).send(&event).send("0\r\n\r\n"),
    ])
    .await;
    let mut process = Process::start(&upstream, OPEN).await;
    for (sent, reason, level) in [
        (get("/v1/videos/video_1/content"), "upstream_lost", "WARN"),
        (post("/v1/responses", "{}"), "upstream_lost", "WARN"),
        (get("/v1/videos/video_2/content"), "connection_ended", "INFO"),
    ] {
        let mut client = process.connect().await;
        client.send(sent.bytes()).await;
        let (head, mut framing) = client.head_of_answer(sent.method()).await;
        assert_eq!(head.status(), 200);
        assert!(client.piece(&mut framing).await.expect("a piece").is_some());
        if reason.starts_with("upstream") {
            while let Ok(Some(_)) = client.piece(&mut framing).await {}
        }
        drop(client);
        let line = line_of(&mut process, sent.target()).await;
        assert_eq!(line["status"], 200);
        let end = process.logged("its end", |line| line.get("reason").is_some()).await;
        assert_says(&end, &json!({"reason": reason, "level": level, "request_id": line["request_id"]}));
    }
    let mut client = process.connect().await;
    client.send(post("/v1/responses", "{}").bytes()).await;
    assert!(client.answer().await.whole);
    drop(client);
    let rest = process.rest_of_log().await;
    assert!(!rest.iter().any(|line| line.contains("reason")), "what ends well has one line: {rest:#?}");
}

/// SE04: whatever clients and upstreams write, a request is one line, of JSON, without a control character.
#[tokio::test]
async fn nobody_can_forge_a_line() {
    let forged = "x\u{1b}[31m\u{7f}\u{202e}";
    let headers = [("content-type", "application/json"), ("x-request-id", forged)];
    let upstream = Upstream::start(Reply::raw(answer(200, &headers, JOB))).await;
    let mut process = Process::start(&upstream, OPEN).await;
    let model = r#"{"prompt":"a cat","model":"a\n{\"level\":\"INFO\"}\u001b[31m\u202e"}"#;
    let long = format!(r#"{{"prompt":"a cat","model":"{}"}}"#, "m".repeat(5000));
    let agent = "\u{202e}agent\u{9b}31m".repeat(200);
    let requests = [
        get("/v1/videos/video_1").with("user-agent", &agent).with("x-stainless-retry-count", "\u{1b}[2J"),
        get("/v1/videos/a%0d%0a%1b[31m"),
        get(&format!("/v1/models/{}", "x".repeat(5000))),
        get("/v1/\u{202e}models"),
        create(model).with("user-agent", "\tagent\t"),
        create(&long),
        request("G\u{1b}T", "/v1/videos"),
        get("/v1/videos").with("traceparent", "\u{1b}[31m").with("tracestate", "\u{1b}"),
    ];
    for request in &requests {
        let mut client = process.connect().await;
        client.send(request.bytes()).await;
        client.answer().await;
        // Each is JSON, or this fails.
        process.logged("its line", |line| line.get("request_id").is_some()).await;
    }
    let rest = process.rest_of_log().await;
    assert!(rest.iter().all(|line| !line.contains("request_id")), "more lines than requests: {rest:#?}");
}

/// As [`nobody_can_forge_a_line`], over the bytes of the log themselves.
#[tokio::test]
async fn no_byte_of_the_log_moves_a_cursor() {
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start(&upstream, OPEN).await;
    let mut client = process.connect().await;
    let agent = "\u{202e}agent\u{9b}31m\u{85}".repeat(20);
    for _ in 0..3 {
        client.send(get("/v1/videos/video_1").with("user-agent", &agent).bytes()).await;
        client.answer().await;
    }
    let rest = within("the log", process.rest_of_log()).await;
    let requests: Vec<&String> = rest.iter().filter(|line| line.contains("request_id")).collect();
    assert_eq!(requests.len(), 3, "{rest:#?}");
    for line in rest {
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}
