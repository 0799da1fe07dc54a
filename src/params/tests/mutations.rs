//! Good bodies, damaged at random but always in the same way.

use bytes::Bytes;

use super::{CREATE, assert_ranges_lie_within, form, json, text};
use crate::rejection::Param;
use crate::rewrite::{Edit, EditValue, apply};

const JSON: &[u8] = br#"{"model":"sora-2","prompt":"a \u00e9 \ud83d\ude00","seconds":8,"size":null,"input_reference":{"image_url":"x","n":[1.5,true,{}]}}"#;

const FORM: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n\
    --b\r\nContent-Disposition: form-data; name=\"seconds\"\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n8\r\n\
    --b\r\nContent-Disposition: form-data; name=\"input_reference[file_id]\"\r\n\r\nfile-1\r\n\
    --b\r\nContent-Disposition: form-data; name=\"other\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\
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
    for (original, is_json) in [(JSON, true), (FORM, false)] {
        let parse = if is_json { json } else { form };
        assert!(parse(original).is_ok());
        let mut survivors = 0;
        for _ in 0..5_000 {
            let body = Bytes::from(damage(&mut random, original));
            let Ok(params) = parse(&body) else { continue };
            assert_ranges_lie_within(&params, &body);
            let is_editable = |param| params.get(param).is_none_or(|field| is_json || is_text(&field.value));
            if !is_editable(Param::Seconds) || !is_editable(Param::Model) {
                continue;
            }
            survivors += 1;

            let edited: Vec<u8> = apply(&body, &params, &edits).into_iter().flatten().collect();
            let again = parse(&edited).unwrap_or_else(|reason| panic!("{}: {reason:?}", body.escape_ascii()));
            assert_eq!(text(&again, Param::Seconds), Some("12"), "{}", body.escape_ascii());
            assert_eq!(text(&again, Param::Model), Some("sora-2-pro"), "{}", body.escape_ascii());
            for untouched in CREATE.iter().filter(|param| !edits.iter().any(|edit| edit.param == **param)) {
                let value = |params: &super::Params<'_>| {
                    params.get(*untouched).map(|field| format!("{:?}", field.value))
                };
                assert_eq!(value(&again), value(&params), "{}", body.escape_ascii());
            }
        }
        assert!(survivors >= 100, "only {survivors} bodies survived");
    }
}

fn is_text(value: &super::Value<'_>) -> bool {
    matches!(value, super::Value::Text(_))
}
