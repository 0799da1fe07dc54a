//! Calls with an idempotency key.

use std::time::Duration;

use super::*;
use crate::failure::Failure;
use crate::ledger::intent::IdempotencyKey;
use crate::ledger::record::State;

/// RT22
#[tokio::test(start_paused = true)]
async fn the_same_key_and_body_get_the_first_answer_again() {
    let ledger = ledger();
    ledger.under_way(keyed("k", "{}")).await.settle(took("video_1")).await;

    let replay = ledger.replayed(keyed("k", "{}")).await;
    assert_eq!(replay.answer, job_answer("video_1"));
    assert_eq!(ledger.record_of(&replay.id).await.replays, 1);
}

/// RT22, RT23: after an upgrade.
#[tokio::test(start_paused = true)]
async fn a_call_that_an_earlier_version_wrote_down_is_recognised_by_its_key() {
    let ledger = ledger();
    ledger.under_way(keyed("k", "{}")).await.settle(took("video_1")).await;
    let now = |former: &str| Intent { former: Some(fingerprint(former)), ..keyed("k", "as it is now") };
    assert_eq!(ledger.replayed(now("{}")).await.answer, job_answer("video_1"));
    assert_eq!(ledger.refused(now("[]")).await, Rejection::IdempotencyMismatch);
}

/// RT22: for the time it is promised, and no longer.
#[tokio::test(start_paused = true)]
async fn a_key_counts_for_a_day() {
    let ledger = ledger();
    ledger.under_way(keyed("k", "{}")).await.settle(took("video_1")).await;

    tokio::time::advance(Duration::from_secs(24 * 3600 - 1)).await;
    ledger.replayed(keyed("k", "{}")).await;
    tokio::time::advance(Duration::from_secs(2)).await;
    ledger.fresh(keyed("k", "{}")).await.refuse(&Rejection::LedgerUnavailable);
}

/// RT22: whose key it is, and for which route, counts.
#[tokio::test(start_paused = true)]
async fn keys_of_others_and_of_other_routes_are_other_keys() {
    let ledger = ledger();
    let open = ledger.under_way(keyed("k", "{}")).await;
    let other = Intent { client: "other".into(), ..keyed("k", "{}") };
    ledger.fresh(other).await.refuse(&Rejection::LedgerUnavailable);
    let remix = Intent { operation: Operation::Remix, ..keyed("k", "{}") };
    ledger.fresh(remix).await.refuse(&Rejection::LedgerUnavailable);
    open.settle(took("video_1")).await;
}

/// RT23
#[tokio::test(start_paused = true)]
async fn the_same_key_with_another_body_is_refused_while_and_after() {
    let ledger = ledger();
    let open = ledger.under_way(keyed("k", "{}")).await;
    assert_eq!(ledger.refused(keyed("k", "[]")).await, Rejection::IdempotencyMismatch);
    open.settle(took("video_1")).await;
    assert_eq!(ledger.refused(keyed("k", "[]")).await, Rejection::IdempotencyMismatch);
}

/// RT24
#[tokio::test(start_paused = true)]
async fn concurrent_twins_make_one_job_and_all_get_its_answer() {
    let ledger = ledger();
    let mut open = ledger.fresh(keyed("k", "{}")).await;
    let before_it_is_recorded = ledger.twin(keyed("k", "{}")).await;
    open.record(details()).await.expect("recorded");
    let afterwards = ledger.twin(keyed("k", "{}")).await;
    let id = open.id().clone();
    open.settle(took("video_1")).await;

    for twin in [before_it_is_recorded, afterwards] {
        let replay = replay_of(twin.outcome().await.expect("an answer"));
        assert_eq!((job_id(&replay), replay.id), ("video_1".to_owned(), id.clone()));
    }
    assert_eq!(ledger.record_of(&id).await.replays, 2);
}

/// RT24: on as many threads as there may be workers, each with a runtime of its own.
#[test]
fn of_many_at_once_exactly_one_is_made() {
    let ledger = ledger();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let ledger = ledger.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    let mut made = 0;
                    for _ in 0..50 {
                        made += made_of_one(&ledger).await;
                    }
                    made
                })
            })
        })
        .collect();
    let made: u32 = workers.into_iter().map(|worker| worker.join().expect("no panic")).sum();
    assert_eq!(made, 1);
}

/// Makes one call; yields how many jobs that made.
async fn made_of_one(ledger: &Ledger) -> u32 {
    match ledger.claim(keyed("k", "{}")).await.expect("a claim") {
        Claim::Fresh(mut open) => {
            open.record(details()).await.expect("recorded");
            tokio::task::yield_now().await;
            open.settle(took("video_1")).await;
            1
        }
        Claim::Await(twin) => {
            replay_of(twin.outcome().await.expect("an answer"));
            0
        }
        Claim::Replay(_) => 0,
        Claim::Failed(failure) => panic!("{failure:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_to_all_twins_and_frees_the_key() {
    let ledger = ledger();
    for status in [409, 429, 503, 529] {
        let open = ledger.under_way(keyed("k", "{}")).await;
        let twin = ledger.twin(keyed("k", "{}")).await;
        open.settle(said(status)).await;
        let told = replay_of(twin.outcome().await.expect("an answer"));
        assert_eq!(told.answer.status.as_u16(), status);
    }
    let open = ledger.under_way(keyed("k", "{}")).await;
    let twin = ledger.twin(keyed("k", "{}")).await;
    open.settle(Settlement::failed(Failure::Unreachable, 3)).await;
    assert!(matches!(twin.outcome().await, Ok(Claim::Failed(Failure::Unreachable))));
    // Free, and for any body.
    ledger.fresh(keyed("k", "[]")).await.refuse(&Rejection::LedgerUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_ours_is_told_to_all_twins_and_frees_the_key() {
    let ledger = ledger();
    let open = ledger.fresh(keyed("k", "{}")).await;
    let twin = ledger.twin(keyed("k", "{}")).await;
    let reason = Rejection::TooManyParts { limit: 1 };
    open.refuse(&reason);
    assert_eq!(twin.outcome().await.expect_err("the same refusal"), reason);
    ledger.fresh(keyed("k", "{}")).await.refuse(&reason);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_about_the_request_itself_is_given_again() {
    let ledger = ledger();
    ledger.under_way(keyed("k", "{}")).await.settle(said(400)).await;
    assert_eq!(ledger.replayed(keyed("k", "{}")).await.answer.status.as_u16(), 400);
    assert_eq!(ledger.refused(keyed("k", "[]")).await, Rejection::IdempotencyMismatch);
}

/// RT05: an answer that leaves the outcome open is no answer to a repeat.
#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_is_told_with_the_record_to_look_at() {
    let ledger = ledger();
    for (key, settlement) in [
        ("lost", Settlement::failed(Failure::Lost, 1)),
        ("late", Settlement::failed(Failure::HeadTimeout, 1)),
        ("broken", said(500)),
        ("doubtful", said(429).doubtful()),
    ] {
        let open = ledger.under_way(keyed(key, "{}")).await;
        let twin = ledger.twin(keyed(key, "{}")).await;
        let unresolved = Rejection::CreateUnresolved { ledger_id: open.id().to_string() };
        open.settle(settlement).await;
        assert_eq!(twin.outcome().await.expect_err("unresolved"), unresolved, "{key}");
        assert_eq!(ledger.refused(keyed(key, "{}")).await, unresolved, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_before_it_was_recorded_leaves_its_place_to_a_twin() {
    let ledger = ledger();
    let open = ledger.fresh(keyed("k", "{}")).await;
    let (first, second) = (ledger.twin(keyed("k", "{}")).await, ledger.twin(keyed("k", "{}")).await);
    drop(open);
    let Ok(Claim::Fresh(mut open)) = first.outcome().await else { panic!("its place") };
    let second = tokio::spawn(second.outcome());
    open.record(details()).await.expect("recorded");
    open.settle(took("video_1")).await;
    let replay = replay_of(second.await.expect("no panic").expect("an answer"));
    assert_eq!(job_id(&replay), "video_1");
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_after_it_was_recorded_is_unknown() {
    let ledger = ledger();
    let open = ledger.under_way(keyed("k", "{}")).await;
    let (id, twin) = (open.id().clone(), ledger.twin(keyed("k", "{}")).await);
    drop(open);
    assert_eq!(twin.outcome().await.expect_err("unresolved"), unresolved_by(&id));
    assert_eq!(ledger.refused(keyed("k", "{}")).await, unresolved_by(&id));
    let record = ledger.record_of(&id).await;
    assert_eq!(record.outcome.state, State::Unknown);
    assert_eq!(record.outcome.fault.code.as_deref(), Some("interrupted"));
}

/// Another process was quicker, after both had looked.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_taken_between_claim_and_record_is_not_taken_twice() {
    let one = ledger();
    let other = Ledger(Arc::new(Inner {
        store: Arc::clone(&one.0.store),
        ..Arc::into_inner(ledger().0).expect("nobody else has it")
    }));
    let mut ours = one.fresh(keyed("k", "{}")).await;
    let theirs = other.under_way(keyed("k", "{}")).await;
    let met = ours.record(details()).await.expect("an answer").expect("taken");
    // It waits for theirs, and so does whoever asks us now.
    let twins = [met, one.twin(keyed("k", "{}")).await].map(|twin| tokio::spawn(twin.outcome()));
    theirs.settle(took("video_1")).await;
    for twin in twins {
        let replay = replay_of(twin.await.expect("no panic").expect("an answer"));
        assert_eq!(job_id(&replay), "video_1");
    }
}

#[test]
fn a_key_with_other_characters_is_none() {
    assert!(IdempotencyKey::parse("a\u{7f}").is_none());
}

fn unresolved_by(id: &crate::ledger::record::LedgerId) -> Rejection {
    Rejection::CreateUnresolved { ledger_id: id.to_string() }
}
