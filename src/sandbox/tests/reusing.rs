//! What starts from a finished video, and characters.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_remix_and_an_edit_start_from_a_finished_video() {
    let sandbox = sandbox();
    let id = film(&sandbox).await;
    let remix = with_json(&format!("POST /v1/videos/{id}/remix"), r#"{"prompt":"with a hat"}"#);
    let edit = with_form("POST /v1/videos/edits", &[("prompt", "with a hat"), ("video[id]", &id)]);
    for request in [remix, edit] {
        let video = json_of(ask(&sandbox, request).await).await;
        assert_eq!(video["remixed_from_video_id"], id);
        assert_eq!((&video["status"], &video["prompt"]), (&json!("queued"), &json!("with a hat")));
        assert_ne!(video["id"], id);
    }
    let unfinished = start(&sandbox, "a dog").await;
    let early = with_json(&format!("POST /v1/videos/{unfinished}/remix"), r#"{"prompt":"with a hat"}"#);
    assert_eq!(ask(&sandbox, early).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn an_extension_holds_the_old_film_and_the_new_seconds() {
    let sandbox = sandbox();
    let id = film(&sandbox).await;
    let body = json!({ "prompt": "more", "seconds": "20", "video": { "id": id } }).to_string();
    let video = json_of(ask(&sandbox, with_json("POST /v1/videos/extensions", &body)).await).await;
    assert_eq!((&video["seconds"], &video["remixed_from_video_id"]), (&json!("24"), &json!(id)));

    let body = json!({ "prompt": "more", "seconds": "10", "video": { "id": id } }).to_string();
    let refused = json_of(ask(&sandbox, with_json("POST /v1/videos/extensions", &body)).await).await;
    let message = "Invalid value: '10'. Supported values are: '4', '8', '12', '16', and '20'.";
    assert_eq!(refused["error"]["message"], message);
}

#[tokio::test]
async fn characters_are_made_from_a_form_and_found_again() {
    let sandbox = sandbox();
    let form = with_form("POST /v1/videos/characters", &[("name", "Mia"), ("video", "@video/mp4")]);
    let made = json_of(ask(&sandbox, form).await).await;
    assert_eq!(made["name"], "Mia");
    let line = format!("GET /v1/videos/characters/{}", made["id"].as_str().unwrap());
    assert_eq!(get_json(&sandbox, &line).await, made);

    let as_json = ask(&sandbox, with_json("POST /v1/videos/characters", "{}")).await;
    assert_eq!(json_of(as_json).await["error"]["code"], "unsupported_content_type");
}
