//! What goes on under other settings: tokens, places, slots, and those who wait for them.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::{Instant, advance};

use super::{begun, config, metrics, now, patient};
use crate::config::Config;
use crate::config::quota::{Places, RateQuota};
use crate::quota::bucket::{Bucket, Refused, Spent};
use crate::quota::concurrency_limit::ConcurrencyLimit;
use crate::quota::rate_limit_status::RateLimitStatus;
use crate::quota::slots::{Job, Running, Slots, Wanted};
use crate::quota::wait_budget::WaitBudget;
use crate::quota::{Asked, Class, Quotas};
use crate::rejection::Rejection;

const SECOND: Duration = Duration::from_secs(1);
static SERVED: WaitBudget = WaitBudget { deadline: None, journey: None };

fn quota(rate: &str, burst: u32) -> RateQuota {
    let burst = NonZeroU32::new(burst).expect("a burst");
    RateQuota { rate: rate.parse().expect("a rate"), burst, wait: 100 * SECOND, queue: 64 }
}

/// A bucket with so many tokens of it gone.
async fn used(quota: RateQuota, tokens: u32) -> Arc<Bucket> {
    let bucket = Bucket::new(quota);
    for _ in 0..tokens {
        now(bucket.take(&patient())).await.expect("within the burst").commit();
    }
    bucket
}

/// A limit that is changed hands out nothing: what share of it was used stays used, at any rate.
#[tokio::test(start_paused = true)]
async fn the_share_of_a_bucket_that_is_used_stays_used() {
    for (tokens, next, left) in [
        (10, quota("10/s", 10), 0),
        (10, quota("1/s", 100), 0),
        (5, quota("1/s", 100), 50),
        (5, quota("1/min", 10), 5),
        (5, quota("1/s", 4), 2),
        (5, quota("1/s", 1), 0),
        (0, quota("1/h", 3), 3),
    ] {
        let bucket = used(quota("1/s", 10), tokens).await;
        bucket.change(next);
        let RateLimitStatus { limit, remaining, .. } = bucket.standing();
        assert_eq!((limit, remaining), (next.burst.get(), left), "{tokens} used, then {next:?}");
        let mut taken = 0;
        while let Ok(spent) =
            now(bucket.take(&WaitBudget { deadline: Some(Instant::now()), ..WaitBudget::default() })).await
        {
            spent.commit();
            taken += 1;
        }
        assert_eq!(taken, left, "{next:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_bucket_refills_at_its_new_rate() {
    let bucket = used(quota("1/s", 10), 10).await;
    advance(3 * SECOND).await;
    bucket.change(quota("2/s", 10));
    assert_eq!(
        bucket.standing(),
        RateLimitStatus { limit: 10, remaining: 3, reset: Duration::from_millis(3500) }
    );
    advance(SECOND).await;
    assert_eq!(bucket.standing().remaining, 5);
    advance(Duration::from_mins(1)).await;
    assert_eq!(bucket.standing(), RateLimitStatus { limit: 10, remaining: 10, reset: Duration::ZERO });
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_back_after_a_change_is_worth_its_share() {
    let bucket = used(quota("1/s", 10), 4).await;
    let held = now(bucket.take(&patient())).await.expect("a token");
    let kept = now(bucket.take(&patient())).await.expect("a token");
    bucket.change(quota("1/s", 100));
    assert_eq!(bucket.standing().remaining, 40);
    drop(held);
    assert_eq!(bucket.standing().remaining, 50);
    kept.commit();
    assert_eq!((bucket.standing().remaining, bucket.unsettled()), (50, 0));
}

/// However often it is changed back and forth, and whatever is taken and given back meanwhile: nothing is gained.
#[tokio::test(start_paused = true)]
async fn changes_back_and_forth_gain_nothing() {
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (bucket, begin) = (used(quota("1/s", 5), 5).await, Instant::now());
        let mut open: Vec<Spent> = Vec::new();
        let mut kept = 0;
        for _ in 0..100 {
            match random.u8(0..8) {
                0 => bucket.change(quota("1/s", 50)),
                1 => bucket.change(quota("1/s", 5)),
                2..5 => {
                    let at_once = WaitBudget { deadline: Some(Instant::now()), ..WaitBudget::default() };
                    open.extend(now(bucket.take(&at_once)).await.ok());
                }
                5 if !open.is_empty() => drop(open.swap_remove(random.usize(..open.len()))),
                6 if !open.is_empty() => {
                    open.swap_remove(random.usize(..open.len())).commit();
                    kept += 1;
                }
                _ => advance(Duration::from_millis(random.u64(0..300))).await,
            }
        }
        // While it was the larger one, it refilled as fast as that: ten times the share.
        let refilled = begin.elapsed().as_secs() + 1;
        assert!(kept <= refilled * 10, "seed {seed}: {kept} in {refilled} s");
    }
}

/// Buckets are the same objects, with whoever waits before them.
#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_token_goes_on_waiting_in_order_at_the_new_rate() {
    let bucket = used(quota("2/min", 1), 1).await;
    let mut first = pin!(bucket.take(&SERVED));
    let mut second = pin!(bucket.take(&SERVED));
    assert!(begun(first.as_mut()).await.is_none());
    assert!(begun(second.as_mut()).await.is_none());
    let begin = Instant::now();
    bucket.change(quota("1/s", 1));
    first.await.expect("a token").commit();
    assert_eq!(begin.elapsed(), SECOND);
    second.await.expect("a token").commit();
    assert_eq!(begin.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn whoever_would_wait_in_vain_after_a_change_is_refused_at_once() {
    let bucket = used(quota("1/s", 1), 1).await;
    let mut waiting = pin!(bucket.take(&SERVED));
    assert!(begun(waiting.as_mut()).await.is_none());
    let begin = Instant::now();
    bucket.change(quota("1/h", 1));
    let Err(Refused::Empty { rate, wait }) = waiting.await else { panic!("it waits for an hour") };
    assert_eq!((begin.elapsed(), wait), (Duration::ZERO, Duration::from_hours(1)));
    assert_eq!(rate, quota("1/h", 1).rate, "what is allowed now");
    assert_eq!((bucket.waiting(), bucket.unsettled()), (0, 0));
}

const LIMITED: &str = r#"
    quota = { submit = { rate = "10/h" } }
    [models.sora-2]
    quota = { submit = { rate = "4/h" } }
    [upstreams.main]
    base_url = "http://a/v1"
    quota = { submit = { rate = "7/h" } }
"#;

#[tokio::test(start_paused = true)]
async fn every_bucket_of_a_configuration_is_found_again_by_its_name() {
    let old = Quotas::new(&config(LIMITED), &metrics());
    let asked = |model| Asked { class: Class::Submit, key: None, model, patience: &SERVED };
    for _ in 0..3 {
        now(old.spend(&asked(Some("sora-2")))).await.expect("tokens").commit();
    }
    let same = old.next(&config(LIMITED), &metrics());
    let upstream = |quotas: &Quotas| quotas.upstream("main", Class::Submit).expect("a bucket");
    assert!(Arc::ptr_eq(&upstream(&old), &upstream(&same)));
    let left = |quotas: &Quotas, model| quotas.standing(&asked(model)).map(|standing| standing.remaining);
    assert_eq!((left(&same, Some("sora-2")), left(&same, None)), (Some(1), Some(7)));

    let other = same
        .next(&config(&LIMITED.replace("\"4/h\"", "\"40/h\"").replace("\"10/h\"", "\"20/h\"")), &metrics());
    assert_eq!((left(&other, Some("sora-2")), left(&other, None)), (Some(10), Some(14)));
    let none = other.next(&config("[upstreams.main]\nbase_url = \"http://a/v1\""), &metrics());
    assert_eq!(left(&none, Some("sora-2")), None);
}

fn places(number: usize) -> Places {
    Places { number, queue: 8, wait: Duration::from_secs(10) }
}

#[tokio::test(start_paused = true)]
async fn more_places_let_in_those_who_wait_and_fewer_put_nobody_out() {
    let gate = ConcurrencyLimit::new(places(1));
    let inside = now(gate.enter(&SERVED)).await.expect("a place");
    let mut lines: Vec<_> = (0..3).map(|_| Box::pin(gate.enter(&SERVED))).collect();
    for line in &mut lines {
        assert!(begun(line.as_mut()).await.is_none());
    }
    gate.resize(places(3));
    let (first, second) = (lines.remove(0).await.expect("a place"), lines.remove(0).await.expect("a place"));
    assert!(begun(lines[0].as_mut()).await.is_none(), "there are three");

    gate.resize(places(1));
    assert_eq!((gate.in_use(), gate.waiting()), (3, 1));
    drop((inside, first));
    assert!(begun(lines[0].as_mut()).await.is_none(), "one is still in");
    drop(second);
    lines.remove(0).await.expect("a place");
}

fn slots_of(quotas: &str) -> Config {
    config(&format!("{quotas}\n[upstreams.main]\nbase_url = \"http://a/v1\""))
}

fn sora(number: usize) -> Config {
    slots_of(&format!(
        "[models.sora-2]\nquota = {{ max_jobs = {number}, jobs_queue = 8, jobs_wait = \"10s\" }}"
    ))
}

const ON_SORA: Wanted<'static> = Wanted { upstream: "main", model: Some("sora-2"), key: None };

fn job(id: &str) -> Job {
    Job { upstream: Arc::from("main"), id: id.to_owned() }
}

async fn started(slots: &Arc<Slots>, id: &str) {
    now(slots.acquire(&ON_SORA, &SERVED)).await.expect("slots").keep_for(job(id), HeaderMap::new());
}

/// Slots in use, and creates that wait.
fn usage(slots: &Slots) -> Vec<(usize, usize)> {
    slots.in_use().iter().map(|used| (used.usage.in_use, used.usage.waiting)).collect()
}

#[tokio::test(start_paused = true)]
async fn jobs_hold_their_slots_when_the_number_changes() {
    let slots = Slots::new(&sora(2));
    started(&slots, "a").await;
    started(&slots, "b").await;
    let mut waiting = pin!(slots.acquire(&ON_SORA, &SERVED));
    assert!(begun(waiting.as_mut()).await.is_none());
    slots.resize(&sora(1), Vec::new());
    assert_eq!(usage(&slots), [(2, 1)]);
    slots.finished("main", "a");
    assert!(begun(waiting.as_mut()).await.is_none(), "one is as many as there may be");
    slots.resize(&sora(2), Vec::new());
    waiting.await.expect("a slot").keep_for(job("c"), HeaderMap::new());
    assert_eq!((usage(&slots), slots.jobs()), (vec![(2, 0)], 2));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_number_any_more_lets_those_who_wait_go() {
    let slots = Slots::new(&sora(1));
    started(&slots, "a").await;
    let mut lines: Vec<_> = (0..3).map(|_| Box::pin(slots.acquire(&ON_SORA, &SERVED))).collect();
    for line in &mut lines {
        assert!(begun(line.as_mut()).await.is_none());
    }
    slots.resize(&slots_of(""), Vec::new());
    let begin = Instant::now();
    for line in lines {
        drop(line.await.expect("nothing to wait for"));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!((usage(&slots), slots.jobs()), (vec![], 0), "a job without slots is not watched");
}

/// Jobs of the ledger, those that held other slots, and creates that were under way: all of them run.
#[tokio::test(start_paused = true)]
async fn a_number_that_comes_later_counts_what_runs_already() {
    let global = "quota = { max_jobs = 9 }";
    let slots = Slots::new(&slots_of(global));
    started(&slots, "kept").await;
    let making = now(slots.acquire(&ON_SORA, &SERVED)).await.expect("a slot");
    let running = |id: &str| Running {
        job: job(id),
        model: Some(Arc::from("sora-2")),
        key: Arc::from("team"),
        age: Duration::from_mins(5),
    };
    let both = format!("{global}\n[models.sora-2]\nquota = {{ max_jobs = 4, jobs_wait = \"0s\" }}");
    slots.resize(&slots_of(&both), vec![running("kept"), running("known to the ledger")]);
    assert_eq!(usage(&slots), [(2, 0), (3, 0)], "the model's, then everybody's");

    making.keep_for(job("made"), HeaderMap::new());
    assert_eq!(usage(&slots), [(3, 0), (3, 0)]);
    started(&slots, "new").await;
    assert_eq!(now(slots.acquire(&ON_SORA, &SERVED)).await.err(), Some(Rejection::TooManyJobs));
    for id in ["kept", "known to the ledger", "made", "new"] {
        slots.finished("main", id);
    }
    assert_eq!((usage(&slots), slots.jobs()), (vec![(0, 0), (0, 0)], 0));
}

/// What goes and comes back has nobody counted twice.
#[tokio::test(start_paused = true)]
async fn numbers_that_come_and_go_count_each_job_once() {
    let slots = Slots::new(&sora(5));
    started(&slots, "a").await;
    for _ in 0..3 {
        slots.resize(&slots_of("quota = { max_jobs = 3 }"), Vec::new());
        assert_eq!(usage(&slots), [(1, 0)]);
        slots.resize(&sora(5), Vec::new());
        assert_eq!(usage(&slots), [(1, 0)]);
    }
    slots.finished("main", "a");
    assert_eq!((usage(&slots), slots.jobs()), (vec![(0, 0)], 0));
}
