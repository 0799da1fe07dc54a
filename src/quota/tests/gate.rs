//! Gates, and the load that they shed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{begun, now, patient, serving};
use crate::config::quota::Places;
use crate::quota::Class;
use crate::quota::concurrency_limit::{Closed, ConcurrencyLimit};
use crate::quota::load::Load;
use crate::quota::wait_budget::WaitBudget;
use crate::rejection::Rejection;
use crate::shutdown::Stage;

const WAIT: Duration = Duration::from_millis(300);

static SERVED: WaitBudget = WaitBudget { deadline: None, journey: None };

fn load(number: usize, queue: usize) -> Load {
    Load::new(Places { number, queue, wait: WAIT })
}

/// LM07: below the limit nothing is refused; above it the line, and above that a refusal at once.
#[tokio::test(start_paused = true)]
async fn load_is_shed_above_the_limit_and_the_line() {
    let load = load(3, 2);
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(now(load.enter(Class::Submit, &SERVED)).await.expect("below the limit"));
    }
    let mut lines: Vec<_> = (0..2).map(|_| Box::pin(load.enter(Class::Submit, &SERVED))).collect();
    for line in &mut lines {
        assert!(begun(line.as_mut()).await.is_none());
    }
    let begin = Instant::now();
    assert_eq!(load.enter(Class::Submit, &SERVED).await.err(), Some(Rejection::Overloaded));
    assert_eq!(begin.elapsed(), Duration::ZERO);
    let [first, second] = lines.try_into().ok().expect("two");
    inside.pop();
    first.await.expect("the place that came free");
    assert_eq!(load.in_flight(Class::Submit), 2, "and that was free again");
    second.await.expect("another");
}

/// LM07: whoever is not let in within the wait is refused then.
#[tokio::test(start_paused = true)]
async fn the_wait_before_a_gate_is_bounded() {
    let load = load(1, 2);
    let _inside = now(load.enter(Class::Other, &SERVED)).await.expect("a place");
    let begin = Instant::now();
    assert_eq!(load.enter(Class::Fetch, &SERVED).await.err(), Some(Rejection::Overloaded));
    assert_eq!(begin.elapsed(), WAIT);
}

/// LM07: polls never starve creates.
#[tokio::test(start_paused = true)]
async fn creates_have_a_door_of_their_own() {
    let load = load(1, 0);
    let _poll = now(load.enter(Class::Fetch, &SERVED)).await.expect("a place");
    assert!(now(load.enter(Class::Other, &SERVED)).await.is_err());
    let _create = now(load.enter(Class::Submit, &SERVED)).await.expect("a place of its own");
    assert_eq!((load.in_flight(Class::Submit), load.in_flight(Class::Fetch)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_wait_before_a_gate_ends_when_the_process_is_told_to_stop() {
    let load = load(1, 2);
    let (stage, patience) = serving();
    let _inside = now(load.enter(Class::Submit, &patience)).await.expect("a place");
    let mut waiting = pin!(load.enter(Class::Submit, &patience));
    assert!(begun(waiting.as_mut()).await.is_none());
    stage.send_replace(Stage::Draining);
    assert_eq!(waiting.await.err(), Some(Rejection::Stopping));
}

#[tokio::test(start_paused = true)]
async fn places_forced_above_the_number_keep_others_out_until_enough_are_free() {
    let gate = ConcurrencyLimit::new(Places { number: 1, queue: 1, wait: Duration::ZERO });
    let (one, two) = (gate.force(), gate.force());
    drop(one);
    assert_eq!(now(gate.enter(&patient())).await.err(), Some(Closed::Full));
    drop(two);
    now(gate.enter(&patient())).await.expect("a place");
    assert_eq!((gate.in_use(), gate.waiting()), (0, 0));
}

/// LM07, ME02: whoever comes, waits, goes away or is cut off at random, no place leaks and none is given twice.
#[tokio::test(start_paused = true)]
async fn no_place_leaks_whatever_happens() {
    for seed in 0..40 {
        let gate = ConcurrencyLimit::new(Places { number: 3, queue: 4, wait: Duration::from_millis(50) });
        let mut callers = JoinSet::new();
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..60 {
            let gate = Arc::clone(&gate);
            let (before, inside, patience) = (random.u64(0..300), random.u64(0..40), random.u64(1..80));
            callers.spawn(async move {
                tokio::time::sleep(Duration::from_millis(before)).await;
                let stay = async {
                    let Ok(_place) = gate.enter(&SERVED).await else { return };
                    assert!(gate.in_use() <= 3 && gate.waiting() <= 4);
                    tokio::time::sleep(Duration::from_millis(inside)).await;
                };
                let _ = tokio::time::timeout(Duration::from_millis(patience), stay).await;
            });
        }
        while callers.join_next().await.is_some() {}
        assert_eq!((gate.in_use(), gate.waiting()), (0, 0), "seed {seed}");
    }
}
