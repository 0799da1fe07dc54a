//! The built binary in a process of its own, for what can only be seen from outside: its memory and its log.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::client::Client;
use super::message::Message;
use super::request::get;
use super::upstream::Upstream;
use super::within;

/// A running `reelgate serve`.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    child: Running,
    folder: Arc<TempDir>,
    filter: &'static str,
    log: mpsc::UnboundedReceiver<String>,
    /// Lines of its log that there should never be.
    trouble: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts one with this configuration, in which `{upstream}` stands for the upstream's base URL.
    pub(crate) async fn start(upstream: &Upstream, toml: &str) -> Self {
        Self::start_over(&upstream.base_url(), toml).await
    }

    /// As [`Self::start`], in front of the server with this base URL.
    pub(crate) async fn start_over(base_url: &str, toml: &str) -> Self {
        Self::within_folder(folder_with(base_url, toml), "info").await
    }

    /// Starts one with the configuration that stands in this folder.
    pub(crate) async fn start_in(folder: TempDir) -> Self {
        Self::within_folder(Arc::new(folder), "info").await
    }

    /// As [`Self::start`], with another filter of its log.
    pub(crate) async fn start_logging(upstream: &Upstream, toml: &str, filter: &'static str) -> Self {
        Self::within_folder(folder_with(&upstream.base_url(), toml), filter).await
    }

    /// Starts the next one, with the same configuration and the same ledger.
    pub(crate) async fn next(&self) -> Self {
        Self::within_folder(Arc::clone(&self.folder), self.filter).await
    }

    async fn within_folder(folder: Arc<TempDir>, filter: &'static str) -> Self {
        let mut child = Running::start(
            Command::new(env!("CARGO_BIN_EXE_reelgate"))
                .args([
                    "--listen",
                    "127.0.0.1:0",
                    "--admin-listen",
                    "127.0.0.1:0",
                    "--log",
                    filter,
                    "--config",
                ])
                .arg(CONFIGURATION)
                .env("UPSTREAM_KEY", "sk-operator-secret")
                // Where its ledger is.
                .current_dir(folder.path()),
        );
        let stderr = BufReader::new(child.stderr());
        let (sender, mut log) = mpsc::unbounded_channel();
        let trouble = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&trouble);
        // Reads on for as long as the process lives: a full pipe would stop it.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line.contains("panicked") || line.contains(r#""level":"ERROR""#) {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                }
                let _ = sender.send(line);
            }
        });
        let (address, admin) = within("the process to listen", async {
            loop {
                let line: String = log.recv().await.expect("a line that says where it listens");
                if let Some(addresses) = listening_at(&line) {
                    return addresses;
                }
            }
        })
        .await;
        Self { address, admin, child, folder, filter, log, trouble }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Where its admin pages are.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its metrics.
    pub(crate) async fn page(&self) -> String {
        self.ask_admin("/metrics").await.text()
    }

    /// One of its admin pages.
    pub(crate) async fn ask_admin(&self, target: &str) -> Message {
        let mut client = Client::connect(self.admin).await;
        client.send(get(target).bytes()).await;
        client.answer().await
    }

    /// Waits for a line of its log that satisfies the test. Lines before it are not seen again.
    pub(crate) async fn logged(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        within(what, async {
            loop {
                let line = self.log.recv().await.expect("it still runs");
                let entry = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if wanted(&entry) {
                    return entry;
                }
            }
        })
        .await
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The value of one series of its metrics; 0 where there is none.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let page = self.page().await;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |text| text.parse().expect("a number"))
    }

    /// Ends it, and yields the rest of its log.
    pub(crate) async fn rest_of_log(mut self) -> Vec<String> {
        self.signal("TERM");
        self.child.ended().await;
        let mut lines = Vec::new();
        while let Some(line) = within("the end of the log", self.log.recv()).await {
            lines.push(line);
        }
        lines
    }

    /// Every record of its ledger.
    pub(crate) fn ledger(&self) -> Vec<Value> {
        let listed = Command::new(env!("CARGO_BIN_EXE_reelgate"))
            .args(["ledger", "--format", "json", "--limit", "1000000", "--file"])
            .arg(self.folder.path().join("reelgate-ledger.db"))
            .output()
            .expect("the binary runs");
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let text = String::from_utf8(listed.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.0.id().to_string()]).status();
        assert!(sent.expect("a command named kill").success(), "{name}");
    }

    /// Lines of its log that tell of errors and panics.
    pub(crate) fn trouble(&self) -> Vec<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for its end, and tells its exit code.
    pub(crate) async fn exit_code(mut self) -> Option<i32> {
        self.child.ended().await
    }

    /// Waits for its end, and tells its exit code: none where a signal was its end.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        self.child.ended().await
    }

    /// Bytes of memory it occupies, and the most it ever did.
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.0.id())).expect("it runs");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of this name");
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
            kibibytes << 10
        };
        Memory { now: of("VmRSS:"), peak: of("VmHWM:") }
    }
}

/// A folder with this configuration, in which `{upstream}` stands for the upstream's base URL.
fn folder_with(base_url: &str, toml: &str) -> Arc<TempDir> {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join(CONFIGURATION), toml.replace("{upstream}", base_url)).expect("a file");
    Arc::new(folder)
}

/// Name of the configuration file.
pub(crate) const CONFIGURATION: &str = "reelgate.toml";

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

/// A process of ours; it is killed with its value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stderr(Stdio::piped()).spawn().expect("the binary starts"))
    }

    /// Waits for its end, and tells its exit code.
    async fn ended(&mut self) -> Option<i32> {
        within("the process to end", async {
            loop {
                if let Some(status) = self.0.try_wait().expect("it is ours") {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    fn stderr(&mut self) -> ChildStderr {
        self.0.stderr.take().expect("a pipe")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the binary where it is to end by itself, and tells its exit code and what it said.
pub(crate) async fn run_to_its_end(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut child =
        Running::start(Command::new(env!("CARGO_BIN_EXE_reelgate")).args(arguments).current_dir(folder));
    let code = child.ended().await;
    let mut said = String::new();
    child.stderr().read_to_string(&mut said).expect("UTF-8");
    (code, said)
}

/// The addresses of the gateway and of its admin pages.
fn listening_at(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| entry[name].as_str()?.parse().ok();
    entry["message"]
        .as_str()?
        .contains("is listening")
        .then(|| Some((address("address")?, address("admin")?)))?
}
