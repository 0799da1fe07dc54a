//! The files in `config/` against the code that reads them, and whole documents with mistakes.

use std::collections::BTreeSet;
use std::path::Path;

use super::reader::{Notes, Section};
use super::secret::Sources;
use super::{Config, presets};

const DEFAULT: &str = include_str!("../../config/default.toml");
const STARTER: &str = include_str!("../../config/reelgate.toml");

fn parse(text: &str) -> Result<Config, String> {
    let var = |name: &str| (name == "KEY").then(|| "sk-secret".to_owned());
    let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    Config::parse(text, Path::new(""), Sources { var: &var, file: &file })
        .map_err(|problems| problems.to_string())
}

/// `default.toml` with the settings that have no default: they stand there behind `#`, without a space.
fn with_optional_keys() -> String {
    let uncommented = DEFAULT.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => setting,
        _ => line,
    });
    uncommented.collect::<Vec<_>>().join("\n")
}

#[test]
fn default_toml_holds_just_the_defaults() {
    let documented = parse(DEFAULT).expect("default.toml");
    let embedded = parse("").expect("an empty file");
    assert_eq!(format!("{documented:#?}"), format!("{embedded:#?}"));
}

#[test]
fn default_toml_documents_every_key_there_is() {
    let text = with_optional_keys();
    let document = toml::from_str(&text).expect("TOML");
    let notes = Notes::default();
    let var = |_: &str| Some("x".to_owned());
    let file = |_: &Path| Ok("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned());
    let sources = Sources { var: &var, file: &file };
    let merged = presets::lay_under(&document, Path::new(""), sources, &notes);
    let _ = Config::read(Section::root(&merged, &notes), sources);
    let asked = notes.asked();
    let problems = notes.into_problems();
    // Its examples of a credential and of a key do not go together with its default of auth.mode; not every binary
    // can send spans. Every file here holds a certificate, also that of a key.
    let expected = |path: &str| {
        path.starts_with("auth.") || ["tracing.otlp_endpoint", "upstreams.main.client_key"].contains(&path)
    };
    assert!(problems.iter().all(|problem| expected(&problem.path)), "{problems:?}");
    assert!(asked.len() > 60, "only {} keys were asked for", asked.len());
    let present = paths(&document, "");
    let missing: Vec<&String> =
        asked.iter().filter(|key| !present.contains(*key) && !ALTERNATIVES.contains(&key.as_str())).collect();
    assert!(missing.is_empty(), "config/default.toml does not document {missing:?}");
}

#[test]
fn default_toml_shows_the_defaults_of_an_upstream() {
    let shown: String = with_optional_keys();
    let start = shown.find("[upstreams.main]").expect("an upstream");
    let shown = shown[start..].replace("ca_file", "#ca_file").replace("credential =", "#credential =");
    let shown = shown.replace("client_cert =", "#client_cert =").replace("client_key =", "#client_key =");
    let shown = shown.replace("forward_headers", "#forward_headers");
    let shown = parse(&shown).expect("an upstream of the default's settings");
    let bare = parse("[upstreams.main]\nbase_url = \"https://api.example.com/v1\"").expect("an upstream");
    let [mut shown, bare] = [shown, bare].map(|config| config.upstreams.into_iter().next().expect("one"));
    // Quotas are shown by examples: there are none by default.
    shown.quota = bare.quota;
    assert_eq!(format!("{shown:#?}"), format!("{bare:#?}"));
}

#[test]
fn what_is_asked_again_cannot_be_just_anything() {
    let with = |line: &str| parse(&format!("[upstreams.main]\nbase_url = \"http://x/v1\"\n{line}"));
    for line in [
        "retry.attempts = 0",
        "retry.attempts = 6",
        "retry.submit_statuses = [404]",
        "retry.fetch_statuses = [408]",
        "retry.other_statuses = [200]",
        "retry.other_statuses = 429",
        "retry.budget_ratio = 1.1",
        "retry.budget_ratio = -0.1",
        "retry.budget_ratio = nan",
        "breaker.ratio = 2",
        "breaker.open = \"2m\"",
        "breaker.window = \"0s\"",
    ] {
        let problems = with(line).expect_err(line);
        let path = line.split(' ').next().expect("a key");
        assert!(problems.starts_with(&format!("upstreams.main.{path}: ")), "{line}: {problems}");
    }
    let config = with("retry.submit_statuses = []\nretry.budget_ratio = 1\nbreaker.ratio = 0")
        .expect("a configuration");
    let upstream = config.upstreams.first().expect("one");
    assert!(upstream.retry.submit_statuses.is_empty() && upstream.retry.budget_ratio >= 1.0);
}

/// Keys that exclude another one; the documentation names them in its text.
const ALTERNATIVES: &[&str] = &["upstreams.*.credential.file", "auth.keys.*.env", "auth.keys.*.file"];

/// Every path in a document, with `*` for names chosen by the operator.
fn paths(table: &toml::Table, above: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in table {
        let named = matches!(above, "models" | "upstreams" | "auth.keys");
        let key = if named { "*" } else { key };
        let path = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
        if let Some(inner) = value.as_table() {
            found.extend(paths(inner, &path));
        }
        found.insert(path);
    }
    found
}

#[test]
fn the_starter_and_every_preset_can_be_used() {
    parse(STARTER).expect("reelgate.toml");
    assert!(presets::EMBEDDED.len() >= 6, "presets are missing");
    for (name, _) in presets::EMBEDDED {
        let config =
            parse(&format!("presets = [\"{name}\"]")).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert!(config.capabilities.models().count() > 0, "{name} has no models");
    }
}

#[test]
fn every_file_in_the_presets_folder_is_embedded() {
    let files =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/presets")).expect("the folder");
    let mut names: Vec<String> = files
        .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let mut embedded: Vec<String> = presets::EMBEDDED.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    embedded.sort();
    assert_eq!(names, embedded);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let problems = parse(
        r#"
        presets = ["seeds"]
        default_model = "sora-3"
        lisen = 1
        [server]
        listen = "localhost"
        drain = 25
        [auth]
        mode = "keys"
        [models.a]
        seconds = [4, 0]
        sizes = ["1280x720", "1280*720"]
        default_size = "640x360"
        upstream = "nowhere"
        on_unsupported = "switch"
        [upstreams.main]
        base_url = "api.example.com"
        credential = "sk-live-1"
        "#,
    )
    .expect_err("many mistakes");
    for path in [
        "presets: ",
        "default_model: ",
        "lisen: unknown key",
        "server.listen: ",
        "server.drain: ",
        "auth.keys: ",
        "models.a.seconds: ",
        "models.a.sizes: ",
        "models.a.default_size: ",
        "models.a.switch_to: ",
        "upstreams.main.base_url: ",
        "upstreams.main.credential: ",
    ] {
        assert!(problems.lines().any(|line| line.starts_with(path)), "{path} is missing in\n{problems}");
    }
    assert!(!problems.contains("sk-live-1"), "a secret is shown in\n{problems}");
}

#[test]
fn a_range_has_an_end_and_no_other_keys() {
    for (range, told) in [
        ("fps = { min = 1 }", "fps.max: missing (name the largest number that passes, such as 60)"),
        ("fps = { min = 5, max = 4 }", "fps.max: 4 is not allowed (use 5 or more)"),
        ("fps = { min = 0, max = 4 }", "fps.min: 0 is not allowed (use a whole number from 1 to 100000)"),
        ("fps = { max = 4, step = 1 }", "fps.step: unknown key (known keys here: max, min)"),
        ("num_inference_steps = [1, 50]", "num_inference_steps: a list with these items is not allowed"),
    ] {
        let problems = parse(&format!("[models.a]\n{range}")).expect_err(range);
        assert!(problems.starts_with(&format!("models.a.{told}")), "{range}: {problems}");
    }
    // Half of a preset's range is none.
    let problems =
        parse("presets = [\"sglang\"]\n[models.\"*\"]\nfps = { min = 5 }").expect_err("without an end");
    assert!(problems.starts_with("models.*.fps.max: missing"), "{problems}");
}

#[test]
fn a_credential_comes_from_the_environment_and_is_never_shown() {
    let text = "[auth]\nmode = \"open\"\n[upstreams.main]\nbase_url = \"http://x/v1\"\ncredential = { env = \"KEY\" }";
    let config = parse(text).expect("a configuration");
    assert!(!format!("{config:?}").contains("sk-secret"));
    let missing = parse(&text.replace("KEY", "NO_KEY")).expect_err("a missing variable");
    assert!(missing.contains("upstreams.main.credential.env: the variable NO_KEY is not set"), "{missing}");
}

#[test]
fn an_operators_credential_is_not_for_everybody() {
    let text = "[upstreams.main]\nbase_url = \"http://x/v1\"\ncredential = { env = \"KEY\" }";
    let problems = parse(text).expect_err("an open relay");
    assert!(problems.starts_with("auth.mode: "), "{problems}");
}

#[test]
fn a_file_adds_to_its_presets_key_by_key() {
    let config =
        parse("[models.sora-2]\naudio = true\n[models.sora-2-pro]\nseconds = [5]\ndefault_seconds = 5")
            .expect("a configuration");
    let sora = config.capabilities.find("sora-2").expect("sora-2");
    assert!(sora.audio && sora.seconds.supports(12));
    let pro = config.capabilities.find("sora-2-pro").expect("sora-2-pro");
    assert!(pro.seconds.supports(5) && !pro.seconds.supports(10));
}

#[test]
fn a_model_may_be_made_by_any_upstream_there_is() {
    let text = r#"
        [models.sora-2]
        upstream = "other"
        [upstreams.main]
        base_url = "http://a/v1"
        [upstreams.other]
        base_url = "http://b/v1"
    "#;
    parse(text).expect("a configuration").check_serving().expect("two places");
    let problems = parse(&text.replace("upstreams.other", "upstreams.others")).expect_err("nowhere");
    assert!(problems.starts_with("models.sora-2.upstream: "), "{problems}");
}

/// SE01
#[test]
fn a_credential_is_not_listed_among_the_headers_that_go_on() {
    let upstream = "[auth]\nmode = \"open\"\n[upstreams.main]\nbase_url = \"https://a.example/v1\"\n";
    for name in ["OpenAI-Api-Key", "x-goog-api-key", "x-auth-token", "x-client-secret"] {
        let problems = parse(&format!("{upstream}forward_headers = [\"{name}\"]")).expect_err(name);
        let name = name.to_ascii_lowercase();
        let expected = format!(
            "upstreams.main.forward_headers: \"{name}\" names a credential, and a client's credential never goes \
             upstream as it came (remove it; the upstream gets its key in credential_header)"
        );
        assert_eq!(problems, expected);
    }
    parse(&format!("{upstream}forward_headers = [\"x-tenant\", \"x-idempotency-key\"]"))
        .expect("harmless names");
}

#[test]
fn mistakes_in_origins_are_told_with_what_would_be_right() {
    for (settings, problem) in [
        (
            "[cors]\norigins = [\"*\", \"https://app.example.com\"]",
            "cors.origins: \"*\" is not allowed beside others (use [\"*\"] alone for every site, or name the sites and \
             leave it out)",
        ),
        (
            "[cors]\norigins = [\"https://app.example.com/\"]",
            "cors.origins: \"https://app.example.com/\" is not allowed (use \"https://app.example.com\", as browsers \
             send it)",
        ),
        (
            "[routes]\nanswer_headers = [\"Access-Control-Allow-Origin\"]",
            "routes.answer_headers: \"access-control-allow-origin\" is not allowed: which pages may read answers is not \
             for the upstream to say (remove it, and name their sites in [cors] origins)",
        ),
    ] {
        assert_eq!(parse(settings).expect_err(settings), problem);
    }
}
