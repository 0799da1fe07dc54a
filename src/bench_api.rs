//! What benchmarks reach of rooms that are otherwise our own business. No part of the interface: it changes with them.

use std::time::SystemTime;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;

use crate::auth;
use crate::gateway::Gateway;
use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{Details, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::pairs::Pairs;
use crate::ledger::settlement::{Answer, Settlement};
use crate::ledger::{Claim, Ledger};
use crate::params::Encoding;
use crate::quota::slots::Wanted;
use crate::quota::wait_budget::WaitBudget;
use crate::quota::{Asked, Class};

pub use crate::upstream::measured::Upkeep;

/// Whether a client with these headers is let in.
#[must_use]
pub fn is_admitted(gateway: &Gateway, headers: &HeaderMap) -> bool {
    auth::admit(&gateway.config.auth, headers, SystemTime::now()).is_ok()
}

/// Takes a token of every bucket that counts a create of this key and model; whether there were any.
pub async fn spends_a_token(gateway: &Gateway, key: &str, model: &str) -> bool {
    let patience = WaitBudget::default();
    let asked = Asked { class: Class::Submit, key: Some(key), model: Some(model), patience: &patience };
    match gateway.quotas.spend(&asked).await {
        Ok(spent) => {
            spent.commit();
            true
        }
        Err(_) => false,
    }
}

/// Takes the slots of a job of this key and model, and gives them back; whether there were any.
pub async fn holds_a_slot(gateway: &Gateway, upstream: &str, key: &str, model: &str) -> bool {
    let wanted = Wanted { upstream, model: Some(model), key: Some(key) };
    gateway.slots.acquire(&wanted, &WaitBudget::default()).await.is_ok()
}

/// Writes a create down, before it is sent and after it was accepted; whether that could be done. Creates of the same
/// `number` are the same.
pub async fn writes_down(ledger: &Ledger, number: u64) -> bool {
    let body = Bytes::from(format!(r#"{{"model":"sora-2","prompt":"{number}"}}"#));
    let intent = Intent {
        client: "team".into(),
        operation: Operation::Create,
        fingerprint: Fingerprint::of_bytes(Operation::Create, "/v1/videos", &Encoding::Json, &[body.into()]),
        key: None,
        former: None,
        repeat: false,
    };
    let Ok(Claim::Fresh(mut open)) = ledger.claim(intent).await else { return false };
    let details = Details {
        upstream: "main".into(),
        model: Some("sora-2".into()),
        model_named: Some("sora-2".into()),
        seconds: Some(8),
        size: Some("1280x720".to_owned()),
        price: Some(0.8),
        request_id: format!("req_{number}"),
        sent: Sent { line: "POST /v1/videos".to_owned(), headers: Pairs::default(), bytes: 84 },
    };
    if !matches!(open.record(details).await, Ok(None)) {
        return false;
    }
    let job = format!(r#"{{"id":"video_{number}","object":"video","status":"queued"}}"#);
    let answer = Answer::of(StatusCode::OK, &HeaderMap::new(), job.into());
    open.settle(Settlement::answered(answer, 1)).await;
    true
}
