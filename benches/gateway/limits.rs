//! Tokens and job slots, however many keys have some.

use divan::Bencher;
use reelgate::bench_api;

use crate::keys;
use crate::memory::Stack;

/// Of its key, of everybody.
#[divan::bench(args = [1, 1000])]
fn take_and_commit_tokens(bencher: Bencher<'_, '_>, keys: usize) {
    let stack = Stack::new(&keys::toml(keys));
    let gateway = stack.live.current();
    // The clock may stand still for long enough to empty the bucket: a refusal costs no more.
    let take = || stack.block_on(bench_api::spends_a_token(&gateway, "team-1", "sora-2"));
    assert!(take());
    bencher.bench_local(take);
}

/// Of its key, of its upstream.
#[divan::bench(args = [1, 1000])]
fn take_and_free_slots(bencher: Bencher<'_, '_>, keys: usize) {
    let stack = Stack::new(&keys::toml(keys));
    let gateway = stack.live.current();
    let take = || stack.block_on(bench_api::holds_a_slot(&gateway, "main", "team-1", "sora-2"));
    assert!(take());
    bencher.bench_local(take);
}
