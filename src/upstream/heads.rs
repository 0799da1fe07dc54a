//! The head of an attempt: the client's, as one upstream wants it.

use std::io;

use axum::http::header::{self, HeaderName};
use axum::http::uri::{Parts, PathAndQuery};
use axum::http::{HeaderValue, Method, Request, Uri};

use super::call::{Call, Kind};
use super::connect::Head;
use super::headers::{self, Outbound};
use super::outgoing::Terms;
use super::scrub::Secret;
use super::traced::{TRACEPARENT, TRACESTATE, is_state_passed};
use crate::config::upstreams::{Credential, Upstream as Settings};
use crate::failure::Failure;
use crate::trace_context::Traceparent;

/// What heads for one upstream have in common.
pub(super) struct Heads {
    settings: Settings,
    /// Value of the credential header, where the credential is the operator's.
    credential: Option<HeaderValue>,
}

/// The head of one attempt, which is written only as it leaves.
pub(super) struct AttemptHead<'a> {
    terms: &'a Terms,
    /// Its own span, where the request has a trace.
    span: Option<Traceparent>,
    /// What the upstream has in place of `/v1`, and what follows it, query included, as it came.
    target: (&'a str, &'a str),
    /// The client's token for a server that wants it bare, in a header of its own.
    bare: Option<HeaderValue>,
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

    /// The client's raw path and query, never decoded, with the upstream's prefix in place of `/v1`.
    fn target<'a>(&'a self, target: &'a Uri) -> Option<(&'a str, &'a str)> {
        let path = target.path_and_query()?.as_str();
        let prefix = self.settings.base.path.as_str();
        match path.strip_prefix("/v1") {
            Some(rest) => Some((prefix, rest)),
            None => (prefix == "/v1").then_some(("", path)),
        }
    }

    /// The client's token, for a server that wants it elsewhere.
    fn bare(&self, call: &Call) -> Option<HeaderValue> {
        if self.credential.is_some() || self.settings.credential_header == header::AUTHORIZATION {
            return None;
        }
        let token = bearer(call.head.headers.get(header::AUTHORIZATION)?)?;
        credential_value(&self.settings, &token).ok()
    }
}

impl<'a> AttemptHead<'a> {
    pub(super) fn of(terms: &'a Terms, span: Option<Traceparent>) -> Result<Self, Failure> {
        let target = terms.heads.target(&terms.call.head.uri).ok_or(Failure::Unreachable)?;
        Ok(Self { terms, span, target, bare: terms.heads.bare(&terms.call) })
    }

    /// Where it goes.
    pub(super) fn uri(&self) -> Option<Uri> {
        let base = &self.terms.heads.settings.base;
        let mut parts = Parts::default();
        parts.scheme = Some(base.scheme.clone());
        parts.authority = Some(base.authority.clone());
        parts.path_and_query =
            Some(PathAndQuery::try_from(format!("{}{}", self.target.0, self.target.1)).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Whether a header is ours to write, whatever the client's says.
    fn is_own(&self, name: &HeaderName) -> bool {
        let credential = &self.terms.heads.settings.credential_header;
        let is_credential = if self.terms.heads.has_credential() {
            name == credential || headers::ACCOUNT.contains(name)
        } else {
            self.bare.is_some() && name == credential
        };
        is_credential || *name == TRACEPARENT || *name == REQUEST_ID
    }

    /// Shows the client's headers that go on; yields its credentials, each as it came first.
    fn each_of_client(
        &self,
        show: &mut impl FnMut(&HeaderName, &HeaderValue),
    ) -> [Option<&'a HeaderValue>; 2] {
        let call = &*self.terms.call;
        let from = &call.head.headers;
        let outbound = Outbound::of(from, &self.terms.heads.settings.forward_headers);
        let is_about_job = is_about_job(call);
        let mut codings = 0;
        let (mut authorization, mut api_key) = (None, None);
        for (name, value) in from {
            if *name == header::AUTHORIZATION {
                authorization = authorization.or(Some(value));
            } else if *name == API_KEY {
                api_key = api_key.or(Some(value));
            } else if is_about_job && *name == header::ACCEPT_ENCODING {
                codings += 1;
            } else if outbound.passes(name)
                && !self.is_own(name)
                && (*name != TRACESTATE || is_state_passed(from, call.journey.trace()))
            {
                show(name, value);
            }
        }
        if codings > 0 {
            // Which job it is and how far it has come must be readable, and nothing is decompressed here.
            show(&header::ACCEPT_ENCODING, &IDENTITY);
        }
        [authorization, api_key]
    }
}

impl Head for AttemptHead<'_> {
    fn method(&self) -> &Method {
        self.terms.method()
    }

    fn write_target(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.target.0.as_bytes());
        to.extend_from_slice(self.target.1.as_bytes());
    }

    fn each_header(&self, mut show: impl FnMut(&HeaderName, &HeaderValue)) {
        let [authorization, api_key] = self.each_of_client(&mut show);
        show(&REQUEST_ID, self.terms.journey.id().value());
        if let Some(key) = &self.terms.key {
            show(&IDEMPOTENCY_KEY, key);
        }
        if let Some(span) = self.span {
            show(&TRACEPARENT, &span.value());
        }
        let name = &self.terms.heads.settings.credential_header;
        if let Some(credential) = &self.terms.heads.credential {
            return show(name, credential);
        }
        match &self.bare {
            // There, and only there.
            Some(bare) => show(name, bare),
            None => authorization.into_iter().for_each(|value| show(&header::AUTHORIZATION, value)),
        }
        if self.bare.is_none() || *name != API_KEY {
            api_key.into_iter().for_each(|value| show(&API_KEY, value));
        }
    }

    fn request(&self) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = self.method().clone();
        *request.uri_mut() = self.uri().ok_or(Failure::Unreachable)?;
        self.each_header(|name, value| {
            request.headers_mut().append(name, value.clone());
        });
        Ok(request)
    }
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
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
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
