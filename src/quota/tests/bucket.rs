//! Token buckets: exactness, order, bounds, and what comes back.

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, advance};

use super::{begun, now, patient, serving};
use crate::config::quota::{Rate, RateQuota};
use crate::quota::bucket::{Bucket, Refused, Spent};
use crate::quota::rate_limit_status::RateLimitStatus;
use crate::quota::wait_budget::WaitBudget;
use crate::shutdown::Stage;

const SECOND: Duration = Duration::from_secs(1);

fn quota(rate: &str, burst: u32) -> RateQuota {
    let rate: Rate = rate.parse().expect("a rate");
    RateQuota { rate, burst: NonZeroU32::new(burst).expect("a burst"), wait: Duration::ZERO, queue: 64 }
}

/// One token a second, and a line.
fn slow(burst: u32, wait: u64, queue: usize) -> Arc<Bucket> {
    Bucket::new(RateQuota { wait: Duration::from_secs(wait), queue, ..quota("1/s", burst) })
}

async fn spend(bucket: &Arc<Bucket>) -> Result<(), Refused> {
    now(bucket.take(&patient())).await.map(Spent::commit)
}

fn wait_of(refused: Result<impl Sized, Refused>) -> Duration {
    match refused.err().expect("it was refused") {
        Refused::Empty { wait, .. } => wait,
        Refused::Away | Refused::Stopping => panic!("there is a bucket, and the process goes on"),
    }
}

/// LM08: the burst, then the rate, and the wait that is told is the one it takes.
#[tokio::test(start_paused = true)]
async fn a_bucket_gives_its_burst_and_then_its_rate() {
    let bucket = slow(3, 0, 64);
    for _ in 0..3 {
        spend(&bucket).await.expect("within the burst");
    }
    advance(Duration::from_millis(250)).await;
    let wait = wait_of(spend(&bucket).await);
    assert_eq!(wait, Duration::from_millis(750));
    advance(wait - Duration::from_nanos(1)).await;
    assert_eq!(wait_of(spend(&bucket).await), Duration::from_nanos(1));
    advance(Duration::from_nanos(1)).await;
    spend(&bucket).await.expect("after the wait");
    assert_eq!(wait_of(spend(&bucket).await), SECOND);
}

/// LM08: many at once, from many threads, get the burst and not one more.
#[test]
fn threads_at_once_get_exactly_the_burst() {
    let bucket = Bucket::new(quota("1/h", 1000));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let bucket = Arc::clone(&bucket);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(async {
                    let mut passed = 0;
                    for _ in 0..500 {
                        passed += usize::from(spend(&bucket).await.is_ok());
                    }
                    passed
                })
            })
        })
        .collect();
    let passed: usize = threads.into_iter().map(|thread| thread.join().expect("a count")).sum();
    assert_eq!(passed, 1000);
    assert_eq!(bucket.unsettled(), 0);
}

/// LM08: over every window no more than burst and rate allow, and under constant demand no less, to one token.
#[tokio::test(start_paused = true)]
async fn every_window_is_exact_to_one_token() {
    let bucket = Bucket::new(quota("60/min", 10));
    let begin = Instant::now();
    let mut askers = JoinSet::new();
    for seed in 0..16 {
        let bucket = Arc::clone(&bucket);
        askers.spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut passed = Vec::new();
            while begin.elapsed() < Duration::from_mins(10) {
                if bucket.take(&patient()).await.map(Spent::commit).is_ok() {
                    passed.push(begin.elapsed());
                }
                tokio::time::sleep(Duration::from_millis(random.u64(1..200))).await;
            }
            passed
        });
    }
    let mut passed = askers.join_all().await.concat();
    passed.sort_unstable();
    let expected = 10 + 600;
    assert!(passed.len().abs_diff(expected) <= 1, "{} instead of {expected}", passed.len());
    assert_within(&passed, 10);
}

/// At one token a second, no window holds more than the burst and what was refilled in it.
fn assert_within(passed: &[Duration], burst: u64) {
    for (first, from) in passed.iter().enumerate() {
        for (count, to) in (1..).zip(&passed[first..]) {
            assert!(count <= burst + (*to - *from).as_secs(), "{count} from {from:?} to {to:?}: {passed:?}");
        }
    }
}

/// LM09: a request that is refused for another reason spends nothing.
#[tokio::test(start_paused = true)]
async fn a_token_comes_back_unless_it_is_committed() {
    let bucket = slow(2, 0, 64);
    for _ in 0..100 {
        drop(now(bucket.take(&patient())).await.expect("a token"));
    }
    assert_eq!(bucket.standing(), RateLimitStatus { limit: 2, remaining: 2, reset: Duration::ZERO });
    let (one, other) = (now(bucket.take(&patient())).await, now(bucket.take(&patient())).await);
    drop(one);
    other.expect("a token").commit();
    assert_eq!(bucket.standing().remaining, 1);
    assert_eq!(bucket.unsettled(), 0, "everything is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_worth_nothing_once_the_bucket_would_be_full_without_it() {
    let bucket = slow(1, 0, 64);
    let early = now(bucket.take(&patient())).await.expect("a token");
    advance(SECOND).await;
    spend(&bucket).await.expect("the next one");
    // Had the first never been taken, the bucket would have held one token all the same.
    drop(early);
    assert_eq!(wait_of(spend(&bucket).await), SECOND);
}

/// Whatever is taken, kept and given back at random: what is committed never exceeds the quota.
#[tokio::test(start_paused = true)]
async fn nothing_above_the_burst_is_ever_given_out() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let burst = random.u32(1..6);
        let bucket = slow(burst, 0, 64);
        let begin = Instant::now();
        let mut open: Vec<(Duration, Spent)> = Vec::new();
        let mut kept: Vec<Duration> = Vec::new();
        for _ in 0..200 {
            match random.u8(0..10) {
                0..5 => {
                    let taken = now(bucket.take(&patient())).await.ok();
                    open.extend(taken.map(|spent| (begin.elapsed(), spent)));
                }
                5..8 if !open.is_empty() => {
                    let (at, spent) = open.swap_remove(random.usize(..open.len()));
                    if random.bool() {
                        spent.commit();
                        kept.push(at);
                    }
                }
                _ => advance(Duration::from_millis(random.u64(0..1500))).await,
            }
            assert!(bucket.standing().remaining <= burst);
        }
        kept.sort_unstable();
        assert_within(&kept, burst.into());
        drop(open);
        assert_eq!(bucket.unsettled(), 0, "seed {seed}");
    }
}

/// Tokens that go back before the bucket has refilled leave it as if they had never been taken.
#[tokio::test(start_paused = true)]
async fn what_comes_back_at_once_comes_back_whole() {
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (bucket, twin) = (slow(5, 0, 64), slow(5, 0, 64));
        for _ in 0..100 {
            let mut tokens = Vec::new();
            while random.u8(0..3) > 0 {
                tokens.extend(now(bucket.take(&patient())).await.ok());
            }
            random.shuffle(&mut tokens);
            drop(tokens);
            assert_eq!(bucket.standing(), twin.standing(), "seed {seed}");
            assert_eq!(spend(&bucket).await, spend(&twin).await, "seed {seed}");
            advance(Duration::from_millis(random.u64(0..1500))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn standing_tells_what_is_left_and_spends_none_of_it() {
    let bucket = slow(60, 0, 64);
    for _ in 0..5 {
        spend(&bucket).await.expect("a token");
    }
    for _ in 0..10 {
        assert_eq!(bucket.standing(), RateLimitStatus { limit: 60, remaining: 55, reset: 5 * SECOND });
    }
    advance(Duration::from_millis(1500)).await;
    assert_eq!(
        bucket.standing(),
        RateLimitStatus { limit: 60, remaining: 56, reset: Duration::from_millis(3500) }
    );
    advance(Duration::from_hours(1)).await;
    assert_eq!(bucket.standing(), RateLimitStatus { limit: 60, remaining: 60, reset: Duration::ZERO });
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_served_in_the_order_of_arrival_at_the_rate() {
    let bucket = slow(1, 100, 64);
    spend(&bucket).await.expect("the burst");
    let begin = Instant::now();
    let mut waiting = JoinSet::new();
    for number in 0..10 {
        let place = Arc::clone(&bucket);
        waiting.spawn(async move {
            place.take(&patient()).await.map(Spent::commit).expect("a turn");
            (number, begin.elapsed())
        });
        while bucket.waiting() <= number {
            tokio::task::yield_now().await;
        }
    }
    let mut served = Vec::new();
    while let Some(one) = waiting.join_next().await {
        served.push(one.expect("no panic"));
    }
    let expected = (0..10).zip((1..).map(Duration::from_secs));
    assert_eq!(served, expected.collect::<Vec<(usize, Duration)>>());
}

#[tokio::test(start_paused = true)]
async fn nobody_overtakes_a_line_even_when_there_is_a_token() {
    let bucket = slow(1, 100, 64);
    spend(&bucket).await.expect("the burst");
    let mut first = pin!(bucket.take(&SERVED));
    assert!(begun(first.as_mut()).await.is_none());
    // A token is there, but the first has not looked yet.
    advance(SECOND).await;
    let mut late = pin!(bucket.take(&SERVED));
    assert!(begun(late.as_mut()).await.is_none(), "the late one overtook");
    assert_eq!(bucket.standing().remaining, 0, "what is left belongs to the line");
    begun(first.as_mut()).await.expect("its turn").expect("a token").commit();
    assert!(begun(late.as_mut()).await.is_none());
}

fn patient_of(secs: u64) -> WaitBudget {
    WaitBudget { deadline: Some(Instant::now() + Duration::from_secs(secs)), ..WaitBudget::default() }
}

#[tokio::test(start_paused = true)]
async fn whoever_would_wait_in_vain_is_refused_at_once_with_the_true_wait() {
    let bucket = slow(1, 3, 64);
    spend(&bucket).await.expect("the burst");
    let mut lines: Vec<_> = (0..3).map(|_| Box::pin(bucket.take(&SERVED))).collect();
    for line in &mut lines {
        assert!(begun(line.as_mut()).await.is_none(), "there is time for three");
    }
    assert_eq!(wait_of(now(bucket.take(&patient())).await), 4 * SECOND);
    lines.pop();
    assert_eq!(wait_of(now(bucket.take(&patient_of(2))).await), 3 * SECOND, "the call's own deadline counts");
}

/// A call without bounds of its own.
static SERVED: WaitBudget = WaitBudget { deadline: None, journey: None };

#[tokio::test(start_paused = true)]
async fn a_full_line_takes_nobody_else() {
    let bucket = slow(1, 1000, 2);
    spend(&bucket).await.expect("the burst");
    let mut lines: Vec<_> = (0..2).map(|_| Box::pin(bucket.take(&SERVED))).collect();
    for line in &mut lines {
        assert!(begun(line.as_mut()).await.is_none());
    }
    assert_eq!(wait_of(now(bucket.take(&patient())).await), 3 * SECOND);
    assert_eq!(bucket.waiting(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_leaves_its_place_to_those_behind() {
    let bucket = slow(1, 100, 64);
    spend(&bucket).await.expect("the burst");
    let mut first = Box::pin(bucket.take(&SERVED));
    let mut second = Box::pin(bucket.take(&SERVED));
    let mut third = pin!(bucket.take(&SERVED));
    assert!(begun(first.as_mut()).await.is_none());
    assert!(begun(second.as_mut()).await.is_none());
    assert!(begun(third.as_mut()).await.is_none());
    drop(second);
    drop(first);
    assert_eq!(bucket.waiting(), 1);
    let begin = Instant::now();
    third.await.expect("a turn").commit();
    assert_eq!(begin.elapsed(), SECOND);
    assert_eq!((bucket.waiting(), bucket.unsettled()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_back_ends_a_wait() {
    let bucket = slow(1, 100, 64);
    let held = now(bucket.take(&patient())).await.expect("the burst");
    let mut waiting = pin!(bucket.take(&SERVED));
    assert!(begun(waiting.as_mut()).await.is_none());
    let begin = Instant::now();
    drop(held);
    waiting.await.expect("the token that came back").commit();
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

/// SD01: nobody waits for a turn in a process that stops.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_process_is_told_to_stop() {
    let bucket = slow(1, 100, 64);
    let (stage, patience) = serving();
    spend(&bucket).await.expect("the burst");
    let mut waiting = pin!(bucket.take(&patience));
    assert!(begun(waiting.as_mut()).await.is_none());
    stage.send_replace(Stage::Draining);
    assert_eq!(waiting.await.err(), Some(Refused::Stopping));
    assert_eq!(bucket.waiting(), 0);
    assert_eq!(bucket.take(&patience).await.err(), Some(Refused::Stopping), "and no new wait begins");
    advance(SECOND).await;
    bucket.take(&patience).await.expect("whoever need not wait is served").commit();
}
