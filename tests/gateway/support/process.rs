//! The built binary in a process of its own, for what can only be seen from outside: its memory and its log.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::client::Client;
use super::request::get;
use super::upstream::Upstream;
use super::within;

/// A running `reelgate serve`; it is killed with its value.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
    child: Child,
    folder: Arc<TempDir>,
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
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join(CONFIGURATION), toml.replace("{upstream}", base_url)).expect("a file");
        Self::within_folder(Arc::new(folder)).await
    }

    /// Starts the next one, with the same configuration and the same ledger.
    pub(crate) async fn next(&self) -> Self {
        Self::within_folder(Arc::clone(&self.folder)).await
    }

    async fn within_folder(folder: Arc<TempDir>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reelgate"))
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log", "info", "--config"])
            .arg(CONFIGURATION)
            // Where its ledger is.
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, mut lines) = mpsc::unbounded_channel();
        let trouble = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&trouble);
        // Reads on for as long as the process lives: a full pipe would stop it.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if line.contains("panicked") || line.contains(r#""level":"ERROR""#) {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                }
                let _ = sender.send(line);
            }
        });
        let (address, admin) = within("the process to listen", async {
            loop {
                let line = lines.recv().await.expect("a line that says where it listens");
                if let Some(addresses) = listening_at(&line) {
                    return addresses;
                }
            }
        })
        .await;
        Self { address, admin, child, folder, trouble }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Its metrics.
    pub(crate) async fn page(&self) -> String {
        let mut client = Client::connect(self.admin).await;
        client.send(get("/metrics").bytes()).await;
        client.answer().await.text()
    }

    /// Every record of its ledger.
    pub(crate) fn ledger(&self) -> Vec<serde_json::Value> {
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
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("a command named kill").success(), "{name}");
    }

    /// Lines of its log that tell of errors and panics.
    pub(crate) fn trouble(&self) -> Vec<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for its end, and tells its exit code.
    pub(crate) async fn exit_code(mut self) -> Option<i32> {
        self.ended().await
    }

    /// Waits for its end, and tells its exit code: none where a signal was its end.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        within("the process to end", async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is ours") {
                    return status.code();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    /// Bytes of memory it occupies, and the most it ever did.
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of this name");
            let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
            kibibytes << 10
        };
        Memory { now: of("VmRSS:"), peak: of("VmHWM:") }
    }
}

/// Name of the configuration file.
const CONFIGURATION: &str = "reelgate.toml";

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The addresses of the gateway and of its admin pages.
fn listening_at(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| entry[name].as_str()?.parse().ok();
    entry["message"]
        .as_str()?
        .contains("is listening")
        .then(|| Some((address("address")?, address("admin")?)))?
}
