//! SE03: no key is ever in the log, whatever is asked, answered or broken, and however much is logged.

use super::OPEN;
use crate::support::process::Process;
use crate::support::request::{Request, create, form, get, post, request, text};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// The operator's key at the upstream.
const OPERATOR: &str = "sk-operator-secret";
/// What every key of a client begins with.
const CLIENT: &str = "sk-client-";

/// One request of every kind, with a key in every place where clients have been seen to put one.
fn requests() -> Vec<Request> {
    let film = "name=\"input_reference\"; filename=\"sk-client-file.png\"\r\nContent-Type: image/png\r\n\r\nsk-client-bytes";
    let plain = [
        create(r#"{"prompt":"sk-client-prompt"}"#),
        create(r#"{"prompt":"a","api_key":"sk-client-field"}"#),
        create(r#"{"prompt":"a","sk-client-name":1}"#),
        create(r#"{"prompt":"a","seconds":"sk-client-seconds","size":"sk-client-size"}"#),
        create("{\"prompt\":\"sk-client-unclosed"),
        form(&[&text("prompt", "sk-client-form"), film]),
        form(&[&text("sk-client-part", "a")]),
        get("/v1/videos?api_key=sk-client-query"),
        get("/v1/videos?sk-client-parameter=1"),
        get("/v1/videos?limit=sk-client-limit&after=sk-client-after"),
        get("/v1/models?key=sk-client-other"),
        get("/v1/videos/video_1/content?variant=sk-client-variant"),
        request("DELETE", "/v1/videos/video_1"),
        request("HEAD", "/v1/videos/video_1"),
        request("TRACE", "/v1/videos"),
        post("/v1/responses", r#"{"input":"sk-client-input"}"#),
        post("/v1/messages", r#"{"stream":true}"#).with("anthropic-version", "2023-06-01"),
        post("/v1/videos/video_1/remix", r#"{"prompt":"sk-client-remix"}"#),
        get("/nowhere?sk-client-nowhere"),
    ];
    let mut requests = Vec::new();
    // Enough of them for every answer there is, to each kind.
    for number in 0..2 * replies().len() {
        requests.push(with_key(get("/v1/videos/video_1"), "Bearer rg-key"));
        let create = create(&format!(r#"{{"prompt":"sk-client-{number}"}}"#));
        requests
            .push(with_key(create, "Bearer rg-key").with("idempotency-key", &format!("sk-client-{number}")));
    }
    for plain in plain {
        requests.push(with_key(plain.clone(), "Bearer rg-key"));
        requests.push(with_key(plain.clone(), "Bearer sk-client-wrong"));
        requests.push(with_key(plain.clone(), "Basic sk-client-basic"));
        requests.push(with_key(plain.clone(), "Bearer rg-key").with("api-key", "sk-client-two"));
        requests.push(plain.clone().without("authorization").with("api-key", "sk-client-azure"));
        requests.push(plain.without("authorization"));
    }
    requests
}

/// The same request with keys in all of its headers.
fn with_key(request: Request, authorization: &str) -> Request {
    request
        .without("authorization")
        .with("authorization", authorization)
        .with("cookie", "session=sk-client-cookie")
        .with("proxy-authorization", "Bearer sk-client-proxy")
        // `api-key` itself is read, and refused beside another key: a request of its own has it.
        .with("openai-api-key", "sk-client-openai")
        .with("anthropic-api-key", "sk-client-anthropic")
        .with("x-auth-token", "sk-client-token")
        .with("openai-organization", "sk-client-organization")
        .with("referer", "https://example.com/?key=sk-client-referer")
}

/// Answers of an upstream that repeats whatever it was sent.
fn replies() -> Vec<Reply> {
    let json = [("content-type", "application/json")];
    let error = format!(r#"{{"error":{{"message":"bad key {OPERATOR}","code":"{OPERATOR}"}}}}"#);
    let named =
        [("content-type", "application/json"), ("x-request-id", OPERATOR), ("openai-version", OPERATOR)];
    vec![
        Reply::job(),
        Reply::raw(answer(400, &json, &error)),
        Reply::raw(answer(401, &json, &error)),
        Reply::raw(answer(500, &named, &error)),
        Reply::raw(answer(200, &named, JOB)),
        Reply::raw(format!("HTTP/1.1 200 {OPERATOR}\r\nbroken {OPERATOR}\r\n\r\n")),
        Reply::raw(format!("garbled {OPERATOR}\r\n\r\n")).close(),
        Reply::raw(format!("HTTP/1.1 302 Found\r\nlocation: https://{OPERATOR}/\r\n\r\n")).close(),
        Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {OPERATOR}\n\n"))
            .close(),
        Reply::default().read().close(),
        Reply::job(),
    ]
}

const KEYS: &str = r#"
presets = ["openai"]
[routes]
allow = ["*"]
[auth]
mode = "keys"
unknown_videos = "forward"
[auth.keys.team]
sha256 = "1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca"
[upstreams.main]
base_url = "{upstream}"
credential = { env = "UPSTREAM_KEY" }
retry = { backoff_base = "1ms", backoff_max = "2ms" }
breaker = { consecutive = 0, ratio = 0 }
"#;

/// Asks everything, and yields the whole log.
async fn log_of(toml: &str, filter: &'static str) -> Vec<String> {
    // The last one is repeated, so all of them come often enough.
    let upstream = Upstream::script(replies().into_iter().cycle().take(200).collect()).await;
    let process = Process::start_logging(&upstream, toml, filter).await;
    for request in requests() {
        let mut client = process.connect().await;
        client.send(request.bytes()).await;
        let _ = client.try_answer_to(request.method()).await;
    }
    assert!(upstream.count() > 2 * replies().len(), "every reply was given, to reads and to creates");
    let mut client = process.connect().await;
    client.send("GET /v1/videos HTTP/1.1\r\nauthorization : Bearer sk-client-space\r\n\r\n").await;
    let _ = client.try_answer_to("GET").await;
    let log = process.rest_of_log().await;
    let refused = log.iter().filter(|line| line.contains("did not accept")).count();
    assert!(refused <= 1, "what is so with each request is not said with each");
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
    log
}

#[tokio::test]
async fn no_key_is_in_the_log_at_its_loudest() {
    for (toml, keys) in [(KEYS, [CLIENT, OPERATOR, "rg-key"]), (OPEN, [CLIENT, "Bearer", "rg-key"])] {
        let log = log_of(toml, "trace").await;
        assert!(log.iter().filter(|line| line.contains("request_id")).count() > requests().len(), "{log:#?}");
        for line in &log {
            assert!(keys.iter().all(|key| !line.contains(key)), "{line}");
        }
    }
}
