//! The span of an attempt, under the names OpenTelemetry gives to what it says.

use std::sync::Arc;

use axum::response::Response as Answer;
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;

use super::call::{Missed, Why};
use super::head::AttemptHead;
use super::outgoing::Terms;
use crate::failure::Failure;
use crate::telemetry::otlp::{self, Span};
use crate::trace_context::Traceparent;

/// An attempt under way. Dropped, it was given up.
pub(super) struct Attempting {
    terms: Arc<Terms>,
    /// Its own span, until that has been sent.
    own: Option<Traceparent>,
    began: Instant,
    /// How many came before it.
    resends: u32,
}

impl Attempting {
    pub(super) fn begin(terms: &Arc<Terms>, own: Option<Traceparent>) -> Self {
        let own = own.filter(|own| own.is_sampled() && otlp::is_on());
        let resends = terms.journey.read().attempts.saturating_sub(1);
        Self { terms: Arc::clone(terms), own, began: Instant::now(), resends }
    }

    /// It has ended.
    pub(super) fn ended(mut self, result: &Result<Answer, Missed>) {
        match result {
            Ok(answer) => {
                let status = answer.status();
                let error = status.is_client_error() || status.is_server_error();
                self.send(Some(status.as_u16()), error.then(|| status.as_str().to_owned()));
            }
            Err(Missed { why, .. }) => self.send(None, Some(error_type(why).to_owned())),
        }
    }

    fn send(&mut self, status: Option<u16>, error: Option<String>) {
        let Some(own) = self.own.take() else { return };
        let head = &self.terms.call.head;
        let uri = AttemptHead::of(&self.terms, None).ok().and_then(|head| head.uri()).unwrap_or_default();
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        let mut attributes = vec![
            KeyValue::new("http.request.method", head.method.as_str().to_owned()),
            KeyValue::new("server.address", host.to_owned()),
            KeyValue::new("server.port", i64::from(port)),
            // Without its query, which could hold a key.
            KeyValue::new("url.full", format!("{scheme}://{host}:{port}{}", uri.path())),
        ];
        if self.resends > 0 {
            attributes.push(KeyValue::new("http.request.resend_count", i64::from(self.resends)));
        }
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        let failed = error.is_some();
        attributes.extend(error.map(|error| KeyValue::new("error.type", error)));
        otlp::send(Span {
            own,
            parent: self.terms.journey.trace().map(|trace| trace.own.span),
            kind: SpanKind::Client,
            name: head.method.as_str().to_owned().into(),
            took: self.began.elapsed(),
            attributes,
            failed,
        });
    }
}

impl Drop for Attempting {
    fn drop(&mut self) {
        self.send(None, Some("cancelled".to_owned()));
    }
}

/// What an attempt without an answer is called.
const fn error_type(why: &Why) -> &'static str {
    match why {
        Why::Rejected(_) => "client",
        Why::Failed(failure) => match failure {
            Failure::Unreachable => "unreachable",
            Failure::ConnectTimeout => "connect_timeout",
            Failure::Tls => "tls",
            Failure::HeadTimeout => "timeout",
            Failure::Lost => "lost",
            Failure::Garbled => "garbled",
            Failure::Redirected => "redirected",
            Failure::Credential => "credential",
            Failure::BreakerOpen { .. } => "breaker_open",
        },
    }
}
