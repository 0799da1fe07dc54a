//! Requests as official SDKs sent them, recorded byte for byte.

use std::fs;
use std::path::Path;

use super::super::{Encoding, Limits, Params, Value, parse};
use super::{assert_ranges_lie_within, text, unknown};
use crate::rejection::{Param, Rejection};

/// Every field of every operation, so that one list serves all captures but those that mean to use others.
const ALL: &[Param] = &[
    Param::Model,
    Param::Prompt,
    Param::InputReference,
    Param::Seconds,
    Param::Size,
    Param::Video,
    Param::Name,
];

/// One recorded request.
struct Capture {
    name: String,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Capture {
    fn parse(&self) -> Result<Params<'_>, Rejection> {
        let encoding = Encoding::from_content_type(self.content_type.as_deref().map(str::as_bytes))?;
        parse(&encoding, &self.body, ALL, &Limits::default())
    }
}

fn captures() -> Vec<Capture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/captures");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let captures: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "http")).collect();
    assert!(captures.len() >= 60, "only {} captures found", captures.len());
    captures.iter().map(|path| read(path)).collect()
}

fn capture(name: &str) -> Capture {
    captures().into_iter().find(|capture| capture.name == name).expect(name)
}

fn read(path: &Path) -> Capture {
    let bytes = fs::read(path).unwrap();
    let split = memchr::memmem::find(&bytes, b"\r\n\r\n").unwrap();
    let head = str::from_utf8(&bytes[..split]).unwrap();
    let header = |wanted: &str| {
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    let body = &bytes[split + 4..];
    Capture {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        content_type: header("content-type"),
        body: if header("transfer-encoding").is_some() { dechunked(body) } else { body.to_vec() },
    }
}

fn dechunked(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = memchr::memmem::find(chunks, b"\r\n").unwrap();
        let size = usize::from_str_radix(str::from_utf8(&chunks[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..][..size]);
        chunks = &chunks[line + 2 + size + 2..];
    }
}

#[test]
fn every_recorded_body_is_read_as_it_was_meant() {
    let mut read = 0;
    for capture in captures().iter().filter(|capture| !capture.body.is_empty()) {
        let parsed = capture.parse();
        match capture.name.as_str() {
            // Says JSON and sends a form.
            "node7-create-jsonct" => assert_eq!(parsed, Err(Rejection::MalformedJson)),
            // The file and the id are two readings of one field.
            "py-edit-id-extrabody" => {
                assert_eq!(parsed, Err(Rejection::DuplicateParameter("video".to_owned())));
            }
            name => {
                let params = parsed.unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
                assert_ranges_lie_within(&params, &capture.body);
                read += 1;
            }
        }
    }
    assert!(read >= 40, "only {read} bodies read");
}

#[test]
fn recorded_texts_are_found() {
    for (name, param, expected) in [
        ("node7-create-min", Param::Prompt, Some("a cat")),
        ("node7-create-min", Param::Seconds, None),
        ("node7-create-idem", Param::Prompt, Some("a cat")),
        ("node7-create-int", Param::Seconds, Some("8")),
        ("node7-create-str", Param::Seconds, Some("8")),
        ("node7-create-order", Param::Model, Some("sora-2")),
        ("node7-create-order", Param::Size, Some("720x1280")),
        ("node7-create-stream", Param::Seconds, Some("4")),
        ("node7-create-string-ref", Param::InputReference, Some("https://example.com/a.png")),
        ("node7-create-unicode", Param::Prompt, Some("café 猫 \"q\"\r\nline2\r\nline3")),
        ("node7-create-file-first", Param::Seconds, Some("4")),
        ("node7-extend-id", Param::Seconds, Some("16")),
        ("node7-char", Param::Name, Some("bob")),
        ("node7-remix", Param::Prompt, Some("more")),
        ("py-create-min", Param::Prompt, Some("a cat")),
        ("py-create-promptempty", Param::Prompt, Some("")),
        ("py-create-secnone", Param::Seconds, None),
        ("py-create-int", Param::Seconds, Some("8")),
        ("py-create-int", Param::Size, Some("1280x720")),
        ("py-create-str", Param::Model, Some("sora-2")),
        ("py-create-jsonct", Param::Seconds, Some("8")),
        ("py-create-extrabody", Param::Seconds, Some("8")),
        ("py-create-unicode", Param::Prompt, Some("café 猫 \"q\"\r\nline2")),
        ("py-extend-file", Param::Seconds, Some("20")),
        ("py-remix", Param::Prompt, Some("more")),
        ("pyasync-create-file", Param::Seconds, Some("8")),
    ] {
        let capture = capture(name);
        assert_eq!(text(&capture.parse().unwrap(), param), expected, "{name}");
    }
}

#[test]
fn recorded_references_are_files_objects_or_arrays() {
    let file = |content_type| Value::File { content_type: Some(content_type) };
    let octets = || file("application/octet-stream");
    for (name, param, value) in [
        ("node7-create-file", Param::InputReference, file("image/png")),
        ("node7-create-file-first", Param::InputReference, file("image/png")),
        ("node7-create-filename", Param::InputReference, file("image/png")),
        ("node7-create-stream", Param::InputReference, octets()),
        ("node7-create-buffer-ref", Param::InputReference, Value::Array),
        ("node7-create-fileid", Param::InputReference, Value::Object),
        ("node7-create-imgurl", Param::InputReference, Value::Object),
        ("node7-edit-file", Param::Video, file("video/mp4")),
        ("node7-edit-id", Param::Video, Value::Object),
        ("node7-extend-id", Param::Video, Value::Object),
        ("node7-char", Param::Video, octets()),
        ("py-create-bytes", Param::InputReference, octets()),
        ("py-create-noext", Param::InputReference, octets()),
        ("py-create-fileobj", Param::InputReference, file("image/png")),
        ("py-create-filetuple", Param::InputReference, file("image/png")),
        ("py-create-filename", Param::InputReference, file("image/png")),
        ("py-create-imgurl-extrabody", Param::InputReference, Value::Object),
        ("py-edit-file", Param::Video, file("video/mp4")),
        ("py-extend-file", Param::Video, file("video/mp4")),
        ("pyasync-create-file", Param::InputReference, file("image/png")),
    ] {
        let capture = capture(name);
        let params = capture.parse().unwrap();
        assert_eq!(params.get(param).unwrap().value, value, "{name}");
    }
}

#[test]
fn a_recorded_picture_keeps_its_bytes() {
    for name in ["node7-create-file", "node7-create-file-first", "node7-create-stream", "py-create-bytes"] {
        let capture = capture(name);
        let params = capture.parse().unwrap();
        let range = params.get(Param::InputReference).unwrap().range.clone();
        let picture = b"\r\n\r\n\x89PNG\r\n\x1a\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        assert!(capture.body[range].ends_with(picture), "{name}");
    }
}

#[test]
fn recorded_extra_fields_are_unknown() {
    for (name, first) in [
        ("node7-create-extra", Some("foo")),
        ("py-create-extrabody", Some("foo")),
        ("anth-py-ok", Some("max_tokens")),
        ("node7-create-int", None),
    ] {
        let capture = capture(name);
        assert_eq!(unknown(&capture.parse().unwrap()).first().copied(), first, "{name}");
    }
}

#[test]
fn recorded_ids_are_found() {
    for (name, id) in [("node7-edit-id", Some("video_123")), ("node7-edit-file", None), ("node7-remix", None)]
    {
        assert_eq!(capture(name).parse().unwrap().video_id(), id, "{name}");
    }
    assert_eq!(capture("node7-create-fileid").parse().unwrap().reference_file_id(), Some("file-abc123"));
    assert_eq!(capture("node7-create-imgurl").parse().unwrap().reference_file_id(), None);
}
