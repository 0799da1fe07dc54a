//! A connection to Redis, on a thread of its own.
//!
//! Workers have runtimes of one thread each, and a connection lives with the runtime it was made on: it has to live
//! elsewhere. Whoever asks waits for an answer for a bounded time; commands go out in the order in which they were
//! asked, many at a time. A connection that failed is given up, and the next command makes a new one: no command is
//! ever sent twice.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, Value};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, WeakUnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

mod dial;
mod serve;

use crate::config::redis::Settings;
use dial::Dial;
use serve::{Place, Question};

/// A connection and its thread. What was asked is done, or has failed, before it is gone.
#[derive(Debug)]
pub(crate) struct Link {
    /// Gone once the thread is to end.
    line: Option<Line<UnboundedSender<Question>>>,
    thread: Option<JoinHandle<()>>,
}

/// Asks without keeping the link alive; for what runs on the link's own thread.
pub(crate) type Chore = Line<WeakUnboundedSender<Question>>;

/// Where questions wait.
#[derive(Clone, Debug)]
pub(crate) struct Line<S> {
    queue: S,
    /// Questions that have no answer yet.
    waiting: Arc<AtomicUsize>,
    bounds: Bounds,
}

/// How long, and for how many at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long an answer may take.
    pub answer: Duration,
    /// How long connecting may take.
    pub connect: Duration,
    /// Questions that may be without an answer.
    pub queue: usize,
}

/// On what terms a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Not if too much waits already, and not once nobody waits for the answer any more.
    IfAwaited,
    /// Not if too much waits already.
    IfRoom,
    /// In any case. There must not be more of these than calls under way.
    InAnyCase,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// Too much waits already.
    Busy,
    /// It did not come in time.
    Late,
    /// Redis, or the way there, failed: in its words.
    Failed(String),
}

/// The answer, once it is there. The question has been asked: who does not care for the answer may drop this.
pub(crate) type Told<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, LinkError>> + Send>>;

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too much waits for Redis"),
            Self::Late => f.write_str("Redis did not answer in time"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() { Self::Late } else { Self::Failed(format!("Redis: {error}")) }
    }
}

// === impl Link ===

impl Link {
    /// Starts the thread. Connects when something is asked. `chore` is what the link does beside: it ends with it.
    ///
    /// # Errors
    /// If the address is none, or the system starts no thread.
    pub(crate) fn start<F>(
        name: &str,
        settings: &Settings,
        bounds: Bounds,
        chore: impl FnOnce(Chore) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let dial = Dial::new(settings, bounds).map_err(io::Error::other)?;
        let (queue, questions) = unbounded_channel();
        let line = Line { queue, waiting: Arc::default(), bounds };
        let weak = Line { queue: line.queue.downgrade(), waiting: Arc::clone(&line.waiting), bounds };
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                let chore = tokio::spawn(chore(weak));
                serve::serve(dial, questions).await;
                chore.abort();
            });
        })?;
        Ok(Self { line: Some(line), thread: Some(thread) })
    }

    /// Asks. It has been asked when this returns. `read` runs on the link's thread, whether somebody waits or not:
    /// what an answer owns is never lost.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        terms: Terms,
        command: Cmd,
        read: impl FnOnce(Value) -> Result<T, LinkError> + Send + 'static,
    ) -> Told<T> {
        match &self.line {
            Some(line) => ask(&line.queue, line, (terms, command), read),
            None => Box::pin(async { Err(ended()) }),
        }
    }

    /// Asks and waits, on a thread that has nothing else to do.
    ///
    /// # Errors
    /// As told.
    pub(crate) fn ask_now<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T, LinkError> {
        let line = self.line.as_ref().ok_or_else(ended)?;
        let (tell, told) = mpsc::channel();
        let answer = move |answer: Result<Value, LinkError>| {
            // Nobody needs to be there any more.
            let _ = tell.send(answer.and_then(parsed));
        };
        let question = Question::new(command, Place::take(&line.waiting), || true, answer);
        line.queue.send(question).map_err(|_| ended())?;
        let patience = line.bounds.connect + line.bounds.answer;
        told.recv_timeout(patience).map_err(|_| LinkError::Late)?
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.line.take());
        // What was asked may be the last that holds it: the thread then ends by itself.
        let is_own = |thread: &JoinHandle<()>| thread.thread().id() == thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !is_own(thread)) {
            // It panicked: nothing to be done about it here.
            let _ = thread.join();
        }
    }
}

impl Chore {
    /// As [`Link::ask`], as long as there is one.
    pub(crate) async fn ask<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T, LinkError> {
        // Held no longer than it takes to ask: the link ends once nobody else holds it.
        let queue = self.queue.upgrade().ok_or_else(ended)?;
        let told = ask(&queue, self, (Terms::InAnyCase, command), parsed);
        drop(queue);
        told.await
    }
}

fn ask<S, T: Send + 'static>(
    queue: &UnboundedSender<Question>,
    line: &Line<S>,
    (terms, command): (Terms, Cmd),
    read: impl FnOnce(Value) -> Result<T, LinkError> + Send + 'static,
) -> Told<T> {
    if terms != Terms::InAnyCase && line.waiting.load(Ordering::Relaxed) >= line.bounds.queue {
        return Box::pin(async { Err(LinkError::Busy) });
    }
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(tell);
    let listener = Arc::downgrade(&tell);
    let is_wanted = move || {
        let is_heard = listener.upgrade().is_some_and(|tell: Arc<oneshot::Sender<_>>| !tell.is_closed());
        terms != Terms::IfAwaited || is_heard
    };
    let answer = move |answer: Result<Value, LinkError>| {
        // The other half only looks, and is done with that.
        if let Some(tell) = Arc::into_inner(tell) {
            let _ = tell.send(answer.and_then(read));
        }
    };
    let question = Question::new(command, Place::take(&line.waiting), is_wanted, answer);
    let asked = queue.send(question).map_err(|_| ended());
    let patience = line.bounds.answer;
    Box::pin(async move {
        asked?;
        match timeout(patience, told).await {
            Ok(told) => told.unwrap_or_else(|_| Err(ended())),
            Err(_) => Err(LinkError::Late),
        }
    })
}

/// What an answer says.
///
/// # Errors
/// If it is none of that.
pub(crate) fn parsed<T: FromRedisValue>(value: Value) -> Result<T, LinkError> {
    redis::from_redis_value(value).map_err(|error| LinkError::Failed(format!("Redis: {error}")))
}

fn ended() -> LinkError {
    LinkError::Failed("the connection to Redis has ended".to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
