//! A request's line in every style, byte for byte.

use std::time::SystemTime;

use axum::http::Method;
use tokio::time::Instant;

use super::*;
use crate::error::Dialect;
use crate::journey::{Journey, Start, Trace};
use crate::server::Peer;
use crate::telemetry::Style;
use crate::trace_context::Traceparent;

const PLAIN: Style = Style::Text { coloured: false };

fn arrival(start: Start) -> Arrival {
    Arrival {
        at: Instant::now(),
        method: Method::POST,
        path: "/v1/videos/a\u{202e}\"b".to_owned(),
        dialect: Dialect::OpenAi,
        peer: Peer::at(([127, 0, 0, 1], 4711).into()),
        journey: Journey::begin(Instant::now(), start),
        user_agent: None,
        sdk_retries: None,
        bytes_in: None,
    }
}

/// What is written of it, with the id that it was given replaced.
fn written(style: Style, line: &Line<'_>) -> String {
    let mut written = String::new();
    style.write((Level::INFO, SystemTime::UNIX_EPOCH), &mut written, |fields| line.say(fields));
    written.replace(line.arrival.journey.id().as_str(), "req_ours")
}

fn shortest<'a>(arrival: &'a Arrival, marks: &'a Marks) -> Line<'a> {
    Line {
        arrival,
        marks,
        took: Duration::ZERO,
        overhead: Duration::ZERO,
        status: 200,
        outcome: "forwarded",
        fault: Domain::None,
        route: NO_ROUTE,
        attempts: 0,
        replayed: false,
        error: None,
        param: None,
        hint: None,
        bytes_out: None,
        answer_id: None,
    }
}

/// Everything that can be said, with what has to be spelled out.
#[test]
fn a_line_with_every_field_is_the_same_to_machines_and_to_people() {
    let parent = Traceparent::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").expect("one");
    let trace = Trace { own: parent.child(), parent: Some(parent.span) };
    let mut arrival = arrival(Start { trace: Some(trace), ..Start::default() });
    arrival.user_agent = HeaderValue::from_bytes("\tagent/1 \u{9b}31m=".as_bytes()).ok();
    arrival.sdk_retries = HeaderValue::from_bytes(b"2\xff").ok();
    arrival.bytes_in = Some(17);
    let marks = Marks {
        client: Some("team a".into()),
        asked: Some("a\\b".into()),
        model: Some("sora-2".into()),
        adjusted: Some("seconds=10->8".into()),
        upstream: Some("main".into()),
        ledger_id: Some("id-1".into()),
        job: Some("video_1".into()),
        spans: vec![parent.span, parent.span],
        retries: vec!["lost", "unavailable"],
        waits: vec![("key", Duration::from_millis(7)), ("retry", Duration::from_millis(1200))],
        ..Marks::default()
    };
    let line = Line {
        took: Duration::from_micros(1234),
        overhead: Duration::from_nanos(999),
        status: 503,
        outcome: "failed",
        fault: Domain::Upstream,
        route: "/v1/videos/{id}",
        attempts: 3,
        replayed: true,
        error: Some("upstream_lost"),
        param: Some("seconds"),
        hint: Some("base_url should end in /v1"),
        bytes_out: Some(u64::MAX),
        answer_id: Some(&HeaderValue::from_static("req_theirs")),
        ..shortest(&arrival, &marks)
    };
    assert_eq!(written(Style::Json, &line), include_str!("every_field.json"));
    assert_eq!(written(PLAIN, &line), include_str!("every_field.txt"));
    let coloured = written(Style::Text { coloured: true }, &line);
    let plain = ["\u{1b}[0m", "\u{1b}[2m", "\u{1b}[32m"]
        .iter()
        .fold(coloured, |line, colour| line.replace(colour, ""));
    assert_eq!(plain, include_str!("every_field.txt"));
}

/// A field without a value is left out.
#[test]
fn a_line_without_anything_to_say_has_what_every_line_has() {
    let arrival = arrival(Start::default());
    let marks = Marks::default();
    let line = shortest(&arrival, &marks);
    assert_eq!(written(Style::Json, &line), include_str!("fewest_fields.json"));
    assert_eq!(written(PLAIN, &line), include_str!("fewest_fields.txt"));
}
