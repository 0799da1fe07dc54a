//! Numbers that are judged by a model's own range: `fps` and `num_inference_steps`.

use super::{create, told};
use crate::capability::allowed::Asker;
use crate::capability::create::FIELDS;
use crate::capability::model::{Model, OnUnsupported};
use crate::capability::operations::Operation;
use crate::capability::ranges::{RANGED, Range, Ranged};
use crate::capability::testing::model;
use crate::capability::{Shared, Table};
use crate::params::{self, Encoding, Limits};
use crate::rejection::{Expected, Noun, Param, Rejection};

fn ranged(name: &str, seconds: &[u32], (min, max): (u32, u32)) -> Model {
    Model { ranges: vec![(Param::Fps, Range { min, max })], ..model(name, seconds) }
}

/// One model that takes `fps` from 12 to 60, and one that takes none.
fn table() -> Table {
    let mut wan = ranged("wan", &[4, 8], (12, 60));
    wan.aliases.push("wan-latest".into());
    Table::new(vec![wan, model("sora", &[4])], Some("wan".into()), Vec::new(), Shared::default())
}

fn unknown(param: Param) -> Rejection {
    Rejection::UnknownParameter(param.name().to_owned())
}

fn no_integer(param: Param, got: Noun) -> Rejection {
    Rejection::WrongType { param, expected: Expected::Type(Noun::Integer), got }
}

/// What becomes of a form that says this.
fn form(table: &Table, name: &str, value: &str) -> Result<(), Rejection> {
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!("{}{}--b--\r\n", part("prompt", "a"), part(name, value));
    let encoding = Encoding::Multipart { boundary: "b".to_owned() };
    let params = params::parse(&encoding, body.as_bytes(), FIELDS, &Limits::default())?;
    table.judge_create(&params, &Asker::default()).map(|_| ())
}

#[test]
fn a_whole_number_within_the_range_passes_as_it_was_sent() {
    for number in ["12", "24", "60"] {
        let judged = create(&table(), &format!("\"fps\":{number}")).expect(number);
        assert!(judged.edits.is_empty() && judged.adjustments.is_empty(), "{judged:?}");
        assert_eq!(form(&table(), "fps", number), Ok(()), "{number}");
    }
}

#[test]
fn a_number_outside_the_range_is_refused_with_its_limit() {
    let param = Param::Fps;
    for got in ["61", "9600", "99999999999999999999999"] {
        let reason = Rejection::AboveMax { param, max: 60, got: got.to_owned() };
        assert_eq!(create(&table(), &format!("\"fps\":{got}")).expect_err(got), reason);
        assert_eq!(form(&table(), "fps", got), Err(reason));
    }
    for got in ["11", "0", "-1", "-24", "-0"] {
        let reason = Rejection::BelowMin { param, min: 12, got: got.to_owned() };
        assert_eq!(create(&table(), &format!("\"fps\":{got}")).expect_err(got), reason);
        assert_eq!(form(&table(), "fps", got), Err(reason));
    }
}

#[test]
fn what_is_no_plain_integer_is_of_a_wrong_type() {
    let param = Param::Fps;
    for (written, got) in [
        ("\"24\"", Noun::String),
        ("24.0", Noun::Decimal),
        ("2.4e1", Noun::Decimal),
        ("true", Noun::Boolean),
        ("null", Noun::Null),
        ("[24]", Noun::Array),
        ("{\"max\":24}", Noun::Object),
    ] {
        let reason = create(&table(), &format!("\"fps\":{written}")).expect_err(written);
        assert_eq!(reason, no_integer(param, got), "{written}");
    }
    for text in ["", " 24", "24 ", "+24", "024", "24.0", "2e1", "0x18", "２４", "24,5", "null", "--24", "-"]
    {
        assert_eq!(form(&table(), "fps", text), Err(no_integer(param, Noun::String)), "{text:?}");
    }
    for (name, got) in [("fps[]", Noun::Array), ("fps[0]", Noun::Array), ("fps[max]", Noun::Object)] {
        assert_eq!(form(&table(), name, "24"), Err(no_integer(param, got)), "{name}");
    }
    for name in ["FPS", "fps ", "_fps", "fps.x", "[fps]", "f%70s"] {
        assert_eq!(form(&table(), name, "24"), Err(Rejection::UnknownParameter(name.to_owned())), "{name}");
    }
}

#[test]
fn a_model_without_a_range_knows_no_such_parameter() {
    assert_eq!(create(&table(), r#""model":"sora","fps":24"#).expect_err("none"), unknown(Param::Fps));
    assert_eq!(
        create(&table(), r#""num_inference_steps":30"#).expect_err("no model has one"),
        unknown(Param::NumInferenceSteps)
    );
    // Where no model has a range it is told before anything else, as of every unknown name.
    let reason = create(&table(), r#""num_inference_steps":30,"seconds":"9""#).expect_err("unknown");
    assert_eq!(reason, unknown(Param::NumInferenceSteps));
}

#[test]
fn where_the_operator_names_it_a_model_without_a_range_lets_it_pass() {
    let mut table = table();
    table.shared.allowed_parameters = RANGED.iter().map(|param| param.name().to_owned()).collect();
    for members in [r#""model":"sora","fps":9600"#, r#""num_inference_steps":"many""#] {
        assert!(create(&table, members).is_ok(), "{members}");
    }
    let reason = create(&table, r#""fps":61"#).expect_err("the range still counts");
    assert!(matches!(reason, Rejection::AboveMax { param: Param::Fps, .. }), "{reason:?}");
    table.shared.refused_parameters = vec!["fps".to_owned()];
    for members in [r#""fps":24"#, r#""model":"sora","fps":24"#] {
        assert_eq!(create(&table, members).expect_err(members), unknown(Param::Fps));
    }
}

/// The range of the model that is used counts, however it was chosen.
#[test]
fn the_range_is_that_of_the_model_that_answers() {
    assert!(create(&table(), r#""model":"wan-latest","fps":60"#).is_ok(), "an alias");
    let mut models = vec![ranged("short", &[4], (1, 30)), ranged("long", &[8], (1, 60))];
    let auto = vec!["short".into(), "long".into()];
    let table = Table::new(models.clone(), Some("short".into()), auto, Shared::default());
    assert!(create(&table, r#""model":"auto","seconds":"8","fps":60"#).is_ok(), "chosen by its seconds");
    let reason = create(&table, r#""model":"auto","seconds":"4","fps":60"#).expect_err("too many");
    assert_eq!(reason, Rejection::AboveMax { param: Param::Fps, max: 30, got: "60".to_owned() });

    for model in &mut models {
        model.rewrite.on_unsupported = OnUnsupported::Switch;
        model.rewrite.switch_to = vec!["plain".into(), "long".into()];
    }
    models.push(model("plain", &[4, 8]));
    let table = Table::new(models, Some("short".into()), Vec::new(), Shared::default());
    for members in [r#""seconds":"8","fps":60"#, r#""seconds":"8","fps":24"#] {
        let judged = create(&table, members).expect(members);
        assert_eq!(told(&judged), ["model=none->long"], "{members}");
    }
    let judged = create(&table, r#""seconds":"8""#).expect("no fps");
    assert_eq!(told(&judged), ["model=none->plain"]);
    let reason = create(&table, r#""seconds":"4","fps":60"#).expect_err("no other makes 4 s with 60");
    assert_eq!(reason, Rejection::AboveMax { param: Param::Fps, max: 30, got: "60".to_owned() });
}

#[test]
fn nothing_is_moved_into_the_range() {
    let mut wan = ranged("wan", &[4, 8], (12, 60));
    wan.rewrite.on_unsupported = OnUnsupported::Adjust;
    let table = Table::new(vec![wan], Some("wan".into()), Vec::new(), Shared::default());
    let judged = create(&table, r#""seconds":"5","fps":60"#).expect("adjusted");
    assert_eq!(told(&judged), ["seconds=5->4"]);
    let reason = create(&table, r#""seconds":"5","fps":61"#).expect_err("too many");
    assert!(matches!(reason, Rejection::AboveMax { param: Param::Fps, .. }), "{reason:?}");
}

/// Of an operation on a video, by the model that made the video.
#[test]
fn an_operation_is_judged_by_the_model_it_is_given() {
    let table = table();
    let judge = |body: &str, by: Option<&str>| {
        let operation = Operation::Remix;
        let params = params::parse(&Encoding::Json, body.as_bytes(), operation.fields(), &Limits::default())?;
        table.judge(operation, &params)?;
        let model = by.and_then(|name| table.configured(name));
        table.judge_ranged(&Ranged::of(&params), model.map(|model| &**model))
    };
    let remix = r#"{"prompt":"a","fps":24}"#;
    assert_eq!(judge(remix, Some("wan")), Ok(()));
    assert_eq!(
        judge(r#"{"prompt":"a","fps":61}"#, Some("wan")),
        Err(Rejection::AboveMax { param: Param::Fps, max: 60, got: "61".to_owned() })
    );
    for by in [Some("sora"), None] {
        assert_eq!(judge(remix, by), Err(unknown(Param::Fps)), "{by:?}");
    }
    let steps = r#"{"prompt":"a","num_inference_steps":24}"#;
    assert_eq!(judge(steps, Some("wan")), Err(unknown(Param::NumInferenceSteps)));
    assert_eq!(judge(r#"{"prompt":"a"}"#, None), Ok(()));
}
