//! Holds `docs/` and the README to the code: what they link to, quote, configure and tell people to type.
//!
//! No sockets, and nothing from the network. `REELGATE_WRITE_DOCS=1 cargo test --test docs` writes the generated part
//! of `docs/configuration.md` anew.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's support fails by panicking, as its tests do"
)]

mod alerts;
mod commands;
mod configurations;
mod errors;
mod links;
mod log_fields;
mod markdown;
mod mentions;
mod quotes;
mod reference;
mod reloading;
mod rust_source;
mod words;

use std::path::PathBuf;

/// The folder of the project.
fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of one of the project's files, by its path from the project's folder.
fn text_of(path: &str) -> String {
    std::fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
