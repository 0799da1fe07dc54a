//! How long is paused between attempts.

use std::time::{Duration, SystemTime};

use super::{Script, Step, said, status};
use crate::upstream::Kind;

/// RT10: never asked again earlier than asked, and not much later.
#[tokio::test(start_paused = true)]
async fn the_upstreams_wait_is_obeyed() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(10));
    for (step, least, most) in [
        (status(429).with("retry-after", 7), 7000, 7000),
        (status(503).with("retry-after", "1.5"), 1500, 1500),
        (status(529).with("retry-after-ms", 250).with("retry-after", 7), 250, 250),
        (status(429).with("x-ms-retry-after-ms", 300), 300, 300),
        (status(429).with("retry-after", 20), 20_000, 20_000),
        // A date has whole seconds, and some of them pass while this runs.
        (status(429).with("retry-after", date), 5000, 10_000),
    ] {
        for kind in [Kind::Submit, Kind::Fetch, Kind::Other] {
            let script = Script::new("", [step.clone(), status(200)]);
            script.ask(kind).await.expect("an answer");
            let pauses: Vec<u128> = script.pauses().iter().map(Duration::as_millis).collect();
            // The clock of the runtime has whole milliseconds.
            assert!(pauses.len() == 1 && (least..=most + 2).contains(&pauses[0]), "{step:?}: {pauses:?}");
        }
    }
}

/// RT11: our own pause instead.
#[tokio::test(start_paused = true)]
async fn an_absurd_wait_neither_stalls_nor_loops() {
    for value in
        ["-1", "0", "NaN", "inf", "1e300", "99999999999999999999", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"]
    {
        let step = status(429).with("retry-after", value).with("retry-after-ms", value);
        let script = Script::new("", [step, status(200)]);
        assert_eq!(script.ask(Kind::Submit).await.expect("an answer").status(), 200);
        let pauses = script.pauses();
        assert!(pauses.len() == 1 && pauses[0] <= Duration::from_millis(501), "{value}: {pauses:?}");
    }
}

/// RT12: not slept, and the client gets to know.
#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_cap_is_the_clients() {
    for (header, value) in [("retry-after", "21"), ("retry-after-ms", "20001"), ("retry-after", "3600")] {
        let step = status(429).with(header, value).with("x-should-retry", "true");
        let script = Script::new("", [step, status(200)]);
        let answer = script.ask(Kind::Submit).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), script.attempts()), (429, 1));
        assert_eq!((said(&answer, header), said(&answer, "x-should-retry")), (Some(value), Some("true")));
    }
}

/// RT13: under its cap, which grows, and not always the same.
#[tokio::test(start_paused = true)]
async fn our_own_pauses_grow_and_are_jittered() {
    let settings = "retry.attempts = 5\nretry.backoff_max = \"2s\"\nbreaker.consecutive = 0\nbreaker.ratio = 0\n\
        retry.budget_min = 1000000";
    let mut longest = [Duration::ZERO; 4];
    let mut firsts = Vec::new();
    for _ in 0..200 {
        let script = Script::new(settings, [status(503)]);
        script.ask(Kind::Fetch).await.expect("an answer");
        let pauses = script.pauses();
        assert_eq!(pauses.len(), 4);
        for (pause, longest) in pauses.iter().zip(&mut longest) {
            *longest = (*longest).max(*pause);
        }
        firsts.push(pauses[0]);
    }
    for (longest, cap) in longest.iter().zip([500, 1000, 2000, 2000]) {
        let cap = Duration::from_millis(cap);
        assert!(*longest <= cap + Duration::from_millis(2) && *longest > cap / 2, "{longest:?} of {cap:?}");
    }
    firsts.sort();
    firsts.dedup();
    assert!(firsts.len() > 50, "{} different pauses", firsts.len());
}

/// RT20: nothing is asked while an attempt runs.
#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_waited_for_alone() {
    for kind in [Kind::Submit, Kind::Fetch] {
        let script = Script::new("", [status(200).after(Duration::from_secs(19)), Step::Hang]);
        assert_eq!(script.ask(kind).await.expect("an answer").status(), 200);
        assert_eq!(script.attempts(), 1);
    }
}
