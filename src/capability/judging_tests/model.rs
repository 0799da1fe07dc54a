//! Which model makes it: the one that was named, another one, or one nobody knows.

use super::{adjusting, create, told};
use crate::capability::model::{Model, OnUnsupported};
use crate::capability::testing::{model, seed_table, seed_table_with};
use crate::capability::{SecondsJson, Shared, Table, Unknown};
use crate::rejection::{Param, Rejection};
use crate::rewrite::EditValue;

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
fn a_refusal_of_auto_lists_what_any_of_its_models_takes() {
    let refused = |members: &str| create(&seed_table(), members).expect_err(members);
    let strings = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    for got in ["9", "30", "1"] {
        let seconds = refused(&format!(r#""model":"auto","seconds":"{got}""#));
        let allowed = strings(&["4", "8", "10", "12", "15", "25"]);
        let (param, got) = (Param::Seconds, got.to_owned());
        assert_eq!(seconds, Rejection::NotListed { param, got, allowed });
    }
    // Every size of the list shared by all models is one of some model: the chosen one's are the others.
    let reason = refused(r#""model":"auto","seconds":"4","size":"1792x1024""#);
    let (param, got) = (Param::Size, "1792x1024".to_owned());
    let (model, allowed) = ("sora-2".to_owned(), strings(&["720x1280", "1280x720"]));
    assert_eq!(reason, Rejection::NotForModel { param, model, got, allowed }, "another model makes no 4 s");
    // A named model speaks for itself.
    let seconds = refused(r#""model":"sora-2","seconds":"9""#);
    let (param, got, allowed) = (Param::Seconds, "9".to_owned(), strings(&["4", "8", "12"]));
    assert_eq!(seconds, Rejection::NotListed { param, got, allowed });
}

#[test]
fn a_refusal_of_auto_lists_the_sizes_of_all_its_models_where_there_is_no_other_list() {
    let mut table = seed_table();
    table.shared.size.clear();
    let reason =
        create(&table, r#""model":"auto","seconds":"4","size":"640x480""#).expect_err("no such size");
    let allowed = ["720x1280", "1280x720", "1024x1792", "1792x1024"].map(str::to_owned).to_vec();
    assert_eq!(reason, Rejection::NotListed { param: Param::Size, got: "640x480".to_owned(), allowed });
}

#[test]
fn a_model_left_out_is_chosen_by_duration_only_while_adjusting() {
    assert!(create(&seed_table(), r#""seconds":"15""#).is_err());
    let judgement = create(&adjusting(), r#""seconds":"15","size":"1280x720""#).expect("chosen");
    assert_eq!(told(&judgement), ["model=none->sora-2-pro"]);
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
fn switching_does_not_get_around_the_prompts_limit() {
    let table = seed_table_with(|model| {
        model.rewrite.on_unsupported = OnUnsupported::Switch;
        model.rewrite.switch_to = vec!["sora-2-pro".into()];
        model.prompt_max = if *model.name == *"sora-2-pro" { 3 } else { 100 };
    });
    assert!(create(&table, r#""model":"sora-2","seconds":"15""#).is_err());
}
