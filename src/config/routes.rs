//! `[routes]`: which paths are offered, and to whom.

use axum::http::{HeaderName, Method};

use super::allow::AllowList;
use super::auth::{Auth, AuthMode, Key};
use super::reader::Section;

/// `[routes]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// What becomes of paths below `/v1` that are not about videos.
    pub other: OtherRoutes,
    /// Which of those are offered. `None`: with keys, none but the list of models; without keys, all.
    pub allow: Option<AllowList>,
    /// What the id of a video may look like.
    pub video_ids: VideoIds,
    /// Query parameters let through beside those of the API.
    pub query_parameters: Vec<String>,
    /// Answer headers let through beside the usual ones.
    pub answer_headers: Vec<HeaderName>,
}

/// What becomes of paths below `/v1` that are not about videos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherRoutes {
    /// Those that are offered go to the default upstream.
    #[default]
    Forward,
    /// They are unknown.
    Refuse,
}

/// What the id of a video may look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VideoIds {
    /// Letters, digits, `_` and `-`; at most 128 of them.
    #[default]
    Plain,
    /// Also percent-encoded bytes and what else may stand in a path segment, for upstreams whose ids carry
    /// base64. Forwarded as sent.
    Encoded,
}

/// Which paths that are not about videos a client may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherAccess<'c> {
    /// All.
    Everything,
    /// None.
    Nothing,
    /// The list of models, and what is in this list.
    Listed(Option<&'c AllowList>),
}

impl Routes {
    pub(super) fn read(mut section: Section<'_>, auth: &Auth) -> Self {
        let others = [("forward", OtherRoutes::Forward), ("refuse", OtherRoutes::Refuse)];
        let ids = [("plain", VideoIds::Plain), ("encoded", VideoIds::Encoded)];
        let other = section.optional_choice("other", &others);
        let routes = Self {
            other: other.unwrap_or_default(),
            allow: AllowList::read(&mut section),
            video_ids: section.choice("video_ids", &ids, VideoIds::Plain),
            query_parameters: section.texts("query_parameters").unwrap_or_default(),
            answer_headers: section.answer_header_names("answer_headers"),
        };
        routes.check(&section, other, auth);
        section.finish();
        routes
    }

    /// Reports what contradicts itself. `other`: what the file says, if it says something.
    fn check(&self, section: &Section<'_>, other: Option<OtherRoutes>, auth: &Auth) {
        match other {
            Some(OtherRoutes::Forward) if auth.mode == AuthMode::Keys && self.allow.is_none() => section.problem(
                "other",
                "\"forward\" is not allowed with keys: each of them would reach whatever the upstream has, past models \
                 and budgets, with your credential (remove it, and name what clients may use beside videos, such as \
                 routes.allow = [\"POST /v1/chat/completions\", \"GET /v1/files/*\"]; [\"*\"] is everything)",
            ),
            Some(OtherRoutes::Refuse) => {
                let what = "nothing of it is offered while routes.other is \"refuse\" (remove one of the two)";
                if self.allow.is_some() {
                    section.problem("allow", what);
                }
                for key in auth.keys.iter().filter(|key| key.allow.is_some()) {
                    section.problem_at(format!("auth.keys.{}.allow", key.name), what);
                }
            }
            Some(OtherRoutes::Forward) | None => {}
        }
    }

    /// What a client may use beside the routes that are about videos. `key`: the client's, where it has one of ours.
    #[must_use]
    pub fn other_access<'c>(&'c self, mode: AuthMode, key: Option<&'c Key>) -> OtherAccess<'c> {
        let allow = key.and_then(|key| key.allow.as_ref()).or(self.allow.as_ref());
        match (self.other, allow, mode) {
            (OtherRoutes::Refuse, _, _) => OtherAccess::Nothing,
            // Closed unless it is opened: it would be used with the operator's credential.
            (OtherRoutes::Forward, None, AuthMode::Passthrough | AuthMode::Open) => OtherAccess::Everything,
            (OtherRoutes::Forward, allow, _) => OtherAccess::Listed(allow),
        }
    }
}

impl OtherAccess<'_> {
    /// Whether a request may pass.
    #[must_use]
    pub fn allows(self, method: &Method, path: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Listed(list) => {
                is_about_models(method, path) || list.is_some_and(|list| list.allows(method, path))
            }
        }
    }
}

/// Which models there are, and what one of them is, is for everybody to know: SDKs and user interfaces ask for it first.
fn is_about_models(method: &Method, path: &str) -> bool {
    let reads = *method == Method::GET || *method == Method::HEAD;
    let one = path.strip_prefix("/v1/models/").is_some_and(|id| !id.is_empty() && !id.contains('/'));
    reads && (one || path == "/v1/models")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;
    use crate::config::secret::Sources;

    const KEYS: &str =
        "auth.mode = \"keys\"\n[auth.keys.team]\nsha256 = \"01\"\n[auth.keys.other]\nsha256 = \"02\"\n";

    fn parse(text: &str) -> Result<Config, String> {
        let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let text = text.replace("\"01\"", &format!("\"{}\"", "01".repeat(32)));
        let text = text.replace("\"02\"", &format!("\"{}\"", "02".repeat(32)));
        Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &nothing })
            .map_err(|problems| problems.to_string())
    }

    fn may(text: &str, key: Option<&str>, request: &str) -> bool {
        let config = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
        let key = key.map(|name| config.auth.keys.iter().find(|key| *key.name == *name).expect("a key"));
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let access = config.routes.other_access(config.auth.mode, key.map(|key| &**key));
        access.allows(&method.parse().expect("a method"), path)
    }

    /// CL01
    #[test]
    fn with_keys_only_the_list_of_models_is_open_unless_more_is_opened() {
        for (more, request, expected) in [
            ("", "GET /v1/models", true),
            ("", "HEAD /v1/models/sora-2", true),
            ("", "POST /v1/models", false),
            ("", "DELETE /v1/models/ft:x", false),
            ("", "GET /v1/models/a/b", false),
            ("", "POST /v1/chat/completions", false),
            ("", "POST /v1/messages", false),
            ("[routes]\nallow = []", "GET /v1/models", true),
            ("[routes]\nallow = [\"POST /v1/messages\"]", "POST /v1/messages", true),
            ("[routes]\nallow = [\"POST /v1/messages\"]", "GET /v1/models", true),
            ("[routes]\nallow = [\"POST /v1/messages\"]", "POST /v1/batches", false),
            ("[routes]\nallow = [\"*\"]\nother = \"forward\"", "POST /v1/batches", true),
            ("[routes]\nother = \"refuse\"", "GET /v1/models", false),
        ] {
            assert_eq!(may(&format!("{KEYS}{more}"), Some("team"), request), expected, "{more}: {request}");
        }
    }

    #[test]
    fn a_keys_own_list_is_in_place_of_everybodys() {
        let text = format!(
            "{}[routes]\nallow = [\"POST /v1/messages\"]",
            KEYS.replace("\"02\"", "\"02\"\nallow = [\"/v1/files\"]")
        );
        for (key, request, expected) in [
            ("team", "POST /v1/messages", true),
            ("team", "GET /v1/files", false),
            ("other", "POST /v1/messages", false),
            ("other", "GET /v1/files", true),
            ("other", "GET /v1/models", true),
        ] {
            assert_eq!(may(&text, Some(key), request), expected, "{key}: {request}");
        }
    }

    #[test]
    fn without_keys_everything_is_open_unless_a_list_says_what_is() {
        for mode in ["passthrough", "open"] {
            let text = |more: &str| format!("auth.mode = \"{mode}\"\n[routes]\n{more}");
            for (more, request, expected) in [
                ("", "POST /v1/batches", true),
                ("other = \"forward\"", "POST /v1/batches", true),
                ("allow = [\"POST /v1/messages\"]", "POST /v1/batches", false),
                ("allow = [\"POST /v1/messages\"]", "POST /v1/messages", true),
                ("allow = [\"POST /v1/messages\"]", "GET /v1/models", true),
                ("other = \"refuse\"", "GET /v1/models", false),
            ] {
                assert_eq!(may(&text(more), None, request), expected, "{mode}, {more}: {request}");
            }
        }
    }

    #[test]
    fn what_contradicts_itself_is_told_with_its_path() {
        let key = KEYS.replace("\"02\"", "\"02\"\nallow = [\"GET /v1/files\", \"files\"]");
        for (text, start) in [
            (
                format!("{KEYS}[routes]\nother = \"forward\""),
                "routes.other: \"forward\" is not allowed with keys",
            ),
            (
                format!("{KEYS}[routes]\nother = \"refuse\"\nallow = []"),
                "routes.allow: nothing of it is offered",
            ),
            (
                format!("{KEYS}[routes]\nallow = [\"/v1/videos/*\"]"),
                "routes.allow: \"/v1/videos/*\" is about videos",
            ),
            (
                format!("{KEYS}[routes]\nallow = \"*\""),
                "routes.allow: \"*\" is not allowed (use a list of texts",
            ),
            (key.clone(), "auth.keys.other.allow: \"files\" is no route below /v1/ (use"),
            (
                format!("{}[routes]\nother = \"refuse\"", key.replace(", \"files\"", "")),
                "auth.keys.other.allow: nothing of it is offered while routes.other is",
            ),
        ] {
            let told = parse(&text).expect_err(&text);
            assert!(told.starts_with(start) && told.lines().count() == 1, "{text}: {told}");
        }
    }
}
