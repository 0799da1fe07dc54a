//! Records as rows.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::record::{Fault, JobStatus, LedgerId, Outcome, Record, State};
use crate::ledger::settlement::Answer;
use crate::ledger::store::Settled;
use crate::ledger::time::Timestamp;

pub(super) fn insert(connection: &Connection, record: &Record) -> rusqlite::Result<()> {
    let Record { intent, details, outcome, .. } = record;
    let mut statement = connection.prepare_cached(INSERT)?;
    statement.execute(named_params! {
        ":id": record.id.as_str(),
        ":at": record.at.0,
        ":updated": record.updated.0,
        ":client": &*intent.client,
        ":operation": intent.operation.name(),
        ":fingerprint": intent.fingerprint.as_str(),
        ":idempotency_key": intent.key.as_ref().map(IdempotencyKey::as_str),
        ":is_repeat": intent.repeat,
        ":upstream": &*details.upstream,
        ":model": details.model.as_deref(),
        ":seconds": details.seconds,
        ":size": details.size.as_deref(),
        ":price": details.price,
        ":request_id": details.request_id,
        ":request_line": details.sent.line,
        ":request_headers": json(&details.sent.headers),
        ":request_bytes": i64::try_from(details.sent.bytes).unwrap_or(i64::MAX),
        ":state": outcome.state.name(),
        ":attempts": outcome.attempts,
        ":instance": &*record.instance,
        ":client_left": record.client_left,
        ":replays": record.replays,
    })?;
    Ok(())
}

const INSERT: &str = "
    INSERT INTO calls (
        id, at, updated, client, operation, fingerprint, idempotency_key, is_repeat, upstream, model, seconds,
        size, price, request_id, request_line, request_headers, request_bytes, state, attempts, instance,
        client_left, replays
    ) VALUES (
        :id, :at, :updated, :client, :operation, :fingerprint, :idempotency_key, :is_repeat, :upstream, :model,
        :seconds, :size, :price, :request_id, :request_line, :request_headers, :request_bytes, :state, :attempts,
        :instance, :client_left, :replays
    )";

/// Only what is open can be settled: of two outcomes the first counts.
pub(super) fn settle(connection: &Connection, id: &LedgerId, settled: &Settled) -> rusqlite::Result<()> {
    let Settled { at, outcome, answer, client_left } = settled;
    let mut statement = connection.prepare_cached(SETTLE)?;
    let changed = statement.execute(named_params! {
        ":id": id.as_str(),
        ":updated": at.0,
        ":state": outcome.state.name(),
        ":attempts": outcome.attempts,
        ":status": outcome.status,
        ":job_id": outcome.job_id.as_deref(),
        ":job_status": outcome.job_status.map(JobStatus::name),
        ":upstream_request_id": outcome.upstream_request_id.as_deref(),
        ":error_code": outcome.fault.code.as_deref(),
        ":error_message": outcome.fault.message.as_deref(),
        ":client_left": client_left,
    })?;
    if let (1, Some(answer)) = (changed, answer) {
        let mut statement = connection.prepare_cached(
            "INSERT INTO answers (id, at, headers, body) VALUES (:id, :at, :headers, :body)",
        )?;
        statement.execute(named_params! {
            ":id": id.as_str(),
            ":at": at.0,
            ":headers": json(&listed(&answer.headers)),
            ":body": &*answer.body,
        })?;
    }
    Ok(())
}

const SETTLE: &str = "
    UPDATE calls SET
        updated = :updated, state = :state, attempts = :attempts, status = :status, job_id = :job_id,
        job_status = :job_status, upstream_request_id = :upstream_request_id, error_code = :error_code,
        error_message = :error_message, client_left = client_left OR :client_left
    WHERE id = :id AND state = 'open'";

pub(super) fn answer(connection: &Connection, id: &LedgerId) -> rusqlite::Result<Option<Answer>> {
    let mut statement = connection.prepare_cached(
        "SELECT calls.status, answers.headers, answers.body FROM answers JOIN calls USING (id) WHERE id = ?1",
    )?;
    let row = statement.query_row([id.as_str()], |row| {
        let headers: Vec<(String, String)> = parsed(row, "headers")?;
        let status = StatusCode::from_u16(row.get("status")?).map_err(|error| unreadable("status", error))?;
        let body: Vec<u8> = row.get("body")?;
        Ok(Answer { status, headers: map_of(headers), body: body.into() })
    });
    row.optional()
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    let id: String = row.get("id")?;
    Ok(Record {
        id: LedgerId(id.into()),
        at: Timestamp(row.get("at")?),
        updated: Timestamp(row.get("updated")?),
        intent: read_intent(row)?,
        details: read_details(row)?,
        outcome: read_outcome(row)?,
        instance: shared(row, "instance")?,
        client_left: row.get("client_left")?,
        replays: row.get("replays")?,
    })
}

fn read_intent(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let fingerprint: String = row.get("fingerprint")?;
    let key: Option<String> = row.get("idempotency_key")?;
    Ok(Intent {
        client: shared(row, "client")?,
        operation: word(row, "operation", Operation::parse)?,
        fingerprint: Fingerprint::written(&fingerprint),
        key: key.as_deref().and_then(IdempotencyKey::parse),
        repeat: row.get("is_repeat")?,
    })
}

fn read_details(row: &Row<'_>) -> rusqlite::Result<Details> {
    let model: Option<String> = row.get("model")?;
    let bytes: i64 = row.get("request_bytes")?;
    Ok(Details {
        upstream: shared(row, "upstream")?,
        model: model.map(Arc::from),
        seconds: row.get("seconds")?,
        size: row.get("size")?,
        price: row.get("price")?,
        request_id: row.get("request_id")?,
        sent: Sent {
            line: row.get("request_line")?,
            headers: parsed(row, "request_headers")?,
            bytes: bytes.unsigned_abs(),
        },
    })
}

fn read_outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let job_status: Option<String> = row.get("job_status")?;
    Ok(Outcome {
        state: word(row, "state", State::parse)?,
        attempts: row.get("attempts")?,
        status: row.get("status")?,
        job_id: row.get("job_id")?,
        job_status: job_status.as_deref().and_then(JobStatus::parse),
        upstream_request_id: row.get("upstream_request_id")?,
        fault: Fault { code: row.get("error_code")?, message: row.get("error_message")? },
    })
}

fn shared(row: &Row<'_>, column: &str) -> rusqlite::Result<Arc<str>> {
    row.get::<_, String>(column).map(Arc::from)
}

fn word<T>(row: &Row<'_>, column: &str, parse: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| unreadable(column, format!("{text:?} is no word of this version")))
}

/// Pairs of names and values, as JSON.
fn json(pairs: &[(String, String)]) -> String {
    serde_json::to_string(pairs).unwrap_or_else(|_| "[]".to_owned())
}

fn parsed(row: &Row<'_>, column: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

fn unreadable(column: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    let why = format!("{column}: {}", why.into());
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect()
}

fn map_of(pairs: Vec<(String, String)>) -> HeaderMap {
    let header = |(name, value): (String, String)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
    };
    pairs.into_iter().filter_map(header).collect()
}
