//! What a video may be: its seconds and its size, judged, spelled and moved.

use super::{adjusting, create, told};
use crate::capability::model::{Model, SendSeconds};
use crate::capability::seconds::SecondsRule;
use crate::capability::testing::{model, seed_table, seed_table_with};
use crate::capability::{Shared, Table};
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::rewrite::EditValue;

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
