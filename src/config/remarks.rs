//! Remarks on a configuration that can be used: settings that are no mistakes, but have a price that an operator should
//! know. Pure. `check` prints them; the start and a reload write them into the log.

use std::fmt;

use axum::http::StatusCode;
use axum::http::uri::Scheme;

use super::Config;
use super::parameters;
use super::reader::joined;
use super::upstreams::Upstream;

mod keys;

/// One remark on a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The setting it is about, as dotted keys.
    pub path: String,
    /// What the setting leads to, and in parentheses what would avoid it.
    pub what: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl Config {
    /// Everything an operator should know about this configuration, in the order of its sections.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        let upstreams = self.upstreams.iter().flat_map(of_upstream);
        let others = parameters::remarks(&self.capabilities).into_iter().chain(upstreams);
        keys::of_keys(self).into_iter().chain(others).collect()
    }
}

fn of_upstream(upstream: &Upstream) -> Vec<Remark> {
    let path = |key: &str| format!("{}.{key}", joined("upstreams", &upstream.name));
    let plain = upstream.base.scheme == Scheme::HTTP;
    let unshown = upstream.identity.as_ref().filter(|_| plain).map(|_| Remark {
        path: path("client_cert"),
        what: "base_url begins with http://, where no certificate is shown (use https://, or leave it out)"
            .to_owned(),
    });
    let retry = &upstream.retry;
    let repeats = [
        ("submit_statuses", &retry.submit_statuses, "the same video again"),
        ("other_statuses", &retry.other_statuses, "the same work again, such as an image"),
    ];
    let repeats = repeats.into_iter().filter_map(|(key, statuses, work)| {
        let begun = begun(statuses)?;
        let what = format!(
            "{begun} can come after the upstream has begun to work: a repeat may start, and bill, {work} (leave out all \
             but 429, 503 and 529)"
        );
        Some(Remark { path: path(&format!("retry.{key}")), what })
    });
    unshown.into_iter().chain(repeats).collect()
}

/// Those of the statuses that an upstream can send after it has begun to work, as a text.
fn begun(statuses: &[StatusCode]) -> Option<String> {
    let begun = statuses.iter().filter(|status| !matches!(status.as_u16(), 429 | 503 | 529));
    let begun: Vec<&str> = begun.map(StatusCode::as_str).collect();
    (!begun.is_empty()).then(|| begun.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::secret::Sources;

    fn remarks(upstream: &str) -> Vec<String> {
        let text = format!(
            "default_upstream = \"a.b\"\n[upstreams.\"a.b\"]\nbase_url = \"http://x/v1\"\n{upstream}"
        );
        let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        let config = Config::parse(&text, Path::new(""), sources).expect("a configuration");
        config.remarks().iter().map(Remark::to_string).collect()
    }

    #[test]
    fn a_status_that_may_follow_an_accepted_create_is_remarked_on() {
        assert_eq!(
            remarks("retry.submit_statuses = [429, 500, 503, 502]"),
            [
                "upstreams.\"a.b\".retry.submit_statuses: 500, 502 can come after the upstream has begun to work: a \
              repeat may start, and bill, the same video again (leave out all but 429, 503 and 529)"
            ]
        );
    }

    #[test]
    fn a_status_that_may_follow_a_call_that_was_begun_is_remarked_on() {
        let remarks = remarks("retry.other_statuses = [429, 500]");
        let [remark] = &remarks[..] else { panic!("{remarks:?}") };
        assert!(remark.starts_with("upstreams.\"a.b\".retry.other_statuses: 500 can come after"), "{remark}");
    }

    #[test]
    fn the_defaults_are_not_remarked_on() {
        assert_eq!(remarks(""), [""; 0]);
        assert_eq!(remarks("retry.submit_statuses = [429, 503, 529]"), [""; 0]);
        assert_eq!(Config::embedded().expect("the defaults").remarks(), []);
    }
}
