//! Every route that names a video or a character.

use super::*;

/// What a client can tell answers apart by, but for the request's id and the id it sent.
fn told(answer: &Message, id: &str) -> (String, Vec<String>, String) {
    let varies = ["x-request-id", "date", "content-length"];
    let headers = answer.headers.iter().filter(|(name, _)| !varies.contains(&&*name.to_lowercase()));
    let headers = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    (answer.start.clone(), headers, answer.text().replace(id, "ID"))
}

/// OW01: another client's video and one that does not exist are one and the same, and the upstream hears of neither.
#[tokio::test]
async fn returns_404_on_every_route_that_names_another_clients_video() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    assert_eq!(gateway.ask(&by(ONE, order("mine"))).await.status(), 200);
    let before = upstream.count();
    for (foreign, unknown) in that_name("video_mine").into_iter().zip(that_name("video_none")) {
        let what = format!("{} {}", foreign.method(), foreign.target());
        let foreign = gateway.ask(&by(OTHER, foreign)).await;
        let unknown = gateway.ask(&by(OTHER, unknown)).await;
        assert_eq!(foreign.status(), 404, "{what}: {}", foreign.text());
        assert_eq!(told(&foreign, "video_mine"), told(&unknown, "video_none"), "{what}");
        assert_eq!(upstream.count(), before, "{what}");
    }
    let seen = gateway.ask(&by(OTHER, get("/v1/videos/video_mine"))).await;
    assert_eq!(seen.json()["error"]["message"], "Video with id 'video_mine' not found.");
}

/// OW01
#[tokio::test]
async fn lets_the_owner_through_on_every_route_that_names_its_video() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    gateway.ask(&by(ONE, order("mine"))).await;
    for asked in that_name("video_mine") {
        let what = format!("{} {}", asked.method(), asked.target());
        let before = upstream.count();
        let answer = gateway.ask(&by(ONE, asked)).await;
        assert_eq!((answer.status(), upstream.count()), (200, before + 1), "{what}: {}", answer.text());
    }
    // What was made of it is the owner's, too.
    assert_eq!(gateway.ask(&by(ONE, get("/v1/videos/video_next"))).await.status(), 200);
    assert_eq!(gateway.ask(&by(OTHER, get("/v1/videos/video_next"))).await.status(), 404);
}

/// OW01: `video[id]` wherever it stands, and no other member that a server might read in its place.
#[tokio::test]
async fn judges_the_very_id_that_the_upstream_reads() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    gateway.ask(&by(ONE, order("mine"))).await;
    gateway.ask(&by(OTHER, order("yours"))).await;
    let before = upstream.count();
    let (prompt, mine) = ("name=\"prompt\"\r\n\r\nnext", "name=\"video[id]\"\r\n\r\nvideo_mine");
    for asked in [
        form_to("/v1/videos/edits", &["name=\"video[note]\"\r\n\r\nvideo_yours", prompt, mine]),
        form_to("/v1/videos/edits", &[prompt, mine, "name=\"video[note]\"\r\n\r\nvideo_yours"]),
        post("/v1/videos/edits", r#"{"prompt":"next","video":{"id":"video_yours","ID":"video_mine"}}"#),
        post("/v1/videos/edits", r#"{"prompt":"next","video":{"id":null,"task_id":"video_mine"}}"#),
        post("/v1/videos/edits", r#"{"prompt":"next","video":{"id":"video_yours","file_id":"file-1"}}"#),
    ] {
        let answer = gateway.ask(&by(OTHER, asked)).await;
        assert!(matches!(answer.status(), 400 | 404), "{}", answer.text());
        assert_eq!(upstream.count(), before, "{}", answer.text());
    }
}

/// OW01
#[tokio::test]
async fn a_character_is_its_makers() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    let film = "name=\"video\"; filename=\"a.mp4\"\r\ncontent-type: video/mp4\r\n\r\nfilm";
    let make = form_to("/v1/videos/characters", &[film, "name=\"name\"\r\n\r\nhero"]);
    let made = gateway.ask(&by(ONE, make)).await;
    assert_eq!((made.status(), made.json()["id"].as_str()), (200, Some("char_hero")), "{}", made.text());
    assert_eq!(gateway.ask(&by(ONE, get("/v1/videos/characters/char_hero"))).await.status(), 200);
    let before = upstream.count();
    for id in ["char_hero", "char_none", "video_mine"] {
        let foreign = gateway.ask(&by(OTHER, get(&format!("/v1/videos/characters/{id}")))).await;
        assert_eq!(foreign.status(), 404);
        assert_eq!(foreign.json()["error"]["message"], format!("Character with id '{id}' not found."));
    }
    // It is no video, not even its maker's.
    assert_eq!(gateway.ask(&by(ONE, get("/v1/videos/char_hero"))).await.status(), 404);
    assert_eq!(upstream.count(), before);
}

/// OW01: a file at the upstream may be any client's.
#[tokio::test]
async fn refuses_files_of_the_upstream_by_their_ids() {
    let upstream = upstream().await;
    let gateway = two(&upstream).await;
    for asked in [
        create(r#"{"prompt":"a","model":"sora-2","input_reference":{"file_id":"file-1"}}"#),
        form_to(
            "/v1/videos",
            &["name=\"prompt\"\r\n\r\na", "name=\"input_reference[file_id]\"\r\n\r\nfile-1"],
        ),
    ] {
        let refused = gateway.ask(&by(ONE, asked)).await;
        assert_eq!((refused.status(), refused.param().as_deref()), (404, Some("input_reference")));
        assert_eq!(refused.json()["error"]["message"], "No such File object: file-1");
    }
    let text = create(r#"{"prompt":"a","model":"sora-2","input_reference":"file-1"}"#);
    let refused = gateway.ask(&by(ONE, text)).await;
    assert_eq!(
        (refused.status(), refused.code().as_deref()),
        (400, Some("invalid_type")),
        "a name, in disguise"
    );
    upstream.assert_untouched("files are not owned");
}

#[tokio::test]
async fn forwards_what_the_ledger_does_not_know_where_the_operator_wants_it() {
    let upstream = upstream().await;
    let clients = keys(&[("one", ONE, ""), ("other", OTHER, "")]);
    let gateway = gateway(&upstream, "unknown_videos = \"forward\"", &clients, "").await;
    gateway.ask(&by(ONE, order("mine"))).await;
    for asked in that_name("video_of_old") {
        assert_eq!(gateway.ask(&by(OTHER, asked.clone())).await.status(), 200, "{}", asked.target());
    }
    for asked in that_name("video_mine") {
        assert_eq!(gateway.ask(&by(OTHER, asked.clone())).await.status(), 404, "{}", asked.target());
    }
    let odd = gateway.ask(&by(OTHER, get("/v1/videos/a%2Fb"))).await;
    assert_eq!(odd.status(), 404, "no upstream's id");
}

/// OW01: what is not known to be the client's does not go through because the ledger cannot be read.
#[tokio::test]
async fn refuses_while_the_ledger_does_not_say_whose_a_video_is() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.db");
    let more = format!("[ledger]\npath = \"{}\"\ntimeout = \"1s\"\n", path.display());
    let clients = keys(&[("one", ONE, ""), ("other", OTHER, "")]);
    let gateway = gateway(&upstream, "", &clients, &more).await;
    gateway.ask(&by(ONE, order("mine"))).await;
    let by_hand = rusqlite::Connection::open(&path).expect("the file");
    by_hand.execute_batch("ALTER TABLE calls RENAME TO elsewhere").expect("renamed");
    let before = upstream.count();
    let refused = gateway.ask(&by(OTHER, get("/v1/videos/video_mine"))).await;
    assert_eq!((refused.status(), refused.code().as_deref()), (503, Some("ledger_unavailable")));
    assert_eq!(upstream.count(), before);
    assert_eq!(
        gateway.ask(&by(ONE, get("/v1/videos/video_mine"))).await.status(),
        200,
        "it is known to be theirs"
    );
}
