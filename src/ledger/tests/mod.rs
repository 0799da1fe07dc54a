//! The ledger as its callers see it.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;

use super::fingerprint::Fingerprint;
use super::intent::{Details, IdempotencyKey, Intent, Sent};
use super::memory::MemoryStore;
use super::operation::Operation;
use super::pairs::Pairs;
use super::record::{Job, Record};
use super::settlement::{Answer, Settlement};
use super::store::{Store, Which};
use super::time::Clock;
use super::{Claim, DuplicateInFlight, Inner, Ledger, Open, Replay};
use crate::config::ledger::Settings;
use crate::metrics::Metrics;
use crate::params::Encoding;
use crate::rejection::Rejection;

mod crash;
mod files;
mod interleavings;
mod jobs;
mod keys;
mod late;
mod lost;
mod repeats;
mod servers;
mod stores;
mod upgrades;
mod usage;
mod videos;

/// A ledger in memory, on tokio's clock.
fn ledger() -> Ledger {
    let settings = Settings::default();
    over(Arc::new(MemoryStore::new(settings.keep)), &settings)
}

fn over(store: Arc<dyn Store>, settings: &Settings) -> Ledger {
    named("this-process", store, settings)
}

/// The ledger of one of several processes that share a store.
fn named(instance: &str, store: Arc<dyn Store>, settings: &Settings) -> Ledger {
    let metrics = Metrics::new().expect("metrics");
    let Ledger(inner) = Ledger::over(store, settings, instance.into(), &metrics);
    let inner = Arc::into_inner(inner).expect("nobody else has it");
    Ledger(Arc::new(Inner { clock: Clock::steady(), ..inner }))
}

fn fingerprint(body: &str) -> Fingerprint {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Fingerprint::of_bytes(Operation::Create, "/v1/videos", &Encoding::Json, &[body.into()])
}

fn first_try(body: &str) -> Intent {
    Intent {
        client: "team".into(),
        operation: Operation::Create,
        fingerprint: fingerprint(body),
        key: None,
        former: None,
        repeat: false,
    }
}

fn repeat(body: &str) -> Intent {
    Intent { repeat: true, ..first_try(body) }
}

fn keyed(key: &str, body: &str) -> Intent {
    Intent { key: Some(IdempotencyKey::parse(key).expect("a key")), ..first_try(body) }
}

fn details() -> Details {
    Details {
        upstream: "main".into(),
        model: Some("sora-2".into()),
        model_named: Some("sora".into()),
        seconds: Some(8),
        size: Some("1280x720".to_owned()),
        price: Some(0.8),
        request_id: "req_1".to_owned(),
        sent: Sent { line: "POST /v1/videos".to_owned(), headers: Pairs::default(), bytes: 7 },
    }
}

fn answer(status: u16, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().expect("a value"));
    let body = Bytes::copy_from_slice(body.as_bytes());
    Answer::of(StatusCode::from_u16(status).expect("a status"), &headers, body)
}

/// The upstream's answer to an accepted create.
pub(super) fn job_answer(job: &str) -> Answer {
    answer(200, &format!(r#"{{"id":"{job}","object":"video","status":"queued"}}"#))
}

pub(super) fn took(job: &str) -> Settlement {
    Settlement::answered(job_answer(job), 1)
}

fn said(status: u16) -> Settlement {
    Settlement::answered(answer(status, r#"{"error":{"message":"No.","code":"no"}}"#), 1)
}

impl Ledger {
    async fn fresh(&self, intent: Intent) -> Open {
        let claim = self.claim(intent).await.expect("a claim");
        let Claim::Fresh(open) = claim else { panic!("{claim:?}") };
        open
    }

    /// Claims and records.
    async fn under_way(&self, intent: Intent) -> Open {
        let mut open = self.fresh(intent).await;
        open.record(details()).await.expect("recorded");
        open
    }

    async fn replayed(&self, intent: Intent) -> Replay {
        replay_of(self.claim(intent).await.expect("a claim"))
    }

    async fn twin(&self, intent: Intent) -> DuplicateInFlight {
        let claim = self.claim(intent).await.expect("a claim");
        let Claim::Await(twin) = claim else { panic!("{claim:?}") };
        twin
    }

    async fn refused(&self, intent: Intent) -> Rejection {
        self.claim(intent).await.expect_err("a refusal")
    }

    async fn record_of(&self, id: &super::record::LedgerId) -> Record {
        let records = self.0.store.records(Which::Id(id.clone())).await.expect("records");
        records.into_iter().next().expect("a record")
    }
}

fn job_id(replay: &Replay) -> String {
    let object: serde_json::Value = serde_json::from_slice(&replay.answer.body).expect("JSON");
    object["id"].as_str().expect("an id").to_owned()
}

fn replay_of(claim: Claim) -> Replay {
    let Claim::Replay(replay) = claim else { panic!("{claim:?}") };
    replay
}

/// For comparing: what a poll needs to know.
fn place(job: Option<Arc<Job>>) -> Option<(String, String)> {
    job.map(|job| (job.id.to_string(), job.upstream.to_string()))
}
