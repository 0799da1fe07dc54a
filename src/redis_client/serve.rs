//! The link's thread: takes questions, sends them on, and answers each as its answer comes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::{Cmd, Value};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::LinkError;
use super::dial::{Dial, Live};

/// A command, and who wants its answer.
pub(crate) struct Question {
    command: Cmd,
    is_wanted: Box<dyn FnOnce() -> bool + Send>,
    answer: Box<dyn FnOnce(Result<Value, LinkError>) + Send>,
    place: Place,
}

/// Counts among those that wait until it is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

impl Question {
    /// `is_wanted` is asked once, right before it would be sent.
    pub(super) fn new(
        command: Cmd,
        place: Place,
        is_wanted: impl FnOnce() -> bool + Send + 'static,
        answer: impl FnOnce(Result<Value, LinkError>) + Send + 'static,
    ) -> Self {
        Self { command, is_wanted: Box::new(is_wanted), answer: Box::new(answer), place }
    }
}

impl Place {
    pub(super) fn take(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Until nobody can ask any more, and everything that was asked has an answer.
pub(super) async fn serve(mut dial: Dial, mut questions: UnboundedReceiver<Question>) {
    let mut sent = JoinSet::new();
    loop {
        tokio::select! {
            question = questions.recv() => {
                let Some(question) = question else { break };
                let Question { command, is_wanted, answer, place } = question;
                if !is_wanted() {
                    continue;
                }
                match dial.connection().await {
                    // Tasks of one thread begin in the order in which they were made, and so do commands.
                    Ok(live) => {
                        sent.spawn(async move {
                            answer(send(live, &command).await);
                            drop(place);
                        });
                    }
                    Err(error) => answer(Err(error)),
                }
            }
            Some(_) = sent.join_next() => {}
        }
    }
    while sent.join_next().await.is_some() {}
}

async fn send(mut live: Live, command: &Cmd) -> Result<Value, LinkError> {
    let answer = command.query_async(&mut live.connection).await;
    answer.map_err(|error| {
        live.judge(&error);
        error.into()
    })
}
