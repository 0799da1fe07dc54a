//! Talking to the servers behind the gateway. Knows nothing of models, seconds or sizes.
//!
//! [`Upstreams`] belongs to one worker: its connections are never shared between threads. Every call ends in
//! an answer or in a [`Failure`], within the times the configuration sets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use axum::response::Response as Answer;
use rustls::ClientConfig;
use tokio::time::timeout_at;

use crate::config::Config;
use crate::config::upstreams::{Credential, Upstream as Settings};
use crate::failure::Failure;
use crate::rejection::Rejection;
use crate::request_id::RequestId;

mod answer;
mod connect;
mod headers;
mod resume;
mod send;
mod sse;
mod stream;
#[cfg(test)]
mod tests;

pub use connect::Leaf;
use connect::Reuse;
use send::Sent;

/// The connections of one worker to every upstream.
#[derive(Clone)]
pub struct Upstreams {
    all: Arc<[Upstream]>,
    answer_headers: Arc<[HeaderName]>,
}

struct Upstream {
    settings: Settings,
    /// Value of the credential header, where the credential is the operator's.
    credential: Option<HeaderValue>,
    submit: Leaf,
    fetch: Leaf,
}

/// Which stack a call takes: the rules differ because the cost does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Starts, and bills, a generation.
    Submit,
    /// Reads, lists or deletes.
    Fetch,
    /// Is not about videos, and may take as long as it takes.
    Other,
}

/// One call, still in the client's terms.
#[derive(Debug)]
pub struct Call {
    /// How it is treated.
    pub kind: Kind,
    /// Its head. The target starts with `/v1`; the headers that go on are picked here.
    pub head: Parts,
    /// What identifies the request in everybody's logs.
    pub request_id: RequestId,
}

impl Call {
    /// The call that a request comes to. The edge has given it its id.
    #[must_use]
    pub fn new(kind: Kind, head: Parts) -> Self {
        let request_id = head.extensions.get().cloned().unwrap_or_else(RequestId::random);
        Self { kind, head, request_id }
    }
}

/// What goes upstream as the body.
pub enum Payload {
    /// Nothing.
    Empty,
    /// All of it is here, in pieces.
    Whole(Vec<Bytes>),
    /// It is still arriving.
    Streaming {
        /// The body.
        body: Body,
        /// Most bytes it may have.
        limit: u64,
        /// How long the client may pause.
        idle: Duration,
    },
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The upstream's side.
    Failed(Failure),
    /// The client's side: its body could not be read to the end.
    Rejected(Rejection),
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Upstreams {
    /// Prepares clients of every upstream for each of `workers`; connects to none of them.
    ///
    /// # Errors
    /// If a certificate file cannot be read.
    pub fn for_workers(config: &Config, workers: usize) -> io::Result<Vec<Self>> {
        // Reading the system's certificates takes longer than all else at start: once is enough.
        let tls: io::Result<Vec<ClientConfig>> = config.upstreams.iter().map(tls).collect();
        let tls = tls?;
        let leaves = |index: usize, settings: &Settings| {
            let tls = tls.get(index).ok_or(io::ErrorKind::NotFound)?;
            let leaf = |reuse| connect::leaf(settings, tls.clone(), reuse);
            Ok((leaf(Reuse::Fresh), leaf(Reuse::Pooled)))
        };
        (0..workers).map(|_| Self::with(config, leaves)).collect()
    }

    /// As [`Self::for_workers`], for a single one.
    ///
    /// # Errors
    /// As there.
    pub fn new(config: &Config) -> io::Result<Self> {
        Self::for_workers(config, 1)?.pop().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The same over a leaf of the caller's, in place of connections.
    ///
    /// # Errors
    /// If an operator's credential makes no header value.
    pub fn over(config: &Config, leaf: &Leaf) -> io::Result<Self> {
        Self::with(config, |_, _| Ok((leaf.clone(), leaf.clone())))
    }

    fn with(
        config: &Config,
        leaves: impl Fn(usize, &Settings) -> io::Result<(Leaf, Leaf)>,
    ) -> io::Result<Self> {
        let upstreams = config.upstreams.iter().enumerate().map(|(index, settings)| {
            let (submit, fetch) = leaves(index, settings)?;
            let credential = match &settings.credential {
                Credential::Client => None,
                Credential::Operator(secret) => Some(credential_value(settings, secret.expose())?),
            };
            Ok(Upstream { settings: settings.clone(), credential, submit, fetch })
        });
        let all: io::Result<Arc<[Upstream]>> = upstreams.collect();
        Ok(Self { all: all?, answer_headers: config.routes.answer_headers.as_slice().into() })
    }

    /// Makes the call at the upstream of that name.
    ///
    /// # Errors
    /// Without an answer; see [`Unanswered`].
    pub async fn send(&self, name: &str, call: &Call, payload: Payload) -> Result<Answer, Unanswered> {
        let upstream = self.all.iter().find(|upstream| *upstream.settings.name == *name);
        // The configuration was checked: a name that is missing here was removed from under us.
        let upstream = upstream.ok_or(Failure::Unreachable)?;
        upstream.send(call, payload, &self.answer_headers).await
    }
}

impl Upstream {
    async fn send(
        &self,
        call: &Call,
        payload: Payload,
        answer_headers: &[HeaderName],
    ) -> Result<Answer, Unanswered> {
        let (leaf, head_timeout) = match call.kind {
            Kind::Submit => (&self.submit, self.settings.submit_timeout),
            Kind::Fetch => (&self.fetch, self.settings.fetch_timeout),
            Kind::Other => (&self.fetch, self.settings.other_timeout),
        };
        let request = self.request(call)?;
        let sent = Sent { head_timeout, body_idle: self.settings.body_idle };
        let (answer, deadline) = sent.send(leaf, request, payload).await?;
        let received = self.received(call, answer, answer_headers);
        // What is read whole must come within the time of its head: nobody sees a byte of it before.
        timeout_at(deadline, received).await.unwrap_or(Err(Failure::HeadTimeout.into()))
    }

    /// The request in the upstream's terms, without its body.
    fn request(&self, call: &Call) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = call.head.method.clone();
        *request.uri_mut() = self.uri(&call.head.uri).ok_or(Failure::Unreachable)?;
        *request.headers_mut() = headers::outgoing(&call.head.headers, &self.settings.forward_headers);
        request.headers_mut().insert(REQUEST_ID, call.request_id.value().clone());
        self.authorize(&call.head.headers, request.headers_mut());
        Ok(request)
    }

    /// The client's raw path and query, never decoded, with the upstream's prefix in place of `/v1`.
    fn uri(&self, target: &Uri) -> Option<Uri> {
        let base = &self.settings.base;
        let path = target.path_and_query()?;
        let path = if base.path == "/v1" {
            path.clone()
        } else {
            let rest = path.as_str().strip_prefix("/v1")?;
            PathAndQuery::try_from(format!("{}{rest}", base.path)).ok()?
        };
        let uri = Uri::builder().scheme(base.scheme.clone()).authority(base.authority.clone());
        uri.path_and_query(path).build().ok()
    }

    fn authorize(&self, from: &HeaderMap, to: &mut HeaderMap) {
        let header = &self.settings.credential_header;
        if let Some(credential) = &self.credential {
            for name in &headers::ACCOUNT {
                to.remove(name);
            }
            to.insert(header, credential.clone());
            return;
        }
        for name in [&axum::http::header::AUTHORIZATION, &API_KEY] {
            if let Some(value) = from.get(name) {
                to.insert(name, value.clone());
            }
        }
        // Servers that want the bare key elsewhere get it there, and only there.
        let token = to.get(axum::http::header::AUTHORIZATION).and_then(bearer);
        if let (true, Some(token)) = (*header != axum::http::header::AUTHORIZATION, token)
            && let Ok(value) = credential_value(&self.settings, &token)
        {
            to.remove(axum::http::header::AUTHORIZATION);
            to.insert(header, value);
        }
    }

    /// The answer in the client's terms.
    async fn received(
        &self,
        call: &Call,
        answer: Response<Body>,
        extra: &[HeaderName],
    ) -> Result<Answer, Unanswered> {
        let status = answer.status();
        if status.is_informational() || !headers::is_plainly_framed(answer.headers()) {
            return Err(Failure::Garbled.into());
        }
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(Failure::Redirected.into());
        }
        if status == StatusCode::UNAUTHORIZED && self.credential.is_some() {
            return Err(Failure::Credential.into());
        }
        let (head, body) = answer.into_parts();
        let mut headers = headers::incoming(&head.headers, extra);
        if call.kind == Kind::Submit && leaves_open(status) {
            // The SDK would ask again by itself, and could pay twice; the upstream's own word counts more.
            headers.entry(SHOULD_RETRY).or_insert(HeaderValue::from_static("false"));
        }
        let treatment = answer::Treatment {
            whole: call.kind == Kind::Submit || answer::is_json(&headers),
            bodiless: call.head.method == Method::HEAD,
            // What is not about videos passes as it is, whatever its errors look like.
            unwrap: self.settings.unwrap_errors && call.kind != Kind::Other,
        };
        if treatment.streams() {
            return Ok(self.streamed(call, answer::assembled(status, headers, body))?);
        }
        let download = stream::Download::new(body, self.settings.body_idle);
        answer::received(status, headers, download, treatment).await.map_err(Unanswered::Failed)
    }
}

/// Whether a status leaves open what became of a call: a server may fail, or be cut off by another in front of
/// it, after it took the job. 429, 503 and 529 refuse it.
fn leaves_open(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 500 | 502 | 504)
}

/// Tells SDKs whether to ask again by themselves.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// Both OpenAI's and our own request id header.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where Anthropic's older SDKs put the key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn tls(settings: &Settings) -> io::Result<ClientConfig> {
    connect::tls(settings).map_err(|error| {
        io::Error::new(error.kind(), format!("upstreams.{}.ca_file: {error}", settings.name))
    })
}

fn credential_value(settings: &Settings, token: &str) -> io::Result<HeaderValue> {
    let scheme = &settings.credential_scheme;
    let text = if scheme.is_empty() { token.to_owned() } else { format!("{scheme} {token}") };
    let mut value = HeaderValue::try_from(text).map_err(io::Error::other)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The token of a bearer credential.
fn bearer(value: &HeaderValue) -> Option<String> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.to_owned())
}

/// Longest a JSON answer may be to be read whole before its head is sent on, in bytes.
const WHOLE_MAX: usize = 1 << 20;
