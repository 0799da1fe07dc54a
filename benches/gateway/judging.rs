//! Deciding whether a model can do what is asked of it, however many models there are.

use std::fmt::Write;

use divan::Bencher;
use reelgate::capability::Mode;
use reelgate::capability::allowed::Asker;
use reelgate::capability::create::FIELDS;
use reelgate::config::Config;
use reelgate::params::{self, Encoding};

use crate::asked::Asked;
use crate::memory;

/// A table of so many models, two of them those of the preset.
fn config(models: usize) -> Config {
    let mut toml = "presets = [\"seed\"]\n".to_owned();
    for number in 2..models {
        let _ = writeln!(toml, "[models.model-{number}]\nseconds = [4, 8, 12]\nsizes = [\"1280x720\"]");
    }
    let config = memory::config(&toml);
    assert_eq!(config.capabilities.models().count(), models);
    config
}

fn judge(bencher: Bencher<'_, '_>, models: usize, asked: &Asked, expected: Verdict) {
    let config = config(models);
    let (mode, accepted, edits) = expected;
    let encoding = Encoding::from_content_type(Some(b"application/json")).expect("JSON");
    let params = params::parse(&encoding, &asked.body, FIELDS, &config.limits.fields).expect("JSON");
    let asker = Asker { mode, ..Asker::default() };
    let judgement = || config.capabilities.judge_create(&params, &asker);
    assert_eq!(judgement().is_ok(), accepted);
    assert_eq!(judgement().map_or(0, |judgement| judgement.edits.len()), edits);
    bencher.bench_local(judgement);
}

/// How the client wants it, whether it is accepted, and with how many edits.
type Verdict = (Option<Mode>, bool, usize);

#[divan::bench(args = [10, 1000])]
fn accept(bencher: Bencher<'_, '_>, models: usize) {
    judge(bencher, models, &Asked::create_json(), (None, true, 0));
}

#[divan::bench(args = [10, 1000])]
fn adjust(bencher: Bencher<'_, '_>, models: usize) {
    judge(bencher, models, &Asked::rejected(), (Some(Mode::Adjust), true, 1));
}

#[divan::bench(args = [10, 1000])]
fn reject(bencher: Bencher<'_, '_>, models: usize) {
    judge(bencher, models, &Asked::rejected(), (None, false, 0));
}

/// The answer names what is similar.
#[divan::bench(args = [10, 1000])]
fn reject_an_unknown_model(bencher: Bencher<'_, '_>, models: usize) {
    let asked = Asked::json("/v1/videos", r#"{"model":"sora-9","prompt":"a cat","seconds":"8"}"#);
    judge(bencher, models, &asked, (None, false, 0));
}
