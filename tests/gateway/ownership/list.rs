//! `GET /v1/videos`: a client's own, from the ledger.

use super::*;

fn ids(list: &Message) -> Vec<String> {
    let list = list.json();
    let data = list["data"].as_array().expect("a list").iter();
    data.map(|video| video["id"].as_str().expect("an id").to_owned()).collect()
}

/// OW01, OW02
#[tokio::test]
async fn lists_a_clients_own_videos_newest_first() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    for name in ["a", "b", "c"] {
        gateway.ask(&by(ONE, order(name))).await;
        gateway.ask(&by(OTHER, order(&format!("not_{name}")))).await;
    }
    gateway.ask(&by(ONE, get("/v1/videos/video_b"))).await;
    let before = upstream.count();
    let all = gateway.ask(&by(ONE, get("/v1/videos"))).await;
    assert_eq!((all.status(), all.header("content-type")), (200, Some("application/json")));
    assert_eq!(ids(&all), ["video_c", "video_b", "video_a"]);
    let list = all.json();
    assert_eq!((&list["object"], &list["has_more"]), (&"list".into(), &false.into()));
    assert_eq!((&list["first_id"], &list["last_id"]), (&"video_c".into(), &"video_a".into()));
    let video = &list["data"][0];
    assert_eq!((&video["object"], &video["status"]), (&"video".into(), &"queued".into()));
    assert_eq!((&video["model"], &video["seconds"]), (&"sora-2".into(), &"4".into()));
    assert!(video["created_at"].as_i64().is_some_and(|at| at > 1_700_000_000), "{video}");
    for (query, expected) in [
        ("limit=2", &["video_c", "video_b"][..]),
        ("limit=2&after=video_b", &["video_a"]),
        ("order=asc", &["video_a", "video_b", "video_c"]),
        ("order=asc&limit=1&after=video_a", &["video_b"]),
        ("limit=0", &[]),
    ] {
        let page = gateway.ask(&by(ONE, get(&format!("/v1/videos?{query}")))).await;
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(
            page.json()["has_more"],
            !page.text().contains("video_a") || query == "order=asc&limit=1&after=video_a"
        );
    }
    assert_eq!(upstream.count(), before, "the upstream would list everybody's");
}

/// OW01: neither a foreign cursor nor an unknown one yields anything.
#[tokio::test]
async fn returns_404_for_a_cursor_that_is_not_the_clients() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    gateway.ask(&by(OTHER, order("yours"))).await;
    for cursor in ["video_yours", "video_none", "a%2Fb"] {
        let answer = gateway.ask(&by(ONE, get(&format!("/v1/videos?after={cursor}")))).await;
        assert_eq!(answer.status(), 404, "{}", answer.text());
    }
    let wrong = gateway.ask(&by(ONE, get("/v1/videos?limit=101"))).await;
    assert_eq!((wrong.status(), wrong.param().as_deref()), (400, Some("limit")));
}

/// OW01: what was seen of a video, and that it is deleted, shows at once.
#[tokio::test]
async fn shows_how_far_a_video_has_come_and_no_deleted_one() {
    let upstream = Upstream::script(vec![
        Reply::default().read().made(made),
        Reply::default().read().made(made),
        Reply::json(
            200,
            r#"{"id":"video_a","object":"video","status":"failed","error":{"code":"c","message":"m"}}"#,
        ),
        Reply::json(200, r#"{"id":"video_b","object":"video.deleted","deleted":true}"#),
    ])
    .await;
    let gateway = two(&upstream).await;
    gateway.ask(&by(ONE, order("a"))).await;
    gateway.ask(&by(ONE, order("b"))).await;
    gateway.ask(&by(ONE, get("/v1/videos/video_a"))).await;
    gateway.ask(&by(ONE, request("DELETE", "/v1/videos/video_b"))).await;
    let list = gateway.ask(&by(ONE, get("/v1/videos"))).await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["status"]), (&"video_a".into(), &"failed".into()));
    assert_eq!(list["data"][0]["error"], serde_json::json!({"code": "c", "message": "m"}));
}
