//! SE01, SE02, AU08: whose key goes where.

use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, get, post};
use crate::support::upstream::{Reply, Upstream, answer};

const OPERATOR: &str = "sk-operator-secret";

fn with_key(request: Request, key: &str) -> Request {
    request.without("authorization").with("authorization", &format!("Bearer {key}"))
}

#[tokio::test]
async fn the_clients_own_credential_is_sent_on() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    gateway.ask(&with_key(get("/v1/videos/video_1"), "sk-of-the-client")).await;
    let anthropic = post("/v1/messages", "{}").without("authorization").with("x-api-key", "sk-ant");
    gateway.ask(&anthropic.with("anthropic-version", "2023-06-01")).await;
    let seen = upstream.requests();
    assert_eq!(seen[0].header("authorization"), Some("Bearer sk-of-the-client"));
    assert_eq!((seen[1].header("x-api-key"), seen[1].header("authorization")), (Some("sk-ant"), None));
}

/// SE01
#[tokio::test]
async fn the_operators_credential_takes_the_place_of_the_clients() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::with_keys(&upstream).await;
    let asked = [
        with_key(create(r#"{"prompt":"a"}"#), "rg-key"),
        with_key(get("/v1/videos/video_1"), "rg-key"),
        with_key(post("/v1/responses", "{}"), "rg-key").with("x-api-key", "rg-key"),
        get("/v1/models").without("authorization").with("x-api-key", "rg-key"),
        with_key(get("/v1/models"), "rg-key").with("openai-organization", "org-of-the-client"),
    ];
    for request in &asked {
        assert_eq!(gateway.ask(request).await.status(), 200);
    }
    for seen in upstream.requests() {
        assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {OPERATOR}")), "{}", seen.head);
        assert_eq!(seen.header("x-api-key"), None, "{}", seen.head);
        assert!(!seen.head.contains("rg-key"), "{}", seen.head);
    }
    assert_eq!(upstream.count(), asked.len());
}

/// SE01: as Azure wants it.
#[tokio::test]
async fn the_credential_goes_where_the_operator_says() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = "[auth]\nmode = \"open\"\n[upstreams.main]\nbase_url = \"{upstream}\"\n\
        credential = { env = \"UPSTREAM_KEY\" }\ncredential_header = \"api-key\"\ncredential_scheme = \"\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    // Its own key alone: beside another one it would be refused, since `api-key` is read as a key, too.
    let asked = get("/v1/videos/video_1").without("authorization").with("api-key", "mine");
    assert_eq!(gateway.ask(&asked).await.status(), 200);
    let seen = upstream.only();
    assert_eq!((seen.header("api-key"), seen.header("authorization")), (Some(OPERATOR), None));
}

/// The client's own key moves to the header the upstream reads.
#[tokio::test]
async fn a_clients_bearer_key_is_sent_bare_where_the_upstream_wants_it_so() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = "[upstreams.main]\nbase_url = \"{upstream}\"\ncredential_header = \"api-key\"\ncredential_scheme = \"\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    assert_eq!(gateway.ask(&with_key(get("/v1/videos/video_1"), "sk-client")).await.status(), 200);
    let seen = upstream.only();
    assert_eq!((seen.header("api-key"), seen.header("authorization")), (Some("sk-client"), None));
}

fn with_azure_key(request: Request, key: &str) -> Request {
    request.without("authorization").with("api-key", key)
}

/// SE01: a client of Azure's SDK sends `api-key`, and nothing else.
#[tokio::test]
async fn an_azure_clients_own_key_goes_where_the_upstream_reads_it() {
    let azure = "credential_header = \"api-key\"\ncredential_scheme = \"\"";
    for (settings, read, arrives) in [
        (azure, "api-key", "sk-client"),
        ("", "authorization", "Bearer sk-client"),
        ("credential_header = \"x-api-key\"\ncredential_scheme = \"\"", "x-api-key", "sk-client"),
    ] {
        let upstream = Upstream::start(Reply::job()).await;
        let configuration = format!("[upstreams.main]\nbase_url = \"{{upstream}}\"\n{settings}");
        let gateway = Gateway::start(&upstream, &configuration).await;
        let asked = with_azure_key(create(r#"{"prompt":"a"}"#), "sk-client");
        assert_eq!(gateway.ask(&asked).await.status(), 200, "{settings}");
        let seen = upstream.only();
        assert_eq!(seen.header(read), Some(arrives), "{settings}");
        assert_eq!(seen.head.matches("sk-client").count(), 1, "{}", seen.head);
    }
}

/// SE01: an `x-api-key`, too, goes where an upstream with a header of its own reads it.
#[tokio::test]
async fn a_key_in_x_api_key_is_moved_to_the_header_of_the_upstream() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = "[upstreams.main]\nbase_url = \"{upstream}\"\ncredential_header = \"api-key\"\ncredential_scheme = \"\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    let asked = get("/v1/videos/video_1").without("authorization").with("x-api-key", "sk-client");
    assert_eq!(gateway.ask(&asked).await.status(), 200);
    let seen = upstream.only();
    assert_eq!((seen.header("api-key"), seen.header("x-api-key")), (Some("sk-client"), None));
}

/// AU01, AU03, SE01: a key of the gateway's in `api-key` lets in, and stays at the gateway.
#[tokio::test]
async fn a_key_of_the_gateway_is_read_from_api_key() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::with_keys(&upstream).await;
    let asked = get("/v1/videos/video_1");
    assert_eq!(gateway.ask(&with_azure_key(asked.clone(), "rg-key")).await.status(), 200);
    assert!(!upstream.only().head.contains("rg-key"));
    assert_eq!(gateway.ask(&with_azure_key(asked.clone(), "rg-other")).await.status(), 401);
    let twice = with_azure_key(asked.clone(), "rg-key").with("api-key", "rg-key");
    assert_eq!(gateway.ask(&twice).await.status(), 400);
    let two = gateway.ask(&with_key(asked, "rg-key").with("api-key", "rg-other")).await;
    let message = "The headers 'authorization' and 'api-key' carry different keys. Send one of them.";
    assert_eq!((two.status(), two.json()["error"]["message"].as_str()), (400, Some(message)));
    assert_eq!(upstream.count(), 1);
}

/// SE01: whatever a client calls the header that it puts its key into.
#[tokio::test]
async fn a_key_in_a_header_of_another_name_never_goes_upstream() {
    let upstream = Upstream::start(Reply::job()).await;
    for gateway in [Gateway::over(&upstream).await, Gateway::with_keys(&upstream).await] {
        for name in [
            "OpenAI-Api-Key",
            "OpenAI-Key",
            "anthropic-api-key",
            "anthropic-auth-token",
            "x-stainless-api-key",
            "x-goog-api-key",
            "x-auth-token",
        ] {
            for asked in [create(r#"{"prompt":"a"}"#), get("/v1/videos/video_1"), get("/v1/models")] {
                gateway.ask(&with_key(asked, "rg-key").with(name, "sk-elsewhere")).await;
            }
        }
    }
    assert_eq!(upstream.count(), 42);
    for seen in upstream.requests() {
        assert!(!seen.head.contains("sk-elsewhere"), "{}", seen.head);
    }
}

/// AU01, AU05: identical for every wrong key, before the body is read.
#[tokio::test]
async fn a_wrong_key_is_answered_before_the_body_is_sent() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::with_keys(&upstream).await;
    for target in ["/v1/videos", "/v1/videos/edits", "/v1/responses"] {
        for key in [None, Some("rg-other"), Some("rg-ke"), Some("rg-keyy"), Some("RG-KEY"), Some(OPERATOR)] {
            let bare = post(target, "").without("authorization").without("content-length");
            let bare = bare.with("content-length", "10000");
            let asked = key.map_or(bare.clone(), |key| with_key(bare, key));
            let mut client = gateway.connect().await;
            client.send(asked.head()).await;
            let answer = client.answer().await;
            assert_eq!(answer.status(), 401, "{key:?}");
            assert_eq!(answer.code().as_deref(), key.map(|_| "invalid_api_key"), "{key:?}");
        }
    }
    upstream.assert_untouched("wrong keys");
}

/// AU08
#[tokio::test]
async fn an_upstream_that_refuses_our_key_is_not_the_clients_fault() {
    let refusal = r#"{"error":{"message":"Incorrect API key provided: sk-opera**cret","type":"x","param":null,"code":"invalid_api_key"}}"#;
    let upstream = Upstream::start(Reply::json(401, refusal)).await;
    let gateway = Gateway::with_keys(&upstream).await;
    for request in
        [with_key(create(r#"{"prompt":"a"}"#), "rg-key"), with_key(get("/v1/videos/video_1"), "rg-key")]
    {
        let answer = gateway.ask(&request).await;
        assert_eq!((answer.status(), answer.code().as_deref()), (502, Some("upstream_auth_failed")));
        assert!(!answer.text().contains("sk-opera"), "{}", answer.text());
    }
}

/// SE02
#[tokio::test]
async fn the_upstreams_key_never_comes_back_in_a_header() {
    let echo = [("content-type", "application/json"), ("authorization", OPERATOR), ("x-echo", OPERATOR)];
    let upstream = Upstream::start(Reply::raw(answer(200, &echo, "{}"))).await;
    let gateway = Gateway::with_keys(&upstream).await;
    let answer = gateway.ask(&with_key(get("/v1/videos/video_1"), "rg-key")).await;
    assert!(!answer.head.contains(OPERATOR), "{}", answer.head);
    assert!(!gateway.page().contains(OPERATOR));
}
