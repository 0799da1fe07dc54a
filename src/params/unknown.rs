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
    /// objects themselves, which servers such as SGLang merge into the body.
    ///
    /// True as well where that cannot be said: of a text that begins like an object and cannot be read, for another
    /// parser may find any name in it; and of a value with more names than are looked at.
    pub fn holds(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        let search = Search { wanted, found: Cell::new(false), names: Cell::new(0) };
        match &self.content {
            Content::Json(json) => search.json(json, TEXTS_WITHIN_TEXTS),
            Content::Text(text) => search.text(text, TEXTS_WITHIN_TEXTS),
            Content::Opaque => {}
        }
        search.found.get()
    }
}

/// How often a text is looked into that stands in a text that was looked into.
const TEXTS_WITHIN_TEXTS: u8 = 4;
/// Names and texts that are looked at in one field. A body of a mebibyte can hold a hundred thousand.
const NAMES_MAX: usize = 1024;

/// A search for names.
struct Search<'s> {
    wanted: &'s dyn Fn(&str) -> bool,
    found: Cell<bool>,
    names: Cell<usize>,
}

impl Search<'_> {
    fn json(&self, json: &str, texts: u8) {
        let whole = nested::show(json, &|seen| match seen {
            Seen::Name(name) => self.name(name),
            Seen::Text(text) => self.text(text, texts),
        });
        if !whole {
            self.found.set(true);
        }
    }

    fn name(&self, name: &str) {
        self.count();
        if !self.found.get() && (self.wanted)(name) {
            self.found.set(true);
        }
    }

    fn text(&self, text: &str, texts: u8) {
        if !text.trim_start().starts_with('{') {
            return;
        }
        self.count();
        match texts.checked_sub(1) {
            Some(texts) if !self.found.get() => self.json(text, texts),
            Some(_) => {}
            None => self.found.set(true),
        }
    }

    fn count(&self) {
        self.names.set(self.names.get() + 1);
        if self.names.get() > NAMES_MAX {
            self.found.set(true);
        }
    }
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
    fn a_value_with_more_names_than_are_looked_at_may_hold_any_name() {
        let names = |count: usize| format!("[{}0]", r#"{"a":"{}"},"#.repeat(count / 2));
        assert!(!json(&names(NAMES_MAX)));
        assert!(json(&names(NAMES_MAX + 2)));
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
