//! What becomes of an answer's body: small JSON is read whole, so that a broken one never looks whole to the
//! client; all else streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response as Answer;
use bytes::BytesMut;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::resume::{Again, Missing, Resumed};
use super::sse::{self, EventStream, LastWord};
use super::stream::Download;
use super::{Call, REQUEST_ID, Upstream, WHOLE_MAX};
use crate::dialect;
use crate::error::{Dialect, Form, openai};
use crate::failure::Failure;

/// How an answer is treated.
#[derive(Clone, Copy)]
pub(super) struct Treatment {
    /// Whether it is read whole before its head is sent on.
    pub(super) whole: bool,
    /// Whether it has no body whatever its head says, being the answer to a HEAD.
    pub(super) bodiless: bool,
    /// Whether an error in an aggregator's wrapping is unwrapped.
    pub(super) unwrap: bool,
}

impl Treatment {
    /// Whether it goes on to the client as it comes.
    pub(super) fn streams(self) -> bool {
        !self.whole && !self.bodiless
    }
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let (start, rest) = value.split_at_checked(16).unwrap_or_default();
    // `application/jsonl` and `application/json-seq` are streams.
    start.eq_ignore_ascii_case(b"application/json") && matches!(rest.first(), None | Some(b';' | b' '))
}

impl Upstream {
    /// An answer that goes on to the client as it comes.
    pub(super) fn streamed(&self, call: &Call, answer: Answer) -> Result<Answer, Failure> {
        let (mut head, body) = answer.into_parts();
        let settings = &self.settings;
        if sse::is_event_stream(head.status, &head.headers) {
            // A last word of ours may make it longer.
            head.headers.remove(header::CONTENT_LENGTH);
            let download = Download::new(body, settings.sse_idle);
            let events = EventStream::new(download, settings.event_max, last_word(call, &head.headers));
            return Ok(Answer::from_parts(head, Body::new(events)));
        }
        let download = Download::new(body, settings.body_idle);
        let missing = if settings.resume_attempts == 0 {
            None
        } else {
            Missing::of(&call.head.method, head.status, &head.headers)
        };
        let body = match missing {
            None => Body::new(download),
            Some(missing) => Body::new(Resumed::new(download, missing, self.again(call)?)),
        };
        Ok(Answer::from_parts(head, body))
    }

    fn again(&self, call: &Call) -> Result<Again, Failure> {
        let settings = &self.settings;
        Ok(Again {
            leaf: self.fetch.clone(),
            request: self.request(call)?,
            head_timeout: settings.fetch_timeout,
            body_idle: settings.body_idle,
            attempts: settings.resume_attempts,
        })
    }
}

/// How a stream ends that breaks off, under the id that its head carries: the upstream's where it sent one.
fn last_word(call: &Call, headers: &HeaderMap) -> LastWord {
    let sent = headers.get("request-id").or_else(|| headers.get(REQUEST_ID));
    LastWord {
        dialect: Dialect::of(call.head.uri.path(), &call.head.headers),
        request_id: sent.unwrap_or(call.request_id.value()).clone(),
    }
}

/// An answer of these parts.
pub(super) fn assembled(status: StatusCode, headers: HeaderMap, body: Body) -> Answer {
    let mut answer = Answer::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

pub(super) async fn received(
    status: StatusCode,
    headers: HeaderMap,
    download: Download,
    treatment: Treatment,
) -> Result<Answer, Failure> {
    let body = if treatment.bodiless { Read::Beyond(Body::new(Unmeasured)) } else { read(download).await? };
    let mut answer = assembled(status, headers, Body::empty());
    match body {
        Read::Whole(bytes) => match unwrapped(&answer, &bytes, treatment) {
            Some(text) => replace(&mut answer, text),
            None => *answer.body_mut() = Body::from(bytes),
        },
        Read::Beyond(body) => *answer.body_mut() = body,
    }
    Ok(answer)
}

/// The error inside an aggregator's wrapping, in OpenAI's form.
fn unwrapped(answer: &Answer, bytes: &[u8], treatment: Treatment) -> Option<String> {
    let status = answer.status();
    // Nothing is decompressed: an encoded body passes as it came.
    let readable = !answer.headers().contains_key(header::CONTENT_ENCODING);
    if !(treatment.unwrap && readable && status.as_u16() >= 400) {
        return None;
    }
    dialect::unwrap::error(status, bytes).map(|error| openai::body(&error, Form::Service))
}

/// Whether a body is what it says, and not compressed: nothing here is ever decompressed.
pub(super) fn is_identity(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn replace(answer: &mut Answer, text: String) {
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ETAG);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *answer.body_mut() = Body::from(text);
}

/// No body, of a length that is not known: an empty one would be announced as `content-length: 0`, which the
/// upstream never said.
struct Unmeasured;

impl HttpBody for Unmeasured {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        Poll::Ready(None)
    }
}

enum Read {
    Whole(Bytes),
    /// Too long to be kept: what was read, and the rest as it comes.
    Beyond(Body),
}

async fn read(mut download: Download) -> Result<Read, Failure> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = download.frame().await {
        let data = frame.map_err(|_| Failure::Lost)?.into_data().unwrap_or_default();
        if first.is_empty() && joined.is_empty() {
            // One frame is what nearly every answer is, and needs no copy.
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&data);
        }
        if first.len().max(joined.len()) > WHOLE_MAX {
            let head = if joined.is_empty() { first } else { joined.freeze() };
            return Ok(Read::Beyond(Body::new(Prefixed { head: Some(head), rest: download })));
        }
    }
    Ok(Read::Whole(if joined.is_empty() { first } else { joined.freeze() }))
}

/// Bytes that were read already, then the rest.
struct Prefixed {
    head: Option<Bytes>,
    rest: Download,
}

impl HttpBody for Prefixed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        match self.head.take() {
            Some(head) => Poll::Ready(Some(Ok(Frame::data(head)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.head.as_ref().map_or(0, |head| head.len() as u64);
        self.rest.size_hint().exact().map_or_else(SizeHint::new, |rest| SizeHint::with_exact(read + rest))
    }
}
