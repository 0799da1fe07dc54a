//! ST03, TO03: streams of events, and how they end.

use serde_json::Value;

use crate::support::client::Client;
use crate::support::gateway::Gateway;
use crate::support::message::{Framing, Message};
use crate::support::request::{Request, chunked, post};
use crate::support::upstream::{Gate, Reply, Upstream};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_upstream\r\n";

/// The beginning of a stream in chunks.
fn events(text: &str) -> Reply {
    Reply::raw(format!("{HEAD}transfer-encoding: chunked\r\n\r\n")).send(chunked(text.as_bytes()))
}

/// A call that is answered with a stream, in each dialect.
fn calls() -> [Request; 2] {
    let body = r#"{"stream":true}"#;
    [post("/v1/messages", body).with("anthropic-version", "2023-06-01"), post("/v1/chat/completions", body)]
}

async fn asked(reply: Reply, call: &Request) -> Message {
    let upstream = Upstream::start(reply).await;
    let configuration = "[upstreams.main]\nbase_url = \"{upstream}\"\nsse_idle = \"200ms\"";
    Gateway::start(&upstream, configuration).await.ask(call).await
}

async fn piece(client: &mut Client, framing: &mut Framing) -> Option<String> {
    let piece = client.piece(framing).await.expect("no cut");
    piece.map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
}

/// The error object of the stream's last event, and what stands before it.
fn last_word(text: &str) -> (&str, Value) {
    let (before, data) =
        text.split_once("event: error\ndata: ").unwrap_or_else(|| panic!("no event: {text}"));
    let json = data.strip_suffix("\n\n").expect("it is whole");
    assert!(!json.contains('\n'), "{json}");
    (before, serde_json::from_str(json).expect("JSON"))
}

/// ST03: whole events leave at once; a half one waits for its other half.
#[tokio::test]
async fn only_whole_events_leave() {
    let gate = Gate::closed();
    let reply = events("event: a\r\ndata: 1\r\n\r\ndata: 2").wait(&gate).send(chunked(b"\r\n\r\n"));
    let upstream = Upstream::start(reply.send("0\r\n\r\n")).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send(calls()[0].bytes()).await;
    let (_, mut framing) = client.head_of_answer("POST").await;
    assert_eq!(piece(&mut client, &mut framing).await.as_deref(), Some("event: a\r\ndata: 1\r\n\r\n"));
    gate.open();
    assert_eq!(piece(&mut client, &mut framing).await.as_deref(), Some("data: 2\r\n\r\n"));
    assert_eq!(piece(&mut client, &mut framing).await, None);
}

#[tokio::test]
async fn a_stream_that_ends_well_arrives_byte_for_byte() {
    for text in ["data: 1\n\n: ping\n\ndata: [DONE]\n\n", "data: 1\r\rdata: 2\r\r", "data: no blank line", ""]
    {
        let length = text.len();
        for reply in [
            events(&format!("{text} ")).send("0\r\n\r\n"),
            Reply::raw(format!("{HEAD}content-length: {}\r\n\r\n{text} ", length + 1)),
            Reply::raw(format!("{HEAD}\r\n{text} ")).close(),
        ] {
            let answer = asked(reply, &calls()[1]).await;
            assert!(answer.whole);
            assert_eq!(answer.text(), format!("{text} "));
            assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_event_of_the_clients_dialect() {
    let [messages, completions] = calls();
    let sent = "event: a\ndata: 1\n\nevent: b\ndata: {\"half\":";
    for broken in
        [events(sent).close(), Reply::raw(format!("{HEAD}content-length: 999\r\n\r\n{sent}")).close()]
    {
        let answer = asked(broken.clone(), &messages).await;
        assert!(answer.whole, "it ends in good order");
        let (before, word) = last_word(answer.text().leak());
        assert_eq!(before, "event: a\ndata: 1\n\n", "half an event is not for the client");
        let error = &word["error"];
        assert_eq!((&word["type"], &error["type"]), (&"error".into(), &"api_error".into()));
        assert_eq!(word["request_id"], "req_upstream", "as its head says");

        let answer = asked(broken, &completions).await;
        assert!(answer.whole, "it ends in good order");
        let (_, word) = last_word(answer.text().leak());
        let keys: Vec<&String> = word["error"].as_object().expect("an object").keys().collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert_eq!(word["error"]["code"], "upstream_connection_lost");
    }
}

/// TO03
#[tokio::test]
async fn a_stream_that_goes_quiet_ends_in_an_error_event() {
    let answer = asked(events("data: 1\n\n").stall(), &calls()[1]).await;
    assert!(answer.whole);
    let (before, word) = last_word(answer.text().leak());
    assert_eq!((before, &word["error"]["code"]), ("data: 1\n\n", &"upstream_went_quiet".into()));
}

#[tokio::test]
async fn nothing_is_added_to_a_stream_that_has_said_its_last_word() {
    for text in ["data: [DONE]\n\n", "event: message_stop\ndata: {}\n\n", "event: error\ndata: {}\n\n"] {
        let answer = asked(events(text).close(), &calls()[1]).await;
        assert!(answer.whole);
        assert_eq!(answer.text(), text);
    }
}

/// ST11: what is compressed is not read along with, and a break of it is a cut.
#[tokio::test]
async fn a_compressed_stream_passes_as_it_is() {
    let head = format!("{HEAD}content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n");
    let gate = Gate::closed();
    let upstream =
        Upstream::start(Reply::raw(head).send(chunked(b"\x1f\x8b half")).wait(&gate).close()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send(calls()[0].bytes()).await;
    let (_, mut framing) = client.head_of_answer("POST").await;
    assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"\x1f\x8b half"[..]));
    gate.open();
    assert!(client.piece(&mut framing).await.is_err(), "a cut must be seen");
}
