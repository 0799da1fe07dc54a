//! Films and pictures, whole and in parts.

use super::*;

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
