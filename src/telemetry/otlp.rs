//! Spans on their way to a collector, over OTLP and HTTP. No request waits for them: what does not fit is lost.
//!
//! Spans are made where they end, with the ids that went out when they began; nothing is kept in between.

use std::borrow::Cow;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanProcessor};

use crate::config::tracing::Export;
use crate::trace_context::{SpanId, Traceparent};

mod client;

use client::Client;

/// The way to the collector; one a process.
static EXPORTER: OnceLock<Exporter> = OnceLock::new();

#[derive(Debug)]
struct Exporter {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

/// One span, at its end.
pub(crate) struct Span {
    /// Itself.
    pub(crate) own: Traceparent,
    /// What it is beneath. `None`: it is the first of its trace.
    pub(crate) parent: Option<SpanId>,
    pub(crate) kind: SpanKind,
    pub(crate) name: Cow<'static, str>,
    /// How long it was.
    pub(crate) took: Duration,
    pub(crate) attributes: Vec<KeyValue>,
    /// Whether what it stands for failed.
    pub(crate) failed: bool,
}

/// Starts sending.
///
/// # Errors
/// If there can be no thread for it, or the environment asks for something that cannot be had.
pub(super) fn start(settings: &Export) -> io::Result<()> {
    let client = Client::start(settings.timeout)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(settings.endpoint.to_string())
        .with_timeout(settings.timeout)
        .build()
        .map_err(io::Error::other)?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    let version = env!("CARGO_PKG_VERSION");
    processor.set_resource(
        &Resource::builder()
            .with_service_name(settings.service_name.clone())
            .with_attribute(KeyValue::new("service.version", version))
            .build(),
    );
    let scope = InstrumentationScope::builder("reelgate").with_version(version).build();
    // Only a test that starts two gateways in one process comes here twice.
    let _ = EXPORTER.set(Exporter { processor, scope });
    Ok(())
}

/// Whether anybody is told of spans.
pub(crate) fn is_on() -> bool {
    EXPORTER.get().is_some()
}

/// Sends a span, if its trace is to be recorded.
pub(crate) fn send(span: Span) {
    let Some(exporter) = EXPORTER.get().filter(|_| span.own.is_sampled()) else { return };
    let end = SystemTime::now();
    exporter.processor.on_end(SpanData {
        span_context: SpanContext::new(
            span.own.trace.number().into(),
            span.own.span.number().into(),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: span.parent.map_or(0, SpanId::number).into(),
        parent_span_is_remote: span.kind == SpanKind::Server,
        span_kind: span.kind,
        name: span.name,
        start_time: end.checked_sub(span.took).unwrap_or(end),
        end_time: end,
        attributes: span.attributes,
        dropped_attributes_count: 0,
        events: opentelemetry_sdk::trace::SpanEvents::default(),
        links: opentelemetry_sdk::trace::SpanLinks::default(),
        status: if span.failed { Status::error("") } else { Status::Unset },
        instrumentation_scope: exporter.scope.clone(),
    });
}

/// Sends what is left, but does not wait for a collector that does not answer.
pub(super) fn stop() {
    if let Some(exporter) = EXPORTER.get() {
        // It says itself what it could not send.
        let _ = exporter.processor.shutdown_with_timeout(STOP_MAX);
    }
}

/// How long the end of the process waits for the collector.
const STOP_MAX: Duration = Duration::from_secs(2);
