//! AU08: an upstream that refuses our own credential is not the client's fault.

use super::{OPEN, TEAM, by, with};
use crate::support::gateway::Gateway;
use crate::support::request::{create, get, post};
use crate::support::upstream::{Reply, Upstream};

const FAILURES: &str = "reelgate_upstream_auth_failures_total{upstream=\"main\"}";

fn error(code: &str) -> String {
    format!(r#"{{"error":{{"message":"no","type":"invalid_request_error","param":null,"code":{code}}}}}"#)
}

/// AU08
#[tokio::test]
async fn a_refusal_of_our_credential_is_a_502_and_is_counted() {
    for (status, code) in [
        (401, "\"invalid_api_key\""),
        (401, "null"),
        (403, "\"invalid_api_key\""),
        (403, "\"missing_scope\""),
    ] {
        let upstream = Upstream::start(Reply::json(status, &error(code))).await;
        let gateway = with(&upstream, "", OPEN).await;
        let asked =
            [create(r#"{"prompt":"a cat"}"#), get("/v1/videos/video_1"), post("/v1/chat/completions", "{}")];
        for (asked, count) in asked.into_iter().zip([1.0, 2.0, 3.0]) {
            let answer = gateway.ask(&by(TEAM, asked)).await;
            assert_eq!(
                (answer.status(), answer.code().as_deref()),
                (502, Some("upstream_auth_failed")),
                "{status} {code}"
            );
            assert!((gateway.metric(FAILURES) - count).abs() < f64::EPSILON, "{}", gateway.page());
        }
    }
}

/// AU08: what a 403 says about the request is the client's to read.
#[tokio::test]
async fn a_403_about_the_request_passes() {
    for code in
        ["\"model_not_found\"", "\"unsupported_country_region_territory\"", "\"moderation_blocked\"", "null"]
    {
        let upstream = Upstream::start(Reply::json(403, &error(code))).await;
        let gateway = with(&upstream, "", "").await;
        for asked in [create(r#"{"prompt":"a cat"}"#), get("/v1/videos/video_1")] {
            let answer = gateway.ask(&by(TEAM, asked)).await;
            assert_eq!((answer.status(), answer.text()), (403, error(code)));
        }
        assert!(gateway.metric(FAILURES).abs() < f64::EPSILON);
    }
}

/// AU08: what the upstream says of the client's own credential is the client's to read, too.
#[tokio::test]
async fn a_refusal_of_the_clients_credential_passes() {
    for status in [401, 403] {
        let upstream = Upstream::start(Reply::json(status, &error("\"invalid_api_key\""))).await;
        let gateway = Gateway::over(&upstream).await;
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), status);
        assert!(gateway.metric(FAILURES).abs() < f64::EPSILON);
    }
}
