//! An upstream that costs next to nothing: one thread that answers what proxies under test ask for.
//!
//! `rig-stub PORT [DELAY_MS]` answers creates after DELAY_MS; everything else at once, unless the path says otherwise:
//!
//! ```text
//! POST /v1/videos                      a video with an id of its own
//! GET  /v1/videos/{id}                 a video; `delay-20` answers after 20 ms
//! GET  /v1/videos/mib-{N}/content      N MiB with a length
//! POST anything else                   a small JSON answer
//! GET  /stats                          {"requests": …, "creates": …, "connections": …}
//! ```

mod answer;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};

use crate::answer::Out;

/// What was asked so far, and how long creates take.
struct Stub {
    requests: Cell<u64>,
    creates: Cell<u64>,
    connections: Cell<u64>,
    create_delay: Duration,
}

impl Stub {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Out>, hyper::Error> {
        count(&self.requests);
        let (head, mut body) = request.into_parts();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        let path = head.uri.path();
        let id = path.strip_prefix("/v1/videos/");
        Ok(match (&head.method, id) {
            (&Method::GET, Some(id)) => match id.strip_suffix("/content") {
                Some(id) => Out::film(number_after(id, "mib-").unwrap_or(64)),
                None => {
                    wait(Duration::from_millis(number_after(id, "delay-").unwrap_or(0))).await;
                    Out::video(id)
                }
            },
            (&Method::POST, None) if path == "/v1/videos" => {
                wait(self.create_delay).await;
                // Counted when it is answered: what nobody waited for was not made.
                count(&self.creates);
                Out::video(&format!("video_{:048x}", self.creates.get()))
            }
            (&Method::POST, _) => Out::completion(),
            (&Method::GET, None) if path == "/stats" => self.stats(),
            _ => Out::not_found(),
        })
    }

    fn stats(&self) -> Response<Out> {
        Out::json(format!(
            r#"{{"requests":{},"creates":{},"connections":{}}}"#,
            self.requests.get(),
            self.creates.get(),
            self.connections.get()
        ))
    }

    async fn serve(self: Rc<Self>, stream: TcpStream) {
        count(&self.connections);
        // A connection that breaks is the peer's business.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| self.answer(request));
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

/// `64` of `mib-64`.
fn number_after(id: &str, prefix: &str) -> Option<u64> {
    id.strip_prefix(prefix)?.parse().ok()
}

/// No timer where nothing is waited for.
async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().ok_or("usage: rig-stub PORT [DELAY_MS]")?.parse()?;
    let delay: u64 = arguments.next().map_or(Ok(0), |delay| delay.parse())?;
    let stub = Rc::new(Stub {
        requests: Cell::default(),
        creates: Cell::default(),
        connections: Cell::default(),
        create_delay: Duration::from_millis(delay),
    });
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    let serving = async move {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(Rc::clone(&stub).serve(stream));
        }
    };
    tokio::task::LocalSet::new().run_until(serving).await
}
