//! Enums that stand as words in files and on the command line.

/// Declares an enum with its words: `name`, `parse` and `ALL`.
macro_rules! words {
    (
        $(#[$outer:meta])*
        $vis:vis enum $name:ident { $( $(#[$inner:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $( $(#[$inner])* $variant, )+ }

        impl $name {
            /// All of them, in order.
            $vis const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its word.
            #[must_use]
            $vis const fn name(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The one with this word.
            #[must_use]
            $vis fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == word)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                // Pads where it is asked to.
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use words;
