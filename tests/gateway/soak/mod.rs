//! A bounded soak: the built binary, every limit on, between clients that leave and an upstream that fails at
//! random. At its end nothing may be lost, leaked or left over.
//!
//! Runs for ten seconds; `REELGATE_SOAK=60` makes it a minute. The seed is printed, and `REELGATE_SOAK_SEED` plays
//! it again.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::client::Client;
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{Request, create, get};
use crate::support::within;

mod upstream;

use upstream::{FILM, Faulty};

const CLIENTS: u64 = 12;

const CONFIG: &str = r#"
presets = ["openai"]
[server]
workers = 2
drain = "5s"
[jobs]
watch_after = "200ms"
watch_interval = "100ms"
[quota]
submit = { rate = "500/s", wait = "1s" }
[upstreams.main]
base_url = "{upstream}"
submit_timeout = "400ms"
fetch_timeout = "400ms"
[upstreams.main.quota]
max_jobs = 8
jobs_wait = "2s"
[upstreams.main.retry]
backoff_base = "5ms"
backoff_max = "20ms"
[upstreams.main.breaker]
consecutive = 0
ratio = 0.0
"#;

/// What the clients have done.
#[derive(Default)]
struct Tally {
    calls: AtomicU64,
    answered: AtomicU64,
    left: AtomicU64,
    films: AtomicU64,
}

/// RT06, RT25, ME02, LM05: no lost record, no leaked slot, nothing in flight, flat memory, and never more jobs than
/// calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_leaves_nothing_behind() {
    let seconds = number("REELGATE_SOAK").unwrap_or(10);
    let seed = number("REELGATE_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("soaking for {seconds} s; REELGATE_SOAK_SEED={seed}");
    let upstream = Faulty::start(seed).await;
    let process = Process::start_over(&upstream.base_url(), CONFIG).await;
    let tally = Arc::<Tally>::default();
    let began = Instant::now();
    let end = began + Duration::from_secs(seconds);

    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let soaking = Soaking {
            address: process.address,
            tally: Arc::clone(&tally),
            rng: Rng::with_seed(seed ^ number),
        };
        clients.spawn(soaking.until(end));
    }
    tokio::time::sleep_until(began + (end - began) / 3).await;
    let early = process.memory().now;
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client's expectations hold");
    }
    let late = process.memory().now;

    settled(&process).await;
    let books = upstream.books();
    let records = process.ledger();
    let known: Vec<&str> = records.iter().filter_map(|record| record["job_id"].as_str()).collect();
    for id in &books.told {
        assert!(known.contains(&id.as_str()), "{id} was accepted and answered, and nobody knows of it");
    }
    let may_run = records
        .iter()
        .filter(|record| matches!(record["state"].as_str(), Some("accepted" | "unknown")))
        .count();
    assert!(may_run >= books.jobs.len(), "{may_run} records of {} jobs", books.jobs.len());
    assert!(!records.iter().any(|record| record["state"] == "open"), "a record was left open");
    let calls = tally.calls.load(Ordering::Relaxed);
    assert!(books.jobs.len() as u64 <= calls, "{} jobs for {calls} calls", books.jobs.len());
    assert!(late < early + (24 << 20), "memory grew from {early} to {late}");
    assert!(
        tally.answered.load(Ordering::Relaxed) > 0 && tally.films.load(Ordering::Relaxed) > 0,
        "nothing went well"
    );
    println!(
        "{calls} calls, {} jobs, {} left by their clients, {} films",
        books.jobs.len(),
        tally.left.load(Ordering::Relaxed),
        tally.films.load(Ordering::Relaxed)
    );
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}: a number, not {text:?}")))
}

/// Waits until every job has ended and every gauge is back at zero.
async fn settled(process: &Process) {
    within("the gauges to return to zero", async {
        loop {
            let page = process.page().await;
            let gauges = page.lines().filter(|line| {
                line.starts_with("reelgate_requests_in_flight") || line.starts_with("reelgate_slots_in_use")
            });
            let busy: Vec<&str> = gauges.filter(|line| !line.ends_with(" 0")).collect();
            if busy.is_empty() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// One application that makes films, one after the other.
struct Soaking {
    address: std::net::SocketAddr,
    tally: Arc<Tally>,
    rng: Rng,
}

impl Soaking {
    async fn until(mut self, end: Instant) {
        while Instant::now() < end {
            if let Some(id) = self.create().await {
                self.film(&id, end).await;
            }
        }
    }

    /// One call as an SDK makes it: repeated at most twice, unless it is told not to.
    async fn create(&mut self) -> Option<String> {
        self.tally.calls.fetch_add(1, Ordering::Relaxed);
        let body = format!(r#"{{"prompt":"a cat, the {}th","seconds":"4"}}"#, self.rng.u64(..));
        let keyed = self.rng.bool();
        let key = format!("key-{}", self.rng.u64(..));
        for tries in 0..3_u32 {
            let mut request = create(&body).with("x-stainless-retry-count", &tries.to_string());
            if keyed {
                request = request.with("idempotency-key", &key);
            }
            let mut client = Client::connect(self.address).await;
            client.send(request.bytes()).await;
            // Some give up waiting, and ask again.
            let patience = if self.rng.u8(..8) == 0 { self.rng.u64(..20) } else { 20_000 };
            let Ok(answer) = timeout(Duration::from_millis(patience), client.answer()).await else {
                self.tally.left.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            assert!(answer.whole, "an answer was cut:\n{}", answer.head);
            if answer.status() == 200 {
                self.tally.answered.fetch_add(1, Ordering::Relaxed);
                return answer.json()["id"].as_str().map(str::to_owned);
            }
            assert!(answer.json()["error"].is_object() || answer.status() >= 500, "{}", answer.text());
            if answer.header("x-should-retry") == Some("false") || !repeats(&answer) {
                return None;
            }
            sleep(Duration::from_millis(self.rng.u64(1..10))).await;
        }
        None
    }

    /// Polls to the end, or leaves it to the gateway; then fetches the film, and perhaps deletes it.
    async fn film(&mut self, id: &str, end: Instant) {
        if self.rng.u8(..6) == 0 {
            return;
        }
        while Instant::now() < end {
            let answer = self.ask(&get(&format!("/v1/videos/{id}"))).await;
            if answer.status() == 200 && answer.json()["status"] == "completed" {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        let film = self.ask(&get(&format!("/v1/videos/{id}/content"))).await;
        if film.status() == 200 && film.whole {
            assert_eq!(film.body.len(), FILM, "a film that looks whole is whole");
            self.tally.films.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn ask(&self, request: &Request) -> Message {
        let mut client = Client::connect(self.address).await;
        client.send(request.bytes()).await;
        client.answer_to(request.method()).await
    }
}

/// What SDKs ask again after.
fn repeats(answer: &Message) -> bool {
    matches!(answer.status(), 408 | 409 | 429 | 500..)
}
