//! W3C trace context: a client's trace goes on to the upstream, with a span of ours for each attempt.

use super::{OPEN, line_of};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{create, get};
use crate::support::upstream::{Reply, Upstream, answer};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Trace, span and flags of the `traceparent` that came with a request.
fn traceparent(request: &Message) -> (String, String, String) {
    let value = request.header("traceparent").expect("one");
    let parts: Vec<&str> = value.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{value}") };
    assert_eq!((version, trace.len(), span.len(), flags.len()), ("00", 32, 16, 2), "{value}");
    (trace.to_owned(), span.to_owned(), flags.to_owned())
}

#[tokio::test]
async fn a_trace_goes_on_with_a_span_for_each_attempt() {
    let again = Reply::raw(answer(429, &[("retry-after-ms", "1")], ""));
    let upstream = Upstream::script(vec![again, Reply::job()]).await;
    let mut process = Process::start(&upstream, OPEN).await;
    let mut client = process.connect().await;
    let sent = create(r#"{"prompt":"a cat"}"#)
        .with("traceparent", &format!("00-{TRACE}-{SPAN}-01"))
        .with("tracestate", "congo=t61rcWkgMzE, rojo=00f067aa0ba902b7")
        .with("tracestate", "a=b");
    client.send(sent.bytes()).await;
    let answered = client.answer().await;

    assert_eq!((answered.status(), answered.header("traceparent")), (200, None));
    let seen = upstream.requests();
    let spans: Vec<_> = seen.iter().map(traceparent).collect();
    assert!(spans.iter().all(|(trace, _, flags)| trace == TRACE && flags == "01"), "{spans:?}");
    assert!(spans[0].1 != spans[1].1 && spans.iter().all(|(_, span, _)| span != SPAN), "{spans:?}");
    for request in &seen {
        assert_eq!(request.all("tracestate"), ["congo=t61rcWkgMzE, rojo=00f067aa0ba902b7", "a=b"]);
    }
    let line = line_of(&mut process, "/v1/videos").await;
    assert_eq!((&line["trace_id"], &line["parent_id"]), (&TRACE.into(), &SPAN.into()));
    assert_eq!(line["span_ids"], format!("{} {}", spans[0].1, spans[1].1));
}

#[tokio::test]
async fn a_trace_that_is_not_valid_is_replaced_by_a_new_one() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let valid = format!("00-{TRACE}-{SPAN}-01");
    let zero = format!("00-{}-{SPAN}-01", "0".repeat(32));
    for values in [vec!["nonsense"], vec![&zero], vec![&valid, &valid], vec!["", &valid]] {
        let sent = get("/v1/videos/video_1").with("tracestate", "a=b");
        let sent = values.iter().fold(sent, |sent, value| sent.with("traceparent", value));
        assert_eq!(gateway.ask(&sent).await.status(), 200);
        let seen = upstream.requests().pop().expect("one");
        assert_ne!(traceparent(&seen).0, TRACE, "{values:?}");
        assert_eq!(seen.header("tracestate"), None, "it belongs to the other trace");
    }
}

#[tokio::test]
async fn what_has_no_trace_gets_none_unless_it_is_asked_for() {
    let upstream = Upstream::start(Reply::job()).await;
    let sent = get("/v1/videos/video_1").with("tracestate", "a=b");
    for (settings, flags) in [
        ("", None),
        ("[tracing]\ngenerate = true", Some("03")),
        ("[tracing]\ngenerate = true\nsample = 0.0", Some("02")),
    ] {
        let gateway = Gateway::start(&upstream, &format!("{OPEN}{settings}")).await;
        gateway.ask(&sent).await;
        let seen = upstream.requests().pop().expect("one");
        assert_eq!(seen.header("traceparent").map(|_| traceparent(&seen).2).as_deref(), flags);
        assert_eq!(seen.header("tracestate"), None);
    }
}

/// SE08: who else stands between us and the client is not ours to believe, nor the upstream's to be told.
#[tokio::test]
async fn forwarding_headers_are_neither_believed_nor_passed_on() {
    let upstream = Upstream::start(Reply::job()).await;
    let mut process = Process::start(&upstream, OPEN).await;
    let mut client = process.connect().await;
    let headers = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-host",
        "x-original-url",
        "x-rewrite-url",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-envoy-external-address",
        "x-request-id",
        "x-correlation-id",
    ];
    let sent = headers.iter().fold(get("/v1/videos/video_1"), |sent, name| sent.with(name, "203.0.113.7"));
    client.send(sent.bytes()).await;
    let answered = client.answer().await;
    assert!(!answered.head.contains("203.0.113.7"), "{}", answered.head);

    let seen = upstream.only();
    assert!(!seen.head.contains("203.0.113.7"), "{}", seen.head);
    let own = seen.header("x-request-id").expect("an id of ours");
    let line = line_of(&mut process, "/v1/videos/video_1").await;
    assert_eq!(
        (&line["request_id"], &line["peer"]),
        (&own.into(), &format!("127.0.0.1:{}", client.port()).into())
    );
    assert!(!line.to_string().contains("203.0.113.7"), "{line}");
}
