//! What a process makes of SIGHUP.

use std::fs;

use serde_json::Value;

use super::{GENERATION, SUCCESSFUL, reloads, replace, until};
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::request::get;
use crate::support::upstream::{Reply, Upstream};

/// Nothing happens unless the process is told to.
const BASE: &str = "[server]\nreload = \"0s\"\n[upstreams.main]\nbase_url = \"{upstream}\"\n";

async fn started() -> (Upstream, Process, Client) {
    let upstream = Upstream::start(Reply::job()).await;
    let process = Process::start(&upstream, BASE).await;
    let mut client = process.connect().await;
    assert_eq!(poll(&mut client).await, 200);
    (upstream, process, client)
}

/// A path of 200 bytes.
async fn poll(client: &mut Client) -> u16 {
    client.send(get(&format!("/v1/videos/{:0>100}", 1)).bytes()).await;
    client.answer().await.status()
}

fn says(entry: &Value, text: &str) -> bool {
    entry["message"].as_str().is_some_and(|message| message.contains(text))
}

fn with(upstream: &Upstream, settings: &str) -> String {
    format!("{}{settings}", BASE.replace("{upstream}", &upstream.base_url()))
}

/// SD08: everything that is wrong is said, everything stays as it is, and nobody notices.
#[tokio::test]
async fn a_hangup_with_a_configuration_that_cannot_be_used_keeps_the_old_one() {
    let (upstream, mut process, mut client) = started().await;
    let bad = "[limits]\ntarget = \"64\"\nhead = \"1\"\n[model.sora-2]\n[quota]\nmax_jobs = -1\n";
    replace(process.folder(), &with(&upstream, bad));
    process.signal("HUP");
    for problem in
        ["limits.head: 1 is not allowed (use 8192 or more)", "quota.max_jobs: -1", "model: unknown key"]
    {
        let entry = process.logged(problem, |entry| says(entry, problem)).await;
        assert_eq!(entry["level"], "ERROR");
    }
    process.logged("what becomes of it", |entry| says(entry, "the configuration stays as it was")).await;
    until(&process, &reloads("failed"), 1.0).await;
    assert_eq!(process.metric(SUCCESSFUL).await.to_string(), "0");
    assert_eq!(process.metric(GENERATION).await.to_string(), "1");
    assert_eq!(poll(&mut client).await, 200, "not a part of it counts");

    for unusable in
        ["", "this is no TOML", "[upstreams.main]\nbase_url = \"http://a\"\nca_file = \"missing.pem\""]
    {
        let failed = process.metric(&reloads("failed")).await;
        replace(process.folder(), unusable);
        process.signal("HUP");
        until(&process, &reloads("failed"), failed + 1.0).await;
        assert_eq!(poll(&mut client).await, 200, "{unusable}");
    }
    process.signal("TERM");
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_reload_logs_the_remarks_that_are_new() {
    let (upstream, mut process, _client) = started().await;
    let daring = "retry.submit_statuses = [500]\n";
    for (settings, remarks) in [(daring.to_owned(), 1), (format!("{daring}[limits]\ntarget = 64\n"), 0)] {
        replace(process.folder(), &with(&upstream, &settings));
        process.signal("HUP");
        let mut found = 0;
        loop {
            let entry = process.logged("the reload", |_| true).await;
            if says(&entry, "remark on the configuration: upstreams.main.retry.submit_statuses: 500") {
                assert_eq!(entry["level"], "WARN");
                found += 1;
            }
            // A reload says last what takes a restart; nothing does here, so that it ends with the next signal.
            if says(&entry, "it is the one that runs") {
                break;
            }
            if says(&entry, "the configuration was reloaded") {
                process.signal("HUP");
            }
        }
        assert_eq!(found, remarks, "{settings}");
    }
}

/// The same connection sees another configuration with its next request; the log says what is new.
#[tokio::test]
async fn a_hangup_brings_a_new_configuration_to_connections_that_are_kept() {
    let (upstream, mut process, mut client) = started().await;
    replace(process.folder(), &with(&upstream, "[limits]\ntarget = 64\n"));
    process.signal("HUP");
    let entry =
        process.logged("that it was reloaded", |entry| says(entry, "the configuration was reloaded")).await;
    assert!(says(&entry, "added: limits; kept: "), "{entry}");
    assert_eq!((entry["generation"].as_u64(), entry["files"].as_str()), (Some(2), Some("reelgate.toml")));
    let fingerprint = entry["fingerprint"].as_str().expect("a text");
    assert!(fingerprint.len() == 12 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()), "{entry}");
    assert_eq!(poll(&mut client).await, 414);
    assert_eq!(process.metric(SUCCESSFUL).await.to_string(), "1");
    assert_eq!(process.trouble(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_hangup_without_a_change_says_so() {
    let (_upstream, mut process, mut client) = started().await;
    process.signal("HUP");
    process.logged("that nothing has changed", |entry| says(entry, "it is the one that runs")).await;
    until(&process, &reloads("unchanged"), 1.0).await;
    assert_eq!(process.metric(GENERATION).await.to_string(), "1");
    assert_eq!(poll(&mut client).await, 200);
}

/// What was bound, opened or started stays, and is named; all else counts.
#[tokio::test]
async fn what_takes_a_restart_is_named_and_the_rest_is_changed() {
    let (upstream, mut process, mut client) = started().await;
    let settings = "[limits]\ntarget = 64\n[ledger]\npath = \"other.db\"\n";
    let toml =
        with(&upstream, settings).replace("[server]\n", "[server]\nlisten = \"127.0.0.1:1\"\nworkers = 1\n");
    replace(process.folder(), &toml);
    process.signal("HUP");
    let entry = process.logged("what takes a restart", |entry| says(entry, "takes a restart")).await;
    assert_eq!(entry["level"], "WARN");
    assert_eq!(entry["keys"], "server.listen, server.workers, ledger");
    assert_eq!(poll(&mut client).await, 414);
    assert!(!process.folder().join("other.db").exists());

    // It still does when something else changes.
    replace(process.folder(), &toml.replace("64", "65"));
    process.signal("HUP");
    process.logged("what takes a restart", |entry| says(entry, "takes a restart")).await;
}

#[tokio::test]
async fn the_filter_of_the_log_is_changed() {
    let (upstream, mut process, mut client) = started().await;
    process.logged("the first request", |entry| entry["status"] == 200).await;
    replace(process.folder(), &with(&upstream, "").replace("[server]\n", "[server]\nlog = \"warn\"\n"));
    process.signal("HUP");
    until(&process, GENERATION, 2.0).await;
    assert_eq!(poll(&mut client).await, 200);
    fs::remove_file(process.folder().join("reelgate.toml")).expect("a file");
    process.signal("HUP");
    let entry = process
        .logged("an error, or a request", |entry| says(entry, "cannot be used") || entry["status"] == 200)
        .await;
    assert_eq!(entry["level"], "ERROR", "{entry}");
}
