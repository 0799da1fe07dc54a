//! ST01, ST02: downloads that break go on where they broke, or are visibly cut.

use std::sync::LazyLock;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, get};
use crate::support::upstream::{Gate, Reply, Upstream};

const LENGTH: usize = 1_500_000;

static MOVIE: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..LENGTH).map(|n| u8::try_from(n * 31 % 251).expect("a byte")).collect());

fn movie() -> &'static [u8] {
    &MOVIE
}

fn content() -> Request {
    get("/v1/videos/video_1/content")
}

/// The head of a 200 that promises all of it.
fn head() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\netag: \"v1\"\r\ncontent-length: {LENGTH}\r\n\r\n")
        .into_bytes()
}

/// The first `bytes` of what was promised.
fn beginning(bytes: usize) -> Reply {
    Reply::raw([head(), movie()[..bytes].to_vec()].concat())
}

/// What a request with a `Range` and an `If-Range` asks for.
fn rest(request: &Message) -> Vec<u8> {
    let range = request.header("range").and_then(|range| range.strip_prefix("bytes=")).expect("a range");
    assert_eq!(request.header("if-range"), Some("\"v1\""));
    let (first, last) = range.split_once('-').expect("a range");
    let first: usize = first.parse().expect("a number");
    let last = last.parse().unwrap_or(LENGTH - 1);
    part(first, last, "\"v1\"", &movie()[first..=last])
}

/// A 206 that promises this part of the file, and then sends `bytes`.
fn part(first: usize, last: usize, etag: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\netag: {etag}\r\ncontent-length: {}\r\ncontent-range: bytes \
         {first}-{last}/{LENGTH}\r\n\r\n",
        last + 1 - first
    );
    [head.as_bytes(), bytes].concat()
}

fn answers_the_rest() -> Reply {
    Reply::default().read().made(rest)
}

/// ST01: resets and closes, wherever they come, and what arrives is the file.
#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_broke() {
    let movie = movie();
    for bytes in [0, 1, 1000, 65_536, 700_001, LENGTH - 1] {
        for end in [Reply::reset, Reply::close] {
            let gate = Gate::closed();
            let first = end(beginning(bytes).wait(&gate));
            let upstream = Upstream::script(vec![first, answers_the_rest()]).await;
            let gateway = Gateway::over(&upstream).await;
            let mut client = gateway.connect().await;
            client.send(content().bytes()).await;
            let (answer, mut framing) = client.head_of_answer("GET").await;
            // A reset overtakes what was not read yet, and a head that is lost is another story.
            gate.open();
            let mut body = Vec::new();
            while let Some(piece) = client.piece(&mut framing).await.expect("it is whole") {
                body.extend_from_slice(&piece);
            }
            assert_eq!((answer.status(), answer.header("etag")), (200, Some("\"v1\"")));
            assert!(body == movie, "broken after {bytes}: {} bytes came", body.len());
            let asked = upstream.requests();
            assert_eq!(asked.len(), 2, "broken after {bytes}");
            assert_eq!(asked[1].header("authorization"), Some("Bearer sk-test"));
            assert_eq!((asked[0].target(), asked[0].header("range")), (asked[1].target(), None));
        }
    }
}

/// ST04: what the client asked for is what it gets, to its own end.
#[tokio::test]
async fn a_part_of_a_download_goes_on_to_its_own_end() {
    let movie = movie();
    let first = part(100, 299_999, "\"v1\"", &movie[100..300_000]);
    let cut = Reply::raw(&first[..200_000]).close();
    let upstream = Upstream::script(vec![cut, answers_the_rest()]).await;
    let gateway = Gateway::over(&upstream).await;
    let answer = gateway.ask(&content().with("range", "bytes=100-299999")).await;
    assert_eq!(answer.status(), 206);
    assert!(answer.whole && answer.body == movie[100..300_000], "{} bytes came", answer.body.len());
    let asked = upstream.requests();
    assert!(asked[1].header("range").expect("a range").ends_with("-299999"));
}

/// ST02: what is not certainly the rest of the same file is not used.
#[tokio::test]
async fn a_download_that_cannot_go_on_is_visibly_cut() {
    let rest = &movie()[1000..];
    let last = LENGTH - 1;
    for (what, second) in [
        ("another file", part(1000, last, "\"v2\"", rest)),
        ("another place", part(999, last, "\"v1\"", rest)),
        ("all of it", [head(), movie().to_vec()].concat()),
        ("nothing", b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec()),
    ] {
        let upstream = Upstream::script(vec![beginning(1000).close(), Reply::raw(second)]).await;
        let gateway = Gateway::over(&upstream).await;
        let answer = gateway.ask(&content()).await;
        assert!(!answer.whole, "{what}: {} bytes looked whole", answer.body.len());
        assert!(answer.body == movie()[..1000], "{what}: {} bytes came", answer.body.len());
        assert_eq!(upstream.count(), 2, "{what}");
    }
}

/// ST02
#[tokio::test]
async fn resuming_can_be_switched_off_and_has_an_end() {
    for attempts in [0, 1, 2] {
        let cut_again = part(1000, LENGTH - 1, "\"v1\"", &[]);
        let upstream = Upstream::script(vec![beginning(1000).close(), Reply::raw(cut_again).close()]).await;
        let configuration =
            format!("[upstreams.main]\nbase_url = \"{{upstream}}\"\nresume_attempts = {attempts}");
        let answer = Gateway::start(&upstream, &configuration).await.ask(&content()).await;
        assert!(!answer.whole);
        assert_eq!((answer.body.len(), upstream.count()), (1000, 1 + attempts));
    }
}
