//! The span of a request, under the names OpenTelemetry gives to what it says.

use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value};

use super::log::Line;
use crate::fault::Domain;
use crate::metrics::NO_ROUTE;
use crate::telemetry::otlp::{self, Span};

/// Sends the span of a request that has one.
pub(super) fn send(line: &Line<'_>) {
    let Some(trace) = line.arrival.journey.trace().filter(|trace| trace.own.is_sampled() && otlp::is_on())
    else {
        return;
    };
    let failed = line.status >= 500;
    let method = line.arrival.method.as_str();
    otlp::send(Span {
        own: trace.own,
        parent: trace.parent,
        kind: SpanKind::Server,
        name: if line.route == NO_ROUTE { method.to_owned() } else { format!("{method} {}", line.route) }
            .into(),
        took: line.took,
        attributes: attributes(line, failed),
        failed,
    });
}

fn attributes(line: &Line<'_>, failed: bool) -> Vec<KeyValue> {
    let Line { arrival, marks, .. } = line;
    let mut attributes = vec![
        KeyValue::new("http.request.method", arrival.method.as_str().to_owned()),
        KeyValue::new("url.path", arrival.path.clone()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("http.route", line.route),
        KeyValue::new("http.response.status_code", i64::from(line.status)),
        KeyValue::new("client.address", arrival.peer.address().ip().to_string()),
        KeyValue::new("client.port", i64::from(arrival.peer.address().port())),
        KeyValue::new("reelgate.request_id", arrival.journey.id().as_str().to_owned()),
        KeyValue::new("reelgate.outcome", line.outcome),
        KeyValue::new("reelgate.attempts", i64::from(line.attempts)),
    ];
    let mut add = |name: &'static str, value: Option<String>| {
        attributes.extend(value.map(|value| KeyValue::new(name, Value::from(value))));
    };
    let agent =
        arrival.user_agent.as_ref().map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    add("user_agent.original", agent);
    add("gen_ai.request.model", marks.asked.as_deref().map(str::to_owned));
    add("gen_ai.response.model", marks.model.as_deref().map(str::to_owned));
    add("gen_ai.response.id", marks.job.as_deref().map(str::to_owned));
    add("reelgate.adjusted", marks.adjusted.as_deref().map(str::to_owned));
    add("reelgate.upstream", marks.upstream.as_deref().map(str::to_owned));
    add("reelgate.ledger_id", marks.ledger_id.as_deref().map(str::to_owned));
    add("reelgate.client", marks.client.as_deref().map(str::to_owned));
    let error = line.error.map(str::to_owned).or_else(|| failed.then(|| line.status.to_string()));
    add("error.type", error);
    add("reelgate.fault", (line.fault != Domain::None).then(|| line.fault.name().to_owned()));
    attributes
}
