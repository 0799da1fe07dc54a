//! Whether somebody still waits for an answer.

use tokio::sync::watch;

/// Tells whether the client is still there.
#[derive(Clone, Debug)]
pub struct Presence(Option<watch::Receiver<()>>);

/// Held by whoever waits for the answer; dropping it means that nobody does any more.
#[derive(Debug)]
pub struct Waiting {
    _alive: watch::Sender<()>,
}

impl Presence {
    /// Of a call that ends with its client: for as long as it runs, somebody waits.
    #[must_use]
    pub const fn always() -> Self {
        Self(None)
    }

    /// One that lasts until the other side is dropped.
    #[must_use]
    pub fn pair() -> (Self, Waiting) {
        let (sender, receiver) = watch::channel(());
        (Self(Some(receiver)), Waiting { _alive: sender })
    }

    /// Resolves once nobody waits any more.
    pub(super) async fn gone(&self) {
        match &self.0 {
            // Nothing is ever sent: it ends with its sender.
            Some(receiver) => while receiver.clone().changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}
