//! Tells the program which commit it is built from: `REELGATE_COMMIT`, which the code reads with `env!`.
//!
//! The variable of that name wins, for builds away from the repository such as an image's; else git is asked. Where
//! neither knows, as in an unpacked archive, the commit is `unknown`: a build never fails for it.

use std::env;
use std::path::Path;
use std::process::Command;

const VARIABLE: &str = "REELGATE_COMMIT";

#[expect(clippy::print_stdout, reason = "standard output is how a build script speaks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    if repository_is_ours() {
        // Written by every commit and checkout, of a work tree's own too, and never by a build.
        for file in ["HEAD", "logs/HEAD"] {
            if let Some(path) =
                git(&["rev-parse", "--git-path", file]).filter(|path| Path::new(path).exists())
            {
                println!("cargo::rerun-if-changed={path}");
            }
        }
    }
    println!("cargo::rustc-env={VARIABLE}={}", commit());
}

fn commit() -> String {
    let told = env::var(VARIABLE).ok().filter(|commit| !commit.is_empty());
    let asked = || repository_is_ours().then(|| git(&["rev-parse", "--short=12", "HEAD"])).flatten();
    told.or_else(asked).unwrap_or_else(|| "unknown".to_owned())
}

/// An archive may be unpacked inside of somebody else's repository, whose commits say nothing about it.
fn repository_is_ours() -> bool {
    let folder = env::var("CARGO_MANIFEST_DIR").map(|folder| Path::new(&folder).canonicalize());
    let top = git(&["rev-parse", "--show-toplevel"]).map(|top| Path::new(&top).canonicalize());
    matches!((folder, top), (Ok(Ok(folder)), Some(Ok(top))) if folder == top)
}

/// What git prints, if it is there and has something to say.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
