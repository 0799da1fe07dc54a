//! Spans, as a collector gets them.

use std::time::Duration;

use super::{OPEN, line_of};
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{create, get};
use crate::support::upstream::{Reply, Upstream, answer};
use crate::support::within;

/// A message of protocol buffers: its fields by number, in order.
#[derive(Clone, Debug, Default)]
struct Fields(Vec<(u64, Datum)>);

#[derive(Clone, Debug)]
enum Datum {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Fields {
    fn read(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let datum = match tag & 7 {
                0 => Datum::Number(varint(&mut bytes)),
                1 => Datum::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().expect("8 bytes"))),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)).expect("a length");
                    Datum::Bytes(take(&mut bytes, length).to_vec())
                }
                5 => {
                    Datum::Number(u32::from_le_bytes(take(&mut bytes, 4).try_into().expect("4 bytes")).into())
                }
                other => panic!("wire type {other}"),
            };
            fields.push((tag >> 3, datum));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> Vec<Self> {
        self.bytes(number).iter().map(|bytes| Self::read(bytes)).collect()
    }

    fn bytes(&self, number: u64) -> Vec<Vec<u8>> {
        let found = self.0.iter().filter(|(other, _)| *other == number);
        found
            .filter_map(|(_, datum)| if let Datum::Bytes(bytes) = datum { Some(bytes.clone()) } else { None })
            .collect()
    }

    fn number(&self, number: u64) -> u64 {
        let found = self.0.iter().find(|(other, _)| *other == number);
        found.map_or(0, |(_, datum)| if let Datum::Number(number) = datum { *number } else { 0 })
    }

    fn text(&self, number: u64) -> String {
        String::from_utf8(self.bytes(number).pop().unwrap_or_default()).expect("UTF-8")
    }

    fn hex(&self, number: u64) -> String {
        self.bytes(number).pop().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The value of an attribute of this name, as a text.
    fn attribute(&self, list: u64, name: &str) -> Option<String> {
        let found = self.all(list).into_iter().find(|attribute| attribute.text(1) == name)?;
        let value = found.all(2).pop()?;
        Some(if value.bytes(1).is_empty() { value.number(3).to_string() } else { value.text(1) })
    }
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> &'b [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = take(bytes, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}

/// Every span of these exports, with the resource it belongs to.
fn spans(exports: &[Message]) -> Vec<(Fields, Fields)> {
    let mut spans = Vec::new();
    for export in exports {
        assert_eq!((export.method(), export.target()), ("POST", "/v1/traces"));
        assert_eq!(export.header("content-type"), Some("application/x-protobuf"));
        for of_resource in Fields::read(&export.body).all(1) {
            let resource = of_resource.all(1).pop().expect("a resource");
            for scope in of_resource.all(2) {
                spans.extend(scope.all(2).into_iter().map(|span| (span, resource.clone())));
            }
        }
    }
    spans
}

/// Kinds of spans.
const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const ATTRIBUTES: u64 = 9;

fn exporting_to(collector: &str) -> String {
    format!("{OPEN}[tracing]\notlp_endpoint = \"{collector}\"\nservice_name = \"gate\"\ntimeout = \"1s\"")
}

#[tokio::test]
async fn a_create_with_a_retry_is_three_spans_which_are_sent_before_the_end() {
    let collector = Upstream::start(Reply::raw(answer(200, &[], ""))).await;
    let again = Reply::raw(answer(429, &[("retry-after-ms", "1")], ""));
    let upstream = Upstream::script(vec![again, Reply::job()]).await;
    let configuration = exporting_to(&format!("http://{}", collector.address));
    let mut process = Process::start(&upstream, &configuration).await;
    let mut client = process.connect().await;
    client.send(create(r#"{"prompt":"a secret cat","model":"sora-2"}"#).bytes()).await;
    assert_eq!(client.answer().await.status(), 200);
    let line = line_of(&mut process, "/v1/videos").await;
    let seen = upstream.requests();
    drop(client);

    process.rest_of_log().await;

    let exports = collector.requests();
    let spans = spans(&exports);
    assert_eq!(spans.len(), 3, "{spans:#?}");
    for (span, resource) in &spans {
        assert_eq!(resource.attribute(1, "service.name").as_deref(), Some("gate"));
        assert_eq!(line["trace_id"], span.hex(1));
        assert!(span.number(7) > 0 && span.number(7) <= span.number(8), "{span:?}");
    }
    let of_kind = |kind| spans.iter().map(|(span, _)| span).filter(move |span| span.number(6) == kind);
    let server = of_kind(SERVER).next().expect("a server's span");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/videos"),
        ("url.path", "/v1/videos"),
        ("http.response.status_code", "200"),
        ("gen_ai.request.model", "sora-2"),
        ("gen_ai.response.id", "video_1"),
        ("reelgate.attempts", "2"),
        ("reelgate.outcome", "forwarded"),
        ("reelgate.request_id", line["request_id"].as_str().expect("an id")),
    ] {
        assert_eq!(server.attribute(ATTRIBUTES, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!((server.text(5), server.hex(4)), ("POST /v1/videos".to_owned(), String::new()));
    let attempts: Vec<&Fields> = of_kind(CLIENT).collect();
    let status = |span: &Fields| span.attribute(ATTRIBUTES, "http.response.status_code").expect("a status");
    assert_eq!(attempts.iter().map(|span| status(span)).collect::<Vec<_>>(), ["429", "200"]);
    assert_eq!(attempts[1].attribute(ATTRIBUTES, "http.request.resend_count").as_deref(), Some("1"));
    for (span, request) in attempts.iter().zip(&seen) {
        assert_eq!(span.hex(4), server.hex(2), "an attempt is beneath its request");
        let sent = request.header("traceparent").expect("one");
        assert_eq!(
            sent,
            format!("00-{}-{}-03", span.hex(1), span.hex(2)),
            "the upstream is beneath the attempt"
        );
    }
    let said: String = exports.iter().map(Message::text).collect();
    assert!(!said.contains("secret cat") && !said.contains("sk-test"), "{said}");
}

#[tokio::test]
async fn what_the_client_decided_not_to_record_is_not_sent() {
    let collector = Upstream::start(Reply::raw(answer(200, &[], ""))).await;
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = exporting_to(&format!("http://{}", collector.address));
    let process = Process::start(&upstream, &configuration).await;
    let mut client = process.connect().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    client.send(get("/v1/videos/video_1").with("traceparent", trace).bytes()).await;
    assert_eq!(client.answer().await.status(), 200);
    drop(client);
    process.rest_of_log().await;
    assert_eq!(collector.count(), 0);
}

/// A collector that is not there, or says nothing, costs requests nothing, and one line now and then.
#[tokio::test]
async fn a_dead_collector_costs_requests_nothing() {
    let silent = Upstream::start(Reply::default().read().stall()).await;
    let refused = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address")
    };
    for collector in [silent.address, refused] {
        let upstream = Upstream::start(Reply::job()).await;
        let process = Process::start(&upstream, &exporting_to(&format!("http://{collector}"))).await;
        let mut client = process.connect().await;
        // More than may wait to be sent.
        for _ in 0..3000 {
            client.send(get("/v1/videos/video_1").bytes()).await;
            assert_eq!(client.answer().await.status(), 200);
        }
        drop(client);
        let log = tokio::time::timeout(Duration::from_secs(10), process.rest_of_log()).await;
        let log = within("the log", async { log.expect("the end does not wait for the collector") }).await;
        let told = log.iter().filter(|line| line.contains("spans could not be sent")).count();
        assert!(told <= 1, "{told} lines");
    }
}
