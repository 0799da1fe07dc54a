//! The trace of a call, as the upstream is told of it: each attempt is a span of its own.

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue};

use crate::journey::Trace;
use crate::trace_context::{Traceparent, is_state};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Leaves in a call's head what every attempt may pass on: the state of a trace that goes on here, as it came.
pub(super) fn prepare(headers: &mut HeaderMap, trace: Option<Trace>) {
    headers.remove(TRACEPARENT);
    let goes_on = trace.is_some_and(|trace| trace.parent.is_some());
    let values = || headers.get_all(TRACESTATE).into_iter().map(HeaderValue::as_bytes);
    if !(goes_on && is_state(values())) {
        headers.remove(TRACESTATE);
    }
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

    /// The headers that go upstream of those that came.
    fn passed(state: &[&'static str], trace: Option<Trace>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static("what came"));
        for value in state {
            headers.append(TRACESTATE, HeaderValue::from_static(value));
        }
        prepare(&mut headers, trace);
        name(&mut headers, trace.map(|trace| trace.own.child()));
        headers
    }

    #[test]
    fn the_state_goes_on_with_its_trace_and_not_without() {
        let own = Traceparent::begin(true);
        let begun = Trace { own, parent: None };
        let goes_on = Trace { own, parent: Some(own.span) };
        let states = |headers: &HeaderMap| headers.get_all(TRACESTATE).iter().count();
        assert_eq!(states(&passed(&["a=1", "b=2"], Some(goes_on))), 2, "as they came");
        assert_eq!(states(&passed(&["a=1", "b"], Some(goes_on))), 0, "one of them is not valid");
        assert_eq!(states(&passed(&["a=1"], Some(begun))), 0, "it is another trace's");
        assert!(passed(&["a=1"], None).is_empty());
    }

    #[test]
    fn the_upstreams_parent_is_the_attempt() {
        let own = Traceparent::begin(true);
        let headers = passed(&[], Some(Trace { own, parent: None }));
        let sent = Traceparent::parse(headers[TRACEPARENT].as_bytes()).expect("valid");
        assert_eq!(sent.trace, own.trace);
        assert_ne!(sent.span, own.span);
    }
}
