//! What connections to one upstream are made by.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::uri::{Authority, Scheme};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::config::certificates::Identity;
use crate::config::upstreams::{Protocol, Upstream as Settings};

/// All that connections are made by: as long as it stays the same, they can be used on.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::upstream) struct ConnectionSettings {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) protocol: Protocol,
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    pub(super) connect_timeout: Duration,
    pub(super) body_idle: Duration,
    pub(super) pool_idle: Duration,
    pub(super) spare_connections: u32,
    pub(super) spare_age: Duration,
    pub(super) tcp_keep_alive: Option<Duration>,
}

impl ConnectionSettings {
    pub(in crate::upstream) fn of(settings: &Settings) -> Self {
        Self {
            scheme: settings.base.scheme.clone(),
            authority: settings.base.authority.clone(),
            protocol: settings.protocol,
            authorities: settings.authorities.clone(),
            identity: settings.identity.clone(),
            connect_timeout: settings.connect_timeout,
            body_idle: settings.body_idle,
            pool_idle: settings.pool_idle,
            spare_connections: settings.spare_connections,
            spare_age: settings.spare_age,
            tcp_keep_alive: settings.tcp_keep_alive,
        }
    }

    /// What TLS needs; made once, since reading the system's roots takes a while.
    ///
    /// # Errors
    /// If a certificate of the operator's cannot be used; begins with the key that names its file.
    pub(in crate::upstream) fn tls(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        if self.scheme == Scheme::HTTPS {
            // A single unreadable certificate must not cost the others.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for certificate in &self.authorities {
            roots.add(certificate.clone()).map_err(|error| io::Error::other(format!("ca_file: {error}")))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(io::Error::other)?.with_root_certificates(roots);
        let Some(identity) = &self.identity else { return Ok(builder.with_no_client_auth()) };
        let identified = builder.with_client_auth_cert(identity.chain.clone(), identity.expose_key());
        identified.map_err(|error| io::Error::other(format!("client_cert: {error}")))
    }

    /// What `Host` says: the port only where it is not the scheme's own.
    pub(super) fn host(&self) -> HeaderValue {
        let (host, port) = (self.authority.host(), self.authority.port_u16());
        let usual = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        let text = match port {
            Some(port) if port != usual => format!("{host}:{port}"),
            Some(_) | None => host.to_owned(),
        };
        // What an authority may hold, a header may hold.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}
