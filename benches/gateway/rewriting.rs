//! Writing a body anew, with edits.

use divan::Bencher;
use reelgate::capability::create::FIELDS;
use reelgate::params::{self, Encoding};
use reelgate::rejection::Param;
use reelgate::rewrite::{self, Boundary, Edit, EditValue};

use crate::asked::Asked;
use crate::memory;

fn rewrite(bencher: Bencher<'_, '_>, asked: &Asked, edits: &[Edit]) {
    let limits = memory::config("").limits.fields;
    let encoding = Encoding::from_content_type(Some(asked.content_type().as_bytes())).expect("a known type");
    let params = params::parse(&encoding, &asked.body, FIELDS, &limits).expect("a well-formed body");
    let boundary = Boundary::new(0x0123_4567_89ab_cdef);
    let pieces = rewrite::apply(&asked.body, &params, edits, &boundary);
    assert_eq!(pieces.len(), 1, "what is short is in one piece");
    bencher.bench_local(|| rewrite::apply(&asked.body, &params, edits, &boundary));
}

fn edit(param: Param, value: &str) -> Edit {
    Edit { param, value: EditValue::Text(value.to_owned()) }
}

#[divan::bench]
fn nothing(bencher: Bencher<'_, '_>) {
    rewrite(bencher, &Asked::create_form(), &[]);
}

#[divan::bench]
fn adjusted_seconds_in_json(bencher: Bencher<'_, '_>) {
    rewrite(bencher, &Asked::create_json(), &[edit(Param::Seconds, "12")]);
}

#[divan::bench]
fn adjusted_seconds_in_a_form(bencher: Bencher<'_, '_>) {
    rewrite(bencher, &Asked::create_form(), &[edit(Param::Seconds, "12")]);
}

#[divan::bench]
fn another_model_and_size_in_a_form(bencher: Bencher<'_, '_>) {
    rewrite(
        bencher,
        &Asked::create_form(),
        &[edit(Param::Model, "sora-2-pro"), edit(Param::Size, "1792x1024")],
    );
}
