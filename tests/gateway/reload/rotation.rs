//! Keys are exchanged while clients use them: none of them is refused while its key is in the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::Reloading;
use crate::support::client::Client;
use crate::support::request::get;
use crate::support::upstream::{Reply, Upstream};
use crate::support::within;

const CLIENTS: usize = 8;
const ROTATIONS: usize = 30;

fn key(number: usize) -> String {
    format!("rg-key-{number}")
}

/// A configuration whose one client may use any of these keys.
fn with_keys(upstream: &Upstream, folder: &str, numbers: &[usize]) -> String {
    let hash = |number: &usize| -> String {
        Sha256::digest(key(*number)).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let hashes: Vec<String> = numbers.iter().map(hash).collect();
    format!(
        "[upstreams.main]\nbase_url = \"{}\"\ncredential = {{ file = \"{folder}/credential\" }}\n\
         [auth]\nmode = \"keys\"\nunknown_videos = \"forward\"\n[auth.keys.team]\nsha256 = {hashes:?}\n",
        upstream.base_url(),
    )
}

async fn poll(client: &mut Client, number: usize) -> u16 {
    let poll = get("/v1/videos/video_1").without("authorization");
    client.send(poll.with("authorization", &format!("Bearer {}", key(number))).bytes()).await;
    client.answer().await.status()
}

/// What the clients are told and what they have done.
struct Shared {
    /// The key that is handed out.
    current: AtomicUsize,
    /// The oldest key that each of them may still be using.
    used: [AtomicUsize; CLIENTS],
    requests: AtomicUsize,
}

/// Asks again and again on one connection, always with the key that is handed out.
async fn ask_on(mut client: Client, shared: Arc<Shared>, index: usize) {
    loop {
        let number = shared.current.load(Ordering::SeqCst);
        shared.used[index].store(number, Ordering::SeqCst);
        if number >= ROTATIONS {
            return;
        }
        assert_eq!(poll(&mut client, number).await, 200, "key {number}");
        shared.requests.fetch_add(1, Ordering::SeqCst);
    }
}

/// AU01: hundreds of requests over kept connections, while old and new keys overlap for as long as it takes to hand the
/// new one out. No request fails, and a key that is gone is refused on the very connection it was used on.
#[tokio::test]
async fn keys_are_rotated_without_a_request_that_fails() {
    let upstream = Upstream::start(Reply::job()).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("credential"), "sk-operator").expect("a file");
    let keys = |numbers: &[usize]| with_keys(&upstream, &folder.path().display().to_string(), numbers);
    let mut reloading = Reloading::start(&keys(&[0])).await;
    let shared = Arc::new(Shared {
        current: AtomicUsize::new(0),
        used: Default::default(),
        requests: AtomicUsize::new(0),
    });
    let mut clients = JoinSet::new();
    for index in 0..CLIENTS {
        clients.spawn(ask_on(reloading.gateway.connect().await, Arc::clone(&shared), index));
    }
    let mut late = reloading.gateway.connect().await;
    for next in 1..=ROTATIONS {
        assert_eq!(poll(&mut late, next - 1).await, 200);
        reloading.to(&keys(&[next - 1, next])).await;
        shared.current.store(next, Ordering::SeqCst);
        within("every client to use the new key", async {
            let all_do = || shared.used.iter().all(|used| used.load(Ordering::SeqCst) >= next);
            while !all_do() {
                assert!(clients.try_join_next().is_none_or(|ended| ended.is_ok()), "a client failed");
                tokio::task::yield_now().await;
            }
        })
        .await;
        reloading.to(&keys(&[next])).await;
        assert_eq!(poll(&mut late, next - 1).await, 401, "key {} is gone", next - 1);
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("no request failed");
    }
    let requests = shared.requests.load(Ordering::SeqCst);
    assert!(requests >= ROTATIONS * CLIENTS, "only {requests} requests were made");
}
