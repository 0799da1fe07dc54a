//! Wording a refusal.

use divan::Bencher;
use reelgate::error::{ApiError, Form, Wording, anthropic, openai};
use reelgate::rejection::{Param, Rejection};

fn refusal() -> ApiError {
    let allowed = ["4", "8", "12"].map(str::to_owned).to_vec();
    let reason = Rejection::NotListed { param: Param::Seconds, got: "10".to_owned(), allowed };
    ApiError::rejected(&reason, &Wording::default())
}

fn write(bencher: Bencher<'_, '_>, write: impl Fn() -> String) {
    assert!(write().contains("Invalid value: '10'."));
    bencher.bench_local(write);
}

#[divan::bench]
fn as_openai_does(bencher: Bencher<'_, '_>) {
    write(bencher, || openai::body(&refusal(), Form::Service));
}

#[divan::bench]
fn as_anthropic_does(bencher: Bencher<'_, '_>) {
    write(bencher, || anthropic::body(&refusal(), "req_0123456789abcdef"));
}
