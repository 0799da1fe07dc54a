//! Creates: the answer, the states of a job, and what is refused.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_create_is_answered_with_the_video_in_the_apis_form_and_order() {
    let body = r#"{"prompt":"a cat","model":"sora-2-pro","size":"1792x1024","seconds":"15"}"#;
    let answer = ask(&sandbox(), with_json("POST /v1/videos", body)).await;
    let text = String::from_utf8(bytes_of(answer).await).unwrap();
    let video: Value = serde_json::from_str(&text).unwrap();

    let id = video["id"].as_str().unwrap();
    assert!(id.len() == 54 && id.starts_with("video_"), "{id}");
    let expected = format!(
        r#"{{"id":"{id}","object":"video","created_at":{},"status":"queued","completed_at":null,"error":null,"#,
        video["created_at"]
    ) + r#""expires_at":null,"model":"sora-2-pro","progress":0,"prompt":"a cat","remixed_from_video_id":null,"#
        + r#""seconds":"15","size":"1792x1024"}"#;
    assert_eq!(text, expected);
}

#[tokio::test(start_paused = true)]
async fn a_job_passes_through_all_states_by_the_clock_alone() {
    let sandbox = sandbox();
    let id = start(&sandbox, "a cat").await;
    let line = format!("GET /v1/videos/{id}");
    let mut seen = Vec::new();
    for _ in 0..7 {
        let video = get_json(&sandbox, &line).await;
        seen.push(format!("{} {}", video["status"].as_str().unwrap(), video["progress"]));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let expected = ["queued 0", "in_progress 0", "in_progress 25", "in_progress 50", "in_progress 75"];
    assert_eq!(seen[..5], expected);
    assert_eq!(seen[5..], ["completed 100", "completed 100"]);

    let video = get_json(&sandbox, &line).await;
    let (created, completed) =
        (video["created_at"].as_u64().unwrap(), video["completed_at"].as_u64().unwrap());
    // Whole seconds of moments five seconds apart may be rounded once.
    assert!((5..=6).contains(&(completed - created)));
    assert_eq!(video["expires_at"].as_u64().unwrap(), completed + 24 * 60 * 60);
}

#[tokio::test(start_paused = true)]
async fn marked_prompts_fail() {
    let sandbox = sandbox();
    for (prompt, code) in [("[moderation]", "moderation_blocked"), ("[fail]", "video_generation_failed")] {
        let id = start(&sandbox, prompt).await;
        tokio::time::advance(Duration::from_secs(5)).await;
        let video = get_json(&sandbox, &format!("GET /v1/videos/{id}")).await;
        assert_eq!((&video["status"], &video["error"]["code"]), (&json!("failed"), &json!(code)));
        assert!(video["completed_at"].is_u64() && video["expires_at"].is_null());
    }
}

/// Every refusal: what is sent to create, and status, param, code and message of the answer.
#[tokio::test]
async fn creates_are_refused_in_the_services_words() {
    const LISTS: &str = "Supported values are: '4', '8', and '12'.";
    let too_long = "x".repeat(32_001);
    let cases: Vec<(Request<Body>, &str, &str, String)> = [
        (r#"{"model":"sora-2"}"#, "prompt", "missing_required_parameter", "Missing required parameter: 'prompt'."),
        (r#"{"prompt":1}"#, "prompt", "invalid_type", "Invalid type for 'prompt': expected a string, but got an integer instead."),
        (r#"{"prompt":"","seconds":"5"}"#, "prompt", "empty_string", "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead."),
        (r#"{"prompt":"a","width":1,"height":2,"seconds":"5"}"#, "width", "unknown_parameter", "Unknown parameter: 'width'."),
        (r#"{"prompt":"a","model":"sora-1"}"#, "model", "invalid_value", "Invalid value: 'sora-1'. Supported values are: 'sora-2' and 'sora-2-pro'."),
        (r#"{"prompt":"a","model":2}"#, "model", "invalid_type", "Invalid type for 'model': expected one of 'sora-2' or 'sora-2-pro', but got an integer instead."),
        (r#"{"prompt":"a","seconds":"10"}"#, "seconds", "invalid_value", &format!("Invalid value: '10'. {LISTS}")),
        (r#"{"prompt":"a","seconds":"08"}"#, "seconds", "invalid_value", &format!("Invalid value: '08'. {LISTS}")),
        (r#"{"prompt":"a","seconds":8}"#, "seconds", "invalid_type", "Invalid type for 'seconds': expected one of '4', '8', or '12', but got an integer instead."),
        (r#"{"prompt":"a","seconds":8.0}"#, "seconds", "invalid_type", "Invalid type for 'seconds': expected one of '4', '8', or '12', but got a decimal number instead."),
        (r#"{"prompt":"a","seconds":null}"#, "seconds", "invalid_type", "Invalid type for 'seconds': expected one of '4', '8', or '12', but got null instead."),
        (r#"{"prompt":"a","size":"640x360"}"#, "size", "invalid_value", "Invalid value: '640x360'. Supported values are: '720x1280', '1280x720', '1024x1792', and '1792x1024'."),
        (r#"{"prompt":"a","size":"1792x1024"}"#, "", "", "Invalid size for sora-2 model, only 720x1280, 1280x720 are supported."),
        (r#"{"prompt":"a","input_reference":"https://example.com/a.png"}"#, "input_reference", "invalid_type", "Invalid type for 'input_reference': expected an object, but got a string instead."),
        (r#"{"prompt":"a","input_reference":{"file_id":"a","x":1}}"#, "input_reference.x", "unknown_parameter", "Unknown parameter: 'input_reference.x'."),
    ]
    .into_iter()
    .map(|(body, param, code, message)| (with_json("POST /v1/videos", body), param, code, message.to_owned()))
    .chain([
        (with_form("POST /v1/videos", &[("prompt", "a"), ("seconds", "5")]), "seconds", "invalid_value", format!("Invalid value: '5'. {LISTS}")),
        (with_form("POST /v1/videos", &[("prompt", &too_long)]), "prompt", "string_above_max_length", "Invalid 'prompt': string too long. Expected a string with maximum length 32000, but got a string with length 32001 instead.".to_owned()),
        (with_form("POST /v1/videos", &[("prompt", "a"), ("input_reference[0]", "1")]), "input_reference.0", "unknown_parameter", "Unknown parameter: 'input_reference.0'.".to_owned()),
        (with_form("POST /v1/videos", &[("prompt", "a"), ("input_reference", "@application/octet-stream")]), "input_reference", "unsupported_file_mimetype", "Invalid file 'input_reference': unsupported mimetype ('application/octet-stream'). Supported file formats are 'image/jpeg', 'image/png', 'image/webp', and 'video/mp4'.".to_owned()),
    ])
    .collect();
    assert_eq!(cases.len(), 19);

    let sandbox = sandbox();
    for (request, param, code, message) in cases {
        let answer = ask(&sandbox, request).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{message}");
        let or_null = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let expected = json!({ "error": {
            "message": message, "type": "invalid_request_error", "param": or_null(param), "code": or_null(code),
        }});
        assert_eq!(json_of(answer).await, expected);
    }
    assert_eq!(get_json(&sandbox, "GET /sandbox/jobs").await["created"], 0);
}
