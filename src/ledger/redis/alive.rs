//! Which processes are alive. Nobody else can say how a dead one's calls ended.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis::Cmd;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::keys::{self, Keys, script};
use super::millis;
use crate::ledger::time::Timestamp;
use crate::metrics::OptionalGauge;
use crate::redis_client::Chore;

/// A process's word that it is alive, which it gives again and again.
pub(super) struct Lease {
    pub(super) keys: Keys,
    pub(super) instance: Arc<str>,
    /// How long the word counts.
    pub(super) length: Duration,
    /// Where it is shown that Redis answers, where nobody else does.
    pub(super) up: Option<OptionalGauge>,
}

impl Lease {
    /// Keeps giving it, and looks after those who do not any more.
    pub(super) async fn keep(self, chore: Chore) {
        let mut since: Option<Instant> = None;
        loop {
            // Redis was away for everybody: who is just back gives others as long to come back.
            let may_judge = since.is_some_and(|since| since.elapsed() >= self.length);
            match chore.ask::<usize>(self.beat(may_judge)).await {
                Ok(interrupted) => {
                    since.get_or_insert_with(Instant::now);
                    self.show(1);
                    if interrupted > 0 {
                        warn!(
                            calls = interrupted,
                            "paid calls were under way in a gateway that is gone; `reelgate ledger --state unknown` \
                             lists them"
                        );
                    }
                }
                Err(_) => {
                    since = None;
                    self.show(0);
                }
            }
            sleep(self.length / 3).await;
        }
    }

    /// The word, once.
    pub(super) fn beat(&self, may_judge: bool) -> Cmd {
        let mut command = script(keys::ALIVE, &[self.keys.instances()]);
        let date: Timestamp = SystemTime::now().into();
        command.arg(&*self.keys.0).arg(&*self.instance).arg(millis(self.length));
        command.arg(if may_judge { "1" } else { "0" }).arg(date.0);
        command
    }

    fn show(&self, value: i64) {
        if let Some(up) = &self.up {
            up.set(value);
        }
    }
}
