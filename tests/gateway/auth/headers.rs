//! AU03: credentials that two servers could read in two ways are nobody's.

use super::{NOBODYS, TEAM, by, with};
use crate::support::gateway::Gateway;
use crate::support::request::{Request, get};
use crate::support::upstream::{Reply, Upstream};

/// Each is refused, and none reaches the upstream.
async fn refused(gateway: &Gateway, upstream: &Upstream, asked: &Request) {
    let answer = gateway.ask(asked).await;
    assert!(matches!(answer.status(), 400 | 401), "{}: {asked:?}", answer.start);
    assert!(answer.json()["error"]["message"].is_string());
    upstream.assert_untouched("doubled or disguised");
}

/// AU03
#[tokio::test]
async fn doubled_credentials_are_refused() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    let bearer = |key: &str| format!("Bearer {key}");
    let one = by(TEAM, get("/v1/videos/video_1"));
    for second in [TEAM, NOBODYS] {
        refused(&gateway, &upstream, &one.clone().with("authorization", &bearer(second))).await;
        refused(&gateway, &upstream, &one.clone().with("AUTHORIZATION", &bearer(second))).await;
        let twice = get("/v1/videos/video_1").without("authorization").with("x-api-key", TEAM);
        refused(&gateway, &upstream, &twice.with("x-api-key", second)).await;
    }
}

/// AU03: whoever reads the other header would let somebody else in.
#[tokio::test]
async fn two_headers_with_different_keys_are_refused_in_every_mode() {
    let upstream = Upstream::start(Reply::job()).await;
    for gateway in [with(&upstream, "", "").await, Gateway::over(&upstream).await] {
        for other in [NOBODYS, "", " ", "rg-key-of-the-team-0001,", "RG-KEY-OF-THE-TEAM-0001"] {
            refused(&gateway, &upstream, &by(TEAM, get("/v1/videos/video_1")).with("x-api-key", other)).await;
        }
        refused(&gateway, &upstream, &by(NOBODYS, get("/v1/videos/video_1")).with("x-api-key", TEAM)).await;
    }
}

/// AU03: lists, foldings and odd bytes.
#[tokio::test]
async fn disguised_credentials_are_refused() {
    let upstream = Upstream::start(Reply::job()).await;
    for gateway in [with(&upstream, "", "").await, Gateway::over(&upstream).await] {
        for value in [
            format!("Bearer {TEAM},{TEAM}"),
            format!("Bearer {TEAM}, Bearer {TEAM}"),
            format!("Bearer {NOBODYS}\r\n {TEAM}"),
            format!("Bearer\r\n\t{TEAM}"),
            format!("Bearer {TEAM}\u{a0}"),
            format!("Bearer {TEAM}\u{200b}"),
            format!("Bearer {TEAM}\0"),
            format!("Bearer {TEAM}\u{7f}"),
        ] {
            let asked = get("/v1/videos/video_1").without("authorization").with("authorization", &value);
            refused(&gateway, &upstream, &asked).await;
        }
        for name in ["authorization ", " authorization", "Authorization\t"] {
            let asked =
                get("/v1/videos/video_1").without("authorization").with(name, &format!("Bearer {TEAM}"));
            refused(&gateway, &upstream, &asked).await;
        }
    }
}
