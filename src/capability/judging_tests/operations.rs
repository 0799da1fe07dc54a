//! What is not a create, and costs as much.

use crate::capability::Unknown;
use crate::capability::operations::Operation;
use crate::capability::testing::seed_table;
use crate::params::{self, Encoding};
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::rewrite::EditValue;

/// RT30's other half: what costs money is judged wherever it starts.
#[test]
fn operations_require_all_of_their_fields() {
    let mut table = seed_table();
    table.shared.extension_seconds = ["4", "8", "12", "16", "20"].map(str::to_owned).to_vec();
    let judge = |operation: Operation, body: &str| {
        let params =
            params::parse(&Encoding::Json, body.as_bytes(), operation.fields(), &params::Limits::default())?;
        table.judge(operation, &params)
    };
    let whole = r#"{"prompt":"more","video":{"id":"video_1"},"seconds":"20"}"#;
    assert_eq!(judge(Operation::Extend, whole), Ok(None));
    let edit = judge(Operation::Extend, &whole.replace("\"20\"", "20")).expect("lenient").expect("respelled");
    assert_eq!(edit.value, EditValue::Text("20".to_owned()));
    for (operation, body, reason) in [
        (Operation::Remix, "{}", Rejection::Missing(Param::Prompt)),
        (Operation::Remix, r#"{"prompt":""}"#, Rejection::Empty(Param::Prompt)),
        (Operation::Remix, whole, Rejection::UnknownParameter("video".into())),
        (Operation::Edit, r#"{"prompt":"x"}"#, Rejection::Missing(Param::Video)),
        (Operation::Remix, r#"{"prompt":"x","seconds":"60"}"#, Rejection::UnknownParameter("seconds".into())),
        (Operation::Character, r#"{"model":"x"}"#, Rejection::UnknownParameter("model".into())),
        (Operation::Extend, r#"{"prompt":"x","video":{"id":"v"}}"#, Rejection::Missing(Param::Seconds)),
        (
            Operation::Edit,
            r#"{"prompt":"x","video":"video_1"}"#,
            Rejection::WrongType {
                param: Param::Video,
                expected: Expected::Type(Noun::Object),
                got: Noun::String,
            },
        ),
        (
            Operation::Character,
            r#"{"video":{"id":"v"},"name":"bob"}"#,
            Rejection::WrongType {
                param: Param::Video,
                expected: Expected::Type(Noun::File),
                got: Noun::Object,
            },
        ),
    ] {
        assert_eq!(judge(operation, body), Err(reason), "{operation:?} {body}");
    }
    // Not even where unknown names are left to the upstream: these decide what is paid for.
    table.shared.unknown_parameters = Unknown::Forward;
    let judge = |operation: Operation, body: &str| {
        let params =
            params::parse(&Encoding::Json, body.as_bytes(), operation.fields(), &params::Limits::default())?;
        table.judge(operation, &params)
    };
    for name in ["seconds", "size", "model", "Video", "input_reference", "num_frames", "video_id"] {
        let body = format!("{{\"prompt\":\"x\",\"{name}\":\"1\"}}");
        assert_eq!(judge(Operation::Remix, &body), Err(Rejection::UnknownParameter(name.into())));
    }
    let reason = judge(Operation::Extend, &whole.replace("20", "10")).expect_err("not in the list");
    assert!(matches!(reason, Rejection::NotListed { param: Param::Seconds, .. }), "{reason:?}");
}
