//! An SDK's own repeats, which come without a key.

use std::time::Duration;

use super::*;
use crate::failure::Failure;

/// RT29
#[tokio::test(start_paused = true)]
async fn a_repeat_of_an_open_try_waits_for_its_answer() {
    let ledger = ledger();
    let open = ledger.under_way(first_try("{}")).await;
    let twin = ledger.twin(repeat("{}")).await;
    open.settle(took("video_1")).await;
    let replay = replay_of(twin.outcome().await.expect("an answer"));
    assert_eq!(job_id(&replay), "video_1");
}

/// RT29
#[tokio::test(start_paused = true)]
async fn a_repeat_of_an_answered_try_gets_its_answer() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    assert_eq!(job_id(&ledger.replayed(repeat("{}")).await), "video_1");
    assert_eq!(job_id(&ledger.replayed(repeat("{}")).await), "video_1");
}

/// RT29: after an upgrade.
#[tokio::test(start_paused = true)]
async fn a_repeat_of_a_try_that_an_earlier_version_wrote_down_gets_its_answer() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    let now = |former: &str| Intent { former: Some(fingerprint(former)), ..repeat("as it is now") };
    assert_eq!(job_id(&ledger.replayed(now("{}")).await), "video_1");
    ledger.fresh(now("[]")).await.refuse(&Rejection::LedgerUnavailable);
}

/// RT29, RT05
#[tokio::test(start_paused = true)]
async fn a_repeat_of_an_unresolved_try_is_told_so() {
    let ledger = ledger();
    let open = ledger.under_way(first_try("{}")).await;
    let id = open.id().to_string();
    open.settle(Settlement::failed(Failure::Lost, 1)).await;
    assert_eq!(ledger.refused(repeat("{}")).await, Rejection::CreateUnresolved { ledger_id: id });
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_only_of_the_same_client_body_and_operation() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    let others = [repeat("[]"), Intent { client: "other".into(), ..repeat("{}") }];
    for other in others {
        ledger.fresh(other).await.refuse(&Rejection::LedgerUnavailable);
    }
}

/// RT29: for the time it is promised.
#[tokio::test(start_paused = true)]
async fn a_try_is_remembered_for_ten_minutes() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    tokio::time::advance(Duration::from_secs(599)).await;
    ledger.replayed(repeat("{}")).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    ledger.fresh(repeat("{}")).await.refuse(&Rejection::LedgerUnavailable);
}

#[tokio::test(start_paused = true)]
async fn asking_twice_on_purpose_makes_two() {
    let ledger = ledger();
    let (one, two) = (ledger.under_way(first_try("{}")).await, ledger.under_way(first_try("{}")).await);
    one.settle(took("video_1")).await;
    two.settle(took("video_2")).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_try_may_be_made_up_for_once() {
    let ledger = ledger();
    // Two on purpose: one is taken, one is refused, and the SDK repeats that one.
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    ledger.under_way(first_try("{}")).await.settle(said(429)).await;
    ledger.under_way(repeat("{}")).await.settle(took("video_2")).await;
    // There is nothing left to make up for.
    ledger.replayed(repeat("{}")).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_ours_may_be_made_up_for_too() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    ledger.fresh(first_try("{}")).await.refuse(&Rejection::LedgerUnavailable);
    ledger.fresh(repeat("{}")).await.settle(took("video_2")).await;
    ledger.replayed(repeat("{}")).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_made_up_for_after_ten_minutes() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(said(429)).await;
    tokio::time::advance(Duration::from_secs(595)).await;
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    tokio::time::advance(Duration::from_secs(6)).await;
    ledger.replayed(repeat("{}")).await;
}

/// RT25: the job that nobody was told of goes to the one who asks again, before anything new is made.
#[tokio::test(start_paused = true)]
async fn a_repeat_gets_the_job_whose_client_had_left() {
    let ledger = ledger();
    ledger.under_way(first_try("{}")).await.settle(took("video_1")).await;
    let open = ledger.under_way(first_try("{}")).await;
    ledger.client_left(open.id());
    let id = open.id().clone();
    open.settle(took("video_2")).await;
    ledger.under_way(first_try("{}")).await.settle(said(429)).await;

    assert!(ledger.record_of(&id).await.client_left);
    assert_eq!(job_id(&ledger.replayed(repeat("{}")).await), "video_2");
    ledger.under_way(repeat("{}")).await.settle(took("video_3")).await;
}

#[tokio::test(start_paused = true)]
async fn that_a_client_left_may_come_out_after_the_answer() {
    let ledger = ledger();
    let open = ledger.under_way(first_try("{}")).await;
    let id = open.id().clone();
    open.settle(took("video_1")).await;
    ledger.client_left(&id);
    assert!(ledger.record_of(&id).await.client_left);
}

/// RT29: an SDK that was told not to ask again does not: the next repeat is another call's.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_ended_its_call_is_not_made_up_for() {
    let ledger = ledger();
    let mut last_word = answer(429, "{}");
    last_word.headers.insert("x-should-retry", "false".parse().expect("a value"));
    ledger.under_way(first_try("{}")).await.settle(Settlement::answered(last_word, 3)).await;
    let lost = ledger.under_way(first_try("{}")).await;
    let id = lost.id().to_string();
    lost.settle(Settlement::failed(Failure::Lost, 1)).await;
    assert_eq!(ledger.refused(repeat("{}")).await, Rejection::CreateUnresolved { ledger_id: id });
}

/// RT06: on another worker a repeat may overtake the try it repeats, whose client is gone by then. That may not have
/// been noticed yet: it is not made all the same.
#[tokio::test(start_paused = true)]
async fn a_try_that_was_overtaken_by_its_repeat_is_not_made() {
    let ledger = ledger();
    let overtaking = ledger.under_way(repeat("{}")).await;
    let twin = ledger.twin(first_try("{}")).await;
    overtaking.settle(took("video_1")).await;
    assert_eq!(job_id(&replay_of(twin.outcome().await.expect("an answer"))), "video_1");
    // And only once, and only soon after it: whoever asks twice on purpose gets two videos.
    drop(ledger.under_way(first_try("{}")).await);
    drop(ledger.under_way(repeat("[]")).await);
    tokio::time::advance(Duration::from_secs(11)).await;
    drop(ledger.under_way(first_try("[]")).await);
}

/// RT06: nor is it made up for again, should it take the place of its repeat.
#[tokio::test(start_paused = true)]
async fn a_try_that_takes_the_place_of_its_repeat_makes_up_for_it() {
    let ledger = ledger();
    let overtaking = ledger.fresh(repeat("{}")).await;
    let twin = ledger.twin(first_try("{}")).await;
    drop(overtaking);
    let Ok(Claim::Fresh(mut open)) = twin.outcome().await else { panic!("its place") };
    open.record(details()).await.expect("recorded");
    let id = open.id().to_string();
    open.settle(Settlement::failed(Failure::Lost, 1)).await;
    assert_eq!(ledger.refused(repeat("{}")).await, Rejection::CreateUnresolved { ledger_id: id });
}

/// RT29: on another worker a repeat may overtake the try it repeats, whose client is gone by then. That this one comes
/// to nothing is no reason to make the next repeat: the first one was made.
#[tokio::test(start_paused = true)]
async fn a_try_that_was_overtaken_by_its_repeat_is_not_made_up_for_again() {
    let ledger = ledger();
    let overtaking = ledger.under_way(repeat("{}")).await;
    tokio::time::advance(Duration::from_secs(11)).await;
    drop(ledger.fresh(first_try("{}")).await);
    let twin = ledger.twin(repeat("{}")).await;
    overtaking.settle(took("video_1")).await;
    assert_eq!(job_id(&replay_of(twin.outcome().await.expect("an answer"))), "video_1");
    // And only once: the next call that comes to nothing is another one.
    drop(ledger.fresh(first_try("{}")).await);
    drop(ledger.fresh(repeat("{}")).await);
}
