//! `[redis]`: the server that several gateways share, and what becomes of limits while it is away.

use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};
use toml::Value;

use super::reader::Section;
use super::secret::{self, Secret, Sources};

/// `[redis]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it is, and how to log in.
    pub url: Secret,
    /// What every key begins with.
    pub prefix: String,
    /// Whether token buckets are shared.
    pub limits: bool,
    /// How long a shared bucket may take to answer.
    pub timeout: Duration,
    /// How often it is tried whether a server that failed is back.
    pub probe: Duration,
    /// How many gateways share it.
    pub replicas: u32,
    /// What becomes of limits while it is away.
    pub on_failure: OnFailure,
    /// How long a gateway may be silent before its open calls count as interrupted.
    pub lease: Duration,
}

/// What becomes of limits while the shared store is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Every gateway gives out its share of them.
    #[default]
    LocalShare,
    /// Nobody gets anything that is limited.
    Refuse,
}

const PREFIX: &str = "reelgate:";
const RIGHT: &str = "use redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:///PATH";

impl Settings {
    pub(super) fn read(mut section: Section<'_>, sources: Sources<'_>) -> Option<Self> {
        let url = read_url(&mut section, sources);
        let modes = [("local_share", OnFailure::LocalShare), ("refuse", OnFailure::Refuse)];
        let settings = url.map(|url| Self {
            url,
            prefix: section.any_text("prefix").unwrap_or(PREFIX).to_owned(),
            limits: section.flag("limits", false),
            timeout: section.duration("timeout", Duration::from_millis(50)),
            probe: section.duration("probe", Duration::from_secs(1)),
            replicas: section.number("replicas", 1, 1..=10_000),
            on_failure: section.choice("on_failure", &modes, OnFailure::LocalShare),
            lease: section.duration("lease", Duration::from_secs(15)),
        });
        if settings.is_some() {
            section.finish();
        }
        settings
    }

    /// What a client needs to know to connect.
    ///
    /// # Errors
    /// Never where the settings were read from a configuration: what is no address is a problem of that.
    pub(crate) fn connection(&self) -> redis::RedisResult<ConnectionInfo> {
        self.url.expose().into_connection_info()
    }

    /// Where it is, without what logs in there.
    #[must_use]
    pub(crate) fn place(&self) -> String {
        self.connection().map(|info| info.addr().to_string()).unwrap_or_default()
    }
}

/// A text, unless it holds a password; or `{ env = "NAME" }`, or `{ file = "PATH" }`.
fn read_url(section: &mut Section<'_>, sources: Sources<'_>) -> Option<Secret> {
    let url = match section.value("url") {
        None => {
            section.problem("url", format!("missing ({RIGHT})"));
            return None;
        }
        Some(Value::Table(_)) => secret::read(section.section("url"), sources)?,
        Some(_) => Secret::written(section.text("url")?),
    };
    let is_plain = section.value("url").is_some_and(Value::is_str);
    match url.expose().into_connection_info() {
        Ok(info) if is_plain && info.redis_settings().password().is_some() => {
            let what =
                "a password must not stand here (use { env = \"NAME\" } or { file = \"PATH\" } for the URL)";
            section.problem("url", what);
            None
        }
        Ok(_) => Some(url),
        Err(_) => {
            // Its words would repeat the password.
            section.problem("url", format!("it is no address of a Redis server ({RIGHT})"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use toml::Table;

    use super::*;
    use crate::config::reader::Notes;

    fn read(text: &str) -> (Option<Settings>, Vec<String>) {
        let table: Table = toml::from_str(text).expect("TOML");
        let notes = Notes::default();
        let var = |name: &str| (name == "URL").then(|| "redis://:secret@10.0.0.1:6380/2".to_owned());
        let file = |_: &Path| Ok("redis://10.0.0.2\n".to_owned());
        let settings = Settings::read(Section::root(&table, &notes), Sources { var: &var, file: &file });
        (settings, notes.into_problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_address_is_a_text_or_comes_from_where_secrets_do() {
        for (text, place) in [
            ("url = \"redis://127.0.0.1:6379\"", "127.0.0.1:6379"),
            ("url = \"rediss://cache.example.com\"", "cache.example.com:6379"),
            ("url = \"unix:///run/redis.sock\"", "/run/redis.sock"),
            ("url = { env = \"URL\" }", "10.0.0.1:6380"),
            ("url = { file = \"/run/secrets/url\" }", "10.0.0.2:6379"),
        ] {
            let (settings, problems) = read(text);
            assert_eq!(problems, [] as [&str; 0], "{text}");
            assert_eq!(settings.expect(text).place(), place);
        }
    }

    #[test]
    fn a_password_does_not_stand_in_the_file_and_is_never_shown() {
        for text in
            ["url = \"redis://:secret@10.0.0.1\"", "url = \"redis://a:secret@\"", "url = \"x://secret\""]
        {
            let (settings, problems) = read(text);
            assert!(settings.is_none() && problems.len() == 1, "{problems:?}");
            assert!(problems[0].starts_with("url: ") && !problems[0].contains("secret"), "{problems:?}");
        }
        let (settings, _) = read("url = { env = \"URL\" }");
        assert!(!format!("{settings:?}").contains("secret"));
        assert_eq!(read("limits = true").1.len(), 1, "an address is required");
    }
}
