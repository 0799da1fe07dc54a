//! Reading the body of a judged operation: its kind, then its bytes, within their limit. Large files go to the spool as
//! they come.

use std::sync::Arc;
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
use crate::params::large::Spooler;
use crate::rejection::Rejection;
use crate::request_body::RequestBody;
use crate::spool::{Spool, Stored};

/// The encoding of a body and all of it.
pub(super) async fn read(
    head: &Parts,
    body: Body,
    limits: &Limits,
    spool: &Arc<Spool>,
) -> Result<(Encoding, RequestBody), Rejection> {
    check_content_encoding(head)?;
    let announced = announced(&body);
    too_large(announced, limits.form_body.max(limits.json_body))?;
    let encoding =
        Encoding::from_content_type(head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes))?;
    let limit = if encoding.is_json() { limits.json_body } else { limits.form_body };
    too_large(announced, limit)?;
    let arriving = Arriving { read: 0, limit, began: Instant::now(), body, limits };
    let held = collect(arriving, &encoding, spool).await?;
    Ok((encoding, held))
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

/// A body, within its bounds.
struct Arriving<'l> {
    body: Body,
    /// Bytes so far.
    read: u64,
    limit: u64,
    began: Instant,
    limits: &'l Limits,
}

impl Arriving<'_> {
    /// The next piece of it.
    async fn piece(&mut self) -> Result<Option<Bytes>, Rejection> {
        loop {
            let now = Instant::now();
            let until = (now + self.limits.body_idle).min(self.began + in_time(self.read, self.limits));
            let frame = timeout_at(until, self.body.frame()).await.map_err(|_| Rejection::BodyStalled)?;
            let Some(frame) = frame else { return Ok(None) };
            let Ok(piece) = frame.map_err(|_| Rejection::BodyBroken)?.into_data() else { continue };
            self.read += piece.len() as u64;
            too_large(self.read, self.limit)?;
            return Ok(Some(piece));
        }
    }
}

async fn collect(
    mut arriving: Arriving<'_>,
    encoding: &Encoding,
    spool: &Arc<Spool>,
) -> Result<RequestBody, Rejection> {
    let expected = usize::try_from(announced(&arriving.body)).unwrap_or(0);
    let fields = &arriving.limits.fields;
    let mut joined = Joined::default();
    while let Some(piece) = arriving.piece().await? {
        // What is announced as large is not joined first.
        if let Some(spooler) = Spooler::for_body(encoding, arriving.read.max(expected as u64), fields) {
            let first = [joined.into_bytes(), piece];
            let spooling = Spooling { spooler, spool, taken: Vec::new(), stored: None };
            // Apart, and large: what holds no files needs no room for it.
            return Box::pin(spooling.all(first, arriving)).await;
        }
        joined.push(piece, expected);
    }
    Ok(joined.into_bytes().into())
}

/// A body of which what is large goes to the spool.
struct Spooling<'s> {
    spooler: Spooler,
    spool: &'s Arc<Spool>,
    /// What goes there next.
    taken: Vec<Bytes>,
    /// What is there.
    stored: Option<Stored>,
}

/// Bytes that go to the spool at a time.
const WRITE: usize = 128 << 10;

impl Spooling<'_> {
    async fn all(mut self, first: [Bytes; 2], mut arriving: Arriving<'_>) -> Result<RequestBody, Rejection> {
        for piece in first {
            self.spooler.push(piece, &mut self.taken)?;
        }
        while !self.spooler.is_refused()
            && let Some(piece) = arriving.piece().await?
        {
            self.spooler.push(piece, &mut self.taken)?;
            if self.taken.iter().map(Bytes::len).sum::<usize>() >= WRITE {
                self.store().await?;
            }
        }
        if !self.taken.is_empty() {
            self.store().await?;
        }
        let (bytes, gaps) = self.spooler.finish();
        Ok(match self.stored {
            Some(stored) => RequestBody::new(bytes, gaps, stored),
            None => bytes.into(),
        })
    }

    async fn store(&mut self) -> Result<(), Rejection> {
        let stored = self.stored.take().map_or_else(|| self.spool.begin(), Ok)?;
        self.stored = Some(stored.append(std::mem::take(&mut self.taken)).await?);
        Ok(())
    }
}
