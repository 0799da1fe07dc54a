//! Calls for programs: the same names in JSON, in CSV and in the file's view `ledger`.

use serde_json::{Map, Value, json};

use crate::ledger::intent::IdempotencyKey;
use crate::ledger::record::{JobStatus, Record};

/// Every field of a record, in order.
pub(super) fn fields(record: &Record) -> Vec<(&'static str, Value)> {
    let Record { intent, details, outcome, .. } = record;
    vec![
        ("id", json!(record.id.as_str())),
        ("at", json!(record.at.to_string())),
        ("updated", json!(record.updated.to_string())),
        ("client", json!(&*intent.client)),
        ("operation", json!(intent.operation.name())),
        ("state", json!(outcome.state.name())),
        ("status", json!(outcome.status)),
        ("upstream", json!(&*details.upstream)),
        ("model", json!(details.model.as_deref())),
        ("seconds", json!(details.seconds)),
        ("size", json!(details.size)),
        ("price", json!(details.price)),
        ("job_id", json!(outcome.job_id)),
        ("job_status", json!(outcome.job_status.map(JobStatus::name))),
        ("error_code", json!(outcome.fault.code)),
        ("error_message", json!(outcome.fault.message)),
        ("attempts", json!(outcome.attempts)),
        ("replays", json!(record.replays)),
        ("client_left", json!(record.client_left)),
        ("request_id", json!(details.request_id)),
        ("upstream_request_id", json!(outcome.upstream_request_id)),
        ("idempotency_key", json!(intent.key.as_ref().map(IdempotencyKey::as_str))),
        ("fingerprint", json!(intent.fingerprint.as_str())),
        ("instance", json!(&*record.instance)),
    ]
}

pub(super) fn object(record: &Record) -> Map<String, Value> {
    fields(record).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One object a line.
pub(super) fn json_lines(records: &[Record]) -> String {
    records.iter().map(|record| format!("{}\n", Value::Object(object(record)))).collect()
}

/// A head line, and one line a record.
pub(super) fn csv(records: &[Record]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEAD)?;
    for record in records {
        writer.write_record(fields(record).iter().map(|(_, value)| cell(value)))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// The names of [`fields`], which there are also without a record.
const HEAD: [&str; 24] = [
    "id",
    "at",
    "updated",
    "client",
    "operation",
    "state",
    "status",
    "upstream",
    "model",
    "seconds",
    "size",
    "price",
    "job_id",
    "job_status",
    "error_code",
    "error_message",
    "attempts",
    "replays",
    "client_left",
    "request_id",
    "upstream_request_id",
    "idempotency_key",
    "fingerprint",
    "instance",
];

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// A spreadsheet takes a text for a formula that starts like one, and texts here come from strangers.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
