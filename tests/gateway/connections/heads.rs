//! LM01, LM02, LM10, LM11, SM06: heads that are too much, or no HTTP/1.1 at all.

use super::with_server;
use crate::support::gateway::Gateway;
use crate::support::process::Process;
use crate::support::request::get;
use crate::support::upstream::{JOB, Reply, Upstream};

const MIB: usize = 1 << 20;
const POLL: &str = "/v1/videos/video_1";
const UNREADABLE: &str = "reelgate_requests_total{fault=\"client\",model=\"unknown\",outcome=\"rejected\",route=\"none\",status=\"";

/// LM01: too long, or too many headers.
#[tokio::test]
async fn a_head_over_its_limits_is_answered_with_431() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let long = get(POLL).with("x-long", &"a".repeat(33 << 10));
    let many = (0..101).fold(get(POLL), |request, n| request.with(&format!("x-{n}"), "a"));
    for request in [long, many] {
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), answer.header("connection")), (431, Some("close")));
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
        assert!(answer.header("x-request-id").is_some());
    }
    upstream.assert_untouched("too long a head");
    assert!(
        (gateway.metric(&format!("{UNREADABLE}431\"}}")) - 2.0).abs() < f64::EPSILON,
        "{}",
        gateway.page()
    );
    let just_so = get(POLL).with("x-long", &"a".repeat(30 << 10));
    assert_eq!(gateway.ask(&just_so).await.status(), 200);
}

/// LM01: whoever is still sending gets to read the answer, and costs little memory.
#[tokio::test]
async fn a_client_that_sends_an_endless_head_reads_its_answer() {
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start(&upstream, "[upstreams.main]\nbase_url = \"{upstream}\"").await;
    let before = process.memory().now;
    for _ in 0..3 {
        let mut client = process.connect().await;
        client.send(format!("GET {POLL} HTTP/1.1\r\nhost: a\r\nx: ")).await;
        client.try_send(vec![b'a'; 16 * MIB]).await.expect("it is read on");
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.whole), (431, true));
    }
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < 8 * MIB as u64, "grew by {grown} bytes");
}

/// LM02
#[tokio::test]
async fn a_target_over_its_limit_is_answered_with_414() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    for length in [8 << 10, 20 << 10, 31 << 10] {
        let answer = gateway.ask(&get(&format!("/v1/videos?after={}", "a".repeat(length)))).await;
        assert_eq!(answer.status(), 414, "{length}");
    }
    upstream.assert_untouched("too long a target");
}

/// What is no HTTP is counted as any other refusal.
#[tokio::test]
async fn garbage_is_answered_counted_and_ends_the_connection() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send("\u{1}\u{2}\u{3} garbage\r\n\r\n").await;
    assert_eq!(client.answer().await.status(), 400);
    client.assert_closed().await;
    assert!(
        (gateway.metric(&format!("{UNREADABLE}400\"}}")) - 1.0).abs() < f64::EPSILON,
        "{}",
        gateway.page()
    );
    let rejections = gateway.metric("reelgate_rejections_total{code=\"none\",param=\"none\",route=\"none\"}");
    assert!((rejections - 1.0).abs() < f64::EPSILON, "{}", gateway.page());
}

/// One frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// LM10, LM11: HTTP/2 is not spoken to clients. Its preface ends the connection, whatever follows: a flood of
/// resets (LM10) or of continuations (LM11) makes no work, here or upstream.
#[tokio::test]
async fn floods_of_http2_cost_nothing() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with_server(&upstream, "head_timeout = \"500ms\"").await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let settings = frame(4, 0, 0, &[]);
    // ":method: GET", ":scheme: http", ":path: /" from the static table.
    let block = [0x82, 0x86, 0x84];
    let resets: Vec<u8> = (0..2000_u32)
        .flat_map(|n| [frame(1, 5, 2 * n + 1, &block), frame(3, 0, 2 * n + 1, &8_u32.to_be_bytes())])
        .flatten()
        .collect();
    let continuations: Vec<u8> = std::iter::once(frame(1, 0, 1, &block))
        .chain((0..200).map(|_| frame(9, 0, 1, &[0; 16 << 10])))
        .flatten()
        .collect();
    for flood in [resets, continuations] {
        let mut client = gateway.connect().await;
        client.send([preface.clone(), settings.clone(), flood].concat()).await;
        client.end().await;
    }
    upstream.assert_untouched("HTTP/2");
    assert_eq!(gateway.ask(&get(POLL)).await.text(), JOB);
}
