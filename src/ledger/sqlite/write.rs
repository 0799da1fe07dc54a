//! What is written of a call: before it leaves, when its outcome is known, and when something comes to light.

use super::prepared::{Prepared, Sql};
use super::{columns, tries, usage};
use crate::ledger::pairs::Pairs;
use crate::ledger::record::{Fault, JobStatus, LedgerId, Record, State};
use crate::ledger::settlement::Answer;
use crate::ledger::store::{Note, Noted, Settled};
use crate::ledger::time::Timestamp;

/// Writes a new record down.
pub(super) fn insert(prepared: &mut Prepared<'_>, record: &Record) -> rusqlite::Result<()> {
    let statement = prepared.statement(Sql::Insert)?;
    columns::bind(statement, record)?;
    statement.raw_execute()?;
    if record.intent.key.is_none() {
        tries::insert(prepared, record)?;
    }
    prepared.uses.add(record);
    Ok(())
}

/// Writes down what became of a call, unless that is known already.
pub(super) fn settle(prepared: &mut Prepared<'_>, id: &LedgerId, settled: &Settled) -> rusqlite::Result<()> {
    let Settled { at, outcome, answer, client_left } = settled;
    let answer = answer.as_deref().map(|answer| keep(prepared, id, *at, answer)).transpose()?;
    let params = (
        &id.0,
        at.0,
        outcome.state.name(),
        outcome.attempts,
        outcome.status,
        outcome.job_id.as_deref(),
        outcome.job_status.map(JobStatus::name),
        outcome.upstream_request_id.as_deref(),
        outcome.fault.code.as_deref(),
        outcome.fault.message.as_deref(),
        client_left,
        answer,
    );
    if prepared.execute(Sql::Settle, params)? == 0 {
        if let Some(number) = answer {
            prepared.execute(Sql::DeleteAnswer, [number])?;
        }
        return Ok(());
    }
    if outcome.state == State::Refused || outcome.job_status == Some(JobStatus::Failed) {
        usage::take_back(prepared, Sql::Cost, &id.0)?;
    }
    Ok(())
}

/// Keeps the answer to a call; yields its number.
fn keep(prepared: &mut Prepared<'_>, id: &LedgerId, at: Timestamp, answer: &Answer) -> rusqlite::Result<i64> {
    let headers = Pairs::of(&answer.headers);
    prepared.statement(Sql::InsertAnswer)?.insert((&id.0, at.0, headers.as_json(), &*answer.body))
}

/// Writes down what came to light later.
pub(super) fn note(prepared: &mut Prepared<'_>, note: &Note) -> rusqlite::Result<()> {
    match &note.what {
        Noted::Job { id, status, fault } => {
            if *status == JobStatus::Failed {
                usage::take_back(prepared, Sql::CostOfJob, id)?;
            }
            let Fault { code, message } = fault;
            prepared.execute(Sql::NoteJob, (id, status.name(), note.at.0, code, message))?;
        }
        Noted::ClientLeft(id) => {
            prepared.execute(Sql::NoteLeft, [&id.0])?;
        }
        Noted::Replayed(id) => {
            prepared.execute(Sql::NoteReplayed, [&id.0])?;
        }
    }
    Ok(())
}
