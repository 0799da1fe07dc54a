//! Creates with large files, which are on disk until their call has its answer.

use std::fs;

use tempfile::TempDir;

use crate::metrics::parsed;
use crate::support::fields::{self, Fields};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{BOUNDARY, Request, create, form, text};
use crate::support::upstream::{Gate, JOB, Reply, Upstream};

/// A gateway whose spool takes so much, and its folder.
async fn spooling(upstream: &Upstream, size: &str) -> (Gateway, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let toml = format!(
        "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{{upstream}}\"\nretry.backoff_base = \"1ms\"\n\
         [spool]\nfolder = \"{}\"\nsize = \"{size}\"\n",
        folder.path().display()
    );
    (Gateway::start(upstream, &toml).await, folder)
}

/// A create with a film of so many bytes between two fields.
fn with_film(bytes: usize) -> Request {
    let film: String = ["--", BOUNDARY.get(..9).unwrap_or_default(), "\r\n", "frame"].concat();
    let film: String = film.chars().cycle().take(bytes).collect();
    let film =
        format!("name=\"input_reference\"; filename=\"a.mp4\"\r\nContent-Type: video/mp4\r\n\r\n{film}");
    form(&[&text("prompt", "a cat"), &film, &text("seconds", "8")])
}

/// The same under another boundary, as an SDK would send it again.
fn under_another_boundary(request: &Request) -> Request {
    let other = BOUNDARY.replace('d', "e");
    let body = String::from_utf8(request.sent_body().to_vec()).expect("text").replace(BOUNDARY, &other);
    let kind = format!("multipart/form-data; boundary={other}");
    request.clone().without("content-type").without("content-length").with("content-type", &kind).body(body)
}

fn length(message: &Message) -> Option<usize> {
    message.header("content-length").and_then(|length| length.parse().ok())
}

const MIB: usize = 1 << 20;

/// RT01, RT21, FW01: the very same bytes and their length, on every attempt, whatever comes in which pieces.
#[tokio::test]
async fn a_large_file_arrives_byte_for_byte_and_is_sent_again_byte_for_byte() {
    for request in [with_film(5 * MIB + 3), with_film(5 * MIB + 3).chunked(99_991), with_film(129 * 1024)] {
        let refused = || Reply::json(429, "{}");
        let upstream = Upstream::script(vec![refused(), refused(), Reply::job()]).await;
        let (gateway, folder) = spooling(&upstream, "1GiB").await;
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), &*answer.text()), (200, JOB));
        let sent = upstream.requests();
        assert_eq!(sent.len(), 3);
        let whole = with_film(if request.sent_body().len() < MIB { 129 * 1024 } else { 5 * MIB + 3 });
        for attempt in sent {
            // Our boundary is as long as the tests'.
            assert_eq!(length(&attempt), Some(whole.sent_body().len()));
            assert!(fields::of(&attempt) == whole.fields(), "{} bytes", attempt.body.len());
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}

/// RT22, RT23, RT29: what repeats which is told by the files as well, wherever they are.
#[tokio::test]
async fn a_large_create_is_known_by_its_key_and_its_bytes() {
    let upstream = Upstream::start(Reply::job()).await;
    let (gateway, _folder) = spooling(&upstream, "1GiB").await;
    let first = with_film(2 * MIB).with("idempotency-key", "k");
    assert_eq!(gateway.ask(&first).await.status(), 200);
    let again = gateway.ask(&under_another_boundary(&first)).await;
    assert_eq!((again.status(), again.header("x-reelgate-replayed")), (200, Some("true")));
    let other = gateway.ask(&with_film(2 * MIB + 1).with("idempotency-key", "k")).await;
    assert_eq!((other.status(), other.code().as_deref()), (422, Some("idempotency_mismatch")));
    assert_eq!(upstream.count(), 1);
}

/// A create in JSON with a picture of so many characters, in this spelling.
fn with_picture(length: usize, spell: impl Fn(&str) -> String) -> Request {
    let picture =
        format!("data:image/png;base64,{}", "iVBO/w0+".chars().cycle().take(length - 22).collect::<String>());
    let picture = spell(&picture);
    create(&format!(
        r#"{{"model":"sora-2","prompt":"a cat","input_reference":{{"image_url":"{picture}"}},"seconds":"8"}}"#
    ))
}

/// What `with_picture` says once `seconds` is an integer.
fn with_integer(request: &Request) -> Fields {
    let text = String::from_utf8(request.sent_body().to_vec()).expect("text");
    Fields::Json(serde_json::from_str(&text.replace(r#""seconds":"8""#, r#""seconds":8"#)).expect("JSON"))
}

/// RT01, RT21, VA02, VA17: the longest picture that the API takes, in its own spelling, on every attempt.
#[tokio::test]
async fn a_picture_in_json_arrives_as_it_was_sent_and_is_sent_again() {
    let spellings: [fn(&str) -> String; 2] =
        [str::to_owned, |picture| picture.replace('/', "\\/").replace('+', "\\u002B")];
    for (spell, length) in [(spellings[0], 20_971_520), (spellings[1], 2_000_000), (spellings[0], 1000)] {
        for request in [with_picture(length, spell), with_picture(length, spell).chunked(99_991)] {
            let upstream = Upstream::script(vec![Reply::json(429, "{}"), Reply::job()]).await;
            let (gateway, folder) =
                spooling(&upstream, "1GiB\"\n[models.sora-2]\nsend_seconds = \"integer").await;
            let answer = gateway.ask(&request).await;
            assert_eq!(answer.status(), 200, "{}", answer.text());
            let expected = with_integer(&with_picture(length, spell));
            let sent = upstream.requests();
            assert_eq!(sent.len(), 2);
            for attempt in sent {
                assert!(fields::of(&attempt) == expected, "{length}");
                assert_eq!(self::length(&attempt), Some(attempt.body.len()));
            }
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        }
    }
}

/// RT22, RT29: whichever way the picture is spelled, and whether it comes in JSON or in a form.
#[tokio::test]
async fn a_create_with_a_picture_is_known_by_its_value() {
    let upstream = Upstream::start(Reply::job()).await;
    let (gateway, _folder) = spooling(&upstream, "1GiB\"\n[models.sora-2]\nsend_seconds = \"integer").await;
    let asked = |request: Request| async { gateway.ask(&request.with("idempotency-key", "k")).await };
    assert_eq!(asked(with_picture(3 * MIB, str::to_owned)).await.status(), 200);
    let escaped = with_picture(3 * MIB, |picture| picture.replace('/', "\\/"));
    let picture = format!(
        "data:image/png;base64,{}",
        "iVBO/w0+".chars().cycle().take(3 * MIB - 22).collect::<String>()
    );
    let parts = [
        ("model", "sora-2"),
        ("prompt", "a cat"),
        ("input_reference[image_url]", &*picture),
        ("seconds", "8"),
    ]
    .map(|(name, content)| text(name, content));
    let as_form = form(&parts.each_ref().map(String::as_str));
    for again in [escaped, as_form] {
        let answer = asked(again).await;
        assert_eq!(
            (answer.status(), answer.header("x-reelgate-replayed")),
            (200, Some("true")),
            "{}",
            answer.text()
        );
    }
    let other = asked(with_picture(3 * MIB + 1, str::to_owned)).await;
    assert_eq!((other.status(), other.code().as_deref()), (422, Some("idempotency_mismatch")));
    assert_eq!(upstream.count(), 1);
}

/// VA02, VA09: a body that is too long is refused while it comes, and the client can read why.
#[tokio::test]
async fn a_text_that_is_too_long_is_refused_before_the_rest_has_come() {
    let upstream = Upstream::start(Reply::job()).await;
    let (gateway, _folder) = spooling(&upstream, "1GiB").await;
    let long = "x".repeat(30 * MIB);
    let requests = [
        (413, create(&format!(r#"{{"prompt":"{long}"}}"#))),
        (413, form(&[&text("prompt", &long)])),
        (400, form(&[&text("prompt", "a"), &text("seconds", &long)])),
    ];
    for (status, request) in requests {
        let mut client = gateway.connect().await;
        client.send(&request.bytes()[..2 * MIB]).await;
        let answer = client.answer().await;
        assert_eq!(answer.status(), status, "{}", answer.text());
        assert!(answer.text().contains("\"error\""), "{}", answer.text());
    }
    upstream.assert_untouched("a body that is too long");
}

/// What there is no room for is refused before anything is sent; what needs none, and polls, are not.
#[tokio::test]
async fn a_full_spool_refuses_large_files_until_there_is_room() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(super::job())).await;
    let (gateway, _folder) = spooling(&upstream, "4MiB").await;
    let mut client = gateway.connect().await;
    client.send(with_film(3 * MIB).bytes()).await;
    upstream.until("the first", |requests| requests.len() == 1).await;
    let page = parsed(&gateway);
    assert_eq!(page.value("reelgate_spool_in_use_bytes", &[]), (3 * MIB) as f64);
    assert_eq!(page.value("reelgate_spool_limit_bytes", &[]), (4 * MIB) as f64);

    let refused = gateway.ask(&with_film(2 * MIB)).await;
    assert_eq!((refused.status(), refused.code().as_deref()), (503, Some("spool_unavailable")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(upstream.count(), 1, "nothing was sent");
    gate.open();
    assert_eq!(client.answer().await.status(), 200);
    assert_eq!(gateway.ask(&with_film(1000)).await.status(), 200, "held in memory");
    assert_eq!(gateway.ask(&with_film(3 * MIB)).await.status(), 200, "there is room again");
}

/// A client that leaves takes its file with it.
#[tokio::test]
async fn a_client_that_leaves_gives_its_room_back() {
    let upstream = Upstream::start(Reply::job()).await;
    let (gateway, _folder) = spooling(&upstream, "3MiB").await;
    for _ in 0..3 {
        let request = with_film(2 * MIB + 5);
        let (bytes, mut client) = (request.bytes(), gateway.connect().await);
        client.send(&bytes[..bytes.len() - 1000]).await;
        drop(client);
    }
    // Only once those before it are gone there is room.
    let answer = loop {
        let answer = gateway.ask(&with_film(2 * MIB + 5)).await;
        if answer.status() != 503 {
            break answer;
        }
    };
    assert_eq!((answer.status(), upstream.count()), (200, 1));
}

/// LM05, ST13: four films and four pictures at a time, all of them here before the first one is answered.
#[tokio::test]
async fn memory_does_not_grow_with_what_is_uploaded() {
    let gate = Gate::closed();
    let upstream = Upstream::start(Reply::default().read().wait(&gate).send(super::job())).await;
    let toml = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let process = Process::start(&upstream, toml).await;
    let film = with_film(20 * MIB).bytes();
    let picture = with_picture(20 * MIB, str::to_owned).bytes();
    let before = process.memory().now;
    let mut clients = Vec::new();
    for bytes in [&film, &picture].into_iter().cycle().take(8) {
        let mut client = process.connect().await;
        client.send(bytes).await;
        clients.push(client);
    }
    upstream.until("four films and four pictures", |requests| requests.len() == 8).await;
    gate.open();
    for mut client in clients {
        assert_eq!(client.answer().await.status(), 200);
    }
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < 24 << 20, "grew by {grown} bytes for {} of films", 8 * film.len());
}
