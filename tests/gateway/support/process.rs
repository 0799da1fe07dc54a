//! The built binary in a process of its own, for what can only be seen from outside: its memory and its log.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::client::Client;
use super::upstream::Upstream;
use super::within;

/// A running `reelgate serve`; it is killed with its value.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
    _folder: TempDir,
}

impl Process {
    /// Starts one with this configuration, in which `{upstream}` stands for the upstream's base URL.
    pub(crate) async fn start(upstream: &Upstream, toml: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("reelgate.toml");
        fs::write(&path, toml.replace("{upstream}", &upstream.base_url())).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_reelgate"))
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log", "info", "--config"])
            .arg(&path)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, mut lines) = mpsc::unbounded_channel();
        // Reads on for as long as the process lives: a full pipe would stop it.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let address = within("the process to listen", async {
            loop {
                let line = lines.recv().await.expect("a line that says where it listens");
                if let Some(address) = listening_at(&line) {
                    return address;
                }
            }
        })
        .await;
        Self { address, child, _folder: folder }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("a command named kill").success(), "{name}");
    }

    /// Waits for its end, and tells its exit code.
    pub(crate) async fn exit_code(mut self) -> Option<i32> {
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

fn listening_at(line: &str) -> Option<SocketAddr> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    entry["message"].as_str()?.contains("is listening").then(|| entry["address"].as_str()?.parse().ok())?
}
