//! What may be wrong with a client's `base_url`, by the path of a request that found nothing. Pure.
//!
//! OpenAI's words for an unknown URL stay as they are: SDKs and their users search for them. The hint goes beside them,
//! into a header and the log.

/// What to look at, where the path shows it.
#[must_use]
pub(crate) fn of(path: &str) -> Option<&'static str> {
    let mut segments = path.strip_prefix('/')?.split('/').peekable();
    if segments.peek() != Some(&"v1") {
        let at = segments.position(|segment| ROUTES.contains(&segment))?;
        return Some(if at == 0 { NO_V1 } else { OTHER_PATH });
    }
    segments.next();
    match (segments.next()?, segments.peek()) {
        ("v1", Some(&"messages")) => Some(ADDED),
        ("v1", _) => Some(DOUBLED),
        ("", Some(_)) => Some(SLASH),
        ("videos", Some(next)) if ROUTES.contains(next) => Some(ROUTE),
        _ => segments.any(|segment| segment == "videos").then_some(ROUTE),
    }
}

/// What an SDK appends to its `base_url` first.
const ROUTES: [&str; 12] = [
    "videos",
    "chat",
    "completions",
    "responses",
    "messages",
    "images",
    "audio",
    "embeddings",
    "moderations",
    "models",
    "files",
    "batches",
];

const NO_V1: &str = "base_url should end in /v1";
const DOUBLED: &str = "base_url should end in /v1, once";
const ADDED: &str = "base_url should end before /v1, which this SDK appends itself";
const SLASH: &str = "base_url should end in /v1, without a slash behind it";
const ROUTE: &str = "base_url should end in /v1, without a route behind it";
const OTHER_PATH: &str = "base_url should be scheme, host and /v1, and nothing between them";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_shows_what_is_wrong_with_its_base_url() {
        for (path, hint) in [
            ("/videos", NO_V1),
            ("/videos/video_1/content", NO_V1),
            ("/chat/completions", NO_V1),
            ("/v1/v1/videos", DOUBLED),
            ("/v1/v1/videos/video_1", DOUBLED),
            ("/v1/v1", DOUBLED),
            ("/v1/v1/messages", ADDED),
            ("/v1//videos", SLASH),
            ("/v1/videos/videos", ROUTE),
            ("/v1/videos/videos/video_1/content", ROUTE),
            ("/v1/videos/chat/completions", ROUTE),
            ("/v1/videos/models", ROUTE),
            ("/v1/chat/completions/videos", ROUTE),
            ("/v1/chat/completions/videos/video_1", ROUTE),
            ("/api/v1/videos", OTHER_PATH),
            ("/openai/deployments/sora/videos", OTHER_PATH),
            ("//videos", OTHER_PATH),
        ] {
            assert_eq!(of(path), Some(hint), "{path}");
        }
    }

    #[test]
    fn a_path_that_says_nothing_of_a_base_url_has_no_hint() {
        for path in [
            "",
            "*",
            "/",
            "/v1",
            "/v1/",
            "/favicon.ico",
            "/v1/foo",
            "/v1/videos",
            "/v1/videos/",
            "/v1/videos/video_1",
            "/v1/videos/generations",
            "/v1/videos/video_1/content",
            "/v1/videos/edits",
            "/v1/models/sora-2",
            "/v10/foo",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
