//! Multipart bodies.

use super::super::{Encoding, Layout, Limits, Value, parse};
use super::{CREATE, form, form_within, members, text, unknown};
use crate::rejection::{Expected, Noun, Param, PartFlaw, Rejection};

/// A form with the boundary `b` from heads and contents.
fn body<H: AsRef<str>>(parts: &[(H, &str)]) -> String {
    let parts = parts.iter().map(|(head, content)| format!("--b\r\n{}\r\n\r\n{content}\r\n", head.as_ref()));
    parts.chain(["--b--\r\n".to_owned()]).collect()
}

/// A form whose parts have nothing but names; all say `x`.
fn named(names: &[&str]) -> String {
    let heads: Vec<_> =
        names.iter().map(|name| (format!("Content-Disposition: form-data; name=\"{name}\""), "x")).collect();
    body(&heads)
}

/// A form with one part, of which the head is given.
fn headed(head: &str) -> String {
    body(&[(head, "x")])
}

/// Checks that a form is refused for the way it is written.
fn assert_malformed(sent: &[u8], what: &str) {
    let found = form(sent).map(|_| ());
    assert!(
        matches!(found, Err(Rejection::MalformedForm | Rejection::MalformedPart { .. })),
        "{what:?} {}: {found:?}",
        sent.get(..200).unwrap_or(sent).escape_ascii()
    );
}

#[test]
fn reads_texts_and_files() {
    let sent = body(&[
        ("Content-Disposition: form-data; name=\"prompt\"", " a\r\n\r\ncat \r\n--c\r\n"),
        ("content-disposition:form-data ;NAME=seconds\r\ncontent-type: text/plain; charset=UTF-8", "8"),
        (
            "Content-Disposition: form-data; name=\"input_reference\"; filename=\"ré;f.png\"\r\n\
             Content-Type: image/png\r\nX-Other: é",
            "\0\n",
        ),
        (
            "Content-Disposition: form-data; name=\"size\"\r\nContent-Length: 0\r\n\
             Content-Transfer-Encoding: 8BIT",
            "",
        ),
    ]);
    let params = form(sent.as_bytes()).unwrap();

    assert_eq!(text(&params, Param::Prompt), Some(" a\r\n\r\ncat \r\n--c\r\n"));
    assert_eq!(text(&params, Param::Seconds), Some("8"));
    assert_eq!(text(&params, Param::Size), Some(""));
    let file = params.get(Param::InputReference).unwrap();
    assert_eq!(file.value, Value::File { content_type: Some("image/png") });
    assert_eq!(file.value.noun(), Noun::File);
    assert!(
        sent[file.range.clone()].starts_with("Content-Disposition: form-data; name=\"input_reference\";")
    );
    assert!(sent[file.range.clone()].ends_with("\r\n\r\n\0\n"));
    let size = params.get(Param::Size).unwrap().range.clone();
    assert!(
        sent[size.clone()].starts_with("Content-Disposition: form-data; name=\"size\"\r\nContent-Length")
    );
    assert!(sent[size].ends_with("8BIT\r\n\r\n"));
    assert_eq!(params.get(Param::Model), None);
    assert_eq!(unknown(&params), [""; 0]);
    assert_eq!(params.layout(), Layout::Form { delimiter: b"--b" });
}

#[test]
fn takes_a_part_with_an_empty_file_name_for_a_file() {
    let params_of = headed("Content-Disposition: form-data; name=\"prompt\"; filename=\"\"");
    let params = form(params_of.as_bytes()).unwrap();
    assert_eq!(params.get(Param::Prompt).unwrap().value, Value::File { content_type: None });
}

#[test]
fn files_need_not_be_text() {
    let mut sent =
        b"--b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=a\r\n\r\n".to_vec();
    sent.extend((0..=255).chain(0..=255));
    sent.extend(b"\r\n--b--");
    assert!(form(&sent).is_ok());
}

#[test]
fn takes_a_form_without_parts() {
    for sent in ["--b--", "--b--\r\n"] {
        assert_eq!(form(sent.as_bytes()).unwrap().get(Param::Prompt), None);
    }
}

/// Part heads that no two parsers are sure to read alike.
const AMBIGUOUS_HEADS: &[&str] = &[
    "",
    "X-Other: a",
    "Content-Type: text/plain",
    "Content-Disposition",
    "Content-Disposition:",
    "Content-Disposition: form-data",
    "Content-Disposition: form-data;",
    "Content-Disposition: form-data; name",
    "Content-Disposition: form-data; name=",
    "Content-Disposition: form-data; name=\"prompt",
    "Content-Disposition: form-data; name=\"prompt\"x",
    "Content-Disposition: form-data; name=\"prompt\" filename=\"a\"",
    "Content-Disposition: form-data; name=\"prompt\", name=\"size\"",
    "Content-Disposition: form-data; name='prompt\"",
    "Content-Disposition: form-data; name=\"size\"; name=\"prompt\"",
    "Content-Disposition: form-data; name=\"size\"; NAME=\"size\"",
    "Content-Disposition: form-data; name*=utf-8''prompt",
    "Content-Disposition: form-data; name=\"size\"; name*=utf-8''prompt",
    "Content-Disposition: form-data; name*0=\"pro\"; name*1=\"mpt\"",
    "Content-Disposition: form-data; filename=\"a\"",
    "Content-Disposition: form-data; name=\"prompt\"; filename=\"a\"; filename=\"b\"",
    "Content-Disposition: form-data; name=\"prompt\"; filename=\"a\\\"",
    "Content-Disposition: form-data; name=\"pro\\mpt\"",
    "Content-Disposition: form-data; name=\"prompt; filename=a\"",
    "Content-Disposition: form-data; name=\"pro\tmpt\"; filename=\"a\0b\"",
    "Content-Disposition: form-data; name=\"prompt\0\"",
    "Content-Disposition: form-data; name=\"prompt\u{85}\"",
    "Content-Disposition: attachment; name=\"prompt\"",
    "Content-Disposition: file; name=\"prompt\"",
    "Content-Disposition: \"form-data\"; name=\"prompt\"",
    "Content-Disposition : form-data; name=\"prompt\"",
    " Content-Disposition: form-data; name=\"prompt\"",
    "Content-Disposition: form-data; name=\"size\"\r\n\t; filename: a",
    "Content-Disposition: form-data; name=\"prompt\"\nX-Other: a",
    "Content-Disposition: form-data; name=\"prompt\"\rX-Other: a",
    "X-Other: a\nContent-Disposition: form-data; name=\"prompt\"",
    "Content-Disposition: form-data; name=\"prompt\"\r\n: a",
    "Content-Disposition: form-data; name=\"prompt\"\r\nX Other: a",
    "Content-Disposition: form-data; name=\"prompt\"\r\nno colon",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Disposition: form-data; name=\"size\"",
    "Content-Disposition: form-data; name=\"prompt\"\r\ncontent-disposition: form-data; name=\"prompt\"",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent_Disposition: form-data; name=\"size\"",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain\r\nContent-Type: text/plain",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset=utf-16",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/html",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: application/json",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: application/octet-stream",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: multipart/mixed; boundary=c",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type:",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Transfer-Encoding: base64",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Transfer-Encoding: quoted-printable",
    "Content-Disposition: form-data; name=\"prompt\"; filename=a\r\nContent-Transfer-Encoding: base64",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Encoding: gzip",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Length: 2",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Length: 01",
    "Content-Disposition: form-data; name=\"prompt\"\r\n--b: a",
    "Content-Disposition: form-data; name=\"=?utf-8?B?c2l6ZQ==?=\"",
    "Content-Disposition: form-data; name=\"a;b\"",
    "Content-Disposition: form-data; name=\"pro\r\n mpt\"",
    "Content-Disposition: form-data; name=\"prompt\"; filename=a; filename*=utf-8''%zz",
    "Content-Disposition: form-data; name=\"prompt\"; filename*=a",
    "Content-Disposition: form-data; name=\"prompt\"\r\n\tno: header\r\nContent-Type: text/html",
];

/// Part heads that say `prompt` and `x`, each in another way.
const SPELLINGS: &[&str] = &[
    "content-disposition:FORM-DATA;NAME=prompt",
    "Content-Disposition: form-data;\tname=\"prompt\"; ",
    "Content-Disposition: form-data ; name = prompt;;",
    "Content-Disposition: form-data;\r\n name=\"prompt\"",
    "Content-Disposition:\r\n\tform-data;\r\n\tname=\"prompt\"",
    "Content-Disposition: form-data; name=\"prompt\"; size=1; creation-date=\"x; y\"",
    "MIME-Version: 1.0\r\nContent-ID: <a>\r\nContent-Disposition: form-data; name=\"prompt\"",
    "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=prompt",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: Text/Plain;charset=UTF8",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n\
     Content-Transfer-Encoding: 7bit",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n\
     Content-Transfer-Encoding: 8bit\r\nContent-Length: 1",
    "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Encoding: identity",
];

/// VA17.
#[test]
fn reads_every_spelling_that_has_one_meaning() {
    for head in SPELLINGS {
        let sent = headed(head);
        let params = form(sent.as_bytes()).unwrap_or_else(|reason| panic!("{head:?}: {reason:?}"));
        assert_eq!(text(&params, Param::Prompt), Some("x"), "{head:?}");
    }
}

/// VA17: file names as .NET, Go, Python and browsers write them.
#[test]
fn reads_every_spelling_of_a_file_name() {
    for (parameters, filename) in [
        ("filename=cat.png; filename*=utf-8''cat.png", "cat.png"),
        ("filename=\"=?utf-8?B?54yrLnBuZw==?=\"; filename*=utf-8''%E7%8C%AB.png", "猫.png"),
        ("filename*=utf-8''a%20b.png", "a b.png"),
        ("filename=\"a;b=c.png\"", "a;b=c.png"),
        ("filename=\"a; name=size; b\"", "a; name=size; b"),
        ("filename=\"a\\\"b\\\\.png\"", "a\"b\\.png"),
        ("filename=\"C:\\a.png\"", "C:\\a.png"),
    ] {
        let sent = headed(&format!("Content-Disposition: form-data; name=input_reference; {parameters}"));
        let params = form(sent.as_bytes()).unwrap_or_else(|reason| panic!("{parameters}: {reason:?}"));
        assert_eq!(params.get(Param::InputReference).unwrap().value, Value::File { content_type: None });
        let file = params.entries()[0].file.as_ref().expect(parameters);
        assert_eq!(file.filename, filename, "{parameters}");
    }
}

/// A text in a character set of which only ASCII is read.
#[test]
fn refuses_signs_of_another_character_set() {
    for charset in ["us-ascii", "iso-8859-1"] {
        let head = "Content-Disposition: form-data; name=\"prompt\"\r\nContent-Type: text/plain; charset=";
        let sent = body(&[(format!("{head}{charset}"), "é")]);
        let refused = Err(Rejection::MalformedPart { part: 1, flaw: PartFlaw::NotText });
        assert_eq!(form(sent.as_bytes()), refused, "{charset}");
    }
}

#[test]
fn a_refusal_says_which_part_is_wrong_and_why() {
    let part = |head: &str| (format!("Content-Disposition: form-data; name=\"{head}"), "x");
    for (head, flaw) in [
        ("b\"; filename=\"c\"; filename=\"d\"", PartFlaw::TwoFilenames),
        ("b\"\r\nContent-Transfer-Encoding: base64", PartFlaw::TransferEncoding),
        ("b\"\r\nContent-Type: application/json", PartFlaw::TextType),
        (
            "b\"\r\ncontent-type: text/plain\r\nContent-Type: text/plain",
            PartFlaw::DoubledHeader("Content-Type"),
        ),
        ("b\"\nX: y", PartFlaw::HeadControl),
    ] {
        let sent = body(&[part("a\""), part(head)]);
        assert_eq!(form(sent.as_bytes()), Err(Rejection::MalformedPart { part: 2, flaw }), "{head:?}");
    }
}

/// VA08, VA10. Delimiters have a table of their own, beside the code that finds them.
#[test]
fn refuses_part_heads_that_two_parsers_could_read_differently() {
    assert!(AMBIGUOUS_HEADS.len() >= 40, "only {} heads", AMBIGUOUS_HEADS.len());
    for head in AMBIGUOUS_HEADS {
        assert_malformed(headed(head).as_bytes(), head);
    }
}

/// VA08.
#[test]
fn refuses_bytes_that_are_no_text() {
    for sent in [
        &b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n\xff\r\n--b--"[..],
        b"--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n\xff\r\n--b--",
        b"--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\na\r\n--b--",
        b"--b\r\nContent-Disposition: form-data; name=\"prompt\"; filename=\"\xff\"\r\n\r\na\r\n--b--",
        b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\nX-Other: \xff\r\n\r\na\r\n--b--",
    ] {
        assert_malformed(sent, "no text");
    }
}

/// VA10.
#[test]
fn refuses_a_doubled_field_in_any_spelling() {
    for (names, doubled) in [
        (&["prompt", "prompt"][..], "prompt"),
        (&["prompt", "seconds", "other", "prompt"], "prompt"),
        (&["other", "other"], "other"),
        (&["", ""], ""),
        (&["input_reference", "input_reference[file_id]"], "input_reference"),
        (&["input_reference[file_id]", "input_reference"], "input_reference"),
        (&["input_reference", "input_reference[]"], "input_reference"),
        (&["input_reference[0]", "input_reference[0]"], "input_reference[0]"),
        (&["input_reference[file_id]", "input_reference[file_id]"], "input_reference[file_id]"),
        (&["input_reference[file_id]", "input_reference[file_id][]"], "input_reference"),
        (&["input_reference[a][b]", "input_reference[a]"], "input_reference"),
        (&["input_reference[0]", "input_reference[file_id]"], "input_reference"),
        (&["input_reference[]", "input_reference[0]"], "input_reference"),
        (&["other[a]", "other"], "other"),
        (&["other[a]", "other[a]"], "other[a]"),
    ] {
        let refused = Err(Rejection::DuplicateParameter(doubled.to_owned()));
        assert_eq!(form(named(names).as_bytes()), refused, "{names:?}");
    }
}

/// VA10.
#[test]
fn takes_no_name_for_a_known_one_that_is_spelled_otherwise() {
    for name in [
        "Prompt",
        "pRompt",
        " prompt",
        "ſeconds",
        "inputReference",
        "Input_Reference[file_id]",
        "[prompt]",
        "prompt[",
        "prompt]",
        "prompt[]x",
        "prompt[[]]",
        "input_reference[file_id",
        "input_reference[00]",
        "input_reference.file_id",
    ] {
        let sent = named(&["other", name]);
        let params = form(sent.as_bytes()).unwrap();

        assert_eq!(unknown(&params), ["other", name]);
        assert!(CREATE.iter().all(|param| params.get(*param).is_none()), "{name}");
    }
}

#[test]
fn reads_brackets_as_arrays_and_objects() {
    for (names, value) in [
        (&["input_reference[]"][..], Value::Array),
        (&["input_reference[]", "input_reference[]"], Value::Array),
        (&["input_reference[0]", "input_reference[1]"], Value::Array),
        (&["input_reference[0][a]", "input_reference[0][b]"], Value::Array),
        (&["input_reference[file_id]", "input_reference[image_url]"], Value::Object),
        (&["input_reference[a][]", "input_reference[a][]"], Value::Object),
    ] {
        let sent = named(names);
        let params = form(sent.as_bytes()).unwrap();
        assert_eq!(params.get(Param::InputReference).unwrap().value, value, "{names:?}");
        assert_eq!(unknown(&params), [""; 0]);
    }
}

#[test]
fn an_unknown_field_in_brackets_is_unknown_and_may_repeat_as_an_array() {
    let sent = named(&["prompt", "obj[a][]", "obj[a][]", "foo"]);
    let params = form(sent.as_bytes()).unwrap();
    assert_eq!(unknown(&params), ["obj[a][]", "obj[a][]", "foo"]);
}

/// The member counts, not the place it has among the parts.
#[test]
fn reads_the_members_of_an_object_wherever_they_stand() {
    let part = |name: &str, content: &'static str| {
        (format!("Content-Disposition: form-data; name=\"{name}\""), content)
    };
    let sent = body(&[part("video[id]", "video_1"), part("prompt", "a")]);
    let read = |sent: &str| -> (Vec<(String, Option<String>)>, Option<String>) {
        let encoding = Encoding::Multipart { boundary: "b".to_owned() };
        let params = parse(&encoding, sent.as_bytes(), &[Param::Prompt, Param::Video], &Limits::default());
        let params = params.unwrap();
        let owned = members(&params, Param::Video).into_iter();
        let owned = owned.map(|(name, text)| (name.to_owned(), text.map(str::to_owned))).collect();
        (owned, params.video_id().map(str::to_owned))
    };
    let member = |name: &str, text: &str| (name.to_owned(), Some(text.to_owned()));
    assert_eq!(read(&sent), (vec![member("id", "video_1")], Some("video_1".to_owned())));
    for (first, second) in [("note", "id"), ("id", "note"), ("id", "ID"), ("task_id", "id")] {
        let parts = [part(&format!("video[{first}]"), "one"), part(&format!("video[{second}]"), "two")];
        let sent = body(&parts);
        assert_eq!(read(&sent), (vec![member(first, "one"), member(second, "two")], None), "{sent}");
    }
    for other in ["ID", "Id", "", "0", "id][", "id][a", "file_id"] {
        let sent = body(&[part(&format!("video[{other}]"), "one")]);
        assert_eq!(read(&sent).1, None, "{sent}");
    }
    let file = "Content-Disposition: form-data; name=\"video[id]\"; filename=\"a\"";
    assert_eq!(read(&body(&[(file, "one")])), (vec![("id".to_owned(), None)], None));
}

#[test]
fn the_id_of_a_referenced_file_is_read() {
    let sent = named(&["input_reference[file_id]", "prompt"]);
    assert_eq!(form(sent.as_bytes()).unwrap().reference_file_id(), Some("x"));
    for names in [
        &["input_reference[file_id]", "input_reference[image_url]"][..],
        &["input_reference[image_url]"],
        &["input_reference[FILE_ID]"],
        &["input_reference"],
        &["prompt"],
    ] {
        let sent = named(names);
        assert_eq!(form(sent.as_bytes()).unwrap().reference_file_id(), None, "{names:?}");
    }
}

/// VA09.
#[test]
fn counts_parts() {
    let names: Vec<_> = (0..65).map(|number| number.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert!(form(named(&names[..64]).as_bytes()).is_ok());
    assert_eq!(form(named(&names).as_bytes()), Err(Rejection::TooManyParts { limit: 64 }));
    assert_eq!(form(named(&["a[]"; 10_000]).as_bytes()), Err(Rejection::TooManyParts { limit: 64 }));

    let limits = Limits { parts: 1, ..Limits::default() };
    assert!(form_within(named(&["a"]).as_bytes(), &limits).is_ok());
    let sent = named(&["a", "b"]);
    assert_eq!(form_within(sent.as_bytes(), &limits), Err(Rejection::TooManyParts { limit: 1 }));
}

/// VA09. The Node SDK makes one field of every byte of a `Buffer`.
#[test]
fn a_file_sent_byte_by_byte_is_told_its_type() {
    let names: Vec<_> = (0..5000).map(|index| format!("input_reference[{index}]")).collect();
    let names: Vec<_> = ["prompt"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let refused = Rejection::WrongType {
        param: Param::InputReference,
        expected: Expected::Type(Noun::File),
        got: Noun::Array,
    };
    assert_eq!(form(named(&names).as_bytes()), Err(refused));
}

/// VA09.
#[test]
fn measures_heads_names_and_texts() {
    let head = |padding: usize| {
        let head = "Content-Disposition: form-data; name=\"prompt\"\r\nX: ";
        headed(&format!("{head}{}", "x".repeat(padding - head.len())))
    };
    let name = |bytes: usize| named(&[&"é".repeat(bytes / 2)]);
    let filename = |bytes| {
        headed(&format!("Content-Disposition: form-data; name=\"a\"; filename=\"{}\"", "x".repeat(bytes)))
    };
    let text = |field: &str, bytes| {
        body(&[(format!("Content-Disposition: form-data; name=\"{field}\""), &*"x".repeat(bytes))])
    };
    for fits in [
        head(8192),
        name(64),
        filename(255),
        text("seconds", 128 * 1024),
        text("prompt", 1024 * 1024),
        text("input_reference[image_url]", 1024 * 1024),
    ] {
        assert!(form(fits.as_bytes()).is_ok(), "{fits:.100}");
    }
    for exceeds in [
        head(8193),
        head(1024 * 1024),
        name(66),
        filename(256),
        text("seconds", 128 * 1024 + 1),
        text("other", 128 * 1024 + 1),
    ] {
        assert_malformed(exceeds.as_bytes(), &format!("{exceeds:.100}"));
    }
}

/// VA08. A body that broke off somewhere never looks whole.
#[test]
fn no_beginning_of_a_form_is_a_form() {
    let sent = body(&[
        ("Content-Disposition: form-data; name=\"prompt\"", "a cat"),
        (
            "Content-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\
             Content-Type: image/png",
            "PNG",
        ),
    ]);
    assert!(form(sent.as_bytes()).is_ok());
    for end in 0..sent.len() {
        // Only the line break behind the closing delimiter may be missing.
        let is_whole = end == sent.len() - 2;
        assert_eq!(form(&sent.as_bytes()[..end]).is_ok(), is_whole, "cut at {end}");
    }
}

#[test]
fn reads_forms_with_every_kind_of_boundary() {
    for boundary in ["-", "--", "a", "'()+_,-./:=? x", &"-".repeat(70)] {
        let sent = named(&["prompt", "size"]).replace("--b", &format!("--{boundary}"));
        let encoding = Encoding::Multipart { boundary: boundary.to_owned() };
        let params = parse(&encoding, sent.as_bytes(), CREATE, &Limits::default()).unwrap();
        assert_eq!(text(&params, Param::Size), Some("x"), "{boundary}");
    }
}
