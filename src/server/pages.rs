//! Serving a router of plain pages on a listener of its own, for as long as it is polled.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::ServiceExt;
use tracing::debug;

/// Whoever asks for a page asks at once.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `router` until dropped.
///
/// # Errors
/// Never by itself: a connection that cannot be accepted is tried again.
pub async fn run(listener: TcpListener, router: Router) -> io::Result<()> {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(super::ACCEPT_PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(
            router
                .clone()
                .map_request(|request: hyper::Request<hyper::body::Incoming>| request.map(Body::new)),
        );
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                debug!(%peer, %error, "admin connection ended early");
            }
        });
    }
}
