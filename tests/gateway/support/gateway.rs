//! A gateway in this process, on a port of its own.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use reelgate::config::Config;
use reelgate::config::ledger::StoreKind;
use reelgate::config::secret::Sources;
use reelgate::gateway::{Gateway as Snapshot, Live};
use reelgate::job_watcher;
use reelgate::metrics::Metrics;
use reelgate::server;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::Client;
use super::message::Message;
use super::request::Request;
use super::upstream::Upstream;

/// A gateway that ends with its value.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    live: Live,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<io::Result<()>>,
    watch: JoinHandle<()>,
}

/// What the environment of every gateway holds.
const VARIABLES: [(&str, &str); 1] = [("UPSTREAM_KEY", "sk-operator-secret")];

impl Gateway {
    /// Starts one with this configuration, in which `{upstream}` stands for the upstream's base URL.
    pub(crate) async fn start(upstream: &Upstream, toml: &str) -> Self {
        Self::configured(&toml.replace("{upstream}", &upstream.base_url())).await
    }

    /// Starts one in front of `upstream` that knows what OpenAI's own API takes.
    pub(crate) async fn over(upstream: &Upstream) -> Self {
        Self::start(upstream, "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"").await
    }

    /// Starts one that asks clients for the key "rg-key" and the upstream with an operator's credential.
    pub(crate) async fn with_keys(upstream: &Upstream) -> Self {
        Self::start(upstream, KEYS).await
    }

    /// Starts one with exactly this configuration.
    pub(crate) async fn configured(toml: &str) -> Self {
        let var = |name: &str| {
            VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let file = |path: &Path| std::fs::read_to_string(path);
        let sources = Sources { var: &var, file: &file };
        let config = Config::parse(toml, Path::new(""), sources).unwrap_or_else(|error| panic!("{error}"));
        let mut config = config.check_serving().unwrap_or_else(|error| panic!("{error}"));
        if !toml.contains("[ledger]") {
            config.ledger.store = StoreKind::Memory;
        }
        Self::of(config).await
    }

    /// Starts one with a configuration that was read already.
    pub(crate) async fn of(config: Config) -> Self {
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let snapshot = Snapshot::new(config, metrics).unwrap_or_else(|error| panic!("{error}"));
        snapshot.restore_budgets().await.unwrap_or_else(|error| panic!("{error}"));
        snapshot.restore_slots().await;
        // One for the watch of jobs.
        let live = Live::new(snapshot.for_workers(2).expect("clients"));
        let watch = tokio::spawn(job_watcher::run(live.for_worker(1)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server::run(listener, live.clone(), async {
            // Dropping the sender stops it as well.
            let _ = stopped.await;
        }));
        Self { address, live, stop: Some(stop), task, watch }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends one request on a connection of its own, and reads the answer.
    pub(crate) async fn ask(&self, request: &Request) -> Message {
        let mut client = self.connect().await;
        client.send(request.bytes()).await;
        client.answer_to(request.method()).await
    }

    /// What its requests see.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// The metrics page.
    pub(crate) fn page(&self) -> String {
        String::from_utf8(self.live.current().page()).expect("UTF-8")
    }

    /// The value of one series of the page; 0 where there is none.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let page = self.page();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |text| text.parse().expect("a number"))
    }

    /// Tells it to stop.
    pub(crate) fn begin_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.begin_to_stop();
        let ended = super::within("the gateway to end", &mut self.task).await;
        ended.expect("no panic").expect("no error");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
        self.watch.abort();
    }
}

/// Clients bring the key "rg-key", whose SHA-256 stands there, and may use whatever there is.
pub(crate) const KEYS: &str = r#"
presets = ["openai"]
[routes]
allow = ["*"]
[auth]
mode = "keys"
unknown_videos = "forward"
[auth.keys.team]
sha256 = "1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca"
[upstreams.main]
base_url = "{upstream}"
credential = { env = "UPSTREAM_KEY" }
"#;
