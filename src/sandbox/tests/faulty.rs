//! Faults on command, forced states, and the journal.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_script_of_faults_is_played_and_used_up() {
    let sandbox = sandbox();
    let script =
        r#"{"on":"POST /v1/videos","script":["429;retry-after=2","529","503","accept-then-500","ok"]}"#;
    assert_eq!(ask(&sandbox, with_json("POST /sandbox/faults", script)).await.status(), StatusCode::OK);
    let mut played = Vec::new();
    for _ in 0..6 {
        let answer = ask(&sandbox, with_json("POST /v1/videos", r#"{"prompt":"a"}"#)).await;
        let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        played.push((status, wait, json_of(answer).await["error"]["type"].as_str().map(str::to_owned)));
    }
    let server = Some("server_error".to_owned());
    let expected = [
        (429, Some("2".to_owned()), Some("requests".to_owned())),
        (529, None, server.clone()),
        (503, None, Some("cf_service_unavailable".to_owned())),
        (500, None, server),
        (200, None, None),
        (200, None, None),
    ];
    assert_eq!(played, expected);
    let jobs = get_json(&sandbox, "GET /sandbox/jobs").await;
    assert_eq!(jobs["created"], 3, "two answered and the one that was accepted before the 500");
}

#[tokio::test(start_paused = true)]
async fn a_request_can_bring_its_own_fault() {
    let sandbox = sandbox();
    let started = tokio::time::Instant::now();
    let request = request("GET /v1/videos").header("x-sandbox-fault", "429;kind=quota;delay=1500ms");
    let answer = ask(&sandbox, request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(json_of(answer).await["error"]["code"], "insufficient_quota");
    assert_eq!(started.elapsed(), Duration::from_millis(1500));
}

#[tokio::test(start_paused = true)]
async fn a_job_can_be_forced_into_a_state() {
    let sandbox = sandbox();
    let id = start(&sandbox, "a cat").await;
    let body = r#"{"status":"failed","error":{"code":"mine","message":"so be it"},"progress":30}"#;
    ask(&sandbox, with_json(&format!("POST /sandbox/jobs/{id}"), body)).await;
    let video = get_json(&sandbox, &format!("GET /v1/videos/{id}")).await;
    assert_eq!((&video["status"], &video["progress"]), (&json!("failed"), &json!(30)));
    assert_eq!(video["error"], json!({ "code": "mine", "message": "so be it" }));
}

#[tokio::test]
async fn the_journal_has_what_was_asked_and_no_credentials() {
    let sandbox = sandbox();
    let form = with_form("POST /v1/videos?a=b", &[("prompt", "a cat"), ("input_reference", "@image/png")]);
    ask(&sandbox, form).await;
    let seen = get_json(&sandbox, "GET /sandbox/requests").await;
    let visit = &seen["requests"][0];
    assert_eq!(
        (&visit["method"], &visit["path"], &visit["query"]),
        (&json!("POST"), &json!("/v1/videos"), &json!("a=b"))
    );
    assert_eq!(visit["headers"]["authorization"], "***");
    assert_eq!(
        visit["fields"],
        json!({ "prompt": "a cat", "input_reference": { "file": "image/png", "bytes": 5 } })
    );
    assert_eq!(visit["status"], 200);
    assert!(visit["body_bytes"].as_u64().unwrap() > 200);
}
