//! Names and values, as records keep them: written once, and hardly ever read.

use std::fmt::Write;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers, as a JSON array of pairs of names and values. Those that are no ASCII text are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pairs(String);

impl Pairs {
    /// These.
    #[must_use]
    pub(crate) fn of<'h>(headers: impl IntoIterator<Item = (&'h HeaderName, &'h HeaderValue)>) -> Self {
        let mut json = String::with_capacity(512);
        json.push('[');
        for (name, value) in headers {
            let Ok(value) = value.to_str() else { continue };
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str("[\"");
            json.push_str(name.as_str());
            json.push_str("\",");
            push_quoted(&mut json, value);
            json.push(']');
        }
        json.push(']');
        Self(json)
    }

    /// Those that were written down as this.
    pub(crate) const fn written(json: String) -> Self {
        Self(json)
    }

    /// As they are written down.
    #[must_use]
    pub(crate) fn as_json(&self) -> &str {
        &self.0
    }

    /// Each name and value.
    ///
    /// # Errors
    /// If what was written down is nothing of the kind.
    pub(crate) fn read(&self) -> serde_json::Result<Vec<(String, String)>> {
        serde_json::from_str(&self.0)
    }
}

impl Default for Pairs {
    fn default() -> Self {
        Self("[]".to_owned())
    }
}

impl TryFrom<&Pairs> for HeaderMap {
    type Error = serde_json::Error;

    fn try_from(pairs: &Pairs) -> Result<Self, Self::Error> {
        let header = |(name, value): (String, String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        Ok(pairs.read()?.into_iter().filter_map(header).collect())
    }
}

/// Header values have no control characters but tabs.
fn push_quoted(json: &mut String, value: &str) {
    json.push('"');
    if value.bytes().all(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')) {
        json.push_str(value);
    } else {
        for character in value.chars() {
            match character {
                '"' | '\\' => json.extend(['\\', character]),
                ..' ' => _ = write!(json, "\\u{:04x}", u32::from(character)),
                other => json.push(other),
            }
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let mut headers = HeaderMap::new();
        assert_eq!(Pairs::of(&headers), Pairs::default());
        for (name, value) in [("a", "plain"), ("b", r#"a "quoted\\" one"#), ("c", "a\ttab"), ("b", "")] {
            headers.append(name, value.parse().expect("a value"));
        }
        let pairs = Pairs::of(&headers);
        assert_eq!(HeaderMap::try_from(&pairs).expect("headers"), headers);
        headers.insert("d", HeaderValue::from_bytes(b"\xff").expect("a value"));
        assert_eq!(Pairs::of(&headers), pairs, "no text");
    }
}
