//! SD08: starts that cannot go well end at once, and say why.

use std::fs;
use std::net::TcpListener;

use tempfile::TempDir;

use crate::support::process::run_to_its_end;

const UPSTREAM: &str = "[upstreams.main]\nbase_url = \"http://127.0.0.1:9/v1\"\n";

/// Starts the binary with this configuration, and asserts that it ends with one line that names the reason. Yields all
/// that it said.
async fn assert_ends(toml: &str, arguments: &[&str], reason: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("reelgate.toml"), toml).expect("a file");
    let free = ["--config", "reelgate.toml", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let arguments = if arguments.is_empty() { &free[..] } else { arguments };
    let (code, said) = run_to_its_end(folder.path(), arguments).await;
    assert!(code.is_some_and(|code| code > 0), "{reason}: {code:?}");
    assert!(said.contains(reason), "{reason}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// SD08: what is wrong with the file, and with what it points to.
#[tokio::test]
async fn an_unusable_configuration_ends_the_start() {
    let with = |line: &str| format!("{UPSTREAM}{line}");
    for (toml, reason) in [
        ("not toml at all".to_owned(), "TOML parse error"),
        (String::new(), "upstreams"),
        (with("no_such_key = 1"), "no_such_key"),
        (with("retry.attempts = 9"), "retry.attempts"),
        (with("credential = { env = \"REELGATE_TEST_THAT_IS_NOT_SET\" }"), "REELGATE_TEST_THAT_IS_NOT_SET"),
        (with("ca_file = \"missing.pem\""), "missing.pem"),
        (with("[ledger]\npath = \"no/such/folder/ledger.db\""), "no/such/folder"),
        (with("[spool]\nfolder = \"no/such/folder\""), "spool.folder: no file can be made in no/such/folder"),
        (with("[server]\ndrain = \"soon\""), "server.drain"),
    ] {
        assert_ends(&toml, &[], reason).await;
    }
    assert_ends(UPSTREAM, &["--config", "missing.toml"], "missing.toml").await;
}

/// SD08
#[tokio::test]
async fn a_taken_port_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (listen, admin) in [(&*taken, "127.0.0.1:0"), ("127.0.0.1:0", &*taken)] {
        let arguments = ["--config", "reelgate.toml", "--listen", listen, "--admin-listen", admin];
        assert_ends(UPSTREAM, &arguments, "in use").await;
    }
}

#[tokio::test]
async fn a_remark_on_the_configuration_is_logged_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let arguments = ["--config", "reelgate.toml", "--listen", &taken, "--admin-listen", "127.0.0.1:0"];
    let said = assert_ends(&format!("{UPSTREAM}retry.submit_statuses = [500]"), &arguments, "in use").await;
    let remark = said.lines().find(|line| line.contains("remark on the configuration")).expect("a remark");
    assert!(
        remark.contains("WARN") && remark.contains("upstreams.main.retry.submit_statuses: 500"),
        "{remark}"
    );
}
