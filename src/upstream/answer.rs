//! What becomes of an answer's body: small JSON is read whole, so that a broken one never looks whole to the
//! client; all else streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response as Answer;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::WHOLE_MAX;
use super::said::Whole;
use super::scrub::Secret;
use super::stream::Download;
use crate::dialect;
use crate::error::{Form, openai};
use crate::failure::Failure;
use crate::joined::Joined;

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

/// Whether a body of this head is one JSON document.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let (start, rest) = value.split_at_checked(16).unwrap_or_default();
    // `application/jsonl` and `application/json-seq` are streams.
    start.eq_ignore_ascii_case(b"application/json") && matches!(rest.first(), None | Some(b';' | b' '))
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
        Read::Whole(bytes) => {
            let text = unwrapped(&answer, &bytes, treatment);
            let judged = text.as_ref().map_or_else(|| bytes.clone(), |text| Bytes::from(text.clone()));
            answer.extensions_mut().insert(Whole(judged));
            match text {
                Some(text) => replace(&mut answer, text),
                None => *answer.body_mut() = Body::from(bytes),
            }
        }
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

/// Whether an answer was read whole.
pub(super) fn is_whole(answer: &Answer) -> bool {
    answer.extensions().get::<Whole>().is_some()
}

/// The answer without a secret, where it was read whole.
pub(super) fn without(mut answer: Answer, secret: Option<&Secret>) -> Answer {
    let Some(Whole(bytes)) = answer.extensions().get() else { return answer };
    let Some(clean) = secret.and_then(|secret| secret.out_of(bytes)) else { return answer };
    answer.headers_mut().remove(header::CONTENT_LENGTH);
    answer.headers_mut().remove(header::ETAG);
    *answer.body_mut() = Body::from(clean.clone());
    answer.extensions_mut().insert(Whole(clean));
    answer
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
    let mut joined = Joined::default();
    while let Some(frame) = download.frame().await {
        joined.push(frame.map_err(|_| Failure::Lost)?.into_data().unwrap_or_default(), 0);
        if joined.len() > WHOLE_MAX {
            let head = Some(joined.into_bytes());
            return Ok(Read::Beyond(Body::new(Prefixed { head, rest: download })));
        }
    }
    Ok(Read::Whole(joined.into_bytes()))
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
