//! Fields that are not OpenAI's, in every call that costs money: what passes was judged, or named by the operator.

use super::Strict;
use crate::support::fields;
use crate::support::gateway::Gateway;
use crate::support::request::{Request, create, form, form_to, post, text};
use crate::support::upstream::{Reply, Upstream};

/// A preset, with a model that an operator narrowed down.
fn preset(name: &str) -> String {
    format!(
        "presets = [\"{name}\"]\n[models.\"wan2.2\"]\nseconds = {{ min = 1, max = 5 }}\nsizes = [\"832x480\"]\n\
         default_seconds = 4\nfps = {{ min = 16, max = 30 }}\nnum_inference_steps = {{ min = 1, max = 50 }}\n\
         [upstreams.main]\nbase_url = \"{{upstream}}\"\n"
    )
}

const SELF_HOSTED: [&str; 2] = ["vllm-omni", "sglang"];

/// Fields with which a server makes more than was judged, or reads and writes files of its own.
const DECIDING: &[(&str, &str)] = &[
    ("num_frames", "9600"),
    ("NUM_FRAMES", "9600"),
    ("numFrames", "9600"),
    ("num%5fframes", "9600"),
    ("width", "3840"),
    ("height", "2160"),
    ("short_edge", "2160"),
    ("aspect_ratio", "21:9"),
    ("resolution", "2160p"),
    ("duration", "60"),
    ("n", "10"),
    ("N", "10"),
    ("n[]", "10"),
    ("num_outputs_per_prompt", "10"),
    ("batch_size", "10"),
    ("video_params", "{\"num_frames\":9600}"),
    ("video_params[num_frames]", "9600"),
    ("extra_body", "{\"num_frames\":9600}"),
    ("extra_body[num_frames]", "9600"),
    ("extra_json", "{\"n\":10}"),
    ("extra_params", "{\"n\":10}"),
    ("enable_upscaling", "true"),
    ("enable_frame_interpolation", "true"),
    ("quality", "lossless"),
    ("lora", "{\"path\":\"/etc\"}"),
    ("output_path", "/home/app/.ssh"),
    ("video_path", "/etc/passwd"),
    ("perf_dump_path", "/tmp/x"),
    ("reference_url", "http://169.254.169.254/"),
    ("video_url", "http://169.254.169.254/"),
    ("callback_url", "http://example.com/"),
    ("webhook", "http://example.com/"),
    ("character_id", "char_1"),
    ("remixed_from_video_id", "video_2"),
    ("source_video_id", "video_2"),
];

/// The paid operations as forms and, where they may be, as JSON; each with one field more.
fn operations(name: &str, value: &str) -> Vec<Request> {
    let (prompt, seconds, id) = (text("prompt", "a"), text("seconds", "4"), text("video[id]", "video_1"));
    let film = "name=video; filename=\"a.mp4\"\r\nContent-Type: video/mp4\r\n\r\nx";
    let (extra, name_part) = (text(name, value), text("name", "bob"));
    let member = format!("{}:{}", serde_json::Value::from(name), serde_json::Value::from(value));
    let json = |target: &str, members: &str| post(target, &format!("{{{members},{member}}}"));
    vec![
        form(&[&prompt, &seconds, &extra]),
        form_to("/v1/videos/video_1/remix", &[&prompt, &extra]),
        form_to("/v1/videos/edits", &[&prompt, &id, &extra]),
        form_to("/v1/videos/edits", &[&extra, &prompt, film]),
        form_to("/v1/videos/extensions", &[&prompt, &seconds, &id, &extra]),
        form_to("/v1/videos/characters", &[&name_part, film, &extra]),
        json("/v1/videos", r#""prompt":"a","seconds":"4""#),
        json("/v1/videos/video_1/remix", r#""prompt":"a""#),
        json("/v1/videos/edits", r#""prompt":"a","video":{"id":"video_1"}"#),
        json("/v1/videos/extensions", r#""prompt":"a","seconds":"4","video":{"id":"video_1"}"#),
    ]
}

async fn assert_unknown(strict: &Strict, what: &str, name: &str, request: &Request) {
    let answer = strict.refused(what, request).await;
    let told = (answer.status(), answer.code());
    assert_eq!(told, (400, Some("unknown_parameter".to_owned())), "{what}: {}", answer.text());
    assert_eq!(answer.json()["error"]["message"], format!("Unknown parameter: '{name}'."), "{what}");
}

/// VA03, VA10: also where unknown fields are forwarded, for these are not among them.
#[tokio::test]
async fn fields_that_multiply_override_or_name_files_are_refused_in_every_paid_operation() {
    let forward = "presets = [\"openai\"]\n[shared]\nunknown_parameters = \"forward\"\n\
                   [upstreams.main]\nbase_url = \"{upstream}\"\n";
    for configuration in [preset("vllm-omni"), preset("sglang"), forward.to_owned()] {
        let strict = Strict::configured(&configuration).await;
        for (name, value) in DECIDING {
            for request in operations(name, value) {
                let what = format!("{configuration}\n{} {name}={value}", request.target());
                assert_unknown(&strict, &what, name, &request).await;
            }
        }
    }
}

/// VA03, VA10
#[tokio::test]
async fn a_field_of_another_operation_is_refused_where_it_is_not_judged() {
    let forward = "presets = [\"openai\"]\n[shared]\nunknown_parameters = \"forward\"\n\
                   [upstreams.main]\nbase_url = \"{upstream}\"\n";
    let strict = Strict::configured(forward).await;
    for name in ["seconds", "Seconds", "size", "model", "video_id", "input_reference", "name"] {
        let body = format!("{{\"prompt\":\"a\",\"{name}\":\"12\"}}");
        assert_unknown(&strict, &body, name, &post("/v1/videos/video_1/remix", &body)).await;
        let parts = [text("prompt", "a"), text(name, "12")];
        let remix = form_to("/v1/videos/video_1/remix", &[&parts[0], &parts[1]]);
        assert_unknown(&strict, name, name, &remix).await;
    }
}

/// VA17
#[tokio::test]
async fn fields_that_a_preset_names_reach_its_server_unchanged() {
    for name in SELF_HOSTED {
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::start(&upstream, &preset(name)).await;
        let fields =
            [("seed", "7"), ("negative_prompt", "{a} blur"), ("guidance_scale", "5.5"), ("fps", "24")];
        let fields = fields.map(|(name, value)| text(name, value));
        let mut parts = vec![text("prompt", "a"), text("model", "wan2.2"), text("num_inference_steps", "50")];
        parts.push(text("seconds", "4"));
        parts.extend(fields);
        let sent = form(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        let answer = gateway.ask(&sent).await;
        assert_eq!(answer.status(), 200, "{name}: {}", answer.text());
        assert_eq!(fields::of(&upstream.only()), sent.fields(), "{name}");
    }
}

#[tokio::test]
async fn numbers_with_a_range_pass_within_it_and_are_refused_outside_in_the_apis_words() {
    for name in SELF_HOSTED {
        let strict = Strict::configured(&preset(name)).await;
        for (field, value, message) in [
            (
                "fps",
                "31",
                "Invalid 'fps': integer above maximum value. Expected a value <= 30, but got 31 instead.",
            ),
            (
                "fps",
                "15",
                "Invalid 'fps': integer below minimum value. Expected a value >= 16, but got 15 instead.",
            ),
            ("fps", "24.0", "Invalid type for 'fps': expected an integer, but got a string instead."),
            (
                "num_inference_steps",
                "200",
                "Invalid 'num_inference_steps': integer above maximum value. \
                 Expected a value <= 50, but got 200 instead.",
            ),
        ] {
            let parts = [text("prompt", "a"), text("model", "wan2.2"), text(field, value)];
            let answer = strict.refused(field, &form(&[&parts[0], &parts[1], &parts[2]])).await;
            let error = &answer.json()["error"];
            assert_eq!((answer.status(), error["message"].as_str()), (400, Some(message)), "{name}");
            assert_eq!(error["param"], field);
        }
        let answer = strict.refused("a text", &create(r#"{"prompt":"a","model":"wan2.2","fps":"24"}"#)).await;
        assert_eq!(answer.code().as_deref(), Some("invalid_type"), "{}", answer.text());
        // Models that only match the preset's pattern.
        let steps = [("vllm-omni", "200", "201"), ("sglang", "100", "101")];
        let (_, most, more) = steps.into_iter().find(|(preset, ..)| *preset == name).expect("steps");
        let ask = |steps: &str| form(&[&text("prompt", "a"), &text("num_inference_steps", steps)]);
        strict.refused("too many steps", &ask(more)).await;
        assert_eq!(strict.gateway.ask(&ask(most)).await.status(), 200, "{name}");
    }
}

/// A remix is made by the model of the video it is made from, as far as the gateway knows that.
#[tokio::test]
async fn of_an_operation_the_range_is_that_of_the_videos_model() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::start(&upstream, &preset("sglang")).await;
    let made = create(r#"{"prompt":"a","model":"wan2.2","seconds":"4","size":"832x480"}"#);
    assert_eq!(gateway.ask(&made).await.status(), 200);
    let known = |fps: u32| post("/v1/videos/video_1/remix", &format!("{{\"prompt\":\"b\",\"fps\":{fps}}}"));
    let edit = |id: &str, fps: &str| {
        form_to("/v1/videos/edits", &[&text("fps", fps), &text("video[id]", id), &text("prompt", "b")])
    };
    for refused in [known(31), edit("video_1", "31")] {
        let answer = gateway.ask(&refused).await;
        assert_eq!(answer.code().as_deref(), Some("integer_above_max_value"), "{}", answer.text());
    }
    for unknown in [
        post("/v1/videos/video_2/remix", r#"{"prompt":"b","fps":24}"#),
        edit("video_2", "24"),
        form_to(
            "/v1/videos/characters",
            &[&text("name", "bob"), "name=video; filename=\"a\"\r\n\r\nx", &text("fps", "24")],
        ),
    ] {
        let answer = gateway.ask(&unknown).await;
        assert_eq!(answer.code().as_deref(), Some("unknown_parameter"), "{}", answer.text());
    }
    assert_eq!(upstream.count(), 1);
    for within in [known(30), edit("video_1", "16")] {
        let answer = gateway.ask(&within).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn what_the_operator_names_passes_and_what_it_refuses_does_not() {
    let upstream = Upstream::start(Reply::job()).await;
    let configuration = "presets = [\"vllm-omni\"]\n[shared]\nallowed_parameters = [\"num_frames\", \"lora\"]\n\
                         refused_parameters = [\"num_inference_steps\"]\n[upstreams.main]\nbase_url = \"{upstream}\"";
    let gateway = Gateway::start(&upstream, configuration).await;
    let ask = |name: &str| form(&[&text("prompt", "a"), &text(name, "40")]);
    for (sent, name) in ["num_frames", "lora[path]", "fps"].into_iter().enumerate() {
        let status = gateway.ask(&ask(name)).await.status();
        assert_eq!(status, if name == "fps" { 400 } else { 200 }, "{sent} {name}");
    }
    for name in ["Num_Frames", "num_inference_steps", "seed", "lora.path", "width"] {
        assert_eq!(gateway.ask(&ask(name)).await.code().as_deref(), Some("unknown_parameter"), "{name}");
    }
    assert_eq!(upstream.count(), 2);
}

/// VA14
#[tokio::test]
async fn the_query_of_a_paid_call_is_no_way_around() {
    let forward = "presets = [\"azure\"]\n[shared]\nunknown_parameters = \"forward\"\n\
                   [upstreams.main]\nbase_url = \"{upstream}\"\n";
    let strict = Strict::configured(forward).await;
    for query in [
        "seconds=12",
        "Seconds=12",
        "s%65conds=12",
        "seconds[]=12",
        "model=sora-2-pro",
        "num_frames=9600",
        "num%5Fframes=9600",
        "n=10",
        "n%5B%5D=10",
        "fps=60",
        "extra_body[n]=10",
        "output_path=/x",
        "api-version=1;num_frames=9600",
    ] {
        for request in operations("seed", "7") {
            let target = format!("{}?{query}", request.target());
            let answer = strict.refused(&target, &request.with_target(&target)).await;
            assert_eq!(answer.code().as_deref(), Some("unknown_parameter"), "{target}");
        }
    }
    let sent = create(r#"{"prompt":"a"}"#).with_target("/v1/videos?api-version=preview");
    assert_eq!(strict.gateway.ask(&sent).await.status(), 200);
}

/// VA03, VA10: the id that counts is the one that the upstream reads.
#[tokio::test]
async fn a_second_member_of_video_is_refused_wherever_it_stands() {
    let strict = Strict::start().await;
    let (prompt, seconds, id) = (text("prompt", "a"), text("seconds", "4"), text("video[id]", "video_1"));
    for other in ["video[note]", "video[ID]", "video[task_id]", "video[id][]", "video[file_id]"] {
        let other = text(other, "video_2");
        for request in [
            form_to("/v1/videos/edits", &[&prompt, &other, &id]),
            form_to("/v1/videos/edits", &[&id, &prompt, &other]),
            form_to("/v1/videos/extensions", &[&other, &seconds, &id, &prompt]),
        ] {
            assert_eq!(strict.refused(&other, &request).await.status(), 400);
        }
    }
    for video in [
        r#"{"id":"video_1","ID":"video_2"}"#,
        r#"{"ID":"video_2","id":"video_1"}"#,
        r#"{"id":null,"task_id":"video_1"}"#,
        r#"{"id":"video_1","file_id":"file-1"}"#,
        "{}",
        r#"{"id":""}"#,
    ] {
        let body = format!("{{\"prompt\":\"a\",\"video\":{video}}}");
        strict.refused(&body, &post("/v1/videos/edits", &body)).await;
        let body = format!("{{\"prompt\":\"a\",\"seconds\":\"4\",\"video\":{video}}}");
        strict.refused(&body, &post("/v1/videos/extensions", &body)).await;
    }
    for reference in [
        r#"{"file_id":"file-1","File_Id":"file-2"}"#,
        r#"{"file_id":"file-1","image_url":"https://example.com/"}"#,
        r#"{"path":"/etc/passwd"}"#,
        "{}",
    ] {
        let body = format!("{{\"prompt\":\"a\",\"input_reference\":{reference}}}");
        strict.refused(&body, &create(&body)).await;
    }
}

/// Servers read a text as a path of their own, and ignore an address.
#[tokio::test]
async fn a_self_hosted_server_gets_references_as_files_alone() {
    for name in SELF_HOSTED {
        let strict = Strict::configured(&preset(name)).await;
        for request in [
            create(r#"{"prompt":"a","input_reference":"/etc/passwd"}"#),
            create(r#"{"prompt":"a","input_reference":{"image_url":"https://example.com/a.png"}}"#),
            form(&[&text("prompt", "a"), &text("input_reference", "/etc/passwd")]),
            form(&[&text("prompt", "a"), &text("input_reference[image_url]", "https://example.com/a.png")]),
        ] {
            let answer = strict.refused(name, &request).await;
            assert_eq!(answer.code().as_deref(), Some("invalid_type"), "{}", answer.text());
        }
        let file = "name=\"input_reference\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG";
        assert_eq!(strict.gateway.ask(&form(&[&text("prompt", "a"), file])).await.status(), 200, "{name}");
    }
}
