//! One HTTP/1.1 message as it came over a socket, and the reading of it. Deliberately shares no code with the
//! gateway: a mistake made twice is found by nobody.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A request or an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The head, byte for byte, without the empty line that ends it.
    pub(crate) head: String,
    /// The first line.
    pub(crate) start: String,
    /// The headers in order, names as sent.
    pub(crate) headers: Vec<(String, String)>,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    /// The trailers of a chunked body.
    pub(crate) trailers: Vec<(String, String)>,
    /// Whether the body came to the end that its framing announced.
    pub(crate) whole: bool,
}

/// How the end of a body is told, and how much of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// A socket with what was read from it and not yet taken.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: Vec<u8>,
}

// === impl Message ===

impl Message {
    fn parse(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head).into_owned();
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        Self { start, headers: lines.map(field).collect(), head, ..Self::default() }
    }

    /// The value of a header that stands there once at most.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} stands there {} times:\n{}", values.len(), self.head);
        values.first().copied()
    }

    /// Every value of a header, in order.
    pub(crate) fn all(&self, wanted: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> u16 {
        let status = self.start.split(' ').nth(1).and_then(|digits| digits.parse().ok());
        status.unwrap_or_else(|| panic!("no status line: {:?}", self.start))
    }

    /// The method of a request.
    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Path and query of a request.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// `error.code`, where there is one.
    pub(crate) fn code(&self) -> Option<String> {
        self.json()["error"]["code"].as_str().map(str::to_owned)
    }

    /// `error.param`, where there is one.
    pub(crate) fn param(&self) -> Option<String> {
        self.json()["error"]["param"].as_str().map(str::to_owned)
    }

    /// How the body of an answer to `method` is framed.
    pub(crate) fn framing_of_answer(&self, method: &str) -> Framing {
        let without_body = method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304);
        if without_body { Framing::Length(0) } else { self.framing(Framing::UntilClose) }
    }

    /// How the body of a request is framed.
    pub(crate) fn framing_of_request(&self) -> Framing {
        self.framing(Framing::Length(0))
    }

    fn framing(&self, otherwise: Framing) -> Framing {
        if self.header("transfer-encoding").is_some() {
            return Framing::Chunked;
        }
        let length = self.header("content-length").map(|digits| digits.parse().expect("a length"));
        length.map_or(otherwise, Framing::Length)
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    (name.to_owned(), value.trim().to_owned())
}

// === impl Wire ===

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("no delay");
        Self { stream, buffer: Vec::new() }
    }

    /// Reads on; 0 at the end.
    pub(crate) async fn more(&mut self) -> io::Result<usize> {
        self.buffer.reserve(64 << 10);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// Reads as far as the first `mark` and takes what stands before it.
    async fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, mark) {
                let taken = self.buffer.drain(..at + mark.len()).take(at).collect();
                return Ok(taken);
            }
            if self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next head; its body is still to be read.
    pub(crate) async fn head(&mut self) -> io::Result<Message> {
        Ok(Message::parse(&self.until(b"\r\n\r\n").await?))
    }

    /// The next piece of a body, as soon as it comes; `None` at its end.
    pub(crate) async fn piece(
        &mut self,
        framing: &mut Framing,
        trailers: &mut Vec<(String, String)>,
    ) -> io::Result<Option<Vec<u8>>> {
        match framing {
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                if self.buffer.is_empty() && self.more().await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let taken: Vec<u8> = self.buffer.drain(..self.buffer.len().min(*left)).collect();
                *left -= taken.len();
                Ok(Some(taken))
            }
            Framing::Chunked => self.chunk(trailers).await,
            Framing::UntilClose => {
                if self.buffer.is_empty() && self.more().await? == 0 {
                    return Ok(None);
                }
                Ok(Some(std::mem::take(&mut self.buffer)))
            }
        }
    }

    async fn chunk(&mut self, trailers: &mut Vec<(String, String)>) -> io::Result<Option<Vec<u8>>> {
        let line = String::from_utf8_lossy(&self.until(b"\r\n").await?).into_owned();
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        if size == 0 {
            loop {
                let line = self.until(b"\r\n").await?;
                if line.is_empty() {
                    return Ok(None);
                }
                trailers.push(field(&String::from_utf8_lossy(&line)));
            }
        }
        while self.buffer.len() < size + 2 {
            if self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let taken = self.buffer.drain(..size + 2).take(size).collect();
        Ok(Some(taken))
    }
}
