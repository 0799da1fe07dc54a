//! The whole of a create: which of its mistakes is told, its prompt, and names that nobody knows.

use super::{create, judge};
use crate::capability::model::{SendSeconds, ServerDefaults};
use crate::capability::testing::{model, seed_table, seed_table_with};
use crate::capability::{Shared, Table, Unknown};
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::rewrite::{Edit, EditValue};

#[test]
fn what_the_table_allows_is_forwarded_without_an_edit() {
    for members in [
        "",
        r#""model":"sora-2""#,
        r#""model":"sora-2","seconds":"8","size":"1280x720""#,
        r#""model":"sora-2-pro","seconds":"25","size":"1792x1024""#,
        r#""input_reference":{"file_id":"file_1"}"#,
    ] {
        let judgement =
            create(&seed_table(), members).unwrap_or_else(|reason| panic!("{members}: {reason:?}"));
        assert!(judgement.edits.is_empty() && judgement.adjustments.is_empty(), "{members}: {judgement:?}");
    }
}

#[test]
fn defaults_count_and_are_not_written_where_the_server_has_the_same() {
    let judgement = create(&seed_table(), "").expect("a judgement");
    assert_eq!(judgement.model.as_ref().map(|model| &*model.name), Some("sora-2"));
    assert_eq!((judgement.seconds, judgement.size), (Some(4), "720x1280".parse().ok()));
    assert_eq!((judgement.edits.len(), judgement.defaults), (0, 0));
}

/// The server would take other values than those that are charged.
#[test]
fn defaults_are_written_where_the_server_has_others_or_is_not_known() {
    let size = "720x1280".parse().ok();
    let others = ServerDefaults { model: Some("other".into()), seconds: Some(5), size: "1x1".parse().ok() };
    for server in [ServerDefaults::default(), others] {
        let table = seed_table_with(|model| model.server_defaults = server.clone());
        let edits = |members: &str| {
            let judgement = create(&table, members).expect(members);
            assert!(judgement.adjustments.is_empty(), "the client did not choose another value");
            assert_eq!(judgement.edits_without_defaults(), []);
            assert_eq!((judgement.seconds.is_some(), judgement.size), (true, size));
            judgement.edits.iter().map(|edit| format!("{}={}", edit.param, edit.value)).collect::<Vec<_>>()
        };
        assert_eq!(edits(""), ["model=\"sora-2\"", "seconds=\"4\"", "size=\"720x1280\""]);
        assert_eq!(edits(r#""model":"sora-2-pro""#), ["seconds=\"10\"", "size=\"720x1280\""]);
        assert_eq!(edits(r#""model":"sora-2","seconds":"4""#), ["size=\"720x1280\""]);
        assert_eq!(edits(r#""seconds":"4","size":"720x1280""#), ["model=\"sora-2\""]);
    }
}

#[test]
fn a_default_is_written_as_the_server_wants_seconds() {
    for (send_seconds, value) in [
        (SendSeconds::Text, EditValue::Text("4".into())),
        (SendSeconds::AsSent, EditValue::Text("4".into())),
        (SendSeconds::Integer, EditValue::Integer(4)),
    ] {
        let table = seed_table_with(|model| {
            model.send_seconds = send_seconds;
            model.server_defaults.seconds = None;
        });
        let judgement = create(&table, "").expect("a judgement");
        assert_eq!(judgement.edits, [Edit { param: Param::Seconds, value }]);
    }
}

/// VA03: to a server that ignores case they are one.
#[test]
fn refuses_two_fields_that_differ_in_case_only() {
    let table = Table::new(
        vec![model("a", &[4])],
        Some("a".into()),
        Vec::new(),
        Shared { unknown_parameters: Unknown::Forward, ..Shared::default() },
    );
    assert!(create(&table, r#""seed":1,"Seed_2":2,"a-b":3,"ab":4"#).is_ok());
    for name in ["SEED", "Seed", "\u{17f}eed"] {
        let refused = create(&table, &format!("\"seed\":1,\"other\":2,\"{name}\":3")).expect_err(name);
        assert_eq!(refused, Rejection::DuplicateParameter(name.into()));
    }
}

/// Each body breaks every rule from its own onward; the first broken rule is the one that is told.
#[test]
fn one_error_is_told_and_it_is_the_first_in_order() {
    let table = seed_table();
    for (body, expected) in [
        (r#"{"duration":8,"model":5}"#, Rejection::UnknownParameter("duration".into())),
        (r#"{"model":5,"seconds":"9"}"#, Rejection::Missing(Param::Prompt)),
        (r#"{"prompt":5,"model":"x","seconds":"9"}"#, Rejection::UnknownModel("x".into())),
        (
            r#"{"prompt":5,"seconds":"9"}"#,
            Rejection::WrongType {
                param: Param::Prompt,
                expected: Expected::Type(Noun::String),
                got: Noun::Integer,
            },
        ),
        (r#"{"prompt":"","seconds":"9"}"#, Rejection::Empty(Param::Prompt)),
        (
            r#"{"prompt":"a","input_reference":[],"seconds":true}"#,
            Rejection::WrongType {
                param: Param::InputReference,
                expected: Expected::Type(Noun::File),
                got: Noun::Array,
            },
        ),
    ] {
        assert_eq!(judge(&table, body, None).expect_err(body), expected, "{body}");
    }
    let reason = create(&table, r#""seconds":true,"size":"9x9""#).expect_err("type before value");
    assert!(matches!(reason, Rejection::WrongType { param: Param::Seconds, .. }), "{reason:?}");
    for size in ["\"9x9\"", "\"1792x1024\"", "5"] {
        let members = format!("\"seconds\":\"9\",\"size\":{size}");
        let reason = create(&table, &members).expect_err("seconds come before size");
        assert!(matches!(reason, Rejection::NotListed { param: Param::Seconds, .. }), "{reason:?}");
    }
    let mut table = seed_table();
    table.shared.seconds = ["4", "8", "10", "12"].map(str::to_owned).to_vec();
    let reason =
        create(&table, r#""seconds":"10","size":"9x9""#).expect_err("shared lists before the model's");
    assert!(matches!(reason, Rejection::NotListed { param: Param::Size, .. }), "{reason:?}");
}

/// VA07: characters count, not bytes.
#[test]
fn a_prompt_is_measured_in_characters() {
    let prompt = |c: &str, count: usize| format!("{{\"prompt\":\"{}\"}}", c.repeat(count));
    assert!(judge(&seed_table(), &prompt("猫", 32_000), None).is_ok());
    assert_eq!(
        judge(&seed_table(), &prompt("猫", 32_001), None).expect_err("one too many"),
        Rejection::TooLong { param: Param::Prompt, max: 32_000, got: 32_001 }
    );
}

/// VA03, VA10: names a sloppy parser would take for a judged one never travel, even where unknown ones do.
#[test]
fn disguised_names_are_refused_even_where_unknown_ones_are_forwarded() {
    let table = Table::new(
        vec![model("sora-2", &[4])],
        Some("sora-2".into()),
        Vec::new(),
        Shared { unknown_parameters: Unknown::Forward, ..Shared::default() },
    );
    assert!(create(&table, r#""seed":5"#).is_ok());
    for members in [r#""Seconds":"99""#, r#""SECONDS":"99""#, "\"\u{17f}econds\":\"99\"", r#""Model":"x""#] {
        let reason = create(&table, members).expect_err(members);
        assert!(matches!(reason, Rejection::UnknownParameter(_)), "{members}: {reason:?}");
    }
}
