//! Promises SM01 to SM13: two servers never read two different requests, or answers, in the same bytes.

mod answers;
mod framing;
mod heads;
mod hops;

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::upstream::{Reply, Upstream};

/// A request that must never come out of another one.
const SMUGGLED: &str =
    "DELETE /v1/videos/smuggled HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer x\r\n\r\n";

/// A gateway over an upstream that answers every request alike.
struct Pair {
    upstream: Upstream,
    gateway: Gateway,
}

impl Pair {
    async fn start() -> Self {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::over(&upstream).await;
        Self { upstream, gateway }
    }

    /// Everything the gateway answers to these bytes on one connection, until it closes it.
    async fn answers(&self, bytes: impl AsRef<[u8]>) -> Vec<Message> {
        let mut client = self.gateway.connect().await;
        client.send(bytes.as_ref()).await;
        let what = format!("the connection to be closed after {:?}", String::from_utf8_lossy(bytes.as_ref()));
        crate::support::within(&what, client.answers()).await
    }

    /// Asserts that these bytes get one refusal and then a closed connection, and reach nobody.
    async fn refused(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let what = format!("{:?}", String::from_utf8_lossy(bytes));
        let answers = self.answers(bytes).await;
        assert_eq!(answers.len(), 1, "{what}: {answers:#?}");
        assert_refusal(&what, &answers[0]);
        assert_eq!(answers[0].header("connection"), Some("close"), "{what}");
        self.upstream.assert_untouched(&what);
    }
}

/// A 4xx or 501 in OpenAI's shape, with a request id.
fn assert_refusal(what: &str, answer: &Message) {
    assert!(matches!(answer.status(), 400..=499 | 501 | 505), "{what}: {}", answer.start);
    assert!(answer.header("x-request-id").is_some(), "{what}: {}", answer.head);
    let error = &answer.json()["error"];
    assert!(error["message"].is_string() && error["type"].is_string(), "{what}: {}", answer.text());
}
