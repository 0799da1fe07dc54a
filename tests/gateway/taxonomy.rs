//! Every error there is: what the upstream said passes byte for byte, what aggregators wrapped is unwrapped, and
//! what the gateway says itself is in the client's dialect. One row a line.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, create, get, post};
use crate::support::upstream::{Reply, Upstream};

/// Keys of the upstream in every row: these tables are about words, not about how often one asks for them.
const UPSTREAM: &str = "fetch_timeout = \"300ms\"\nsubmit_timeout = \"300ms\"\nother_timeout = \"300ms\"\nbody_idle = \"300ms\"\n\
    retry.attempts = 1\nbreaker.consecutive = 0";
/// All other keys.
const CONFIG: &str = "presets = [\"openai\"]\n[limits]\njson_body = \"1KiB\"\nmessages_body = \"1KiB\"";

fn configured(base: &str, more: &str) -> String {
    format!("{CONFIG}\n{more}\n[upstreams.main]\nbase_url = \"{base}\"\n{UPSTREAM}")
}

fn messages() -> Request {
    post("/v1/messages", r#"{"model":"claude","messages":[]}"#).with("anthropic-version", "2023-06-01")
}

/// One of each kind of video route: what is paid for, and what is not.
fn videos() -> [Request; 2] {
    [create(r#"{"prompt":"a cat"}"#), get("/v1/videos/video_1")]
}

// --- said by the upstream, passed byte for byte -------------------------------------------------------------------

/// Status, and body as OpenAI and its edge send it.
#[rustfmt::skip]
const OPENAI: &[(&str, u16, &str)] = &[
    ("no key",        401, "{\n  \"error\": {\n    \"message\": \"Missing bearer or basic authentication in header\",\n    \"type\": \"invalid_request_error\",\n    \"param\": null,\n    \"code\": null\n  }\n}"),
    ("wrong key",     401, "{\n    \"error\": {\n        \"message\": \"Incorrect API key provided: sk-x.\",\n        \"type\": \"invalid_request_error\",\n        \"param\": null,\n        \"code\": \"invalid_api_key\"\n    }\n}\n"),
    ("missing scope", 401, r#"{"error":{"message":"You have insufficient permissions for this operation.","type":"invalid_request_error","param":null,"code":"missing_scope"}}"#),
    ("not verified",  403, r#"{"error":{"message":"Your organization must be verified to use the model `sora-2`.","type":"invalid_request_error","param":null,"code":null}}"#),
    ("no such video", 404, r#"{"error":{"message":"Video with id 'video_1' not found.","type":"invalid_request_error","param":null,"code":null}}"#),
    ("too large",     413, r#"{"error":{"message":"Maximum content size limit (26214400) exceeded (26306794 bytes read)","type":"server_error","param":null,"code":null}}"#),
    ("rate limit",    429, r#"{"error":{"message":"Rate limit reached for sora-2 in organization org on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#),
    ("quota used up", 429, r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#),
    ("overloaded",    429, r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error","param":null,"code":null}}"#),
    ("running jobs",  429, r#"{"error":{"message":"Too many running tasks","type":"video_generation_user_error","param":null,"code":null}}"#),
    ("server error",  500, r#"{"error":{"message":"The server had an error processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}"#),
    ("edge failure",  503, r#"{"error":{"code":503,"message":"Service Unavailable.","param":null,"type":"cf_service_unavailable"}}"#),
    ("overloaded",    529, r#"{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}"#),
    ("a failed job",  422, r#"{"id":"video_1","object":"video","status":"failed","error":{"code":422,"message":"Out of memory"}}"#),
    ("a page",        502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
];

/// Status, and body as Anthropic sends it.
#[rustfmt::skip]
const ANTHROPIC: &[(&str, u16, &str)] = &[
    ("no version",    400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"anthropic-version: header is required"},"request_id":"req_1"}"#),
    ("no key",        401, r#"{"type":"error","error":{"type":"authentication_error","message":"x-api-key header is required"},"request_id":"req_1"}"#),
    ("wrong key",     401, r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}"#),
    ("billing",       402, r#"{"type":"error","error":{"type":"billing_error","message":"Your credit balance is too low"},"request_id":"req_1"}"#),
    ("not permitted", 403, r#"{"type":"error","error":{"type":"permission_error","message":"Your key has no access to this model"},"request_id":"req_1"}"#),
    ("no such model", 404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude"},"request_id":"req_1"}"#),
    ("too large",     413, r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#),
    ("rate limit",    429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your account's rate limit. Please try again later."},"request_id":"req_1"}"#),
    ("server error",  500, r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"},"request_id":"req_1"}"#),
    ("overloaded",    529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
    ("a new one",     400, r#"{"type":"error","error":{"type":"brand_new_error","message":"?","details":{"a":[1]}},"request_id":"req_1"}"#),
    ("a bare text",   500, r#"{"error":"boom"}"#),
];

async fn assert_passes(call: &Request, (what, status, body): (&str, u16, &str)) {
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let said = crate::support::upstream::answer(status, &[("content-type", kind)], body);
    let upstream = Upstream::start(Reply::raw(said)).await;
    let answer = Gateway::configured(&configured(&upstream.base_url(), "")).await.ask(call).await;
    let target = call.target();
    assert_eq!((answer.status(), &*answer.text()), (status, body), "{what} on {target}");
    assert_eq!(answer.header("content-type"), Some(kind), "{what} on {target}");
    assert!(answer.header("x-request-id").is_some(), "{what} on {target}");
}

#[tokio::test]
async fn what_the_upstream_said_passes_byte_for_byte() {
    for row in OPENAI {
        for call in videos() {
            assert_passes(&call, *row).await;
        }
    }
    for row in ANTHROPIC {
        assert_passes(&messages(), *row).await;
    }
}

// --- wrapped by aggregators ---------------------------------------------------------------------------------------

const IRE: &str = "invalid_request_error";
const SRV: &str = "server_error";

/// Status and body; message, type, param and code that SDKs find.
type Wrapped = (&'static str, u16, &'static str, [Option<&'static str>; 4]);

#[rustfmt::skip]
const WRAPPED: &[Wrapped] = &[
    ("APIYI",            400, r#"{"message":"m","data":{"error":{"code":"invalid_value","message":"m","param":"seconds","type":"invalid_request_error"}}}"#, [Some("m"), Some(IRE), Some("seconds"), Some("invalid_value")]),
    ("new-api",          400, r#"{"code":"task_not_exist","message":"task not exist","data":null}"#, [Some("task not exist"), Some(IRE), None, Some("task_not_exist")]),
    ("new-api, nested",  404, r#"{"code":"fail_to_fetch_task","message":"{\"detail\":\"Not Found\"}","data":null}"#, [Some("Not Found"), Some(IRE), None, None]),
    ("text before it",   400, r#"{"code":"x","message":"[400 StatusCode: BadRequest] {\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":\"None\",\"code\":\"c\"}}","data":null}"#, [Some("m"), Some("t"), None, Some("c")]),
    ("bare text before", 400, r#"[400 StatusCode: BadRequest] {"error":{"message":"m","type":"t","param":"p","code":"c"}}"#, [Some("m"), Some("t"), Some("p"), Some("c")]),
    ("detail, a text",   404, r#"{"detail":"Not Found"}"#, [Some("Not Found"), Some(IRE), None, None]),
    ("detail, a list",   422, r#"{"detail":[{"loc":["body","seconds"],"msg":"Input should be a valid integer","type":"int_parsing"}]}"#, [Some("Input should be a valid integer"), Some(IRE), Some("seconds"), Some("int_parsing")]),
    ("a bare text",      401, r#"{"error":"Unauthorized"}"#, [Some("Unauthorized"), Some(IRE), None, None]),
    ("a bare text",      500, r#"{"error":"boom"}"#, [Some("boom"), Some(SRV), None, None]),
    ("vLLM",             400, r#"{"error":{"message":"m","type":"Bad Request","param":null,"code":400}}"#, [Some("m"), Some(IRE), None, None]),
    ("vLLM",             500, r#"{"error":{"message":"m","type":"Internal Server Error","param":null,"code":500}}"#, [Some("m"), Some(SRV), None, None]),
    ("LiteLLM",          400, r#"{"error":{"message":"litellm.BadRequestError: m","type":"None","param":"None","code":"400"}}"#, [Some("litellm.BadRequestError: m"), Some(IRE), None, Some("400")]),
];

#[tokio::test]
async fn what_aggregators_wrapped_is_unwrapped() {
    for (what, status, body, fields) in WRAPPED {
        let upstream = Upstream::start(Reply::json(*status, body)).await;
        let gateway = Gateway::configured(&configured(&upstream.base_url(), "")).await;
        for call in videos() {
            let answer = gateway.ask(&call).await;
            assert_eq!(answer.status(), *status, "{what}");
            let error = &answer.json()["error"];
            let found = ["message", "type", "param", "code"].map(|name| error[name].as_str());
            assert_eq!(found, *fields, "{what} on {}: {}", call.target(), answer.text());
        }
        // What is not about videos passes as it is.
        assert_eq!(gateway.ask(&messages()).await.text(), *body, "{what}");
    }
}

// --- said by the gateway ------------------------------------------------------------------------------------------

/// What is wrong.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    NoKey,
    BadKey,
    Path,
    TooLarge,
    Refused,
    Silent,
    Tls,
    Garbage,
    Closed,
}

/// Status; `type` and `code` in OpenAI's dialect for a create and for a poll; `type` in Anthropic's.
type Ours = (Wrong, u16, [&'static str; 2], [&'static str; 2], &'static str);

#[rustfmt::skip]
const OURS: &[Ours] = &[
    (Wrong::NoKey,    401, [IRE, ""],                         [IRE, ""],                         "authentication_error"),
    (Wrong::BadKey,   401, [IRE, "invalid_api_key"],          [IRE, "invalid_api_key"],          "authentication_error"),
    (Wrong::Path,     404, [IRE, ""],                         [IRE, ""],                         "not_found_error"),
    (Wrong::TooLarge, 413, [SRV, ""],                         [SRV, ""],                         "request_too_large"),
    (Wrong::Refused,  502, [SRV, "upstream_unreachable"],     [SRV, "upstream_unreachable"],     "api_error"),
    (Wrong::Silent,   504, [SRV, "upstream_outcome_unknown"], [SRV, "upstream_timeout"],         "timeout_error"),
    (Wrong::Tls,      502, [SRV, "upstream_tls_failed"],      [SRV, "upstream_tls_failed"],      "api_error"),
    (Wrong::Garbage,  502, [SRV, "upstream_outcome_unknown"], [SRV, "upstream_bad_answer"],      "api_error"),
    (Wrong::Closed,   502, [SRV, "upstream_outcome_unknown"], [SRV, "upstream_connection_lost"], "api_error"),
];

/// A gateway where things go wrong in this way, and what keeps them so.
async fn gone_wrong(wrong: Wrong) -> (Gateway, Box<dyn std::any::Any>) {
    let keyed = "[auth]\nmode = \"keys\"\n[auth.keys.team]\nsha256 = \"1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca\"";
    let reply = match wrong {
        Wrong::Silent => Reply::default().read().stall(),
        Wrong::Garbage => Reply::raw("SSH-2.0-OpenSSH_9.6\r\n\r\n").close(),
        Wrong::Closed => Reply::default().read().close(),
        Wrong::NoKey | Wrong::BadKey | Wrong::Path | Wrong::TooLarge | Wrong::Refused | Wrong::Tls => {
            Reply::job()
        }
    };
    let upstream = Upstream::start(reply).await;
    match wrong {
        Wrong::BadKey => {
            let credential = "\ncredential = { env = \"UPSTREAM_KEY\" }";
            let text = configured(&upstream.base_url(), keyed) + credential;
            (Gateway::configured(&text).await, Box::new(upstream))
        }
        Wrong::Refused => {
            // Taken, so that nobody else gets it, but not listened at.
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
            let base = format!("http://{}/v1", socket.local_addr().expect("an address"));
            (Gateway::configured(&configured(&base, "")).await, Box::new(socket))
        }
        Wrong::Tls => {
            let (address, task) = no_tls().await;
            let base = format!("https://{address}/v1");
            (Gateway::configured(&configured(&base, "")).await, Box::new(task))
        }
        Wrong::NoKey | Wrong::Path | Wrong::TooLarge | Wrong::Silent | Wrong::Garbage | Wrong::Closed => {
            (Gateway::configured(&configured(&upstream.base_url(), "")).await, Box::new(upstream))
        }
    }
}

/// A server that says something else where TLS is expected.
async fn no_tls() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"this is no TLS\r\n").await;
            // Until the other side gives up: a reset could overtake what was said.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    (address, task)
}

/// The request, so that just this is wrong with it.
fn gone_wrong_with(wrong: Wrong, request: Request) -> Request {
    match wrong {
        Wrong::NoKey => request.without("authorization"),
        Wrong::Path => {
            let target = request.target().replacen("/v1/", "/v0/", 1);
            request.with_target(&target)
        }
        Wrong::TooLarge => request.body("x".repeat(1025)),
        Wrong::BadKey | Wrong::Refused | Wrong::Silent | Wrong::Tls | Wrong::Garbage | Wrong::Closed => {
            request
        }
    }
}

#[tokio::test]
async fn what_the_gateway_says_is_in_the_clients_dialect() {
    for (wrong, status, created, polled, anthropics) in OURS {
        let (gateway, _kept) = gone_wrong(*wrong).await;
        let [create, poll] = videos();
        // A body on a poll means nothing.
        let poll = if matches!(wrong, Wrong::TooLarge) { create.clone() } else { poll };
        for (call, [kind, code]) in [(create, created), (poll, polled)] {
            let answer = gateway.ask(&gone_wrong_with(*wrong, call)).await;
            let error = &answer.json()["error"];
            let found = (answer.status(), error["type"].as_str(), error["code"].as_str().unwrap_or_default());
            assert_eq!(found, (*status, Some(*kind), *code), "{wrong:?}: {}", answer.text());
            assert_eq!(error.as_object().map(serde_json::Map::len), Some(4), "{wrong:?}: {}", answer.text());
        }
        let answer = gateway.ask(&gone_wrong_with(*wrong, messages())).await;
        let body = answer.json();
        assert_eq!(
            (answer.status(), body["error"]["type"].as_str()),
            (*status, Some(*anthropics)),
            "{wrong:?}"
        );
        assert_eq!(body["type"], "error", "{wrong:?}");
        assert_eq!(body["request_id"].as_str(), answer.header("request-id"), "{wrong:?}");
        assert!(answer.header("request-id").is_some(), "{wrong:?}");
    }
}

// --- said by the gateway, of the moment ---------------------------------------------------------------------------

/// What there is too much of, or what is not there just now.
#[derive(Clone, Copy, Debug)]
enum Short {
    Quota,
    Slots,
    Room,
    Upstream,
    Time,
    Ledger,
}

/// Status; `type` and `code` in OpenAI's dialect; `type` and message in Anthropic's. Only what makes jobs needs slots
/// and the ledger.
type Passing = (Short, u16, [&'static str; 2], Option<[&'static str; 2]>);

#[rustfmt::skip]
const PASSING: &[Passing] = &[
    (Short::Quota,    429, ["requests", "rate_limit_exceeded"],                    Some(["rate_limit_error", "This request would exceed your account's rate limit. Please try again later."])),
    (Short::Slots,    429, ["video_generation_user_error", "rate_limit_exceeded"], None),
    (Short::Room,     503, [SRV, "overloaded"],                                    Some(["overloaded_error", "Overloaded"])),
    (Short::Upstream, 503, [SRV, "upstream_unavailable"],                          Some(["api_error", "The upstream server failed too often of late and is given time to recover. Nothing was sent to it."])),
    (Short::Time,     503, [SRV, "shutting_down"],                                 Some(["api_error", "The server is shutting down and did not start on your request. You can retry it in a moment."])),
    (Short::Ledger,   503, [SRV, "ledger_unavailable"],                            None),
];

/// A gateway that has just this too little of, and the answer to a call that is one too many.
async fn one_too_many(short: Short, call: &Request) -> Message {
    let reply = match short {
        Short::Room => Reply::default().read().stall(),
        Short::Upstream => Reply::json(500, "{}"),
        Short::Quota | Short::Slots | Short::Time | Short::Ledger => Reply::job(),
    };
    let upstream = Upstream::start(reply).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ledger.db");
    let more = match short {
        Short::Quota => {
            "[quota]\nsubmit = { rate = \"1/h\" }\nfetch = { rate = \"1/h\" }\nother = { rate = \"1/h\" }"
                .to_owned()
        }
        Short::Slots => "[quota]\nmax_jobs = 1\njobs_wait = \"0s\"".to_owned(),
        Short::Room => "[limits]\nin_flight = 1\nin_flight_wait = \"0s\"".to_owned(),
        Short::Ledger => format!("[ledger]\npath = \"{}\"\ntimeout = \"100ms\"", file.display()),
        Short::Upstream | Short::Time => String::new(),
    };
    let breaker = if let Short::Upstream = short { 1 } else { 0 };
    let base = upstream.base_url();
    let mut gateway = Gateway::configured(&format!(
        "presets = [\"openai\"]\n{more}\n[upstreams.main]\nbase_url = \"{base}\"\nretry.attempts = 1\n\
         breaker.consecutive = {breaker}"
    ))
    .await;
    let mut client = gateway.connect().await;
    match short {
        Short::Quota | Short::Slots | Short::Upstream => {
            gateway.ask(call).await;
        }
        Short::Room => {
            client.send(call.bytes()).await;
            upstream.until("the first", |requests| requests.len() == 1).await;
            // Held until it has its answer: that it has a place is what this is about.
            return gateway.ask(call).await;
        }
        Short::Time => {
            let bytes = call.bytes();
            let mut witness = gateway.connect().await;
            client.send(&bytes[..10]).await;
            gateway.ask(&get("/nothing")).await;
            gateway.begin_to_stop();
            witness.assert_closed().await;
            client.send(&bytes[10..]).await;
            return client.answer().await;
        }
        Short::Ledger => {
            let hog = rusqlite::Connection::open(&file).expect("the ledger");
            hog.execute_batch("BEGIN IMMEDIATE").expect("its lock");
            return gateway.ask(call).await;
        }
    }
    gateway.ask(call).await
}

#[tokio::test]
async fn what_passes_is_told_in_the_clients_dialect_with_the_time_to_wait() {
    for (short, status, [kind, code], anthropics) in PASSING {
        let [create, poll] = videos();
        let polled = anthropics.is_some().then_some(poll);
        for call in [Some(create), polled].into_iter().flatten() {
            let answer = one_too_many(*short, &call).await;
            let error = &answer.json()["error"];
            let found = (answer.status(), error["type"].as_str(), error["code"].as_str());
            assert_eq!(found, (*status, Some(*kind), Some(*code)), "{short:?}: {}", answer.text());
            assert_eq!(error.as_object().map(serde_json::Map::len), Some(4), "{short:?}: {}", answer.text());
            assert_waits(&answer);
        }
        if let Some([kind, message]) = anthropics {
            let answer = one_too_many(*short, &messages()).await;
            let body = answer.json();
            let error = &body["error"];
            let found = (answer.status(), error["type"].as_str(), error["message"].as_str());
            assert_eq!(found, (*status, Some(*kind), Some(*message)), "{short:?}");
            assert_eq!(
                (&body["type"], body["request_id"].as_str()),
                (&"error".into(), answer.header("request-id"))
            );
            assert_waits(&answer);
        }
    }
}

/// Nothing was begun: both SDKs come back by themselves, and are told when.
fn assert_waits(answer: &Message) {
    let number = |name: &str| -> u64 {
        let text = answer.header(name).unwrap_or_else(|| panic!("no {name}:\n{}", answer.head));
        text.parse().expect("a number")
    };
    let (seconds, millis) = (number("retry-after"), number("retry-after-ms"));
    assert!((1..=60).contains(&seconds) && millis.div_ceil(1000) == seconds, "{}", answer.head);
    assert_eq!(answer.header("x-should-retry"), None, "{}", answer.head);
}
