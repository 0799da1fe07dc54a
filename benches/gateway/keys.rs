//! Configurations of many keys, and whether who comes has one.

use std::fmt::Write;

use axum::http::HeaderMap;
use divan::Bencher;
use reelgate::bench_api;
use reelgate::config::auth::KeyHash;

use crate::asked::Asked;
use crate::memory::{EVERYTHING, Stack};

/// One of so many keys: names from 1, hashes from "key-1".
pub(crate) fn toml(keys: usize) -> String {
    let ours = "credential = { env = \"UPSTREAM_KEY\" }\n[upstreams.main.quota]";
    let mut toml = EVERYTHING.replace("[upstreams.main.quota]", ours);
    toml.push_str("max_jobs = 1000000\n[auth]\nmode = \"keys\"\n");
    for number in 1..=keys {
        let hash = KeyHash::of(&format!("key-{number}")).to_string();
        let _ = write!(
            toml,
            "[auth.keys.team-{number}]\nsha256 = \"{hash}\"\n\
             quota = {{ submit = {{ rate = \"1000000/s\", burst = 1000000 }}, max_jobs = 1000000 }}\n"
        );
    }
    toml
}

fn admit(bencher: Bencher<'_, '_>, keys: usize, key: &str) {
    let stack = Stack::new(&toml(keys));
    let gateway = stack.live.current();
    let headers: HeaderMap = Asked::poll().with_key(key).request().into_parts().0.headers;
    assert_eq!(bench_api::is_admitted(&gateway, &headers), key == "key-1");
    bencher.bench_local(|| bench_api::is_admitted(&gateway, &headers));
}

#[divan::bench(args = [1, 1000])]
fn a_right_key(bencher: Bencher<'_, '_>, keys: usize) {
    admit(bencher, keys, "key-1");
}

#[divan::bench(args = [1, 1000])]
fn a_wrong_key(bencher: Bencher<'_, '_>, keys: usize) {
    admit(bencher, keys, "key-0");
}
