//! LM14: keys, models and ids that nobody knows.

use crate::support::gateway::KEYS;
use crate::support::process::Process;
use crate::support::request::{create, get};
use crate::support::upstream::{Reply, Upstream};

/// Clients bring keys of the upstream's.
const PASSED: &str = r#"
presets = ["openai"]
[auth.key_quota]
submit = { rate = "3/min" }
[quota]
fetch = { rate = "1000000/s" }
[upstreams.main]
base_url = "{upstream}"
"#;

/// LM14: whoever asks with them leaves nothing behind, however often.
#[tokio::test]
async fn unknown_names_leave_nothing_behind() {
    let upstream = Upstream::start(Reply::json(404, "{}").close()).await;
    // Each key has a quota of its own.
    let keys = format!("{KEYS}[auth.key_quota]\nsubmit = {{ rate = \"3/min\" }}\n");
    for toml in [&*keys, PASSED] {
        let process = Process::start(&upstream, toml).await;
        let ask = async |numbers: std::ops::Range<usize>| {
            for number in numbers {
                let name = format!("{number}-{}", "x".repeat(4000));
                let model = format!(r#"{{"prompt":"a cat","model":"{name}"}}"#);
                let key = number.to_string();
                for request in
                    [get(&format!("/v1/videos/video_{number}")), create(&model).with("idempotency-key", &key)]
                {
                    let unknown =
                        request.without("authorization").with("authorization", &format!("Bearer {name}"));
                    let mut client = process.connect().await;
                    client.send(unknown.bytes()).await;
                    assert!(matches!(client.answer().await.status(), 400 | 401 | 404));
                }
            }
        };
        ask(0..100).await;
        let (series, before) = (process.page().await.lines().count(), process.memory().now);

        ask(100..1100).await;

        assert_eq!(process.page().await.lines().count(), series, "there are series of theirs");
        // Their names alone are more than 8 MB.
        let grown = process.memory().now.saturating_sub(before);
        assert!(grown < 3 << 20, "grew by {grown} bytes");
    }
}
