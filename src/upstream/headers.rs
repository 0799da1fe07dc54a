//! Which headers cross the gateway. Both ways there is a list of what may, never of what may not.

use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use reelgate_http1::ConnectionOptions;

use crate::credential_name::is_credential;

/// Whether a header of a request goes upstream.
fn is_request_header(name: &str) -> bool {
    // What SDKs say about themselves, and their switches.
    const PREFIXES: [&str; 3] = ["openai-", "anthropic-", "x-stainless-"];
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "accept-language"
            | "cache-control"
            // Judged routes take nothing but `identity`; on all others the body passes as it is.
            | "content-encoding"
            | "content-type"
            | "idempotency-key"
            | "if-match"
            | "if-modified-since"
            | "if-none-match"
            | "if-range"
            | "if-unmodified-since"
            | "range"
            | "traceparent"
            | "tracestate"
            | "user-agent"
            // Most requests have these: the words of other names are looked at one by one.
            | "anthropic-beta"
            | "anthropic-version"
            | "openai-beta"
            | "openai-organization"
            | "openai-project"
            | "x-stainless-arch"
            | "x-stainless-async"
            | "x-stainless-helper-method"
            | "x-stainless-lang"
            | "x-stainless-os"
            | "x-stainless-package-version"
            | "x-stainless-read-timeout"
            | "x-stainless-retry-count"
            | "x-stainless-runtime"
            | "x-stainless-runtime-version"
            | "x-stainless-timeout"
    ) || (PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !is_credential(name))
}

/// Whether a header of an answer goes to the client.
fn is_answer_header(name: &str) -> bool {
    // Limits, processing times and poll intervals.
    const PREFIXES: [&str; 3] = ["openai-", "anthropic-", "x-ratelimit-"];
    matches!(
        name,
        "accept-ranges"
            | "cache-control"
            | "content-disposition"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "content-range"
            | "content-type"
            | "date"
            | "etag"
            | "expires"
            | "last-modified"
            | "request-id"
            | "retry-after"
            | "retry-after-ms"
            | "vary"
            | "x-ms-retry-after-ms"
            | "x-request-id"
            | "x-should-retry"
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Which of the accounts pays is for the credential's owner to say.
pub(crate) static ACCOUNT: [HeaderName; 2] =
    [HeaderName::from_static("openai-organization"), HeaderName::from_static("openai-project")];

/// Whose account the upstream serves is none of its clients' business.
static PRIVATE: [HeaderName; 3] = [
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
    HeaderName::from_static("anthropic-organization-id"),
];

/// Which headers of a request go upstream.
pub(super) struct Outbound<'h> {
    options: ConnectionOptions<'h>,
    wanted: &'h [HeaderName],
}

impl<'h> Outbound<'h> {
    /// Of these. `wanted`: what goes upstream beside the usual ones.
    pub(super) fn of(headers: &'h HeaderMap, wanted: &'h [HeaderName]) -> Self {
        Self { options: ConnectionOptions::of_map(headers), wanted }
    }

    pub(super) fn passes(&self, name: &HeaderName) -> bool {
        (is_request_header(name.as_str()) || self.wanted.contains(name)) && !self.options.names(name)
    }
}

/// Whether a header of an answer with these options goes to the client. `wanted`: what does beside the usual ones.
pub(super) fn goes_to_client(
    name: &HeaderName,
    options: &ConnectionOptions<'_>,
    wanted: &[HeaderName],
) -> bool {
    let is_listed = is_answer_header(name.as_str()) || wanted.contains(name);
    is_listed && !PRIVATE.contains(name) && !options.names(name)
}

/// The headers of an answer that go to the client.
pub(super) fn incoming(from: &HeaderMap, wanted: &[HeaderName]) -> HeaderMap {
    let options = ConnectionOptions::of_map(from);
    from.iter()
        .filter(|(name, _)| goes_to_client(name, &options, wanted))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn outgoing(from: &HeaderMap, wanted: &[HeaderName]) -> Vec<String> {
        let outbound = Outbound::of(from, wanted);
        from.keys().filter(|name| outbound.passes(name)).map(HeaderName::to_string).collect()
    }

    /// SM08, SE05, SE08: only listed headers go upstream.
    #[test]
    fn only_listed_headers_go_upstream() {
        let mut names = outgoing(
            &map(&[
                ("accept", "application/json"),
                ("authorization", "Bearer client"),
                ("cookie", "a=b"),
                ("connection", "keep-alive, Range"),
                ("range", "bytes=0-1"),
                ("host", "evil"),
                ("openai-beta", "x"),
                ("proxy-authorization", "x"),
                ("te", "trailers"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "h2c"),
                ("x-api-key", "client"),
                ("x-custom", "1"),
                ("x-forwarded-for", "1.2.3.4"),
                ("x-reelgate-mode", "adjust"),
                ("x-stainless-retry-count", "0"),
            ]),
            &[HeaderName::from_static("x-custom")],
        );
        names.sort_unstable();
        assert_eq!(names, ["accept", "openai-beta", "x-custom", "x-stainless-retry-count"]);
    }

    /// SE01: some clients put their key into a header of a name that begins as an SDK's own headers do.
    #[test]
    fn a_key_does_not_go_upstream_under_an_sdks_prefix() {
        let sent = outgoing(
            &map(&[
                ("openai-api-key", "sk-client"),
                ("anthropic-api-key", "sk-client"),
                ("anthropic-auth-token", "sk-client"),
                ("x-stainless-api-key", "sk-client"),
                ("openai-beta", "x"),
            ]),
            &[],
        );
        assert_eq!(sent, ["openai-beta"]);
    }

    /// SM08: required headers cannot be removed by naming them in `Connection`.
    #[test]
    fn connection_cannot_remove_the_content_type() {
        let sent = outgoing(&map(&[("connection", "content-type"), ("content-type", "a/b")]), &[]);
        assert_eq!(sent, ["content-type"]);
    }

    /// SE07: the upstream's own affairs stay with it.
    #[test]
    fn only_listed_headers_reach_the_client() {
        let sent = incoming(
            &map(&[
                ("content-type", "video/mp4"),
                ("connection", "close"),
                ("openai-organization", "org"),
                ("openai-processing-ms", "12"),
                ("openai-poll-after-ms", "500"),
                ("server", "uvicorn"),
                ("set-cookie", "a=b"),
                ("trailer", "x"),
                ("x-ratelimit-remaining-requests", "1"),
            ]),
            &[],
        );
        let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "content-type",
                "openai-poll-after-ms",
                "openai-processing-ms",
                "x-ratelimit-remaining-requests"
            ]
        );
    }
}
