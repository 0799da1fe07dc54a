//! What version 0.1 sent of a judged body: the client's bytes with edits spliced in. Its ledger knows calls by a
//! fingerprint of those, and after an upgrade their repeats must be recognised. To be removed once no ledger has such a
//! row that still counts: `ledger.keep_answers` after the last process of 0.1 ended.
//!
//! One kind of call is not recognised: a form with a picture of more than 1 MiB that is written as a text. 0.1 held it in
//! memory and hashed its bytes, which are elsewhere now.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::{Edit, EditValue};
use crate::params::{Layout, Params};
use crate::rejection::Param;
use crate::request_body::{Piece, RequestBody};

/// Applies `edits` to the body that `params` was parsed from, as 0.1 did.
pub(crate) fn spliced(body: &RequestBody, params: &Params<'_>, edits: &[Edit]) -> Vec<Piece> {
    let edited = replaced(params, edits);
    let mut pieces = Vec::with_capacity(edited.len() * 2 + 1);
    let mut kept = 0;
    for (range, new) in edited {
        body.add(kept..range.start, &mut pieces);
        pieces.push(new.into());
        kept = range.end;
    }
    body.add(kept..body.bytes.len(), &mut pieces);
    pieces
}

/// What stands in place of which ranges, in order.
fn replaced(params: &Params<'_>, edits: &[Edit]) -> Vec<(Range<usize>, Bytes)> {
    let edits: BTreeMap<Param, &EditValue> = edits.iter().map(|edit| (edit.param, &edit.value)).collect();
    let mut pieces: Vec<(Range<usize>, Bytes)> = Vec::new();
    let mut absent = Vec::new();
    for (param, value) in edits {
        match params.get(param) {
            Some(field) => {
                let piece = replacement(params.layout(), param, value);
                pieces.push((field.range.clone(), piece.into()));
            }
            None => absent.push((param, value)),
        }
    }
    pieces.extend(insertion(params.layout(), &absent));
    pieces.sort_by_key(|(range, _)| range.start);
    pieces
}

/// What stands in place of a field's old value, or of its part.
fn replacement(layout: Layout<'_>, param: Param, value: &EditValue) -> String {
    match (layout, value) {
        (Layout::Form { .. }, EditValue::Text(text)) => part(param, text),
        (Layout::Form { .. }, EditValue::Integer(number)) => part(param, &number.to_string()),
        (Layout::Json { .. }, EditValue::Text(text)) => serde_json::Value::from(text.as_str()).to_string(),
        (Layout::Json { .. }, EditValue::Integer(number)) => number.to_string(),
    }
}

fn part(param: Param, content: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{param}\"\r\n\r\n{content}")
}

/// All new fields as one piece, and where it goes.
fn insertion(layout: Layout<'_>, fields: &[(Param, &EditValue)]) -> Option<(Range<usize>, Bytes)> {
    if fields.is_empty() {
        return None;
    }
    match layout {
        Layout::Json { insert_at, empty } => {
            let mut members = String::new();
            for (param, value) in fields {
                let comma = if members.is_empty() { "" } else { "," };
                members.push_str(&format!("{comma}\"{param}\":{}", replacement(layout, *param, value)));
            }
            if !empty {
                members.push(',');
            }
            Some((insert_at..insert_at, members.into()))
        }
        Layout::Form { delimiter } => {
            let mut parts = Vec::new();
            for (param, value) in fields {
                parts.extend_from_slice(delimiter);
                parts.extend_from_slice(b"\r\n");
                parts.extend_from_slice(replacement(layout, *param, value).as_bytes());
                parts.extend_from_slice(b"\r\n");
            }
            Some((0..0, parts.into()))
        }
    }
}
