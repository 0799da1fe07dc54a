//! The size of a picture, and which supported size is nearest to another.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

/// Width and height in pixels. Exists only in its plain spelling, such as `1280x720`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: NonZeroU16,
    height: NonZeroU16,
}

/// The text is not `WIDTHxHEIGHT` in plain decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotASize;

impl FromStr for Size {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let (width, height) = text.split_once('x').ok_or(NotASize)?;
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

/// `str::parse` alone would also take `+720` and `0720`, which upstreams read differently.
fn side(text: &str) -> Result<NonZeroU16, NotASize> {
    if text.starts_with(['+', '0']) {
        return Err(NotASize);
    }
    text.parse().map_err(|_| NotASize)
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Size {
    /// Pixels of one picture.
    #[must_use]
    pub fn area(self) -> u32 {
        u32::from(self.width.get()) * u32::from(self.height.get())
    }

    /// Landscape, square or portrait, as the comparison of width and height.
    #[must_use]
    pub fn orientation(self) -> Ordering {
        self.width.cmp(&self.height)
    }

    /// How far `other` is from this size: first in shape, then in area.
    fn distance(self, other: Self) -> (f64, u32) {
        // A ratio, not a difference: 2:1 is as far from 1:1 as 1:2 is.
        let across = |one: Self, other: Self| f64::from(one.width.get()) * f64::from(other.height.get());
        let (wider, taller) = (across(self, other), across(other, self));
        (wider.max(taller) / wider.min(taller), self.area().abs_diff(other.area()))
    }

    /// The candidate nearest to this size among those of the same orientation.
    #[must_use]
    pub fn nearest(self, candidates: impl Iterator<Item = Self>) -> Option<Self> {
        candidates
            .filter(|candidate| candidate.orientation() == self.orientation())
            .map(|candidate| (self.distance(candidate), candidate))
            .min_by(|((shape_a, area_a), _), ((shape_b, area_b), _)| {
                shape_a.total_cmp(shape_b).then(area_a.cmp(area_b))
            })
            .map(|(_, candidate)| candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Size {
        text.parse().expect(text)
    }

    #[test]
    fn only_the_plain_spelling_is_a_size() {
        assert_eq!(size("1280x720").to_string(), "1280x720");
        for text in [
            "",
            "x",
            "1280",
            "1280x",
            "x720",
            "0x0",
            "01280x720",
            "+1280x720",
            "1280X720",
            " 1280x720",
            "1280x720 ",
            "1280x720x1",
            "1280×720",
            "70000x1",
            "-1x1",
            "1280.0x720",
        ] {
            assert_eq!(text.parse::<Size>(), Err(NotASize), "{text:?}");
        }
    }

    #[test]
    fn the_nearest_size_keeps_orientation_then_shape_then_area() {
        let all = ["720x1280", "1280x720", "1024x1792", "1792x1024"].map(size);
        let nearest = |text: &str| size(text).nearest(all.into_iter()).map(|found| found.to_string());

        assert_eq!(nearest("1920x1080").as_deref(), Some("1280x720"), "16:9 exactly");
        assert_eq!(nearest("1080x1920").as_deref(), Some("720x1280"));
        assert_eq!(nearest("1750x1000").as_deref(), Some("1792x1024"), "7:4 exactly");
        assert_eq!(nearest("1000x1000"), None, "no square is offered");
    }

    #[test]
    fn of_equal_shapes_the_nearer_area_wins() {
        let all = ["640x360", "1920x1080", "1280x720"].map(size);
        assert_eq!(size("1366x768").nearest(all.into_iter()), Some(size("1280x720")));
        assert_eq!(size("1700x956").nearest(all.into_iter()), Some(size("1920x1080")));
    }
}
