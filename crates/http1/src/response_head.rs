//! The head of an answer.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use httparse::{EMPTY_HEADER, Header, ParserConfig, Response, Status};
use memchr::memchr_iter;

use crate::framing::{Announced, Framing};
use crate::read_buffer::READ_MAX;
use crate::{ConnectionOptions, Error, HeaderFilter};

/// What an answer begins with.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    /// Those that pass the filter.
    pub(crate) headers: HeaderMap,
    pub(crate) framing: Framing,
    /// Whether the connection may serve another request.
    pub(crate) keeps_alive: bool,
}

/// Headers of an answer, most.
const HEADERS_MAX: usize = 100;

/// Takes an answer's head out of what was `received`; `None` while it has not come as a whole.
pub(crate) fn take(
    received: &mut BytesMut,
    method: &Method,
    filter: &impl HeaderFilter,
) -> Result<Option<ResponseHead>, Error> {
    loop {
        let Some(end) = end_of_head(received) else { return unfinished(received).map(|()| None) };
        let head = received.split_to(end).freeze();
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut answer = Response::new(&mut []);
        let parsed =
            ParserConfig::default().parse_response_with_uninit_headers(&mut answer, &head, &mut headers);
        if !matches!(parsed, Ok(Status::Complete(_))) {
            return Err(Error::Malformed);
        }
        let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Error::Malformed)?;
        // An informational response comes before the answer. No request asks for another protocol.
        if !status.is_informational() {
            let parsed = Parsed { head: &head, headers: answer.headers, is_old: answer.version == Some(0) };
            return parsed.response_head(status, method, filter).map(Some);
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::Malformed);
        }
    }
}

/// Where an answer's head ends: behind its first empty line.
fn end_of_head(received: &mut BytesMut) -> Option<usize> {
    // Some servers end the last answer with a line too many.
    while let [b'\n', ..] | [b'\r', b'\n', ..] = &**received {
        received.advance(if received.starts_with(b"\n") { 1 } else { 2 });
    }
    memchr_iter(b'\n', received).find_map(|at| match received.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// Whether what has come may yet become a head.
fn unfinished(received: &BytesMut) -> Result<(), Error> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    match Response::new(&mut headers).parse(received) {
        Ok(_) if received.len() < READ_MAX => Ok(()),
        Ok(_) | Err(_) => Err(Error::Malformed),
    }
}

struct Parsed<'h> {
    head: &'h Bytes,
    headers: &'h [Header<'h>],
    /// HTTP/1.0.
    is_old: bool,
}

impl Parsed<'_> {
    fn response_head(
        &self,
        status: StatusCode,
        method: &Method,
        filter: &impl HeaderFilter,
    ) -> Result<ResponseHead, Error> {
        let mut announced = Announced::default();
        self.values(&header::TRANSFER_ENCODING).for_each(|value| announced.coding(value));
        self.values(&header::CONTENT_LENGTH).for_each(|value| announced.length(value));
        let framing = announced.framing(method, status, self.is_old).map_err(|_| Error::Malformed)?;
        let options = ConnectionOptions::of(self.values(&header::CONNECTION));
        let mut headers = HeaderMap::with_capacity(self.headers.len());
        for Header { name, value } in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error::Malformed)?;
            // Every value must be one, also those that go no further.
            let value =
                HeaderValue::from_maybe_shared(self.head.slice_ref(value)).map_err(|_| Error::Malformed)?;
            let is_second =
                name == header::CONTENT_LENGTH && (announced.is_chunked() || headers.contains_key(&name));
            if filter.passes(&name, &options) && !is_second {
                headers.append(name, value);
            }
        }
        let keeps_alive = !options.closes() && (!self.is_old || options.keeps_alive());
        Ok(ResponseHead { status, headers, framing, keeps_alive: keeps_alive && framing != Framing::Rest })
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

    /// Keeps what a test looks at.
    struct Own;

    impl HeaderFilter for Own {
        fn passes(&self, name: &HeaderName, _: &ConnectionOptions<'_>) -> bool {
            ["content-length", "x-own", "x-request-id"].contains(&name.as_str())
        }
    }

    fn head_of(text: &str) -> Result<Option<ResponseHead>, Error> {
        let mut received = BytesMut::from(text);
        let head = take(&mut received, &Method::GET, &Own);
        if matches!(head, Ok(Some(_))) {
            assert_eq!(received, "body");
        }
        head
    }

    fn names(head: &ResponseHead) -> Vec<(&str, &str)> {
        let text =
            |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned().leak() as &str;
        head.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect()
    }

    #[test]
    fn reads_a_head_once_all_of_it_has_come() {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Own: 1\r\nServer: s\r\nx-request-id: a\r\n\r\nbody";
        let whole = text.len() - "body".len();
        for end in 1..whole {
            let part = text.get(..end).expect("ASCII");
            assert!(matches!(head_of(part), Ok(None)), "{part}");
        }
        let head = head_of(text).expect("a head").expect("a whole one");
        assert_eq!((head.status, head.framing, head.keeps_alive), (StatusCode::OK, Framing::Length(4), true));
        assert_eq!(names(&head), [("content-length", "4"), ("x-own", "1"), ("x-request-id", "a")]);
    }

    #[test]
    fn skips_informational_responses() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
                    HTTP/1.1 404 \r\n\r\nbody";
        let head = head_of(text).expect("a head").expect("a whole one");
        assert_eq!(
            (head.status, head.framing, head.keeps_alive),
            (StatusCode::NOT_FOUND, Framing::Rest, false)
        );
    }

    #[test]
    fn keeps_a_connection_unless_the_answer_ends_it() {
        for (version, connection, keeps) in [
            ("1.1", "", true),
            ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: x, Close\r\n", false),
            ("1.1", "Connection: close\r\nConnection: keep-alive\r\n", false),
            ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
        ] {
            let text = format!("HTTP/{version} 200 OK\r\n{connection}content-length: 4\r\n\r\nbody");
            let head = head_of(&text).expect("a head").expect("a whole one");
            assert_eq!(head.keeps_alive, keeps, "{text}");
        }
    }

    /// SM02
    #[test]
    fn shows_one_length_and_none_beside_chunks() {
        let twice = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nbody";
        let twice = head_of(twice).expect("a head").expect("a whole one");
        assert_eq!(names(&twice), [("content-length", "4")]);
        let both = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\nbody";
        assert_eq!(names(&head_of(both).expect("a head").expect("a whole one")), []);
    }

    #[test]
    fn refuses_what_is_no_answer_at_once() {
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
            assert!(matches!(head_of(text), Err(Error::Malformed)), "{text:.40}");
        }
    }
}
