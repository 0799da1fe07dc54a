//! Good bodies, damaged at random but always in the same way.

use bytes::Bytes;

use super::{Params, Value, assert_ranges_lie_within, form, json, text};
use crate::rejection::Param;
use crate::rewrite::{Boundary, Edit, EditValue, apply};

const JSON: &[u8] = br#"{"model":"sora-2","prompt":"a \u00e9 \ud83d\ude00","seconds":8,"size":null,
    "input_reference":{"image_url":"x","n":[1.5,true,{}]}}"#;

const FORM: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n\
    --b\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\
    Content-Type: text/plain\r\nContent-Length: 1\r\n\r\n8\r\n\
    --b\r\nContent-Disposition: form-data; name=\"input_reference[file_id]\"\r\n\r\nfile-1\r\n\
    --b\r\nContent-Disposition: form-data; name=\"other\"; filename=\"a.png\"\r\n\
    Content-Type: image/png\r\n\r\n\x89PNG\r\n\
    --b--\r\n";

/// Pieces that mean something to one parser or the other.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"--b",
    b"--b--",
    b"\r\n--b\r\n",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b";",
    b"=",
    b"name=",
    b"\0",
    b"\xff",
    b"\xf0\x9f",
    b"prompt",
    b"\"prompt\":1,",
    b"[]",
    b"[0]",
];

fn damage(random: &mut fastrand::Rng, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(0..=body.len());
        let end = body.len().min(at + random.usize(0..8));
        match random.u8(0..4) {
            0 => drop(body.drain(at..end)),
            1 => drop(body.splice(at..at, PIECES[random.usize(0..PIECES.len())].iter().copied())),
            2 => drop(body.splice(at..at, body.clone()[at..end].iter().copied())),
            _ => body.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.u8(..)),
        }
    }
    body
}

/// VA01, VA08, VA10: whatever still parses can be edited, and then says what it was told to say, once.
#[test]
fn no_damage_panics_or_leads_an_edit_astray() {
    let edits = [
        Edit { param: Param::Seconds, value: EditValue::Text("12".to_owned()) },
        Edit { param: Param::Model, value: EditValue::Text("sora-2-pro".to_owned()) },
    ];
    let mut random = fastrand::Rng::with_seed(8);
    for (original, is_form) in [(JSON, false), (FORM, true)] {
        let parse = if is_form { form } else { json };
        assert!(parse(original).is_ok());
        let mut survivors = 0;
        for _ in 0..5_000 {
            let body = Bytes::from(damage(&mut random, original));
            let Ok(params) = parse(&body) else { continue };
            assert_ranges_lie_within(&params, &body);
            survivors += 1;

            let pieces = apply(&body, &params, &edits, &Boundary::new(1));
            // As the tests' parser wants it.
            let edited = replaced(&pieces.concat(), format!("{:032x}", 1).as_bytes(), b"b");
            let sent = body.escape_ascii();
            let again = parse(&edited).unwrap_or_else(|reason| panic!("{sent}: {reason:?}"));
            assert_eq!(text(&again, Param::Seconds), Some("12"), "{sent}");
            assert_eq!(text(&again, Param::Model), Some("sora-2-pro"), "{sent}");
            for untouched in [Param::Prompt, Param::InputReference, Param::Size] {
                assert_eq!(value(&again, untouched), value(&params, untouched), "{sent}");
            }
        }
        assert!(survivors >= 100, "only {survivors} bodies survived");
    }
}

fn replaced(body: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut from = 0;
    for at in memchr::memmem::find_iter(body, old) {
        replaced.extend_from_slice(&body[from..at]);
        replaced.extend_from_slice(new);
        from = at + old.len();
    }
    replaced.extend_from_slice(&body[from..]);
    replaced
}

fn value<'p, 'b>(params: &'p Params<'b>, param: Param) -> Option<&'p Value<'b>> {
    params.get(param).map(|field| &field.value)
}
