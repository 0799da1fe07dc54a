//! A list of routes that an operator opens to clients. Pure.

use std::fmt;

use axum::http::Method;

use crate::config::reader::Section;

/// Routes that are not about videos and may be used nevertheless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// `None`: every method.
    method: Option<Method>,
    path: PathPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathPattern {
    /// Every path.
    Any,
    /// This path.
    Exact(String),
    /// Every path that begins with this one, which ends in a slash, and goes on.
    Below(String),
}

/// Methods that an API has; tunnels and echoes are none.
pub const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The key of the configuration, beside those that are global and those of one client's key.
const KEY: &str = "allow";
const RIGHT: &str = "use \"POST /v1/chat/completions\", \"/v1/responses\" for every method, \"GET /v1/files/*\" for \
                     whatever is below, or \"*\" for everything";

impl AllowList {
    /// Reads the list of a section that has one, and reports every entry of it that is none.
    pub(in crate::config) fn read(section: &mut Section<'_>) -> Option<Self> {
        let texts = section.texts(KEY)?;
        let entries = texts.iter().filter_map(|text| match Entry::parse(text) {
            Ok(entry) => Some(entry),
            Err(wrong) => {
                section.problem(KEY, format!("\"{text}\" {wrong}"));
                None
            }
        });
        Some(Self(entries.collect()))
    }

    /// Whether a request may pass.
    #[must_use]
    pub fn allows(&self, method: &Method, path: &str) -> bool {
        self.0.iter().any(|entry| entry.allows(method, path))
    }

    /// Whether whatever there is may be used.
    #[must_use]
    pub fn allows_everything(&self) -> bool {
        self.0.iter().any(|entry| entry.method.is_none() && entry.path == PathPattern::Any)
    }

    /// Whether something may be used by another method than those that only read.
    #[must_use]
    pub fn allows_writing(&self) -> bool {
        let reads = |method: &Method| [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        self.0.iter().any(|entry| entry.method.as_ref().is_none_or(|method| !reads(method)))
    }

    /// The entries, as they are written.
    pub fn entries(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl Entry {
    /// # Errors
    /// What is wrong with it, and in parentheses what would be right.
    fn parse(text: &str) -> Result<Self, String> {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(parse_method(method)?), path),
            None => (None, text),
        };
        Ok(Self { method, path: PathPattern::parse(path)? })
    }

    fn allows(&self, method: &Method, path: &str) -> bool {
        // HEAD asks for no more than GET does.
        let of_method =
            |allowed: &Method| allowed == method || (*allowed == Method::GET && *method == Method::HEAD);
        self.method.as_ref().is_none_or(of_method) && self.path.matches(path)
    }
}

fn parse_method(text: &str) -> Result<Method, String> {
    METHODS.into_iter().find(|method| method == text).ok_or_else(|| {
        let names: Vec<&str> = METHODS.iter().map(Method::as_str).collect();
        format!("begins with no method (use one of {}, and one space before the path)", names.join(", "))
    })
}

impl PathPattern {
    fn parse(path: &str) -> Result<Self, String> {
        let rest = match path.strip_prefix("/v1/") {
            _ if path == "*" => return Ok(Self::Any),
            Some(rest) if !rest.is_empty() => rest,
            _ => return Err(format!("is no route below /v1/ ({RIGHT})")),
        };
        if path.contains(['?', '#']) {
            return Err("has a query (leave it out: a path is opened with whatever query it is asked with)"
                .to_owned());
        }
        let first = rest.split('/').next().unwrap_or_default();
        if first.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("videos")) {
            return Err(
                "is about videos (remove it: those routes are always offered, each is judged, and no other is there)"
                    .to_owned(),
            );
        }
        let (plain, wildcard) = match rest.strip_suffix('*') {
            Some("") => return Ok(Self::Any),
            Some(before) => (before.strip_suffix('/').ok_or("has a * that is not a whole segment"), true),
            None => (Ok(rest), false),
        };
        let plain = plain.map_err(|wrong| format!("{wrong} ({RIGHT})"))?;
        if !plain.split('/').all(is_plain) {
            return Err(format!("is not plainly spelled ({RIGHT})"));
        }
        Ok(if wildcard { Self::Below(format!("/v1/{plain}/")) } else { Self::Exact(format!("/v1/{plain}")) })
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => path == exact,
            Self::Below(above) => path.strip_prefix(&**above).is_some_and(|rest| !rest.is_empty()),
        }
    }
}

/// Segments that every server reads alike. Requests with others hardly come, and `*` stands for them.
fn is_plain(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.method {
            write!(f, "{method} ")?;
        }
        match &self.path {
            PathPattern::Any => f.write_str("*"),
            PathPattern::Exact(path) => f.write_str(path),
            PathPattern::Below(above) => write!(f, "{above}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, method: &str, path: &str) -> bool {
        let entry = Entry::parse(entry).unwrap_or_else(|wrong| panic!("{entry} {wrong}"));
        AllowList(vec![entry]).allows(&method.parse().expect("a method"), path)
    }

    #[test]
    fn an_entry_allows_its_method_on_its_path() {
        for (entry, method, path, expected) in [
            ("POST /v1/chat/completions", "POST", "/v1/chat/completions", true),
            ("POST /v1/chat/completions", "GET", "/v1/chat/completions", false),
            ("POST /v1/chat/completions", "POST", "/v1/chat/completions/x", false),
            ("POST /v1/chat/completions", "POST", "/v1/Chat/completions", false),
            ("GET /v1/files", "HEAD", "/v1/files", true),
            ("HEAD /v1/files", "GET", "/v1/files", false),
            ("/v1/responses", "DELETE", "/v1/responses", true),
            ("/v1/responses", "POST", "/v1/responses/x", false),
            ("GET /v1/files/*", "GET", "/v1/files/a", true),
            ("GET /v1/files/*", "GET", "/v1/files/a/content", true),
            ("GET /v1/files/*", "DELETE", "/v1/files/a", false),
            ("GET /v1/files/*", "GET", "/v1/files", false),
            ("GET /v1/files/*", "GET", "/v1/files/", false),
            ("GET /v1/files/*", "GET", "/v1/filesystem", false),
            ("*", "PATCH", "/v1/anything/at/all", true),
            ("/v1/*", "PATCH", "/v1/anything", true),
            ("GET *", "GET", "/v1/anything", true),
            ("GET /v1/*", "POST", "/v1/anything", false),
            ("/v1/models/ft:gpt-4o:org::id", "GET", "/v1/models/ft:gpt-4o:org::id", true),
        ] {
            assert_eq!(allows(entry, method, path), expected, "{entry}: {method} {path}");
        }
    }

    #[test]
    fn an_entry_that_means_nothing_is_told_with_what_would_be_right() {
        for (entry, expected) in [
            ("", "is no route below /v1/ (use "),
            ("/v1", "is no route below /v1/ (use "),
            ("/v1/", "is no route below /v1/ (use "),
            ("/v2/files", "is no route below /v1/ (use "),
            ("v1/files", "is no route below /v1/ (use "),
            ("POST", "is no route below /v1/ (use "),
            ("https://api.openai.com/v1/files", "is no route below /v1/ (use "),
            ("post /v1/files", "begins with no method (use one of GET, HEAD,"),
            ("TRACE /v1/files", "begins with no method (use one of GET, HEAD,"),
            (" /v1/files", "begins with no method (use one of GET, HEAD,"),
            ("GET  /v1/files", "is no route below /v1/ (use "),
            ("GET /v1/files?limit=1", "has a query (leave it out"),
            ("GET /v1/files#a", "has a query (leave it out"),
            ("/v1/files/", "is not plainly spelled (use "),
            ("/v1/files//*", "is not plainly spelled (use "),
            ("/v1/../admin", "is not plainly spelled (use "),
            ("/v1/a%2fb", "is not plainly spelled (use "),
            ("/v1/files /x", "begins with no method"),
            ("/v1/*/content", "is not plainly spelled (use "),
            ("/v1/file*", "has a * that is not a whole segment (use "),
            ("/v1/files/**", "has a * that is not a whole segment (use "),
            ("POST /v1/videos", "is about videos (remove it"),
            ("/v1/videos/*", "is about videos (remove it"),
            ("/v1/videos*", "is about videos (remove it"),
            ("/v1/Videos/edits", "is about videos (remove it"),
        ] {
            let wrong = Entry::parse(entry).expect_err(entry);
            assert!(wrong.starts_with(expected), "{entry}: {wrong}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        for text in ["POST /v1/chat/completions", "/v1/files/*", "*", "GET *", "/v1/responses"] {
            assert_eq!(Entry::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn a_list_says_how_far_it_goes() {
        let list = |texts: &[&str]| {
            AllowList(texts.iter().map(|text| Entry::parse(text).expect("an entry")).collect())
        };
        let far = |texts: &[&str]| (list(texts).allows_everything(), list(texts).allows_writing());
        assert_eq!(far(&["GET /v1/files/*", "GET *"]), (false, false));
        assert_eq!(far(&["GET /v1/files", "/v1/responses"]), (false, true));
        assert_eq!(far(&["DELETE /v1/files/*"]), (false, true));
        assert_eq!(far(&["*"]), (true, true));
        assert_eq!(far(&[]), (false, false));
    }
}
