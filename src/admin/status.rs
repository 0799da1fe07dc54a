//! How the process stands at the moment. Holds names and numbers, and no secrets: whoever adds to it keeps it so.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::Started;
use crate::config::Config;
use crate::config::ledger::StoreKind;
use crate::config::upstreams::Base;
use crate::gateway::Gateway;
use crate::metrics::{COMMIT, VERSION};
use crate::plain::plain;
use crate::quota::concurrency_limit::Usage;
use crate::spool;

/// How the process stands.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Status {
    pub(super) version: &'static str,
    pub(super) commit: &'static str,
    /// `serving` or `draining`.
    pub(super) stage: &'static str,
    /// When the process started, in RFC 3339.
    pub(super) started: String,
    pub(super) uptime_seconds: u64,
    pub(super) configuration: Configuration,
    pub(super) connections: i64,
    pub(super) requests_in_flight: i64,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) slots: Vec<Slots>,
    pub(super) quotas: Vec<Quota>,
    /// Keys that have one, in order of name.
    pub(super) budgets: Vec<Budget>,
    /// Places for calls under way: creates have their own.
    pub(super) load: Vec<Load>,
    pub(super) spool: Spool,
    pub(super) ledger: Ledger,
    /// Jobs that this process knows and that nobody has seen at their end.
    pub(super) jobs_unfinished: usize,
}

/// Which configuration is in use.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Configuration {
    pub(super) generation: u64,
    /// Of the files it was read from; empty where there are none.
    pub(super) fingerprint: String,
}

/// One upstream.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) breaker: Breaker,
    /// How many repeats its retry budget still allows just now.
    pub(super) retry_budget: f64,
    pub(super) attempts_in_flight: usize,
}

/// Its breaker.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Breaker {
    /// `closed`, `half_open` or `open`.
    pub(super) position: &'static str,
    /// In a row, while it is closed.
    pub(super) failures: u32,
    /// How long it stays open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open_for_ms: Option<u128>,
}

/// Job slots of one name.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Slots {
    /// `key`, `model`, `global` or `upstream`.
    pub(super) scope: &'static str,
    /// Empty for everybody's.
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) places: Places,
}

/// One token bucket.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Quota {
    /// As of slots.
    pub(super) scope: &'static str,
    /// Empty for everybody's.
    pub(super) name: String,
    /// `submit`, `fetch` or `other`.
    pub(super) class: &'static str,
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// How long until it is full.
    pub(super) reset_seconds: f64,
}

/// One limit of a key's budget.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Budget {
    pub(super) key: String,
    /// `requests`, `seconds` or `money`.
    pub(super) unit: &'static str,
    /// `day` or `month`.
    pub(super) period: &'static str,
    /// Used or reserved.
    pub(super) used: f64,
    pub(super) limit: f64,
    /// When counting begins anew, in RFC 3339.
    pub(super) resets_at: String,
}

/// Calls under way.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Load {
    /// `submit`, or `other` for all the rest.
    pub(super) class: &'static str,
    #[serde(flatten)]
    pub(super) places: Places,
}

/// A number of places.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Places {
    pub(super) limit: usize,
    pub(super) in_use: usize,
    pub(super) waiting: usize,
}

/// Where large files are until they were sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Spool {
    pub(super) limit_bytes: u64,
    pub(super) in_use_bytes: u64,
}

/// Where paid calls are written down.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Ledger {
    pub(super) store: &'static str,
    /// Paid calls that are under way and have no outcome yet.
    pub(super) open: usize,
    /// Outcomes that could not be written down yet.
    pub(super) unwritten: usize,
    /// Why no paid call can be written down until an operator does something about it, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lost: Option<String>,
}

impl Status {
    /// Of this snapshot, and the process around it.
    pub(super) fn of(gateway: &Gateway, stage: &'static str, started: &Started) -> Self {
        let ledger = gateway.ledger.standing();
        let requests = &gateway.metrics.requests;
        Self {
            version: VERSION,
            commit: COMMIT,
            stage,
            started: humantime::format_rfc3339_seconds(started.at).to_string(),
            uptime_seconds: started.since.elapsed().as_secs(),
            configuration: Configuration {
                generation: gateway.version.generation,
                fingerprint: gateway.version.fingerprint.clone(),
            },
            connections: requests.connections.get(),
            requests_in_flight: requests.in_flight.get(),
            upstreams: upstreams(gateway),
            slots: slots(gateway),
            quotas: quotas(gateway),
            budgets: budgets(gateway),
            load: load(gateway),
            spool: gateway.spool.usage().into(),
            ledger: Ledger {
                store: store(&gateway.config),
                open: ledger.open,
                unwritten: ledger.unwritten,
                lost: gateway.ledger.lost().map(|reason| plain(&reason)),
            },
            jobs_unfinished: ledger.jobs_unfinished,
        }
    }

    /// As JSON, for people and programs.
    pub(super) fn to_json(&self) -> String {
        // Numbers, texts and lists can be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// In the order of the configuration.
fn upstreams(gateway: &Gateway) -> Vec<Upstream> {
    let now = Instant::now();
    let settings = gateway.config.upstreams.iter();
    let known = settings.filter_map(|settings| Some((settings, gateway.vitals.get(&settings.name)?)));
    let upstreams = known.map(|(settings, vitals)| {
        let open_for = vitals.open_until().map(|until| until.saturating_duration_since(now));
        Upstream {
            name: settings.name.to_string(),
            base_url: url(&settings.base),
            breaker: Breaker {
                position: vitals.position().word(),
                failures: vitals.failures(),
                open_for_ms: open_for.map(|open_for| open_for.as_millis()),
            },
            retry_budget: vitals.repeats_left(),
            attempts_in_flight: vitals.under_way(),
        }
    });
    upstreams.collect()
}

/// What stands in the configuration, which has no credential in it.
fn url(base: &Base) -> String {
    let host = base.authority.as_str().rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", base.scheme, base.path)
}

fn slots(gateway: &Gateway) -> Vec<Slots> {
    let all = gateway.slots.in_use().into_iter();
    all.map(|slots| Slots {
        scope: slots.scope.word(),
        name: slots.name.to_string(),
        places: slots.usage.into(),
    })
    .collect()
}

fn quotas(gateway: &Gateway) -> Vec<Quota> {
    let all = gateway.quotas.standings().into_iter();
    let quotas = all.map(|(limit, name, class, standing)| Quota {
        scope: limit.word(),
        name: name.to_string(),
        class: class.word(),
        limit: standing.limit,
        remaining: standing.remaining,
        reset_seconds: rounded(standing.reset),
    });
    quotas.collect()
}

fn budgets(gateway: &Gateway) -> Vec<Budget> {
    let all = gateway.budgets.standing(gateway.ledger.now().system()).into_iter();
    let budgets = all.map(|standing| Budget {
        key: standing.key.to_string(),
        unit: standing.unit.word(),
        period: standing.period.word(),
        used: standing.used,
        limit: standing.limit,
        resets_at: humantime::format_rfc3339_seconds(standing.resets_at).to_string(),
    });
    budgets.collect()
}

fn load(gateway: &Gateway) -> Vec<Load> {
    let all = gateway.load.usage().into_iter();
    all.map(|(class, usage)| Load { class: class.word(), places: usage.into() }).collect()
}

fn store(config: &Config) -> &'static str {
    match config.ledger.store {
        StoreKind::Sqlite => "sqlite",
        StoreKind::Memory => "memory",
        StoreKind::Redis => "redis",
    }
}

/// In seconds, to the millisecond.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

impl From<Usage> for Places {
    fn from(usage: Usage) -> Self {
        let Usage { limit, in_use, waiting } = usage;
        Self { limit, in_use, waiting }
    }
}

impl From<spool::Usage> for Spool {
    fn from(usage: spool::Usage) -> Self {
        let spool::Usage { in_use, limit } = usage;
        Self { limit_bytes: limit, in_use_bytes: in_use }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No configuration lets one in; should that change, the page still shows none.
    #[test]
    fn a_url_is_shown_without_a_credential() {
        let base = Base {
            scheme: axum::http::uri::Scheme::HTTPS,
            authority: "user:secret@api.example.com:8443".parse().expect("an authority"),
            path: "/openai/v1".to_owned(),
        };
        assert_eq!(url(&base), "https://api.example.com:8443/openai/v1");
    }
}
