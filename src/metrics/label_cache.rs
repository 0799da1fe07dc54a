//! Series that are looked up once.

use std::sync::OnceLock;

/// The series of a metric that differ in one label of a closed vocabulary. Each is made when it is first counted in,
/// and found without a lock from then on.
#[derive(Debug)]
pub(crate) struct LabelCache<T, const N: usize> {
    words: &'static [&'static str; N],
    cells: [OnceLock<T>; N],
}

impl<T, const N: usize> LabelCache<T, N> {
    pub(crate) const fn new(words: &'static [&'static str; N]) -> Self {
        Self { words, cells: [const { OnceLock::new() }; N] }
    }

    /// The series of a word, made by `make` at first. None for a word outside of the vocabulary.
    pub(crate) fn of(&self, word: &str, make: impl FnOnce() -> T) -> Option<&T> {
        let place = self.words.iter().position(|known| *known == word);
        // Nobody asks with a word of its own making.
        debug_assert!(place.is_some(), "{word} is not listed");
        Some(self.cells.get(place?)?.get_or_init(make))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_series_is_made_once() {
        static WORDS: [&str; 2] = ["a", "b"];
        let cells = LabelCache::new(&WORDS);
        assert_eq!(cells.of("b", || 1), Some(&1));
        assert_eq!(cells.of("b", || 2), Some(&1));
        assert_eq!(cells.of("a", || 3), Some(&3));
    }
}
