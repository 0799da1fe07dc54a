//! RT19: an upstream that fails is left alone, probed gently, and let back in.

use std::time::Duration;

use axum::http::Method;
use tokio::time::{advance, timeout};

use super::{Script, Step, call_with, status};
use crate::failure::Failure;
use crate::upstream::{Kind, Payload, Why};

const ONCE: &str = "retry.attempts = 1\n";

fn is_shut(answer: Result<axum::response::Response, crate::upstream::Unanswered>) -> Option<Duration> {
    match answer.err()?.why {
        Why::Failed(Failure::BreakerOpen { retry_after }) => Some(retry_after),
        Why::Failed(_) | Why::Rejected(_) => None,
    }
}

/// RT19
#[tokio::test(start_paused = true)]
async fn after_failures_in_a_row_nothing_is_asked_for_a_while() {
    for step in [status(500), status(503), Step::Fail(Failure::Unreachable), Step::Fail(Failure::Tls)] {
        let script = Script::new(ONCE, [step]);
        for _ in 0..5 {
            assert_eq!(is_shut(script.ask(Kind::Fetch).await), None);
        }
        let unanswered = script.ask(Kind::Submit).await.expect_err("it is open");
        assert_eq!((unanswered.attempts.made, unanswered.spent), (0, false));
        assert_eq!(is_shut(Err(unanswered)), Some(Duration::from_secs(10)));
        assert_eq!(script.attempts(), 5);
        advance(Duration::from_secs(10)).await;
        assert_eq!(is_shut(script.ask(Kind::Fetch).await), None, "a probe");
        assert_eq!(is_shut(script.ask(Kind::Fetch).await), Some(Duration::from_secs(20)), "twice as long");
    }
}

/// RT19: refusals and clients' faults say nothing against an upstream.
#[tokio::test(start_paused = true)]
async fn refusals_do_not_open_it() {
    for code in [400, 401, 404, 408, 409, 429, 501, 529] {
        let script = Script::new(ONCE, [status(code)]);
        for _ in 0..30 {
            assert_eq!(is_shut(script.ask(Kind::Fetch).await), None, "{code}");
        }
    }
}

/// RT19: a client that waits less long than the upstream may take proves nothing.
#[tokio::test(start_paused = true)]
async fn an_announced_time_out_does_not_open_it() {
    let script = Script::new(ONCE, [Step::Hang]);
    let hasty = call_with(Kind::Fetch, Method::GET, &[("x-stainless-timeout", "1")]);
    for _ in 0..10 {
        assert_eq!(is_shut(script.send(&hasty, Payload::Empty).await), None);
    }
    for _ in 0..5 {
        assert_eq!(is_shut(script.ask(Kind::Fetch).await), None);
    }
    assert!(is_shut(script.ask(Kind::Fetch).await).is_some(), "our own time-outs do");
}

/// RT19: a probe that is dropped frees its place.
#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_even_if_it_is_dropped() {
    let failures = std::iter::repeat_n(status(500), 5);
    let script = Script::new(ONCE, failures.chain([Step::Hang, status(200)]));
    for _ in 0..5 {
        script.ask(Kind::Fetch).await.expect("an answer");
    }
    advance(Duration::from_secs(10)).await;
    let probe = timeout(Duration::from_secs(5), script.ask(Kind::Fetch));
    let other = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        is_shut(script.ask(Kind::Fetch).await)
    };
    let (probe, other) = tokio::join!(probe, other);
    assert!(probe.is_err() && other.is_some());
    for _ in 0..3 {
        assert_eq!(script.ask(Kind::Fetch).await.expect("it is closed again").status(), 200);
    }
}

/// A wait that would end at a shut door is not begun.
#[tokio::test(start_paused = true)]
async fn the_attempt_that_opens_it_is_the_last() {
    let script = Script::new("breaker.consecutive = 2", [status(500)]);
    let answer = script.ask(Kind::Fetch).await.expect("the last answer");
    assert_eq!((answer.status().as_u16(), script.attempts()), (500, 2));
}
