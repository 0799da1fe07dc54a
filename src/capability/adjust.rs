//! Moving unsupported values to the nearest supported ones.

use super::asked::Wanted;
use super::model::Model;
use super::size::Size;

/// What was moved; `None` where the client's own choice stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    /// The new length.
    pub(super) seconds: Option<u32>,
    /// The new size.
    pub(super) size: Option<Size>,
}

/// Moves every value that the model does not support, and fills in those that were left out.
///
/// `None` if a value cannot be moved: it is no plain number or size, or nothing lies the configured way.
pub(super) fn moved(model: &Model, wanted: &Wanted<'_>) -> Option<Moved> {
    Some(Moved { seconds: seconds(model, wanted)?, size: size(model, wanted)? })
}

/// The inner `Option` says whether the value moves, the outer one whether it could.
#[expect(clippy::option_option, reason = "two questions, answered by `?` and by the field it ends in")]
fn seconds(model: &Model, wanted: &Wanted<'_>) -> Option<Option<u32>> {
    let Some(asked) = wanted.seconds else { return Some(model.default_seconds) };
    let plain = asked.plain?;
    if model.seconds.supports(plain) {
        return Some(None);
    }
    model.seconds.round(plain, model.rewrite.rounding, model.rewrite.tie).map(Some)
}

#[expect(clippy::option_option, reason = "as above")]
fn size(model: &Model, wanted: &Wanted<'_>) -> Option<Option<Size>> {
    let Some(asked) = wanted.size else { return Some(model.default_size) };
    let asked = asked.parse().ok()?;
    if model.supports_size(asked) {
        return Some(None);
    }
    model.nearest_size(asked).map(Some)
}
