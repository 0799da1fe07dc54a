//! The parameters of a header value such as `form-data; name="prompt"`.

/// One parameter; its value without quotes, otherwise as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    name: &'a str,
    pub(super) value: &'a str,
}

/// Splits a header value into what stands before the first semicolon and its parameters.
/// `None` in place of the parameters if they are not well-formed.
pub(super) fn split(value: &str) -> (&str, Option<Vec<Parameter<'_>>>) {
    match value.split_once(';') {
        Some((first, rest)) => (trim(first), parameters(rest)),
        None => (trim(value), Some(Vec::new())),
    }
}

/// Cuts off the white space that may surround parts of a header value.
pub(super) fn trim(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
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
        let (name, after) = trim(rest).split_once('=')?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            quoted.split_once('"')?
        } else {
            let end =
                after.bytes().position(|byte| matches!(byte, b';' | b' ' | b'\t')).unwrap_or(after.len());
            let (token, after) = after.split_at(end);
            if !is_token(token) {
                return None;
            }
            (token, after)
        };
        // Some parsers read `\"` as a quote within the value, others as a backslash and its end.
        if !is_token(name) || value.ends_with('\\') {
            return None;
        }
        found.push(Parameter { name, value });
        match trim(after) {
            "" => return Some(found),
            after => rest = after.strip_prefix(';')?,
        }
    }
}

impl Parameter<'_> {
    /// Whether this is the parameter `name`; names are compared without regard to case.
    pub(super) const fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
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
    fn refuses_what_parsers_read_differently() {
        for value in [
            "a;",
            "a; ",
            "a;;b=c",
            "a; b",
            "a; =c",
            "a; b=",
            "a; b =c",
            "a; b= c",
            "a; b=\"c",
            "a; b=\"c\"d",
            "a; b=\"c\\\"\"",
            "a; b=\"c\\\"; d=\"e\"",
            "a; b=c d",
            "a; b=c\"d\"",
            "a; b=[c]",
            "a; b=é",
        ] {
            assert_eq!(split(value).1, None, "{value:?}");
        }
    }
}
