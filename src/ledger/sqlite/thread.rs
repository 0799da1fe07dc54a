//! The threads that hold the connections. Whoever asks waits for an answer, not for the disk.
//!
//! The writer takes everything that waits into one transaction, commits once, and only then answers: calls that
//! come together wait for the disk together. It never waits for more of them. Reading has a thread of its own, so that polls cannot keep paid calls
//! waiting.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::identity::OpenFiles;
use super::prepared::{Prepared, Sql};
use super::usage;
use crate::ledger::store::{Asked, LedgerError};

/// Answers one question, once what it wrote is written for good, or is not.
struct Answer {
    /// Where somebody waits for it.
    runtime: Option<Handle>,
    tell: Box<dyn FnOnce(Result<(), LedgerError>) + Send>,
}

/// Does one question's work, if there is a connection it can do it on. No answer where nobody waits for one.
type Question = Box<dyn FnOnce(Result<&mut Prepared<'_>, LedgerError>) -> Option<Answer> + Send>;

/// A thread with a connection of its own.
#[derive(Debug)]
pub(super) struct Worker {
    /// Gone once it is to end.
    queue: Option<Sender<Question>>,
    /// Questions that wait, and how many may.
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    thread: Option<JoinHandle<()>>,
    timeout: Duration,
}

/// On what terms a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    /// Not if too much waits already, and not once nobody waits for the answer any more.
    IfAwaited,
    /// Not if too much waits already.
    IfRoom,
    /// In any case. There must not be more of these than calls under way.
    InAnyCase,
}

/// What the writer does when it has nothing else to do; yields after what time it wants to be asked again.
pub(super) type Chore = Box<dyn FnMut(&Connection) -> Duration + Send>;

/// Most questions that share a transaction.
const BATCH_MAX: usize = 256;
/// How often a writer that has nothing to write looks whether its files are still there.
const LOOK: Duration = Duration::from_secs(1);

impl Worker {
    /// Starts one that writes into these files.
    pub(super) fn writing(
        (connection, files): (Connection, OpenFiles),
        queue: usize,
        timeout: Duration,
        chore: Chore,
    ) -> io::Result<Self> {
        Self::start("ledger-write", queue, timeout, move |questions| {
            write((&mut Prepared::new(&connection), &files), &questions, chore);
        })
    }

    /// Starts one that reads.
    pub(super) fn reading(connection: Connection, queue: usize, timeout: Duration) -> io::Result<Self> {
        Self::start("ledger-read", queue, timeout, move |questions| {
            let mut prepared = Prepared::new(&connection);
            for question in questions {
                if let Some(answer) = question(Ok(&mut prepared)) {
                    (answer.tell)(Ok(()));
                }
            }
        })
    }

    fn start(
        name: &str,
        queue: usize,
        timeout: Duration,
        run: impl FnOnce(Receiver<Question>) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, questions) = channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(questions))?;
        Ok(Self {
            queue: Some(sender),
            waiting: Arc::default(),
            waiting_max: queue,
            thread: Some(thread),
            timeout,
        })
    }

    /// Asks. It has been asked when this returns.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        terms: Terms,
        work: impl FnOnce(&mut Prepared<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Asked<T> {
        let (tell, told) = oneshot::channel();
        let waiting = Arc::clone(&self.waiting);
        let runtime = Handle::try_current().ok();
        let question: Question = Box::new(move |prepared| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            if terms == Terms::IfAwaited && tell.is_closed() {
                return None;
            }
            let done = prepared.and_then(|prepared| work(prepared).map_err(failed));
            let tell = Box::new(move |written: Result<(), _>| {
                // Nobody needs to be there any more.
                let _ = tell.send(written.and(done));
            });
            Some(Answer { runtime, tell })
        });
        let asked = self.enqueue(terms, question);
        let patience = self.timeout;
        Box::pin(async move {
            asked?;
            match timeout(patience, told).await {
                Ok(told) => told.unwrap_or_else(|_| Err(ended())),
                Err(_) => Err(LedgerError::Late),
            }
        })
    }

    fn enqueue(&self, terms: Terms, question: Question) -> Result<(), LedgerError> {
        if terms != Terms::InAnyCase && self.waiting.load(Ordering::Relaxed) >= self.waiting_max {
            return Err(LedgerError::Busy);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.queue.as_ref().ok_or_else(ended)?.send(question).map_err(|_| ended())
    }
}

/// What was asked is done before it ends.
impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // It panicked: nothing to be done about it here.
            let _ = thread.join();
        }
    }
}

fn write(
    (prepared, files): (&mut Prepared<'_>, &OpenFiles),
    questions: &Receiver<Question>,
    mut chore: Chore,
) {
    let mut wait = chore(prepared.connection);
    loop {
        match questions.recv_timeout(wait.min(LOOK)) {
            Ok(first) => {
                // Woken by the first, it would run before those that the same core is about to ask.
                thread::yield_now();
                let more = questions.try_iter().take(BATCH_MAX - 1);
                commit((&mut *prepared, files), std::iter::once(first).chain(more));
            }
            // What a check finds is said by it, and remembered.
            Err(RecvTimeoutError::Timeout) => drop(files.check(prepared.connection)),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // Lost files are not tidied up: another process may be using them.
        wait = if files.are_lost() { LOOK } else { chore(prepared.connection) };
    }
}

/// Everything in one transaction; nobody hears of success before it is committed, to files that have their names.
fn commit((prepared, files): (&mut Prepared<'_>, &OpenFiles), questions: impl Iterator<Item = Question>) {
    // Before, so that nothing is written down of a call that is refused for it; and after, since only then it is certain.
    let found = files.check(prepared.connection);
    let begun = found.and_then(|()| prepared.execute(Sql::Begin, ()).map(|_| ()).map_err(failed));
    let answers: Vec<Answer> = questions
        .filter_map(|question| match &begun {
            // A full disk ends the transaction by itself, and what comes next would stand alone.
            Ok(()) if prepared.connection.is_autocommit() => question(Err(rolled_back())),
            Ok(()) => question(Ok(&mut *prepared)),
            Err(error) => question(Err(error.clone())),
        })
        .collect();
    let committed = begun.and_then(|()| end(prepared)).and_then(|()| files.check(prepared.connection));
    prepared.uses.clear();
    tell(answers, &committed);
}

/// Answers everybody. To wake a task costs a system call from here and none on its own runtime: each of those is woken
/// once, and wakes its tasks itself.
fn tell(mut answers: Vec<Answer>, committed: &Result<(), LedgerError>) {
    while let Some(Answer { runtime, .. }) = answers.first() {
        let runtime = runtime.clone();
        let id = |runtime: &Option<Handle>| runtime.as_ref().map(Handle::id);
        let (its, others): (Vec<_>, _) =
            answers.into_iter().partition(|answer| id(&answer.runtime) == id(&runtime));
        answers = others;
        let committed = committed.clone();
        let all = move || its.into_iter().for_each(|answer| (answer.tell)(committed.clone()));
        match runtime {
            Some(runtime) => drop(runtime.spawn(async move { all() })),
            None => all(),
        }
    }
}

/// Ends the transaction, with what its calls add to the sums.
fn end(prepared: &mut Prepared<'_>) -> Result<(), LedgerError> {
    if prepared.connection.is_autocommit() {
        return Err(rolled_back());
    }
    let written = usage::write(prepared).and_then(|()| prepared.execute(Sql::Commit, ()));
    written.map(|_| ()).map_err(|error| {
        // What cannot be committed must not linger and hold the lock.
        let _ = prepared.connection.execute_batch("ROLLBACK");
        failed(error)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: rusqlite::Error) -> LedgerError {
    LedgerError::Failed(error.to_string())
}

fn rolled_back() -> LedgerError {
    LedgerError::Failed("the transaction was rolled back, as by a full disk".to_owned())
}

fn ended() -> LedgerError {
    LedgerError::Failed("the ledger has ended".to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Runtime;

    use super::*;

    fn worker(queue: usize) -> Worker {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch("CREATE TABLE t (n INTEGER)").expect("a table");
        let chore = Box::new(|_: &Connection| Duration::from_secs(3600));
        let files = OpenFiles::default();
        Worker::writing((connection, files), queue, Duration::from_secs(60), chore).expect("a thread")
    }

    /// Keeps the writer busy until the sender is dropped.
    fn hold(worker: &Worker) -> (Asked<()>, Sender<()>) {
        let (started, has_started) = channel();
        let (release, released) = channel::<()>();
        let held = worker.ask(Terms::IfRoom, move |_| {
            started.send(()).expect("somebody waits");
            let _ = released.recv();
            Ok(())
        });
        has_started.recv().expect("it starts");
        (held, release)
    }

    fn insert(prepared: &mut Prepared<'_>) -> rusqlite::Result<usize> {
        prepared.connection.execute("INSERT INTO t VALUES (1)", [])
    }

    #[tokio::test]
    async fn nobody_hears_of_success_before_all_of_it_is_committed() {
        let worker = worker(10);
        let (held, release) = hold(&worker);
        let before = worker.ask(Terms::IfRoom, insert);
        // As a full disk does.
        let full = worker.ask(Terms::IfRoom, |prepared| prepared.connection.execute_batch("ROLLBACK"));
        let after = worker.ask(Terms::IfRoom, insert);
        drop(release);
        // What comes while others are at work is done with them.
        assert_eq!((held.await, before.await), (Err(rolled_back()), Err(rolled_back())));
        assert_eq!((full.await, after.await), (Err(rolled_back()), Err(rolled_back())));
        let count = worker.ask(Terms::IfRoom, |prepared| {
            prepared.connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(count.await, Ok(0));
        assert_eq!(worker.ask(Terms::IfRoom, insert).await, Ok(1));
    }

    #[tokio::test]
    async fn too_much_is_refused_at_once_but_for_what_must_be_written() {
        let worker = worker(1);
        let (held, release) = hold(&worker);
        let waits = worker.ask(Terms::IfRoom, insert);
        assert_eq!(worker.ask(Terms::IfAwaited, insert).await, Err(LedgerError::Busy));
        let must = worker.ask(Terms::InAnyCase, insert);
        drop(release);
        held.await.expect("done");
        assert_eq!((waits.await, must.await), (Ok(1), Ok(1)));
    }

    #[test]
    fn everybody_is_told_on_the_runtime_that_asked() {
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (one, other, gone) = (runtime(), runtime(), runtime());
        let worker = worker(10);
        let ask_on = |runtime: &Runtime| {
            let _inside = runtime.enter();
            worker.ask(Terms::IfRoom, insert)
        };
        let (held, release) = hold(&worker);
        let asked = [ask_on(&one), ask_on(&other), ask_on(&gone), ask_on(&one)];
        drop((gone, release));
        let [first, second, lost, last] = asked;
        assert_eq!((one.block_on(first), one.block_on(last)), (Ok(1), Ok(1)));
        assert_eq!((other.block_on(second), one.block_on(held)), (Ok(1), Ok(())));
        // It was written, and nobody is left whom it could be told.
        assert_eq!(one.block_on(lost), Err(ended()));
        let count = |prepared: &mut Prepared<'_>| {
            prepared.connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(one.block_on(worker.ask(Terms::IfRoom, count)), Ok(4));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_not_begun() {
        let worker = worker(10);
        let (held, release) = hold(&worker);
        drop(worker.ask(Terms::IfAwaited, insert));
        drop(release);
        held.await.expect("done");
        let count = worker.ask(Terms::IfRoom, |prepared| {
            prepared.connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(count.await, Ok(0));
    }
}
