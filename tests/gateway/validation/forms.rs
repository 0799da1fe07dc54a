//! VA08, VA09, VA10: forms.

use tokio::time::Instant;

use super::{Strict, assert_refusal};
use crate::support::fields;
use crate::support::gateway::Gateway;
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
        // Both line ends: what belongs to the content depends on the reader.
        format!("--{BOUNDARY}\n{head}\n\na cat\r\n--{BOUNDARY}--\n"),
        format!("--{BOUNDARY}\r\n{head}\n\na cat\r\n--{BOUNDARY}--\r\n"),
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

/// VA08: what a client can mend is said, behind the words that the API has for every form that it cannot read.
#[tokio::test]
async fn a_refused_part_is_named_with_the_reason() {
    let strict = Strict::start().await;
    let long = format!("name=\"input_reference\"; filename=\"{}\"\r\n\r\nx", "x".repeat(300));
    for (part, reason) in [
        (&*long, "the file name is longer than 255 bytes."),
        (
            "name=\"size\"\r\nContent-Type: application/json\r\n\r\nx",
            "it has no file name, and its Content-Type is not text/plain in UTF-8.",
        ),
        ("name*=utf-8''size\r\n\r\nx", "its name is encoded (name*, or =?...?=); send it as plain text."),
    ] {
        let answer = strict.refused(part, &form(&[&text("prompt", "a"), part])).await;
        let message = format!("Could not parse multipart form: part 2: {reason}");
        assert_eq!(answer.json()["error"]["message"], message.as_str());
    }
    let answer = strict.refused("no form", &raw_form("x")).await;
    assert_eq!(answer.json()["error"]["message"], "Could not parse multipart form");
}

/// VA10, VA17: whatever spelling a client has, the upstream gets the one that every parser reads.
#[tokio::test]
async fn a_form_in_any_spelling_reaches_the_upstream_in_one() {
    let png = "\u{89}PNG\r\n";
    let heads = [
        ("content-disposition:form-data;\tNAME=model", "sora-2"),
        ("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=prompt", "a cat"),
        ("Content-Disposition: form-data;\r\n name=\"seconds\"\r\nContent-Transfer-Encoding: 8bit", "8"),
        (
            "Content-Disposition: form-data; name=input_reference; filename=\"=?utf-8?B?54yrLnBuZw==?=\"; \
             filename*=utf-8''%E7%8C%AB.png\r\nContent-Type: image/png",
            png,
        ),
    ];
    for (boundary, header) in [
        ("a_b", "Multipart/Form-Data; Boundary=a_b"),
        ("x:y", "multipart/form-data; boundary=\"x:y\"; charset=utf8"),
        ("(a b)?", "multipart/form-data;boundary=\"(a b)?\""),
    ] {
        let parts =
            heads.iter().map(|(head, content)| format!("--{boundary} \r\n{head}\r\n\r\n{content}\r\n"));
        let body: String = ["preamble\r\n".to_owned()]
            .into_iter()
            .chain(parts)
            .chain([format!("--{boundary}--\r\nepilogue")])
            .collect();
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::over(&upstream).await;
        let answer =
            gateway.ask(&request("POST", "/v1/videos").with("content-type", header).body(&body)).await;
        assert_eq!(answer.status(), 200, "{header}: {}", answer.text());
        let seen = upstream.only();
        let expected = form(&[
            &text("model", "sora-2"),
            &text("prompt", "a cat"),
            &text("seconds", "8"),
            &format!("name=\"input_reference\"; filename=\"猫.png\"\r\nContent-Type: image/png\r\n\r\n{png}"),
        ]);
        assert_eq!(fields::of(&seen), expected.fields(), "{header}");
        assert_eq!(seen.header("content-length"), Some(&*seen.body.len().to_string()));
        let ours = seen
            .header("content-type")
            .and_then(|value| value.strip_prefix("multipart/form-data; boundary="));
        let ours = ours.expect("the plain spelling");
        assert!(ours.len() == 32 && ours.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ours}");
        let plain = String::from_utf8_lossy(expected.sent_body()).replace(BOUNDARY, ours);
        assert_eq!(seen.text(), plain, "{header}");
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
