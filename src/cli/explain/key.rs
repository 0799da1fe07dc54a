//! Whose request it is: what the configuration lets the holder of a key do, in its own words.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::capability::Mode;
use crate::capability::allowed::{Allowed, Asker};
use crate::cli::Failed;
use crate::config::Config;
use crate::config::allow::AllowList;
use crate::config::auth::Key;
use crate::config::budget::Limits;
use crate::config::quota::{Quota, RateQuota};
use crate::config::routes::OtherAccess;
use crate::money::Money;
use crate::rejection::Rejection;

/// A key of the configuration, and what there is for it.
pub(super) struct Holder<'c> {
    key: &'c Key,
    /// The routes beside those about videos that it may use.
    routes: OtherAccess<'c>,
    quota: Quota,
    /// Whether clients may choose how they are judged.
    mode_header: bool,
}

/// A setting: what it is called, what it is where it says something, and what it means where it does not.
type Row = (&'static str, Option<Value>, &'static str);

/// Stands for the key itself, which the configuration does not know.
const UNKNOWN: &str = "...";

impl<'c> Holder<'c> {
    /// Whoever has the key of this name.
    pub(super) fn find(config: &'c Config, name: &str) -> Result<Self, Failed> {
        let key = config.auth.keys.iter().find(|key| *key.name == *name);
        let key = key.ok_or_else(|| Failed::Other(format!("there is no [auth.keys.{name}]")))?;
        let quota = config.auth.quotas.iter().find(|(of, _)| *of == key.name);
        let quota = quota.map(|(_, quota)| *quota).unwrap_or_default();
        let routes = config.routes.other_access(config.auth.mode, Some(key));
        Ok(Self { key, routes, quota, mode_header: config.mode_header })
    }

    /// Its holder, as one who asks at this time.
    pub(super) fn asker(&self, mode: Option<Mode>, now: SystemTime) -> Result<Asker<'c>, Rejection> {
        if self.key.has_expired(now) {
            let name = self.key.name.to_string();
            return Err(Rejection::ExpiredKey { name, key: UNKNOWN.to_owned() });
        }
        Ok(self.key.asker(mode))
    }

    /// A line for each setting.
    pub(super) fn as_text(&self) -> String {
        let rows = self.rows();
        let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
        let lines = rows.into_iter().map(|(name, value, otherwise)| {
            let value = value.map_or_else(|| otherwise.to_owned(), |value| shown(&value));
            format!("  {name:width$}  {value}\n")
        });
        format!("Key \"{}\"\n{}", self.key.name, lines.collect::<String>())
    }

    pub(super) fn as_json(&self) -> Value {
        let name = ("name".to_owned(), Value::from(&*self.key.name));
        let rows = self.rows().into_iter().map(|(name, value, _)| (name.to_owned(), value.into()));
        Value::Object(std::iter::once(name).chain(rows).collect::<Map<_, _>>())
    }

    fn rows(&self) -> Vec<Row> {
        let key = self.key;
        let expires = key.expires.map(|at| humantime::format_rfc3339_seconds(at).to_string());
        let (allow, otherwise) = opened(self.routes);
        let mut rows = vec![
            ("models", key.models.as_ref().map(names), "all"),
            ("on_unsupported", key.on_unsupported.map(|policy| policy.word().into()), "as the model says"),
            ("mode_header", Some(self.mode_header.into()), ""),
            ("expires", expires.map(Value::from), "never"),
            ("allow", allow, otherwise),
        ];
        let Quota { submit, fetch, other, jobs } = self.quota;
        for (name, quota) in [("quota.submit", submit), ("quota.fetch", fetch), ("quota.other", other)] {
            rows.push((name, quota.as_ref().map(rate), "as many as come"));
        }
        // Zero lifts an inherited limit.
        let jobs = jobs.filter(|places| places.number > 0);
        rows.push(("quota.max_jobs", jobs.map(|places| places.number.into()), "as many as come"));
        rows.extend(limits(
            ["budget.day.requests", "budget.day.seconds", "budget.day.money"],
            key.budget.day,
        ));
        let month = ["budget.month.requests", "budget.month.seconds", "budget.month.money"];
        rows.extend(limits(month, key.budget.month));
        rows
    }
}

fn names(allowed: &Allowed) -> Value {
    allowed.names().collect()
}

/// The routes that are opened to it, or in words that none is.
fn opened(access: OtherAccess<'_>) -> (Option<Value>, &'static str) {
    match access {
        OtherAccess::Everything => (Some(vec!["*"].into()), ""),
        OtherAccess::Nothing => (None, "videos alone"),
        OtherAccess::Listed(list) => {
            let entries: Vec<String> = list.into_iter().flat_map(AllowList::entries).collect();
            ((!entries.is_empty()).then(|| entries.into()), "videos and the list of models")
        }
    }
}

fn rate(quota: &RateQuota) -> Value {
    format!("{}, burst {}", quota.rate, quota.burst).into()
}

fn limits(names: [&'static str; 3], limits: Limits) -> impl Iterator<Item = Row> {
    let Limits { requests, seconds, money } = limits;
    let values =
        [requests.map(Value::from), seconds.map(Value::from), money.map(Money::units).map(Value::from)];
    names.into_iter().zip(values).map(|(name, value)| (name, value, "no limit"))
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::capability::model::OnUnsupported;
    use crate::config::secret::Sources;

    fn config() -> Config {
        let hash = "ab".repeat(32);
        let other = "cd".repeat(32);
        let toml = format!(
            r#"presets = ["openai"]
            upstreams.main.base_url = "https://api.example.com/v1"
            upstreams.main.credential = {{ env = "KEY" }}
            [auth]
            mode = "keys"
            key_quota = {{ submit = {{ rate = "5/min", burst = 2 }}, max_jobs = 3 }}
            [auth.keys.team]
            sha256 = "{hash}"
            models = ["sora-2", "sora-2-*"]
            on_unsupported = "adjust"
            expires = "2027-01-01T00:00:00Z"
            allow = ["POST /v1/responses"]
            quota.max_jobs = 7
            budget.day.requests = 50
            [auth.keys.free]
            sha256 = "{other}"
            quota.max_jobs = 0"#
        );
        let sources = Sources {
            var: &|_| Some("secret".to_owned()),
            file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        };
        Config::parse(&toml, Path::new(""), sources).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn a_key_is_shown_with_what_it_inherits_in_the_words_of_the_configuration() {
        let config = config();
        let shown = Holder::find(&config, "team").expect("a key").as_json();
        let expected = serde_json::json!({
            "name": "team",
            "models": ["sora-2", "sora-2-*"],
            "on_unsupported": "adjust",
            "mode_header": false,
            "expires": "2027-01-01T00:00:00Z",
            "allow": ["POST /v1/responses"],
            "quota.submit": "5/min, burst 2",
            "quota.fetch": null,
            "quota.other": null,
            "quota.max_jobs": 7,
            "budget.day.requests": 50,
            "budget.day.seconds": null,
            "budget.day.money": null,
            "budget.month.requests": null,
            "budget.month.seconds": null,
            "budget.month.money": null,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_says_nothing_is_told_as_what_it_means() {
        let config = config();
        let text = Holder::find(&config, "free").expect("a key").as_text();
        for line in [
            "Key \"free\"\n  models                 all\n",
            "\n  on_unsupported         as the model says\n",
            "\n  expires                never\n",
            "\n  allow                  videos and the list of models\n",
            "\n  quota.submit           5/min, burst 2\n",
            "\n  quota.max_jobs         as many as come\n",
            "\n  budget.month.money     no limit\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }

    #[test]
    fn its_holder_is_judged_as_its_requests_are_until_it_expires() {
        let config = config();
        let holder = Holder::find(&config, "team").expect("a key");
        let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_600);
        let asker = holder.asker(Some(Mode::Strict), expires - Duration::from_secs(1)).expect("not yet");
        assert_eq!((asker.mode, asker.on_unsupported), (Some(Mode::Strict), Some(OnUnsupported::Adjust)));
        assert_eq!((asker.name, asker.models.is_some()), (Some("team"), true));
        let refused = holder.asker(None, expires).expect_err("expired");
        assert!(matches!(refused, Rejection::ExpiredKey { .. }), "{refused:?}");
    }

    #[test]
    fn a_name_that_no_key_has_is_an_error() {
        let config = config();
        let failed = Holder::find(&config, "nobody").err().expect("no such key");
        assert_eq!(failed.to_string(), "there is no [auth.keys.nobody]");
    }
}
