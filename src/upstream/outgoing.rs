//! A call in the upstream's terms: what every attempt of it sends, and what its layers need to know.

use axum::http::header::{self, Entry, HeaderName};
use axum::http::uri::{Parts, PathAndQuery};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri};
use std::io;
use std::sync::Arc;
use uuid::Uuid;

use super::call::{Call, Kind, Payload};
use super::deadline::Deadline;
use super::presence::Presence;
use super::scrub::Secret;
use super::tally::Tally;
use super::{headers, traced};
use crate::config::upstreams::{Credential, Upstream as Settings};
use crate::error::Dialect;
use crate::failure::Failure;
use crate::journey::Journey;
use crate::quota::allowance::Allowance;

/// What all attempts of a call have in common.
pub(super) struct Terms {
    pub(super) kind: Kind,
    /// The call itself.
    pub(super) call: Arc<Call>,
    /// Writes its head, the same on every attempt.
    pub(super) heads: Arc<Heads>,
    /// The name of a call that costs money, where its client gave it none.
    pub(super) key: Option<HeaderValue>,
    /// Whose errors the client reads.
    pub(super) dialect: Dialect,
    pub(super) deadline: Deadline,
    /// What counts attempts, where the upstream has a quota.
    pub(super) allowance: Option<Arc<Allowance>>,
    pub(super) client: Presence,
    pub(super) tally: Tally,
    /// What the call is part of: where waits for the upstream count, and its way is written down.
    pub(super) journey: Journey,
}

impl Terms {
    /// The head of an attempt.
    pub(super) fn head(&self) -> Result<Request<()>, Failure> {
        self.heads.of(&self.call, self.key.as_ref())
    }

    pub(super) fn method(&self) -> &Method {
        &self.call.head.method
    }
}

/// One call, or one attempt of it, on its way down the layers.
pub(super) struct Outgoing {
    pub(super) terms: Arc<Terms>,
    pub(super) payload: Payload,
}

/// Writes heads as one upstream wants them.
pub(super) struct Heads {
    settings: Settings,
    /// Value of the credential header, where the credential is the operator's.
    credential: Option<HeaderValue>,
}

impl Heads {
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let credential = match &settings.credential {
            Credential::Client => None,
            Credential::Operator(secret) => Some(credential_value(settings, secret.expose())?),
        };
        Ok(Self { settings: settings.clone(), credential })
    }

    /// The operator's credential, where it is one.
    pub(super) fn secret(&self) -> Option<Secret> {
        match &self.settings.credential {
            Credential::Client => None,
            Credential::Operator(secret) => Secret::new(secret.expose()),
        }
    }

    /// Whether the credential is the operator's.
    pub(super) fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    /// The head of a call. `key`: what names it, where its client does not.
    fn of(&self, call: &Call, key: Option<&HeaderValue>) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = call.head.method.clone();
        *request.uri_mut() = self.uri(&call.head.uri).ok_or(Failure::Unreachable)?;
        *request.headers_mut() = headers::outgoing(&call.head.headers, &self.settings.forward_headers);
        traced::prepare(request.headers_mut(), call.journey.trace());
        request.headers_mut().insert(REQUEST_ID, call.journey.id().value().clone());
        if let Some(key) = key {
            request.headers_mut().insert(IDEMPOTENCY_KEY, key.clone());
        }
        if let (true, Entry::Occupied(mut codings)) =
            (is_about_job(call), request.headers_mut().entry(header::ACCEPT_ENCODING))
        {
            // Which job it is and how far it has come must be readable, and nothing is decompressed here.
            codings.insert(IDENTITY);
        }
        self.authorize(&call.head.headers, request.headers_mut());
        Ok(request)
    }

    /// The client's raw path and query, never decoded, with the upstream's prefix in place of `/v1`.
    pub(super) fn uri(&self, target: &Uri) -> Option<Uri> {
        let base = &self.settings.base;
        let path = target.path_and_query()?;
        let path = if base.path == "/v1" {
            path.clone()
        } else {
            let rest = path.as_str().strip_prefix("/v1")?;
            PathAndQuery::try_from(format!("{}{rest}", base.path)).ok()?
        };
        let mut parts = Parts::default();
        parts.scheme = Some(base.scheme.clone());
        parts.authority = Some(base.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).ok()
    }

    fn authorize(&self, from: &HeaderMap, to: &mut HeaderMap) {
        let name = &self.settings.credential_header;
        if let Some(credential) = &self.credential {
            for name in &headers::ACCOUNT {
                to.remove(name);
            }
            to.insert(name, credential.clone());
            return;
        }
        for name in [&header::AUTHORIZATION, &API_KEY] {
            if let Some(value) = from.get(name) {
                to.insert(name, value.clone());
            }
        }
        // Servers that want the bare key elsewhere get it there, and only there.
        if *name != header::AUTHORIZATION
            && let Some(token) = to.get(header::AUTHORIZATION).and_then(bearer)
            && let Ok(value) = credential_value(&self.settings, &token)
        {
            to.remove(header::AUTHORIZATION);
            to.insert(name, value);
        }
    }
}

/// A create has a name of its own, so that an upstream that knows repeats by it can: the client's, or this new one.
pub(super) fn key_of(call: &Call) -> Option<HeaderValue> {
    let is_named = call.kind != Kind::Submit || call.head.headers.contains_key(IDEMPOTENCY_KEY);
    (!is_named).then(|| HeaderValue::try_from(Uuid::new_v4().to_string()).ok()).flatten()
}

/// Whether the answer tells of a job, and is not what the job made.
fn is_about_job(call: &Call) -> bool {
    match call.kind {
        Kind::Submit => true,
        Kind::Fetch => !call.head.uri.path().ends_with("/content"),
        Kind::Other => false,
    }
}

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Both OpenAI's and our own request id header.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where Anthropic's older SDKs put the key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

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
