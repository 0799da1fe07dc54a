//! Counts agree with what the upstream saw and the client got.

use super::page::Page;
use super::parsed;
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, create, get, post, request};
use crate::support::upstream::{Reply, Upstream, answer};

const CREATE: &str = r#"{"model":"sora-2","prompt":"a cat","seconds":"8"}"#;
const QUEUED: &str = r#"{"id":"video_1","object":"video","status":"queued","model":"sora-2"}"#;
const COMPLETED: &str = r#"{"id":"video_1","object":"video","status":"completed","model":"sora-2"}"#;
const SETTINGS: &str = r#"
presets = ["openai"]
[upstreams.main]
base_url = "{upstream}"
retry = { attempts = 2, backoff_base = "1ms", backoff_max = "1ms" }
breaker = { consecutive = 0, ratio = 0.0 }
[models.sora-2]
price_per_second = 0.1
"#;

/// What the upstream does with each request in turn.
fn script() -> Vec<Reply> {
    let error =
        |status| Reply::json(status, r#"{"error":{"message":"No.","type":"x","param":null,"code":"no"}}"#);
    let video = answer(200, &[("content-type", "video/mp4")], [7; 5000]);
    vec![
        Reply::json(200, QUEUED),
        Reply::json(200, COMPLETED),
        Reply::json(200, COMPLETED),
        // A create: refused for the moment, twice; refused for good; lost; garbled.
        error(429),
        error(429),
        error(400),
        Reply::default().read().reset(),
        Reply::raw("HTTP/1.1 what\r\n\r\n"),
        // A poll: failed, then well; lost twice; unavailable twice.
        error(500),
        Reply::json(200, COMPLETED),
        Reply::default().read().reset(),
        Reply::default().read().reset(),
        error(503),
        error(503),
        Reply::raw(video),
        // Another route, with a body.
        Reply::json(299, r#"{"id":"file_1"}"#),
        Reply::json(200, r#"{"id":"video_1","object":"video.deleted","deleted":true}"#),
    ]
}

fn poll() -> Request {
    get("/v1/videos/video_1")
}

/// What the client asks, and the status it gets.
fn asked() -> Vec<(Request, u16)> {
    let other = |prompt: &str| create(&CREATE.replace("a cat", prompt));
    vec![
        (create(CREATE), 200),
        (poll(), 200),
        (poll(), 200),
        (other("a dog"), 429),
        (other("a cow"), 400),
        (other("a hen"), 502),
        (other("a fox"), 502),
        (poll(), 200),
        (poll(), 502),
        (poll(), 503),
        (get("/v1/videos/video_1/content"), 200),
        (post("/v1/files", r#"{"purpose":"none"}"#), 299),
        (request("DELETE", "/v1/videos/video_1"), 200),
        // What the upstream never sees.
        (create(&CREATE.replace("\"8\"", "\"9\"")), 400),
        (create(&CREATE.replace("sora-2", "sora-9")), 400),
        (create(r#"{"model":"sora-2","secondz":"8","prompt":"a"}"#), 400),
        (get("/v1/videos/video_1/nothing"), 404),
        (request("PUT", "/v1/videos"), 405),
        (poll().without("authorization"), 401),
    ]
}

struct Run {
    upstream: Upstream,
    sent: usize,
    answers: Vec<Message>,
    page: Page,
}

async fn run() -> Run {
    let upstream = Upstream::script(script()).await;
    let gateway = Gateway::start(&upstream, SETTINGS).await;
    let (mut sent, mut answers) = (0, Vec::new());
    for (request, status) in asked() {
        let answer = gateway.ask(&request).await;
        assert_eq!(answer.status(), status, "{} {}: {}", request.method(), request.target(), answer.text());
        sent += request.sent_body().len();
        answers.push(answer);
    }
    assert_eq!(upstream.count(), script().len(), "the whole script was played");
    Run { page: parsed(&gateway), upstream, sent, answers }
}

/// ME03
#[tokio::test]
async fn counts_agree_with_what_the_upstream_saw() {
    let Run { upstream, page, .. } = run().await;
    let requests = upstream.requests();
    let attempts =
        |kind| page.value("reelgate_upstream_attempts_total", &[("upstream", "main"), ("kind", kind)]);
    let seen =
        |wanted: &dyn Fn(&Message) -> bool| requests.iter().filter(|request| wanted(request)).count() as f64;
    assert_eq!(
        attempts("submit"),
        seen(&|request| request.method() == "POST" && request.target() == "/v1/videos")
    );
    assert_eq!(attempts("other"), seen(&|request| request.target() == "/v1/files"));
    assert_eq!(attempts("fetch"), seen(&|request| request.target().starts_with("/v1/videos/")));
    // In order of kind, result and upstream.
    let expected = [
        ("fetch 2xx main", 5.0),
        ("fetch 500 main", 1.0),
        ("fetch 5xx main", 2.0),
        ("fetch lost main", 2.0),
        ("other 2xx main", 1.0),
        ("submit 2xx main", 1.0),
        ("submit 429 main", 2.0),
        ("submit 4xx main", 1.0),
        ("submit garbled main", 1.0),
        ("submit lost main", 1.0),
    ];
    assert_eq!(page.above_zero("reelgate_upstream_answers_total"), owned(&expected));
    let repeats = [
        ("lost main", 1.0),
        ("rate_limited main", 1.0),
        ("server_error main", 1.0),
        ("unavailable main", 1.0),
    ];
    assert_eq!(page.above_zero("reelgate_retries_total"), owned(&repeats));
    let timed = page.sum("reelgate_upstream_attempt_duration_seconds_count", ("upstream", "main"));
    assert_eq!(timed, requests.len() as f64);
}

/// ME03: and with what the client got, by whose fault it is.
#[tokio::test]
async fn every_answer_is_counted_once_under_its_outcome_and_fault() {
    let Run { answers, page, .. } = run().await;
    // In order of fault, model, outcome, route and status.
    let expected = [
        ("client sora-2 forwarded /v1/videos 400", 1.0),
        ("client unknown rejected /v1/* 404", 1.0),
        ("client unknown rejected /v1/videos 400", 3.0),
        ("client unknown rejected /v1/videos 405", 1.0),
        ("none sora-2 forwarded /v1/videos 200", 1.0),
        ("none unknown forwarded /v1/* other", 1.0),
        ("none unknown forwarded /v1/videos/{id} 200", 4.0),
        ("none unknown forwarded /v1/videos/{id}/content 200", 1.0),
        ("policy unknown rejected /v1/videos/{id} 401", 1.0),
        ("upstream sora-2 failed /v1/videos 502", 2.0),
        ("upstream sora-2 forwarded /v1/videos 429", 1.0),
        ("upstream unknown failed /v1/videos/{id} 502", 1.0),
        ("upstream unknown forwarded /v1/videos/{id} 503", 1.0),
    ];
    assert_eq!(page.above_zero("reelgate_requests_total"), owned(&expected));
    let rejections = [
        ("invalid_value model /v1/videos", 1.0),
        ("invalid_value seconds /v1/videos", 1.0),
        ("none none /v1/*", 1.0),
        ("none none /v1/videos", 1.0),
        ("none none /v1/videos/{id}", 1.0),
        ("unknown_parameter none /v1/videos", 1.0),
    ];
    assert_eq!(page.above_zero("reelgate_rejections_total"), owned(&rejections));
    for metric in ["duration", "overhead"] {
        let routes = ["/v1/videos", "/v1/videos/{id}", "/v1/videos/{id}/content", "/v1/*"];
        let name = format!("reelgate_request_{metric}_seconds_count");
        let counted: f64 = routes.iter().map(|route| page.value(&name, &[("route", route)])).sum();
        assert_eq!(counted, answers.len() as f64, "{metric}");
    }
}

/// ME03: a job is counted once, however often it is asked for.
#[tokio::test]
async fn a_job_is_counted_once_in_each_state() {
    let page = run().await.page;
    // That it was deleted afterwards is no end of its own.
    let states = [("sora-2 completed", 1.0), ("sora-2 submitted", 1.0)];
    assert_eq!(page.above_zero("reelgate_jobs_total"), owned(&states));
    assert_eq!(page.above_zero("reelgate_job_duration_seconds_count"), owned(&[("sora-2 completed", 1.0)]));
    let stages = |value| owned(&[("sora-2 completed", value), ("sora-2 requested", value)]);
    assert_eq!(page.above_zero("reelgate_video_seconds_total"), stages(8.0));
    assert_eq!(page.above_zero("reelgate_video_cost_total"), stages(0.8));
    assert_eq!(page.value("reelgate_jobs_unfinished", &[]), 0.0);
}

/// ME03: bodies, without their framing.
#[tokio::test]
async fn every_byte_of_a_body_is_counted_on_either_side() {
    let Run { upstream, sent, answers, page } = run().await;
    let bytes = |side, direction| {
        page.value("reelgate_body_bytes_total", &[("side", side), ("direction", direction)])
    };
    assert_eq!(bytes("client", "in"), sent as f64);
    let received: usize = answers.iter().map(|answer| answer.body.len()).sum();
    assert_eq!(bytes("client", "out"), received as f64);
    let arrived: usize = upstream.requests().iter().map(|request| request.body.len()).sum();
    assert_eq!(bytes("upstream", "out"), arrived as f64);
    let error = r#"{"error":{"message":"No.","type":"x","param":null,"code":"no"}}"#.len();
    let deleted = r#"{"id":"video_1","object":"video.deleted","deleted":true}"#.len();
    let said = QUEUED.len() + 3 * COMPLETED.len() + 6 * error + 5000 + r#"{"id":"file_1"}"#.len() + deleted;
    assert_eq!(bytes("upstream", "in"), said as f64);
}

fn owned(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(labels, value)| ((*labels).to_owned(), *value)).collect()
}
