//! Lists, deletes, and how many jobs are kept.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_list_can_be_walked_page_by_page_in_both_directions() {
    let sandbox = sandbox();
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(start(&sandbox, &number.to_string()).await);
    }
    for order in ["asc", "desc"] {
        let (mut walked, mut after) = (Vec::new(), String::new());
        loop {
            let page = get_json(&sandbox, &format!("GET /v1/videos?limit=2&order={order}{after}")).await;
            let data = page["data"].as_array().unwrap();
            walked.extend(data.iter().map(|video| video["id"].as_str().unwrap().to_owned()));
            assert_eq!(page["first_id"], data.first().unwrap()["id"]);
            assert_eq!(page["last_id"], data.last().unwrap()["id"]);
            if page["has_more"] == false {
                break;
            }
            after = format!("&after={}", page["last_id"].as_str().unwrap());
        }
        if order == "desc" {
            walked.reverse();
        }
        assert_eq!(walked, ids, "{order}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_video_is_gone_but_still_counted() {
    let sandbox = sandbox();
    let id = start(&sandbox, "a cat").await;
    let line = format!("DELETE /v1/videos/{id}");
    let deleted = get_json(&sandbox, &line).await;
    assert_eq!(deleted, json!({ "id": id, "object": "video.deleted", "deleted": true }));
    assert_eq!(
        get_json(&sandbox, &line).await["error"]["message"],
        format!("Video with id '{id}' not found.")
    );

    let jobs = get_json(&sandbox, "GET /sandbox/jobs").await;
    assert_eq!((&jobs["created"], &jobs["kept"]), (&json!(1), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_job_makes_room_for_a_new_one() {
    let sandbox = router(Options { max_jobs: 2, ..Options::default() });
    let first = start(&sandbox, "1").await;
    start(&sandbox, "2").await;
    start(&sandbox, "3").await;
    assert_eq!(get_json(&sandbox, "GET /v1/videos").await["data"].as_array().unwrap().len(), 2);
    assert!(get_json(&sandbox, &format!("GET /v1/videos/{first}")).await["error"].is_object());
}
