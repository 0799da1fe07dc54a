//! VA01, VA02, VA03, VA11: bodies as a whole.

use tokio::time::Instant;

use super::{Strict, assert_refusal};
use crate::support::gateway::Gateway;
use crate::support::process::Process;
use crate::support::request::{Request, create, post, request};
use crate::support::upstream::{Reply, Upstream};

/// Not exactly one well-formed JSON object.
const MALFORMED: &[&str] = &[
    "",
    " ",
    "{",
    "}",
    "{}{}",
    "[]",
    "null",
    "true",
    "1",
    "\"prompt\"",
    "[{\"prompt\":\"a\"}]",
    "{\"prompt\":\"a\"",
    "{\"prompt\":\"a\"}}",
    "{\"prompt\":\"a\"} x",
    "{\"prompt\":\"a\"}{\"prompt\":\"b\"}",
    "{\"prompt\":\"a\"}\0",
    "{\"prompt\":\"a\",}",
    "{,\"prompt\":\"a\"}",
    "{\"prompt\" \"a\"}",
    "{\"prompt\":\"a\" \"seconds\":\"4\"}",
    "{prompt:\"a\"}",
    "{'prompt':'a'}",
    "{\"prompt\":\"a}",
    "{\"prompt\":\"a\nb\"}",
    "{\"prompt\":\"\u{1}\"}",
    "{\"prompt\":\"\\x61\"}",
    "{\"prompt\":\"\\u12\"}",
    "{\"prompt\":\"\\ud800\"}",
    "{\"prompt\":\"\\udc00\\ud800\"}",
    "{\"prompt\":\"a\",\"seconds\":04}",
    "{\"prompt\":\"a\",\"seconds\":+4}",
    "{\"prompt\":\"a\",\"seconds\":0x4}",
    "{\"prompt\":\"a\",\"seconds\":4.}",
    "{\"prompt\":\"a\",\"seconds\":.5}",
    "{\"prompt\":\"a\",\"seconds\":4e}",
    "{\"prompt\":\"a\",\"seconds\":NaN}",
    "{\"prompt\":\"a\",\"seconds\":Infinity}",
    "{\"prompt\":\"a\",\"x\":undefined}",
    "{\"prompt\":\"a\",\"x\":tru}",
    "{\"prompt\":\"a\"/* comment */}",
    "{\"prompt\":\"a\"}// comment",
    "#\n{\"prompt\":\"a\"}",
    "\u{feff}\u{feff}{\"prompt\":\"a\"}",
    "\u{c}{\"prompt\":\"a\"}",
    "prompt=a",
    "<prompt>a</prompt>",
];

/// VA01
#[tokio::test]
async fn a_body_that_is_not_one_json_object_is_refused() {
    assert!(MALFORMED.len() >= 32);
    let strict = Strict::start().await;
    for body in MALFORMED {
        let answer = strict.refused(body, &create(body)).await;
        assert_eq!(answer.status(), 400, "{body:?}");
    }
    for body in [&b"{\"prompt\":\"\xff\"}"[..], b"{\"prompt\":\"\xed\xa0\x80\"}", b"\xff\xfe{\0}\0"] {
        let request = create("").body(body);
        let answer = strict.refused(&String::from_utf8_lossy(body), &request).await;
        assert_eq!(answer.status(), 400);
    }
}

/// VA01: the other operations read no more laxly than create.
#[tokio::test]
async fn every_judged_operation_reads_json_as_strictly() {
    let strict = Strict::start().await;
    for target in ["/v1/videos/edits", "/v1/videos/extensions", "/v1/videos/video_1/remix"] {
        for body in ["", "[]", "{\"prompt\":\"a\"", "{\"prompt\":\"a\",\"prompt\":\"b\"}", "{\"prompt\":1}"] {
            strict.refused(target, &post(target, body)).await;
        }
    }
}

/// VA02: the process itself is watched, since what it keeps is what counts.
#[tokio::test]
async fn deep_wide_and_huge_json_is_refused_quickly_and_in_little_memory() {
    let upstream = Upstream::start(Reply::job()).await;
    let process =
        Process::start(&upstream, "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"")
            .await;
    let deep = "[".repeat(500_000);
    let deep_objects = "{\"a\":".repeat(150_000);
    let names: Vec<String> = (0..60_000).map(|n| format!("\"k{n}\":0")).collect();
    let bombs: Vec<(&str, Request)> = vec![
        ("deep arrays", create(&format!("{{\"prompt\":\"a\",\"x\":{deep}"))),
        ("closed deep arrays", create(&format!("{{\"x\":{}{}}}", "[".repeat(9000), "]".repeat(9000)))),
        ("deep objects", create(&deep_objects)),
        ("wide", create(&format!("{{{}}}", names.join(",")))),
        ("nested wide", create(&format!("{{\"prompt\":\"a\",\"x\":{{{}}}}}", names.join(",")))),
        ("huge number", create(&format!("{{\"prompt\":\"a\",\"seconds\":{}}}", "9".repeat(900_000)))),
        ("huge exponent", create("{\"prompt\":\"a\",\"seconds\":1e999999999}")),
        ("huge string", create(&format!("{{\"prompt\":\"{}\"}}", "x".repeat(1_000_000)))),
        ("escapes", create(&format!("{{\"prompt\":\"{}\"}}", "\\u0041".repeat(170_000)))),
        ("over the limit", create(&format!("{{\"prompt\":\"{}\"}}", "x".repeat(3 << 20)))),
        (
            "over the limit, in chunks",
            create(&format!("{{\"p\":\"{}\"}}", "x".repeat(3 << 20))).chunked(1 << 16),
        ),
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

/// VA03
#[tokio::test]
async fn a_doubled_or_disguised_key_never_travels_on() {
    let strict = Strict::start().await;
    for body in [
        r#"{"prompt":"a","prompt":"b"}"#,
        r#"{"prompt":"a","seconds":"4","seconds":"12"}"#,
        r#"{"prompt":"a","seconds":"4","\u0073econds":"12"}"#,
        r#"{"prompt":"a","model":"sora-2","model":"sora-2"}"#,
        r#"{"prompt":"a","input_reference":{"file_id":"a","file_id":"b"}}"#,
        r#"{"prompt":"a","Seconds":"12"}"#,
        r#"{"prompt":"a","SECONDS":"12"}"#,
        r#"{"prompt":"a","seconds ":"12"}"#,
        r#"{"prompt":"a"," seconds":"12"}"#,
        r#"{"prompt":"a","seconds\u0000":"12"}"#,
        r#"{"prompt":"a","ſeconds":"12"}"#,
        r#"{"prompt":"a","seconds[]":"12"}"#,
        r#"{"prompt":"a","constructor":{},"__proto__":{"seconds":"12"}}"#,
    ] {
        let answer = strict.refused(body, &create(body)).await;
        assert_eq!(answer.status(), 400, "{body}");
    }
}

/// VA03: also where unknown names are left to the upstream.
#[tokio::test]
async fn disguises_are_refused_where_unknown_names_pass() {
    let strict = Strict::configured(
        "presets = [\"openai\"]\n[shared]\nunknown_parameters = \"forward\"\n\
         [upstreams.main]\nbase_url = \"{upstream}\"",
    )
    .await;
    for body in [
        r#"{"prompt":"a","Seconds":"12"}"#,
        r#"{"prompt":"a","seconds[]":"12"}"#,
        r#"{"prompt":"a","ſeconds":"12"}"#,
        r#"{"prompt":"a","x":1,"x":2}"#,
    ] {
        strict.refused(body, &create(body)).await;
    }
    let answer = strict.gateway.ask(&create(r#"{"prompt":"a","seed":1}"#)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

/// VA17: a byte order mark, other spellings of UTF-8, and a picture as long as the API takes it.
#[tokio::test]
async fn json_in_any_spelling_reaches_the_upstream_in_one() {
    let picture = format!("data:image/png;base64,{}", "A".repeat(20_971_520 - 22));
    let body = format!(
        "\u{feff} {{ \"pr\\u006fmpt\" : \"a c\\u0061t\", \"input_reference\":{{\"image_url\":\"{picture}\"}} }} "
    );
    for content_type in ["application/json; charset=utf8", "Application/JSON;charset=\"US-ASCII\";"] {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::over(&upstream).await;
        let sent = request("POST", "/v1/videos").with("content-type", content_type).body(&body);
        let answer = gateway.ask(&sent).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let seen = upstream.only();
        assert_eq!(seen.header("content-type"), Some("application/json"));
        let plain =
            format!("{{\"prompt\":\"a c\\u0061t\",\"input_reference\":{{\"image_url\":\"{picture}\"}}}}");
        assert!(seen.text() == plain, "{} bytes", seen.body.len());
    }
}

/// VA11
#[tokio::test]
async fn compressed_and_foreign_content_types_are_refused() {
    let strict = Strict::start().await;
    let body = r#"{"prompt":"a"}"#;
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "GZIP", "x", ""] {
        let refused = create(body).with("content-encoding", encoding);
        let answer = strict.refused(encoding, &refused).await;
        assert_eq!(answer.status(), 415, "{encoding:?}");
    }
    let bare =
        |content_type: &str| request("POST", "/v1/videos").with("content-type", content_type).body(body);
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/jsonp",
        "application/json+x",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json, text/plain",
        "multipart/mixed; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=a; boundary=b",
        "",
        "*/*",
    ] {
        let answer = strict.refused(content_type, &bare(content_type)).await;
        assert_eq!(answer.status(), 400, "{content_type:?}");
    }
    strict.refused("no type", &request("POST", "/v1/videos").body(body)).await;
    strict.refused("two types", &create(body).with("content-type", "application/json")).await;
}

/// VA11: what is not judged is not touched either, and keeps the name of its encoding.
#[tokio::test]
async fn on_other_routes_an_encoded_body_passes_with_its_encoding() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let sent = post("/v1/responses", "").with("content-encoding", "gzip").body(b"\x1f\x8bnot really");
    assert_eq!(gateway.ask(&sent).await.status(), 200);
    let request = upstream.only();
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    assert_eq!(request.body, b"\x1f\x8bnot really");
}
