//! OW03: replays and idempotency keys are one account's, in every mode.

use super::*;

fn keyed(request: Request) -> Request {
    request.with("idempotency-key", "1")
}

#[tokio::test]
async fn an_idempotency_key_of_one_client_answers_no_other() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    let first = gateway.ask(&by(ONE, keyed(order("a")))).await;
    let other = gateway.ask(&by(OTHER, keyed(order("b")))).await;
    assert_eq!(
        (first.json()["id"].as_str(), other.json()["id"].as_str()),
        (Some("video_a"), Some("video_b"))
    );
    assert_ne!(first.header("x-reelgate-ledger-id"), other.header("x-reelgate-ledger-id"));
    let again = gateway.ask(&by(ONE, keyed(order("a")))).await;
    assert_eq!((again.json()["id"].as_str(), upstream.count()), (Some("video_a"), 2));
}

/// With credentials passed through, one of them may act for several organisations and projects.
#[tokio::test]
async fn an_account_is_a_credential_with_its_organization_and_project() {
    let upstream = upstream().await;
    let gateway = Gateway::over(&upstream).await;
    let of = |organization: &str, project: &str, name: &str| {
        let request = keyed(order(name)).with("openai-organization", organization);
        request.with("openai-project", project)
    };
    for (organization, project, name) in [("org-1", "p-1", "a"), ("org-2", "p-1", "b"), ("org-1", "p-2", "c")]
    {
        for _ in 0..2 {
            let made = gateway.ask(&of(organization, project, name)).await;
            assert_eq!(made.json()["id"], format!("video_{name}"), "{}", made.text());
        }
    }
    let without = gateway.ask(&keyed(order("d"))).await;
    assert_eq!(without.json()["id"], "video_d", "{}", without.text());
    assert_eq!(upstream.count(), 4);
}
