//! Another configuration in the place of the one that runs, while requests come in.

mod carried;
mod certificates;
mod files;
mod hangup;
mod rotation;
mod snapshots;

use std::fs;
use std::path::Path;
use std::time::Duration;

use reelgate::config::ledger::StoreKind;
use reelgate::reload::{Loaded, Origin, Reload};
use tempfile::TempDir;

use crate::support::gateway::Gateway;
use crate::support::process::{CONFIGURATION, Process};
use crate::support::within;

/// A gateway in this process, whose configuration stands in a file.
struct Reloading {
    gateway: Gateway,
    reload: Reload,
    folder: TempDir,
}

impl Reloading {
    async fn start(toml: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        replace(folder.path(), toml);
        let origin = Origin::new(folder.path().join(CONFIGURATION), |mut config| {
            config.ledger.store = StoreKind::Memory;
            config
        });
        let Loaded { config, source } = origin.load().unwrap_or_else(|problems| panic!("{problems}"));
        let gateway = Gateway::of(config).await;
        let reload = Reload::new(origin, source, gateway.live().clone());
        Self { gateway, reload, folder }
    }

    /// Goes on with another configuration, which can be used.
    async fn to(&mut self, toml: &str) {
        let before = self.gateway.metric(GENERATION);
        replace(self.folder.path(), toml);
        self.reload.now().await;
        assert!(self.gateway.metric(GENERATION) > before, "it was not reloaded: {toml}");
    }
}

const GENERATION: &str = "reelgate_config_generation";
const SUCCESSFUL: &str = "reelgate_config_last_reload_successful";

/// Series of [`reelgate_reloads_total`](GENERATION).
fn reloads(result: &str) -> String {
    format!("reelgate_reloads_total{{result=\"{result}\"}}")
}

/// Replaces the configuration as careful editors do: the new file is renamed over the old one.
fn replace(folder: &Path, toml: &str) {
    let new = folder.join("new.tmp");
    fs::write(&new, toml).expect("a file");
    fs::rename(&new, folder.join(CONFIGURATION)).expect("a rename");
}

/// Waits until one of a process's series has this value.
async fn until(process: &Process, series: &str, value: f64) {
    within(&format!("{series} to be {value}"), async {
        while (process.metric(series).await - value).abs() > f64::EPSILON {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
