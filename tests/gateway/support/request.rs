//! Requests as text: what a test does not care about is right, what it cares about is exact.

use std::fmt::Write;

use super::fields::{self, Fields};

/// A request that can be sent as it is.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A request without a body.
pub(crate) fn get(target: &str) -> Request {
    request("GET", target)
}

/// A JSON request.
pub(crate) fn post(target: &str, json: &str) -> Request {
    request("POST", target).with("content-type", "application/json").body(json)
}

/// A create in JSON.
pub(crate) fn create(json: &str) -> Request {
    post("/v1/videos", json)
}

/// Any request; it has a host and a key.
pub(crate) fn request(method: &str, target: &str) -> Request {
    Request { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
        .with("host", "gateway.test")
        .with("authorization", "Bearer sk-test")
}

impl Request {
    /// Adds a header after all others.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn with_target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// Sets a body with its length.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        body.as_ref().clone_into(&mut self.body);
        let length = self.body.len().to_string();
        self.without("content-length").with("content-length", &length)
    }

    /// Sends the same body in chunks of `size` bytes.
    pub(crate) fn chunked(mut self, size: usize) -> Self {
        let mut chunks = Vec::new();
        for chunk in self.body.chunks(size) {
            chunks.extend_from_slice(&chunked(chunk));
        }
        chunks.extend_from_slice(b"0\r\n\r\n");
        self.body = chunks;
        self.without("content-length").with("transfer-encoding", "chunked")
    }

    /// The head alone, with the empty line.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").expect("a string takes all");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }

    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The body with its framing.
    pub(crate) fn sent_body(&self) -> &[u8] {
        &self.body
    }

    /// What its body says, without any framing.
    pub(crate) fn fields(&self) -> Fields {
        let content_type = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        fields::read(content_type.map(|(_, value)| value.as_str()), &self.body)
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }
}

/// One chunk.
pub(crate) fn chunked(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The boundary of [`form`].
pub(crate) const BOUNDARY: &str = "d40b69b744fb3661a98be43952a92e8f";

/// A create as a form. Each part is everything that follows `Content-Disposition: form-data; `.
pub(crate) fn form(parts: &[&str]) -> Request {
    form_to("/v1/videos", parts)
}

/// A form to any target.
pub(crate) fn form_to(target: &str, parts: &[&str]) -> Request {
    let mut body = String::new();
    for part in parts {
        write!(body, "--{BOUNDARY}\r\nContent-Disposition: form-data; {part}\r\n")
            .expect("a string takes all");
    }
    write!(body, "--{BOUNDARY}--\r\n").expect("a string takes all");
    request("POST", target)
        .with("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body)
}

/// A text part for [`form`].
pub(crate) fn text(name: &str, value: &str) -> String {
    format!("name=\"{name}\"\r\n\r\n{value}")
}
