//! Job slots: from create to the job's end, whoever sees it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::{Instant, advance};

use super::{begun, config, now, serving};
use crate::quota::slots::{Held, Job, Overdue, Running, Scope, Slots, Wanted};
use crate::quota::wait_budget::WaitBudget;
use crate::rejection::Rejection;
use crate::shutdown::Stage;

static SERVED: WaitBudget = WaitBudget { deadline: None, journey: None };

const ON_SORA: Wanted<'static> = Wanted { upstream: "main", model: Some("sora-2"), key: None };
const ON_ANY: Wanted<'static> = Wanted { upstream: "main", model: None, key: Some("unknown") };

fn slots(jobs: &str) -> Arc<Slots> {
    Slots::new(&config(&format!(
        r#"
        [models.sora-2]
        quota = {{ max_jobs = 1, jobs_queue = 2, jobs_wait = "10s" }}
        [upstreams.main]
        base_url = "http://a/v1"
        quota = {{ max_jobs = 2, jobs_queue = 1, jobs_wait = "5s" }}
        [jobs]
        {jobs}
        "#
    )))
}

fn job(id: &str) -> Job {
    Job { upstream: Arc::from("main"), id: id.to_owned() }
}

/// A job made by [`ON_ANY`].
fn running(id: &str, age: Duration) -> Running {
    Running { job: job(id), model: None, key: Arc::from("unknown"), age }
}

async fn held(slots: &Arc<Slots>, wanted: &Wanted<'_>) -> Held {
    now(slots.acquire(wanted, &SERVED)).await.expect("slots")
}

#[test]
fn usage_is_told_by_scope_and_configured_name() {
    let slots = slots("");
    let told: Vec<(&str, String)> =
        slots.in_use().iter().map(|usage| (usage.scope.word(), usage.name.to_string())).collect();
    assert_eq!(told, [("model", "sora-2".to_owned()), ("upstream", "main".to_owned())]);
}

fn in_use(slots: &Slots) -> Vec<(Scope, usize, usize)> {
    slots.in_use().into_iter().map(|slots| (slots.scope, slots.usage.in_use, slots.usage.waiting)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_held_from_create_to_the_end_of_the_job() {
    let slots = slots("");
    held(&slots, &ON_SORA).await.keep_for(job("a"), HeaderMap::new());
    assert_eq!(in_use(&slots), [(Scope::Model, 1, 0), (Scope::Upstream, 1, 0)]);
    slots.seen("main", "a");
    slots.finished("other", "a");
    slots.finished("main", "b");
    assert_eq!(slots.jobs(), 1);
    slots.finished("main", "a");
    slots.finished("main", "a");
    assert_eq!(in_use(&slots), [(Scope::Model, 0, 0), (Scope::Upstream, 0, 0)]);
    assert_eq!(slots.jobs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_holds_nothing() {
    let slots = slots("");
    drop(held(&slots, &ON_SORA).await);
    let _again = held(&slots, &ON_SORA).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_kept_twice_holds_its_slots_once() {
    let slots = slots("");
    held(&slots, &ON_ANY).await.keep_for(job("a"), HeaderMap::new());
    held(&slots, &ON_ANY).await.keep_for(job("a"), HeaderMap::new());
    assert_eq!(in_use(&slots), [(Scope::Model, 0, 0), (Scope::Upstream, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn creates_wait_for_a_slot_in_order_and_within_their_bounds() {
    let slots = slots("");
    held(&slots, &ON_SORA).await.keep_for(job("a"), HeaderMap::new());
    let mut first = pin!(slots.acquire(&ON_SORA, &SERVED));
    let mut second = pin!(slots.acquire(&ON_SORA, &SERVED));
    assert!(begun(first.as_mut()).await.is_none());
    assert!(begun(second.as_mut()).await.is_none());
    let begin = Instant::now();
    let third = slots.acquire(&ON_SORA, &SERVED).await;
    assert_eq!(third.err(), Some(Rejection::TooManyJobs), "the line is full");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    advance(Duration::from_secs(3)).await;
    slots.finished("main", "a");
    first.await.expect("its turn").keep_for(job("b"), HeaderMap::new());
    assert_eq!(second.await.err(), Some(Rejection::TooManyJobs), "the deadline");
    assert_eq!(begin.elapsed(), Duration::from_secs(10));
    assert_eq!(in_use(&slots), [(Scope::Model, 1, 0), (Scope::Upstream, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_one_slot_holds_none_of_the_others() {
    let slots = slots("");
    let _one = held(&slots, &ON_ANY).await;
    let _two = held(&slots, &ON_ANY).await;
    assert_eq!(slots.acquire(&ON_SORA, &SERVED).await.err(), Some(Rejection::TooManyJobs));
    assert_eq!(in_use(&slots), [(Scope::Model, 0, 0), (Scope::Upstream, 2, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_slot_ends_when_the_process_is_told_to_stop() {
    let slots = slots("");
    let (stage, patience) = serving();
    let _held = held(&slots, &ON_SORA).await;
    let mut waiting = pin!(slots.acquire(&ON_SORA, &patience));
    assert!(begun(waiting.as_mut()).await.is_none());
    stage.send_replace(Stage::Draining);
    assert_eq!(waiting.await.err(), Some(Rejection::Stopping));
    assert_eq!(in_use(&slots), [(Scope::Model, 1, 0), (Scope::Upstream, 1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn jobs_of_before_a_restart_hold_their_slots_even_too_many() {
    let slots = slots("");
    for id in ["a", "b", "c"] {
        slots.restore(running(id, Duration::from_mins(5)));
    }
    assert_eq!(in_use(&slots), [(Scope::Model, 0, 0), (Scope::Upstream, 3, 0)]);
    slots.finished("main", "a");
    let begin = Instant::now();
    assert!(slots.acquire(&ON_ANY, &SERVED).await.is_err(), "two are still running");
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    slots.finished("main", "b");
    drop(held(&slots, &ON_ANY).await);
    advance(Duration::from_mins(55)).await;
    assert_eq!(slots.overdue(Instant::now()).given_up, [job("c")], "its age counts");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_polls_is_watched_until_it_is_given_up() {
    let slots = slots("watch_after = \"60s\"\nwatch_interval = \"30s\"\nmax_hold = \"10m\"");
    held(&slots, &ON_SORA).await.keep_for(job("a"), HeaderMap::new());
    let begin = Instant::now();
    let (mut polled, mut given_up) = (Vec::new(), Vec::new());
    for _ in 0..130 {
        advance(Duration::from_secs(5)).await;
        let now = begin.elapsed().as_secs();
        if now == 200 {
            slots.seen("main", "a");
        }
        let Overdue { poll, given_up: gone } = slots.overdue(Instant::now());
        polled.extend(poll.iter().map(|_| now));
        given_up.extend(gone.iter().map(|_| now));
    }
    assert_eq!(polled[..8], [60, 90, 120, 150, 180, 260, 290, 320], "not while a client polls");
    assert_eq!(given_up, [600]);
    assert_eq!(in_use(&slots), [(Scope::Model, 0, 0), (Scope::Upstream, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_watch_slots_are_still_given_up_in_the_end() {
    let slots = slots("watch = false");
    held(&slots, &ON_SORA).await.keep_for(job("a"), HeaderMap::new());
    advance(Duration::from_mins(30)).await;
    assert_eq!(slots.overdue(Instant::now()), Overdue::default());
    advance(Duration::from_mins(30)).await;
    assert_eq!(slots.overdue(Instant::now()), Overdue { poll: vec![], given_up: vec![job("a")] });
}

#[tokio::test(start_paused = true)]
async fn jobs_without_slots_are_not_remembered() {
    let slots = Slots::new(&config("[upstreams.main]\nbase_url = \"http://a/v1\""));
    for number in 0..100 {
        held(&slots, &ON_SORA).await.keep_for(job(&number.to_string()), HeaderMap::new());
    }
    assert_eq!((slots.jobs(), slots.in_use().len()), (0, 0));
}

/// ME02: creates that succeed, fail or are cut off, jobs that end once, twice or never: no slot leaks.
#[tokio::test(start_paused = true)]
async fn no_slot_leaks_whatever_happens() {
    for seed in 0..30 {
        let slots = slots("max_hold = \"5m\"");
        let mut random = fastrand::Rng::with_seed(seed);
        let mut creates = tokio::task::JoinSet::new();
        for number in 0..50 {
            let (slots, mut random) = (Arc::clone(&slots), random.fork());
            let patience = Duration::from_millis(random.u64(0..70_000));
            let create = async move {
                tokio::time::sleep(Duration::from_millis(random.u64(0..60_000))).await;
                let wanted = if random.bool() { ON_SORA } else { ON_ANY };
                let Ok(held) = slots.acquire(&wanted, &SERVED).await else { return };
                tokio::time::sleep(Duration::from_millis(random.u64(0..500))).await;
                if random.u8(0..4) == 0 {
                    return;
                }
                let id = number.to_string();
                held.keep_for(job(&id), HeaderMap::new());
                tokio::time::sleep(Duration::from_millis(random.u64(0..9000))).await;
                for _ in 0..random.u8(0..3) {
                    slots.finished("main", &id);
                }
            };
            // Some are cut off wherever they are.
            creates.spawn(tokio::time::timeout(patience, create));
        }
        while creates.join_next().await.is_some() {}
        advance(Duration::from_mins(5)).await;
        slots.overdue(Instant::now());
        assert_eq!(in_use(&slots), [(Scope::Model, 0, 0), (Scope::Upstream, 0, 0)], "seed {seed}");
        assert_eq!(slots.jobs(), 0, "seed {seed}");
    }
}
