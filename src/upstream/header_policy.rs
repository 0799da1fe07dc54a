//! What heads for one upstream have in common: where they go, and whose credential they carry.

use std::io;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, Uri};

use super::call::Call;
use super::scrub::Secret;
use crate::config::upstreams::{Credential, Upstream as Settings};

/// See the [module](self).
pub(super) struct RequestHeaderPolicy {
    pub(super) settings: Settings,
    /// Value of the credential header, where the credential is the operator's.
    pub(super) credential: Option<HeaderValue>,
}

impl RequestHeaderPolicy {
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
    pub(super) fn target<'a>(&'a self, target: &'a Uri) -> Option<(&'a str, &'a str)> {
        let path = target.path_and_query()?.as_str();
        let prefix = self.settings.base.path.as_str();
        match path.strip_prefix("/v1") {
            Some(rest) => Some((prefix, rest)),
            None => (prefix == "/v1").then_some(("", path)),
        }
    }

    /// The client's token as the upstream wants it, where the client put it elsewhere.
    pub(super) fn moved(&self, call: &Call) -> Option<HeaderValue> {
        if self.credential.is_some() {
            return None;
        }
        let from = &call.head.headers;
        let bare = |name| from.get(name).and_then(|value| value.to_str().ok()).filter(|key| !key.is_empty());
        let token = if self.settings.credential_header != header::AUTHORIZATION {
            let bearer = from.get(header::AUTHORIZATION).map(bearer);
            // A credential of another scheme is no token: it goes on as it came.
            bearer.unwrap_or_else(|| bare(API_KEY).or_else(|| bare(AZURE_KEY)))
        } else if from.contains_key(header::AUTHORIZATION) || from.contains_key(API_KEY) {
            None
        } else {
            bare(AZURE_KEY)
        };
        credential_value(&self.settings, token?).ok()
    }
}

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Both OpenAI's and our own request id header.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where Anthropic's older SDKs put the key.
pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Where Azure's SDKs put it. It goes upstream in the header that the upstream reads.
const AZURE_KEY: HeaderName = HeaderName::from_static("api-key");

fn credential_value(settings: &Settings, token: &str) -> io::Result<HeaderValue> {
    let scheme = &settings.credential_scheme;
    let text = if scheme.is_empty() { token.to_owned() } else { format!("{scheme} {token}") };
    let mut value = HeaderValue::try_from(text).map_err(io::Error::other)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The token of a bearer credential.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
