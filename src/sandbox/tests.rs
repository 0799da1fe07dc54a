//! The operations over the router, with the clock in hand.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const BOUNDARY: &str = "d40b69b744fb3661a98be43952a92e8f";

/// A sandbox whose jobs wait a second and need a second per second of film.
fn sandbox() -> Router {
    router(Options {
        queue_time: Duration::from_secs(1),
        time_per_second: Duration::from_secs(1),
        seed: 1,
        ..Options::default()
    })
}

/// `METHOD /path` with the key every test has.
fn request(line: &str) -> axum::http::request::Builder {
    let (method, uri) = line.split_once(' ').unwrap();
    Request::builder().method(method).uri(uri).header("authorization", "Bearer sk-test")
}

fn with_json(line: &str, body: &str) -> Request<Body> {
    request(line).header("content-type", "application/json").body(body.to_owned().into()).unwrap()
}

/// A form of text fields, and of files where the value starts with `@` and a content type.
fn with_form(line: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut body = String::new();
    for (name, value) in fields {
        let part = match value.strip_prefix('@') {
            Some(kind) => format!("; filename=\"a\"\r\nContent-Type: {kind}\r\n\r\nbytes"),
            None => format!("\r\n\r\n{value}"),
        };
        body += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{part}\r\n");
    }
    body += &format!("--{BOUNDARY}--\r\n");
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    request(line).header("content-type", kind).body(body.into()).unwrap()
}

async fn ask(sandbox: &Router, request: Request<Body>) -> Response {
    sandbox.clone().oneshot(request).await.unwrap()
}

async fn bytes_of(answer: Response) -> Vec<u8> {
    to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()
}

async fn json_of(answer: Response) -> Value {
    serde_json::from_slice(&bytes_of(answer).await).unwrap()
}

async fn get_json(sandbox: &Router, line: &str) -> Value {
    json_of(ask(sandbox, request(line).body(Body::empty()).unwrap()).await).await
}

/// Starts a film of four seconds and returns its id.
async fn start(sandbox: &Router, prompt: &str) -> String {
    let created = ask(sandbox, with_json("POST /v1/videos", &json!({ "prompt": prompt }).to_string())).await;
    assert_eq!(created.status(), StatusCode::OK);
    json_of(created).await["id"].as_str().unwrap().to_owned()
}

/// Starts a film and waits until it is there.
async fn film(sandbox: &Router) -> String {
    let id = start(sandbox, "a cat").await;
    tokio::time::advance(Duration::from_secs(5)).await;
    id
}

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

#[tokio::test]
async fn errors_have_the_services_bytes_and_headers() {
    let answer = ask(&sandbox(), with_json("POST /v1/videos", r#"{"prompt":"a","seconds":"十"}"#)).await;
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["openai-version"], "2020-10-01");
    assert_eq!(headers["x-request-id"].len(), 36);
    assert!(headers.contains_key("openai-processing-ms"));

    let text = String::from_utf8(bytes_of(answer).await).unwrap();
    let expected = r#"{
  "error": {
    "message": "Invalid value: '\u5341'. Supported values are: '4', '8', and '12'.",
    "type": "invalid_request_error",
    "param": "seconds",
    "code": "invalid_value"
  }
}"#;
    assert_eq!(text, expected);
}

#[tokio::test]
async fn url_method_and_body_format_are_judged_in_the_services_words() {
    let plain =
        request("POST /v1/videos").header("content-type", "text/plain").body("prompt=a".into()).unwrap();
    let no_boundary =
        request("POST /v1/videos").header("content-type", "multipart/form-data").body("x".into()).unwrap();
    let cases = [
        (with_json("POST /v1/foo", "{}"), 404, "Invalid URL (POST /v1/foo)"),
        (with_json("POST /v1/videos/generations", "{}"), 404, "Invalid URL (POST /v1/videos/generations)"),
        (with_json("PUT /v1/videos", "{}"), 405, "Not allowed to PUT on /v1/videos. (HINT: "),
        (
            with_json("PATCH /v1/videos/video_1", "{}"),
            405,
            "Not allowed to PATCH on /v1/videos/video_1. (HINT: ",
        ),
        (
            with_json("POST /v1/videos", "{\"prompt\":"),
            400,
            "We could not parse the JSON body of your request.",
        ),
        (with_json("POST /v1/videos", "[]"), 400, "We could not parse the JSON body of your request."),
        (no_boundary, 400, "Could not parse multipart form"),
        (
            plain,
            400,
            "Unsupported content type: 'text/plain'. This API method only accepts 'application/json' and",
        ),
        (
            with_json("GET /v1/videos?order=newest", ""),
            400,
            "Invalid value: 'newest'. Supported values are: 'asc' and 'desc'.",
        ),
        (
            with_json("GET /v1/videos/x/content?variant=gif", ""),
            400,
            "Invalid value: 'gif'. Supported values are: 'video', 'thumbnail', and 'spritesheet'.",
        ),
        (with_json("GET /v1/videos/video_x", ""), 404, "Video with id 'video_x' not found."),
    ];
    let sandbox = sandbox();
    for (request, status, message) in cases {
        let answer = ask(&sandbox, request).await;
        assert_eq!(answer.status(), status, "{message}");
        assert!(answer.headers().contains_key("x-request-id"), "{message}");
        let said = json_of(answer).await["error"]["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with(message), "{said}");
    }
}

#[tokio::test]
async fn keys_are_asked_for_and_compared() {
    let sandbox = router(Options { key: Some("sk-the-real-one".into()), ..Options::default() });
    let cases = [
        (None, 401, "Missing bearer or basic authentication in header"),
        (Some("Bearer "), 401, "Missing bearer"),
        (
            Some("Bearer your_api_key_here"),
            401,
            "Incorrect API key provided: your_api*****here. You can find",
        ),
        (Some("Bearer short"), 401, "Incorrect API key provided: short. You can find"),
        (Some("Bearer sk-the-real-one"), 200, ""),
    ];
    for (key, status, message) in cases {
        let mut request = Request::get("/v1/videos");
        if let Some(key) = key {
            request = request.header("authorization", key);
        }
        let answer = ask(&sandbox, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), status, "{key:?}");
        let said = json_of(answer).await["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(said.starts_with(message), "{said}");
    }
}

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

#[tokio::test(start_paused = true)]
async fn a_download_comes_whole_in_parts_or_not_at_all() {
    let sandbox = sandbox();
    let id = film(&sandbox).await;
    let line = format!("GET /v1/videos/{id}/content");
    let whole = ask(&sandbox, request(&line).body(Body::empty()).unwrap()).await;
    let headers = whole.headers().clone();
    assert_eq!(headers["content-type"], "video/mp4");
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{id}.mp4\""));
    let film = bytes_of(whole).await;

    let part = request(&line).header("range", "bytes=10-19").body(Body::empty()).unwrap();
    let part = ask(&sandbox, part).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], format!("bytes 10-19/{}", film.len()));
    assert_eq!(bytes_of(part).await, film[10..20]);

    let outside = request(&line).header("range", "bytes=99999999-").body(Body::empty()).unwrap();
    let outside = ask(&sandbox, outside).await;
    assert_eq!(outside.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.headers()["content-range"], format!("bytes */{}", film.len()));

    let known = request(&line).header("if-none-match", &headers["etag"]).body(Body::empty()).unwrap();
    assert_eq!(ask(&sandbox, known).await.status(), StatusCode::NOT_MODIFIED);

    let head = request(&line.replace("GET", "HEAD")).body(Body::empty()).unwrap();
    let head = ask(&sandbox, head).await;
    assert_eq!(head.headers()["content-length"], film.len().to_string());
    assert!(bytes_of(head).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_variant_has_its_type_and_needs_a_finished_video() {
    let sandbox = sandbox();
    let id = start(&sandbox, "a cat").await;
    let early = get_json(&sandbox, &format!("GET /v1/videos/{id}/content")).await;
    let message = "Video is not ready yet, use GET /v1/videos/{video_id} to check status.";
    assert_eq!(early["error"]["message"], message);

    tokio::time::advance(Duration::from_secs(5)).await;
    for (variant, kind) in
        [("video", "video/mp4"), ("thumbnail", "image/webp"), ("spritesheet", "image/jpeg")]
    {
        let line = format!("GET /v1/videos/{id}/content?variant={variant}");
        let answer = ask(&sandbox, request(&line).body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status(), &answer.headers()["content-type"]),
            (StatusCode::OK, &kind.parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_reference_image_must_have_the_size_of_the_film() {
    let mut png = Vec::new();
    let image = image::RgbImage::new(16, 16);
    image.write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    let mut body = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na\r\n--{BOUNDARY}\r\n\
        Content-Disposition: form-data; name=\"input_reference\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n")
        .into_bytes();
    body.extend(png);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = request("POST /v1/videos").header("content-type", kind).body(body.into()).unwrap();
    let refused = json_of(ask(&sandbox(), request).await).await;
    let expected = json!({ "error": {
        "message": "Inpaint image must match the requested width and height",
        "type": "invalid_request_error", "param": null, "code": null,
    }});
    assert_eq!(refused, expected);
}

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
