//! Whether what is written into a Redis server outlives it.

use std::collections::HashMap;
use std::time::SystemTime;

use redis::cmd;
use tracing::{info, warn};

use crate::config::ledger::Sync;
use crate::ledger::time::Timestamp;
use crate::link::Link;

/// Clocks that are further apart than this make records look older or younger than they are, in milliseconds.
const SKEW_MAX: u64 = 2000;

/// Says in the log what a restart of the server would cost. That it costs something is for the operator to weigh.
pub(super) fn check(link: &Link, sync: Sync) {
    check_clock(link);
    let Some([append, fsync, policy]) = settings(link) else {
        info!(
            "this Redis does not say how it keeps what is written (CONFIG GET): see to it that it has appendonly yes, \
             appendfsync always and maxmemory-policy noeviction"
        );
        return;
    };
    if append != "yes" {
        warn!(
            appendonly = append,
            "a restart of Redis forgets paid calls that were made, and what is repeated then is paid twice: set \
             appendonly yes"
        );
    } else if fsync != "always" && sync == Sync::Full {
        warn!(
            appendfsync = fsync,
            "a crash of Redis's host may cost the last moments of the ledger: set appendfsync always, or say that \
             this is meant with ledger.sync = \"normal\""
        );
    } else {
        info!(appendonly = append, appendfsync = fsync, "the ledger is kept in Redis");
    }
    if policy != "noeviction" {
        warn!(
            maxmemory_policy = policy,
            "a Redis that is full forgets paid calls: set maxmemory-policy noeviction"
        );
    }
}

fn settings(link: &Link) -> Option<[String; 3]> {
    let of = |name: &str| {
        let mut command = cmd("CONFIG");
        command.arg("GET").arg(name);
        link.ask_now::<HashMap<String, String>>(command).ok()?.remove(name)
    };
    Some([of("appendonly")?, of("appendfsync")?, of("maxmemory-policy")?])
}

fn check_clock(link: &Link) {
    let Ok((secs, micros)) = link.ask_now::<(i64, i64)>(cmd("TIME")) else { return };
    let ours: Timestamp = SystemTime::now().into();
    let apart = ours.0.abs_diff(secs * 1000 + micros / 1000);
    if apart > SKEW_MAX {
        warn!(milliseconds = apart, "the clocks of this host and of Redis's are apart: set them by NTP");
    }
}
