//! The gateway over real sockets: one binary, so that it is linked once.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's support fails by panicking, as its tests do"
)]

mod admin;
mod auth;
mod begun;
mod browsers;
mod captures;
mod connections;
mod forward;
mod golden;
mod leaving;
mod logging;
mod metrics;
mod money;
mod ownership;
mod reload;
mod retrying;
mod rewrite;
mod smuggling;
mod soak;
mod starting;
mod support;
mod taxonomy;
mod validation;
