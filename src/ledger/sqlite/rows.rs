//! Rows as records.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row};

use super::columns::Column;
use super::prepared::{Prepared, Sql};
use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::pairs::Pairs;
use crate::ledger::record::{Fault, JobStatus, LedgerId, Outcome, Record, State};
use crate::ledger::settlement::Answer;
use crate::ledger::time::Timestamp;

/// The answer that was kept with a record.
pub(super) fn answer(prepared: &mut Prepared<'_>, id: &LedgerId) -> rusqlite::Result<Option<Answer>> {
    let row = prepared.statement(Sql::Answer)?.query_row([&id.0], read_answer);
    row.optional()
}

/// Reads status, headers and body.
pub(super) fn read_answer(row: &Row<'_>) -> rusqlite::Result<Answer> {
    let status = StatusCode::from_u16(row.get(0)?).map_err(|error| unreadable("status", error))?;
    let headers = Pairs::written(row.get(1)?);
    let headers = HeaderMap::try_from(&headers).map_err(|error| unreadable("headers", error))?;
    let body: Vec<u8> = row.get(2)?;
    Ok(Answer { status, headers, body: body.into() })
}

/// Reads a row of all columns.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        id: LedgerId(Column::Id.get(row)?),
        at: Timestamp(Column::At.get(row)?),
        updated: Timestamp(Column::Updated.get(row)?),
        intent: read_intent(row)?,
        details: read_details(row)?,
        outcome: read_outcome(row)?,
        instance: Column::Instance.get(row)?,
        client_left: Column::ClientLeft.get(row)?,
        replays: Column::Replays.get(row)?,
    })
}

fn read_intent(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let fingerprint: Arc<str> = Column::Fingerprint.get(row)?;
    let key: Option<Arc<str>> = Column::IdempotencyKey.get(row)?;
    Ok(Intent {
        client: Column::Client.get(row)?,
        operation: word(row, Column::Operation, Operation::parse)?,
        fingerprint: Fingerprint::written(&fingerprint),
        former: None,
        key: key.as_deref().and_then(IdempotencyKey::parse),
        repeat: Column::IsRepeat.get(row)?,
    })
}

fn read_details(row: &Row<'_>) -> rusqlite::Result<Details> {
    let bytes: i64 = Column::RequestBytes.get(row)?;
    Ok(Details {
        upstream: Column::Upstream.get(row)?,
        model: Column::Model.get(row)?,
        model_named: Column::ModelNamed.get_if_there(row)?,
        seconds: Column::Seconds.get(row)?,
        size: Column::Size.get(row)?,
        price: Column::Price.get(row)?,
        request_id: Column::RequestId.get(row)?,
        sent: Sent {
            line: Column::RequestLine.get(row)?,
            headers: Pairs::written(Column::RequestHeaders.get(row)?),
            bytes: bytes.unsigned_abs(),
        },
    })
}

fn read_outcome(row: &Row<'_>) -> rusqlite::Result<Outcome> {
    let job_status: Option<Arc<str>> = Column::JobStatus.get(row)?;
    Ok(Outcome {
        state: word(row, Column::State, State::parse)?,
        attempts: Column::Attempts.get(row)?,
        status: Column::Status.get(row)?,
        job_id: Column::JobId.get(row)?,
        job_status: job_status.as_deref().and_then(JobStatus::parse),
        upstream_request_id: Column::UpstreamRequestId.get(row)?,
        fault: Fault { code: Column::ErrorCode.get(row)?, message: Column::ErrorMessage.get(row)? },
    })
}

fn word<T>(row: &Row<'_>, column: Column, parse: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: Arc<str> = column.get(row)?;
    parse(&text).ok_or_else(|| unreadable(column.name(), format!("{text:?} is no word of this version")))
}

fn unreadable(column: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    let why = format!("{column}: {}", why.into());
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why.into())
}
