//! Which headers carry a credential, by their names. Pure.
//!
//! A client's key goes to the upstream in the one header that the upstream reads, and nowhere else. SDKs, proxies and
//! people put keys into headers of many names, so it is a kind of name that is kept back, not a list.

/// Whether a header of this name, in small letters, may carry a credential.
#[must_use]
pub(crate) fn is_credential(name: &str) -> bool {
    let mut before = "";
    name.split(['-', '_', '.']).any(|word| {
        let is_one = match word {
            "key" | "keys" => !KINDS_OF_KEY.contains(&before),
            "tokens" => !COUNTS.contains(&before),
            "auth" | "oauth" | "oauth2" | "authentication" | "bearer" | "jwt" | "pwd" => true,
            _ => PARTS.iter().any(|part| word.contains(part)),
        };
        before = word;
        is_one
    })
}

/// What a word of a credential's name has in it.
const PARTS: [&str; 9] =
    ["apikey", "token", "secret", "authorization", "cookie", "password", "passwd", "credential", "accesskey"];

/// What stands before `key` where it is the name of a thing, and opens nothing.
const KINDS_OF_KEY: [&str; 7] = ["idempotency", "cache", "partition", "routing", "shard", "sort", "object"];

/// What stands before `tokens` where they are counted.
const COUNTS: [&str; 7] = ["max", "limit", "remaining", "reset", "input", "output", "total"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_credential_is_known_by_its_words() {
        for name in [
            "api-key",
            "x-api-key",
            "openai-api-key",
            "openai-key",
            "anthropic-api-key",
            "anthropic-auth-token",
            "x-stainless-api-key",
            "x-goog-api-key",
            "x-auth-token",
            "x_auth_token",
            "x-access-token",
            "xapikey",
            "ocp-apim-subscription-key",
            "x-functions-key",
            "cf-access-client-secret",
            "authorization",
            "proxy-authorization",
            "x-forwarded-authorization",
            "cookie",
            "set-cookie",
            "x-auth",
            "x-password",
            "x-amz-security-token",
        ] {
            assert!(is_credential(name), "{name}");
        }
    }

    #[test]
    fn what_sdks_say_of_themselves_is_no_credential() {
        for name in [
            "idempotency-key",
            "openai-beta",
            "openai-organization",
            "openai-project",
            "openai-prompt-cache-key",
            "anthropic-version",
            "anthropic-beta",
            "anthropic-dangerous-direct-browser-access",
            "x-stainless-retry-count",
            "x-stainless-package-version",
            "x-stainless-helper-method",
            "x-max-tokens",
            "x-tenant",
            "x-author",
            "x-keyboard",
        ] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
