//! Who asks: the models a client may use, and whose mode counts.

use super::{adjusting, judge, told};
use crate::capability::allowed::{Allowed, Asker};
use crate::capability::create::FIELDS;
use crate::capability::judgement::Judgement;
use crate::capability::model::OnUnsupported;
use crate::capability::testing::{model, seed_table, seed_table_with};
use crate::capability::{Mode, Shared, Table};
use crate::params::{self, Encoding};
use crate::rejection::{Param, Rejection};

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
fn the_clients_wish_wins_over_the_models_policy() {
    let body = r#"{"prompt":"a","model":"sora-2","seconds":"9","size":"1280x720"}"#;
    assert!(judge(&seed_table(), body, Some(Mode::Adjust)).is_ok());
    assert!(judge(&adjusting(), body, Some(Mode::Strict)).is_err());
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
