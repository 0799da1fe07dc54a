//! Objects that name a video or a file: exactly the members that the API has, in both kinds of body.

use crate::capability::allowed::Asker;
use crate::capability::create::FIELDS;
use crate::capability::operations::Operation;
use crate::capability::testing::seed_table;
use crate::params::{self, Encoding, Limits, Params};
use crate::rejection::{Expected, Noun, Param, Rejection};

fn unknown(name: &str) -> Rejection {
    Rejection::UnknownParameter(name.to_owned())
}

fn no_text(param: Param, got: Noun) -> Rejection {
    Rejection::WrongType { param, expected: Expected::Type(Noun::String), got }
}

fn in_form<T>(
    known: &[Param],
    parts: &[(&str, &str)],
    judge: impl FnOnce(&Params<'_>) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    let part = |(disposition, content): &(&str, &str)| {
        format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
    };
    let body = parts.iter().map(part).collect::<String>() + "--b--\r\n";
    let encoding = Encoding::Multipart { boundary: "b".to_owned() };
    judge(&params::parse(&encoding, body.as_bytes(), known, &Limits::default())?)
}

fn in_json<T>(
    known: &[Param],
    body: &str,
    judge: impl FnOnce(&Params<'_>) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    judge(&params::parse(&Encoding::Json, body.as_bytes(), known, &Limits::default())?)
}

/// The id by which an edit is judged, charged and routed.
fn edited(params: &Params<'_>) -> Result<String, Rejection> {
    seed_table().judge(Operation::Edit, params)?;
    Ok(params.video_id().expect("an id").to_owned())
}

fn edit(video: &str) -> Result<String, Rejection> {
    in_json(Operation::Edit.fields(), &format!("{{\"prompt\":\"a\",\"video\":{video}}}"), edited)
}

fn edit_form(parts: &[(&str, &str)]) -> Result<String, Rejection> {
    let parts: Vec<_> = parts.iter().copied().chain([("name=prompt", "a")]).collect();
    in_form(Operation::Edit.fields(), &parts, edited)
}

#[test]
fn an_edit_is_of_the_one_video_that_its_body_names() {
    assert_eq!(edit(r#"{"id":"video_1"}"#).as_deref(), Ok("video_1"));
    assert_eq!(edit_form(&[("name=\"video[id]\"", "video_1")]).as_deref(), Ok("video_1"));
    for (video, reason) in [
        (r#"{"id":"cheap","ID":"dear"}"#, unknown("video.ID")),
        (r#"{"ID":"dear","id":"cheap"}"#, unknown("video.ID")),
        (r#"{"id":"cheap","Id":"dear"}"#, unknown("video.Id")),
        (r#"{"id":null,"task_id":"cheap"}"#, unknown("video.task_id")),
        (r#"{"id":"cheap","file_id":"file-1"}"#, unknown("video.file_id")),
        (r#"{"file_id":"file-1"}"#, unknown("video.file_id")),
        (r#"{"id":"cheap","url":"http://x"}"#, unknown("video.url")),
        (r#"{"id":"cheap","i\u0064 ":"dear"}"#, unknown("video.id ")),
        ("{}", Rejection::Missing(Param::VideoId)),
        (r#"{"id":""}"#, Rejection::Empty(Param::VideoId)),
        (r#"{"id":7}"#, no_text(Param::VideoId, Noun::Integer)),
        (r#"{"id":null}"#, no_text(Param::VideoId, Noun::Null)),
        (r#"{"id":["cheap"]}"#, no_text(Param::VideoId, Noun::Array)),
        (r#"{"id":{"id":"cheap"}}"#, no_text(Param::VideoId, Noun::Object)),
    ] {
        assert_eq!(edit(video), Err(reason), "{video}");
    }
}

#[test]
fn in_a_form_too_wherever_the_part_stands() {
    let (id, note) = (("name=\"video[id]\"", "dear"), ("name=\"video[note]\"", "cheap"));
    for (parts, name) in [
        (&[note, id][..], "video[note]"),
        (&[id, note], "video[note]"),
        (&[("name=\"video[ID]\"", "cheap"), id], "video[ID]"),
        (&[id, ("name=\"video[task_id]\"", "cheap")], "video[task_id]"),
        (&[("name=\"video[file_id]\"", "file-1")], "video[file_id]"),
        (&[("name=\"video[id][]\"", "cheap")], "video[id][]"),
        (&[("name=\"video[id][id]\"", "cheap"), id], "video"),
        (&[("name=\"Video[id]\"", "cheap"), id], "Video[id]"),
        (&[("name=\"video.id\"", "cheap"), id], "video.id"),
        (&[("name=\"[video][id]\"", "cheap"), id], "[video][id]"),
    ] {
        let reason = edit_form(parts).expect_err(name);
        let doubled = Rejection::DuplicateParameter(name.to_owned());
        assert!(reason == unknown(name) || reason == doubled, "{name}: {reason:?}");
    }
    let file = ("name=\"video[id]\"; filename=\"a\"", "video_1");
    assert_eq!(edit_form(&[file]), Err(no_text(Param::VideoId, Noun::File)));
    assert_eq!(edit_form(&[("name=\"video[id]\"", "")]), Err(Rejection::Empty(Param::VideoId)));
}

/// The file that a create names, if it names one.
fn created(params: &Params<'_>) -> Result<Option<String>, Rejection> {
    seed_table().judge_create(params, &Asker::default())?;
    Ok(params.reference_file_id().map(str::to_owned))
}

fn create(reference: &str) -> Result<Option<String>, Rejection> {
    in_json(FIELDS, &format!("{{\"prompt\":\"a\",\"input_reference\":{reference}}}"), created)
}

fn create_form(parts: &[(&str, &str)]) -> Result<Option<String>, Rejection> {
    let parts: Vec<_> = parts.iter().copied().chain([("name=prompt", "a")]).collect();
    in_form(FIELDS, &parts, created)
}

#[test]
fn a_reference_is_one_address_or_one_file() {
    let file = Ok(Some("file-1".to_owned()));
    assert_eq!(create(r#"{"file_id":"file-1"}"#), file);
    assert_eq!(create(r#"{"image_url":"https://example.com/a.png"}"#), Ok(None));
    assert_eq!(create_form(&[("name=\"input_reference[file_id]\"", "file-1")]), file);
    assert_eq!(
        create_form(&[("name=\"input_reference[image_url]\"", "https://example.com/a.png")]),
        Ok(None)
    );
    let param = Param::InputReference;
    let one = Rejection::NotExactlyOne { param, members: ["image_url", "file_id"] };
    for (reference, reason) in [
        ("{}", one.clone()),
        (r#"{"file_id":"file-1","image_url":"x"}"#, one.clone()),
        (r#"{"file_id":"file-1","File_ID":"file-2"}"#, unknown("input_reference.File_ID")),
        (r#"{"file_id":"file-1","path":"/etc/passwd"}"#, unknown("input_reference.path")),
        (r#"{"imageUrl":"x"}"#, unknown("input_reference.imageUrl")),
        (r#"{"file_id":7}"#, no_text(Param::ReferenceFileId, Noun::Integer)),
        (r#"{"image_url":null}"#, no_text(Param::ReferenceImageUrl, Noun::Null)),
        (r#"{"image_url":{"url":"x"}}"#, no_text(Param::ReferenceImageUrl, Noun::Object)),
        (r#"{"file_id":""}"#, Rejection::Empty(Param::ReferenceFileId)),
    ] {
        assert_eq!(create(reference), Err(reason), "{reference}");
    }
    let (file_id, image_url) =
        (("name=\"input_reference[file_id]\"", "a"), ("name=\"input_reference[image_url]\"", "b"));
    for (parts, reason) in [
        (&[file_id, image_url][..], one),
        (&[("name=\"input_reference[note]\"", "mine"), file_id], unknown("input_reference[note]")),
        (&[file_id, ("name=\"input_reference[FILE_ID]\"", "b")], unknown("input_reference[FILE_ID]")),
        (
            &[("name=\"input_reference[image_url]\"; filename=\"a\"", "b")],
            no_text(Param::ReferenceImageUrl, Noun::File),
        ),
        (&[("name=\"input_reference[file_id]\"", "")], Rejection::Empty(Param::ReferenceFileId)),
    ] {
        assert_eq!(create_form(parts), Err(reason), "{parts:?}");
    }
}
