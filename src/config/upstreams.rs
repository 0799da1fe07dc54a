//! `[upstreams.NAME]`: the servers behind the gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderName, Uri};
use rustls::pki_types::CertificateDer;
use toml::Value;

use super::certificates::{Identity, read_authorities, read_identity};
use super::quota::Quota;
use super::reader::Section;
use super::retry::{Breaker, Retry};
use super::secret::{self, Secret, Sources};
use super::server::TCP_KEEP_ALIVE;

/// One upstream.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where it is.
    pub base: Base,
    /// What authenticates us there.
    pub credential: Credential,
    /// The header that carries the credential.
    pub credential_header: HeaderName,
    /// What stands before the credential in that header, such as `Bearer`; may be empty.
    pub credential_scheme: String,
    /// HTTP version spoken.
    pub protocol: Protocol,
    /// Authorities trusted beside the system's: the certificates of `ca_file`.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What the gateway shows of itself there: the certificate of `client_cert`, and its key.
    pub identity: Option<Identity>,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long the answer's head may take for calls that start a generation.
    pub submit_timeout: Duration,
    /// How long the answer's head may take for reading, listing and deleting.
    pub fetch_timeout: Duration,
    /// How long the answer's head may take on routes that are not about videos.
    pub other_timeout: Duration,
    /// How long all attempts of a call that starts a generation may take, pauses between them included.
    pub submit_deadline: Duration,
    /// The same for reading, listing and deleting.
    pub fetch_deadline: Duration,
    /// The same on routes that are not about videos.
    pub other_deadline: Duration,
    /// How long a body may pause, in either direction.
    pub body_idle: Duration,
    /// How long a stream of events may pause.
    pub sse_idle: Duration,
    /// Longest event that is held until it is whole, in bytes.
    pub event_max: usize,
    /// How often in a row a download that broke is asked for where it broke; 0: never.
    pub resume_attempts: u32,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// How many connections may be open ahead for calls that start a generation, a worker; 0: none.
    pub spare_connections: u32,
    /// How long such a connection is kept.
    pub spare_age: Duration,
    /// How long a connection may be silent before TCP asks whether the upstream is still there. `None`: for ever.
    pub tcp_keep_alive: Option<Duration>,
    /// Whether errors wrapped by aggregators are unwrapped.
    pub unwrap_errors: bool,
    /// How many attempts in a time it takes, and jobs at a time.
    pub quota: Quota,
    /// Further request headers that are sent on.
    pub forward_headers: Vec<HeaderName>,
    /// Whether it answers a repeated `Idempotency-Key` with the job it already has.
    pub idempotent: bool,
    /// When a call is asked again.
    pub retry: Retry,
    /// When nothing is asked for a while.
    pub breaker: Breaker,
}

/// Where an upstream is: what stands in place of the client's `scheme://host/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// Path that replaces `/v1`; empty, or starts with a slash and does not end with one.
    pub path: String,
}

/// What authenticates us at an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The client's own.
    Client,
    /// The operator's.
    Operator(Secret),
}

/// HTTP version spoken to an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// What TLS negotiates; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only, also without TLS.
    Http2,
}

impl Base {
    /// A server on this machine.
    #[must_use]
    pub fn loopback(address: SocketAddr) -> Self {
        // An address with a port is always an authority.
        let authority =
            Authority::try_from(address.to_string()).unwrap_or(Authority::from_static("localhost"));
        Self { scheme: Scheme::HTTP, authority, path: "/v1".to_owned() }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is no URL")?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let (Some(scheme), Some(authority)) = (scheme, parts.authority) else {
            return Err("it does not start with http:// or https:// and a host");
        };
        if authority.as_str().contains('@') {
            return Err("a credential must not stand in it");
        }
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        if parts.path_and_query.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err("a query must not stand in it");
        }
        Ok(Self { scheme, authority, path: path.trim_end_matches('/').to_owned() })
    }
}

impl Upstream {
    /// Settings at their defaults.
    #[must_use]
    pub fn at(name: &str, base: Base) -> Self {
        Self {
            name: name.into(),
            base,
            credential: Credential::Client,
            credential_header: axum::http::header::AUTHORIZATION,
            credential_scheme: "Bearer".to_owned(),
            protocol: Protocol::Auto,
            authorities: Vec::new(),
            identity: None,
            connect_timeout: Duration::from_secs(5),
            submit_timeout: Duration::from_mins(5),
            fetch_timeout: Duration::from_secs(20),
            other_timeout: Duration::from_mins(30),
            submit_deadline: Duration::from_mins(9),
            fetch_deadline: Duration::from_secs(60),
            other_deadline: Duration::from_mins(30),
            body_idle: Duration::from_secs(30),
            sse_idle: Duration::from_mins(5),
            event_max: 1 << 20,
            resume_attempts: 2,
            pool_idle: Duration::from_secs(15),
            spare_connections: 1,
            spare_age: Duration::from_secs(5),
            tcp_keep_alive: Some(TCP_KEEP_ALIVE),
            unwrap_errors: true,
            quota: Quota::default(),
            forward_headers: Vec::new(),
            idempotent: false,
            retry: Retry::default(),
            breaker: Breaker::default(),
        }
    }

    pub(super) fn read(name: &str, mut section: Section<'_>, sources: Sources<'_>) -> Option<Self> {
        let base = read_base(&mut section);
        let nowhere =
            Base { scheme: Scheme::HTTP, authority: Authority::from_static("invalid"), path: String::new() };
        let default = Self::at(name, nowhere);
        let protocols = [("auto", Protocol::Auto), ("http1", Protocol::Http1), ("http2", Protocol::Http2)];
        let upstream = Self {
            credential: read_credential(&mut section, sources),
            credential_header: section
                .parsed("credential_header", "use the name of a header")
                .unwrap_or(default.credential_header),
            credential_scheme: section
                .any_text("credential_scheme")
                .map_or(default.credential_scheme, str::to_owned),
            protocol: section.choice("protocol", &protocols, default.protocol),
            authorities: read_authorities(&mut section, sources),
            identity: read_identity(&mut section, sources),
            connect_timeout: section.duration("connect_timeout", default.connect_timeout),
            submit_timeout: section.duration("submit_timeout", default.submit_timeout),
            fetch_timeout: section.duration("fetch_timeout", default.fetch_timeout),
            other_timeout: section.duration("other_timeout", default.other_timeout),
            submit_deadline: section.duration("submit_deadline", default.submit_deadline),
            fetch_deadline: section.duration("fetch_deadline", default.fetch_deadline),
            other_deadline: section.duration("other_deadline", default.other_deadline),
            body_idle: section.duration("body_idle", default.body_idle),
            sse_idle: section.duration("sse_idle", default.sse_idle),
            event_max: section.length("event_max", default.event_max),
            resume_attempts: section.number("resume_attempts", default.resume_attempts, 0..=10),
            pool_idle: section.duration("pool_idle", default.pool_idle),
            spare_connections: section.number("spare_connections", default.spare_connections, 0..=16),
            spare_age: section.duration("spare_age", default.spare_age),
            tcp_keep_alive: section.duration_or_off("tcp_keep_alive", default.tcp_keep_alive),
            unwrap_errors: section.flag("unwrap_errors", default.unwrap_errors),
            quota: Quota::read(section.section("quota")),
            forward_headers: section.request_header_names("forward_headers"),
            idempotent: section.flag("idempotent", default.idempotent),
            retry: Retry::read(section.section("retry")),
            breaker: Breaker::read(section.section("breaker")),
            name: default.name,
            base: base.clone().unwrap_or(default.base),
        };
        section.finish();
        base.map(|_| upstream)
    }
}

fn read_base(section: &mut Section<'_>) -> Option<Base> {
    const RIGHT: &str = "use what SDKs call base_url, such as \"https://api.example.com/v1\"";
    let Some(text) = section.text("base_url") else {
        section.problem("base_url", format!("missing ({RIGHT})"));
        return None;
    };
    Base::parse(text)
        // The value is not shown: it may hold a password.
        .map_err(|wrong| section.problem("base_url", format!("not allowed: {wrong} ({RIGHT})")))
        .ok()
}

fn read_credential(section: &mut Section<'_>, sources: Sources<'_>) -> Credential {
    const RIGHT: &str = "use \"client\", { env = \"NAME\" } or { file = \"PATH\" }";
    match section.value("credential") {
        None => Credential::Client,
        Some(Value::String(word)) if word == "client" => Credential::Client,
        Some(Value::Table(_)) => {
            let inner = section.section("credential");
            secret::read(inner, sources).map_or(Credential::Client, Credential::Operator)
        }
        // The value is not shown: it may be the secret itself.
        Some(_) => {
            section.problem("credential", format!("a credential must not stand in the file ({RIGHT})"));
            Credential::Client
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_what_sdks_call_one() {
        let base = Base::parse("https://res.openai.azure.com/openai/v1/").expect("a base");
        assert_eq!(base.path, "/openai/v1");
        assert_eq!(Base::parse("http://127.0.0.1:8000").expect("a base").path, "");
        for text in ["", "/v1", "api.openai.com/v1", "ftp://x/v1", "http://u:p@x/v1", "http://x/v1?a=b"] {
            assert!(Base::parse(text).is_err(), "{text}");
        }
    }
}
