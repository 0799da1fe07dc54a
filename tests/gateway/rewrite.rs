//! What becomes of the unsupported where the operator wants more than an error.

use crate::support::fields::{self, Fields};
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, form, text};
use crate::support::upstream::{Reply, Upstream, answer};

const ADJUST: &str = "presets = [\"openai\"]\n[shared]\nseconds_json = \"lenient\"\n\
    [rewrite]\non_unsupported = \"adjust\"\n[upstreams.main]\nbase_url = \"{upstream}\"";

const SEED_SWITCH: &str = "presets = [\"seed\"]\n\
    [rewrite]\non_unsupported = \"switch\"\nswitch_to = [\"sora-2-pro\", \"sora-2\"]\n\
    [upstreams.main]\nbase_url = \"{upstream}\"";

const MODE_HEADER: &str =
    "presets = [\"openai\"]\n[rewrite]\nmode_header = true\n[upstreams.main]\nbase_url = \"{upstream}\"";

/// A picture, as a part.
const PICTURE: &str = "name=\"input_reference\"; filename=\"ref.png\"\r\nContent-Type: image/png\r\n\r\n\u{1}PNG\r\n--not-a-boundary\r\n";

/// What the body at the upstream says, and `x-reelgate-adjusted` at the client.
async fn forwarded(configuration: &str, request: &Request) -> (Fields, Option<String>) {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::start(&upstream, configuration).await;
    let answer = gateway.ask(request).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let seen = upstream.only();
    let length = seen.header("content-length").map(str::to_owned);
    assert_eq!(length, Some(seen.body.len().to_string()), "{}", seen.head);
    (fields::of(&seen), answer.header("x-reelgate-adjusted").map(str::to_owned))
}

/// What this JSON says.
fn json(text: &str) -> Fields {
    Fields::Json(serde_json::from_str(text).expect("JSON"))
}

#[tokio::test]
async fn json_is_adjusted_and_nothing_else_changes() {
    for (sent, expected, told) in [
        (
            r#"{ "prompt" : "a \u0063at",  "seconds":"5","size" :"1280x720" , "model":"sora-2"}"#,
            r#"{ "prompt" : "a \u0063at",  "seconds":"4","size" :"1280x720" , "model":"sora-2"}"#,
            "seconds",
        ),
        (
            r#"{"model":"sora-2","prompt":"a","seconds":30,"size":"1280x720"}"#,
            r#"{"model":"sora-2","prompt":"a","seconds":"12","size":"1280x720"}"#,
            "seconds",
        ),
        (
            r#"{"model":"sora-2","prompt":"a","seconds":"4","size":"1920x1080"}"#,
            r#"{"model":"sora-2","prompt":"a","seconds":"4","size":"1280x720"}"#,
            "size",
        ),
    ] {
        let (body, adjusted) = forwarded(ADJUST, &create(sent)).await;
        assert_eq!(body, json(expected));
        let adjusted = adjusted.expect("the client is told");
        assert!(adjusted.contains(told), "{adjusted}");
    }
}

#[tokio::test]
async fn what_fits_passes_with_its_values_and_the_client_is_told_nothing() {
    let sent = r#"{"size":"1280x720", "model":"sora-2","seconds":"8","prompt":"a"}"#;
    assert_eq!(forwarded(ADJUST, &create(sent)).await, (json(sent), None));
}

#[tokio::test]
async fn a_form_is_adjusted_in_place_and_its_file_stays_as_it_is() {
    let parts = |seconds: &str, size: &str| {
        let (prompt, model) = (text("prompt", "a"), text("model", "sora-2"));
        let (seconds, size) = (text("seconds", seconds), text("size", size));
        form(&[PICTURE, &prompt, &model, &seconds, &size])
    };
    let expected = parts("8", "1280x720").fields();
    for sent in
        [parts("9", "1920x1080"), parts("9", "1920x1080").chunked(7), parts("9", "1920x1080").chunked(4096)]
    {
        let (body, adjusted) = forwarded(ADJUST, &sent).await;
        assert_eq!(body, expected);
        let adjusted = adjusted.expect("the client is told");
        assert!(adjusted.contains("seconds") && adjusted.contains("size"), "{adjusted}");
    }
}

#[tokio::test]
async fn absent_fields_are_filled_in_where_the_request_is_adjusted() {
    let (prompt, model) = (text("prompt", "a"), text("model", "sora-2"));
    let (body, adjusted) = forwarded(ADJUST, &form(&[PICTURE, &prompt, &model])).await;
    let (seconds, size) = (text("seconds", "4"), text("size", "720x1280"));
    assert_eq!(body, form(&[&seconds, &size, PICTURE, &prompt, &model]).fields());
    assert!(adjusted.is_some());
    let (body, _) = forwarded(ADJUST, &create(r#"{"prompt":"a","model":"sora-2"}"#)).await;
    assert_eq!(body, json(r#"{"prompt":"a","model":"sora-2","seconds":"4","size":"720x1280"}"#));
}

/// VA04, VA05: what is charged for a field that the client leaves out is what the upstream reads.
#[tokio::test]
async fn absent_fields_are_written_with_the_models_defaults_unless_the_server_has_the_same() {
    let configured = |server_defaults: &str| {
        format!(
            "presets = [\"vllm-omni\"]\ndefault_model = \"wan\"\n[models.wan]\ndefault_seconds = 5\n\
             default_size = \"832x480\"\n{server_defaults}\n[upstreams.main]\nbase_url = \"{{upstream}}\"\n"
        )
    };
    let sent = form(&[PICTURE, &text("prompt", "a")]);
    let (body, adjusted) = forwarded(&configured(""), &sent).await;
    let (model, seconds, size) = (text("model", "wan"), text("seconds", "5"), text("size", "832x480"));
    assert_eq!(body, form(&[&model, &seconds, &size, PICTURE, &text("prompt", "a")]).fields());
    assert_eq!(adjusted, None, "the client did not choose another value");

    let (body, _) = forwarded(&configured(""), &create(r#"{"prompt":"a","seconds":"4"}"#)).await;
    assert_eq!(body, json(r#"{"prompt":"a","model":"wan","seconds":"4","size":"832x480"}"#));

    let same = configured(r#"server_defaults = { model = "wan", seconds = 5, size = "832x480" }"#);
    assert_eq!(forwarded(&same, &sent).await.0, sent.fields());
    let others = configured(r#"server_defaults = { model = "wan", seconds = 4, size = "832x480" }"#);
    let (body, _) = forwarded(&others, &sent).await;
    assert_eq!(body, form(&[&seconds, PICTURE, &text("prompt", "a")]).fields());
}

#[tokio::test]
async fn another_model_takes_what_it_supports_exactly() {
    for (seconds, model) in [("10", "sora-2-pro"), ("25", "sora-2-pro"), ("8", "sora-2")] {
        let sent =
            form(&[PICTURE, &text("prompt", "a"), &text("model", "sora-2"), &text("seconds", seconds)])
                .chunked(11);
        let (body, adjusted) = forwarded(SEED_SWITCH, &sent).await;
        let expected =
            form(&[PICTURE, &text("prompt", "a"), &text("model", model), &text("seconds", seconds)]);
        assert_eq!(body, expected.fields());
        assert_eq!(adjusted.is_some_and(|told| told.contains("model")), model != "sora-2");
    }
    let (body, _) = forwarded(SEED_SWITCH, &create(r#"{"model":"sora-2","prompt":"a","seconds":15}"#)).await;
    assert_eq!(body, json(r#"{"model":"sora-2-pro","prompt":"a","seconds":"15"}"#));
}

#[tokio::test]
async fn what_no_model_supports_is_refused_in_the_words_of_the_one_asked_for() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::start(&upstream, SEED_SWITCH).await;
    let answer = gateway.ask(&create(r#"{"model":"sora-2","prompt":"a","seconds":"7"}"#)).await;
    assert_eq!((answer.status(), answer.code().as_deref()), (400, Some("invalid_value")));
    assert!(answer.text().contains("'4', '8', and '12'"), "{}", answer.text());
    upstream.assert_untouched("what nobody makes");
}

#[tokio::test]
async fn auto_chooses_the_model_by_length() {
    let seed = "presets = [\"seed\"]\n[upstreams.main]\nbase_url = \"{upstream}\"";
    for (seconds, model) in [("4", "sora-2"), ("12", "sora-2"), ("10", "sora-2-pro"), ("25", "sora-2-pro")] {
        let sent = create(&format!("{{\"prompt\":\"a\",\"model\":\"auto\",\"seconds\":\"{seconds}\"}}"));
        let (body, adjusted) = forwarded(seed, &sent).await;
        let expected = format!("{{\"prompt\":\"a\",\"model\":\"{model}\",\"seconds\":\"{seconds}\"}}");
        assert_eq!(body, json(&expected));
        assert!(adjusted.is_some_and(|told| told.contains(model)), "{model}");
        let sent = form(&[PICTURE, &text("model", "auto"), &text("seconds", seconds), &text("prompt", "a")]);
        let (body, _) = forwarded(seed, &sent).await;
        let expected =
            form(&[PICTURE, &text("model", model), &text("seconds", seconds), &text("prompt", "a")]);
        assert_eq!(body, expected.fields());
    }
}

#[tokio::test]
async fn a_client_chooses_for_itself_only_where_it_may() {
    let sent = create(r#"{"model":"sora-2","prompt":"a","seconds":"5","size":"1280x720"}"#);
    let asked = sent.clone().with("x-reelgate-mode", "adjust");
    let (body, adjusted) = forwarded(MODE_HEADER, &asked).await;
    assert_eq!(body, json(r#"{"model":"sora-2","prompt":"a","seconds":"4","size":"1280x720"}"#));
    assert!(adjusted.is_some());

    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(
        gateway.ask(&asked).await.status(),
        400,
        "where the operator did not allow it, it means nothing"
    );
    let gateway = Gateway::start(&upstream, MODE_HEADER).await;
    for refused in [
        sent.clone(),
        sent.clone().with("x-reelgate-mode", "strict"),
        sent.clone().with("x-reelgate-mode", "ADJUST"),
        sent.clone().with("x-reelgate-mode", "yes"),
        sent.clone().with("x-reelgate-mode", "adjust").with("x-reelgate-mode", "adjust"),
    ] {
        assert_eq!(gateway.ask(&refused).await.status(), 400);
    }
    upstream.assert_untouched("refused modes");
}

/// A strict client is not adjusted where others are.
#[tokio::test]
async fn a_client_can_ask_not_to_be_adjusted() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = ADJUST.replace("on_unsupported", "mode_header = true\non_unsupported");
    let gateway = Gateway::start(&upstream, &configuration).await;
    let sent = create(r#"{"model":"sora-2","prompt":"a","seconds":"5"}"#).with("x-reelgate-mode", "strict");
    assert_eq!(gateway.ask(&sent).await.status(), 400);
    upstream.assert_untouched("strict");
}

/// ME03: adjustments are counted by field and model, and a failed create was adjusted as well.
#[tokio::test]
async fn adjustments_are_counted_and_told_of_even_when_the_upstream_fails() {
    let failed = answer(500, &[("content-type", "application/json")], r#"{"error":{"message":"m"}}"#);
    let upstream =
        Upstream::script(vec![Reply::job(), Reply::raw(failed), Reply::default().read().close()]).await;
    let gateway = Gateway::start(&upstream, ADJUST).await;
    let sent = create(r#"{"model":"sora-2","prompt":"a","seconds":"5","size":"1280x720"}"#);
    for status in [200, 500, 502] {
        let answer = gateway.ask(&sent).await;
        assert_eq!(answer.status(), status);
        assert!(answer.header("x-reelgate-adjusted").is_some(), "{status}");
    }
    let series = "reelgate_adjustments_total{field=\"seconds\",model=\"sora-2\"}";
    assert_eq!(gateway.metric(series), 3.0, "{}", gateway.page());
}
