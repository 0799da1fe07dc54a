//! The sandbox over real connections: films that players accept, and connections that break.
//!
//! With `REELGATE_FFPROBE` naming an `ffprobe` the films are measured by it; otherwise that test says
//! that it was skipped.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::process::Command;
use std::time::Duration;

use reelgate::sandbox::{self, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running sandbox whose films take no time.
struct Running {
    address: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Running {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let options =
            Options { queue_time: Duration::ZERO, time_per_second: Duration::ZERO, ..Options::default() };
        let served = tokio::spawn(sandbox::run(listener, options, async {
            let _ = stopped.await;
        }));
        Self { address, stop, served }
    }

    /// Sends one request on a connection of its own and returns whatever comes back.
    async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.send(line, headers, body).await;
        let mut received = Vec::new();
        // A reset connection is an end like any other here: the test looks at what had arrived.
        let _ = stream.read_to_end(&mut received).await;
        Answer::read(&received)
    }

    async fn send(&self, line: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\nauthorization: Bearer sk-test\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn create(&self, body: &Value) -> String {
        let created = self.ask("POST /v1/videos", "", &body.to_string()).await;
        created.json()["id"].as_str().unwrap().to_owned()
    }

    async fn jobs_created(&self) -> u64 {
        self.ask("GET /sandbox/jobs", "", "").await.json()["created"].as_u64().unwrap()
    }
}

/// What came back: head and body as they were on the wire.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn read(received: &[u8]) -> Self {
        let end = received.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.map_or(received.len(), |end| end + 4);
        Self { head: String::from_utf8_lossy(&received[..end]).into_owned(), body: received[end..].to_vec() }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn content_length(&self) -> usize {
        let line = self.head.lines().find_map(|line| line.strip_prefix("content-length: "));
        line.unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn films_measure_what_was_asked_for() {
    let Ok(ffprobe) = std::env::var("REELGATE_FFPROBE") else {
        println!("skipped: REELGATE_FFPROBE does not name an ffprobe");
        return;
    };
    let sandbox = Running::start().await;
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("sora-2", "720x1280", "4"),
        ("sora-2", "1280x720", "12"),
        ("sora-2-pro", "1024x1792", "15"),
        ("sora-2-pro", "1792x1024", "25"),
    ];
    for (model, size, seconds) in cases {
        let order = json!({ "prompt": "a cat", "model": model, "size": size, "seconds": seconds });
        let id = sandbox.create(&order).await;
        let file = folder.path().join("film.mp4");
        let film = sandbox.ask(&format!("GET /v1/videos/{id}/content"), "", "").await;
        std::fs::write(&file, film.body).unwrap();

        // `-count_frames` decodes everything, so a picture that cannot be decoded shows as a complaint.
        let arguments = "-v error -count_frames -select_streams v:0 -of csv=p=0 \
                         -show_entries stream=width,height,duration,nb_read_frames";
        let measured = Command::new(&ffprobe).args(arguments.split_whitespace()).arg(&file).output().unwrap();
        let length: u32 = seconds.parse().unwrap();
        let expected = format!("{},{length}.000000,{}\n", size.replace('x', ","), length * 24);
        assert_eq!(String::from_utf8_lossy(&measured.stdout), expected);
        assert_eq!(String::from_utf8_lossy(&measured.stderr), "");
    }
}

#[tokio::test]
async fn a_truncated_download_announces_more_than_it_sends() {
    let sandbox = Running::start().await;
    let id = sandbox.create(&json!({ "prompt": "a cat" })).await;
    let line = format!("GET /v1/videos/{id}/content");
    let whole = sandbox.ask(&line, "", "").await;
    let cut = sandbox.ask(&line, "x-sandbox-fault: truncate=100\r\n", "").await;

    assert!(cut.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", cut.head);
    assert_eq!(cut.content_length(), whole.body.len());
    assert_eq!(cut.body, whole.body[..100]);
}

#[tokio::test]
async fn a_reset_closes_without_a_byte_and_does_nothing_unless_told_to() {
    let sandbox = Running::start().await;
    for (fault, jobs) in [("reset", 0), ("accept-then-reset", 1)] {
        let header = format!("x-sandbox-fault: {fault}\r\n");
        let answer = sandbox.ask("POST /v1/videos", &header, r#"{"prompt":"a cat"}"#).await;
        assert_eq!(answer.head, "", "{fault}");
        assert_eq!(sandbox.jobs_created().await, jobs, "{fault}");
    }
}

#[tokio::test]
async fn a_stalled_answer_sends_what_it_may_and_then_nothing() {
    let sandbox = Running::start().await;
    let id = sandbox.create(&json!({ "prompt": "a cat" })).await;
    let line = format!("GET /v1/videos/{id}");
    let mut stream = sandbox.send(&line, "x-sandbox-fault: stall=10\r\n", "").await;

    let mut received = Vec::new();
    while Answer::read(&received).body.len() < 10 {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0, "closed instead of stalled");
    }
    let more = tokio::time::timeout(Duration::from_millis(100), stream.read_buf(&mut received)).await;
    assert!(more.is_err(), "something came after the stall");
}

#[tokio::test]
async fn the_server_stops_when_told_to() {
    let sandbox = Running::start().await;
    assert_eq!(sandbox.jobs_created().await, 0);
    sandbox.stop.send(()).unwrap();
    sandbox.served.await.unwrap().unwrap();
    assert!(TcpStream::connect(&sandbox.address).await.is_err());
}
