//! What leaves of a stream that the test feeds, and when.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};

use super::*;
use crate::upstream::tests::{Feeder, fed};

const IDLE: Duration = Duration::from_secs(300);

fn stream(event_max: usize) -> (Feeder, EventStream) {
    let (feeder, body) = fed();
    let last_word = LastWord {
        dialect: Dialect::OpenAi,
        request_id: HeaderValue::from_static("req_1"),
        journey: Journey::default(),
    };
    (feeder, EventStream::new(Download::new(body, IDLE), event_max, last_word))
}

fn send(feeder: &Feeder, text: &'static str) {
    feeder.send(Ok(Bytes::from_static(text.as_bytes()))).expect("a reader");
}

/// The next frame, which must be there already; `None` while there is none, and at the end.
async fn ready_now(stream: &mut EventStream) -> Option<String> {
    let frame =
        tokio::select! { biased; frame = stream.frame() => frame?, () = std::future::ready(()) => None? };
    Some(text(frame.expect("no cut").into_data().expect("data")))
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8(bytes.as_ref().to_vec()).expect("UTF-8")
}

/// Everything until the end, and whether that was clean.
async fn rest(mut stream: EventStream) -> (String, bool) {
    let mut all = String::new();
    while let Some(frame) = stream.frame().await {
        let Ok(frame) = frame else { return (all, false) };
        all.push_str(&text(frame.into_data().expect("data")));
    }
    (all, true)
}

fn broken() -> io::Result<Bytes> {
    Err(io::ErrorKind::ConnectionReset.into())
}

const LOST: &str = "event: error\ndata: {\"error\":{\"message\":\"The connection to the upstream server broke \
    before its answer was complete.\",\"type\":\"server_error\",\"param\":null,\
    \"code\":\"upstream_connection_lost\"}}\n\n";

/// ST03: whole events leave at once, a half one waits for its other half.
#[tokio::test(start_paused = true)]
async fn only_whole_events_leave_and_at_once() {
    let (feeder, mut stream) = stream(1024);
    send(&feeder, "data: 1\n\ndata: 2\n\nda");
    assert_eq!(ready_now(&mut stream).await.as_deref(), Some("data: 1\n\ndata: 2\n\n"));
    send(&feeder, "ta: 3");
    assert_eq!(ready_now(&mut stream).await, None);
    send(&feeder, "\n\n: ping\n");
    assert_eq!(ready_now(&mut stream).await.as_deref(), Some("data: 3\n\n: ping\n"));
    drop(feeder);
    assert_eq!(rest(stream).await, (String::new(), true));
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_whole_events_is_not_copied() {
    let (feeder, mut stream) = stream(1024);
    let sent = Bytes::from("data: 1\n\n".to_owned());
    feeder.send(Ok(sent.clone())).expect("a reader");
    let got = stream.frame().await.expect("a frame").expect("no cut").into_data().expect("data");
    assert_eq!(got.as_ptr(), sent.as_ptr());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_ends_in_an_error_event_and_not_in_half_an_event() {
    for (sent, left) in [("", ""), ("data: 1\n\n", "data: 1\n\n"), ("data: 1\n\ndata: 2\n", "data: 1\n\n")] {
        let (feeder, stream) = stream(1024);
        send(&feeder, sent);
        feeder.send(broken()).expect("a reader");
        assert_eq!(rest(stream).await, (format!("{left}{LOST}"), true), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_added_to_a_stream_that_has_ended() {
    let done = "data: 1\n\ndata: [DONE]\n\n";
    let (feeder, breaking) = stream(1024);
    send(&feeder, done);
    feeder.send(broken()).expect("a reader");
    assert_eq!(rest(breaking).await, (done.to_owned(), true));
    // A server that leaves the last blank line out has its reasons.
    for sent in [done, "data: 1\n\n", "data: 1\n\ndata: [DONE]", ""] {
        let (feeder, stream) = stream(1024);
        send(&feeder, sent);
        drop(feeder);
        assert_eq!(rest(stream).await, (sent.to_owned(), true));
    }
}

/// TO03: quiet for too long is broken off; a ping is not quiet.
#[tokio::test(start_paused = true)]
async fn a_stream_that_goes_quiet_ends_in_an_error_event() {
    let (feeder, stream) = stream(1024);
    let pinging = tokio::spawn(async move {
        for _ in 0..5 {
            sleep(IDLE - Duration::from_secs(1)).await;
            send(&feeder, ": ping\n\n");
        }
        feeder.closed().await;
    });
    let began = Instant::now();
    let (text, clean) = rest(stream).await;
    assert_eq!(began.elapsed(), IDLE * 6 - Duration::from_secs(5));
    assert!(clean && text.contains("upstream_went_quiet"), "{text}");
    pinging.await.expect("no panic");
}

/// Bounded memory: what is too long to be held passes, and can then only be cut.
#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_long_passes_as_it_comes() {
    let (feeder, mut stream) = stream(10);
    send(&feeder, "data: 1234");
    assert_eq!(ready_now(&mut stream).await, None);
    for piece in ["5", "67", "8\n\ndata: 1\n\n"] {
        send(&feeder, piece);
        let left = ready_now(&mut stream).await.expect("it is not held");
        assert!(left.ends_with(piece), "{left}");
    }
    send(&feeder, "data: 12345678");
    assert!(ready_now(&mut stream).await.is_some());
    feeder.send(broken()).expect("a reader");
    assert_eq!(rest(stream).await, (String::new(), false), "an error event would be read as its other half");
}

#[test]
fn only_plain_streams_of_a_200_are_read_along_with() {
    let of = |status, kind: &'static str, coding: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        is_event_stream(StatusCode::from_u16(status).expect("a status"), &headers)
    };
    assert!(of(200, "text/event-stream", None));
    assert!(of(200, "Text/Event-Stream; charset=utf-8", Some("identity")));
    assert!(!of(200, "text/event-stream", Some("gzip")));
    assert!(!of(200, "text/event-streams", None));
    assert!(!of(200, "application/json", None));
    assert!(!of(500, "text/event-stream", None));
}
