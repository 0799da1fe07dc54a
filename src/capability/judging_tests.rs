//! Judging whole creates: the order of checks, and what is moved, switched and told.

use super::allowed::{Allowed, Asker};
use super::create::FIELDS;
use super::judgement::Judgement;
use super::model::{Model, OnUnsupported, SendSeconds};
use super::operations::Operation;
use super::seconds::SecondsRule;
use super::testing::{model, seed_table, seed_table_with};
use super::{Mode, SecondsJson, Shared, Table, Unknown};
use crate::params::{self, Encoding};
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::rewrite::EditValue;

fn judge(table: &Table, body: &str, mode: Option<Mode>) -> Result<Judgement, Rejection> {
    let params = params::parse(&Encoding::Json, body.as_bytes(), FIELDS, &params::Limits::default())?;
    table.judge_create(&params, &Asker { mode, ..Asker::default() })
}

/// A create of these fields, JSON members without the braces, beside a prompt.
fn create(table: &Table, members: &str) -> Result<Judgement, Rejection> {
    let comma = if members.is_empty() { "" } else { "," };
    judge(table, &format!("{{\"prompt\":\"a cat\"{comma}{members}}}"), None)
}

fn adjusting() -> Table {
    seed_table_with(|model| model.rewrite.on_unsupported = OnUnsupported::Adjust)
}

fn told(judgement: &Judgement) -> Vec<String> {
    judgement.adjustments.iter().map(ToString::to_string).collect()
}

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
fn defaults_count_but_are_not_added() {
    let judgement = create(&seed_table(), "").expect("a judgement");
    assert_eq!(judgement.model.as_ref().map(|model| &*model.name), Some("sora-2"));
    assert_eq!((judgement.seconds, judgement.size), (Some(4), "720x1280".parse().ok()));
}

#[test]
fn each_model_has_its_own_list_of_seconds() {
    for (members, allowed) in [
        (r#""model":"sora-2","seconds":"10""#, vec!["4", "8", "12"]),
        (r#""model":"sora-2-pro","seconds":"10.""#, vec!["10", "15", "25"]),
        (r#""model":"sora-2-pro","seconds":"8""#, vec!["10", "15", "25"]),
    ] {
        let reason = create(&seed_table(), members).expect_err(members);
        let Rejection::NotListed { param: Param::Seconds, allowed: listed, .. } = &reason else {
            panic!("{members}: {reason:?}")
        };
        assert_eq!(*listed, allowed, "{members}");
    }
}

#[test]
fn the_shared_list_of_sizes_is_checked_before_the_models_own() {
    let reason =
        create(&seed_table(), r#""model":"sora-2","size":"1920x1080""#).expect_err("no model has it");
    assert!(matches!(reason, Rejection::NotListed { param: Param::Size, .. }), "{reason:?}");
    let reason =
        create(&seed_table(), r#""model":"sora-2","size":"1792x1024""#).expect_err("sora-2 has it not");
    assert!(matches!(reason, Rejection::NotForModel { param: Param::Size, .. }), "{reason:?}");
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

/// VA04: an integer is folded into the text that upstreams want, or kept where they want an integer.
#[test]
fn seconds_are_spelled_as_the_upstream_wants_them() {
    let sent = |spelling: SendSeconds, seconds: &str| {
        let table = seed_table_with(|model| model.send_seconds = spelling);
        let judgement = create(&table, &format!("\"seconds\":{seconds}")).expect("supported");
        assert!(judgement.adjustments.is_empty(), "a spelling is no adjustment");
        judgement.edits.first().map(|edit| edit.value.clone())
    };
    assert_eq!(sent(SendSeconds::Text, "8"), Some(EditValue::Text("8".into())));
    assert_eq!(sent(SendSeconds::Text, "\"8\""), None);
    assert_eq!(sent(SendSeconds::Integer, "\"8\""), Some(EditValue::Integer(8)));
    assert_eq!(sent(SendSeconds::Integer, "8"), None);
    assert_eq!(sent(SendSeconds::AsSent, "8"), None);
}

#[test]
fn adjusting_moves_what_is_unsupported_and_fills_what_is_absent() {
    for (members, expected) in [
        (
            r#""model":"sora-2","seconds":"10","size":"1920x1080""#,
            vec!["seconds=10->8", "size=1920x1080->1280x720"],
        ),
        (
            r#""model":"sora-2","seconds":"6","size":"1024x1792""#,
            vec!["seconds=6->4", "size=1024x1792->720x1280"],
        ),
        (r#""model":"sora-2-pro","size":"1280x720""#, vec!["seconds=none->10"]),
        (r#""model":"sora-2","seconds":"8""#, vec!["size=none->720x1280"]),
        (r#""model":"sora-2","seconds":"8","size":"1280x720""#, vec![]),
    ] {
        let judgement =
            create(&adjusting(), members).unwrap_or_else(|reason| panic!("{members}: {reason:?}"));
        assert_eq!(told(&judgement), expected, "{members}");
    }
}

#[test]
fn what_is_no_number_and_no_size_cannot_be_adjusted() {
    for members in [
        r#""seconds":"08""#,
        r#""seconds":"long""#,
        r#""size":"big""#,
        r#""size":"1000x1000""#,
        r#""seconds":""#,
    ] {
        assert!(create(&adjusting(), members).is_err(), "{members}");
    }
}

#[test]
fn switching_takes_the_first_model_that_supports_the_exact_request() {
    let table = seed_table_with(|model| {
        model.rewrite.on_unsupported = OnUnsupported::Switch;
        model.rewrite.switch_to = vec!["sora-2".into(), "sora-2-pro".into()];
    });
    let judgement = create(&table, r#""model":"sora-2","seconds":"15""#).expect("sora-2-pro makes it");
    assert_eq!(told(&judgement), ["model=sora-2->sora-2-pro"]);
    let judgement = create(&table, r#""seconds":"15""#).expect("sora-2-pro makes it");
    assert_eq!(told(&judgement), ["model=none->sora-2-pro"]);
    let reason = create(&table, r#""model":"sora-2","seconds":"9""#).expect_err("nobody makes it");
    assert!(matches!(reason, Rejection::NotListed { .. }), "{reason:?}");
}

#[test]
fn adjusting_does_not_get_around_the_shared_lists() {
    let mut table = adjusting();
    table.shared.seconds = ["4".to_owned()].to_vec();
    let reason =
        create(&table, r#""model":"sora-2","seconds":"9""#).expect_err("8 is in the model's list alone");
    assert!(matches!(reason, Rejection::NotListed { param: Param::Seconds, .. }), "{reason:?}");
    let table = Table::new(
        vec![Model {
            rewrite: adjusting().find("sora-2").expect("sora-2").rewrite.clone(),
            ..model("any", &[4])
        }],
        None,
        Vec::new(),
        Shared { size: vec!["1280x720".to_owned()], ..Shared::default() },
    );
    assert!(
        create(&table, r#""model":"any","size":"7680x4320""#).is_err(),
        "the model itself takes any size"
    );
}

#[test]
fn switching_does_not_get_around_the_prompts_limit() {
    let table = seed_table_with(|model| {
        model.rewrite.on_unsupported = OnUnsupported::Switch;
        model.rewrite.switch_to = vec!["sora-2-pro".into()];
        model.prompt_max = if *model.name == *"sora-2-pro" { 3 } else { 100 };
    });
    assert!(create(&table, r#""model":"sora-2","seconds":"15""#).is_err());
}

#[test]
fn auto_is_chosen_by_duration_and_told() {
    for (members, expected) in [
        (r#""model":"auto","seconds":"15""#, "model=auto->sora-2-pro"),
        (r#""model":"auto","seconds":"8""#, "model=auto->sora-2"),
        (r#""model":"auto""#, "model=auto->sora-2"),
    ] {
        assert_eq!(told(&create(&seed_table(), members).expect(members)), [expected], "{members}");
    }
    let reason = create(&seed_table(), r#""model":"auto","seconds":"9""#).expect_err("chosen, then judged");
    assert!(matches!(reason, Rejection::NotListed { param: Param::Seconds, .. }), "{reason:?}");
}

#[test]
fn a_model_left_out_is_chosen_by_duration_only_while_adjusting() {
    assert!(create(&seed_table(), r#""seconds":"15""#).is_err());
    let judgement = create(&adjusting(), r#""seconds":"15","size":"1280x720""#).expect("chosen");
    assert_eq!(told(&judgement), ["model=none->sora-2-pro"]);
}

#[test]
fn the_clients_wish_wins_over_the_models_policy() {
    let body = r#"{"prompt":"a","model":"sora-2","seconds":"9","size":"1280x720"}"#;
    assert!(judge(&seed_table(), body, Some(Mode::Adjust)).is_ok());
    assert!(judge(&adjusting(), body, Some(Mode::Strict)).is_err());
}

#[test]
fn an_alias_is_sent_by_its_real_name_and_a_pattern_as_the_client_wrote_it() {
    let mut renamed = Model { send_as: Some("deployment-7".into()), ..model("veo", &[8]) };
    renamed.aliases.push("veo-latest".into());
    let mut plain = model("wan", &[8]);
    plain.aliases.push("wan-latest".into());
    let table = Table::new(
        vec![renamed, plain, model("kling-*", &[8])],
        Some("veo".into()),
        Vec::new(),
        Shared::default(),
    );
    let sent = |members: &str| {
        let judgement = create(&table, members).expect(members);
        assert!(judgement.adjustments.is_empty(), "a name is the operator's business");
        judgement.edits.first().map(|edit| edit.value.clone())
    };
    let text = |name: &str| Some(EditValue::Text(name.to_owned()));
    assert_eq!(sent(r#""model":"veo-latest""#), text("deployment-7"));
    assert_eq!(sent(""), text("deployment-7"), "the upstream does not know the default by its public name");
    assert_eq!(sent(r#""model":"wan-latest""#), text("wan"));
    assert_eq!(sent(r#""model":"wan""#), None);
    assert_eq!(sent(r#""model":"kling-2""#), None);
}

#[test]
fn a_range_is_told_in_the_words_for_integers() {
    let ranged = Model { seconds: SecondsRule::Range { min: 2, max: 10, step: 2 }, ..model("wan", &[2]) };
    let table = Table::new(vec![ranged], Some("wan".into()), Vec::new(), Shared::default());
    let reason = |seconds: &str| create(&table, &format!("\"seconds\":\"{seconds}\"")).expect_err(seconds);
    assert!(matches!(reason("12"), Rejection::AboveMax { max: 10, .. }));
    assert!(matches!(reason("1"), Rejection::BelowMin { min: 2, .. }));
    assert!(matches!(reason("3"), Rejection::NotListed { .. }));
    assert!(matches!(reason("x"), Rejection::WrongType { expected: Expected::Type(Noun::Integer), .. }));
}

#[test]
fn an_unknown_model_is_forwarded_only_where_that_is_wanted() {
    let shared = Shared {
        unknown_model: Unknown::Forward,
        size: vec!["1280x720".to_owned()],
        seconds_json: SecondsJson::Strict,
        ..Shared::default()
    };
    let table = Table::new(Vec::new(), None, Vec::new(), shared);
    assert!(create(&table, r#""model":"new","seconds":"99""#).expect("forwarded").model.is_none());
    assert!(create(&table, r#""model":"new","size":"9x9""#).is_err(), "the shared lists still hold");
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
    let reason = judge(Operation::Extend, &whole.replace("20", "10")).expect_err("not in the list");
    assert!(matches!(reason, Rejection::NotListed { param: Param::Seconds, .. }), "{reason:?}");
}

/// What somebody who may only use some models is told.
fn limited(table: &Table, models: &[&str], members: &str) -> Result<Judgement, Rejection> {
    let body = format!("{{\"prompt\":\"a cat\",{members}}}");
    let params = params::parse(&Encoding::Json, body.as_bytes(), FIELDS, &params::Limits::default())?;
    let allowed = Allowed::new(models.iter().map(|&name| name.to_owned()).collect());
    table.judge_create(&params, &Asker { models: Some(&allowed), name: Some("team"), ..Asker::default() })
}

fn no_access<T>(model: &str) -> Result<T, Rejection> {
    Err(Rejection::NoModelAccess { client: "team".to_owned(), model: model.to_owned() })
}

#[test]
fn a_model_that_is_not_allowed_is_refused_whatever_it_is_called() {
    let mut sora = model("sora-2", &[4]);
    sora.aliases.push("sora".into());
    let table = Table::new(vec![sora, model("veo", &[8])], Some("veo".into()), Vec::new(), Shared::default());
    let name = |judged: Result<Judgement, Rejection>| {
        judged.map(|judgement| judgement.model.expect("one").name.to_string())
    };
    for members in [r#""model":"sora""#, r#""model":"sora-2","seconds":"4""#] {
        assert_eq!(name(limited(&table, &["sora-2"], members)), Ok("sora-2".to_owned()), "{members}");
    }
    assert_eq!(name(limited(&table, &["veo"], r#""model":"sora""#)), no_access("sora"));
    assert_eq!(name(limited(&table, &["sora-2"], r#""seconds":"8""#)), no_access("veo"), "the default one");
    assert_eq!(
        name(limited(&table, &["sora-2"], r#""model":"nobodys""#)),
        Err(Rejection::UnknownModel("nobodys".to_owned()))
    );
}

#[test]
fn what_is_left_to_us_is_never_a_model_that_is_not_allowed() {
    let switching = seed_table_with(|model| {
        model.rewrite.on_unsupported = OnUnsupported::Switch;
        model.rewrite.switch_to = vec!["sora-2-pro".into()];
    });
    let ten = r#""model":"sora-2","seconds":"10""#;
    let name = |judged: Result<Judgement, Rejection>| {
        judged.map(|judgement| judgement.model.expect("one").name.to_string())
    };
    assert_eq!(name(limited(&switching, &["sora-*"], ten)), Ok("sora-2-pro".to_owned()));
    let refused = name(limited(&switching, &["sora-2"], ten));
    assert!(matches!(refused, Err(Rejection::NotListed { param: Param::Seconds, .. })), "{refused:?}");

    let auto = r#""model":"auto","seconds":"10""#;
    assert_eq!(name(limited(&switching, &["sora-2-pro"], auto)), Ok("sora-2-pro".to_owned()));
    let judged = limited(&adjusting(), &["sora-2"], auto).expect("adjusted");
    assert_eq!(told(&judged), ["model=auto->sora-2", "seconds=10->8", "size=none->720x1280"]);
    assert_eq!(name(limited(&switching, &["veo"], auto)), no_access("sora-2-pro"));
}

#[test]
fn a_clients_setting_takes_the_place_of_the_models_and_its_own_wish_that_of_both() {
    let judged = |on_unsupported, mode| {
        let body = br#"{"prompt":"a cat","model":"sora-2","seconds":"10"}"#;
        let params = params::parse(&Encoding::Json, body, FIELDS, &params::Limits::default()).expect("JSON");
        adjusting().judge_create(&params, &Asker { mode, on_unsupported, ..Asker::default() })
    };
    assert!(judged(None, None).is_ok());
    assert!(judged(Some(OnUnsupported::Reject), None).is_err());
    assert!(judged(Some(OnUnsupported::Reject), Some(Mode::Adjust)).is_ok());
    assert!(judged(Some(OnUnsupported::Adjust), Some(Mode::Strict)).is_err());
}
