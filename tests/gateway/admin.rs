//! The admin listener: pages for probes, Prometheus and people, and nothing of them for clients.

use crate::support::client::Client;
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{create, get, request};
use crate::support::upstream::{Gate, JOB, Reply, Upstream, answer};

const PAGES: [&str; 6] = ["/", "/livez", "/readyz", "/healthz", "/metrics", "/status"];

/// A key and an operator's credential, and limits of every kind.
const SETTINGS: &str = r#"
presets = ["openai"]
[auth]
mode = "keys"
unknown_videos = "forward"
[auth.keys.team]
sha256 = "1f5b4bf0f6e305b28b779feca67637a192f9b190d67dd92de5f4145549ea2bca"
quota = { submit = { rate = "60/min" }, max_jobs = 3 }
[upstreams.main]
base_url = "{upstream}"
credential = { env = "UPSTREAM_KEY" }
quota = { fetch = { rate = "10/s" }, max_jobs = 2 }
[upstreams."<second> & \"last\""]
base_url = "http://127.0.0.1:1/v1"
credential = { env = "UPSTREAM_KEY" }
"#;

async fn asked(process: &Process, method: &str, target: &str) -> Message {
    let mut client = Client::connect(process.admin()).await;
    client.send(request(method, target).bytes()).await;
    client.answer_to(method).await
}

#[tokio::test]
async fn every_page_answers_get_and_head() {
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start(&upstream, SETTINGS).await;
    for (page, kind) in PAGES.into_iter().zip([
        "text/html; charset=utf-8",
        "text/plain; charset=utf-8",
        "text/plain; charset=utf-8",
        "text/plain; charset=utf-8",
        "text/plain; version=0.0.4; charset=utf-8",
        "application/json",
    ]) {
        let got = asked(&process, "GET", page).await;
        assert_eq!((got.status(), got.header("content-type")), (200, Some(kind)), "{page}");
        assert!(!got.body.is_empty() && got.whole, "{page}");
        let head = asked(&process, "HEAD", page).await;
        assert_eq!((head.status(), head.header("content-type")), (200, Some(kind)), "{page}");
        assert!(head.body.is_empty(), "{page}");
    }
}

#[tokio::test]
async fn other_pages_and_methods_are_refused_with_what_there_is() {
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start(&upstream, SETTINGS).await;
    let unknown = asked(&process, "GET", "/v1/videos").await;
    assert_eq!(unknown.status(), 404);
    assert!(PAGES.iter().all(|page| unknown.text().contains(page)), "{}", unknown.text());
    for page in PAGES {
        let refused = asked(&process, "POST", page).await;
        assert_eq!((refused.status(), refused.header("allow")), (405, Some("GET, HEAD")), "{page}");
    }
    upstream.assert_untouched("admin pages");
}

/// AU07: nothing of it is on the public port, with a key or without.
#[tokio::test]
async fn clients_see_no_admin_page() {
    let upstream = Upstream::start(Reply::json(200, "{}")).await;
    let process = Process::start(&upstream, SETTINGS).await;
    for page in PAGES.into_iter().chain(["/metrics/", "/METRICS", "//metrics", "/v1/../metrics"]) {
        for key in ["Bearer rg-key", "Bearer sk-operator-secret"] {
            let asked = get(page).without("authorization").with("authorization", key);
            let mut client = process.connect().await;
            client.send(asked.bytes()).await;
            let answer = client.answer().await;
            assert!([400, 404].contains(&answer.status()), "{page}: {}", answer.head);
            assert!(answer.json()["error"]["message"].is_string(), "{page}: {}", answer.text());
        }
    }
    upstream.assert_untouched("admin pages");
}

#[tokio::test]
async fn the_status_tells_how_everything_stands() {
    let gate = Gate::closed();
    let held = Reply::default().read().wait(&gate).send(answer(200, &[], JOB));
    let upstream = Upstream::start(held).await;
    let process = Process::start(&upstream, SETTINGS).await;
    let mut client = process.connect().await;
    let asked = create(r#"{"model":"sora-2","prompt":"a"}"#).without("authorization");
    client.send(asked.with("authorization", "Bearer rg-key").bytes()).await;
    upstream.until("the attempt", |requests| requests.len() == 1).await;

    let status = process.ask_admin("/status").await.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&status["stage"], &status["configuration"]["generation"]), (&"serving".into(), &1.into()));
    assert_eq!(status["configuration"]["fingerprint"].as_str().map(str::is_empty), Some(false), "{status:#}");
    assert!(status["commit"].is_string() && status["uptime_seconds"].is_u64(), "{status:#}");
    assert!(status["started"].as_str().is_some_and(|at| at.ends_with('Z')), "{status:#}");
    assert_eq!((&status["connections"], &status["requests_in_flight"]), (&1.into(), &1.into()));
    let ledger = serde_json::json!({ "store": "sqlite", "open": 1, "unwritten": 0 });
    assert_eq!((&status["ledger"], &status["jobs_unfinished"]), (&ledger, &0.into()));

    assert_eq!(status["spool"]["in_use_bytes"], 0);
    assert!(status["spool"]["limit_bytes"].as_u64().is_some_and(|limit| limit > 0), "{status:#}");

    let main = named(&status["upstreams"], "main");
    assert_eq!(main["base_url"], upstream.base_url());
    assert_eq!(main["breaker"], serde_json::json!({ "position": "closed", "failures": 0 }));
    assert_eq!((&main["attempts_in_flight"], main["retry_budget"].as_f64()), (&1.into(), Some(10.0)));
    let slots = serde_json::json!({ "scope": "key", "name": "team", "limit": 3, "in_use": 1, "waiting": 0 });
    assert_eq!(*named(&status["slots"], "team"), slots);
    let quota = named(&status["quotas"], "team");
    assert_eq!(
        (&quota["class"], &quota["limit"], &quota["remaining"]),
        (&"submit".into(), &60.into(), &59.into())
    );
    assert_eq!((&status["load"][0]["class"], &status["load"][0]["in_use"]), (&"submit".into(), &1.into()));
    gate.open();
    assert_eq!(client.answer().await.status(), 200);
}

/// SE02, SE03: neither a credential nor a hash of one is on any page, and what an operator calls things is no markup.
#[tokio::test]
async fn no_page_shows_a_credential_or_takes_a_name_for_markup() {
    let upstream = Upstream::start(Reply::json(200, r#"{"echo":"sk-operator-secret"}"#)).await;
    let process = Process::start(&upstream, SETTINGS).await;
    let mut client = process.connect().await;
    let poll = get("/v1/videos/video_1").without("authorization").with("authorization", "Bearer rg-key");
    client.send(poll.bytes()).await;
    assert_eq!(client.answer().await.status(), 200);
    for page in PAGES {
        let text = process.ask_admin(page).await.text();
        for secret in ["sk-operator-secret", "rg-key", "1f5b4bf0", "UPSTREAM_KEY"] {
            assert!(!text.contains(secret), "{page} shows {secret}: {text}");
        }
    }
    let overview = process.ask_admin("/").await.text();
    assert!(overview.contains("&lt;second&gt; &amp; &quot;last&quot;"), "{overview}");
    for foreign in ["<script", "src=", "//", "@import"] {
        assert!(!overview.replace("http://127", "").contains(foreign), "{foreign} in {overview}");
    }
}

/// SD06: told to stop, it says so everywhere.
#[tokio::test]
async fn a_draining_process_says_so_and_stays_alive() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let process = Process::start(&upstream, SETTINGS).await;
    let mut witness = process.connect().await;
    let mut client = process.connect().await;
    let poll = get("/v1/videos/video_1").without("authorization").with("authorization", "Bearer rg-key");
    client.send(poll.bytes()).await;
    upstream.until("the attempt", |requests| requests.len() == 1).await;
    process.signal("TERM");
    // Whoever is told so by its connection is told so by the page.
    witness.assert_closed().await;
    for (page, expected) in [("/readyz", 503), ("/livez", 200), ("/healthz", 200), ("/metrics", 200)] {
        assert_eq!(process.ask_admin(page).await.status(), expected, "{page}");
    }
    assert_eq!(process.ask_admin("/status").await.json()["stage"], "draining");
    process.signal("TERM");
}

fn named<'v>(list: &'v serde_json::Value, name: &str) -> &'v serde_json::Value {
    let all = list.as_array().expect("a list");
    all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name} in {list:#}"))
}
