//! Finding the judged fields of a body.

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use reelgate::capability::create::FIELDS;
use reelgate::params::{self, Encoding};
use reelgate::rejection::Param;

use crate::asked::Asked;
use crate::memory;

const MIB: usize = 1 << 20;

fn parse(bencher: Bencher<'_, '_>, content_type: &str, body: &Bytes) {
    let limits = memory::config("").limits.fields;
    let encoding = Encoding::from_content_type(Some(content_type.as_bytes())).expect("a known type");
    let seconds = |body: &Bytes| {
        let params = params::parse(&encoding, body, FIELDS, &limits).expect("a well-formed body");
        params.get(Param::Seconds).map(|field| field.range.len())
    };
    assert!(seconds(body).is_some_and(|length| length > 0));
    bencher.counter(BytesCount::of_slice(body)).bench_local(|| seconds(body));
}

#[divan::bench]
fn json(bencher: Bencher<'_, '_>) {
    parse(bencher, "application/json", &Asked::create_json().body);
}

#[divan::bench]
fn form(bencher: Bencher<'_, '_>) {
    let asked = Asked::create_form();
    parse(bencher, asked.content_type(), &asked.body);
}

#[divan::bench]
fn form_with_a_picture_of_5_mib(bencher: Bencher<'_, '_>) {
    let asked = Asked::create_form();
    let boundary = asked.content_type().split_once("boundary=").expect("a boundary").1;
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    let picture = vec![0x5a; 5 * MIB];
    let body = [head.as_bytes(), &picture, b"\r\n", &asked.body].concat();
    parse(bencher, asked.content_type(), &body.into());
}
