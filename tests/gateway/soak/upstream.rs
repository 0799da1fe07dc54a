//! An upstream that fails at random in every way the gateway has to live with, and knows what it accepted.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::support::message::{Message, Wire};
use crate::support::upstream::answer;

/// The upstream; it ends with its value.
pub(crate) struct Faulty {
    pub(crate) address: SocketAddr,
    books: Arc<Mutex<Books>>,
    task: JoinHandle<()>,
}

/// What the upstream would bill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// Every job, with the number of polls it has seen.
    pub(crate) jobs: HashMap<String, u32>,
    /// The jobs whose answer was sent whole.
    pub(crate) told: Vec<String>,
}

/// What becomes of one create.
#[derive(Clone, Copy)]
enum Create {
    Accept,
    /// The job runs, and then...
    AcceptThen(Loss),
    Refuse(u16),
    /// Nothing runs, which only the upstream knows.
    Hang,
}

/// Ways to lose the answer of an accepted create.
#[derive(Clone, Copy)]
enum Loss {
    Reset,
    Close,
    HalfTheAnswer,
    Error(u16),
    Silence,
    Garbage,
}

/// Bytes of a film.
pub(crate) const FILM: usize = 256 << 10;
/// Polls until a job is done.
const POLLS: u32 = 2;

impl Faulty {
    pub(crate) async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let books = Arc::<Mutex<Books>>::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&books), Rng::with_seed(seed)));
        Self { address, books, task }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn books(&self) -> Books {
        lock(&self.books).clone()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, books: Arc<Mutex<Books>>, mut rng: Rng) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (books, rng) = (Arc::clone(&books), rng.fork());
        connections.spawn(async move {
            // However it ends: that is what is being tried.
            let _ = connection(stream, &books, rng).await;
        });
    }
}

async fn connection(stream: TcpStream, books: &Mutex<Books>, mut rng: Rng) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    loop {
        let request = wire.head().await?;
        let mut framing = request.framing_of_request();
        while wire.piece(&mut framing, &mut Vec::new()).await?.is_some() {}
        let goes_on = match request.method() {
            "POST" => create(&mut wire, books, &mut rng).await?,
            _ => fetch(&mut wire, &request, books, &mut rng).await?,
        };
        if !goes_on {
            return Ok(());
        }
    }
}

fn drawn(rng: &mut Rng) -> Create {
    match rng.u8(..100) {
        0..60 => Create::Accept,
        60..64 => Create::AcceptThen(Loss::Reset),
        64..68 => Create::AcceptThen(Loss::Close),
        68..72 => Create::AcceptThen(Loss::HalfTheAnswer),
        72..74 => Create::AcceptThen(Loss::Error(500)),
        74..76 => Create::AcceptThen(Loss::Error(502)),
        76..77 => Create::AcceptThen(Loss::Silence),
        77..79 => Create::AcceptThen(Loss::Garbage),
        79..87 => Create::Refuse(429),
        87..92 => Create::Refuse(529),
        92..97 => Create::Refuse(503),
        _ => Create::Hang,
    }
}

/// Yields whether the connection goes on.
async fn create(wire: &mut Wire, books: &Mutex<Books>, rng: &mut Rng) -> io::Result<bool> {
    let fate = drawn(rng);
    let id = match fate {
        Create::Accept | Create::AcceptThen(_) => {
            let mut books = lock(books);
            let id = format!("video_{}", books.jobs.len());
            books.jobs.insert(id.clone(), 0);
            id
        }
        Create::Refuse(status) => {
            let headers = [("content-type", "application/json"), ("retry-after-ms", "5")];
            wire.stream
                .write_all(&answer(
                    status,
                    &headers,
                    r#"{"error":{"message":"busy","type":"server_error","param":null,"code":null}}"#,
                ))
                .await?;
            return Ok(true);
        }
        Create::Hang => return wire.stream.set_zero_linger().map(|()| false),
    };
    let whole = answer(200, &[("content-type", "application/json")], job(&id, 0));
    match fate {
        Create::AcceptThen(Loss::Reset) => wire.stream.set_zero_linger().map(|()| false),
        Create::AcceptThen(Loss::Close) => Ok(false),
        Create::AcceptThen(Loss::HalfTheAnswer) => {
            wire.stream.write_all(&whole[..whole.len() - 20]).await.map(|()| false)
        }
        Create::AcceptThen(Loss::Error(status)) => {
            wire.stream.write_all(&answer(status, &[], "oh")).await.map(|()| true)
        }
        Create::AcceptThen(Loss::Silence) => std::future::pending().await,
        Create::AcceptThen(Loss::Garbage) => {
            wire.stream.write_all(b"200 it is\r\n\r\n").await.map(|()| false)
        }
        Create::Accept | Create::Refuse(_) | Create::Hang => {
            wire.stream.write_all(&whole).await?;
            lock(books).told.push(id);
            Ok(true)
        }
    }
}

fn job(id: &str, polls: u32) -> String {
    let status = if polls >= POLLS { "completed" } else { "in_progress" };
    format!(r#"{{"id":"{id}","object":"video","status":"{status}","model":"sora-2","seconds":"4"}}"#)
}

/// Yields whether the connection goes on.
async fn fetch(wire: &mut Wire, request: &Message, books: &Mutex<Books>, rng: &mut Rng) -> io::Result<bool> {
    match rng.u8(..100) {
        0..3 => return wire.stream.set_zero_linger().map(|()| false),
        3..6 => return Ok(false),
        6..10 => {
            return wire
                .stream
                .write_all(&answer(503, &[("retry-after-ms", "5")], "busy"))
                .await
                .map(|()| true);
        }
        10..12 => return wire.stream.write_all(&answer(500, &[], "oh")).await.map(|()| true),
        _ => {}
    }
    if request.target().ends_with("/content") {
        let film = answer(200, &[("content-type", "video/mp4"), ("etag", "\"film\"")], vec![b'f'; FILM]);
        let cut = if rng.u8(..10) == 0 { FILM / 2 } else { film.len() };
        wire.stream.write_all(&film[..cut]).await?;
        return Ok(cut == film.len());
    }
    let id = request.target().rsplit('/').next().unwrap_or_default().to_owned();
    let polls = {
        let mut books = lock(books);
        books.jobs.get_mut(&id).map(|polls| {
            *polls += 1;
            *polls
        })
    };
    let found = match polls {
        Some(polls) => answer(200, &[("content-type", "application/json")], job(&id, polls)),
        None => answer(
            404,
            &[("content-type", "application/json")],
            r#"{"error":{"message":"no such video","type":"invalid_request_error","param":null,"code":null}}"#,
        ),
    };
    wire.stream.write_all(&found).await.map(|()| true)
}
