//! SE01, SE02, SE05 to SE08: what nobody gets to see who should not.

use tokio::net::TcpListener;

use super::{OPEN, TEAM, by, with};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{Request, chunked, create, get, post};
use crate::support::upstream::{Reply, Upstream, answer};

/// The operator's, in every test.
const OPERATOR: &str = "sk-operator-secret";

fn asked() -> [Request; 4] {
    [
        create(r#"{"prompt":"a cat"}"#),
        get("/v1/videos/video_1"),
        get("/v1/videos/video_1/content"),
        post("/v1/chat/completions", "{}"),
    ]
    .map(|request| by(TEAM, request))
}

/// SE01, SE05, SE08: of what a client says about itself, its address and its other accounts, nothing is sent on.
#[tokio::test]
async fn the_upstream_sees_the_operators_credential_and_nobody_elses() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", OPEN).await;
    for request in asked() {
        let dressed = request
            .with("x-api-key", TEAM)
            .with("cookie", "session=of-the-client")
            .with("proxy-authorization", "Basic b2YtdGhlLWNsaWVudA==")
            .with("x-forwarded-for", "203.0.113.7")
            .with("forwarded", "for=203.0.113.7")
            .with("x-real-ip", "203.0.113.7")
            .with("x-request-id", "of-the-client");
        assert_eq!(gateway.ask(&dressed).await.status(), 200);
    }
    assert_eq!(upstream.count(), 4);
    for seen in upstream.requests() {
        assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {OPERATOR}")));
        for secret in [TEAM, "of-the-client", "b2YtdGhl", "203.0.113.7", "gateway.test"] {
            assert!(!seen.head.contains(secret), "{secret}: {}", seen.head);
        }
    }
}

/// SE02, SE07: whatever the upstream says of itself and of us, the client does not hear it.
#[tokio::test]
async fn the_client_sees_neither_our_credential_nor_the_upstreams_affairs() {
    let echo = format!(
        r#"{{"error":{{"message":"{OPERATOR} may not","type":"t","param":null,"code":"{OPERATOR}"}}}}"#
    );
    for status in [200, 400, 403, 404, 429, 500, 503] {
        let headers = [
            ("content-type", "application/json"),
            ("x-request-id", OPERATOR),
            ("openai-organization", "org-of-the-operator"),
            ("set-cookie", "__cf_bm=of-the-operator"),
            ("server", "inside/1.0"),
            ("x-envoy-upstream", "10.1.2.3"),
            ("www-authenticate", "Bearer realm=\"inside\""),
        ];
        let upstream = Upstream::start(Reply::raw(answer(status, &headers, &echo))).await;
        let gateway = with(&upstream, "", &format!("[upstreams.main.retry]\nattempts = 1\n{OPEN}")).await;
        for request in asked() {
            let told = gateway.ask(&request).await;
            for secret in [OPERATOR, "of-the-operator", "inside", "10.1.2.3"] {
                assert!(
                    !told.head.contains(secret) && !told.text().contains(secret),
                    "{secret}: {}",
                    told.head
                );
            }
        }
        assert!(!gateway.page().contains(OPERATOR));
    }
}

/// SE02: as a program reads it, which decodes it first.
#[tokio::test]
async fn the_client_does_not_see_our_credential_in_another_spelling_either() {
    let spellings = [
        r"\u0073k-operator-secret",
        r"sk\u002Doperator\u002dsecret",
        r"\u0073\u006b\u002d\u006f\u0070erator-secret",
        "%73k-operator-secret",
        "sk%2Doperator%2dsecret",
    ];
    let is_shown = |message: &Message| {
        let spelled = message.text();
        let read = serde_json::from_str::<serde_json::Value>(&spelled).map(|value| value.to_string());
        let all = format!("{}{spelled}{}", message.head, read.unwrap_or_default());
        let all = all.replace("%73", "s").replace("%2D", "-").replace("%2d", "-");
        all.contains(OPERATOR) || all.contains("u0073")
    };
    for spelling in spellings {
        let whole = format!(r#"{{"error":{{"message":"{spelling} may not","type":"t","code":null}}}}"#);
        for status in [200, 400] {
            let headers = [("content-type", "application/json"), ("openai-debug", spelling)];
            let upstream = Upstream::start(Reply::raw(answer(status, &headers, &whole))).await;
            let gateway = with(&upstream, "", "").await;
            for request in asked() {
                let told = gateway.ask(&by(TEAM, request)).await;
                assert!(!is_shown(&told) && told.whole, "{spelling}: {}\n{}", told.head, told.text());
                assert!(told.json()["error"].is_object(), "it is JSON: {}", told.text());
            }
        }
        // Cut in two at every place.
        let text = format!("data: {{\"key\":\"{spelling}\"}}\n\n");
        for at in 1..text.len() {
            let (first, second) = text.split_at(at);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
            let reply = Reply::default()
                .read()
                .send([head.as_bytes(), &chunked(first.as_bytes())].concat())
                .send([&chunked(second.as_bytes())[..], b"0\r\n\r\n"].concat());
            let upstream = Upstream::start(reply).await;
            let gateway = with(&upstream, "", "").await;
            let told = gateway.ask(&by(TEAM, get("/v1/models"))).await;
            let stars = "*".repeat(spelling.len());
            assert_eq!(told.text(), text.replace(spelling, &stars), "{spelling} at {at}");
        }
    }
}

/// SE02: also in what goes on as it comes, where lengths stay true.
#[tokio::test]
async fn what_streams_does_not_carry_our_credential_either() {
    let text = format!("data: {OPERATOR}\n\n");
    let stars = text.replace(OPERATOR, "******************");
    assert_eq!(text.len(), stars.len());
    for content_type in ["text/event-stream", "text/plain", "video/mp4", "application/octet-stream"] {
        let upstream =
            Upstream::start(Reply::raw(answer(200, &[("content-type", content_type)], &text))).await;
        let gateway = with(&upstream, "", OPEN).await;
        for request in [get("/v1/videos/video_1/content"), post("/v1/chat/completions", "{}")] {
            let told = gateway.ask(&by(TEAM, request)).await;
            assert_eq!((told.status(), told.text()), (200, stars.clone()), "{content_type}");
        }
    }
}

/// SE06: where the upstream is, and what the system says of it, is for the log.
#[tokio::test]
async fn failures_are_told_in_fixed_words() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let mut texts = Vec::new();
    for reply in [
        None,
        Some(Reply::raw("garbage\r\n\r\n")),
        Some(Reply::default().read().reset()),
        Some(Reply::default().read().close()),
    ] {
        let upstream = Upstream::start(reply.clone().unwrap_or_else(Reply::job)).await;
        let base = reply.map_or(format!("http://{gone}/v1"), |_| upstream.base_url());
        let address = base.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        let settings = "[upstreams.main.retry]\nattempts = 1";
        let gateway =
            Gateway::configured(&format!("[upstreams.main]\nbase_url = \"{base}\"\n{settings}")).await;
        for request in asked() {
            let told = gateway.ask(&request).await;
            assert!(matches!(told.status(), 502..=504), "{}", told.start);
            for inside in
                [&*address, "127.0.0.1", "main", "os error", "hyper", "Connection refused", "reset by peer"]
            {
                assert!(
                    !told.head.contains(inside) && !told.text().contains(inside),
                    "{inside}: {}",
                    told.text()
                );
            }
            texts.push(told.json()["error"]["message"].as_str().expect("a message").to_owned());
        }
    }
    assert_eq!(texts.len(), 16);
}

/// A panic prints what somebody thought worth printing: none of it is a secret.
#[tokio::test]
async fn nothing_that_can_be_printed_holds_a_credential() {
    use reelgate::config::Config;
    use reelgate::config::secret::Sources;

    let text = "[auth]\nmode = \"keys\"\n[auth.keys.team]\nenv = \"TEAM\"\n\
                [ledger]\nstore = \"memory\"\n\
                [upstreams.main]\nbase_url = \"http://x/v1\"\ncredential = { env = \"UPSTREAM\" }";
    let var = |name: &str| match name {
        "TEAM" => Some(TEAM.to_owned()),
        "UPSTREAM" => Some(OPERATOR.to_owned()),
        _ => None,
    };
    let file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let sources = Sources { var: &var, file: &file };
    let config = Config::parse(text, std::path::Path::new(""), sources).expect("a configuration");
    let metrics = std::sync::Arc::new(reelgate::metrics::Metrics::new().expect("metrics"));
    let printed = format!("{config:?}");
    let gateway =
        reelgate::gateway::Gateway::new(config, metrics).expect("a gateway").for_workers(1).expect("clients");
    let live = reelgate::gateway::Live::new(gateway);
    let printed = format!("{printed} {:#?} {live:?}", live.current());
    assert!(printed.contains("\"***\""), "the credential is there, and is not shown");
    for secret in [OPERATOR, TEAM, &super::sha256(TEAM)] {
        assert!(!printed.contains(secret), "{secret} is shown");
    }
}
