//! An upstream that fails at random in every way the gateway has to live with, and knows what it accepted.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::support::message::{Message, Wire};
use crate::support::upstream::answer;

/// The upstream; it ends with its value.
pub(crate) struct Faulty {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    books: Mutex<Books>,
    /// Whether it has stopped to fail.
    well: AtomicBool,
}

/// What the upstream would bill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// Every job by its id, the deleted ones included.
    pub(crate) jobs: HashMap<String, Job>,
    /// The jobs whose answer was sent whole.
    pub(crate) told: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) prompt: String,
    /// What the gateway called the request.
    pub(crate) request_id: String,
    polls: u32,
    deleted: bool,
}

impl Books {
    /// The jobs that were made for a prompt.
    pub(crate) fn of(&self, prompt: &str) -> Vec<String> {
        let of_prompt = self.jobs.iter().filter(|(_, job)| job.prompt == prompt);
        of_prompt.map(|(id, _)| id.clone()).collect()
    }
}

/// What becomes of one create.
#[derive(Clone, Copy)]
enum Create {
    Accept,
    /// The job runs, and then...
    AcceptThen(Loss),
    Refuse(u16),
    /// Nothing runs, which only the upstream knows.
    Vanish,
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
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&shared), Rng::with_seed(seed)));
        Self { address, shared, task }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn books(&self) -> Books {
        lock(&self.shared.books).clone()
    }

    /// From now on it does not fail any more.
    pub(crate) fn be_well(&self) {
        self.shared.well.store(true, Ordering::Relaxed);
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

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut rng: Rng) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let serving = Serving { wire: Wire::new(stream), shared: Arc::clone(&shared), rng: rng.fork() };
        // However it ends: that is what is being tried.
        connections.spawn(serving.connection());
    }
}

/// One connection.
struct Serving {
    wire: Wire,
    shared: Arc<Shared>,
    rng: Rng,
}

impl Serving {
    async fn connection(mut self) -> io::Result<()> {
        loop {
            let mut request = self.wire.head().await?;
            let mut framing = request.framing_of_request();
            while let Some(piece) = self.wire.piece(&mut framing, &mut Vec::new()).await? {
                request.body.extend_from_slice(&piece);
            }
            let goes_on = match request.method() {
                "POST" => self.create(&request).await?,
                "DELETE" => self.delete(&request).await?,
                _ => self.fetch(&request).await?,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// From 0 to 99; the last where nothing fails.
    fn dice(&mut self) -> u8 {
        let drawn = self.rng.u8(..100);
        if self.shared.well.load(Ordering::Relaxed) { 99 } else { drawn }
    }

    /// Yields whether the connection goes on.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<bool> {
        self.wire.stream.write_all(bytes).await.map(|()| true)
    }

    fn reset(&self) -> io::Result<bool> {
        self.wire.stream.set_zero_linger().map(|()| false)
    }

    async fn create(&mut self, request: &Message) -> io::Result<bool> {
        let fate = drawn(self.dice());
        if let Create::Refuse(status) = fate {
            let headers = [("content-type", "application/json"), ("retry-after-ms", "5")];
            return self.send(&answer(status, &headers, BUSY)).await;
        }
        if let Create::Vanish = fate {
            return self.reset();
        }
        let id = self.booked(request);
        let whole = answer(200, &JSON, object(&id, 0));
        match fate {
            Create::AcceptThen(Loss::Reset) => self.reset(),
            Create::AcceptThen(Loss::Close) => Ok(false),
            Create::AcceptThen(Loss::HalfTheAnswer) => {
                self.send(&whole[..whole.len() - 20]).await.map(|_| false)
            }
            Create::AcceptThen(Loss::Error(status)) => self.send(&answer(status, &[], "oh")).await,
            Create::AcceptThen(Loss::Silence) => std::future::pending().await,
            Create::AcceptThen(Loss::Garbage) => self.send(b"200 it is\r\n\r\n").await.map(|_| false),
            Create::Accept | Create::Refuse(_) | Create::Vanish => {
                // Not at once: that is when gateways are killed.
                tokio::time::sleep(std::time::Duration::from_millis(self.rng.u64(..10))).await;
                let goes_on = self.send(&whole).await?;
                lock(&self.shared.books).told.push(id);
                Ok(goes_on)
            }
        }
    }

    /// Writes a job down, and yields its id.
    fn booked(&self, request: &Message) -> String {
        let prompt = request.json()["prompt"].as_str().expect("a prompt").to_owned();
        let request_id = request.header("x-request-id").unwrap_or_default().to_owned();
        let mut books = lock(&self.shared.books);
        let id = format!("video_{}", books.jobs.len());
        books.jobs.insert(id.clone(), Job { prompt, request_id, polls: 0, deleted: false });
        id
    }

    async fn fetch(&mut self, request: &Message) -> io::Result<bool> {
        match self.dice() {
            0..3 => return self.reset(),
            3..6 => return Ok(false),
            6..10 => return self.send(&answer(503, &[("retry-after-ms", "5")], "busy")).await,
            10..12 => return self.send(&answer(500, &[], "oh")).await,
            _ => {}
        }
        if request.target().ends_with("/content") {
            let film = answer(200, &[("content-type", "video/mp4"), ("etag", "\"film\"")], vec![b'f'; FILM]);
            let cut = if self.rng.u8(..10) == 0 { FILM / 2 } else { film.len() };
            self.send(&film[..cut]).await?;
            return Ok(cut == film.len());
        }
        let id = id_in(request);
        let polls = lock(&self.shared.books).jobs.get_mut(id).filter(|job| !job.deleted).map(|job| {
            job.polls += 1;
            job.polls
        });
        let found = match polls {
            Some(polls) => answer(200, &JSON, object(id, polls)),
            None => answer(404, &JSON, NO_SUCH),
        };
        self.send(&found).await
    }

    async fn delete(&mut self, request: &Message) -> io::Result<bool> {
        let id = id_in(request);
        if let Some(job) = lock(&self.shared.books).jobs.get_mut(id) {
            job.deleted = true;
        }
        // The answer may be lost, and the job is deleted all the same.
        if self.dice() < 10 {
            return self.reset();
        }
        let deleted = format!(r#"{{"id":"{id}","object":"video.deleted","deleted":true}}"#);
        self.send(&answer(200, &JSON, deleted)).await
    }
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const BUSY: &str = r#"{"error":{"message":"busy","type":"server_error","param":null,"code":null}}"#;
const NO_SUCH: &str =
    r#"{"error":{"message":"no such video","type":"invalid_request_error","param":null,"code":null}}"#;

fn id_in(request: &Message) -> &str {
    request.target().rsplit('/').next().unwrap_or_default()
}

fn object(id: &str, polls: u32) -> String {
    let status = if polls >= POLLS { "completed" } else { "in_progress" };
    format!(r#"{{"id":"{id}","object":"video","status":"{status}","model":"sora-2","seconds":"4"}}"#)
}

fn drawn(dice: u8) -> Create {
    match dice {
        0..4 => Create::AcceptThen(Loss::Reset),
        4..8 => Create::AcceptThen(Loss::Close),
        8..12 => Create::AcceptThen(Loss::HalfTheAnswer),
        12..14 => Create::AcceptThen(Loss::Error(500)),
        14..16 => Create::AcceptThen(Loss::Error(502)),
        16..17 => Create::AcceptThen(Loss::Error(524)),
        17..18 => Create::AcceptThen(Loss::Silence),
        18..20 => Create::AcceptThen(Loss::Garbage),
        20..28 => Create::Refuse(429),
        28..33 => Create::Refuse(529),
        33..38 => Create::Refuse(503),
        38..41 => Create::Vanish,
        _ => Create::Accept,
    }
}
