//! Connections: accept them, serve them, hang up where a fault says so, stop when told.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::ServiceExt;

use super::broken::HangUp;
use super::{Options, router};

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open answers may take after the stop signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after an accept failed, as it does while file descriptors are short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the sandbox on `listener` until `stop` completes, then lets open answers end.
///
/// # Errors
///
/// None so far; a listener that stops working is waited for.
pub async fn run(
    listener: TcpListener,
    options: Options,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let router = router(options);
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone(), stopped.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    drop(stopping);
    // Stalled answers never end; dropping the set ends them.
    let _ = timeout(DRAIN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn serve(stream: TcpStream, router: Router, mut stopped: watch::Receiver<()>) {
    // Small answers must not wait for more to send.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The router's answer; an error, which makes hyper close the connection, where a fault wants that.
async fn answer(router: Router, request: hyper::Request<Incoming>) -> io::Result<Response> {
    let answer = router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {});
    match answer.extensions().get::<HangUp>() {
        Some(HangUp) => Err(io::Error::other("hung up by a sandbox fault")),
        None => Ok(answer),
    }
}
