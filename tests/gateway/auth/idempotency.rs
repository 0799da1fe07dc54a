//! RT21: what upstreams get for a client's `Idempotency-Key`.

use super::{TEAM, by, sha256, with};
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, post, request};
use crate::support::upstream::{Reply, Upstream};

/// The key of another client.
const OTHER: &str = "rg-key-of-another-00001";

/// A second client, whose name could be taken for a part of the first one's key.
fn other() -> String {
    format!("[auth.keys.team1]\nsha256 = \"{}\"\n[routes]\nallow = [\"*\"]\n", sha256(OTHER))
}

fn keyed(key: &str, request: Request) -> Request {
    request.with("idempotency-key", key)
}

fn sent(upstream: &Upstream) -> Vec<String> {
    let keys = upstream.requests();
    keys.iter().map(|seen| seen.header("idempotency-key").expect("one key").to_owned()).collect()
}

/// RT21: an upstream that knows repeats by their key would give the second client the first one's job.
#[tokio::test]
async fn the_same_key_of_two_clients_is_two_keys_at_the_upstream() {
    for sent in [
        create(r#"{"prompt":"a cat"}"#),
        post("/v1/images/generations", "{}"),
        request("DELETE", "/v1/videos/video_of_before"),
    ] {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = with(&upstream, "", &other()).await;
        for (client, key) in [(TEAM, "1"), (OTHER, "1"), (TEAM, "11"), (OTHER, "")] {
            if key.is_empty() && sent.target() == "/v1/videos" {
                continue; // Refused there.
            }
            assert_eq!(gateway.ask(&by(client, keyed(key, sent.clone()))).await.status(), 200);
        }
        let requests = upstream.requests();
        let mut keys: Vec<&str> = requests.iter().filter_map(|seen| seen.header("idempotency-key")).collect();
        // An empty one names nothing, and is the same for every call: it is not sent at all.
        assert_eq!(keys.len(), 3, "{}", sent.target());
        for key in &keys {
            let digits = key.strip_prefix("rg_").expect("ours");
            assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{key}");
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 3, "{}", sent.target());
    }
}

/// RT21: gateways that share an upstream derive the same key, also on other routes and after a restart.
#[tokio::test]
async fn a_key_is_the_same_for_every_attempt_and_at_every_gateway() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let refused = || Reply::json(429, "{}");
        let upstream = Upstream::script(vec![refused(), refused(), Reply::job()]).await;
        let gateway = with(&upstream, "", "retry.backoff_base = \"1ms\"").await;
        let create = keyed("order 7", create(r#"{"prompt":"a cat"}"#));
        assert_eq!(gateway.ask(&by(TEAM, create)).await.status(), 200);
        assert_eq!(upstream.count(), 3);
        all.extend(sent(&upstream));
    }
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
}

/// RT21: without clients of the gateway's own, the upstream's account is the client's, and so is the key.
#[tokio::test]
async fn a_key_is_sent_verbatim_where_clients_have_no_keys_of_ours() {
    let open = "[auth]\nmode = \"open\"\n[upstreams.main]\nbase_url = \"{upstream}\"\n\
                credential = { env = \"UPSTREAM_KEY\" }";
    let passthrough = "[upstreams.main]\nbase_url = \"{upstream}\"";
    for configuration in [open, passthrough] {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::start(&upstream, configuration).await;
        for sent in [create(r#"{"prompt":"a cat"}"#), post("/v1/images/generations", "{}")] {
            assert_eq!(gateway.ask(&keyed("order 7", sent)).await.status(), 200);
        }
        assert_eq!(sent(&upstream), ["order 7"; 2]);
    }
}

/// RT21: a create whose client names none gets a key of its own.
#[tokio::test]
async fn a_create_without_a_key_gets_a_new_one() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    for prompt in ["a cat", "a dog"] {
        let create = create(&format!(r#"{{"prompt":"{prompt}"}}"#));
        assert_eq!(gateway.ask(&by(TEAM, create)).await.status(), 200);
    }
    let keys = sent(&upstream);
    assert_ne!(keys[0], keys[1]);
    assert!(keys.iter().all(|key| uuid::Uuid::parse_str(key).is_ok()), "{keys:?}");
}
