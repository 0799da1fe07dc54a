//! Applications that make films, one after the other, with an SDK that asks again by itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::upstream::FILM;
use crate::support::client::Client;
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{Request, create, get, request};

const APPLICATIONS: u64 = 12;

/// What the applications have done.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) calls: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) left: AtomicU64,
    pub(crate) films: AtomicU64,
    /// Whether the gateway may vanish at any time.
    ends: AtomicBool,
}

/// One call of an application, however often its SDK asked.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) prompt: String,
    pub(crate) key: Option<String>,
}

/// All of them, at work.
pub(crate) struct Applications {
    tally: Arc<Tally>,
    running: JoinSet<Vec<Made>>,
}

impl Applications {
    /// Lets them work for so long.
    pub(crate) fn start(process: &Process, seed: u64, time: Duration) -> Self {
        let tally = Arc::<Tally>::default();
        let mut running = JoinSet::new();
        for number in 0..APPLICATIONS {
            let application = Application {
                address: process.address,
                tally: Arc::clone(&tally),
                rng: Rng::with_seed(seed.wrapping_add(number)),
                made: Vec::new(),
            };
            running.spawn(application.work(Instant::now() + time));
        }
        Self { tally, running }
    }

    /// Waits until they have done their work.
    pub(crate) async fn ended(self) -> Arc<Tally> {
        self.running.join_all().await;
        self.tally
    }

    /// From now on the gateway may vanish.
    pub(crate) fn gateway_ends(&self) {
        self.tally.ends.store(true, Ordering::Relaxed);
    }

    /// Waits until they have noticed that the gateway is gone, and tells what they asked for.
    pub(crate) async fn stopped(self) -> Vec<Made> {
        self.running.join_all().await.concat()
    }
}

struct Application {
    address: SocketAddr,
    tally: Arc<Tally>,
    rng: Rng,
    made: Vec<Made>,
}

impl Application {
    async fn work(mut self, end: Instant) -> Vec<Made> {
        while Instant::now() < end {
            let key = self.rng.bool().then(|| format!("key-{}", self.rng.u64(..)));
            let call = Made { prompt: format!("a cat, the {}th", self.rng.u64(..)), key };
            self.made.push(call.clone());
            self.tally.calls.fetch_add(1, Ordering::Relaxed);
            let done = match self.rng.u8(..8) {
                0 if call.key.is_some() => self.at_once(&call).await.map(|()| None),
                _ => self.call(&call).await,
            };
            let done = match done {
                Ok(Some(id)) => self.film(&id, end).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                assert!(self.tally.ends.load(Ordering::Relaxed), "the gateway did not answer: {error}");
                break;
            }
        }
        self.made
    }

    /// One call as an SDK makes it: repeated at most twice, unless it is told not to.
    async fn call(&mut self, call: &Made) -> io::Result<Option<String>> {
        for tries in 0..3 {
            // Some give up waiting, and ask again.
            let patience = if self.rng.u8(..8) < 3 { self.rng.u64(..20) } else { 20_000 };
            let request = attempt(call, tries);
            let asked = ask(self.address, &request);
            let Ok(answer) = timeout(Duration::from_millis(patience), asked).await else {
                self.tally.left.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let answer = answer?;
            if let Some(id) = self.accepted(&answer) {
                return Ok(Some(id));
            }
            let repeats = matches!(answer.status(), 408 | 409 | 429 | 500..);
            if answer.header("x-should-retry") == Some("false") || !repeats {
                break;
            }
            sleep(Duration::from_millis(self.rng.u64(1..10))).await;
        }
        Ok(None)
    }

    /// RT24: the same call three times at once, as a client does that does not know what it has begun.
    async fn at_once(&mut self, call: &Made) -> io::Result<()> {
        let request = attempt(call, 0);
        let (first, second, third) = tokio::join!(
            ask(self.address, &request),
            ask(self.address, &request),
            ask(self.address, &request)
        );
        let mut ids: Vec<String> = Vec::new();
        for answer in [first?, second?, third?] {
            ids.extend(self.accepted(&answer));
        }
        ids.dedup();
        assert!(ids.len() <= 1, "one key, and the jobs {ids:?}");
        Ok(())
    }

    /// The job an answer tells of.
    fn accepted(&self, answer: &Message) -> Option<String> {
        assert!(answer.whole, "an answer was cut:\n{}", answer.head);
        if answer.status() != 200 {
            assert!(answer.status() >= 500 || answer.json()["error"].is_object(), "{}", answer.text());
            return None;
        }
        self.tally.answered.fetch_add(1, Ordering::Relaxed);
        Some(answer.json()["id"].as_str().expect("an id").to_owned())
    }

    /// Polls to the end, or leaves that to the gateway; then fetches the film, and perhaps deletes it.
    async fn film(&mut self, id: &str, end: Instant) -> io::Result<()> {
        if self.rng.u8(..6) == 0 {
            return Ok(());
        }
        let job = format!("/v1/videos/{id}");
        while Instant::now() < end {
            let answer = ask(self.address, &get(&job)).await?;
            if answer.status() == 200 && answer.json()["status"] == "completed" {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        let film = ask(self.address, &get(&format!("{job}/content"))).await?;
        if film.status() == 200 && film.whole {
            assert_eq!(film.body.len(), FILM, "a film that looks whole is whole");
            self.tally.films.fetch_add(1, Ordering::Relaxed);
        }
        if self.rng.u8(..4) == 0 {
            ask(self.address, &request("DELETE", &job)).await?;
        }
        Ok(())
    }
}

/// Asks once more for what a call of an earlier process asked for, until it gets an answer that lasts.
pub(crate) async fn repeat(address: SocketAddr, call: &Made) -> Message {
    ask(address, &attempt(call, 1)).await.expect("an answer")
}

fn attempt(call: &Made, tries: u32) -> Request {
    let body = format!(r#"{{"prompt":"{}","seconds":"4"}}"#, call.prompt);
    let request = create(&body).with("x-stainless-retry-count", &tries.to_string());
    match &call.key {
        Some(key) => request.with("idempotency-key", key),
        None => request,
    }
}

async fn ask(address: SocketAddr, request: &Request) -> io::Result<Message> {
    let mut client = Client::try_connect(address).await?;
    client.send(request.bytes()).await;
    client.try_answer_to(request.method()).await
}
