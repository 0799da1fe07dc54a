//! VA16: whatever is sent, the process survives, and says nothing but 4xx.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::assert_refusal;
use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{create, form, get, text};
use crate::support::upstream::{Reply, Upstream};
use crate::support::within;

/// Heads and bodies that random changes are made to.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        create(r#"{"model":"sora-2","prompt":"a cat","seconds":"8","size":"1280x720"}"#).bytes(),
        create(r#"{"prompt":"a cat","input_reference":{"image_url":"https://example.com/a.png"}}"#)
            .chunked(9)
            .bytes(),
        form(&[
            &text("prompt", "a cat"),
            &text("seconds", "8"),
            "name=\"input_reference\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\u{89}PNG",
        ])
        .bytes(),
        get("/v1/videos?limit=5&order=asc&after=video_1").bytes(),
        get("/v1/videos/video_1/content?variant=thumbnail").with("range", "bytes=0-1").bytes(),
    ]
}

/// One random change of a few bytes.
fn mutated(random: &mut fastrand::Rng, seed: &[u8]) -> Vec<u8> {
    const SPICE: &[&[u8]] = &[
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\r\n\r\n",
        b" ",
        b"\t",
        b":",
        b"%",
        b"\"",
        b"\\",
        b"--",
        b"\xff",
        b"{",
        b"}",
        b"[",
        b",",
        b"0",
        b"9",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\n",
        b"Host: x\r\n",
        b"HTTP/1.1",
        b"GET / ",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(0..bytes.len());
        match random.u8(0..4) {
            0 => bytes[at] = random.u8(..),
            1 => drop(bytes.drain(at..(at + random.usize(1..20)).min(bytes.len()))),
            2 => drop(bytes.splice(at..at, random.choice(SPICE).expect("some").iter().copied())),
            _ => bytes.truncate(at.max(1)),
        }
        if bytes.is_empty() {
            return seed.to_vec();
        }
    }
    bytes
}

fn noise(random: &mut fastrand::Rng) -> Vec<u8> {
    let length = random.usize(1..400);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// VA16
#[tokio::test]
async fn random_requests_get_4xx_in_openais_shape_or_no_answer_and_nobody_dies() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::start(&upstream, IMPATIENT).await;
    let mut random = fastrand::Rng::with_seed(20_261_122);
    let seeds = seeds();
    let (mut refused, mut forwarded) = (0, 0);
    for _ in 0..1200 / AT_ONCE {
        let mut exchanges = JoinSet::new();
        for round in 0..AT_ONCE {
            let sent = match round % 6 {
                5 => noise(&mut random),
                seed => mutated(&mut random, &seeds[seed]),
            };
            exchanges.spawn(exchange(gateway.address, sent));
        }
        for (sent, answers) in exchanges.join_all().await {
            for answer in answers {
                match answer.status() {
                    200 => forwarded += 1,
                    _ => {
                        assert_refusal(&format!("{:?}", String::from_utf8_lossy(&sent)), &answer);
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 400 && forwarded > 10, "{refused} refused, {forwarded} forwarded");
    assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 200);
    assert_eq!(gateway.metric("reelgate_requests_in_flight"), 0.0);
    let page = gateway.page();
    assert!(!page.contains("status=\"5"), "{page}");
}

/// Requests under way at one time.
const AT_ONCE: usize = 60;

/// Half a request is soon given up: whoever sends one here waits for an answer, and sends no more.
const IMPATIENT: &str = r#"
    presets = ["openai"]
    [server]
    keep_alive = "100ms"
    head_timeout = "100ms"
    [limits]
    body_idle = "100ms"
    linger_time = "100ms"
    [upstreams.main]
    base_url = "{upstream}"
"#;

/// Sends all of it and reads every answer; yields both.
async fn exchange(gateway: SocketAddr, sent: Vec<u8>) -> (Vec<u8>, Vec<Message>) {
    let mut client = Client::connect(gateway).await;
    client.send(&sent).await;
    let answers = within("the connection to end", client.answers()).await;
    (sent, answers)
}
