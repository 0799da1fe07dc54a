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
    /// What changes in the body.
    pub edits: Vec<Edit>,
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

    pub(super) fn of(chosen: Chosen<'_>, wanted: &Wanted<'_>, moved: Moved) -> Self {
        let asked_seconds = wanted.seconds.and_then(|seconds| seconds.plain);
        let asked_size = wanted.size.and_then(|size| size.parse().ok());
        let mut judgement = Self {
            seconds: moved.seconds.or(asked_seconds),
            size: moved.size.or(asked_size),
            model: None,
            edits: Vec::new(),
            adjustments: Vec::new(),
        };
        let Some(model) = &chosen.model else { return judgement };
        judgement.seconds = judgement.seconds.or(model.default_seconds);
        judgement.size = judgement.size.or(model.default_size);
        judgement.edit_model(model, &chosen);
        judgement.edit_seconds(model, wanted, moved.seconds);
        judgement.edit_size(wanted, moved.size);
        judgement.model = chosen.model;
        judgement
    }

    fn edit_model(&mut self, model: &Model, chosen: &Chosen<'_>) {
        let public = match chosen.named {
            // What matched a pattern is the upstream's own name for it.
            Some(named) if model.is_pattern() => Some(named),
            // Left out and left alone: the upstream's default is what was judged.
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
        let as_integer = match model.send_seconds {
            SendSeconds::Text => false,
            SendSeconds::Integer => true,
            SendSeconds::AsSent => asked.is_some_and(|seconds| seconds.is_integer),
        } && wanted.is_json;
        let written = asked.and_then(|seconds| seconds.plain);
        let respelled = asked.is_some_and(|seconds| wanted.is_json && seconds.is_integer != as_integer);
        let Some(seconds) = moved.or(written.filter(|_| respelled)) else { return };
        let value = if as_integer {
            EditValue::Integer(u64::from(seconds))
        } else {
            EditValue::Text(seconds.to_string())
        };
        self.edits.push(Edit { param: Param::Seconds, value });
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
}
