//! Downloads over a leaf of the test's own, on a paused clock: what is asked for again, and what is made of it.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderValue, Method};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tower::service_fn;

use super::*;
use crate::failure::Failure;
use crate::upstream::tests::fed;

const FILE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// How the upstream answers a request for the rest.
#[derive(Clone, Copy, Debug)]
enum Play {
    /// As it should, breaking off after so many bytes.
    Rest(usize),
    /// As it should, but with this header.
    With(&'static str, &'static str),
    /// With this status, and the whole file.
    Status(u16),
    Unreachable,
    Silent,
}

/// What the upstream was asked, as `range` and `if-range`, and when.
type Asked = Arc<Mutex<Vec<(String, String, Duration)>>>;

fn parse(range: &str) -> (usize, usize) {
    let (first, last) =
        range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a range");
    (first.parse().expect("a number"), last.parse().unwrap_or(FILE.len() - 1))
}

fn breaking(bytes: &'static [u8]) -> Body {
    let (feeder, body) = fed();
    feeder.send(Ok(Bytes::from_static(bytes))).expect("a reader");
    feeder.send(Err(io::ErrorKind::ConnectionReset.into())).expect("a reader");
    body
}

fn head(status: u16, first: usize, last: usize) -> Response<()> {
    let answer = Response::builder().status(status).header("etag", "\"v1\"");
    let answer = answer.header("content-length", last + 1 - first);
    let range = format!("bytes {first}-{last}/{}", FILE.len());
    let answer = if status == 206 { answer.header("content-range", range) } else { answer };
    answer.body(()).expect("a head")
}

async fn answered(play: Play, request: Request<Body>) -> Result<Response<Body>, Failure> {
    let (first, last) = parse(request.headers()["range"].to_str().expect("ASCII"));
    let rest = FILE.get(first..=last).expect("within the file");
    let (status, bytes) = match play {
        Play::Rest(bytes) => (206, rest.get(..bytes).unwrap_or(rest)),
        Play::With(..) => (206, rest),
        Play::Status(status) => (status, FILE),
        Play::Unreachable => return Err(Failure::Unreachable),
        Play::Silent => std::future::pending().await,
    };
    let mut answer = head(status, first, last);
    if let Play::With(name, value) = play {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let body = if bytes.len() < rest.len() { breaking(bytes) } else { Body::from(bytes) };
    Ok(answer.map(|()| body))
}

/// Breaks `first` off after `bytes`, and plays `script` to whatever is asked then.
fn download(first: &Response<()>, bytes: &'static [u8], script: &'static [Play]) -> (Resumed, Asked) {
    let asked = Asked::default();
    let (log, began) = (Arc::clone(&asked), Instant::now());
    let leaf = Transport::new(service_fn(move |request: Request<Body>| {
        let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let entry = |name| header(name).unwrap_or_default().to_owned();
        let mut log = log.lock().expect("no panic");
        log.push((entry("range"), entry("if-range"), began.elapsed()));
        assert_eq!(header("if-none-match"), None, "conditions are met already");
        answered(*script.get(log.len() - 1).expect("no more attempts"), request)
    }));
    let request = Request::get("http://upstream.invalid/v1/videos/video_1/content");
    let request = request.header("if-none-match", "\"v0\"").body(()).expect("a request");
    let missing = Missing::of(&Method::GET, first.status(), first.headers()).expect("it can be resumed");
    let (head_timeout, body_idle) = (Duration::from_secs(30), Duration::from_secs(30));
    let (tally, journey) = (UpstreamMetrics::default(), Journey::default());
    let again = Again { leaf, request, head_timeout, body_idle, attempts: 2, tally, journey };
    let download = Download::new(breaking(bytes), body_idle);
    (Resumed::new(download, missing, again), asked)
}

/// Everything that came, and whether it came to its end.
async fn read(mut body: Resumed) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (all, false) };
        all.extend_from_slice(&frame.into_data().expect("data"));
    }
    (all, true)
}

fn asked_for(asked: &Asked) -> Vec<String> {
    let asked = asked.lock().expect("no panic");
    assert!(asked.iter().all(|(_, etag, _)| etag == "\"v1\""), "{asked:?}");
    asked.iter().map(|(range, ..)| range.clone()).collect()
}

/// ST01: after any number of bytes, and as often as there is progress.
#[tokio::test(start_paused = true)]
async fn a_download_goes_on_where_it_broke() {
    for broken_at in 0..FILE.len() {
        let script = &[Play::Rest(1), Play::Rest(2), Play::Rest(3), Play::Rest(100)];
        let (body, asked) = download(&head(200, 0, FILE.len() - 1), &FILE[..broken_at], script);
        assert_eq!(read(body).await, (FILE.to_vec(), true), "broken after {broken_at}");
        assert_eq!(asked_for(&asked)[0], format!("bytes={broken_at}-"));
    }
}

/// ST04: the client's own range keeps its end.
#[tokio::test(start_paused = true)]
async fn a_part_goes_on_to_its_own_end() {
    let (body, asked) = download(&head(206, 5, 20), &FILE[5..9], &[Play::Rest(100)]);
    assert_eq!(read(body).await, (FILE[5..=20].to_vec(), true));
    assert_eq!(asked_for(&asked), ["bytes=9-20"]);
}

/// ST02: what is not certainly the rest of the same file is not used.
#[tokio::test(start_paused = true)]
async fn anything_but_the_rest_of_the_same_file_leaves_the_cut_visible() {
    for play in [
        Play::With("etag", "\"v2\""),
        Play::With("etag", "W/\"v1\""),
        Play::With("content-range", "bytes 9-35/36"),
        Play::With("content-range", "bytes 11-35/36"),
        Play::With("content-range", "bytes 10-34/36"),
        Play::With("content-range", "bytes 10-35/37"),
        Play::With("content-range", "bytes */36"),
        Play::With("content-length", "27"),
        Play::With("content-encoding", "gzip"),
        Play::Status(200),
        Play::Status(404),
        Play::Status(416),
    ] {
        let script = [play].to_vec().leak();
        let (body, asked) = download(&head(200, 0, FILE.len() - 1), &FILE[..10], script);
        assert_eq!(read(body).await, (FILE[..10].to_vec(), false), "{play:?}");
        assert_eq!(asked_for(&asked), ["bytes=10-"], "{play:?}: asked once");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_cannot_answer_is_asked_as_often_as_configured() {
    for play in [Play::Unreachable, Play::Silent, Play::Status(503), Play::Status(429), Play::Rest(0)] {
        let script = [play; 2].to_vec().leak();
        let (body, asked) = download(&head(200, 0, FILE.len() - 1), &FILE[..10], script);
        assert_eq!(read(body).await, (FILE[..10].to_vec(), false), "{play:?}");
        assert_eq!(asked_for(&asked), ["bytes=10-"; 2], "{play:?}");
    }
    let (body, _) = download(
        &head(200, 0, FILE.len() - 1),
        &FILE[..10],
        &[Play::Unreachable, Play::Rest(1), Play::Status(500), Play::Rest(100)],
    );
    assert_eq!(read(body).await, (FILE.to_vec(), true), "a byte that came counts as a new start");
}

#[tokio::test(start_paused = true)]
async fn there_is_a_short_pause_before_it_is_asked_for() {
    let (body, asked) = download(&head(200, 0, 35), &FILE[..10], &[Play::Unreachable, Play::Rest(100)]);
    read(body).await;
    let asked: Vec<Duration> = asked.lock().expect("no panic").iter().map(|(.., at)| *at).collect();
    assert!((Duration::from_millis(100)..=Duration::from_millis(201)).contains(&asked[0]), "{asked:?}");
    let second = asked[1] - asked[0];
    assert!((Duration::from_millis(200)..=Duration::from_millis(401)).contains(&second), "{asked:?}");
    assert_eq!(pause(200, 7.0), Duration::from_millis(3200), "whatever the numbers, there is a bound");
}

/// TO03: one that went quiet was waited for long enough.
#[tokio::test(start_paused = true)]
async fn a_download_that_went_quiet_is_not_resumed() {
    let (mut body, asked) = download(&head(200, 0, 35), &FILE[..10], &[]);
    let (feeder, quiet) = fed();
    body.phase = Phase::Reading(Download::new(quiet, Duration::from_secs(30)));
    assert_eq!(read(body).await, (Vec::new(), false));
    assert_eq!(asked_for(&asked), [""; 0]);
    drop(feeder);
}

#[tokio::test(start_paused = true)]
async fn more_than_was_announced_is_a_cut() {
    let (body, _) = download(&head(206, 0, 4), FILE, &[]);
    assert_eq!(read(body).await, (Vec::new(), false));
}

#[test]
fn only_what_can_be_told_apart_is_resumable() {
    let whole = head(200, 0, 35);
    let part = head(206, 5, 20);
    let of = |answer: &Response<()>| Missing::of(&Method::GET, answer.status(), answer.headers());
    assert!(of(&whole).is_some() && of(&part).is_some());
    assert_eq!(Missing::of(&Method::POST, whole.status(), whole.headers()), None);
    for (name, value) in [
        ("etag", "W/\"v1\""),
        ("etag", ""),
        ("accept-ranges", "none"),
        ("content-encoding", "gzip"),
        ("content-length", "x"),
    ] {
        let mut answer = head(200, 0, 35);
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
        assert_eq!(of(&answer), None, "{name}: {value}");
    }
    for (status, length) in [(200, "0"), (206, "15"), (203, "36")] {
        let mut answer = head(status, 5, 20);
        answer.headers_mut().insert("content-length", HeaderValue::from_static(length));
        assert_eq!(of(&answer), None, "{status} of {length} bytes");
    }
    assert_eq!(of(&head(304, 0, 35)), None);
}
