//! The least that a proxy of hyper and axum can do: what Reelgate does beyond this is what its extra time buys.
//!
//! `rig-bare PORT UPSTREAM_PORT THREADS`: each thread has a runtime, a listener on the same port and a pool of upstream
//! connections of its own. Creates in JSON are read into types and looked up in a table, everything else streams.

mod create;

use std::net::SocketAddr;
use std::thread;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOP_BY_HOP: [HeaderName; 5] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where requests go.
#[derive(Clone)]
struct Upstream {
    client: Client<HttpConnector, Body>,
    authority: String,
}

impl Upstream {
    fn new(port: u16) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, authority: format!("127.0.0.1:{port}") }
    }

    async fn send(&self, request: Request<Body>) -> Response {
        match self.forward(request).await {
            Ok(response) => response,
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }

    async fn forward(&self, mut request: Request<Body>) -> Result<Response, Failure> {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        *request.uri_mut() = Uri::builder()
            .scheme("http")
            .authority(self.authority.as_str())
            .path_and_query(target)
            .build()?;
        without_hop_by_hop(request.headers_mut());
        request.headers_mut().remove(HOST);
        let mut response = self.client.request(request).await?;
        without_hop_by_hop(response.headers_mut());
        Ok(response.map(Body::new))
    }
}

fn without_hop_by_hop(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

async fn forward(State(upstream): State<Upstream>, request: Request<Body>) -> Response {
    upstream.send(request).await
}

async fn create(State(upstream): State<Upstream>, request: Request<Body>) -> Response {
    if !create::is_json(request.headers()) {
        return upstream.send(request).await;
    }
    let (mut head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if !create::is_supported(&body) {
        return create::refusal();
    }
    head.headers.remove(CONTENT_LENGTH);
    upstream.send(Request::from_parts(head, Body::from(body))).await
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    socket.listen(4096)
}

async fn serve(stream: TcpStream, app: Router) {
    let _ = stream.set_nodelay(true);
    // A connection that breaks is the client's business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)).await;
}

fn work(port: u16, upstream_port: u16) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = listen(port)?;
        let app = Router::new()
            .route("/v1/videos", post(create))
            .fallback(any(forward))
            .with_state(Upstream::new(upstream_port));
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream, app.clone()));
        }
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, upstream_port, threads] = arguments.as_slice() else {
        return Err("usage: rig-bare PORT UPSTREAM_PORT THREADS".into());
    };
    let (port, upstream_port) = (port.parse()?, upstream_port.parse()?);
    let threads: usize = threads.parse()?;
    let others: Vec<_> = (1..threads).map(|_| thread::spawn(move || work(port, upstream_port))).collect();
    work(port, upstream_port)?;
    for other in others {
        other.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}
