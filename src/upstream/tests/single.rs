//! One attempt: what is waited for, for how long, and what becomes of bodies.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};

use super::{answer, fed, feed, streaming, upstreams};
use crate::failure::Failure;
use crate::rejection::Rejection;
use crate::upstream::{Call, Kind, Payload, Transport, Unanswered, Why};

const CONFIG: &str = r#"
    submit_timeout = "60s"
    fetch_timeout = "15s"
    body_idle = "30s"
    retry.attempts = 1
"#;

/// Makes one call over `leaf`; yields the outcome and the time it took.
async fn call<L, F>(kind: Kind, payload: Payload, leaf: L) -> (Result<Response<Body>, Unanswered>, Duration)
where
    L: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<Body>, Failure>> + Send + 'static,
{
    let upstreams = upstreams(CONFIG, &Transport::new(tower::service_fn(leaf)));
    let request = Request::post("/v1/videos?limit=2").body(()).expect("a request");
    let call = Arc::new(Call::new(kind, request.into_parts().0));
    let began = Instant::now();
    let outcome = upstreams.send("main", &call, payload).await;
    (outcome, began.elapsed())
}

/// A leaf that reads the whole body before it answers, as most servers do.
async fn read_then_answer(request: Request<Body>) -> Result<Response<Body>, Failure> {
    request.into_body().collect().await.map_err(|_| Failure::Lost)?;
    Ok(answer(Body::from("{}")))
}

async fn never(_: Request<Body>) -> Result<Response<Body>, Failure> {
    std::future::pending().await
}

/// TO02: the wait for a head is bounded, and longer for what starts a generation.
#[tokio::test(start_paused = true)]
async fn a_silent_upstream_is_given_up_after_the_time_of_its_kind() {
    for (kind, seconds) in [(Kind::Submit, 60), (Kind::Fetch, 15), (Kind::Other, 30 * 60)] {
        let (outcome, took) = call(kind, Payload::Empty, never).await;
        assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Failed(Failure::HeadTimeout)));
        assert_eq!(took, Duration::from_secs(seconds), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_upload_is_no_slow_answer() {
    let (feeder, body) = fed();
    feed(feeder, 100, Duration::from_secs(10));
    let payload = streaming(body, u64::MAX);
    let (outcome, took) = call(Kind::Fetch, payload, read_then_answer).await;
    assert_eq!(outcome.expect("an answer").status(), StatusCode::OK);
    assert!(took >= Duration::from_secs(1000), "{took:?}");
}

/// TO06: a client that stops sending is the client's fault, and the upstream never sees a clean end.
#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_is_the_clients_fault() {
    let (feeder, body) = fed();
    feeder.send(Ok(Bytes::from_static(b"half"))).expect("a reader");
    let payload = streaming(body, u64::MAX);
    let (outcome, took) = call(Kind::Other, payload, read_then_answer).await;
    assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Rejected(Rejection::BodyStalled)));
    assert_eq!(took, Duration::from_secs(30));
    drop(feeder);
}

/// TO08: an upstream that does not take what there is, is given up after the time of a pause.
#[tokio::test(start_paused = true)]
async fn an_upstream_that_does_not_read_is_given_up() {
    let (feeder, body) = fed();
    feeder.send(Ok(Bytes::from_static(b"never taken"))).expect("a reader");
    let (outcome, took) = call(Kind::Other, streaming(body, u64::MAX), never).await;
    assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Failed(Failure::HeadTimeout)));
    assert_eq!(took, Duration::from_secs(30));
}

/// LM04: counted while streaming.
#[tokio::test(start_paused = true)]
async fn an_upload_that_grows_past_its_limit_is_cut() {
    let (feeder, body) = fed();
    feed(feeder, 3, Duration::from_secs(1));
    let (outcome, took) = call(Kind::Other, streaming(body, 9), read_then_answer).await;
    let reason = Rejection::BodyTooLarge { limit: 9, read: 10 };
    assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Rejected(reason)));
    assert_eq!(took, Duration::from_secs(2), "the third piece is not waited for");
}

/// SM04's other half: a broken client is not taken for a broken upstream.
#[tokio::test(start_paused = true)]
async fn an_upload_that_breaks_is_the_clients_fault() {
    let (feeder, body) = fed();
    feeder.send(Err(io::ErrorKind::InvalidData.into())).expect("a reader");
    let (outcome, _) = call(Kind::Other, streaming(body, 9), read_then_answer).await;
    assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Rejected(Rejection::BodyBroken)));
}

/// ST12: JSON that breaks off is an error, not a success.
#[tokio::test(start_paused = true)]
async fn a_json_answer_that_breaks_off_is_lost() {
    let (outcome, _) = call(Kind::Fetch, Payload::Empty, |_| async {
        let (feeder, body) = fed();
        let _ = feeder.send(Ok(Bytes::from_static(b"{\"id\":")));
        let _ = feeder.send(Err(io::ErrorKind::UnexpectedEof.into()));
        Ok(answer(body))
    })
    .await;
    assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Failed(Failure::Lost)));
}

#[tokio::test(start_paused = true)]
async fn a_json_answer_that_drips_is_given_up_like_a_missing_head() {
    let (outcome, took) = call(Kind::Submit, Payload::Empty, |_| async {
        let (feeder, body) = fed();
        feed(feeder, 1000, Duration::from_secs(1));
        Ok(answer(body))
    })
    .await;
    assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Failed(Failure::HeadTimeout)));
    assert_eq!(took, Duration::from_secs(60));
}

/// TO03 and TO04: a download ends by a pause, never by its length.
#[tokio::test(start_paused = true)]
async fn a_slow_download_is_cut_only_when_it_goes_quiet() {
    let (outcome, _) = call(Kind::Fetch, Payload::Empty, |_| async {
        let (feeder, body) = fed();
        let kept = feeder.clone();
        feed(feeder, 100, Duration::from_secs(20));
        // Holds the body open for ever after the last piece.
        tokio::spawn(async move { kept.closed().await });
        Ok(Response::new(body))
    })
    .await;
    let mut body = outcome.expect("a head").into_body();
    let began = Instant::now();
    for _ in 0..100 {
        body.frame().await.expect("a piece").expect("whole");
    }
    assert_eq!(began.elapsed(), Duration::from_secs(2000));
    assert!(body.frame().await.expect("an end").is_err(), "a cut must not look like an end");
    assert_eq!(began.elapsed(), Duration::from_secs(2030));
}

/// A client that takes long over what it has is not an upstream that gives nothing.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_no_quiet_upstream() {
    let (outcome, _) = call(Kind::Fetch, Payload::Empty, |_| async {
        let (feeder, body) = fed();
        feed(feeder, 2, Duration::from_secs(1));
        Ok(Response::new(body))
    })
    .await;
    let mut body = outcome.expect("a head").into_body();
    body.frame().await.expect("a piece").expect("whole");
    sleep(Duration::from_secs(3600)).await;
    body.frame().await.expect("a piece").expect("whole");
}

/// RT27 and SM10
#[tokio::test(start_paused = true)]
async fn answers_that_lead_elsewhere_are_failures() {
    for (status, failure) in [
        (301, Failure::Redirected),
        (307, Failure::Redirected),
        (308, Failure::Redirected),
        (101, Failure::Garbled),
    ] {
        let (outcome, _) = call(Kind::Fetch, Payload::Empty, move |_| async move {
            let mut answer = answer(Body::empty());
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            Ok(answer)
        })
        .await;
        assert_eq!(outcome.err().map(|unanswered| unanswered.why), Some(Why::Failed(failure)), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_target_is_the_clients_own_behind_the_upstreams_base() {
    let (outcome, _) = call(Kind::Fetch, Payload::Empty, |request: Request<Body>| async move {
        assert_eq!(request.uri(), "https://upstream.invalid/openai/v1/videos?limit=2");
        let id = request.headers()["x-request-id"].to_str().expect("ASCII");
        assert!(id.starts_with("req_"), "{id}");
        Ok(answer(Body::from("{}")))
    })
    .await;
    assert!(outcome.is_ok());
}
