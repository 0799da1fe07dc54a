//! Reading the body of a judged operation: its kind, then its bytes, within their limit.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::config::server::Limits;
use crate::joined::Joined;
use crate::params::Encoding;
use crate::rejection::Rejection;

/// The encoding of a body and all of its bytes.
pub(super) async fn read(head: &Parts, body: Body, limits: &Limits) -> Result<(Encoding, Bytes), Rejection> {
    check_content_encoding(head)?;
    let announced = announced(&body);
    too_large(announced, limits.form_body.max(limits.json_body))?;
    let encoding =
        Encoding::from_content_type(head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes))?;
    let limit = if encoding.is_json() { limits.json_body } else { limits.form_body };
    too_large(announced, limit)?;
    Ok((encoding, collect(body, limit, limits).await?))
}

/// Nothing is decompressed: what was judged must be what is read upstream.
fn check_content_encoding(head: &Parts) -> Result<(), Rejection> {
    match head.headers.get(header::CONTENT_ENCODING) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Rejection::ContentEncoding(String::from_utf8_lossy(value.as_bytes()).into_owned()))
        }
        _ => Ok(()),
    }
}

fn announced(body: &Body) -> u64 {
    HttpBody::size_hint(body).lower()
}

/// Refuses a body of this length, announced or read so far.
pub(super) fn too_large(read: u64, limit: u64) -> Result<(), Rejection> {
    if read > limit { Err(Rejection::BodyTooLarge { limit, read }) } else { Ok(()) }
}

/// How long the first `read` bytes of a body may take, pauses included.
fn in_time(read: u64, limits: &Limits) -> Duration {
    limits.body_time + Duration::from_secs(read / limits.body_rate.max(1))
}

async fn collect(mut body: Body, limit: u64, limits: &Limits) -> Result<Bytes, Rejection> {
    let expected = usize::try_from(announced(&body)).unwrap_or(0);
    let mut joined = Joined::default();
    let (mut read, began) = (0, Instant::now());
    loop {
        let until = (Instant::now() + limits.body_idle).min(began + in_time(read, limits));
        let frame = timeout_at(until, body.frame()).await.map_err(|_| Rejection::BodyStalled)?;
        let Some(frame) = frame else { return Ok(joined.into_bytes()) };
        let Ok(data) = frame.map_err(|_| Rejection::BodyBroken)?.into_data() else { continue };
        read += data.len() as u64;
        too_large(read, limit)?;
        joined.push(data, expected);
    }
}
