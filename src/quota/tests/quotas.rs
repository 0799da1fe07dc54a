//! All buckets of a configuration together.

use std::time::Duration;

use super::{config, metrics, now, patient};
use crate::quota::rate_limiter::Token;
use crate::quota::wait_budget::WaitBudget;
use crate::quota::{Asked, Class, Quotas};
use crate::rejection::{Per, Rejection};

static SERVED: WaitBudget = WaitBudget { deadline: None, journey: None };

const CONFIG: &str = r#"
    quota = { submit = { rate = "5/h" } }
    [auth]
    mode = "keys"
    key_quota = { submit = { rate = "3/min" }, fetch = { rate = "2/s" } }
    [auth.keys.a]
    sha256 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
    [auth.keys.b]
    sha256 = "6e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
    quota = { submit = { rate = "10/min" } }
    [models.sora-2]
    quota = { submit = { rate = "4/min" } }
    [upstreams.main]
    base_url = "http://a/v1"
    credential = { env = "KEY" }
    quota = { submit = { rate = "7/min" } }
"#;

fn quotas(text: &str) -> Quotas {
    Quotas::new(&config(text), &metrics())
}

fn asked<'a>(class: Class, key: &'a str, model: &'a str) -> Asked<'a> {
    Asked { class, key: Some(key), model: Some(model), patience: &SERVED }
}

async fn spend(quotas: &Quotas, asked: &Asked<'_>) -> Result<(), Rejection> {
    now(quotas.spend(asked)).await.map(super::super::SpentAll::commit)
}

fn remaining(quotas: &Quotas, asked: &Asked<'_>) -> Option<u32> {
    quotas.standing(asked).map(|standing| standing.remaining)
}

/// LM08: each key has its own rate, and the refusal names what was asked for.
#[tokio::test(start_paused = true)]
async fn each_key_has_buckets_of_its_own() {
    let quotas = quotas(CONFIG);
    let of_a = asked(Class::Submit, "a", "other");
    for _ in 0..3 {
        spend(&quotas, &of_a).await.expect("within the rate");
    }
    let expected = Rejection::RateLimited {
        model: Some("other".to_owned()),
        client: Some("a".to_owned()),
        limit: (3, Per::Minute),
        wait: Duration::from_secs(20),
    };
    assert_eq!(spend(&quotas, &of_a).await, Err(expected));
    spend(&quotas, &asked(Class::Submit, "b", "other")).await.expect("its own rate");
}

/// LM07: polling cannot starve creates.
#[tokio::test(start_paused = true)]
async fn classes_take_nothing_from_each_other() {
    let quotas = quotas(CONFIG);
    while spend(&quotas, &asked(Class::Fetch, "a", "other")).await.is_ok() {}
    assert_eq!(remaining(&quotas, &asked(Class::Fetch, "a", "other")), Some(0));
    assert_eq!(remaining(&quotas, &asked(Class::Submit, "a", "other")), Some(3));
    assert_eq!(quotas.standing(&asked(Class::Other, "a", "other")), None, "nothing limits these");
}

/// LM09: where a later bucket refuses, the earlier ones get their tokens back.
#[tokio::test(start_paused = true)]
async fn a_refusal_by_one_bucket_spends_nothing_of_the_others() {
    let quotas = quotas(CONFIG);
    let (on_sora, on_any) = (asked(Class::Submit, "b", "sora-2"), asked(Class::Submit, "b", "other"));
    for _ in 0..4 {
        spend(&quotas, &on_sora).await.expect("within all rates");
    }
    for _ in 0..50 {
        let refused = spend(&quotas, &on_sora).await.expect_err("the model's rate");
        assert!(matches!(refused, Rejection::RateLimited { limit: (4, Per::Minute), .. }), "{refused:?}");
    }
    // Five an hour for everybody: one is left, for which the key must have kept a token.
    spend(&quotas, &on_any).await.expect("nothing was spent");
    let refused = spend(&quotas, &on_any).await.expect_err("everybody's rate");
    assert!(matches!(refused, Rejection::RateLimited { limit: (5, Per::Hour), .. }), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_not_committed_go_back_everywhere() {
    let quotas = quotas(CONFIG);
    let asked = asked(Class::Submit, "a", "sora-2");
    drop(now(quotas.spend(&asked)).await.expect("tokens"));
    assert_eq!(remaining(&quotas, &asked), Some(3));
    spend(&quotas, &asked).await.expect("tokens");
    assert_eq!(remaining(&quotas, &asked), Some(2), "the key's bucket is the tightest");
}

/// LM14: names that nobody configured have no bucket, and get none.
#[tokio::test(start_paused = true)]
async fn unknown_names_make_no_state() {
    let quotas = quotas("[upstreams.main]\nbase_url = \"http://a/v1\"");
    let before = format!("{quotas:?}");
    for number in 0..1000 {
        let name = format!("name-{number}");
        let asked = Asked { class: Class::Submit, key: Some(&name), model: Some(&name), patience: &SERVED };
        spend(&quotas, &asked).await.expect("no limit");
        assert_eq!(quotas.standing(&asked), None);
    }
    assert_eq!(format!("{quotas:?}"), before);
}

#[tokio::test(start_paused = true)]
async fn an_upstreams_bucket_is_taken_by_whoever_attempts() {
    let quotas = quotas(CONFIG);
    let bucket = quotas.upstream("main", Class::Submit).expect("a bucket");
    for _ in 0..7 {
        now(bucket.take(&patient())).await.map(Token::commit).expect("an attempt");
    }
    assert!(now(bucket.take(&patient())).await.is_err());
    assert!(quotas.upstream("main", Class::Fetch).is_none());
    assert!(quotas.upstream("nobody", Class::Submit).is_none());
}
