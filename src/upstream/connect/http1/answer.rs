//! The head of an answer.

use std::mem::MaybeUninit;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use bytes::{Buf, Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Header, ParserConfig, Response, Status};
use memchr::memchr_iter;

use super::framing::{Announced, Framing};
use super::reader::READ_MAX;
use crate::failure::Failure;
use crate::upstream::headers::{Hop, Inbound};

/// What an answer begins with.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: StatusCode,
    /// Those that go on to the client.
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// Whether the connection may serve another request.
    pub(super) keeps: bool,
}

/// Headers of an answer, most.
const HEADERS_MAX: usize = 100;

/// Takes an answer's head out of what has `come`; `None` while it has not come as a whole. `wanted`: headers that go
/// on to the client beside the usual ones.
pub(super) fn take(
    come: &mut BytesMut,
    method: &Method,
    wanted: &[HeaderName],
) -> Result<Option<Heard>, Failure> {
    loop {
        let Some(end) = end_of_head(come) else { return unfinished(come).map(|()| None) };
        let head = come.split_to(end).freeze();
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut answer = Response::new(&mut []);
        let parsed =
            ParserConfig::default().parse_response_with_uninit_headers(&mut answer, &head, &mut headers);
        if !matches!(parsed, Ok(Status::Complete(_))) {
            return Err(Failure::Garbled);
        }
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Failure::Garbled)?;
        // An upstream that thinks aloud has not answered yet. One that changes protocols was not asked to.
        if !status.is_informational() {
            let parsed = Parsed { head: &head, headers: answer.headers, is_old: answer.version == Some(0) };
            return parsed.heard(status, method, wanted).map(Some);
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::Garbled);
        }
    }
}

/// Where an answer's head ends: behind its first empty line.
fn end_of_head(come: &mut BytesMut) -> Option<usize> {
    // Some end the last answer with a line too many.
    let empty = come.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    come.advance(empty);
    memchr_iter(b'\n', come).find_map(|at| match come.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// Whether what has come may yet become a head.
fn unfinished(come: &BytesMut) -> Result<(), Failure> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    match Response::new(&mut headers).parse(come) {
        Ok(_) if come.len() < READ_MAX => Ok(()),
        Ok(_) | Err(_) => Err(Failure::Garbled),
    }
}

struct Parsed<'h> {
    head: &'h Bytes,
    headers: &'h [Header<'h>],
    /// HTTP/1.0.
    is_old: bool,
}

impl Parsed<'_> {
    fn heard(&self, status: StatusCode, method: &Method, wanted: &[HeaderName]) -> Result<Heard, Failure> {
        let mut announced = Announced::default();
        self.values(&header::TRANSFER_ENCODING).for_each(|value| announced.coding(value));
        self.values(&header::CONTENT_LENGTH).for_each(|value| announced.length(value));
        let framing = announced.framing(method, status, self.is_old).map_err(|_| Failure::Garbled)?;
        let hop = Hop::of(self.values(&header::CONNECTION));
        let inbound = Inbound { hop: &hop, wanted };
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for Header { name, value } in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::Garbled)?;
            // Every value must be one, also those that go no further.
            let value =
                HeaderValue::from_maybe_shared(self.head.slice_ref(value)).map_err(|_| Failure::Garbled)?;
            let is_second =
                name == header::CONTENT_LENGTH && (announced.is_chunked() || headers.contains_key(&name));
            if inbound.passes(&name) && !is_second {
                headers.append(name, value);
            }
        }
        let keeps = !hop.closes() && (!self.is_old || hop.keeps());
        Ok(Heard { status, headers, framing, keeps: keeps && framing != Framing::Rest })
    }

    fn values(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        let name = name.as_str();
        self.headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Result<Option<Heard>, Failure> {
        let mut come = BytesMut::from(text);
        let heard = take(&mut come, &Method::GET, &[HeaderName::from_static("x-own")]);
        if matches!(heard, Ok(Some(_))) {
            assert_eq!(come, "body");
        }
        heard
    }

    fn names(heard: &Heard) -> Vec<(&str, &str)> {
        let text =
            |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned().leak() as &str;
        heard.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Own: 1\r\nServer: s\r\nx-request-id: a\r\n\r\nbody";
        let whole = text.len() - "body".len();
        for end in 1..whole {
            let part = text.get(..end).expect("ASCII");
            assert!(matches!(heard(part), Ok(None)), "{part}");
        }
        let heard = heard(text).expect("a head").expect("a whole one");
        assert_eq!((heard.status, heard.framing, heard.keeps), (StatusCode::OK, Framing::Length(4), true));
        assert_eq!(names(&heard), [("content-length", "4"), ("x-own", "1"), ("x-request-id", "a")]);
    }

    #[test]
    fn an_upstream_may_think_aloud_first() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
                    HTTP/1.1 404 \r\n\r\nbody";
        let heard = heard(text).expect("a head").expect("a whole one");
        assert_eq!((heard.status, heard.framing, heard.keeps), (StatusCode::NOT_FOUND, Framing::Rest, false));
    }

    #[test]
    fn a_connection_serves_on_unless_somebody_says_otherwise() {
        for (version, connection, keeps) in [
            ("1.1", "", true),
            ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: x, Close\r\n", false),
            ("1.1", "Connection: close\r\nConnection: keep-alive\r\n", false),
            ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
        ] {
            let text = format!("HTTP/{version} 200 OK\r\n{connection}content-length: 4\r\n\r\nbody");
            let heard = heard(&text).expect("a head").expect("a whole one");
            assert_eq!(heard.keeps, keeps, "{text}");
        }
    }

    /// SM02
    #[test]
    fn a_length_is_told_once_and_not_beside_chunks() {
        let twice = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nbody";
        let twice = heard(twice).expect("a head").expect("a whole one");
        assert_eq!(names(&twice), [("content-length", "4")]);
        let both = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\nbody";
        assert_eq!(names(&heard(both).expect("a head").expect("a whole one")), []);
    }

    #[test]
    fn what_is_no_answer_is_refused_at_once() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(READ_MAX));
        for text in [
            "SSH-2.0-x",
            "HTTP/2.0 200 OK\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
            "HTTP/1.1 099 Odd\r\n\r\n",
            &many,
            &long,
        ] {
            assert!(matches!(heard(text), Err(Failure::Garbled)), "{text:.40}");
        }
    }
}
