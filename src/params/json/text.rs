//! JSON strings, borrowed where they have no escapes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, Visitor};

use crate::rejection::Rejection;

/// The text of a JSON string given with its quotes.
pub(super) fn unescape(raw: &str) -> Result<Cow<'_, str>, Rejection> {
    // Fails on lone surrogates, which finding the end of the string does not.
    Text.deserialize(&mut serde_json::Deserializer::from_str(raw)).map_err(|_| Rejection::MalformedJson)
}

/// Reads a string without copying it, if it can be borrowed.
pub(super) struct Text;

impl<'b> DeserializeSeed<'b> for Text {
    type Value = Cow<'b, str>;

    fn deserialize<D: Deserializer<'b>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'b> Visitor<'b> for Text {
    type Value = Cow<'b, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'b str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
