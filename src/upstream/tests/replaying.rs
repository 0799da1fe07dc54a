//! RT17: every attempt carries the whole, identical body, or there is only one.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::BodyExt;

use super::{Script, Step, call, fed, feed, said, status, streaming, upstreams};
use crate::failure::Failure;
use crate::upstream::{Kind, Payload, Transport};

const MIB: usize = 1 << 20;

fn whole(length: usize) -> Payload {
    let half = Bytes::from(vec![b'x'; length / 2]);
    Payload::Whole(vec![half.into(), Bytes::from(vec![b'y'; length - length / 2]).into()])
}

/// RT17
#[tokio::test(start_paused = true)]
async fn every_attempt_carries_the_identical_body() {
    let (feeder, body) = fed();
    feed(feeder, 3, Duration::from_secs(1));
    for (kind, payload, length) in [
        (Kind::Submit, whole(MIB), MIB),
        (Kind::Other, streaming(body, u64::MAX), 15),
        (Kind::Other, streaming(Body::from(vec![b'z'; MIB]), u64::MAX), MIB),
        (Kind::Other, streaming(Body::from(""), u64::MAX), 0),
    ] {
        let script = Script::new("", [status(429), status(529), status(200)]);
        script.send(&call(kind), payload).await.expect("an answer");
        let seen = script.seen();
        assert_eq!(seen.len(), 3, "{length}");
        assert_eq!(seen[0].body.len(), length);
        assert_eq!((&seen[0].body, &seen[0].body), (&seen[1].body, &seen[2].body));
    }
}

/// RT17: a body too big to keep.
#[tokio::test(start_paused = true)]
async fn a_body_too_big_to_keep_is_sent_once() {
    for (kind, payload) in
        [(Kind::Submit, whole(MIB + 1)), (Kind::Other, streaming(Body::from(vec![b'z'; MIB + 1]), u64::MAX))]
    {
        let script = Script::new("", [status(429).with("x-should-retry", "true"), status(200)]);
        let answer = script.send(&call(kind), payload).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (429, 1));
        assert_eq!(script.seen()[0].body.len(), MIB + 1);
        assert_eq!(said(&answer, "x-should-retry"), Some("true"), "our attempts are not used up");
    }
}

/// RT17: what is kept of all bodies is bounded, and given back.
#[tokio::test(start_paused = true)]
async fn bodies_kept_at_a_time_are_bounded() {
    let settings = "retry.replay_total = 150";
    let script = Script::new(settings, [status(429).with("retry-after", 5)]);
    let first = tokio::spawn({
        let script = script.clone();
        async move { script.send(&call(Kind::Submit), whole(100)).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    script.send(&call(Kind::Submit), whole(100)).await.expect("an answer");
    assert_eq!(script.attempts(), 2, "there was no room for the second");
    first.await.expect("no panic").expect("an answer");
    assert_eq!(script.attempts(), 4);
    script.send(&call(Kind::Submit), whole(100)).await.expect("an answer");
    assert_eq!(script.attempts(), 7, "the room is free again");
}

/// RT15: nobody was there to read the body, so it is still all there.
#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_read_is_sent_by_the_next_attempt() {
    let (feeder, body) = fed();
    feed(feeder, 3, Duration::from_secs(1));
    // One that may be kept, and one that is announced to be too long for that.
    for (body, length) in [(body, 15), (Body::from(vec![b'z'; 2 * MIB]), 2 * MIB)] {
        let script = Script::new("", [Step::Fail(Failure::Unreachable), status(200)]);
        let answer = script.send(&call(Kind::Other), streaming(body, u64::MAX)).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (200, 2));
        assert_eq!(script.seen()[1].body.len(), length);
    }
}

/// An upstream may refuse before it has read: what still comes goes to the next attempt, and to that one alone.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_still_arriving_goes_on_to_the_next_attempt() {
    let (feeder, body) = fed();
    feed(feeder, 3, Duration::from_secs(1));
    let (unread, mut first) = tokio::sync::mpsc::unbounded_channel::<Body>();
    let leaf = Transport::new(tower::service_fn(move |request: Request<Body>| {
        let unread = unread.clone();
        async move {
            let mut body = request.into_body();
            if !unread.is_closed() {
                body.frame().await.expect("a piece").expect("whole");
                unread.send(body).expect("the test keeps it");
                return status(429).play().await;
            }
            let whole = body.collect().await.map_err(|_| Failure::Lost)?.to_bytes();
            assert_eq!(whole, "piecepiecepiece");
            status(200).play().await
        }
    }));
    let upstreams = upstreams("", &leaf);
    let call = call(Kind::Other);
    let stale = async {
        let mut body = first.recv().await.expect("the first attempt's");
        first.close();
        tokio::time::sleep(Duration::from_millis(700)).await;
        body.frame().await.expect("no clean end").is_err()
    };
    let (answer, is_cut) = tokio::join!(upstreams.send("main", &call, streaming(body, u64::MAX)), stale);
    assert_eq!(answer.expect("an answer").status(), 200);
    assert!(is_cut, "an attempt that was given up must not look whole");
}
