//! What becomes of an answer's body: small JSON is read whole, so that a broken one never looks whole to the
//! client; all else streams.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response as Answer;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::response_class::Whole;
use super::scrub::Secret;
use super::stream::Download;
use super::{WHOLE_MAX, coding, paid};
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
    /// Whether the call costs money: a success's status is then checked against the body.
    pub(super) paid: bool,
    /// What happens to a content coding.
    pub(super) coding: Coding,
}

/// What happens to the content coding of an answer that was read whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// The client accepts it and receives it. The gateway judges a decoded copy.
    Pass,
    /// The client does not accept it and receives the decoded body.
    Decode,
    /// The call is not about videos: the client receives it, and only errors are decoded, to be judged.
    Ignore,
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
            let judged = judged(&mut answer, bytes, treatment)?;
            answer.extensions_mut().insert(Whole(judged));
        }
        Read::Beyond(body) => *answer.body_mut() = body,
    }
    Ok(answer)
}

/// Sets the body that the client receives. Returns the body that is judged, which has no content coding.
fn judged(answer: &mut Answer, bytes: Bytes, treatment: Treatment) -> Result<Bytes, Failure> {
    let is_error = answer.status().as_u16() >= 400;
    let is_judged = treatment.coding != Coding::Ignore || is_error;
    let plain = if is_judged { coding::decoded(answer.headers(), &bytes) } else { Some(bytes.clone()) };
    let is_coded = !bytes.is_empty() && !coding::is_identity(answer.headers());
    let decodes = is_coded && treatment.coding == Coding::Decode;
    let body = match &plain {
        Some(plain) if decodes => {
            remove_body_headers(answer.headers_mut());
            plain.clone()
        }
        // The client could not read it either. For a paid call the outcome is open, which `paid` finds out.
        None if decodes && !is_error && !treatment.paid => return Err(Failure::Garbled),
        Some(_) | None => bytes.clone(),
    };
    *answer.body_mut() = Body::from(body);
    let plain = plain.unwrap_or(bytes);
    if treatment.paid && answer.status().is_success() {
        return Ok(paid::judge(answer, plain));
    }
    let Some(text) = unwrapped(answer, &plain, treatment) else { return Ok(plain) };
    replace(answer, text.clone());
    Ok(text.into())
}

/// The error inside an aggregator's wrapping, in OpenAI's form.
fn unwrapped(answer: &Answer, bytes: &[u8], treatment: Treatment) -> Option<String> {
    let status = answer.status();
    if !treatment.unwrap || status.as_u16() < 400 {
        return None;
    }
    dialect::unwrap::error(status, bytes).map(|error| openai::body(&error, Form::Service))
}

/// Whether an answer was read whole.
pub(super) fn is_whole(answer: &Answer) -> bool {
    answer.extensions().get::<Whole>().is_some()
}

/// The answer without a secret, where it was read whole.
pub(super) fn without(mut answer: Answer, secret: Option<&Secret>) -> Answer {
    let Some(Whole(bytes)) = answer.extensions().get() else { return answer };
    let Some(clean) = secret.and_then(|secret| secret.out_of(bytes)) else { return answer };
    remove_body_headers(answer.headers_mut());
    *answer.body_mut() = Body::from(clean.clone());
    answer.extensions_mut().insert(Whole(clean));
    answer
}

/// Removes the headers that describe a body which is being replaced.
fn remove_body_headers(headers: &mut HeaderMap) {
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ETAG);
}

/// Replaces the body with this JSON text.
pub(super) fn replace(answer: &mut Answer, text: String) {
    let headers = answer.headers_mut();
    remove_body_headers(headers);
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
