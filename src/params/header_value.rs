//! The parameters of a header value such as `form-data; name="prompt"`.

use std::borrow::Cow;

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    /// Its value without quotes, otherwise as sent.
    pub(super) value: &'a str,
    /// Whether the value has quotes or backslashes with a backslash before them.
    pub(super) is_escaped: bool,
}

/// Splits a header value into what stands before the first semicolon and its parameters.
/// `None` in place of the parameters if they are not well-formed.
pub(super) fn split(value: &str) -> (&str, Option<Vec<Parameter<'_>>>) {
    match value.split_once(';') {
        Some((first, rest)) => (trim(first), parameters(rest)),
        None => (trim(value), Some(Vec::new())),
    }
}

/// White space within a header value. Where the header of a part is folded into several lines, line ends belong to it.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Cuts off the white space that may surround parts of a header value.
pub(super) fn trim(value: &str) -> &str {
    value.trim_matches(BLANKS)
}

/// Whether `text` is a token: a header name, or a value that needs no quotes.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
                )
        })
}

fn parameters(mut rest: &str) -> Option<Vec<Parameter<'_>>> {
    let mut found = Vec::new();
    loop {
        // A semicolon with nothing behind it says nothing.
        rest = rest.trim_start_matches(|c| c == ';' || BLANKS.contains(&c));
        if rest.is_empty() {
            return Some(found);
        }
        let (name, after) = rest.split_once('=')?;
        let (name, after) = (trim(name), after.trim_start_matches(BLANKS));
        let (value, is_escaped, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => unquoted(after)?,
        };
        let after = after.trim_start_matches(BLANKS);
        if !is_token(name) || !(after.is_empty() || after.starts_with(';')) {
            return None;
        }
        found.push(Parameter { name, value, is_escaped });
        rest = after;
    }
}

/// What stands before the closing quote, whether it has escapes, and what stands behind it.
///
/// A backslash escapes a quote or another backslash. Before anything else it is a character as any other, as browsers
/// of old wrote it into the paths of files.
fn quoted_string(quoted: &str) -> Option<(&str, bool, &str)> {
    let bytes = quoted.as_bytes();
    let (mut at, mut is_escaped) = (0, false);
    loop {
        match bytes.get(at)? {
            b'"' => return Some((quoted.get(..at)?, is_escaped, quoted.get(at + 1..)?)),
            b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\')) => (at, is_escaped) = (at + 2, true),
            _ => at += 1,
        }
    }
}

/// A value without quotes: more than a token, since those who forget the quotes forget them around anything. What
/// could end it in one parser and not in another is no part of it.
fn unquoted(after: &str) -> Option<(&str, bool, &str)> {
    let end = after.find(|c| c == ';' || BLANKS.contains(&c)).unwrap_or(after.len());
    let (value, after) = after.split_at(end);
    (!value.is_empty() && !value.contains(['"', '\\'])).then_some((value, false, after))
}

impl<'a> Parameter<'a> {
    /// Whether this is the parameter `name`; names are compared without regard to case.
    pub(super) const fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// What follows `start` in its name, compared without regard to case.
    pub(super) fn behind(&self, start: &str) -> Option<&'a str> {
        let (first, rest) = self.name.split_at_checked(start.len())?;
        first.eq_ignore_ascii_case(start).then_some(rest)
    }

    /// Its value without escapes.
    pub(super) fn text(&self) -> Cow<'a, str> {
        if !self.is_escaped {
            return Cow::Borrowed(self.value);
        }
        let mut text = String::with_capacity(self.value.len());
        let mut rest = self.value.chars().peekable();
        while let Some(c) = rest.next() {
            let escaped = rest.next_if(|next| c == '\\' && matches!(next, '"' | '\\'));
            text.push(escaped.unwrap_or(c));
        }
        Cow::Owned(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(value: &str) -> Option<Vec<(&str, &str)>> {
        Some(split(value).1?.iter().map(|parameter| (parameter.name, parameter.value)).collect())
    }

    #[test]
    fn reads_tokens_and_quoted_strings() {
        assert_eq!(split("a/b"), ("a/b", Some(Vec::new())));
        assert_eq!(split(" a/b \t; c=d").0, "a/b");
        assert_eq!(values("a; b=c"), Some(vec![("b", "c")]));
        assert_eq!(values("a;b=\"c; d=e\" ;\tf=g"), Some(vec![("b", "c; d=e"), ("f", "g")]));
        assert_eq!(values("a; b=\"\""), Some(vec![("b", "")]));
        assert_eq!(values("a; b=\"c\\d\""), Some(vec![("b", "c\\d")]));
    }

    #[test]
    fn reads_spaces_empty_parameters_and_values_that_lack_their_quotes() {
        for value in ["a;b=c;", "a; b=c; ", "a;;b=c", "a; b =c", "a; b= c", "a;\r\n b=c", "a;\tb\t=\tc"] {
            assert_eq!(values(value), Some(vec![("b", "c")]), "{value:?}");
        }
        for value in ["[c]", "é", "a=b", "a,b", "a/b:c"] {
            assert_eq!(values(&format!("a; b={value}")), Some(vec![("b", value)]));
        }
    }

    #[test]
    fn a_backslash_escapes_quotes_and_backslashes() {
        for (written, text) in [
            (r#""a\"b""#, r#"a"b"#),
            (r#""a\\b\\""#, r"a\b\"),
            (r#""C:\dir\a.png""#, r"C:\dir\a.png"),
            (r#""\"; c=\"d""#, r#""; c="d"#),
        ] {
            let value = format!("a; b={written}");
            let parameters = split(&value).1.expect(written);
            assert_eq!(parameters.iter().map(Parameter::text).collect::<Vec<_>>(), [text], "{written}");
        }
    }

    #[test]
    fn refuses_what_parsers_read_differently() {
        for value in [
            "a; b",
            "a; =c",
            "a; b=",
            "a; b=\"c",
            "a; b=\"c\"d",
            "a; b=\"c\\\"",
            "a; b=\"c\\\"; d=\"e\"",
            "a; b=c d",
            "a; b=c\"d\"",
            "a; b=c\\d",
        ] {
            assert_eq!(split(value).1, None, "{value:?}");
        }
    }
}
