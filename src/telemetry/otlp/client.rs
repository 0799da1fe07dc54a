//! What carries batches of spans: an HTTP client with a thread of its own, since the library's has no runtime.

use std::fmt;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{self, Handle};
use tokio::time::timeout;
use tracing::warn;

use crate::telemetry::Seldom;

type Inner = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Sends bytes to a collector.
pub(super) struct Client {
    inner: Inner,
    runtime: Handle,
    timeout: Duration,
    lost: Seldom,
}

/// Bytes of a collector's answer that are read.
const ANSWER_MAX: usize = 64 << 10;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Client {
    /// `timeout`: how long one batch may take.
    pub(super) fn start(timeout: Duration) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        // It ends with the process.
        thread::Builder::new().name("spans".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
        let https =
            HttpsConnectorBuilder::new().with_tls_config(tls()?).https_or_http().enable_http1().build();
        let inner = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(https);
        Ok(Self { inner, runtime: handle, timeout, lost: Seldom::new() })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = self.inner.request(request.map(Full::new));
        let answered = async {
            let (head, body) = sending.await?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        let limit = self.timeout;
        // The clock belongs to the runtime, as the socket does: both are first touched there.
        self.runtime.spawn(async move { timeout(limit, answered).await? }).await?
    }

    /// Says that spans are lost, now and then.
    fn complain(&self, why: &dyn fmt::Display) {
        if self.lost.is_due("spans") {
            warn!(%why, "spans could not be sent");
        }
    }
}

type Sending<'c> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'c>>;

impl HttpClient for Client {
    // As the trait's macro would write it.
    fn send_bytes<'c, 'f>(&'c self, request: Request<Bytes>) -> Sending<'f>
    where
        'c: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let answer = self.send(request).await;
            match &answer {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => self.complain(&answer.status()),
                Err(error) => self.complain(error),
            }
            answer
        })
    }
}

fn tls() -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
}
