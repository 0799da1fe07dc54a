//! Whether what is written into a Redis server outlives it.

use std::collections::HashMap;
use std::time::SystemTime;

use redis::cmd;
use tracing::{info, warn};

use crate::config::ledger::Sync;
use crate::ledger::time::Timestamp;
use crate::redis_client::Link;

/// Clocks that are further apart than this make records look older or younger than they are, in milliseconds.
const SKEW_MAX: u64 = 2000;

/// How a server keeps what is written, in its own words.
struct Durability {
    append: String,
    fsync: String,
    policy: String,
}

/// Says in the log what a restart of the server would cost. That it costs something is for the operator to weigh.
pub(super) fn check(link: &Link, sync: Sync) {
    check_clock(link);
    let Some(durability) = Durability::of(link) else {
        info!(
            "this Redis does not say how it keeps what is written (CONFIG GET): see to it that it has appendonly yes, \
             appendfsync always and maxmemory-policy noeviction"
        );
        return;
    };
    let Durability { append, fsync, policy } = &durability;
    info!(appendonly = append, appendfsync = fsync, maxmemory_policy = policy, "the ledger is kept in Redis");
    for complaint in durability.complaints(sync) {
        warn!("{complaint}");
    }
}

impl Durability {
    fn of(link: &Link) -> Option<Self> {
        let of = |name: &str| {
            let mut command = cmd("CONFIG");
            command.arg("GET").arg(name);
            link.ask_now::<HashMap<String, String>>(command).ok()?.remove(name)
        };
        Some(Self { append: of("appendonly")?, fsync: of("appendfsync")?, policy: of("maxmemory-policy")? })
    }

    /// What is wrong with it, and what would be right.
    fn complaints(&self, sync: Sync) -> Vec<&'static str> {
        let mut complaints = Vec::new();
        if self.append != "yes" {
            complaints.push(
                "a restart of Redis forgets the paid calls that were made, and whatever is repeated then is paid \
                 twice: set appendonly yes",
            );
        } else if self.fsync != "always" && sync == Sync::Full {
            complaints.push(
                "a power failure of Redis's host may cost the last moments of the ledger: set appendfsync always, or \
                 say that this is meant with ledger.sync = \"normal\"",
            );
        }
        if self.policy != "noeviction" {
            complaints.push("a Redis that is full forgets paid calls: set maxmemory-policy noeviction");
        }
        complaints
    }
}

fn check_clock(link: &Link) {
    let Ok((secs, micros)) = link.ask_now::<(i64, i64)>(cmd("TIME")) else { return };
    let ours: Timestamp = SystemTime::now().into();
    let apart = ours.0.abs_diff(secs * 1000 + micros / 1000);
    if apart > SKEW_MAX {
        warn!(milliseconds = apart, "the clocks of this host and of Redis's are apart: set them by NTP");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_restart_would_cost_is_said() {
        let complaints = |append: &str, fsync: &str, policy: &str, sync| {
            let [append, fsync, policy] = [append, fsync, policy].map(str::to_owned);
            Durability { append, fsync, policy }.complaints(sync).len()
        };
        assert_eq!(complaints("yes", "always", "noeviction", Sync::Full), 0);
        assert_eq!(complaints("yes", "everysec", "noeviction", Sync::Full), 1);
        assert_eq!(complaints("yes", "everysec", "noeviction", Sync::Normal), 0, "it is meant");
        assert_eq!(complaints("no", "everysec", "noeviction", Sync::Normal), 1);
        assert_eq!(complaints("no", "always", "allkeys-lru", Sync::Full), 2);
    }
}
