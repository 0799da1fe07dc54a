//! What one model allows, costs and is called upstream.

use std::sync::Arc;

use super::ranges::Range;
use super::seconds::{Rounding, SecondsRule, Tie};
use super::size::Size;
use crate::rejection::Param;

/// One row of the capability table.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name in the configuration: an exact name, or a pattern with `*` and `?`.
    pub name: Arc<str>,
    /// Other exact names for it.
    pub aliases: Vec<Arc<str>>,
    /// The upstream that makes its videos: a key of the configuration's `upstreams`.
    pub upstream: Arc<str>,
    /// The name the upstream knows it by, where that is another one.
    pub send_as: Option<Arc<str>>,
    /// Lengths it makes.
    pub seconds: SecondsRule,
    /// Sizes it makes, in message order. Empty: any well-formed size passes.
    pub sizes: Vec<Size>,
    /// Length that counts when a request names none.
    pub default_seconds: Option<u32>,
    /// Size that counts when a request names none.
    pub default_size: Option<Size>,
    /// What the upstream does with a request that names none.
    pub server_defaults: ServerDefaults,
    /// Whether its videos have sound. Information only: no request field asks for it.
    pub audio: bool,
    /// Price of one second of video.
    pub price: Price,
    /// Longest prompt, in characters.
    pub prompt_max: usize,
    /// The ranges of the [ranged parameters](super::ranges::RANGED) that it takes.
    pub ranges: Vec<(Param, Range)>,
    /// How `seconds` is written in JSON bodies sent upstream.
    pub send_seconds: SendSeconds,
    /// What happens to a request this model does not support.
    pub rewrite: Rewrite,
}

/// The values that an upstream takes for fields which a request leaves out. `None`: not known, or not the same for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerDefaults {
    /// By the name that the upstream knows.
    pub model: Option<Arc<str>>,
    /// Length in seconds.
    pub seconds: Option<u32>,
    /// Width and height in pixels.
    pub size: Option<Size>,
}

/// Price of one second of video, in the operator's currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Price {
    /// Not configured.
    #[default]
    Unknown,
    /// The same for every size.
    Flat(f64),
    /// By size; sizes that are not listed are unknown.
    BySize(Vec<(Size, f64)>),
}

impl Price {
    /// Price of one second at this size.
    #[must_use]
    pub fn at(&self, size: Option<Size>) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::Flat(price) => Some(*price),
            Self::BySize(prices) => {
                prices.iter().find(|(priced, _)| Some(*priced) == size).map(|(_, price)| *price)
            }
        }
    }
}

/// How `seconds` is written in JSON bodies sent upstream. In a form there is only one spelling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendSeconds {
    /// As a string, which OpenAI's own API insists on.
    #[default]
    Text,
    /// As an integer, which some other servers insist on.
    Integer,
    /// As the client wrote it.
    AsSent,
}

/// What to do with a request the model does not support, and how.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// The choice itself.
    pub on_unsupported: OnUnsupported,
    /// Which way `seconds` is moved.
    pub rounding: Rounding,
    /// Which of two equally near lengths is taken.
    pub tie: Tie,
    /// Whether `size` may be moved to one that costs more than what was asked for.
    pub size_upward: bool,
    /// Models to try in turn, for [`OnUnsupported::Switch`].
    pub switch_to: Vec<Arc<str>>,
}

/// What happens to a request that the model does not support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnsupported {
    /// It is refused with the upstream's own words.
    #[default]
    Reject,
    /// `seconds` and `size` are moved to the nearest supported values.
    Adjust,
    /// The first model of a list that supports the exact request takes it.
    Switch,
}

impl OnUnsupported {
    /// As it is written in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Adjust => "adjust",
            Self::Switch => "switch",
        }
    }
}

impl Model {
    /// Whether the model makes this size.
    #[must_use]
    pub fn supports_size(&self, size: Size) -> bool {
        self.sizes.is_empty() || self.sizes.contains(&size)
    }

    /// The supported size that `wanted` is moved to, if any may be.
    #[must_use]
    pub fn nearest_size(&self, wanted: Size) -> Option<Size> {
        let tier = self.tier(wanted)?;
        let upward = self.rewrite.size_upward;
        wanted.nearest(self.sizes.iter().copied().filter(|&size| upward || !self.is_dearer(size, tier)))
    }

    /// The supported size that an unsupported one would be paid like: the largest that is not larger, or,
    /// where every size is larger, the smallest.
    fn tier(&self, wanted: Size) -> Option<Size> {
        let not_larger = self.sizes.iter().filter(|size| size.area() <= wanted.area());
        let tier = not_larger.max_by_key(|size| size.area());
        tier.or_else(|| self.sizes.iter().min_by_key(|size| size.area())).copied()
    }

    /// By price, or, where a price is not known, by area: more pixels are never cheaper.
    fn is_dearer(&self, size: Size, than: Size) -> bool {
        match (self.price.at(Some(size)), self.price.at(Some(than))) {
            (Some(price), Some(other)) => price > other,
            _ => size.area() > than.area(),
        }
    }

    /// The range of a parameter, if the model takes it.
    #[must_use]
    pub fn range(&self, param: Param) -> Option<Range> {
        self.ranges.iter().find(|(ranged, _)| *ranged == param).map(|(_, range)| *range)
    }

    /// Whether the configured name is a pattern rather than a name.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.name.contains(['*', '?'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::testing::model;

    fn size(text: &str) -> Size {
        text.parse().expect(text)
    }

    fn priced_by_size() -> Model {
        Model {
            sizes: vec![size("1280x720"), size("1792x1024")],
            price: Price::BySize(vec![(size("1280x720"), 0.3), (size("1792x1024"), 0.5)]),
            ..model("pro", &[10])
        }
    }

    #[test]
    fn a_size_is_never_moved_upward_in_price() {
        // 1792x1024 has the nearer shape, but is dearer than anything the client can have meant.
        assert_eq!(priced_by_size().nearest_size(size("1500x860")), Some(size("1280x720")));
        assert_eq!(priced_by_size().nearest_size(size("640x366")), Some(size("1280x720")));
    }

    #[test]
    fn a_size_is_moved_upward_in_price_where_that_is_allowed() {
        let mut model = priced_by_size();
        model.rewrite.size_upward = true;
        assert_eq!(model.nearest_size(size("1500x860")), Some(size("1792x1024")));
    }

    #[test]
    fn a_larger_size_may_become_any_supported_one() {
        assert_eq!(priced_by_size().nearest_size(size("3500x2000")), Some(size("1792x1024")));
    }

    #[test]
    fn without_prices_more_pixels_count_as_dearer() {
        let model = Model { price: Price::Unknown, ..priced_by_size() };
        assert_eq!(model.nearest_size(size("1500x860")), Some(size("1280x720")));
    }

    #[test]
    fn at_one_price_for_all_sizes_the_nearest_shape_wins() {
        let model = Model { price: Price::Flat(0.3), ..priced_by_size() };
        assert_eq!(model.nearest_size(size("1500x860")), Some(size("1792x1024")));
    }
}
