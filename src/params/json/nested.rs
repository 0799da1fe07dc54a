//! Walks through a JSON value of which nothing is kept, to find what parsers disagree about:
//! doubled names, lone surrogates, numbers beyond range, nesting too deep.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::text::Text;
use crate::params::Limits;
use crate::rejection::Rejection;

/// Checks a well-formed value that is a member of the outermost object.
pub(super) fn check(raw: &str, limits: &Limits) -> Result<(), Rejection> {
    let doubled = Cell::new(None);
    let walk = Walk {
        levels: limits.depth.saturating_sub(1),
        keys: limits.nested_keys,
        doubled: &doubled,
        seen: &|_| (),
    };
    walk.deserialize(&mut serde_json::Deserializer::from_str(raw))
        .map_err(|_| doubled.take().map_or(Rejection::MalformedJson, Rejection::DuplicateParameter))
}

/// What a walk comes by.
pub(in crate::params) enum Seen<'s> {
    /// The name of a member.
    Name(&'s str),
    /// A string.
    Text(&'s str),
}

/// Shows every name and every string in a JSON text. Whether the whole of it could be read as strictly as a body is.
pub(in crate::params) fn show(json: &str, seen: &dyn Fn(Seen<'_>)) -> bool {
    let doubled = Cell::new(None);
    let walk = Walk { levels: LEVELS_MAX, keys: usize::MAX, doubled: &doubled, seen };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    walk.deserialize(&mut deserializer).and_then(|()| deserializer.end()).is_ok()
}

/// As deep as `serde_json` reads.
const LEVELS_MAX: usize = 128;

/// One step of the walk.
#[derive(Clone, Copy)]
struct Walk<'w> {
    /// How many levels may still be entered.
    levels: usize,
    /// How many names an object may have.
    keys: usize,
    /// The doubled name that ended the walk; an error of serde's cannot carry it out.
    doubled: &'w Cell<Option<String>>,
    /// Who wants to know what stands there.
    seen: &'w dyn Fn(Seen<'_>),
}

impl Walk<'_> {
    fn enter<E: Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self { levels, ..self })
    }
}

impl<'b> DeserializeSeed<'b> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'b>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'b> Visitor<'b> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.seen)(Seen::Text(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.enter()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'b>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.enter()?;
        let mut names = HashSet::new();
        while let Some(name) = members.next_key_seed(Text)? {
            if names.contains(&name) {
                self.doubled.set(Some(name.into_owned()));
                return Err(A::Error::custom("a doubled name"));
            }
            if names.len() == self.keys {
                return Err(A::Error::custom("too many names"));
            }
            (self.seen)(Seen::Name(&name));
            names.insert(name);
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}
