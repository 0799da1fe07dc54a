//! The header `Connection`.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

/// The options of `Connection`, which are about this connection alone, or name headers that are.
pub struct ConnectionOptions<'h> {
    closes: bool,
    keeps_alive: bool,
    /// All others.
    named: Vec<&'h [u8]>,
}

impl<'h> ConnectionOptions<'h> {
    /// Of the values of `Connection`.
    pub fn of(values: impl Iterator<Item = &'h [u8]>) -> Self {
        let mut options = Self { closes: false, keeps_alive: false, named: Vec::new() };
        for option in values.flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"keep-alive") {
                options.keeps_alive = true;
            } else if option.eq_ignore_ascii_case(b"close") {
                options.closes = true;
            } else {
                options.named.push(option);
            }
        }
        options
    }

    /// Of a message with these headers.
    #[must_use]
    pub fn of_map(headers: &'h HeaderMap) -> Self {
        Self::of(headers.get_all(header::CONNECTION).into_iter().map(HeaderValue::as_bytes))
    }

    /// Whether the connection is to end.
    pub(crate) fn closes(&self) -> bool {
        self.closes
    }

    /// Whether the connection is to be kept, in words.
    pub(crate) fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// Whether a header of this name is about this connection alone. Framing is not the sender's to give away: a body
    /// without its type or length is another body.
    #[must_use]
    pub fn names(&self, name: &HeaderName) -> bool {
        if self.named.is_empty() {
            return false;
        }
        let required = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LENGTH];
        let named = |option: &&[u8]| option.eq_ignore_ascii_case(name.as_str().as_bytes());
        !required.contains(name) && self.named.iter().any(named)
    }
}
