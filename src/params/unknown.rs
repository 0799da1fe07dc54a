//! A field that is none of the operation's, and the names that stand within its value.

use std::borrow::Cow;
use std::cell::Cell;

use super::json::nested::{self, Seen};

/// A field whose name is not one of the known ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField<'b> {
    /// Its name, as sent, with its brackets.
    pub name: Cow<'b, str>,
    pub(super) content: Content<'b>,
}

/// What an unknown field holds, as far as anybody looks into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content<'b> {
    /// A well-formed JSON value.
    Json(&'b str),
    /// The content of a text part.
    Text(Cow<'b, str>),
    /// A file.
    Opaque,
}

impl UnknownField<'_> {
    /// Whether a name within its value is one that `wanted` looks for: at any depth, and also in texts that are JSON
    /// objects themselves, which servers such as SGLang merge into the body. True, too, for a text that begins like
    /// an object and cannot be read: another parser may find any name in it.
    pub fn holds(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        match &self.content {
            Content::Json(json) => holds(json, wanted, TEXTS_WITHIN_TEXTS),
            Content::Text(text) => text_holds(text, wanted, TEXTS_WITHIN_TEXTS),
            Content::Opaque => false,
        }
    }
}

/// How often a text is looked into that stands in a text that was looked into. What goes deeper is not read.
const TEXTS_WITHIN_TEXTS: u8 = 4;

fn holds(json: &str, wanted: &dyn Fn(&str) -> bool, texts: u8) -> bool {
    let found = Cell::new(false);
    let whole = nested::show(json, &|seen| {
        let is_wanted = match seen {
            Seen::Name(name) => wanted(name),
            Seen::Text(text) => text_holds(text, wanted, texts),
        };
        found.set(found.get() || is_wanted);
    });
    found.get() || !whole
}

fn text_holds(text: &str, wanted: &dyn Fn(&str) -> bool, texts: u8) -> bool {
    if !text.trim_start().starts_with('{') {
        return false;
    }
    texts.checked_sub(1).is_none_or(|texts| holds(text, wanted, texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_n(name: &str) -> bool {
        name == "n"
    }

    fn json(json: &str) -> bool {
        UnknownField { name: "x".into(), content: Content::Json(json) }.holds(&is_n)
    }

    fn text(text: &str) -> bool {
        UnknownField { name: "x".into(), content: Content::Text(text.into()) }.holds(&is_n)
    }

    #[test]
    fn names_are_found_at_any_depth_and_in_texts_that_are_objects() {
        for found in [
            r#"{"n":1}"#,
            r#"[0,{"a":[{"\u006e":1}]}]"#,
            r#""{\"n\":1}""#,
            r#"{"a":" {\"b\":\"{\\\"n\\\":1}\"}"}"#,
        ] {
            assert!(json(found), "{found}");
        }
        for found in [r#"{"n":1}"#, " \n{\"a\":{\"n\":1}}"] {
            assert!(text(found), "{found}");
        }
    }

    #[test]
    fn a_text_that_begins_like_an_object_and_cannot_be_read_may_hold_any_name() {
        for unread in [r#"{"a":NaN,"n":1}"#, r#"{"a":1,"a":2}"#, r#"{'n':1}"#, "{", r#"{"a":1}x"#] {
            assert!(text(unread), "{unread}");
        }
    }

    #[test]
    fn what_holds_no_such_name_holds_none() {
        for clean in ["5", "true", "\"n\"", "[\"n\"]", r#"{"a":"n"}"#] {
            assert!(!json(clean), "{clean}");
        }
        for clean in ["", "n", "[n], {n}", r#"{"a":"n"}"#] {
            assert!(!text(clean), "{clean}");
        }
        assert!(!UnknownField { name: "n".into(), content: Content::Opaque }.holds(&is_n));
    }
}
