//! Records as hashes: the names and words of the file's columns, every value a text.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use redis::Value;

use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::pairs::Pairs;
use crate::ledger::record::{Fault, JobStatus, LedgerId, Outcome, Record, State};
use crate::ledger::store::Settled;
use crate::ledger::time::Timestamp;
use crate::money::Money;
use crate::redis_client::{LinkError, parsed};

/// Fields and values. What there is not is not written.
pub(super) type Fields = Vec<(&'static str, String)>;

/// What of a record is known before it leaves. `index`: the key of what finds its twins.
pub(super) fn of_record(record: &Record, index: &str) -> Fields {
    let Record { intent, details, outcome, .. } = record;
    let mut fields = vec![
        ("id", record.id.to_string()),
        ("at", record.at.0.to_string()),
        ("updated", record.updated.0.to_string()),
        ("client", intent.client.to_string()),
        ("operation", intent.operation.to_string()),
        ("fingerprint", intent.fingerprint.to_string()),
        ("is_repeat", flag(intent.repeat).to_owned()),
        ("upstream", details.upstream.to_string()),
        ("request_id", details.request_id.clone()),
        ("request_line", details.sent.line.clone()),
        ("request_headers", details.sent.headers.as_json().to_owned()),
        ("request_bytes", details.sent.bytes.to_string()),
        ("state", outcome.state.to_string()),
        ("attempts", outcome.attempts.to_string()),
        ("instance", record.instance.to_string()),
        ("client_left", flag(record.client_left).to_owned()),
        ("replays", record.replays.to_string()),
        ("index", index.to_owned()),
        ("stands", flag(outcome.stands()).to_owned()),
    ];
    let optional = [
        ("idempotency_key", intent.key.as_ref().map(|key| key.as_str().to_owned())),
        ("model", details.model.as_ref().map(ToString::to_string)),
        ("model_named", details.model_named.as_ref().map(ToString::to_string)),
        ("seconds", details.seconds.map(|seconds| seconds.to_string())),
        ("size", details.size.clone()),
        ("price", details.price.map(|price| price.to_string())),
        // As it is summed up.
        ("money", details.price.map(|price| Money::of(price).0.to_string())),
    ];
    fields.extend(there(optional));
    fields
}

/// What an outcome adds.
pub(super) fn of_outcome(settled: &Settled) -> Fields {
    let Settled { at, outcome, .. } = settled;
    let mut fields = vec![
        ("updated", at.0.to_string()),
        ("state", outcome.state.to_string()),
        ("attempts", outcome.attempts.to_string()),
        // Of an outcome that was only presumed nothing must stay.
        ("error_code", outcome.fault.code.clone().unwrap_or_default()),
    ];
    fields.extend(there([
        ("status", outcome.status.map(|status| status.to_string())),
        ("job_id", outcome.job_id.clone()),
        ("job_status", outcome.job_status.map(|status| status.to_string())),
        ("upstream_request_id", outcome.upstream_request_id.clone()),
        ("error_message", outcome.fault.message.clone()),
    ]));
    fields
}

/// What is new of a job.
pub(super) fn of_job(at: Timestamp, status: JobStatus, fault: &Fault) -> Fields {
    let mut fields = vec![("updated", at.0.to_string()), ("job_status", status.to_string())];
    fields.extend(there([("error_code", fault.code.clone()), ("error_message", fault.message.clone())]));
    fields
}

fn there<const N: usize>(
    optional: [(&'static str, Option<String>); N],
) -> impl Iterator<Item = (&'static str, String)> {
    optional.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

pub(super) const fn flag(flag: bool) -> &'static str {
    if flag { "1" } else { "0" }
}

/// The records of an answer that is a list of hashes.
pub(super) fn records(answer: Value) -> Result<Vec<Record>, LinkError> {
    parsed::<Vec<Value>>(answer)?.into_iter().filter_map(|hash| record(hash).transpose()).collect()
}

/// The record of an answer that is one hash, or an empty one.
pub(super) fn record(answer: Value) -> Result<Option<Record>, LinkError> {
    let hash = Hash(parsed(answer)?);
    if hash.0.is_empty() { Ok(None) } else { hash.record().map(Some) }
}

/// A hash as it is read.
struct Hash(HashMap<String, String>);

impl Hash {
    fn record(&self) -> Result<Record, LinkError> {
        Ok(Record {
            id: LedgerId(self.shared("id")?),
            at: Timestamp(self.parsed("at")?),
            updated: Timestamp(self.parsed("updated")?),
            intent: self.intent()?,
            details: self.details()?,
            outcome: self.outcome()?,
            instance: self.shared("instance")?,
            client_left: self.text("client_left")? == flag(true),
            replays: self.parsed("replays")?,
        })
    }

    fn intent(&self) -> Result<Intent, LinkError> {
        Ok(Intent {
            client: self.shared("client")?,
            operation: self.word("operation", Operation::parse)?,
            fingerprint: Fingerprint::written(self.text("fingerprint")?),
            former: None,
            key: self.optional("idempotency_key").and_then(IdempotencyKey::parse),
            repeat: self.text("is_repeat")? == flag(true),
        })
    }

    fn details(&self) -> Result<Details, LinkError> {
        Ok(Details {
            upstream: self.shared("upstream")?,
            model: self.optional("model").map(Arc::from),
            model_named: self.optional("model_named").map(Arc::from),
            seconds: self.number("seconds")?,
            size: self.optional("size").map(str::to_owned),
            price: self.number("price")?,
            request_id: self.text("request_id")?.to_owned(),
            sent: Sent {
                line: self.text("request_line")?.to_owned(),
                headers: Pairs::written(self.text("request_headers")?.to_owned()),
                bytes: self.parsed("request_bytes")?,
            },
        })
    }

    fn outcome(&self) -> Result<Outcome, LinkError> {
        let owned = |name| self.optional(name).map(str::to_owned);
        Ok(Outcome {
            state: self.word("state", State::parse)?,
            attempts: self.parsed("attempts")?,
            status: self.number("status")?,
            job_id: owned("job_id"),
            job_status: self.optional("job_status").and_then(JobStatus::parse),
            upstream_request_id: owned("upstream_request_id"),
            fault: Fault { code: owned("error_code"), message: owned("error_message") },
        })
    }

    /// What is there and not empty.
    fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn text(&self, name: &str) -> Result<&str, LinkError> {
        self.0.get(name).map(String::as_str).ok_or_else(|| unreadable(name))
    }

    fn shared(&self, name: &str) -> Result<Arc<str>, LinkError> {
        self.text(name).map(Arc::from)
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Result<T, LinkError> {
        self.text(name)?.parse().map_err(|_| unreadable(name))
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, LinkError> {
        self.optional(name).map(|text| text.parse().map_err(|_| unreadable(name))).transpose()
    }

    fn word<T>(&self, name: &str, parse: fn(&str) -> Option<T>) -> Result<T, LinkError> {
        parse(self.text(name)?).ok_or_else(|| unreadable(name))
    }
}

fn unreadable(name: &str) -> LinkError {
    LinkError::Failed(format!("Redis: a record's {name} cannot be read"))
}

/// Headers of an answer, as they were written down.
pub(super) fn headers(text: &str) -> Result<HeaderMap, LinkError> {
    HeaderMap::try_from(&Pairs::written(text.to_owned())).map_err(|_| unreadable("headers"))
}
