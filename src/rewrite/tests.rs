//! What is written, as text and by reference.

use super::*;
use crate::params::{Encoding, Limits, parse};

const KNOWN: &[Param] = &[Param::Model, Param::Prompt, Param::InputReference, Param::Seconds, Param::Size];

fn text(param: Param, value: &str) -> Edit {
    Edit { param, value: EditValue::Text(value.to_owned()) }
}

fn integer(param: Param, value: u64) -> Edit {
    Edit { param, value: EditValue::Integer(value) }
}

fn written(content_type: &str, body: &Bytes, edits: &[Edit]) -> Vec<Bytes> {
    let encoding = Encoding::from_content_type(Some(content_type.as_bytes())).unwrap();
    let params = parse(&encoding, body, KNOWN, &Limits::default()).unwrap();
    let pieces = apply(body, &params, edits, &Boundary::new(0xb));
    assert!(pieces.iter().all(|piece| !piece.is_empty()));
    pieces
}

fn json(body: &'static str, edits: &[Edit]) -> String {
    let pieces = written("application/json", &Bytes::from_static(body.as_bytes()), edits);
    String::from_utf8(pieces.concat()).unwrap()
}

/// A form under the boundary `b` is written; ours is shown as `B`.
fn form(body: &str, edits: &[Edit]) -> String {
    let pieces = written("multipart/form-data; boundary=b", &body.to_owned().into(), edits);
    String::from_utf8(pieces.concat()).unwrap().replace(&Boundary::new(0xb).0, "B")
}

#[test]
fn json_is_written_with_plain_names_in_the_clients_order() {
    for (body, expected) in [
        ("{ }", "{}"),
        (" {\"prompt\" : 1}\n", "{\"prompt\":1}"),
        (r#"{"s\u0069ze" : "\u0061" , "prompt":[ 1, {} ]}"#, r#"{"size":"\u0061","prompt":[ 1, {} ]}"#),
        ("\u{feff}{\"caf\\u00e9\\\"\":true}", "{\"café\\\"\":true}"),
    ] {
        assert_eq!(json(body, &[]), expected);
    }
}

#[test]
fn json_values_are_replaced_in_their_place() {
    let body = r#" {"seconds" : 6 ,"prompt":"a","size":{"a":[1]}} "#;
    assert_eq!(
        json(body, &[text(Param::Size, "1280x720"), text(Param::Seconds, "8")]),
        r#"{"seconds":"8","prompt":"a","size":"1280x720"}"#
    );
    assert_eq!(json(r#"{"seconds":"8"}"#, &[integer(Param::Seconds, 8)]), r#"{"seconds":8}"#);
    assert_eq!(json("{}", &[text(Param::Model, "a\"\\\n\u{1}é")]), r#"{"model":"a\"\\\n\u0001é"}"#);
}

#[test]
fn json_members_that_were_absent_come_first() {
    assert_eq!(
        json(
            "{ \"seconds\":1}",
            &[integer(Param::Seconds, 4), text(Param::Size, "s"), text(Param::Model, "m")]
        ),
        r#"{"model":"m","size":"s","seconds":4}"#
    );
}

#[test]
fn of_two_edits_of_one_field_the_last_counts() {
    let edits = [text(Param::Model, "one"), text(Param::Model, "two")];
    assert_eq!(json(r#"{"model":"m"}"#, &edits), r#"{"model":"two"}"#);
    assert_eq!(json("{}", &edits), r#"{"model":"two"}"#);
}

/// VA10: whatever a part's head said, and however.
#[test]
fn a_form_is_written_with_heads_and_a_boundary_of_ours() {
    let body = "preamble\r\n--b \r\ncontent-type: TEXT/plain;\r\n charset=utf8\r\nX: y\r\n\
                CONTENT-DISPOSITION:form-data;\tsize=1;\r\n\tname=prompt;\r\nContent-Length: 5\r\n\r\na cat\r\n\
                --b\r\nContent-Disposition: form-data; filename*=utf-8''a%22%3B%E7%8C%AB; name=input_reference\r\n\
                Content-Type: image/png;\tx=\r\n y\r\n\r\n\r\nPNG--B\r\n\
                --b\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n\r\n--b-- \r\nepilogue";
    assert_eq!(
        form(body, &[]),
        "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n\
         --B\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a%22;猫\"\r\n\
         Content-Type: image/png; x= y\r\n\r\n\r\nPNG--B\r\n\
         --B\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n\r\n--B--\r\n"
    );
    assert_eq!(form("--b--", &[]), "--B--\r\n");
}

#[test]
fn a_forms_fields_are_replaced_in_their_place_and_added_before_all_others() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\r\nPNG\r\n\
                --b\r\nContent-Disposition: form-data; name=\"seconds\"\r\nContent-Length: 1\r\n\r\n6\r\n--b--\r\n";
    assert_eq!(
        form(body, &[integer(Param::Seconds, 8), text(Param::Size, "s"), text(Param::Model, "m")]),
        "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
         --B\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\ns\r\n\
         --B\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\
         Content-Type: application/octet-stream\r\n\r\nPNG\r\n\
         --B\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n8\r\n--B--\r\n"
    );
}

#[test]
fn a_value_replaces_all_parts_of_a_field_in_brackets() {
    let part = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nx\r\n");
    let body = format!("{}{}{}--b--", part("size[a]"), part("prompt"), part("size[b]"));
    assert_eq!(
        form(&body, &[text(Param::Size, "s")]),
        "--B\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\ns\r\n\
         --B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nx\r\n--B--\r\n"
    );
}

#[test]
fn files_and_long_values_are_not_copied() {
    let file =
        "--b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\r\nPNG\r\n--b--";
    let long = format!("{{\"prompt\":\"{}\"}}", "a".repeat(2000));
    for (content_type, body, shared) in [
        ("multipart/form-data; boundary=b", Bytes::from_static(file.as_bytes()), 3),
        ("application/json", Bytes::from(long), 2002),
    ] {
        let pieces = written(content_type, &body, &[]);
        let memory = body.as_ptr_range();
        let found: Vec<usize> =
            pieces.iter().filter(|piece| memory.contains(&piece.as_ptr())).map(Bytes::len).collect();
        assert_eq!((found, pieces.len()), (vec![shared], 3), "{content_type}");
    }
}
