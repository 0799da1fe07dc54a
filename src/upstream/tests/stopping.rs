//! RT26, SD07: when nobody has anything of another attempt.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Script, call, said, status};
use crate::journey::{Journey, Start};
use crate::shutdown::{Stage, Underway};
use crate::upstream::{Kind, Payload, Presence};

/// RT26
#[tokio::test(start_paused = true)]
async fn nothing_is_asked_again_once_the_client_has_left() {
    let script = Script::new("", [status(429).with("retry-after", 10), status(200)]);
    let (presence, waiting) = Presence::pair();
    let mut call = call(Kind::Submit);
    Arc::get_mut(&mut call).expect("ours alone").client = presence;
    let began = Instant::now();
    let leaving = async {
        sleep(Duration::from_secs(3)).await;
        drop(waiting);
    };
    let (answer, ()) = tokio::join!(script.send(&call, Payload::Empty), leaving);
    assert_eq!(answer.expect("the last answer").status(), 429);
    assert_eq!((began.elapsed().as_secs(), script.attempts()), (3, 1));
}

/// RT26: a call that is not paid for ends with its client.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_not_asked_again() {
    let script = Script::new("", [status(429).with("retry-after", 10), status(200)]);
    let dropped = tokio::time::timeout(Duration::from_secs(3), script.ask(Kind::Fetch)).await;
    assert!(dropped.is_err());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(script.attempts(), 1);
}

/// SD07: waiting ends, and the client gets what there is.
#[tokio::test(start_paused = true)]
async fn a_process_that_drains_waits_for_no_other_attempt() {
    let (stage, receiver) = watch::channel(Stage::Serving);
    let start = Start { underway: Some(Underway::until_dropped(receiver)), ..Start::default() };
    let journey = Journey::begin(Instant::now(), start);
    let mut call = call(Kind::Submit);
    Arc::get_mut(&mut call).expect("ours alone").journey = journey;
    let script = Script::new("", [status(503).with("retry-after", 10)]);
    let began = Instant::now();
    let draining = async {
        sleep(Duration::from_secs(2)).await;
        stage.send_replace(Stage::Draining);
    };
    let (answer, ()) = tokio::join!(script.send(&call, Payload::Empty), draining);
    let answer = answer.expect("the last answer");
    assert_eq!((answer.status().as_u16(), began.elapsed().as_secs(), script.attempts()), (503, 2, 1));
    // Another replica may have the time.
    assert_eq!(said(&answer, "x-should-retry"), None);
    // What comes later makes one attempt.
    script.send(&call, Payload::Empty).await.expect("an answer");
    assert_eq!((began.elapsed().as_secs(), script.attempts()), (2, 2));
}
