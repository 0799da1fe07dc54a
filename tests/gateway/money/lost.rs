//! A ledger whose file is deleted under the running gateway.

use std::fs;

use crate::support::process::Process;
use crate::support::request::{create, get};
use crate::support::upstream::{Reply, Upstream};

const LOST: &str = "reelgate_ledger_lost";

#[tokio::test]
async fn a_gateway_whose_ledger_was_deleted_sends_no_paid_call_and_says_so_everywhere() {
    let upstream = Upstream::start(Reply::job()).await;
    let toml = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let mut process = Process::start(&upstream, toml).await;
    let ask = async |request| {
        let mut client = process.connect().await;
        client.send(request).await;
        client.answer().await
    };
    let paid = || create(r#"{"prompt":"a cat"}"#).bytes();
    assert_eq!(ask(paid()).await.status(), 200);
    assert_eq!(process.ask_admin("/readyz").await.status(), 200);
    assert!(process.metric(LOST).await.abs() < f64::EPSILON);

    let ledger = process.folder().join("reelgate-ledger.db");
    let away = process.folder().join("away.db");
    fs::rename(&ledger, &away).expect("moved away");
    for _ in 0..3 {
        let refused = ask(paid()).await;
        assert_eq!((refused.status(), refused.code().as_deref()), (503, Some("ledger_unavailable")));
    }
    assert_eq!(upstream.count(), 1, "what cannot be found again is not sent");
    assert_eq!(ask(get("/v1/videos/video_1").bytes()).await.status(), 200, "what costs nothing goes on");

    let ready = process.ask_admin("/readyz").await;
    assert_eq!(ready.status(), 503);
    assert!(ready.text().starts_with("the ledger is lost: ") && ready.text().contains("was deleted"));
    let status = process.ask_admin("/status").await.json();
    assert!(status["ledger"]["lost"].as_str().is_some_and(|why| why.contains("was deleted")), "{status:#}");
    assert!((process.metric(LOST).await - 1.0).abs() < f64::EPSILON);
    assert_eq!(process.ask_admin("/livez").await.status(), 200, "a restart is the operator's to decide");

    fs::rename(&away, &ledger).expect("moved back");
    assert_eq!(ask(paid()).await.status(), 200);
    assert_eq!(process.ask_admin("/readyz").await.status(), 200);

    let is_lost =
        |entry: &serde_json::Value| entry["message"].as_str().unwrap_or_default().contains("is lost");
    let line = process.logged("a line about the loss", is_lost).await;
    assert_eq!(line["level"], "ERROR");
    assert!(line["reason"].as_str().is_some_and(|reason| reason.contains("reelgate-ledger.db")), "{line}");
    let rest = process.rest_of_log().await;
    let lines: Vec<_> = rest.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(!lines.iter().any(is_lost), "it is said once");
    assert!(rest.iter().any(|line| line.contains("are back in their place")), "and when it is over");
}
