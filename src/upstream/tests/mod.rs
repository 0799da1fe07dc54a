//! Whole calls over a leaf of the test's own, on a paused clock: which attempts are made, when, and what comes of
//! them.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tower::service_fn;

use super::health::{self, AllUpstreamHealth};
use super::{Call, Kind, Payload, Transport, Unanswered, Upstreams};
use crate::config::Config;
use crate::config::secret::Sources;
use crate::failure::Failure;

mod breaking;
mod deadlines;
mod replaying;
mod retrying;
mod single;
mod stopping;
mod waiting;

/// An upstream called "main" over a leaf, with these settings.
fn upstreams(settings: &str, leaf: &Transport) -> Upstreams {
    let text = format!("[upstreams.main]\nbase_url = \"https://upstream.invalid/openai/v1\"\n{settings}");
    let sources = Sources { var: &|_| None, file: &|_| Err(io::ErrorKind::NotFound.into()) };
    let config = Config::parse(&text, std::path::Path::new(""), sources).expect("a configuration");
    Upstreams::over(&config, &health::next(&config, &AllUpstreamHealth::new()), leaf).expect("no credential")
}

fn answer(body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A body fed by the test; dropping the sender ends it.
struct Fed(mpsc::UnboundedReceiver<Result<Bytes, io::Error>>);

pub(super) type Feeder = mpsc::UnboundedSender<Result<Bytes, io::Error>>;

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|data| data.map(|data| data.map(Frame::data)))
    }
}

fn streaming(body: Body, limit: u64) -> Payload {
    Payload::Streaming { body, limit, idle: Duration::from_secs(30) }
}

pub(super) fn fed() -> (Feeder, Body) {
    let (feeder, frames) = mpsc::unbounded_channel();
    (feeder, Body::new(Fed(frames)))
}

/// Feeds `count` pieces, one every `pause`, then ends the body cleanly.
fn feed(feeder: Feeder, count: u32, pause: Duration) {
    tokio::spawn(async move {
        for _ in 0..count {
            sleep(pause).await;
            // Whoever was reading may have given up, which is what is being tested.
            let _ = feeder.send(Ok(Bytes::from_static(b"piece")));
        }
    });
}

/// What the upstream does with one attempt.
#[derive(Clone, Debug)]
enum Step {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: &'static str,
    },
    Fail(Failure),
    /// Does the other thing after so long.
    After(Duration, Box<Self>),
    /// Never answers.
    Hang,
}

/// An answer of this status, with a body that says nothing.
fn status(status: u16) -> Step {
    Step::Answer { status, headers: Vec::new(), body: "{}" }
}

/// A 503 in the application's own words.
fn busy() -> Step {
    status(503).saying(r#"{"error":"busy"}"#)
}

impl Step {
    fn with(mut self, name: &'static str, value: impl Display) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }

    fn saying(mut self, text: &'static str) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            *body = text;
        }
        self
    }

    fn after(self, time: Duration) -> Self {
        Self::After(time, Box::new(self))
    }

    async fn play(mut self) -> Result<Response<Body>, Failure> {
        if let Self::After(time, step) = self {
            sleep(time).await;
            self = *step;
        }
        match self {
            Self::Answer { status, headers, body } => {
                let mut answer = answer(Body::from(body));
                *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
                for (name, value) in headers {
                    answer.headers_mut().insert(name, value.parse().expect("a value"));
                }
                Ok(answer)
            }
            Self::Fail(failure) => Err(failure),
            Self::Hang | Self::After(..) => std::future::pending().await,
        }
    }
}

/// One attempt as the upstream saw it.
#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    headers: HeaderMap,
    body: Bytes,
}

/// An upstream that follows a script, the last step of it for ever, and remembers every attempt.
#[derive(Clone)]
struct Script {
    seen: Arc<Mutex<Vec<Seen>>>,
    upstreams: Upstreams,
}

impl Script {
    fn new(settings: &str, steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Arc::new(Mutex::new(steps.into_iter().collect::<VecDeque<Step>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let leaf = Transport::new(service_fn(move |request: Request<Body>| {
            let step = next(&script);
            let log = Arc::clone(&log);
            async move {
                let at = Instant::now();
                let (head, body) = request.into_parts();
                if let Step::Fail(Failure::Unreachable) = step {
                    // Nobody was there to read.
                    log.lock().expect("no panic").push(Seen {
                        at,
                        headers: head.headers,
                        body: Bytes::new(),
                    });
                    return Err(Failure::Unreachable);
                }
                let body = body.collect().await.map_err(|_| Failure::Lost)?.to_bytes();
                log.lock().expect("no panic").push(Seen { at, headers: head.headers, body });
                step.play().await
            }
        }));
        Self { upstreams: upstreams(settings, &leaf), seen }
    }

    async fn send(&self, call: &Arc<Call>, payload: Payload) -> Result<Response<Body>, Unanswered> {
        self.upstreams.send("main", call, payload).await
    }

    /// Makes a call of this kind without a body.
    async fn ask(&self, kind: Kind) -> Result<Response<Body>, Unanswered> {
        self.send(&call(kind), Payload::Empty).await
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    fn attempts(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }

    /// Times between attempts.
    fn pauses(&self) -> Vec<Duration> {
        self.seen().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }
}

fn next(steps: &Mutex<VecDeque<Step>>) -> Step {
    let mut steps = steps.lock().expect("no panic");
    let step = if steps.len() > 1 { steps.pop_front() } else { steps.front().cloned() };
    step.expect("a script has steps")
}

/// A call as SDKs make it: a POST for what costs something.
fn call(kind: Kind) -> Arc<Call> {
    let method = if kind == Kind::Fetch { Method::GET } else { Method::POST };
    call_with(kind, method, &[])
}

fn call_with(kind: Kind, method: Method, headers: &[(&'static str, &str)]) -> Arc<Call> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = "/v1/videos".parse().expect("a target");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a value"));
    }
    Arc::new(Call::new(kind, request.into_parts().0))
}

/// The value of an answer's header.
fn said<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().expect("text"))
}
