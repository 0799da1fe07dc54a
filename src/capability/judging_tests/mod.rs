//! Judging whole creates: the order of checks, and what is moved, switched and told.

use super::allowed::Asker;
use super::create::FIELDS;
use super::judgement::Judgement;
use super::model::OnUnsupported;
use super::testing::seed_table_with;
use super::{Mode, Table};
use crate::params::{self, Encoding};
use crate::rejection::Rejection;

mod asker;
mod model;
mod operations;
mod ranges;
mod references;
mod seconds_and_size;
mod whole;

fn judge(table: &Table, body: &str, mode: Option<Mode>) -> Result<Judgement, Rejection> {
    let params = params::parse(&Encoding::Json, body.as_bytes(), FIELDS, &params::Limits::default())?;
    table.judge_create(&params, &Asker { mode, ..Asker::default() })
}

/// A create of these fields, JSON members without the braces, beside a prompt.
fn create(table: &Table, members: &str) -> Result<Judgement, Rejection> {
    let comma = if members.is_empty() { "" } else { "," };
    judge(table, &format!("{{\"prompt\":\"a cat\"{comma}{members}}}"), None)
}

fn adjusting() -> Table {
    seed_table_with(|model| model.rewrite.on_unsupported = OnUnsupported::Adjust)
}

fn told(judgement: &Judgement) -> Vec<String> {
    judgement.adjustments.iter().map(ToString::to_string).collect()
}
