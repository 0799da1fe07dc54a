//! Connections opened ahead for paid calls, RT16.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::gateway::Gateway;
use crate::support::request::{create, get};
use crate::support::upstream::{Reply, Upstream};
use crate::support::within;

const PAID: &str = r#"{"prompt":"a"}"#;

async fn until_connected(upstream: &Upstream, count: usize) {
    within("a spare connection", async {
        while upstream.connections() < count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// RT16
#[tokio::test]
async fn a_create_leaves_by_a_connection_that_was_opened_ahead() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    for made in 1..=4 {
        assert_eq!(gateway.ask(&create(PAID)).await.status(), 200);
        upstream.until_ended(made).await;
        until_connected(&upstream, made + 1).await;
        assert_eq!((upstream.count(), upstream.connections()), (made, made + 1));
    }
    gateway.stop().await;
}

/// RT03, RT16: what dies as the call leaves may have been acted on.
#[tokio::test]
async fn a_create_that_is_lost_on_a_spare_connection_is_asked_once() {
    let upstream = Upstream::script(vec![Reply::job(), Reply::default().read().reset(), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(gateway.ask(&create(PAID)).await.status(), 200);
    until_connected(&upstream, 2).await;
    let answer = gateway.ask(&create(PAID)).await;
    assert_eq!((answer.status(), answer.header("x-should-retry")), (502, Some("false")), "{}", answer.text());
    assert_eq!(upstream.count(), 2);
    gateway.stop().await;
}

/// SD03
#[tokio::test]
async fn a_spare_connection_does_not_keep_the_process() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(gateway.ask(&create(PAID)).await.status(), 200);
    let stopped = timeout(Duration::from_secs(1), gateway.stop()).await;
    assert!(stopped.is_ok(), "a spare connection kept it");
}

/// RT16: it is free calls that may meet a connection closed meanwhile, and they do not notice.
#[tokio::test]
async fn a_poll_does_not_notice_that_the_upstream_closes_connections() {
    let upstream = Upstream::start(Reply::job().close()).await;
    let gateway = Gateway::over(&upstream).await;
    for asked in 1..=10 {
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 200);
        upstream.until_ended(asked).await;
        assert_eq!(upstream.count(), asked);
    }
    gateway.stop().await;
}
