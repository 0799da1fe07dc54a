//! JSON bodies.

use std::borrow::Cow;

use super::super::{Encoding, Layout, Limits, Value, parse};
use super::{CREATE, json, members, text, unknown};
use crate::rejection::{Noun, Param, Rejection};

/// Bodies that some parser or other takes for an object.
const MALFORMED: &[&[u8]] = &[
    b"",
    b" ",
    b"null",
    b"true",
    b"8",
    b"\"prompt\"",
    b"[]",
    b"[{\"prompt\":\"a\"}]",
    b"{",
    b"}",
    b"{\"prompt\"",
    b"{\"prompt\":",
    b"{\"prompt\":\"a",
    b"{\"prompt\":\"a\"",
    b"{\"prompt\":\"a\",}",
    b"{,\"prompt\":\"a\"}",
    b"{\"prompt\" \"a\"}",
    b"{\"prompt\":\"a\" \"size\":\"b\"}",
    b"{\"prompt\":\"a\"}}",
    b"{\"prompt\":\"a\"}{}",
    b"{\"prompt\":\"a\"} x",
    b"{\"prompt\":\"a\"}\0",
    b"{\"prompt\":\"a\"}\x0b",
    b"{\"prompt\":\"a\"}\xc2\xa0",
    b"\xef\xbb\xbf\xef\xbb\xbf{\"prompt\":\"a\"}",
    b"{\xef\xbb\xbf\"prompt\":\"a\"}",
    b"{prompt:\"a\"}",
    b"{'prompt':'a'}",
    b"{1:\"a\"}",
    b"{null:\"a\"}",
    b"{\"prompt\":a}",
    b"{\"prompt\":\"a\"} // comment",
    b"{/* comment */\"prompt\":\"a\"}",
    b"{\"seconds\":NaN}",
    b"{\"seconds\":Infinity}",
    b"{\"seconds\":-Infinity}",
    b"{\"seconds\":+8}",
    b"{\"seconds\":08}",
    b"{\"seconds\":.8}",
    b"{\"seconds\":8.}",
    b"{\"seconds\":-}",
    b"{\"seconds\":0x8}",
    b"{\"seconds\":8e}",
    b"{\"seconds\":1e999}",
    b"{\"seconds\":True}",
    b"{\"seconds\":nul}",
    b"{\"seconds\":[8,]}",
    b"{\"prompt\":\"line\nbreak\"}",
    b"{\"prompt\":\"\x00\"}",
    b"{\"prompt\":\"\\x41\"}",
    b"{\"prompt\":\"\\u00g0\"}",
    b"{\"prompt\":\"\\ud800\"}",
    b"{\"prompt\":\"\\udc00\"}",
    b"{\"prompt\":\"\\ud800\\ud800\"}",
    b"{\"prompt\":\"\\ud800x\"}",
    b"{\"\\ud800\":\"a\"}",
    b"{\"other\":\"\\ud800\"}",
    b"{\"input_reference\":{\"file_id\":\"\\udfff\"}}",
    b"{\"input_reference\":{\"\\udfff\":\"a\"}}",
    b"{\"prompt\":\"\xff\"}",
    b"{\"prompt\":\"\xed\xa0\x80\"}",
    b"{\"prompt\":\"\xc0\xaf\"}",
    b"{\"\xff\":1}",
    b"prompt=a",
    b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na\r\n--b--\r\n",
];

/// VA01.
#[test]
fn refuses_everything_that_is_not_one_well_formed_object() {
    assert!(MALFORMED.len() >= 32, "only {} bodies", MALFORMED.len());
    for body in MALFORMED {
        assert_eq!(json(body), Err(Rejection::MalformedJson), "{}", body.escape_ascii());
    }
}

/// VA03.
#[test]
fn refuses_a_doubled_name_at_any_depth_and_however_it_is_spelled() {
    for (body, name) in [
        (r#"{"prompt":"a","prompt":"a"}"#, "prompt"),
        (r#"{"prompt":"a","seconds":"4","prompt":"b"}"#, "prompt"),
        (r#"{"seconds":"4","\u0073econds":"8"}"#, "seconds"),
        (r#"{"other":1,"other":2}"#, "other"),
        (r#"{"":1,"":2}"#, ""),
        (r#"{"caf\u00e9":1,"café":2}"#, "café"),
        (r#"{"input_reference":{"file_id":"a","file_id":"b"}}"#, "file_id"),
        (r#"{"input_reference":{"file_id":"a","file\u005fid":"b"}}"#, "file_id"),
        (r#"{"other":[[{"a":{"b":1,"c":2,"b":3}}]]}"#, "b"),
    ] {
        assert_eq!(json(body.as_bytes()), Err(Rejection::DuplicateParameter(name.to_owned())), "{body}");
    }
    assert!(json(br#"{"other":[{"a":1},{"a":1}],"a":{"a":{"a":1}}}"#).is_ok());
}

/// VA03.
#[test]
fn takes_no_name_for_a_known_one_that_is_spelled_otherwise() {
    for name in ["Prompt", "PROMPT", "ſize", "inputReference", "prompt\\u0000", " seconds"] {
        let body = format!(r#"{{"other":1,"prompt":"a","{name}":"b"}}"#);
        let params = json(body.as_bytes()).unwrap();

        assert_eq!(unknown(&params), ["other", &name.replace("\\u0000", "\0")], "{body}");
        assert_eq!(text(&params, Param::Prompt), Some("a"));
    }
}

#[test]
fn reports_unknown_names_in_order() {
    let params = json(br#"{"prompt":"a","width":1,"height":2}"#).unwrap();
    assert_eq!(unknown(&params), ["width", "height"]);
    // A field of another operation is unknown here.
    assert_eq!(unknown(&json(br#"{"video":{"id":"a"}}"#).unwrap()), ["video"]);
}

#[test]
fn reads_the_members_of_an_object() {
    let video = |members: &str| format!(r#"{{"prompt":"a","video":{members}}}"#);
    let parse = |body: &str| {
        let params =
            parse(&Encoding::Json, body.as_bytes(), &[Param::Prompt, Param::Video], &Limits::default());
        let params = params.unwrap();
        let names = members(&params, Param::Video).into_iter().map(|(name, _)| name.to_owned());
        (names.collect::<Vec<_>>(), params.video_id().map(str::to_owned))
    };
    let id = Some("video_1".to_owned());
    for written in [r#"{"id":"video_1"}"#, r#"{ "\u0069d" : "v\u0069deo_1" }"#] {
        assert_eq!(parse(&video(written)), (vec!["id".to_owned()], id.clone()), "{written}");
    }
    for (written, names) in [
        (r#"{"id":"a","ID":"b"}"#, &["id", "ID"][..]),
        (r#"{"note":"b","id":"a"}"#, &["note", "id"]),
        (r#"{"id":null,"task_id":"a"}"#, &["id", "task_id"]),
        (r#"{"Id":"a"}"#, &["Id"]),
        (r#"{"id":{"id":"a"}}"#, &["id"]),
        (r#"{"id":["a"]}"#, &["id"]),
        ("{}", &[]),
        (r#"[{"id":"a"}]"#, &[]),
        (r#""a""#, &[]),
    ] {
        let found = parse(&video(written));
        assert_eq!(
            (found.0, found.1),
            (names.iter().map(|&name| name.to_owned()).collect(), None),
            "{written}"
        );
    }
}

#[test]
fn the_id_of_a_referenced_file_is_read() {
    for (written, id) in [
        (r#"{"file_id":"file-1"}"#, Some("file-1")),
        (r#"{"image_url":"x"}"#, None),
        (r#"{"file_id":"file-1","image_url":"x"}"#, None),
        (r#"{"file_id":"file-1","File_Id":"file-2"}"#, None),
        (r#"{"file_id":1}"#, None),
        (r#""file-1""#, None),
    ] {
        let body = format!(r#"{{"input_reference":{written}}}"#);
        assert_eq!(json(body.as_bytes()).unwrap().reference_file_id(), id, "{written}");
    }
}

#[test]
fn finds_every_kind_of_value_and_its_bytes() {
    for (written, value, noun) in [
        (r#""8""#, Value::Text("8".into()), Noun::String),
        (r#""""#, Value::Text("".into()), Noun::String),
        (r#""\u5341 \ud83d\ude00 \n""#, Value::Text("十 😀 \n".into()), Noun::String),
        ("8", Value::Integer("8"), Noun::Integer),
        ("-0", Value::Integer("-0"), Noun::Integer),
        ("123456789012345678901234567890", Value::Integer("123456789012345678901234567890"), Noun::Integer),
        ("8.0", Value::Decimal("8.0"), Noun::Decimal),
        ("8E0", Value::Decimal("8E0"), Noun::Decimal),
        ("1e-7", Value::Decimal("1e-7"), Noun::Decimal),
        ("true", Value::Boolean, Noun::Boolean),
        ("false", Value::Boolean, Noun::Boolean),
        ("null", Value::Null, Noun::Null),
        ("[1, [2]]", Value::Array, Noun::Array),
        (r#"{ "a" : "}" }"#, Value::Object, Noun::Object),
    ] {
        let body = format!("\r\n\t {{ \"model\" :\"m\", \"seconds\" \t:\n {written} \r, \"size\":\"s\"}} \n");
        let params = json(body.as_bytes()).unwrap();
        let field = params.get(Param::Seconds).unwrap();

        assert_eq!((&field.value, field.value.noun()), (&value, noun));
        assert_eq!(&body[field.range.clone()], written);
        assert_eq!(&body[params.get(Param::Size).unwrap().range.clone()], "\"s\"");
        assert_eq!(params.layout(), Layout::Json { insert_at: 5, empty: false });
    }
}

#[test]
fn borrows_text_without_escapes() {
    let params = json(br#"{"prompt":"a cat","size":"\u0061"}"#).unwrap();
    let is_borrowed = |param| matches!(params.get(param).unwrap().value, Value::Text(Cow::Borrowed(_)));
    assert!(is_borrowed(Param::Prompt));
    assert!(!is_borrowed(Param::Size));
}

#[test]
fn takes_an_object_without_members() {
    let params = json(b" { } ").unwrap();
    assert_eq!(params.layout(), Layout::Json { insert_at: 2, empty: true });
    assert_eq!(params.get(Param::Prompt), None);
    assert_eq!(unknown(&params), [""; 0]);
}

/// VA02.
#[test]
fn reads_no_deeper_than_the_limit() {
    let nested = |levels: usize, open: &str, close: &str| {
        format!("{{\"other\":{}1{}}}", open.repeat(levels - 1), close.repeat(levels - 1))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        assert!(json(nested(32, open, close).as_bytes()).is_ok());
        assert_eq!(json(nested(33, open, close).as_bytes()), Err(Rejection::MalformedJson));
        assert_eq!(json(nested(100_000, open, close).as_bytes()), Err(Rejection::MalformedJson));
        let unclosed = format!("{{\"other\":{}", open.repeat(100_000));
        assert_eq!(json(unclosed.as_bytes()), Err(Rejection::MalformedJson));
    }
}

/// VA02.
#[test]
fn remembers_no_more_names_than_the_limits() {
    let object = |names: usize| {
        let members: Vec<_> = (0..names).map(|name| format!("\"{name}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let inner = |names| format!("{{\"other\":{}}}", object(names));

    assert!(json(object(64).as_bytes()).is_ok());
    assert_eq!(json(object(65).as_bytes()), Err(Rejection::MalformedJson));
    assert_eq!(json(object(1_000_000).as_bytes()), Err(Rejection::MalformedJson));
    assert!(json(inner(1024).as_bytes()).is_ok());
    assert_eq!(json(inner(1025).as_bytes()), Err(Rejection::MalformedJson));
    assert_eq!(json(inner(1_000_000).as_bytes()), Err(Rejection::MalformedJson));
    let wide = format!("{{\"other\":[{}1]}}", "{\"a\":1},".repeat(100_000));
    assert!(json(wide.as_bytes()).is_ok());
}

#[test]
fn obeys_limits_other_than_the_default() {
    let limits = Limits { keys: 1, depth: 1, ..Limits::default() };
    let within = |body: &'static str| parse(&Encoding::Json, body.as_bytes(), CREATE, &limits);
    assert!(within(r#"{"prompt":"a"}"#).is_ok());
    assert_eq!(within(r#"{"prompt":"a","size":"b"}"#), Err(Rejection::MalformedJson));
    assert_eq!(within(r#"{"prompt":[]}"#), Err(Rejection::MalformedJson));
}

#[test]
fn reads_a_body_behind_a_byte_order_mark() {
    let body = b"\xef\xbb\xbf {\"prompt\":\"a\"}";
    let params = json(body).unwrap();
    let field = params.get(Param::Prompt).unwrap();
    assert_eq!(&body[field.range.clone()], b"\"a\"");
    assert_eq!(params.layout(), Layout::Json { insert_at: 5, empty: false });
}

/// VA02, VA17: the API takes a picture of 20,971,520 characters; nothing else is as long.
#[test]
fn a_picture_may_be_longer_than_everything_else() {
    let long = "A".repeat(20_971_520);
    for reference in [format!("{{\"image_url\":\"{long}\"}}"), format!("\"{long}\"")] {
        assert!(json(format!("{{\"prompt\":\"a\",\"input_reference\":{reference}}}").as_bytes()).is_ok());
    }
    for body in [
        format!("{{\"prompt\":\"{long}\"}}"),
        format!("{{\"input_reference\":{{\"file_id\":\"{long}\"}}}}"),
        format!("{{\"other\":{{\"image_url\":\"{long}\"}}}}"),
    ] {
        let refused = Err(Rejection::BodyTooLarge { limit: 1 << 20, read: body.len() as u64 });
        assert_eq!(json(body.as_bytes()), refused, "{body:.40}");
    }
}
