//! The policy as a table.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::super::call::{Kind, Why};
use super::super::response_class::{Retryability, Said};
use super::policy::{Ended, Outcome, Policy, Reason, Repeatability, Verdict, Wait};
use crate::config::retry::Bare503;
use crate::config::upstreams::{Base, Upstream as Settings};
use crate::failure::Failure;
use crate::rejection::Rejection;

use Repeatability::{Free, Paid, Recognised, Unknown};

const EVERY: [Repeatability; 4] = [Free, Paid, Recognised, Unknown];

fn settings() -> Settings {
    Settings::at("main", Base::loopback(([127, 0, 0, 1], 1).into()))
}

fn said(status: u16) -> Said {
    let status = StatusCode::from_u16(status).expect("a status");
    Said::plain(status)
}

/// A first attempt that ended quickly.
fn ended(repeatability: Repeatability, outcome: Outcome<'_>) -> Ended<'_> {
    Ended { repeatability, attempt: 1, took: Duration::from_secs(1), outcome }
}

fn judge(repeatability: Repeatability, outcome: Outcome<'_>) -> Verdict {
    Policy::new(&settings()).judge(ended(repeatability, outcome))
}

fn again(reason: Reason) -> Verdict {
    Verdict::Again { reason, wait: Wait::Backoff }
}

/// RT01, RT02, RT04, RT08: every status, for every kind of call.
#[test]
fn what_follows_each_status() {
    let table: [(u16, &[Repeatability], Reason); 6] = [
        (429, &EVERY, Reason::RateLimited),
        (529, &EVERY, Reason::Overloaded),
        (503, &EVERY, Reason::Unavailable),
        (500, &[Free, Recognised], Reason::ServerError),
        (502, &[Free, Recognised], Reason::ServerError),
        (504, &[Free, Recognised], Reason::ServerError),
    ];
    for status in 200..=599 {
        let row = table.iter().find(|(listed, ..)| *listed == status);
        for repeatability in EVERY {
            let expected = row.filter(|(_, kinds, _)| kinds.contains(&repeatability));
            let expected = expected.map_or(Verdict::Done, |(.., reason)| again(*reason));
            assert_eq!(
                judge(repeatability, Outcome::Answered(said(status))),
                expected,
                "{status} {repeatability:?}"
            );
        }
    }
}

/// RT03, RT15, RT27: every failure, for every kind of call.
#[test]
fn what_follows_each_failure() {
    let retry_after = Duration::from_secs(1);
    let table: [(Failure, &[Repeatability], Reason); 9] = [
        (Failure::Unreachable, &EVERY, Reason::Connect),
        (Failure::ConnectTimeout, &EVERY, Reason::Connect),
        (Failure::Tls, &EVERY, Reason::Connect),
        (Failure::Lost, &[Free, Recognised], Reason::Lost),
        (Failure::HeadTimeout, &[Free, Recognised], Reason::Timeout),
        (Failure::Garbled, &[Free, Recognised], Reason::Garbled),
        (Failure::Redirected, &[], Reason::Lost),
        (Failure::Credential, &[], Reason::Lost),
        (Failure::BreakerOpen { retry_after }, &[], Reason::Lost),
    ];
    for (failure, kinds, reason) in table {
        for repeatability in EVERY {
            let expected = if kinds.contains(&repeatability) { again(reason) } else { Verdict::Done };
            let why = Why::Failed(failure);
            assert_eq!(
                judge(repeatability, Outcome::Unanswered(&why)),
                expected,
                "{failure:?} {repeatability:?}"
            );
        }
    }
    let why = Why::Rejected(Rejection::BodyBroken);
    assert_eq!(judge(Free, Outcome::Unanswered(&why)), Verdict::Done);
}

/// RT09, and what waiting does not change.
#[test]
fn an_answer_can_forbid_another_attempt() {
    for repeatability in EVERY {
        for said in [
            Said { forbids: true, ..said(429) },
            Said { meaning: Retryability::Permanent, ..said(429) },
            Said { meaning: Retryability::Job, ..said(503) },
        ] {
            assert_eq!(judge(repeatability, Outcome::Answered(said)), Verdict::Done, "{said:?}");
        }
    }
}

/// RT10, RT12
#[test]
fn a_wait_is_obeyed_up_to_the_cap() {
    for (seconds, obeyed) in [(1, true), (20, true), (21, false), (3600, false)] {
        let wait = Duration::from_secs(seconds);
        let expected = Verdict::Again { reason: Reason::RateLimited, wait: Wait::Asked(wait) };
        let said = Said { wait: Some(wait), ..said(429) };
        let expected = if obeyed { expected } else { Verdict::Done };
        assert_eq!(judge(Paid, Outcome::Answered(said)), expected, "{seconds}");
    }
}

/// RT07, RT31
#[test]
fn the_last_attempt_is_the_last() {
    for attempts in 1..=5 {
        let mut settings = settings();
        settings.retry.attempts = attempts;
        let policy = Policy::new(&settings);
        for attempt in 1..=attempts {
            let outcome = Outcome::Answered(said(429));
            let verdict = policy.judge(Ended { attempt, ..ended(Paid, outcome) });
            let expected = match attempts {
                // Asking again is left to the client.
                1 => Verdict::Done,
                _ if attempt == attempts => Verdict::Spent,
                _ => again(Reason::RateLimited),
            };
            assert_eq!(verdict, expected, "{attempt} of {attempts}");
        }
    }
}

#[test]
fn what_is_paid_for_is_repeated_only_if_it_failed_soon() {
    let connect = Why::Failed(Failure::ConnectTimeout);
    let policy = Policy::new(&settings());
    for (repeatability, outcome, seconds, expected) in [
        (Paid, Outcome::Answered(said(503)), 10, again(Reason::Unavailable)),
        (Paid, Outcome::Answered(said(503)), 11, Verdict::Spent),
        (Paid, Outcome::Unanswered(&connect), 11, again(Reason::Connect)),
        (Recognised, Outcome::Answered(said(503)), 11, again(Reason::Unavailable)),
        (Free, Outcome::Answered(said(503)), 11, again(Reason::Unavailable)),
    ] {
        let took = Duration::from_secs(seconds);
        assert_eq!(policy.judge(Ended { took, ..ended(repeatability, outcome) }), expected, "{seconds}");
    }
}

#[test]
fn what_a_repeat_costs_depends_on_the_kind_the_method_and_the_upstream() {
    let mut settings = settings();
    for (idempotent, paid) in [(false, Paid), (true, Recognised)] {
        settings.idempotent = idempotent;
        let policy = Policy::new(&settings);
        for (kind, method, expected) in [
            (Kind::Submit, Method::POST, paid),
            (Kind::Fetch, Method::GET, Free),
            (Kind::Fetch, Method::DELETE, Free),
            (Kind::Other, Method::GET, Free),
            (Kind::Other, Method::PUT, Free),
            (Kind::Other, Method::DELETE, Free),
            (Kind::Other, Method::POST, Unknown),
            (Kind::Other, Method::PATCH, Unknown),
        ] {
            assert_eq!(policy.repeatability(kind, &method), expected, "{kind:?} {method}");
        }
    }
}

/// RT05: a 503 that may not be the application's own is repeated only where a second time does no harm.
#[test]
fn what_follows_a_bare_503() {
    let mut settings = settings();
    let said = Said { is_bare_503: true, ..said(503) };
    for (repeatability, expected) in [
        (Free, again(Reason::Unavailable)),
        (Paid, Verdict::Done),
        (Recognised, again(Reason::ServerError)),
        (Unknown, Verdict::Done),
    ] {
        settings.retry.bare_503 = Bare503::Open;
        let open = Policy::new(&settings);
        assert_eq!(open.judge(ended(repeatability, Outcome::Answered(said))), expected, "{repeatability:?}");
        settings.retry.bare_503 = Bare503::Refused;
        let refused = Policy::new(&settings);
        let refusal = again(Reason::Unavailable);
        assert_eq!(
            refused.judge(ended(repeatability, Outcome::Answered(said))),
            refusal,
            "{repeatability:?}"
        );
        assert!(open.leaves_open(said) && !refused.leaves_open(said));
    }
}

/// RT04: an operator may have it otherwise.
#[test]
fn statuses_are_the_operators_to_choose() {
    let mut settings = settings();
    settings.retry.submit_statuses = vec![StatusCode::INTERNAL_SERVER_ERROR];
    let policy = Policy::new(&settings);
    let judge = |status| policy.judge(ended(Paid, Outcome::Answered(said(status))));
    assert_eq!(judge(500), again(Reason::ServerError));
    assert_eq!(judge(429), Verdict::Done);
}
