//! ST01, ST03, ST13, LM05: bodies pass as they come, in little memory.

use crate::support::gateway::Gateway;
use crate::support::process::Process;
use crate::support::request::{chunked, get, post};
use crate::support::upstream::{Gate, JOB, Reply, Upstream};

const MIB: usize = 1 << 20;

/// ST13
#[tokio::test]
async fn the_upstream_sees_the_first_bytes_before_the_last_are_sent() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    for framing in ["transfer-encoding", "content-length"] {
        let in_chunks = framing == "transfer-encoding";
        let value = if in_chunks { "chunked" } else { "10" };
        let head = post("/v1/files", "").without("content-length").with(framing, value).head();
        let piece = |text: &[u8]| if in_chunks { chunked(text) } else { text.to_vec() };
        let mut client = gateway.connect().await;
        client.send(head).await;
        client.send(piece(b"first")).await;
        upstream.until("the first bytes", |seen| seen.last().is_some_and(|seen| seen.body == b"first")).await;
        client.send(piece(b"_last")).await;
        if in_chunks {
            client.send("0\r\n\r\n").await;
        }
        assert_eq!(client.answer().await.text(), JOB, "{framing}");
        let seen = upstream.requests();
        let seen = seen.last().expect("a request");
        assert_eq!((&*seen.text(), seen.header(framing)), ("first_last", Some(value)));
    }
}

/// ST01, ST03
#[tokio::test]
async fn the_first_bytes_of_a_download_are_sent_on_at_once() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n";
    for (start, end) in [
        (format!("{head}content-length: 10\r\n\r\nfirst"), "_last"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"), "5\r\n_last\r\n0\r\n\r\n"),
    ] {
        let gate = Gate::closed();
        let upstream = Upstream::start(Reply::raw(start).wait(&gate).send(end)).await;
        let gateway = Gateway::over(&upstream).await;
        let mut client = gateway.connect().await;
        client.send(get("/v1/videos/video_1/content").bytes()).await;
        let (_, mut framing) = client.head_of_answer("GET").await;
        assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"first"[..]));
        gate.open();
        assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"_last"[..]));
        assert_eq!(client.piece(&mut framing).await.expect("an end"), None);
    }
}

/// ST03: events of a route that streams them, flushed one by one.
#[tokio::test]
async fn events_are_sent_on_one_by_one() {
    let gate = Gate::closed();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = Reply::raw(head).send(chunked(b"data: 1\n\n")).wait(&gate).send(chunked(b"data: 2\n\n"));
    let upstream = Upstream::start(reply.send("0\r\n\r\n")).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send(post("/v1/messages", "{\"stream\":true}").bytes()).await;
    let (_, mut framing) = client.head_of_answer("POST").await;
    assert_eq!(client.piece(&mut framing).await.expect("an event").as_deref(), Some(&b"data: 1\n\n"[..]));
    gate.open();
    assert_eq!(client.piece(&mut framing).await.expect("an event").as_deref(), Some(&b"data: 2\n\n"[..]));
}

/// ST01: every byte value, and lengths around what buffers hold.
#[tokio::test]
async fn a_download_arrives_byte_for_byte() {
    for length in [0, 1, 255, 8191, 8192, 65_537, 3 * MIB + 1] {
        let movie: Vec<u8> = (0..length).map(|n| u8::try_from(n * 31 % 256).expect("a byte")).collect();
        let sent = crate::support::upstream::answer(200, &[("content-type", "video/mp4")], &movie);
        let upstream = Upstream::start(Reply::raw(sent)).await;
        let gateway = Gateway::over(&upstream).await;
        let answer = gateway.ask(&get("/v1/videos/video_1/content")).await;
        assert!(answer.whole && answer.body == movie, "{length}");
    }
}

const CONFIGURATION: &str = "[upstreams.main]\nbase_url = \"{upstream}\"";

/// LM05
#[tokio::test]
async fn a_large_download_takes_little_memory() {
    let length = 128 * MIB;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: {length}\r\n\r\n");
    let upstream =
        Upstream::start(Reply::raw(head).repeat(vec![b'x'; 256 << 10], length / (256 << 10))).await;
    let process = Process::start(&upstream, CONFIGURATION).await;
    let before = process.memory().now;
    let mut client = process.connect().await;
    client.send(get("/v1/videos/video_1/content").bytes()).await;
    let (_, mut framing) = client.head_of_answer("GET").await;
    let mut read = 0;
    while let Some(piece) = client.piece(&mut framing).await.expect("it is whole") {
        read += piece.len();
    }
    assert_eq!(read, length);
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "grew by {grown} bytes");
}

/// LM05, LM15: a client that does not read makes nobody buffer for it.
#[tokio::test]
async fn a_download_nobody_reads_takes_little_memory() {
    let length = 128 * MIB;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: {length}\r\n\r\n");
    let upstream =
        Upstream::start(Reply::raw(head).repeat(vec![b'x'; 256 << 10], length / (256 << 10))).await;
    let process = Process::start(&upstream, CONFIGURATION).await;
    let before = process.memory().now;
    let mut client = process.connect().await;
    client.send(get("/v1/videos/video_1/content").bytes()).await;
    let (_, mut framing) = client.head_of_answer("GET").await;
    assert!(client.piece(&mut framing).await.expect("a piece").is_some());
    // Another request is served meanwhile, and by then the first has stopped filling buffers.
    for _ in 0..20 {
        let mut other = process.connect().await;
        other.send(get("/nothing").bytes()).await;
        assert_eq!(other.answer().await.status(), 404);
    }
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "grew by {grown} bytes");
}

/// LM05, ST13
#[tokio::test]
async fn a_large_upload_takes_little_memory() {
    let length = 48 * MIB;
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start(&upstream, CONFIGURATION).await;
    let before = process.memory().now;
    for in_chunks in [false, true] {
        let framing = if in_chunks {
            ("transfer-encoding", "chunked".to_owned())
        } else {
            ("content-length", length.to_string())
        };
        let mut client = process.connect().await;
        client.send(post("/v1/files", "").without("content-length").with(framing.0, &framing.1).head()).await;
        let piece = vec![b'x'; 256 << 10];
        let sent = if in_chunks { chunked(&piece) } else { piece.clone() };
        for _ in 0..length / piece.len() {
            client.send(&sent).await;
        }
        if in_chunks {
            client.send("0\r\n\r\n").await;
        }
        assert_eq!(client.answer().await.text(), JOB);
    }
    for seen in upstream.requests() {
        assert!(seen.whole && seen.body.len() == length);
    }
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < 16 * MIB as u64, "grew by {grown} bytes");
}
