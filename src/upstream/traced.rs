//! The trace of a call, as the upstream is told of it: each attempt is a span of its own.

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue};

use crate::journey::Trace;
use crate::trace_context::{Traceparent, is_state};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Whether the state of a trace that came with these headers goes on: as it came, and only with its trace.
pub(super) fn is_state_passed(headers: &HeaderMap, trace: Option<Trace>) -> bool {
    let goes_on = trace.is_some_and(|trace| trace.parent.is_some());
    goes_on && is_state(headers.get_all(TRACESTATE).into_iter().map(HeaderValue::as_bytes))
}

/// Names an attempt's span in its head.
pub(super) fn name(headers: &mut HeaderMap, span: Option<Traceparent>) {
    if let Some(span) = span {
        headers.insert(TRACEPARENT, span.value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_passed(state: &[&'static str], trace: Option<Trace>) -> bool {
        let mut headers = HeaderMap::new();
        for value in state {
            headers.append(TRACESTATE, HeaderValue::from_static(value));
        }
        is_state_passed(&headers, trace)
    }

    #[test]
    fn the_state_goes_on_with_its_trace_and_not_without() {
        let own = Traceparent::begin(true);
        let begun = Trace { own, parent: None };
        let goes_on = Trace { own, parent: Some(own.span) };
        assert!(is_passed(&["a=1", "b=2"], Some(goes_on)), "as they came");
        assert!(!is_passed(&["a=1", "b"], Some(goes_on)), "one of them is not valid");
        assert!(!is_passed(&["a=1"], Some(begun)), "it is another trace's");
        assert!(!is_passed(&["a=1"], None));
    }
}
