//! The verdict on a create that goes upstream, and the edits that carry it out.

use std::fmt;
use std::sync::Arc;

use crate::rejection::Param;
use crate::rewrite::{Edit, EditValue};

use super::adjust::Moved;
use super::asked::{Chosen, Wanted};
use super::model::{Model, SendSeconds};
use super::size::Size;

/// A create that may go upstream.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The model that answers. None: one that nobody configured, which is forwarded as it is.
    pub model: Option<Arc<Model>>,
    /// Length that will be made, as far as it is known.
    pub seconds: Option<u32>,
    /// Size that will be made, as far as it is known.
    pub size: Option<Size>,
    /// What changes in the body. The last of them are defaults.
    pub edits: Vec<Edit>,
    /// How many of the edits write a default: the value that was judged for a field which the client left out, where the
    /// upstream might take another.
    pub defaults: usize,
    /// Those of the edits that the client must be told of.
    pub adjustments: Vec<Adjustment>,
}

/// A value the client did not ask for. Displays as `seconds=10->8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The field.
    pub param: Param,
    /// What the client asked for; none if it left the field out.
    pub from: Option<String>,
    /// What goes upstream.
    pub to: String,
}

impl fmt::Display for Adjustment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}->{}", self.param, self.from.as_deref().unwrap_or("none"), self.to)
    }
}

impl Judgement {
    /// All adjustments as one text, such as `seconds=10->8; size=1920x1080->1280x720`, if there are any.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let texts: Vec<String> = self.adjustments.iter().map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// The edits without the defaults.
    pub(crate) fn edits_without_defaults(&self) -> &[Edit] {
        let (edits, _) = self.edits.split_at(self.edits.len() - self.defaults);
        edits
    }

    pub(super) fn of(chosen: Chosen<'_>, wanted: &Wanted<'_>, moved: Moved) -> Self {
        let asked_seconds = wanted.seconds.and_then(|seconds| seconds.plain);
        let asked_size = wanted.size.and_then(|size| size.parse().ok());
        let mut judgement = Self {
            seconds: moved.seconds.or(asked_seconds),
            size: moved.size.or(asked_size),
            model: None,
            edits: Vec::new(),
            defaults: 0,
            adjustments: Vec::new(),
        };
        let Some(model) = &chosen.model else { return judgement };
        judgement.seconds = judgement.seconds.or(model.default_seconds);
        judgement.size = judgement.size.or(model.default_size);
        judgement.edit_model(model, &chosen);
        judgement.edit_seconds(model, wanted, moved.seconds);
        judgement.edit_size(wanted, moved.size);
        judgement.add_defaults(model, wanted, &chosen);
        judgement.model = chosen.model;
        judgement
    }

    fn edit_model(&mut self, model: &Model, chosen: &Chosen<'_>) {
        let public = match chosen.named {
            // What matched a pattern is the upstream's own name for it.
            Some(named) if model.is_pattern() => Some(named),
            // Left out: a default, if it is written at all.
            None if !chosen.ours => None,
            Some(_) | None => Some(&*model.name),
        };
        let sent = model.send_as.as_deref().or(public);
        if let Some(sent) = sent.filter(|&sent| chosen.named != Some(sent)) {
            self.edits.push(Edit { param: Param::Model, value: EditValue::Text(sent.to_owned()) });
        }
        if chosen.ours {
            let from = chosen.named.map(str::to_owned);
            self.adjustments.push(Adjustment { param: Param::Model, from, to: model.name.to_string() });
        }
    }

    fn edit_seconds(&mut self, model: &Model, wanted: &Wanted<'_>, moved: Option<u32>) {
        let asked = wanted.seconds;
        let as_integer = is_integer(model, wanted);
        let written = asked.and_then(|seconds| seconds.plain);
        let respelled = asked.is_some_and(|seconds| wanted.is_json && seconds.is_integer != as_integer);
        let Some(seconds) = moved.or(written.filter(|_| respelled)) else { return };
        self.edits.push(seconds_edit(seconds, as_integer));
        if moved.is_some() {
            let from = asked.map(|seconds| seconds.text.to_owned());
            self.adjustments.push(Adjustment { param: Param::Seconds, from, to: seconds.to_string() });
        }
    }

    fn edit_size(&mut self, wanted: &Wanted<'_>, moved: Option<Size>) {
        let Some(size) = moved else { return };
        let to = size.to_string();
        self.edits.push(Edit { param: Param::Size, value: EditValue::Text(to.clone()) });
        let from = wanted.size.map(str::to_owned);
        self.adjustments.push(Adjustment { param: Param::Size, from, to });
    }

    /// Writes what was judged, and is charged, for fields that the client left out, unless the upstream takes the same.
    fn add_defaults(&mut self, model: &Model, wanted: &Wanted<'_>, chosen: &Chosen<'_>) {
        let before = self.edits.len();
        let is_written = |edits: &[Edit], param| edits.iter().any(|edit| edit.param == param);
        let server = &model.server_defaults;
        // The name of a pattern is no model's.
        let is_known = chosen.named.is_none() && !model.is_pattern();
        if is_known && !is_written(&self.edits, Param::Model) && server.model.as_ref() != Some(&model.name) {
            let value = EditValue::Text(model.name.to_string());
            self.edits.push(Edit { param: Param::Model, value });
        }
        let seconds = model.default_seconds.filter(|seconds| server.seconds != Some(*seconds));
        if let Some(seconds) = seconds.filter(|_| wanted.seconds.is_none())
            && !is_written(&self.edits, Param::Seconds)
        {
            self.edits.push(seconds_edit(seconds, is_integer(model, wanted)));
        }
        let size = model.default_size.filter(|size| server.size != Some(*size));
        if let Some(size) = size.filter(|_| wanted.size.is_none())
            && !is_written(&self.edits, Param::Size)
        {
            self.edits.push(Edit { param: Param::Size, value: EditValue::Text(size.to_string()) });
        }
        self.defaults = self.edits.len() - before;
    }
}

/// Whether `seconds` is written as an integer. A form has no integers.
fn is_integer(model: &Model, wanted: &Wanted<'_>) -> bool {
    let is_integer = match model.send_seconds {
        SendSeconds::Text => false,
        SendSeconds::Integer => true,
        SendSeconds::AsSent => wanted.seconds.is_some_and(|seconds| seconds.is_integer),
    };
    is_integer && wanted.is_json
}

fn seconds_edit(seconds: u32, is_integer: bool) -> Edit {
    let value = if is_integer {
        EditValue::Integer(u64::from(seconds))
    } else {
        EditValue::Text(seconds.to_string())
    };
    Edit { param: Param::Seconds, value }
}
