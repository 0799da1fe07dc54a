//! Which lengths a model can make, and which of them is nearest to another.

use std::fmt;

/// Which way an unsupported length is moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// To the supported length with the smallest distance.
    #[default]
    Nearest,
    /// To the next longer one.
    Up,
    /// To the next shorter one.
    Down,
}

/// Which of two equally near lengths is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tie {
    /// The shorter, which never costs more than was asked for.
    #[default]
    Lower,
    /// The longer.
    Upper,
}

/// The lengths, in whole seconds, that a model makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondsRule {
    /// Nothing is known: every plain positive integer passes.
    Any,
    /// Just these, in message order.
    List(Vec<u32>),
    /// `min`, `min + step`, … up to `max`.
    Range {
        /// The shortest.
        min: u32,
        /// The longest that may be asked for.
        max: u32,
        /// The distance of neighbours; at least 1.
        step: u32,
    },
}

/// Reads a length in its plain spelling: no sign, no leading zero, no fraction.
#[must_use]
pub fn parse_plain(text: &str) -> Option<u32> {
    if text.starts_with(['+', '0']) {
        return None;
    }
    text.parse().ok()
}

impl SecondsRule {
    /// Whether the model makes exactly this length.
    #[must_use]
    pub fn supports(&self, wanted: u32) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => list.contains(&wanted),
            Self::Range { min, max, step } => {
                (*min..=*max).contains(&wanted) && (wanted - min).is_multiple_of(*step)
            }
        }
    }

    /// The longest supported length, where there is one.
    #[must_use]
    pub fn longest(&self) -> Option<u32> {
        match self {
            Self::Any => None,
            Self::List(list) => list.iter().max().copied(),
            Self::Range { min, max, step } => Some(max - (max - min) % step),
        }
    }

    /// The shortest supported length, where there is one.
    #[must_use]
    pub fn shortest(&self) -> Option<u32> {
        match self {
            Self::Any => None,
            Self::List(list) => list.iter().min().copied(),
            Self::Range { min, .. } => Some(*min),
        }
    }

    /// The supported length that `wanted` is moved to, if any lies that way.
    #[must_use]
    pub fn round(&self, wanted: u32, rounding: Rounding, tie: Tie) -> Option<u32> {
        let (below, above) = self.neighbours(wanted);
        match (rounding, below, above) {
            (Rounding::Up, _, above) => above,
            (Rounding::Down, below, _) => below,
            (Rounding::Nearest, Some(below), Some(above)) => {
                let lower_wins = match tie {
                    Tie::Lower => wanted - below <= above - wanted,
                    Tie::Upper => wanted - below < above - wanted,
                };
                Some(if lower_wins { below } else { above })
            }
            (Rounding::Nearest, below, above) => below.or(above),
        }
    }

    /// The longest supported length not above `wanted`, and the shortest not below it.
    fn neighbours(&self, wanted: u32) -> (Option<u32>, Option<u32>) {
        match self {
            Self::Any => (Some(wanted), Some(wanted)),
            Self::List(list) => (
                list.iter().copied().filter(|&seconds| seconds <= wanted).max(),
                list.iter().copied().filter(|&seconds| seconds >= wanted).min(),
            ),
            Self::Range { min, max, step } => {
                let Some(past_min) = wanted.checked_sub(*min) else { return (None, Some(*min)) };
                let below = (min + past_min - past_min % step).min(max - (max - min) % step);
                let above = if below == wanted { Some(below) } else { below.checked_add(*step) };
                (Some(below), above.filter(|above| above <= max && *above >= wanted))
            }
        }
    }
}

impl fmt::Display for SecondsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::List(list) => {
                let texts: Vec<String> = list.iter().map(u32::to_string).collect();
                f.write_str(&texts.join(", "))
            }
            Self::Range { min, max, step: 1 } => write!(f, "{min} to {max}"),
            Self::Range { min, max, step } => write!(f, "{min} to {max} in steps of {step}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sora_2() -> SecondsRule {
        SecondsRule::List(vec![4, 8, 12])
    }

    fn sora_2_pro() -> SecondsRule {
        SecondsRule::List(vec![10, 15, 25])
    }

    #[test]
    fn the_seed_table_is_rounded_as_its_code_says() {
        // (wanted, sora-2, sora-2-pro)
        for (wanted, small, large) in
            [(5, 4, 10), (6, 4, 10), (10, 8, 10), (15, 12, 15), (20, 12, 15), (30, 12, 25), (1, 4, 10)]
        {
            assert_eq!(sora_2().round(wanted, Rounding::Nearest, Tie::Lower), Some(small), "sora-2 {wanted}");
            assert_eq!(
                sora_2_pro().round(wanted, Rounding::Nearest, Tie::Lower),
                Some(large),
                "pro {wanted}"
            );
        }
    }

    #[test]
    fn an_upper_tie_only_changes_ties() {
        for (wanted, expected) in [(5, 4), (6, 8), (7, 8), (10, 12)] {
            assert_eq!(sora_2().round(wanted, Rounding::Nearest, Tie::Upper), Some(expected), "{wanted}");
        }
    }

    #[test]
    fn up_and_down_never_go_the_other_way() {
        assert_eq!(sora_2().round(5, Rounding::Up, Tie::Lower), Some(8));
        assert_eq!(sora_2().round(7, Rounding::Down, Tie::Lower), Some(4));
        assert_eq!(sora_2().round(13, Rounding::Up, Tie::Lower), None);
        assert_eq!(sora_2().round(3, Rounding::Down, Tie::Lower), None);
    }

    #[test]
    fn a_range_with_steps_has_neighbours_like_its_list() {
        let range = SecondsRule::Range { min: 3, max: 20, step: 4 };
        let list = SecondsRule::List(vec![3, 7, 11, 15, 19]);
        for wanted in 1..40 {
            assert_eq!(range.supports(wanted), list.supports(wanted), "{wanted}");
            for rounding in [Rounding::Nearest, Rounding::Up, Rounding::Down] {
                for tie in [Tie::Lower, Tie::Upper] {
                    assert_eq!(
                        range.round(wanted, rounding, tie),
                        list.round(wanted, rounding, tie),
                        "{wanted} {rounding:?} {tie:?}"
                    );
                }
            }
        }
        assert_eq!(range.longest(), list.longest());
    }

    #[test]
    fn only_the_plain_spelling_is_a_length() {
        assert_eq!(parse_plain("8"), Some(8));
        for text in ["", "0", "08", "+8", "-8", " 8", "8 ", "8.0", "8s", "eight", "4294967296", "\u{668}"] {
            assert_eq!(parse_plain(text), None, "{text:?}");
        }
    }
}
