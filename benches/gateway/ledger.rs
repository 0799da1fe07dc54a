//! Writing a create down before it is sent and after it was answered: claimed, recorded, settled.
//!
//! `REELGATE_BENCH_ROWS` (100,000) is how many creates the full file knows already.

use std::cell::Cell;
use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use reelgate::bench_api;
use reelgate::config::ledger::{Settings, StoreKind};
use reelgate::ledger::Ledger;
use reelgate::metrics::Metrics;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use crate::memory;

/// Creates that are written down at the same time: the disk is waited for once.
const TOGETHER: u64 = 64;

struct Book {
    runtime: Runtime,
    ledger: Ledger,
    next: Cell<u64>,
    _directory: TempDir,
}

impl Book {
    /// One that knows so many creates.
    fn new(store: StoreKind, rows: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ledger.db");
        let settings = Settings { store, path: path.clone(), ..memory::config("").ledger };
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let open = || Ledger::open(&settings, &Metrics::new().expect("metrics")).expect("a ledger");
        let mut ledger = open();
        assert!(runtime.block_on(bench_api::writes_down(&ledger, 0)));
        if rows > 0 {
            drop(ledger);
            fill(&path, rows);
            ledger = open();
        }
        Self { runtime, ledger, next: Cell::new(1), _directory: directory }
    }

    fn write(&self, creates: u64) {
        let from = self.next.get();
        self.next.set(from + creates);
        self.runtime.block_on(async {
            let all = (from..from + creates).map(|number| {
                let ledger = self.ledger.clone();
                tokio::spawn(async move { bench_api::writes_down(&ledger, number).await })
            });
            for one in all.collect::<Vec<_>>() {
                assert!(one.await.expect("no panic"), "every one is written down");
            }
        });
    }

    fn bench(&self, bencher: Bencher<'_, '_>, creates: u64) {
        self.write(creates);
        bencher.counter(ItemsCount::new(creates)).bench_local(|| self.write(creates));
    }
}

/// Copies the first record so many times, as if the creates had come over the last week.
fn fill(path: &Path, rows: u64) {
    let file = Connection::open(path).expect("a file");
    let columns: Vec<String> = file
        .prepare("SELECT name FROM pragma_table_info('calls')")
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .expect("columns");
    let copied: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            // Ids begin with the time.
            "id" => format!("printf('lg_%012x%020x', at - {AGE}, number)"),
            "fingerprint" | "job_id" | "request_id" => format!("{column} || '-' || number"),
            "at" | "updated" => format!("{column} - {AGE}"),
            _ => column.clone(),
        })
        .collect();
    let sql = format!(
        "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {rows})
         INSERT INTO calls ({}) SELECT {} FROM numbers, (SELECT * FROM calls LIMIT 1)",
        columns.join(", "),
        copied.join(", "),
    );
    assert_eq!(file.execute(&sql, []).expect("rows"), usize::try_from(rows).expect("a number"));
    let tries =
        "INSERT OR IGNORE INTO tries SELECT is_repeat, at / 60000, substr(fingerprint, 1, 16), id FROM calls";
    file.execute(tries, []).expect("tries");
}

/// How much older than the first record a copy is.
const AGE: &str = "(number * 7919) % 604800000 - 1";

fn rows() -> u64 {
    let set = std::env::var("REELGATE_BENCH_ROWS").ok();
    set.map_or(100_000, |text| text.parse().expect("a number of rows"))
}

#[divan::bench(args = [1, TOGETHER])]
fn in_memory(bencher: Bencher<'_, '_>, creates: u64) {
    Book::new(StoreKind::Memory, 0).bench(bencher, creates);
}

#[divan::bench(args = [1, TOGETHER])]
fn in_an_empty_file(bencher: Bencher<'_, '_>, creates: u64) {
    Book::new(StoreKind::Sqlite, 0).bench(bencher, creates);
}

#[divan::bench(args = [1, TOGETHER])]
fn in_a_full_file(bencher: Bencher<'_, '_>, creates: u64) {
    Book::new(StoreKind::Sqlite, rows()).bench(bencher, creates);
}
