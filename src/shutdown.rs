//! Being told to stop: the first signal drains, the second ends the process at once.

use std::io;
use std::process;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

/// Told to every worker when the process is to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// The side that tells.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// How far the end of a worker has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It is not in sight.
    #[default]
    Serving,
    /// What runs may finish; nothing new begins, and nobody waits for a turn any more.
    Draining,
    /// The drain time is nearly over: whoever still waits for an answer gets one now.
    Ending,
    /// The drain time is over: what still runs is cut.
    Over,
}

/// Keeps a worker from ending for as long as any clone of it is held, within the drain time, and tells how far
/// the end has come.
#[derive(Clone, Debug)]
pub(crate) struct Underway(watch::Receiver<Stage>);

impl Underway {
    /// Counts as under way for whoever waits for the channel's receivers to be gone.
    pub(crate) fn until_dropped(receiver: watch::Receiver<Stage>) -> Self {
        Self(receiver)
    }

    /// Resolves once the worker has come to `stage`.
    pub(crate) async fn reached(&self, stage: Stage) {
        // A worker whose sender is gone is past its end.
        let _ = self.0.clone().wait_for(|now| *now >= stage).await;
    }

    /// Whether the worker has come to `stage`.
    #[must_use]
    pub(crate) fn has_reached(&self, stage: Stage) -> bool {
        *self.0.borrow() >= stage
    }
}

/// A pair of the two.
#[must_use]
pub(crate) fn channel() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Tells everybody to stop.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether the process was told to stop.
    #[must_use]
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once the process is told to stop, or nobody is left to tell it.
    pub(crate) async fn stopped(mut self) {
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

/// Takes SIGTERM and SIGINT over, inside of a runtime. The future waits for one and tells everybody; a second one ends
/// the process.
///
/// They are taken over by the call, not by the future: whoever is told that the process is up may stop it at once.
///
/// # Errors
/// If the signals cannot be listened to.
pub(crate) fn on_signal(stopper: Stopper) -> io::Result<impl Future<Output = io::Result<()>>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let mut either = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let name = either().await;
        info!("{name}: draining; once more ends at once");
        stopper.stop();
        either().await;
        process::exit(ABORTED);
    })
}

/// Exit code of a process that did not wait for what was under way.
const ABORTED: i32 = 130;
