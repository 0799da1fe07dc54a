//! Quotas, slots and load on a paused clock.

mod bucket;
mod changing;
mod gate;
mod quotas;
mod slots;

use std::future::poll_fn;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::sync::watch;
use tokio::time::Instant;

use super::wait_budget::WaitBudget;
use crate::config::Config;
use crate::config::secret::Sources;
use crate::journey::{Journey, Start};
use crate::metrics::Metrics;
use crate::shutdown::{Stage, Underway};

/// Nothing but what the bucket or gate itself allows.
fn patient() -> WaitBudget {
    WaitBudget::default()
}

/// A process whose end the sender announces.
fn serving() -> (watch::Sender<Stage>, WaitBudget) {
    let (stage, receiver) = watch::channel(Stage::Serving);
    let start = Start { underway: Some(Underway::until_dropped(receiver)), ..Start::default() };
    (stage, WaitBudget { journey: Some(Journey::begin(Instant::now(), start)), ..WaitBudget::default() })
}

/// Lets a future run until it waits. What it yields, if it did not wait.
async fn begun<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// What a future yields without waiting.
async fn now<F: Future>(future: F) -> F::Output {
    begun(pin!(future)).await.expect("it waits")
}

fn metrics() -> Metrics {
    Metrics::new().expect("metrics")
}

fn config(text: &str) -> Config {
    let var = |_: &str| Some("sk-1".to_owned());
    let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    Config::parse(text, Path::new(""), Sources { var: &var, file: &file }).expect("a configuration")
}
