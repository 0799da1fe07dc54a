//! Which attempts are made, and what the client is told of them.

use axum::http::Method;
use std::time::Duration;

use super::{Script, Step, busy, call, call_with, said, status};
use crate::failure::Failure;
use crate::upstream::{Attempts, Kind, Payload, Why};

const KINDS: [Kind; 3] = [Kind::Submit, Kind::Fetch, Kind::Other];

/// RT01: refused before work, and so asked again whatever the call is.
#[tokio::test(start_paused = true)]
async fn what_is_refused_before_work_is_asked_again() {
    for code in [429, 529] {
        for kind in KINDS {
            let script = Script::new("", [status(code), status(code), status(200)]);
            let answer = script.ask(kind).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (200, 3), "{code} {kind:?}");
            assert_eq!(answer.extensions().get(), Some(&Attempts { made: 3, doubtful: false, open: false }));
            assert_eq!(said(&answer, "x-should-retry"), None);
        }
    }
}

/// RT02
#[tokio::test(start_paused = true)]
async fn a_fetch_is_asked_again_after_errors_losses_and_time_outs() {
    for step in [
        status(500),
        status(502),
        status(503),
        status(504),
        Step::Fail(Failure::Lost),
        Step::Fail(Failure::Garbled),
        Step::Hang,
    ] {
        let script = Script::new("", [step.clone(), status(200)]);
        let answer = script.ask(Kind::Fetch).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (200, 2), "{step:?}");
    }
}

/// RT03, RT04, RT20: what may have been accepted is asked once, however slow, and the SDK shall not repeat it.
#[tokio::test(start_paused = true)]
async fn a_create_that_may_have_been_accepted_is_asked_once() {
    for failure in [Failure::Lost, Failure::Garbled] {
        for kind in [Kind::Submit, Kind::Other] {
            let script = Script::new("", [Step::Fail(failure), status(200)]);
            let unanswered = script.ask(kind).await.expect_err("no answer");
            assert_eq!(unanswered.why, Why::Failed(failure));
            assert_eq!((unanswered.attempts.made, unanswered.spent, script.attempts()), (1, true, 1));
        }
    }
    let script = Script::new("", [Step::Hang, status(200)]);
    let unanswered = script.ask(Kind::Submit).await.expect_err("no answer");
    assert_eq!((unanswered.why, script.attempts()), (Why::Failed(Failure::HeadTimeout), 1));
    for code in [500, 502, 504] {
        let script = Script::new("", [status(code), status(200)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (code, 1));
        assert_eq!(said(&answer, "x-should-retry"), Some("false"));
    }
}

/// RT04: an operator who wants it gets it, with one key.
#[tokio::test(start_paused = true)]
async fn a_create_is_repeated_after_500_only_if_the_operator_says_so() {
    let settings = ["retry.submit_statuses = [500]", "idempotent = true"];
    for settings in settings {
        let script = Script::new(settings, [status(500), status(200)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (200, 2), "{settings}");
    }
    for failure in [Failure::Lost, Failure::HeadTimeout, Failure::Garbled] {
        let script = Script::new("idempotent = true", [Step::Fail(failure), status(200)]);
        assert_eq!(script.ask(Kind::Submit).await.expect("an answer").status(), 200);
        let keys: Vec<_> = script.seen().iter().map(|seen| seen.headers["idempotency-key"].clone()).collect();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], keys[1]);
    }
}

/// RT07
#[tokio::test(start_paused = true)]
async fn there_are_never_more_attempts_than_configured() {
    for attempts in 1..=5 {
        for kind in KINDS {
            let script =
                Script::new(&format!("retry.attempts = {attempts}\nbreaker.consecutive = 0"), [busy()]);
            let answer = script.ask(kind).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (503, attempts));
        }
    }
}

/// RT08
#[tokio::test(start_paused = true)]
async fn no_other_4xx_is_asked_again() {
    for code in (400..=499).filter(|&code| code != 429) {
        for kind in KINDS {
            let script =
                Script::new("", [status(code).with("x-should-retry", "true").with("retry-after", 1)]);
            let answer = script.ask(kind).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (code, 1), "{kind:?}");
            let open = code == 408 && kind == Kind::Submit;
            assert_eq!(said(&answer, "x-should-retry"), Some(if open { "false" } else { "true" }), "{code}");
        }
    }
}

/// RT05: whatever the upstream says, and also where it is a server in front of it that speaks.
#[tokio::test(start_paused = true)]
async fn a_status_that_leaves_open_what_became_of_a_paid_call_forbids_to_ask_again() {
    for code in (500..=599).filter(|code| ![503, 529].contains(code)).chain([408]) {
        for reply in [status(code), status(code).with("x-should-retry", "true")] {
            let script = Script::new("", [reply]);
            let answer = script.ask(Kind::Submit).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (code, 1));
            assert_eq!(said(&answer, "x-should-retry"), Some("false"), "{code}");
        }
    }
}

/// RT09: obeyed and passed on.
#[tokio::test(start_paused = true)]
async fn an_upstream_that_forbids_it_is_not_asked_again() {
    for kind in KINDS {
        let script = Script::new("", [status(429).with("x-should-retry", "false"), status(200)]);
        let answer = script.ask(kind).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (429, 1), "{kind:?}");
        assert_eq!(said(&answer, "x-should-retry"), Some("false"));
    }
}

const QUOTA: &str = r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;

#[tokio::test(start_paused = true)]
async fn a_want_of_quota_is_not_asked_again() {
    for (settings, told) in [("", None), ("retry.quota_stops_sdk = true", Some("false"))] {
        for kind in KINDS {
            let script = Script::new(settings, [status(429).saying(QUOTA), status(200)]);
            let answer = script.ask(kind).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (429, 1), "{kind:?}");
            assert_eq!(said(&answer, "x-should-retry"), told, "{kind:?}");
        }
    }
}

/// A job's failure is no request's failure: asking again would poll a dead job for ever.
#[tokio::test(start_paused = true)]
async fn a_failed_job_is_an_answer() {
    const FAILED: &str =
        r#"{"id":"video_1","object":"video","status":"failed","error":{"code":"x","message":"y"}}"#;
    let script = Script::new("breaker.consecutive = 1", [status(500).saying(FAILED)]);
    for asked in 1..=6 {
        let answer = script.ask(Kind::Fetch).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (500, asked));
    }
}

/// RT15: nothing was sent.
#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_again_for_every_call() {
    // What TLS refuses was not read.
    for failure in [Failure::Unreachable, Failure::ConnectTimeout, Failure::Tls] {
        for kind in KINDS {
            let script = Script::new("", [Step::Fail(failure), Step::Fail(failure), status(200)]);
            let answer = script.ask(kind).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (200, 3), "{kind:?}");
        }
    }
    let script = Script::new("", [Step::Fail(Failure::Tls)]);
    let unanswered = script.ask(Kind::Fetch).await.expect_err("no answer");
    assert_eq!((unanswered.why, script.attempts()), (Why::Failed(Failure::Tls), 3));
}

/// RT05: a proxy that answers 503 by itself may have passed the call on.
#[tokio::test(start_paused = true)]
async fn a_bare_503_leaves_the_outcome_of_a_paid_call_open() {
    for body in ["{}", "no healthy upstream"] {
        let script = Script::new("", [status(429), status(503).saying(body), status(200)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (503, 2));
        assert_eq!(said(&answer, "x-should-retry"), Some("false"));
        assert_eq!(answer.extensions().get(), Some(&Attempts { made: 2, doubtful: false, open: true }));
        // Where the upstream knows repeats by their key, a second time does no harm; it is not forgotten, though.
        let script = Script::new("idempotent = true", [status(503).saying(body), status(400)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!(answer.extensions().get(), Some(&Attempts { made: 2, doubtful: true, open: false }));
        for (settings, kind) in [
            ("retry.bare_503 = \"refused\"", Kind::Submit),
            ("retry.bare_503 = \"refused\"", Kind::Other),
            ("", Kind::Fetch),
        ] {
            let script = Script::new(settings, [status(503).saying(body), status(200)]);
            let answer = script.ask(kind).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), script.attempts()), (200, 2), "{settings} {kind:?}");
            assert_eq!(answer.extensions().get(), Some(&Attempts { made: 2, doubtful: false, open: false }));
        }
    }
}

/// RT18: a long outage.
#[tokio::test(start_paused = true)]
async fn repeats_end_with_the_budget() {
    let script = Script::new("breaker.consecutive = 0\nbreaker.ratio = 0", [status(503)]);
    for _ in 0..100 {
        let answer = script.ask(Kind::Fetch).await.expect("an answer");
        assert_eq!(said(&answer, "x-should-retry"), Some("false"));
    }
    // However they fell into windows of 10 s: 20 %, and 10 in each.
    let took = script.seen()[script.attempts() - 1].at - script.seen()[0].at;
    let windows = took.as_secs() / 10 + 1;
    let repeats = script.attempts() as u64 - 100;
    assert!(repeats <= 20 + 10 * windows, "{repeats} in {took:?}");
}

/// RT21
#[tokio::test(start_paused = true)]
async fn every_attempt_carries_one_idempotency_key() {
    let steps = [status(429), status(529), status(200)];
    let script = Script::new("", steps.clone());
    let call = call_with(Kind::Submit, Method::POST, &[("idempotency-key", "the client's own")]);
    script.send(&call, Payload::Empty).await.expect("an answer");
    let keys: Vec<_> = script.seen().iter().map(|seen| seen.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys, ["the client's own"; 3]);

    let mut made = Vec::new();
    for _ in 0..2 {
        let script = Script::new("", steps.clone());
        script.ask(Kind::Submit).await.expect("an answer");
        let seen = script.seen();
        let key = seen[0].headers["idempotency-key"].to_str().expect("text").to_owned();
        assert!(seen.iter().all(|seen| seen.headers["idempotency-key"] == *key), "{seen:?}");
        assert_eq!(uuid::Uuid::parse_str(&key).expect("a UUID").get_version_num(), 4);
        made.push(key);
    }
    assert_ne!(made[0], made[1]);
    let script = Script::new("", [status(200)]);
    for kind in [Kind::Fetch, Kind::Other] {
        script.ask(kind).await.expect("an answer");
    }
    assert!(script.seen().iter().all(|seen| !seen.headers.contains_key("idempotency-key")));
}

/// RT28, RT31: the last answer as it is, but for the upstream's leave to ask again.
#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_the_sdk_shall_not_go_on() {
    const BODY: &str =
        r#"{"error":{"message":"Overloaded","type":"overloaded_error","param":null,"code":null}}"#;
    for kind in KINDS {
        let last = status(529).with("retry-after", 2).with("x-should-retry", "true").saying(BODY);
        let script = Script::new("", [last]);
        let answer = script.ask(kind).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (529, 3));
        assert_eq!(said(&answer, "x-should-retry"), Some("false"));
        assert_eq!(said(&answer, "retry-after"), Some("2"));
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        assert_eq!(body, BODY);
    }
    let script = Script::new("", [Step::Fail(Failure::Unreachable)]);
    let unanswered = script.ask(Kind::Submit).await.expect_err("no answer");
    assert_eq!((unanswered.attempts.made, unanswered.spent), (3, true));
}

/// Who turns repeats off leaves them to the SDK.
#[tokio::test(start_paused = true)]
async fn without_repeats_of_ours_the_sdk_does_as_it_likes() {
    let script = Script::new("retry.attempts = 1", [status(429)]);
    let answer = script.ask(Kind::Fetch).await.expect("an answer");
    assert_eq!(said(&answer, "x-should-retry"), None);
    let script = Script::new("retry.attempts = 1", [Step::Fail(Failure::Unreachable)]);
    assert!(!script.ask(Kind::Submit).await.expect_err("no answer").spent);
}

/// What took long may have come to something.
#[tokio::test(start_paused = true)]
async fn a_create_that_fails_late_is_not_repeated() {
    let late = busy().after(Duration::from_secs(11));
    let script = Script::new("", [late.clone(), status(200)]);
    let answer = script.ask(Kind::Submit).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), script.attempts()), (503, 1));
    assert_eq!(said(&answer, "x-should-retry"), Some("false"));
    let script = Script::new("", [late, status(200)]);
    assert_eq!(script.send(&call(Kind::Fetch), Payload::Empty).await.expect("an answer").status(), 200);
}

/// RT04, RT05: also where the upstream knows repeats by their key: the next call has another one.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_may_have_been_accepted_is_never_forgotten() {
    let settings = "idempotent = true\nretry.submit_statuses = [429, 500]";
    for open in [Step::Fail(Failure::Lost), Step::Fail(Failure::Garbled), status(500)] {
        let script = Script::new(settings, [open.clone(), status(400)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!(
            answer.extensions().get(),
            Some(&Attempts { made: 2, doubtful: true, open: false }),
            "{open:?}"
        );
        assert_eq!(said(&answer, "x-should-retry"), Some("false"), "{open:?}");

        let script = Script::new(settings, [open.clone(), Step::Fail(Failure::Tls)]);
        let unanswered = script.ask(Kind::Submit).await.expect_err("no answer");
        assert_eq!((unanswered.attempts.doubtful, unanswered.spent), (true, true), "{open:?}");

        let script = Script::new(settings, [open.clone(), status(200)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!(said(&answer, "x-should-retry"), None, "{open:?}");
    }
}
