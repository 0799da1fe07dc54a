//! Until when calls are answered, whatever their attempts.

use std::time::Duration;

use axum::http::Method;
use tokio::time::Instant;

use super::{Script, Step, busy, call, call_with, fed, feed, said, status, streaming};
use crate::failure::Failure;
use crate::upstream::{Kind, Payload, Unanswered, Why};

fn timed_out(unanswered: &Unanswered) {
    assert_eq!(unanswered.why, Why::Failed(Failure::HeadTimeout));
}

/// RT14, TO02: attempts together fit; the last is cut to what is left.
#[tokio::test(start_paused = true)]
async fn all_attempts_together_fit_the_deadline() {
    let settings = "fetch_timeout = \"20s\"\nfetch_deadline = \"30s\"\nretry.attempts = 5";
    let script = Script::new(settings, [Step::Hang]);
    let began = Instant::now();
    let unanswered = script.ask(Kind::Fetch).await.expect_err("no answer");
    timed_out(&unanswered);
    assert_eq!((began.elapsed().as_secs(), script.attempts()), (30, 2));
}

/// TO02: an attempt's own time is bounded as well.
#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_time_of_its_kind() {
    let script = Script::new("fetch_timeout = \"3s\"\nretry.backoff_base = \"1ms\"", [Step::Hang]);
    timed_out(&script.ask(Kind::Fetch).await.expect_err("no answer"));
    let pauses: Vec<u64> = script.pauses().iter().map(Duration::as_secs).collect();
    assert_eq!(pauses, [3, 3]);
}

/// RT14
#[tokio::test(start_paused = true)]
async fn a_wait_that_would_end_after_the_deadline_is_not_begun() {
    let step = status(429).with("retry-after", 10).with("x-should-retry", "true");
    let script = Script::new("fetch_deadline = \"10s\"", [step, status(200)]);
    let began = Instant::now();
    let answer = script.ask(Kind::Fetch).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), began.elapsed(), script.attempts()), (429, Duration::ZERO, 1));
    assert_eq!(said(&answer, "x-should-retry"), Some("false"));
    assert_eq!(said(&answer, "retry-after"), Some("10"));
}

/// RT32: the answer comes before the SDK gives up and asks again.
#[tokio::test(start_paused = true)]
async fn a_client_is_answered_while_it_still_waits() {
    for (header, value, expected) in [
        ("x-stainless-read-timeout", "10", 9),
        ("x-stainless-timeout", "10", 9),
        ("x-stainless-read-timeout", "600", 300),
        ("x-stainless-timeout", "NOT_GIVEN", 300),
        ("x-stainless-timeout", "0", 300),
    ] {
        let script = Script::new("", [Step::Hang]);
        let began = Instant::now();
        let call = call_with(Kind::Submit, Method::POST, &[(header, value)]);
        timed_out(&script.send(&call, Payload::Empty).await.expect_err("no answer"));
        assert_eq!(began.elapsed().as_secs(), expected, "{header}: {value}");
    }
}

/// A slow client costs the upstream none of its time.
#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_the_end_of_the_upload() {
    let (feeder, body) = fed();
    feed(feeder, 100, Duration::from_secs(10));
    let settings = "other_deadline = \"60s\"";
    let steps = [status(429).with("retry-after", 15), busy(), Step::Hang];
    let script = Script::new(settings, steps);
    let began = Instant::now();
    let unanswered = script.send(&call(Kind::Other), streaming(body, u64::MAX)).await.expect_err("no answer");
    timed_out(&unanswered);
    assert_eq!((began.elapsed().as_secs(), script.attempts()), (1060, 3));
    assert!(script.seen().iter().all(|seen| seen.body.len() == 500));
}

/// RT32: also where the answer is waited for since before the upload was over.
#[tokio::test(start_paused = true)]
async fn a_time_out_shorter_than_a_pause_of_the_client_is_kept_after_an_upload() {
    let (feeder, body) = fed();
    feed(feeder, 2, Duration::from_secs(1));
    let script = Script::new("", [Step::Hang]);
    let began = Instant::now();
    let call = call_with(Kind::Other, Method::POST, &[("x-stainless-timeout", "10")]);
    timed_out(&script.send(&call, streaming(body, u64::MAX)).await.expect_err("no answer"));
    assert_eq!(began.elapsed().as_secs(), 2 + 9);
}
