//! Upstreams that want a certificate of their clients, and what is known of a call that they refuse for want of one.

use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::transports::{Authority, Server, gateway};
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, form, get, post, text};
use crate::support::upstream::JOB;

const HTTP1: &[&[u8]] = &[b"http/1.1"];
const HTTP2: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Trusts the authority; repeats at once, and leaves no upstream alone.
fn settings(authority: &Authority) -> String {
    format!(
        "ca_file = \"{}\"\nretry.backoff_base = \"1ms\"\nbreaker.consecutive = 0\nbreaker.ratio = 0\n\
             retry.budget_min = 1000\n",
        authority.file()
    )
}

/// The same, with a certificate that the authority gave.
fn certified(authority: &Authority) -> String {
    let folder = authority.folder.path();
    authority.certify_client(folder);
    let folder = folder.display();
    format!(
        "{}client_cert = \"{folder}/client.pem\"\nclient_key = \"{folder}/client.key\"\n",
        settings(authority)
    )
}

/// A create with a file that no socket takes at once.
fn large() -> Request {
    let film = "x".repeat(8 << 20);
    let head = "name=\"input_reference\"; filename=\"v.mp4\"\r\nContent-Type: video/mp4\r\n\r\n";
    form(&[&text("prompt", "a"), &format!("{head}{film}")])
}

#[tokio::test]
async fn a_client_certificate_of_the_operators_is_presented() {
    for (protocols, versions) in
        [(HTTP1, &[&TLS12][..]), (HTTP1, &[&TLS13][..]), (HTTP2, &[&TLS12][..]), (HTTP2, &[&TLS13][..])]
    {
        let authority = Authority::for_certified_clients(protocols, versions);
        let server = Server::start(Some(Arc::clone(&authority.server))).await;
        let gateway = gateway("https", &server, &certified(&authority)).await;
        for request in [create(r#"{"prompt":"a"}"#), get("/v1/videos/video_1"), post("/v1/files", "xyz")] {
            let answer = gateway.ask(&request).await;
            assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{}", answer.text());
        }
    }
}

/// RT15: in TLS 1.3 the refusal only comes once the request is on its way. It was not read all the same.
#[tokio::test]
async fn a_call_that_tls_refuses_was_never_read() {
    for (protocols, versions) in
        [(HTTP1, &[&TLS12][..]), (HTTP1, &[&TLS13][..]), (HTTP2, &[&TLS12][..]), (HTTP2, &[&TLS13][..])]
    {
        let authority = Authority::for_certified_clients(protocols, versions);
        let server = Server::start(Some(Arc::clone(&authority.server))).await;
        let gateway = gateway("https", &server, &settings(&authority)).await;
        let keyed = create(r#"{"prompt":"a"}"#).with("idempotency-key", "k");
        let other = post("/v1/images/generations", "{}");
        // The keyed one twice: a refusal frees the key.
        for request in [keyed.clone(), keyed, create(r#"{"prompt":"b"}"#), get("/v1/videos/video_1"), other] {
            let before = server.connections();
            let answer = gateway.ask(&request).await;
            let told = (answer.status(), answer.code());
            assert_eq!(told, (502, Some("upstream_tls_failed".to_owned())), "{}", request.target());
            assert_eq!(answer.header("x-reelgate-attempts"), Some("3"), "{}", request.target());
            assert!(server.connections() >= before + 3);
        }
        assert_eq!(server.seen(), []);
    }
}

/// RT15: also where the refusal meets an upload that cannot go on.
#[tokio::test]
async fn an_upload_that_tls_refuses_was_never_read() {
    for protocols in [HTTP1, HTTP2] {
        let authority = Authority::for_certified_clients(protocols, &[&TLS13]);
        let server = Server::start(Some(Arc::clone(&authority.server))).await;
        let gateway = gateway("https", &server, &settings(&authority)).await;
        for _ in 0..5 {
            let answer = gateway.ask(&large()).await;
            let told = (answer.status(), answer.code());
            assert_eq!(told, (502, Some("upstream_tls_failed".to_owned())), "{} protocols", protocols.len());
            assert_eq!(answer.header("x-reelgate-attempts"), Some("3"));
        }
        assert_eq!(server.seen(), []);
    }
}

/// How a server leaves that has accepted a TLS connection.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// With TLS's own farewell.
    Properly,
    /// Without a word.
    Silently,
    /// By a reset.
    Hard,
}

async fn leave(mut stream: TlsStream<TcpStream>, how: Leaves) {
    match how {
        Leaves::Properly => stream.shutdown().await.expect("a socket"),
        Leaves::Silently => {}
        Leaves::Hard => stream.get_ref().0.set_zero_linger().expect("a socket"),
    }
}

/// RT03: no other end of a connection proves anything.
#[tokio::test]
async fn a_connection_that_ends_after_its_handshake_leaves_the_outcome_open() {
    for how in [Leaves::Properly, Leaves::Silently, Leaves::Hard] {
        let authority = Authority::new("localhost", HTTP1);
        let acceptor = TlsAcceptor::from(Arc::clone(&authority.server));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    // A spare connection has nothing to be read, and waits here for the end of the test.
                    let mut byte = [0];
                    if tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await.is_ok() {
                        leave(stream, how).await;
                    }
                }
            }
        });
        let gateway = Gateway::configured(&format!(
            "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"https://localhost:{port}/v1\"\n{}\
             spare_connections = 0\n",
            settings(&authority)
        ))
        .await;
        let answer = gateway.ask(&create(r#"{"prompt":"a"}"#)).await;
        let told = (answer.status(), answer.code());
        assert_eq!(told, (502, Some("upstream_outcome_unknown".to_owned())), "{how:?}");
        assert_eq!(answer.header("x-reelgate-attempts"), Some("1"), "{how:?}");
        serving.abort();
    }
}
