//! The gateway's own time is told from that of others.

use std::time::Duration;

use tokio::time::sleep;

use super::parsed;
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, get};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};
use crate::support::within;

const CREATE: &str = r#"{"model":"sora-2","prompt":"a cat"}"#;
const LONG: Duration = Duration::from_millis(300);

/// Seconds that requests of a route took in all, and those of them that the gateway did not.
fn seconds(gateway: &Gateway, route: &str) -> (f64, f64) {
    let page = parsed(gateway);
    let of = |what| page.value(&format!("reelgate_request_{what}_seconds_sum"), &[("route", route)]);
    (of("duration"), of("duration") - of("overhead"))
}

#[tokio::test]
async fn the_wait_for_an_upstream_is_not_the_gateways() {
    let json = [("content-type", "application/json")];
    let whole = answer(200, &json, JOB);
    let (head, body) = whole.split_at(whole.len() - JOB.len());
    for (request, route) in [(create(CREATE), "/v1/videos"), (get("/v1/videos/video_1"), "/v1/videos/{id}")] {
        let gate = Gate::closed();
        let late = Reply::default().read().wait(&gate).send(&whole);
        assert_waited(&request, route, (late, gate)).await;
        let gate = Gate::closed();
        let slow = Reply::default().read().send(head).wait(&gate).send(body);
        assert_waited(&request, route, (slow, gate)).await;
    }
}

/// The reply waits for its gate.
async fn assert_waited(request: &Request, route: &str, (reply, gate): (Reply, Gate)) {
    let upstream = Upstream::start(reply).await;
    let gateway = Gateway::over(&upstream).await;
    let opening = async {
        upstream.until("the attempt", |requests| requests.len() == 1).await;
        sleep(LONG).await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(gateway.ask(request), opening);
    assert_eq!(answer.status(), 200);
    let (took, waited) = seconds(&gateway, route);
    assert!(took >= LONG.as_secs_f64(), "{took}");
    assert!(waited >= LONG.as_secs_f64() * 0.9, "of {took} s only {waited} s for the upstream");
}

#[tokio::test]
async fn the_wait_for_a_clients_body_is_not_the_gateways() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let bytes = create(CREATE).bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 5);
    let mut client = gateway.connect().await;
    client.send(first).await;
    within("the request to be read", async {
        while parsed(&gateway).value("reelgate_requests_in_flight", &[]) < 1.0 {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    sleep(LONG).await;
    client.send(rest).await;
    assert_eq!(client.answer().await.status(), 200);
    let (took, waited) = seconds(&gateway, "/v1/videos");
    assert!(took >= LONG.as_secs_f64(), "{took}");
    assert!(waited >= LONG.as_secs_f64() * 0.9, "of {took} s only {waited} s for the client");
}

#[tokio::test]
async fn pauses_between_attempts_are_not_the_gateways() {
    let wait = [("retry-after-ms", "300")];
    let upstream = Upstream::script(vec![Reply::raw(answer(503, &wait, "{}")), Reply::job()]).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(gateway.ask(&create(CREATE)).await.status(), 200);
    let (took, waited) = seconds(&gateway, "/v1/videos");
    assert!(took >= LONG.as_secs_f64(), "{took}");
    assert!(waited >= LONG.as_secs_f64() * 0.9, "of {took} s only {waited} s of pause");
}

/// The call goes on without its client, and is not over when the client is answered.
#[tokio::test]
async fn a_create_that_is_answered_before_its_end_has_waited_until_then() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let gateway = Gateway::over(&upstream).await;
    let request = create(CREATE).with("x-stainless-read-timeout", "1");
    assert_eq!(gateway.ask(&request).await.status(), 504);
    let (took, waited) = seconds(&gateway, "/v1/videos");
    assert!(took >= 0.89, "{took}");
    assert!(waited >= 0.8, "of {took} s only {waited} s for the upstream");
}
