//! A process that is killed at any moment has lost nothing that it was told is written.
//!
//! The test starts this very binary again, with a variable that makes one test of it a child that works until it
//! is killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::ledger::archive::{Archive, Filter};
use crate::ledger::record::{LedgerId, State};
use crate::ledger::sqlite::FileArchive;

const FILE: &str = "REELGATE_TEST_LEDGER";
const STEP: &str = "REELGATE_TEST_STEP";

/// What the child does before it says so and waits to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Recorded,
    Settled,
    /// It goes on and on.
    Working,
}

impl Step {
    const ALL: [Self; 3] = [Self::Recorded, Self::Settled, Self::Working];
}

fn settings(path: &Path) -> Settings {
    Settings { path: path.to_owned(), ..Settings::default() }
}

fn open(path: &Path) -> Ledger {
    Ledger::open(&settings(path), &Metrics::new().expect("metrics")).expect("a ledger")
}

/// Not a test by itself: it is the child of those below.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else { return };
    let step = std::env::var(STEP).expect("a step");
    let step = Step::ALL.into_iter().find(|known| format!("{known:?}") == step).expect("a step");
    let ledger = open(&path);
    for number in 0.. {
        let call = ledger.under_way(keyed(&format!("k{number}"), "{}")).await;
        let id = call.id().clone();
        say("recorded", &id);
        if step == Step::Recorded {
            std::future::pending::<()>().await;
        }
        call.settle(took(&format!("video_{number}"))).await;
        say("settled", &id);
        if step == Step::Settled {
            std::future::pending::<()>().await;
        }
    }
}

fn say(what: &str, id: &LedgerId) {
    println!("\nchild: {what} {id}");
}

/// The child, and what it said before it was killed.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(path: &Path, step: Step) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "ledger::tests::crash::child", "--nocapture", "--test-threads=1"])
            .env(FILE, path)
            .env(STEP, format!("{step:?}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    /// What it says next: what it did, and with which record.
    fn said(&mut self) -> Option<(String, LedgerId)> {
        loop {
            let line = self.lines.next()?.expect("text");
            if let Some(said) = line.strip_prefix("child: ") {
                let (what, id) = said.split_once(' ').expect("two words");
                return Some((what.to_owned(), LedgerId(id.into())));
            }
        }
    }

    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

#[tokio::test]
async fn killed_after_a_call_was_recorded_it_is_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut running = Running::start(&path, Step::Recorded);
    let (what, id) = running.said().expect("a word");
    assert_eq!(what, "recorded");
    // Nobody takes it for lost while it lives.
    assert_eq!(open(&path).record_of(&id).await.outcome.state, State::Open);
    running.kill();

    let ledger = open(&path);
    let outcome = ledger.record_of(&id).await.outcome;
    assert_eq!((outcome.state, outcome.fault.code.as_deref()), (State::Unknown, Some("interrupted")));
    let unresolved = Rejection::CreateUnresolved { ledger_id: id.to_string() };
    assert_eq!(ledger.refused(keyed("k0", "{}")).await, unresolved);
}

#[tokio::test]
async fn killed_after_a_call_was_settled_it_has_its_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let mut running = Running::start(&path, Step::Settled);
    let (_, id) = running.said().expect("a word");
    assert_eq!(running.said(), Some(("settled".to_owned(), id)));
    running.kill();
    let ledger = open(&path);
    assert_eq!(job_id(&ledger.replayed(keyed("k0", "{}")).await), "video_0");
}

#[tokio::test]
async fn killed_at_any_moment_nothing_that_was_confirmed_is_lost() {
    let mut confirmed = 0;
    for round in 0..5 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.db");
        let mut running = Running::start(&path, Step::Working);
        let mut said: Vec<(String, LedgerId)> =
            (0..10 + 7 * round).map(|_| running.said().expect("a word")).collect();
        running.kill();
        // What it said before it was killed counts too.
        while let Some(last) = running.said() {
            said.push(last);
        }
        drop(open(&path));
        let mut archive = FileArchive::open(&path).expect("a file");
        let all = archive.list(&Filter { limit: 100_000, ..Filter::default() }).expect("records");
        for (what, id) in &said {
            let record = all.iter().find(|record| record.id == *id).expect("every record");
            let state = record.outcome.state;
            assert!(
                if what == "settled" { state == State::Accepted } else { state != State::Open },
                "{state}"
            );
        }
        confirmed += said.len();
    }
    assert!(confirmed > 100, "only {confirmed}");
}
