//! A bounded soak: the built binary, every limit on, between clients that leave and an upstream that fails at
//! random. At its end nothing may be lost, leaked or left over; nor if it is told to stop, or killed, amid it all.
//!
//! Runs for ten seconds; `REELGATE_SOAK=60` makes it a minute. The seed is printed, and `REELGATE_SOAK_SEED` plays
//! its dice again.
#![expect(clippy::print_stdout, reason = "the seed of a run that fails, and what a run came to")]

use std::collections::HashMap;
use std::env;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::process::Process;
use crate::support::within;

mod application;
mod upstream;

use application::{Applications, Made};
use upstream::{Books, Faulty, Job};

const CONFIG: &str = r#"
presets = ["openai"]
[server]
workers = 2
drain = "3s"
[jobs]
watch_after = "200ms"
watch_interval = "100ms"
[quota]
submit = { rate = "500/s", wait = "1s" }
[upstreams.main]
base_url = "{upstream}"
submit_timeout = "1s"
fetch_timeout = "1s"
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

/// The drain time, and some.
const DRAINED: Duration = Duration::from_secs(3 + 3);

/// RT06, RT24, RT25, ME02, LM05: no lost record, no leaked slot, nothing in flight, flat memory, and never more than
/// one job of a call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soak_leaves_nothing_behind() {
    let seed = seed();
    let upstream = Faulty::start(seed).await;
    let process = Process::start_over(&upstream.base_url(), CONFIG).await;
    let time = Duration::from_secs(number("REELGATE_SOAK").unwrap_or(10));
    let applications = Applications::start(&process, seed, time);

    sleep(time / 3).await;
    let early = process.memory().now;
    let tally = applications.ended().await;
    let late = process.memory().now;
    settled(&process).await;

    let books = upstream.books();
    let records = process.ledger();
    check_records(&books, &records);
    let known: Vec<&str> = records.iter().filter_map(|record| record["job_id"].as_str()).collect();
    for id in &books.told {
        assert!(known.contains(&id.as_str()), "{id} was accepted and answered, and nobody knows of it");
    }
    assert!(late < early + (24 << 20), "memory grew from {early} to {late}");
    assert_eq!(process.trouble(), [""; 0]);
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (calls, answered, films) = (count(&tally.calls), count(&tally.answered), count(&tally.films));
    println!(
        "{calls} calls, {answered} answered, {} jobs, {} left by their clients, {films} films, memory {} → {} MiB",
        books.jobs.len(),
        count(&tally.left),
        early >> 20,
        late >> 20,
    );
    assert!(answered > 0 && films > 0, "nothing went well");
}

/// SD01, SD07, RT25: told to stop amid creates, it ends in time and in order, and leaves no outcome open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_amid_creates_leaves_nothing_open() {
    let seed = seed();
    let upstream = Faulty::start(seed).await;
    let mut process = Process::start_over(&upstream.base_url(), CONFIG).await;
    let applications = Applications::start(&process, seed, Duration::from_secs(60));
    sleep(Duration::from_secs(2)).await;

    applications.gateway_ends();
    process.signal("TERM");
    let told = Instant::now();
    let code = process.ended().await;
    assert_eq!(code, Some(0));
    assert!(told.elapsed() < DRAINED, "it took {:?}", told.elapsed());
    assert_eq!(process.trouble(), [""; 0]);
    let made = applications.stopped().await;
    check_records(&upstream.books(), &process.ledger());

    goes_on(&process, &upstream, &made).await;
}

/// RT29, and a crash: killed amid creates, the next process knows of every call that may have come to something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_amid_creates_loses_no_job() {
    let seed = seed();
    let upstream = Faulty::start(seed).await;
    let mut process = Process::start_over(&upstream.base_url(), CONFIG).await;
    let applications = Applications::start(&process, seed, Duration::from_secs(60));
    sleep(Duration::from_secs(2)).await;

    applications.gateway_ends();
    process.signal("KILL");
    assert_eq!(process.ended().await, None);
    let made = applications.stopped().await;

    goes_on(&process, &upstream, &made).await;
}

/// Starts the next process and checks what it knows.
async fn goes_on(process: &Process, upstream: &Faulty, made: &[Made]) {
    upstream.be_well();
    let next = process.next().await;
    check_records(&upstream.books(), &next.ledger());
    // Jobs that run hold their slots again, until the watch sees them end.
    settled(&next).await;
    let mut repeated = 0;
    for call in made {
        let before = upstream.books().of(&call.prompt);
        let answer = application::repeat(next.address, call).await;
        let now = upstream.books().of(&call.prompt);
        match before.as_slice() {
            // Nothing was made: either it is made now, or it is not sure that nothing was.
            [] => assert!(now.len() <= 1, "{call:?} made {now:?}"),
            [id] => {
                repeated += 1;
                assert_eq!(before, now, "{call:?} was made again");
                match answer.status() {
                    200 => assert_eq!(answer.json()["id"], **id, "{call:?}"),
                    status => assert_eq!(
                        (status, answer.code().as_deref(), answer.header("x-should-retry")),
                        (409, Some("create_unresolved"), Some("false")),
                        "{call:?}"
                    ),
                }
            }
            more => panic!("{call:?} made {more:?}"),
        }
    }
    assert!(repeated > 0, "no call had come to a job");
    check_records(&upstream.books(), &next.ledger());
    settled(&next).await;
    assert_eq!(next.trouble(), [""; 0]);
}

/// What holds of any ledger once nothing is under way.
fn check_records(books: &Books, records: &[Value]) {
    let open: Vec<&Value> = records.iter().filter(|record| record["state"] == "open").collect();
    assert!(open.is_empty(), "left open: {open:?}");
    let may_run = |record: &&Value| matches!(record["state"].as_str(), Some("accepted" | "unknown"));
    let may_run = records.iter().filter(may_run).count();
    assert!(may_run >= books.jobs.len(), "{may_run} records of {} jobs", books.jobs.len());
    let mut by_prompt: HashMap<&str, Vec<&Job>> = HashMap::new();
    for job in books.jobs.values() {
        by_prompt.entry(&job.prompt).or_default().push(job);
    }
    let doubled: Vec<_> = by_prompt.into_values().filter(|jobs| jobs.len() > 1).collect();
    for job in doubled.iter().flatten() {
        let of_job = |record: &&Value| record["request_id"] == *job.request_id;
        let made = records.iter().find(of_job).map(|record| &record["fingerprint"]);
        for record in records.iter().rev().filter(|record| Some(&record["fingerprint"]) == made) {
            println!("{record}");
        }
    }
    assert!(doubled.is_empty(), "calls that were paid for twice: {doubled:#?}");
}

fn seed() -> u64 {
    let seed = number("REELGATE_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("REELGATE_SOAK_SEED={seed}");
    seed
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: a number, not {text:?}")))
}

/// Waits until every job has ended and every gauge is back at zero.
async fn settled(process: &Process) {
    const GAUGES: [&str; 4] = [
        "reelgate_requests_in_flight ",
        "reelgate_slots_in_use{",
        "reelgate_slots_waiting{",
        "reelgate_ledger_open ",
    ];
    within("the gauges to return to zero", async {
        loop {
            let page = process.page().await;
            let gauge = |line: &&str| GAUGES.iter().any(|gauge| line.starts_with(gauge));
            let gauges: Vec<&str> = page.lines().filter(gauge).collect();
            assert!(gauges.len() >= GAUGES.len(), "gauges are missing: {gauges:?}");
            if gauges.iter().all(|line| line.ends_with(" 0")) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
