//! Promises VA01 to VA17: what is refused, and that it costs no call.

mod base_url;
mod bodies;
mod extras;
mod fields;
mod forms;
mod fuzz;
mod targets;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::Request;
use crate::support::upstream::{Reply, Upstream};

/// A gateway whose upstream must not be called.
struct Strict {
    upstream: Upstream,
    gateway: Gateway,
}

impl Strict {
    async fn start() -> Self {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::over(&upstream).await;
        Self { upstream, gateway }
    }

    async fn configured(toml: &str) -> Self {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::start(&upstream, toml).await;
        Self { upstream, gateway }
    }

    /// Asks, and asserts that the answer is a refusal of the gateway's own.
    async fn refused(&self, what: &str, request: &Request) -> Message {
        let answer = self.gateway.ask(request).await;
        assert_refusal(what, &answer);
        self.upstream.assert_untouched(what);
        answer
    }
}

/// VA16: a 4xx in OpenAI's error shape, with a request id, whatever was sent.
fn assert_refusal(what: &str, answer: &Message) {
    assert!((400..500).contains(&answer.status()), "{what}: {} {}", answer.start, answer.text());
    assert!(answer.whole, "{what}");
    let id = answer.header("x-request-id").unwrap_or_default();
    assert!(id.starts_with("req_"), "{what}: {}", answer.head);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    let error = &answer.json()["error"];
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {}", answer.text());
    assert!(error["type"].is_string(), "{what}: {}", answer.text());
    for key in ["param", "code"] {
        let value = error.get(key).unwrap_or_else(|| panic!("{what}: no {key} in {}", answer.text()));
        assert!(value.is_null() || value.is_string(), "{what}: {}", answer.text());
    }
}
