//! Errors in the service's bytes, URLs, methods and keys.

use super::*;

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
