//! HTTP/2 and TLS towards the upstream, AU06.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{create, get, post};
use crate::support::upstream::JOB;

/// An upstream that is a proper server, since frames and TLS are no script.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// One request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    version: Version,
    target: String,
    authorization: Option<String>,
    body: Bytes,
}

/// A certificate authority nobody knows, and a server's certificate from it.
pub(crate) struct Authority {
    pub(crate) folder: TempDir,
    pub(crate) issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) server: Arc<ServerConfig>,
}

// === impl Server ===

impl Server {
    pub(crate) async fn start(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log, count) = (Arc::clone(&seen), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, tls.clone(), Arc::clone(&log)));
            }
        });
        Self { address, seen, connections, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, log: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&log)));
    // A connection that fails is what some tests are about.
    match tls {
        None => {
            let connection = http2::Builder::new(TokioExecutor::new());
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        }
        Some(config) => {
            let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            if is_http2 {
                let connection = http2::Builder::new(TokioExecutor::new());
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            } else {
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let authorization =
        head.headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    log.lock().expect("no panic").push(Seen { version: head.version, target, authorization, body });
    let mut response = Response::new(Full::from(JOB));
    response.headers_mut().insert("content-type", "application/json".parse().expect("a value"));
    Ok(response)
}

// === impl Authority ===

impl Authority {
    /// Speaks the given protocols, preferred first.
    pub(crate) fn new(name: &str, protocols: &[&[u8]]) -> Self {
        Self::made(name, protocols, rustls::ALL_VERSIONS, false)
    }

    /// The same for a server that takes only clients with a certificate of the same authority.
    pub(crate) fn for_certified_clients(
        protocols: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        Self::made("localhost", protocols, versions, true)
    }

    fn made(
        name: &str,
        protocols: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
        certified: bool,
    ) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("a file");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .expect("versions");
        let server = if certified {
            let mut roots = RootCertStore::empty();
            roots.add(issuer.der().clone()).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            server.with_client_cert_verifier(verifier.expect("a verifier"))
        } else {
            server.with_no_client_auth()
        };
        let server = server.with_single_cert(vec![certificate.der().clone()], private);
        let mut server = server.expect("a certificate and its key");
        server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Self { folder, issuer, server: Arc::new(server) }
    }

    /// Writes a client's certificate of this authority, and its key, into `folder`.
    pub(crate) fn certify_client(&self, folder: &Path) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["client".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        std::fs::write(folder.join("client.pem"), certificate.pem()).expect("a file");
        std::fs::write(folder.join("client.key"), key.serialize_pem()).expect("a file");
    }

    pub(crate) fn file(&self) -> String {
        Path::new(self.folder.path()).join("ca.pem").display().to_string()
    }
}

pub(crate) async fn gateway(scheme: &str, server: &Server, settings: &str) -> Gateway {
    let base = format!("{scheme}://localhost:{}/v1", server.address.port());
    Gateway::configured(&format!(
        "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{base}\"\n{settings}"
    ))
    .await
}

async fn ask_all(gateway: &Gateway) -> Vec<Message> {
    let mut answers = Vec::new();
    for request in
        [create(r#"{"prompt":"a"}"#), get("/v1/videos/video_1"), post("/v1/files", "xyz").chunked(1)]
    {
        answers.push(gateway.ask(&request).await);
    }
    answers
}

fn assert_served(answers: &[Message], server: &Server, version: Version) {
    for answer in answers {
        assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{}", answer.text());
    }
    let seen = |target: &str, body: &'static str| Seen {
        version,
        target: target.to_owned(),
        authorization: Some("Bearer sk-test".to_owned()),
        body: body.into(),
    };
    let expected =
        [seen("/v1/videos", r#"{"prompt":"a"}"#), seen("/v1/videos/video_1", ""), seen("/v1/files", "xyz")];
    assert_eq!(server.seen(), expected);
}

#[tokio::test]
async fn http2_is_spoken_without_tls_where_the_operator_says_so() {
    let server = Server::start(None).await;
    let gateway = gateway("http", &server, "protocol = \"http2\"").await;
    assert_served(&ask_all(&gateway).await, &server, Version::HTTP_2);
    assert_eq!(server.connections(), 1, "the create shares it");
}

#[tokio::test]
async fn an_authority_of_the_operators_is_trusted() {
    let authority = Authority::new("localhost", &[b"http/1.1"]);
    let server = Server::start(Some(Arc::clone(&authority.server))).await;
    let gateway = gateway("https", &server, &format!("ca_file = \"{}\"", authority.file())).await;
    assert_served(&ask_all(&gateway).await, &server, Version::HTTP_11);
}

#[tokio::test]
async fn tls_negotiates_the_version() {
    let authority = Authority::new("localhost", &[b"h2", b"http/1.1"]);
    let server = Server::start(Some(Arc::clone(&authority.server))).await;
    let gateway = gateway("https", &server, &format!("ca_file = \"{}\"", authority.file())).await;
    assert_served(&ask_all(&gateway).await, &server, Version::HTTP_2);
    assert_eq!(server.connections(), 1, "the create shares it");
}

#[tokio::test]
async fn http1_is_spoken_over_tls_where_the_operator_says_so() {
    let authority = Authority::new("localhost", &[b"h2", b"http/1.1"]);
    let server = Server::start(Some(Arc::clone(&authority.server))).await;
    let settings = format!("protocol = \"http1\"\nca_file = \"{}\"", authority.file());
    let gateway = gateway("https", &server, &settings).await;
    assert_served(&ask_all(&gateway).await, &server, Version::HTTP_11);
}

/// AU06
#[tokio::test]
async fn a_certificate_that_does_not_verify_ends_the_call_before_anything_is_sent() {
    let stranger = Authority::new("localhost", &[b"http/1.1"]);
    let misnamed = Authority::new("elsewhere.example", &[b"http/1.1"]);
    for (what, authority, settings) in [
        ("unknown authority", &stranger, String::new()),
        ("wrong name", &misnamed, format!("ca_file = \"{}\"", misnamed.file())),
        ("another authority", &stranger, format!("ca_file = \"{}\"", misnamed.file())),
    ] {
        let server = Server::start(Some(Arc::clone(&authority.server))).await;
        // What cannot be connected to is tried again; the breaker is to stay out of it.
        let gateway = gateway("https", &server, &format!("{settings}\nbreaker.consecutive = 0")).await;
        for answer in ask_all(&gateway).await {
            assert_eq!(
                (answer.status(), answer.code().as_deref()),
                (502, Some("upstream_tls_failed")),
                "{what}"
            );
        }
        assert_eq!(server.seen(), [], "{what}");
        assert!(server.connections() >= 3, "{what}");
    }
}

/// AU06: a server without TLS gets nothing either.
#[tokio::test]
async fn plain_text_where_tls_is_expected_gets_nothing() {
    let server = Server::start(None).await;
    let gateway = gateway("https", &server, "retry.attempts = 1").await;
    for answer in ask_all(&gateway).await {
        assert_eq!(answer.status(), 502, "{}", answer.text());
        assert_eq!(answer.header("x-should-retry"), None, "nothing was sent");
    }
    assert_eq!(server.seen(), []);
}
