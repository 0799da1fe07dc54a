//! VA04 to VA07: the values of create's fields.

use super::Strict;
use crate::support::gateway::Gateway;
use crate::support::request::{create, form, text};
use crate::support::upstream::{Reply, Upstream};

/// VA04
#[tokio::test]
async fn seconds_travels_only_as_one_of_the_listed_values_in_plain_spelling() {
    let strict = Strict::start().await;
    for value in [
        "5",
        "0",
        "-4",
        "4.0",
        "4.5",
        "\"5\"",
        "\"04\"",
        "\" 4\"",
        "\"4 \"",
        "\"+4\"",
        "\"4.0\"",
        "\"4s\"",
        "\"\"",
        "\"0x4\"",
        "\"４\"",
        "\"4\\u0000\"",
        "\"4\\n\"",
        "null",
        "true",
        "[4]",
        "[\"4\"]",
        "{\"a\":4}",
        "4e0",
        "4",
        "99999999999999999999999999",
    ] {
        let body = format!("{{\"prompt\":\"a\",\"seconds\":{value}}}");
        strict.refused(&body, &create(&body)).await;
    }
    for value in ["5", "04", " 4", "4 ", "+4", "4.0", "", "４", "4\n", "4\r\n", "null", "\"4\""] {
        let request = form(&[&text("prompt", "a"), &text("seconds", value)]);
        strict.refused(value, &request).await;
    }
}

/// VA04
#[tokio::test]
async fn an_integer_is_folded_to_its_plain_text_where_integers_are_taken() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = "presets = [\"openai\"]\n[shared]\nseconds_json = \"lenient\"\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    let answer = gateway.ask(&create(r#"{"prompt":"a", "seconds" : 4 }"#)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(upstream.only().text(), r#"{"prompt":"a","seconds":"4"}"#);
    for value in ["4.0", "4e0", "04", "-4", "5", "null", "true", "[4]"] {
        let body = format!("{{\"prompt\":\"a\",\"seconds\":{value}}}");
        assert_eq!(gateway.ask(&create(&body)).await.status(), 400, "{body}");
    }
    assert_eq!(upstream.count(), 1);
}

/// VA05
#[tokio::test]
async fn size_travels_only_as_one_of_the_listed_values() {
    let strict = Strict::start().await;
    for value in [
        "1920x1080",
        "720X1280",
        "720×1280",
        " 720x1280",
        "720x1280 ",
        "0720x1280",
        "720x1280x1",
        "720*1280",
        "x",
        "",
        "720x",
        "99999999999x1",
        "-720x1280",
        "720x1280\\u0000",
        "1792x1024",
    ] {
        let body = format!("{{\"prompt\":\"a\",\"model\":\"sora-2\",\"size\":\"{value}\"}}");
        strict.refused(&body, &create(&body)).await;
    }
    for value in ["720", "null", "[720,1280]", "{}", "true"] {
        let body = format!("{{\"prompt\":\"a\",\"size\":{value}}}");
        strict.refused(&body, &create(&body)).await;
    }
}

/// VA06
#[tokio::test]
async fn only_configured_models_reach_the_upstream_and_others_are_no_label() {
    let strict = Strict::configured(
        "presets = [\"openai\"]\n[shared]\nmodel = []\n[upstreams.main]\nbase_url = \"{upstream}\"",
    )
    .await;
    let unknown =
        ["sora-1", "Sora-2", "sora-2 ", " sora-2", "sora-2\\u0000", "", "*", "sora-2*", "sora‑2", "gpt-4o"];
    for name in unknown {
        let body = format!("{{\"prompt\":\"a\",\"model\":\"{name}\"}}");
        let answer = strict.gateway.ask(&create(&body)).await;
        super::assert_refusal(&body, &answer);
        assert_eq!((answer.status(), answer.code().as_deref()), (404, Some("model_not_found")), "{body}");
    }
    strict.upstream.assert_untouched("unknown models");
    let page = strict.gateway.page();
    for name in ["gpt-4o", "sora-1", "Sora-2"] {
        assert!(!page.contains(&format!("model=\"{name}\"")), "{page}");
    }
}

/// VA06: a pattern takes whatever it matches, but the label is the pattern.
#[tokio::test]
async fn a_model_found_by_a_pattern_is_counted_under_the_pattern() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration =
        "presets = [\"openai\"]\n[shared]\nmodel = []\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    for day in 10..30 {
        let body = format!("{{\"prompt\":\"a\",\"model\":\"sora-2-2025-10-{day}\"}}");
        assert_eq!(gateway.ask(&create(&body)).await.status(), 200);
    }
    let series = "reelgate_requests_total{fault=\"none\",model=\"sora-2-20*\",outcome=\"forwarded\",route=\"/v1/videos\",status=\"200\"}";
    assert_eq!(gateway.metric(series), 20.0, "{}", gateway.page());
    assert!(!gateway.page().contains("2025-10"), "{}", gateway.page());
}

/// VA07
#[tokio::test]
async fn prompt_is_a_string_of_1_to_32000_characters() {
    let strict = Strict::start().await;
    for body in [
        "{}".to_owned(),
        r#"{"prompt":""}"#.to_owned(),
        r#"{"prompt":null}"#.to_owned(),
        r#"{"prompt":1}"#.to_owned(),
        r#"{"prompt":["a"]}"#.to_owned(),
        r#"{"prompt":{}}"#.to_owned(),
        format!("{{\"prompt\":\"{}\"}}", "x".repeat(32_001)),
        format!("{{\"prompt\":\"{}\"}}", "猫".repeat(32_001)),
    ] {
        let what: String = body.chars().take(40).collect();
        assert_eq!(strict.refused(&what, &create(&body)).await.status(), 400, "{what}");
    }
    strict.refused("an empty part", &form(&[&text("prompt", "")])).await;
    strict.refused("no part", &form(&[&text("seconds", "4")])).await;
}

/// VA07: characters are counted, not bytes.
#[tokio::test]
async fn a_prompt_of_32000_characters_passes_however_many_bytes_that_is() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    for character in ["x", "é", "猫", "🎬"] {
        let prompt = character.repeat(32_000);
        let json = create(&format!("{{\"prompt\":\"{prompt}\"}}"));
        assert_eq!(gateway.ask(&json).await.status(), 200, "{character}");
        assert_eq!(gateway.ask(&form(&[&text("prompt", &prompt)])).await.status(), 200, "{character}");
    }
    assert_eq!(upstream.count(), 8);
}
