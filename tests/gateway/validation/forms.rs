//! VA08, VA09, VA10: forms.

use tokio::time::Instant;

use super::{Strict, assert_refusal};
use crate::support::process::Process;
use crate::support::request::{BOUNDARY, Request, form, form_to, request, text};
use crate::support::upstream::{Reply, Upstream};

fn raw_form(body: impl AsRef<[u8]>) -> Request {
    request("POST", "/v1/videos")
        .with("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(body)
}

/// VA08
#[tokio::test]
async fn a_malformed_form_is_refused() {
    let strict = Strict::start().await;
    let head = "Content-Disposition: form-data; name=\"prompt\"";
    for body in [
        String::new(),
        "x".to_owned(),
        format!("--{BOUNDARY}"),
        format!("--{BOUNDARY}\r\n"),
        format!("--{BOUNDARY}\r\n{head}\r\n\r\na cat"),
        format!("--{BOUNDARY}\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}"),
        format!("--{BOUNDARY}\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}-"),
        format!("--{BOUNDARY}\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}--x"),
        format!("--{BOUNDARY}\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}--\r\ntrailing"),
        format!("preamble\r\n--{BOUNDARY}\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}\n{head}\n\na cat\n--{BOUNDARY}--\n"),
        format!("--{BOUNDARY}\r\n{head}\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}x\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!("-- {BOUNDARY}\r\n{head}\r\n\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}\r\n\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\na cat\r\n--{BOUNDARY}--\r\n"),
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: attachment; name=\"prompt\"\r\n\r\na\r\n--{BOUNDARY}--\r\n"
        ),
        format!("--{BOUNDARY}\r\n{head}; name=\"seconds\"\r\n\r\n4\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}\r\n{head}\r\n{head}\r\n\r\na\r\n--{BOUNDARY}--\r\n"),
        format!("--{BOUNDARY}\r\n{head}\r\n folded: x\r\n\r\na\r\n--{BOUNDARY}--\r\n"),
        format!(
            "--{BOUNDARY}\r\n{head}\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--{BOUNDARY}--\r\n"
        ),
        format!(
            "--{BOUNDARY}\r\nContent-Disposition : form-data; name=\"prompt\"\r\n\r\na\r\n--{BOUNDARY}--\r\n"
        ),
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"prompt\r\n\r\na\r\n--{BOUNDARY}--\r\n"
        ),
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"pro\0mpt\"\r\n\r\na\r\n--{BOUNDARY}--\r\n"
        ),
    ] {
        let answer = strict.refused(&body, &raw_form(&body)).await;
        assert_eq!(answer.status(), 400, "{body:?}");
    }
}

/// VA09: the process itself is watched.
#[tokio::test]
async fn form_bombs_are_refused_quickly_and_in_little_memory() {
    let upstream = Upstream::start(Reply::job()).await;
    let process =
        Process::start(&upstream, "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"")
            .await;
    let many = |part: &dyn Fn(usize) -> String, count: usize| {
        let parts: Vec<String> = (0..count).map(part).collect();
        form(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let long = |length: usize| "x".repeat(length);
    let bombs: Vec<(&str, Request)> = vec![
        ("many parts", many(&|n| text(&format!("k{n}"), "v"), 60_000)),
        ("a field a byte", many(&|n| text(&format!("input_reference[{n}]"), "255"), 60_000)),
        ("one name many times", many(&|_| text("prompt", "a"), 60_000)),
        ("empty parts", raw_form(format!("--{BOUNDARY}\r\n\r\n\r\n").repeat(60_000))),
        ("long name", form(&[&text(&long(1_000_000), "v")])),
        (
            "long file name",
            form(&[&format!("name=\"input_reference\"; filename=\"{}\"\r\n\r\nx", long(1_000_000))]),
        ),
        ("long head", form(&[&format!("name=\"prompt\"\r\nX-Y: {}\r\n\r\nx", long(1_000_000))])),
        ("many heads", form(&[&format!("name=\"prompt\"\r\n{}\r\nx", "X: y\r\n".repeat(100_000))])),
        ("head without end", raw_form(format!("--{BOUNDARY}\r\n{}", "A: b\r\n".repeat(200_000)))),
        ("long text", form(&[&text("prompt", "a"), &text("seconds", &long(3_000_000))])),
        ("brackets", form(&[&text(&format!("prompt{}", "[a]".repeat(100_000)), "v")])),
        ("dashes", raw_form(format!("--{BOUNDARY}\r\n{}", "-".repeat(3_000_000)))),
        ("near boundaries", raw_form(format!("\r\n--{}", &BOUNDARY[..31]).repeat(90_000))),
    ];
    let before = process.memory().now;
    for (what, bomb) in &bombs {
        let started = Instant::now();
        let mut client = process.connect().await;
        client.send(bomb.bytes()).await;
        let answer = client.answer().await;
        assert_refusal(what, &answer);
        assert!(started.elapsed().as_secs_f64() < 2.0, "{what} took {:?}", started.elapsed());
        upstream.assert_untouched(what);
    }
    let grown = process.memory().peak.saturating_sub(before);
    assert!(grown < 24 << 20, "grew by {grown} bytes");
}

/// VA10
#[tokio::test]
async fn a_doubled_or_disguised_field_never_travels_on() {
    let strict = Strict::start().await;
    let prompt = text("prompt", "a");
    for parts in [
        vec![text("seconds", "4"), text("seconds", "12")],
        vec![text("seconds", "4"), text("seconds", "4")],
        vec![text("seconds", "4"), text("Seconds", "12")],
        vec![text("seconds", "4"), text("seconds[]", "12")],
        vec![text("seconds", "4"), text("seconds[0]", "12")],
        vec![text("seconds", "4"), text("seconds ", "12")],
        vec![text("seconds", "4"), text(" seconds", "12")],
        vec![text("seconds", "4"), text("sec%6fnds", "12")],
        vec![text("seconds", "4"), "name=seconds\r\n\r\n12".to_owned()],
        vec![text("seconds", "4"), "name='seconds'\r\n\r\n12".to_owned()],
        vec![text("seconds", "4"), "name*=utf-8''seconds\r\n\r\n12".to_owned()],
        vec![text("seconds", "4"), "name=\"x\"; name*=utf-8''seconds\r\n\r\n12".to_owned()],
        vec![text("seconds", "4"), "name=\"x\"; name=\"seconds\"\r\n\r\n12".to_owned()],
        vec![text("seconds", "4"), "name=\"seco\\nds\"\r\n\r\n12".to_owned()],
        vec!["name=\"seconds\"; filename=\"x\"\r\n\r\n12".to_owned()],
        vec!["name=\"seconds\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n12".to_owned()],
        vec![text("_charset_", "utf-7")],
        vec![text("duration", "12")],
        vec![text("input_reference", "a"), text("input_reference[file_id]", "b")],
        vec![text("input_reference[file_id]", "a"), text("input_reference[file_id]", "b")],
        vec![text("prompt", "b")],
    ] {
        let all: Vec<&str> = std::iter::once(&prompt).chain(&parts).map(String::as_str).collect();
        let answer = strict.refused(&format!("{parts:?}"), &form(&all)).await;
        assert_eq!(answer.status(), 400, "{parts:?}");
    }
}

/// VA08, VA10: a character is only made from a form, which is read as strictly.
#[tokio::test]
async fn the_other_operations_read_forms_as_strictly() {
    let strict = Strict::start().await;
    let video = "name=\"video\"; filename=\"v.mp4\"\r\nContent-Type: video/mp4\r\n\r\nx";
    for (target, parts) in [
        ("/v1/videos/characters", vec![video.to_owned()]),
        ("/v1/videos/characters", vec![video.to_owned(), text("name", "")]),
        ("/v1/videos/characters", vec![video.to_owned(), text("name", &"x".repeat(81))]),
        ("/v1/videos/characters", vec![video.to_owned(), text("name", "a"), text("name", "b")]),
        ("/v1/videos/characters", vec![text("video", "x"), text("name", "a")]),
        ("/v1/videos/edits", vec![video.to_owned()]),
        ("/v1/videos/edits", vec![text("prompt", "a"), video.to_owned(), text("video[id]", "video_1")]),
        (
            "/v1/videos/extensions",
            vec![text("prompt", "a"), text("video[id]", "video_1"), text("seconds", "5")],
        ),
        ("/v1/videos/video_1/remix", vec![text("prompt", "a"), text("prompt", "b")]),
    ] {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        strict.refused(&format!("{target} {parts:?}"), &form_to(target, &parts)).await;
    }
    let json = crate::support::request::post("/v1/videos/characters", "{\"name\":\"a\"}");
    strict.refused("a character in JSON", &json).await;
}
