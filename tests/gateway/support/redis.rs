//! A real Redis server, which ends with its value.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A server that listens on a socket in a folder of its own.
pub(crate) struct RedisServer {
    child: Child,
    folder: TempDir,
    /// Whether it remembers what was written when it is started again.
    remembers: bool,
}

/// Longest an answer may take.
const WAIT: Duration = Duration::from_secs(20);

impl RedisServer {
    /// Starts one that forgets everything when it ends.
    pub(crate) fn start() -> Self {
        Self::with(false)
    }

    /// Starts one that remembers what it has confirmed.
    pub(crate) fn durable() -> Self {
        Self::with(true)
    }

    fn with(remembers: bool) -> Self {
        let folder = TempDir::new().expect("a folder");
        let child = spawn(&folder, remembers);
        Self { child, folder, remembers }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.folder, self.remembers);
    }

    /// From now on it takes everything and says nothing.
    pub(crate) fn stall(&self) {
        self.signal("STOP");
    }

    /// It goes on where it was stalled.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("a command named kill").success(), "{name}");
    }

    /// The first line of its answer to a command of words without spaces.
    pub(crate) fn ask(&self, command: &str) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one, and waits until it is up.
fn spawn(folder: &TempDir, remembers: bool) -> Child {
    let append = if remembers { ["--appendonly", "yes"] } else { ["--appendonly", "no"] };
    let started = Command::new("redis-server")
        .args(["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--appendfsync", "always"])
        .args(append)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = started.unwrap_or_else(|error| {
        panic!(
            "redis-server cannot be started: {error} (tests/run installs it; Debian: apt-get install redis-server)"
        )
    });
    let said = BufReader::new(child.stdout.take().expect("its output"));
    let mut lines = said.lines().map_while(Result::ok);
    let is_up = lines.any(|line| line.to_lowercase().contains("ready to accept connections"));
    assert!(is_up, "redis-server has ended");
    child
}
