//! What judging costs, and what the whole gateway adds to a call: `cargo bench --bench gateway`.
//!
//! Every benchmark asserts its answer once before it is timed.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up shall stop"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use reelgate::capability::Mode;
use reelgate::capability::allowed::Asker;
use reelgate::capability::create::FIELDS;
use reelgate::config::Config;
use reelgate::config::secret::Sources;
use reelgate::error::{ApiError, Form, Wording, openai};
use reelgate::failure::Failure;
use reelgate::gateway::{Gateway, Live};
use reelgate::metrics::Metrics;
use reelgate::params::{self, Encoding};
use reelgate::rejection::{Param, Rejection};
use reelgate::rewrite;
use reelgate::server;
use reelgate::upstream::Leaf;

/// A create as OpenAI's Python SDK sends it: a form of four fields.
const CAPTURE: &[u8] = include_bytes!("../tests/data/captures/py-create-int.http");
const JSON: &[u8] = br#"{"model":"sora-2","prompt":"a cat on a skateboard","seconds":"8","size":"1280x720"}"#;

fn main() {
    divan::main();
}

fn config() -> Config {
    let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
    let text = "[ledger]\nstore = \"memory\"\n[upstreams.main]\nbase_url = \"http://upstream.invalid/v1\"";
    Config::parse(text, Path::new(""), sources).expect("a configuration")
}

/// Content type and body of the captured create.
fn captured() -> (String, Bytes) {
    let end = CAPTURE.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let head = std::str::from_utf8(&CAPTURE[..end]).expect("ASCII");
    let line = head.lines().find(|line| line.starts_with("Content-Type:")).expect("a content type");
    (line["Content-Type: ".len()..].to_owned(), Bytes::from_static(&CAPTURE[end..]))
}

/// Parses, judges and rewrites; yields the length of what goes upstream.
fn decide(config: &Config, content_type: &str, body: &Bytes, mode: Option<Mode>) -> usize {
    let encoding = Encoding::from_content_type(Some(content_type.as_bytes())).expect("a known type");
    let params = params::parse(&encoding, body, FIELDS, &config.limits.fields).expect("a well-formed body");
    let asker = Asker { mode, ..Asker::default() };
    let judgement = config.capabilities.judge_create(&params, &asker).expect("a supported create");
    rewrite::apply(body, &params, &judgement.edits).len()
}

#[divan::bench]
fn decide_captured_form(bencher: Bencher<'_, '_>) {
    let (config, (content_type, body)) = (config(), captured());
    assert_eq!(decide(&config, &content_type, &body, None), body.len());
    bencher.counter(BytesCount::of_slice(&body)).bench_local(|| decide(&config, &content_type, &body, None));
}

#[divan::bench]
fn decide_and_rewrite_form(bencher: Bencher<'_, '_>) {
    let (config, (content_type, body)) = (config(), captured());
    let body =
        Bytes::from(body.iter().map(|&byte| if byte == b'8' { b'9' } else { byte }).collect::<Vec<_>>());
    let content_type = content_type.replace('8', "9");
    assert!(decide(&config, &content_type, &body, Some(Mode::Adjust)) > 0);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| decide(&config, &content_type, &body, Some(Mode::Adjust)));
}

#[divan::bench]
fn decide_form_with_a_picture_of_1_mib(bencher: Bencher<'_, '_>) {
    let (config, (content_type, body)) = (config(), captured());
    let boundary = content_type.split_once("boundary=").expect("a boundary").1;
    let mut with_file = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    )
    .into_bytes();
    with_file.extend(std::iter::repeat_n(0x5a, 1 << 20));
    with_file.extend_from_slice(b"\r\n");
    with_file.extend_from_slice(&body);
    let body = Bytes::from(with_file);
    assert_eq!(decide(&config, &content_type, &body, None), body.len());
    bencher.counter(BytesCount::of_slice(&body)).bench_local(|| decide(&config, &content_type, &body, None));
}

#[divan::bench]
fn decide_json(bencher: Bencher<'_, '_>) {
    let (config, body) = (config(), Bytes::from_static(JSON));
    assert_eq!(decide(&config, "application/json", &body, None), body.len());
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| decide(&config, "application/json", &body, None));
}

#[divan::bench]
fn write_a_rejection(bencher: Bencher<'_, '_>) {
    let allowed = ["4", "8", "12"].map(str::to_owned).to_vec();
    let reason = Rejection::NotListed { param: Param::Seconds, got: "10".to_owned(), allowed };
    let write = || openai::body(&ApiError::rejected(&reason, &Wording::default()), Form::Service);
    assert!(write().contains("Invalid value: '10'."));
    bencher.bench_local(write);
}

/// The whole gateway over an upstream in memory: no sockets, everything else.
struct Stack {
    runtime: tokio::runtime::Runtime,
    responder: server::Responder,
}

impl Stack {
    fn new() -> Self {
        let leaf = tower::service_fn(|_: Request<Body>| async {
            let answer = Response::builder().header(header::CONTENT_TYPE, "application/json");
            let body = Body::from(r#"{"id":"video_1","object":"video","status":"queued"}"#);
            Ok::<_, Failure>(answer.body(body).unwrap_or_default())
        });
        let config = config();
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let gateway = Gateway::new(config, metrics).expect("a ledger");
        let live = Live::new(gateway.over(&Leaf::new(leaf)).expect("no credential"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, responder: server::Responder::new(live) }
    }

    fn call(&self, request: Request<Body>) -> StatusCode {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        self.runtime.block_on(self.responder.answer(peer, request)).status()
    }

    fn bench(&self, bencher: Bencher<'_, '_>, expected: StatusCode, request: impl Fn() -> Request<Body>) {
        assert_eq!(self.call(request()), expected);
        bencher.with_inputs(&request).bench_local_values(|request| self.call(request));
    }
}

fn create(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/videos")
        .header(header::HOST, "127.0.0.1")
        .header(header::AUTHORIZATION, "Bearer sk-bench")
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a request")
}

#[divan::bench]
fn stack_create_captured_form(bencher: Bencher<'_, '_>) {
    let (content_type, body) = captured();
    Stack::new().bench(bencher, StatusCode::OK, || create(&content_type, body.clone()));
}

#[divan::bench]
fn stack_reject_seconds(bencher: Bencher<'_, '_>) {
    let body = Bytes::from_static(br#"{"model":"sora-2","prompt":"a cat","seconds":"10"}"#);
    Stack::new().bench(bencher, StatusCode::BAD_REQUEST, || create("application/json", body.clone()));
}

#[divan::bench]
fn stack_poll(bencher: Bencher<'_, '_>) {
    Stack::new().bench(bencher, StatusCode::OK, || {
        Request::get("/v1/videos/video_1")
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, "Bearer sk-bench")
            .body(Body::empty())
            .expect("a request")
    });
}
