//! `[auth]` with everything that can be wrong in it.

use std::io;
use std::path::Path;

use super::*;
use crate::config::Config;

const LONG: &str = "rg-0123456789abcdef";

fn parse(keys: &str) -> Result<Auth, Vec<String>> {
    let var = |name: &str| match name {
        "LONG" => Some(format!("{LONG}\n")),
        "SHORT" => Some("rg-0123".to_owned()),
        "SPACED" => Some("rg-0123456789 abcdef".to_owned()),
        _ => None,
    };
    let file = |path: &Path| match path.to_str() {
        Some("/run/secrets/team") => Ok(format!("{LONG}\n")),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let sources = Sources { var: &var, file: &file };
    let text = format!("presets = [\"seed\"]\n[auth]\nmode = \"keys\"\n{keys}");
    let parsed = Config::parse(&text, Path::new(""), sources).map(|config| config.auth);
    parsed.map_err(|unusable| unusable.0.iter().map(ToString::to_string).collect())
}

fn problem(keys: &str) -> String {
    parse(keys).expect_err(keys).join("\n")
}

#[test]
fn a_key_comes_from_one_of_three_sources() {
    let hash = KeyHash::of(LONG);
    for source in [
        &*format!("sha256 = \"{hash}\""),
        &*format!("sha256 = [\"{hash}\"]"),
        "env = \"LONG\"",
        "file = \"/run/secrets/team\"",
    ] {
        let auth = parse(&format!("[auth.keys.team]\n{source}")).expect(source);
        assert_eq!(&*auth.key(&hash).expect("the key").name, "team", "{source}");
        assert!(!format!("{auth:?}").contains(LONG) && !format!("{auth:?}").contains(&hash.to_string()));
    }
}

#[test]
fn a_source_that_yields_no_key_is_told_with_its_path_and_without_the_key() {
    for (settings, start) in [
        ("", "auth.keys.team.sha256: a key has one source (use sha256"),
        ("env = \"LONG\"\nfile = \"/run/secrets/team\"", "auth.keys.team.sha256: a key has one source"),
        ("env = \"NOBODY\"", "auth.keys.team.env: the variable NOBODY is not set"),
        ("env = \"SHORT\"", "auth.keys.team.env: the key is too short to be safe (use 16 characters"),
        ("env = \"SPACED\"", "auth.keys.team.env: the key has a space, a comma or another character"),
        ("file = \"/nowhere\"", "auth.keys.team.file: /nowhere cannot be read: "),
        ("sha256 = \"rg-0123456789abcdef\"", "auth.keys.team.sha256: not a SHA-256 (use the 64 hex digits"),
        ("sha256 = []", "auth.keys.team.sha256: an empty list is not allowed"),
        ("sha256 = [7]", "auth.keys.team.sha256: not a SHA-256"),
    ] {
        let told = problem(&format!("[auth.keys.team]\n{settings}"));
        assert!(told.starts_with(start), "{settings}: {told}");
        assert!(!told.contains("0123"), "a key is shown: {told}");
    }
}

#[test]
fn two_names_have_two_keys() {
    let hash = KeyHash::of(LONG);
    let told = problem(&format!("[auth.keys.a]\nsha256 = \"{hash}\"\n[auth.keys.b]\nenv = \"LONG\""));
    assert_eq!(told, "auth.keys.b.sha256: it is the key of \"a\" as well (give each its own)");
    let told = problem(&format!("[auth.keys.a]\nsha256 = [\"{hash}\", \"{hash}\"]"));
    assert_eq!(told, "auth.keys.a.sha256: a hash stands there twice (remove one)");
}

#[test]
fn what_a_key_may_do_is_read_and_checked_against_the_models() {
    let settings = |more: &str| format!("[auth.keys.team]\nenv = \"LONG\"\n{more}");
    let auth = parse(&settings(
        "models = [\"sora-*\"]\non_unsupported = \"adjust\"\nexpires = 2027-01-01T00:00:00Z",
    ));
    let key = Arc::clone(auth.expect("a key").keys.first().expect("one"));
    assert!(key.models.is_some() && key.on_unsupported.is_some() && key.expires.is_some());
    for (more, start) in [
        (
            "models = [\"sora-3\"]",
            "auth.keys.team.models: there is no model \"sora-3\" (name one of [models]",
        ),
        ("models = \"sora-2\"", "auth.keys.team.models: \"sora-2\" is not allowed (use a list of texts"),
        (
            "on_unsupported = \"strict\"",
            "auth.keys.team.on_unsupported: \"strict\" is not allowed (use one of",
        ),
        ("on_unsupported = \"switch\"", "auth.keys.team.on_unsupported: no model says what to switch to"),
        (
            "expires = \"2027-01-01\"",
            "auth.keys.team.expires: \"2027-01-01\" is not allowed (use a date with its time",
        ),
        ("expires = 2027-01-01", "auth.keys.team.expires: 2027-01-01 is not allowed"),
        ("expires = 1800000000", "auth.keys.team.expires: 1800000000 is not allowed"),
    ] {
        let told = problem(&settings(more));
        assert!(told.starts_with(start), "{more}: {told}");
    }
}

#[test]
fn what_is_counted_must_be_known() {
    let keys = |more: &str| {
        format!("[auth.key_budget]\nday = {{ money = 5 }}\n[auth.keys.team]\nenv = \"LONG\"\n{more}")
    };
    let priced = "[models.sora-2]\nprice_per_second = 0.1\n[models.sora-2-pro]\nprice_per_second = 0.3\n";
    let auth = parse(&keys(priced)).expect("every model has its price");
    assert!(auth.keys.first().expect("one").budget.counts_money());

    let told = problem(&keys("[models.sora-2]\nprice_per_second = 0.1"));
    assert!(
        told.starts_with(
            "auth.keys.team.budget: it counts money, and the price of a video of \"sora-2-pro\""
        ),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
    parse(&keys("models = [\"sora-2\"]\n[models.sora-2]\nprice_per_second = 0.1"))
        .expect("it may use no other");

    let told = problem(&keys(
        "[models.sora-2-pro]\nprice_per_second = { 720x1280 = 0.3 }\n[models.sora-2]\nprice_per_second = 0.1",
    ));
    assert!(told.contains("\"sora-2-pro\" is not always known"), "other sizes have no price: {told}");
    let told = problem(&keys(&format!("{priced}[models.veo]\nprice_per_second = 1")));
    assert!(told.contains("how long a video of \"veo\" is may not be known"), "{told}");
    let told = problem(&keys(&format!("{priced}[shared]\nunknown_model = \"forward\"")));
    assert!(told.contains("models that nobody configured are forwarded"), "{told}");
}

fn owners(auth: &Auth, name: &str) -> Vec<String> {
    let key = auth.keys.iter().find(|key| *key.name == *name).expect("the key");
    let mut names: Vec<String> = key.owners.iter().map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

fn keys(tables: &[(&str, &str)]) -> String {
    let table = |(name, settings): &(&str, &str)| {
        format!(
            "[auth.keys.{name}]\nsha256 = \"{}\"\n{settings}\n",
            KeyHash::of(&format!("rg-0123456789-{name}"))
        )
    };
    tables.iter().map(table).collect()
}

/// OW01
#[test]
fn a_key_owns_what_its_names_and_its_group_ordered() {
    let auth = parse(&keys(&[
        ("alone", ""),
        ("renamed", "formerly = [\"old\", \"sha256:00000000DEADBEEF\"]"),
        ("red", "group = \"studio\"\nformerly = [\"rot\"]"),
        ("blue", "group = \"studio\"\nformerly = [\"rot\"]"),
        ("other", "group = \"lab\"\nsees = \"all\""),
    ]))
    .expect("a configuration");
    for (name, names) in [
        ("alone", &["alone"][..]),
        ("renamed", &["old", "renamed", "sha256:00000000deadbeef"]),
        ("red", &["blue", "red", "rot"]),
        ("blue", &["blue", "red", "rot"]),
        ("other", &["other"]),
    ] {
        assert_eq!(owners(&auth, name), names, "{name}");
    }
    let sees_all: Vec<&str> = auth.keys.iter().filter(|key| key.sees_all).map(|key| &*key.name).collect();
    assert_eq!(sees_all, ["other"]);
    let found = auth.key(&KeyHash::of("rg-0123456789-red")).expect("found by its hash");
    assert_eq!((&*found.name, found.owners.len()), ("red", 3));
}

#[test]
fn a_name_that_two_keys_would_own_is_a_mistake() {
    for (tables, start) in [
        (
            &[("old", ""), ("renamed", "formerly = [\"old\"]")][..],
            "auth.keys.renamed.formerly: \"old\" is the name of a configured key",
        ),
        (
            &[("one", "formerly = [\"old\"]"), ("two", "formerly = [\"old\"]")],
            "auth.keys.two.formerly: \"old\" is formerly of the key \"one\" too",
        ),
        (&[("one", "formerly = [\"old\", \"old\"]")], "auth.keys.one.formerly: \"old\" stands there twice"),
        (&[("one", "formerly = [\"sha256:12\"]")], "auth.keys.one.formerly: \"sha256:12\" is not allowed"),
        (&[("one", "sees = \"everything\"")], "auth.keys.one.sees: \"everything\" is not allowed"),
    ] {
        let found = problem(&keys(tables));
        assert!(found.starts_with(start), "{found}");
    }
}
