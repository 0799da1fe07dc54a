//! What a create asks for, after the checks that hold for every model.

use std::sync::Arc;

use super::fields::WantedSeconds;
use super::model::Model;

/// The values that depend on the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'p> {
    pub(super) prompt: &'p str,
    pub(super) seconds: Option<WantedSeconds<'p>>,
    pub(super) size: Option<&'p str>,
    pub(super) is_json: bool,
}

/// The model a create is judged by.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'p> {
    /// None: nobody configured it, and it is forwarded all the same.
    pub(super) model: Option<Arc<Model>>,
    /// The name the client gave.
    pub(super) named: Option<&'p str>,
    /// Whether the choice is ours rather than the client's.
    pub(super) ours: bool,
}
