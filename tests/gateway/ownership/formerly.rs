//! Groups, changed names, changed keys, dashboards: who else reaches a video.

use super::*;

const NEW: &str = "rg-key-of-client-one-2";

async fn reaches(gateway: &Gateway, key: &str, video: &str) -> bool {
    gateway.ask(&by(key, get(&format!("/v1/videos/{video}")))).await.status() == 200
}

/// OW01
#[tokio::test]
async fn keys_of_one_group_share_their_videos() {
    let upstream = upstream().await;
    let group = "group = \"studio\"";
    let clients = keys(&[("one", ONE, group), ("two", NEW, group), ("other", OTHER, "")]);
    let gateway = gateway(&upstream, "", &clients, "").await;
    gateway.ask(&by(ONE, order("ours"))).await;
    for sent in that_name("video_ours") {
        assert_eq!(gateway.ask(&by(NEW, sent.clone())).await.status(), 200, "{}", sent.target());
        assert_eq!(gateway.ask(&by(OTHER, sent.clone())).await.status(), 404, "{}", sent.target());
    }
}

/// OW01: a dashboard reads everything, and changes nothing that is not its own.
#[tokio::test]
async fn a_key_that_sees_all_reads_and_does_not_change() {
    let upstream = upstream().await;
    let clients = keys(&[("one", ONE, ""), ("dashboard", OTHER, "sees = \"all\"")]);
    let gateway = gateway(&upstream, "", &clients, "").await;
    gateway.ask(&by(ONE, order("a"))).await;
    gateway.ask(&by(OTHER, order("b"))).await;
    let list = gateway.ask(&by(OTHER, get("/v1/videos"))).await;
    assert!(list.text().contains("video_a") && list.text().contains("video_b"), "{}", list.text());
    for sent in that_name("video_a") {
        let reads = matches!(sent.method(), "GET" | "HEAD");
        let status = gateway.ask(&by(OTHER, sent.clone())).await.status();
        assert_eq!(status, if reads { 200 } else { 404 }, "{} {}", sent.method(), sent.target());
    }
}

/// OW01: neither a restart, nor another key, nor another name loses a client's video, and none of them finds another's.
#[tokio::test]
async fn a_video_stays_its_owners_over_restarts_rotations_and_renames() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = format!("[ledger]\npath = \"{}\"\n", folder.path().join("ledger.db").display());
    let upstream = upstream().await;
    let first = gateway(&upstream, "", &keys(&[("one", ONE, ""), ("other", OTHER, "")]), &more).await;
    first.ask(&by(ONE, order("old"))).await;
    assert!(!reaches(&first, OTHER, "video_old").await);
    first.stop().await;

    // The key is changed, its name is not.
    let second = gateway(&upstream, "", &keys(&[("one", NEW, ""), ("other", OTHER, "")]), &more).await;
    assert!(reaches(&second, NEW, "video_old").await && !reaches(&second, OTHER, "video_old").await);
    second.stop().await;

    // The name is changed.
    let renamed = keys(&[("first", NEW, "formerly = [\"one\"]"), ("other", OTHER, "")]);
    let third = gateway(&upstream, "", &renamed, &more).await;
    assert!(reaches(&third, NEW, "video_old").await && !reaches(&third, OTHER, "video_old").await);
    let list = third.ask(&by(NEW, get("/v1/videos"))).await;
    assert!(list.text().contains("video_old"), "{}", list.text());
    third.stop().await;

    // Without the former name nobody reaches it, and a new key of the old name does.
    let fourth = gateway(&upstream, "", &keys(&[("first", NEW, ""), ("one", ONE, "")]), &more).await;
    assert!(!reaches(&fourth, NEW, "video_old").await && reaches(&fourth, ONE, "video_old").await);
}

/// OW01: a gateway that passed credentials through gets keys of its own.
#[tokio::test]
async fn a_key_takes_over_what_a_credential_that_was_passed_through_ordered() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = format!("[ledger]\npath = \"{}\"\n", folder.path().join("ledger.db").display());
    let upstream = upstream().await;
    let open = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"\n";
    let first = Gateway::start(&upstream, &format!("{open}{more}")).await;
    first.ask(&by("sk-of-the-provider", order("old"))).await;
    first.stop().await;

    let hash: String =
        sha2::Sha256::digest("sk-of-the-provider").iter().map(|byte| format!("{byte:02x}")).collect();
    let formerly = format!("formerly = [\"sha256:{}\"]", &hash[..16]);
    let next = gateway(&upstream, "", &keys(&[("one", ONE, &formerly), ("other", OTHER, "")]), &more).await;
    assert!(reaches(&next, ONE, "video_old").await && !reaches(&next, OTHER, "video_old").await);
}
