//! What a process notices by itself: other bytes in the files its configuration was read from, however they got there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::{GENERATION, SUCCESSFUL, reloads, replace, until};
use crate::support::process::{CONFIGURATION, Process};
use crate::support::request::get;
use crate::support::upstream::{Reply, Upstream};

/// Looks twenty times a second.
fn base(upstream: &Upstream) -> String {
    format!(
        "[server]\nreload = \"50ms\"\n[auth]\nmode = \"open\"\n[upstreams.main]\nbase_url = \"{}\"\n",
        upstream.base_url()
    )
}

async fn upstream() -> Upstream {
    Upstream::start(Reply::job()).await
}

async fn started_with(write: impl FnOnce(&Path)) -> Process {
    let folder = TempDir::new().expect("a folder");
    write(folder.path());
    Process::start_in(folder).await
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
}

/// A new file under the old name, and one that is written in place.
#[tokio::test]
async fn a_file_that_is_saved_is_read_again() {
    let upstream = upstream().await;
    let process = started_with(|folder| replace(folder, &base(&upstream))).await;
    replace(process.folder(), &format!("{}[limits]\ntarget = 64\n", base(&upstream)));
    until(&process, GENERATION, 2.0).await;
    write(&process.folder().join(CONFIGURATION), &format!("{}[limits]\ntarget = 65\n", base(&upstream)));
    until(&process, GENERATION, 3.0).await;
    assert_eq!(process.metric(&reloads("ok")).await.to_string(), "2");
}

/// A `ConfigMap` of Kubernetes: every file is a link into a folder that is itself a link, and only that is exchanged.
#[tokio::test]
async fn a_link_that_is_exchanged_is_followed() {
    let upstream = upstream().await;
    let version = |folder: &Path, name: &str, limits: &str| {
        fs::create_dir(folder.join(name)).expect("a folder");
        write(&folder.join(name).join(CONFIGURATION), &format!("{}{limits}", base(&upstream)));
        symlink(name, folder.join("..data_tmp")).expect("a link");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a rename");
    };
    let process = started_with(|folder| {
        version(folder, "..1", "");
        symlink(Path::new("..data").join(CONFIGURATION), folder.join(CONFIGURATION)).expect("a link");
    })
    .await;
    version(process.folder(), "..2", "[limits]\ntarget = 64\n");
    until(&process, GENERATION, 2.0).await;
    fs::remove_dir_all(process.folder().join("..1")).expect("a folder");
    let mut client = process.connect().await;
    client.send(get(&format!("/v1/videos/{:0>100}", 1)).bytes()).await;
    assert_eq!(client.answer().await.status(), 414);
}

/// Files that the configuration names count as much as itself: presets, credentials, certificate authorities.
#[tokio::test]
async fn every_file_that_is_named_is_watched() {
    let upstream = upstream().await;
    let process = started_with(|folder| {
        write(&folder.join("credential"), "sk-old\n");
        write(&folder.join("own.toml"), "");
        let named = "credential = { file = \"credential\" }\n";
        replace(folder, &format!("presets = [\"seed\", \"own.toml\"]\n{}{named}", base(&upstream)));
    })
    .await;
    let mut client = process.connect().await;
    let mut credential = async || {
        client.send(get("/v1/videos/video_1").bytes()).await;
        assert_eq!(client.answer().await.status(), 200);
        let sent = upstream.requests().pop().expect("a request");
        sent.header("authorization").map(str::to_owned)
    };
    assert_eq!(credential().await.as_deref(), Some("Bearer sk-old"));
    write(&process.folder().join("credential"), "sk-new\n");
    until(&process, GENERATION, 2.0).await;
    assert_eq!(credential().await.as_deref(), Some("Bearer sk-new"));
    assert_eq!(upstream.connections(), 1, "another credential needs no other connection");
    write(&process.folder().join("own.toml"), "[limits]\ntarget = \"9KiB\"\n");
    until(&process, GENERATION, 3.0).await;
}

/// What is missing is waited for, what vanishes is not missed; each is said once.
#[tokio::test]
async fn files_may_come_late_and_go() {
    let upstream = upstream().await;
    let mut process = started_with(|folder| replace(folder, &base(&upstream))).await;
    let named = format!("{}credential = {{ file = \"late\" }}\n", base(&upstream));
    replace(process.folder(), &named);
    let says = |entry: &serde_json::Value, text: &str| {
        entry["message"].as_str().is_some_and(|message| message.contains(text))
    };
    process.logged("that it is missing", |entry| says(entry, "late cannot be read")).await;
    write(&process.folder().join("late"), "sk-late");
    until(&process, GENERATION, 2.0).await;

    fs::remove_file(process.folder().join(CONFIGURATION)).expect("a file");
    until(&process, &reloads("failed"), 2.0).await;
    assert_eq!(process.metric(SUCCESSFUL).await.to_string(), "0");
    replace(process.folder(), &named);
    until(&process, &reloads("unchanged"), 1.0).await;
    process.logged("that all is well", |entry| says(entry, "it is the one that runs")).await;
    assert_eq!(process.metric(SUCCESSFUL).await.to_string(), "1");
    assert_eq!(process.metric(GENERATION).await.to_string(), "2");
}

/// A file that stays bad is bad once: each content is tried a single time.
#[tokio::test]
async fn a_mistake_is_said_once() {
    let upstream = upstream().await;
    let process = started_with(|folder| replace(folder, &base(&upstream))).await;
    for tries in 1..4 {
        replace(process.folder(), &format!("{}mistake = {tries}\n", base(&upstream)));
        until(&process, &reloads("failed"), f64::from(tries)).await;
        // The same bytes in another file are no news. Noticing what follows takes many looks.
        replace(process.folder(), &format!("{}mistake = {tries}\n", base(&upstream)));
    }
    replace(process.folder(), &format!("{}[limits]\ntarget = 64\n", base(&upstream)));
    until(&process, GENERATION, 2.0).await;
    assert_eq!(process.metric(&reloads("failed")).await.to_string(), "3");
    let said = process.trouble().iter().filter(|line| line.contains("unknown key")).count();
    assert_eq!(said, 3);
}
