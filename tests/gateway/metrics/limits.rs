//! Calls that limits hold up.

use super::parsed;
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, get};
use crate::support::upstream::{Reply, Upstream};

fn cat(number: u32) -> Request {
    create(&format!(r#"{{"model":"sora-2","prompt":"cat {number}"}}"#))
}

/// ME03: what a limit does not let pass at once is counted by that limit, and costs no attempt.
#[tokio::test]
async fn a_call_that_is_held_up_counts_for_the_limit_that_did_it() {
    let limits = [
        ("model", "[models.sora-2]\nquota.submit = { rate = \"1/h\" }"),
        ("global", "[quota]\nsubmit = { rate = \"1/h\" }"),
        ("slots", "[models.sora-2]\nquota = { max_jobs = 1, jobs_wait = \"0s\" }"),
    ];
    for (scope, settings) in limits {
        let upstream = Upstream::start(Reply::job()).await;
        let base = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\n";
        let gateway = Gateway::start(&upstream, &format!("{base}{settings}")).await;
        assert_eq!(gateway.ask(&cat(1)).await.status(), 200);
        assert_eq!(parsed(&gateway).above_zero("reelgate_quota_waits_total"), []);
        assert_eq!(gateway.ask(&cat(2)).await.status(), 429, "{scope}");
        let page = parsed(&gateway);
        assert_eq!(page.above_zero("reelgate_quota_waits_total"), [(format!("refused {scope}"), 1.0)]);
        assert_eq!(page.sum("reelgate_requests_total", ("fault", "policy")), 1.0);
        assert_eq!(upstream.count(), 1);
    }
}

/// ME03: a wait that ends well.
#[tokio::test]
async fn a_call_that_waits_for_its_turn_is_counted_with_its_wait() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let settings = "[upstreams.main]\nbase_url = \"{upstream}\"\n\
                    quota.fetch = { rate = \"5/s\", burst = 1, wait = \"10s\" }";
    let gateway = Gateway::start(&upstream, settings).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask(&get("/v1/videos/video_1")).await.status(), 200);
    }
    let page = parsed(&gateway);
    let waits = page.value("reelgate_quota_waits_total", &[("scope", "upstream"), ("result", "passed")]);
    assert!((1.0..=2.0).contains(&waits), "{waits}");
    let scope = [("scope", "upstream")];
    assert_eq!(page.value("reelgate_quota_wait_seconds_count", &scope), waits);
    let waited = page.value("reelgate_quota_wait_seconds_sum", &scope);
    assert!(waited > 0.0);
    // It was the upstream's quota that took the time, and not the gateway.
    let seconds =
        |what| page.value(&format!("reelgate_request_{what}_seconds_sum"), &[("route", "/v1/videos/{id}")]);
    assert!(seconds("duration") - seconds("overhead") >= waited * 0.99);
}
