//! Who is asking. Decided from the head alone, before a body is read or a limit spent.

use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use crate::config::auth::{Auth, AuthMode};
use crate::rejection::Rejection;

/// Where Anthropic's older SDKs, and curl, put the key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Whoever has the configured key of this name.
    Key(Arc<str>),
    /// Whoever has a credential that the upstream judges.
    Credential,
    /// Nobody was asked.
    Anybody,
}

impl Client {
    /// The name of the key, where keys have names: only they may have state of their own.
    pub(crate) fn key(&self) -> Option<&Arc<str>> {
        match self {
            Self::Key(name) => Some(name),
            Self::Credential | Self::Anybody => None,
        }
    }
}

/// Admits a request, or says why not.
pub(crate) fn admit(auth: &Auth, headers: &HeaderMap) -> Result<Client, Rejection> {
    let credential = credential(headers)?;
    match auth.mode {
        AuthMode::Open => Ok(Client::Anybody),
        AuthMode::Passthrough => credential.map(|_| Client::Credential).ok_or(Rejection::NoKey),
        AuthMode::Keys => {
            let key = credential.ok_or(Rejection::NoKey)?;
            // Only hashes are compared: how long a look-up takes says nothing about a key.
            let hash = Sha256::digest(key.as_bytes());
            match auth.keys.get(hash.as_slice()) {
                Some(name) => Ok(Client::Key(Arc::clone(name))),
                None => Err(Rejection::WrongKey(key.to_owned())),
            }
        }
    }
}

/// The headers that carry the client's credential, and those alone.
pub(crate) fn headers(headers: &HeaderMap) -> HeaderMap {
    let carried = [AUTHORIZATION, API_KEY].into_iter();
    carried.filter_map(|name| headers.get(&name).cloned().map(|value| (name, value))).collect()
}

/// The client's key: `Authorization` counts, and `x-api-key` where there is none. Doubled ones are nobody's.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Option<&str>, Rejection> {
    let authorization = single(headers, &AUTHORIZATION, "authorization")?;
    let api_key = single(headers, &API_KEY, "x-api-key")?;
    match (authorization, api_key) {
        (Some(value), _) => Ok(token(value)),
        (None, Some(value)) => Ok(visible(value.as_bytes())),
        (None, None) => Ok(None),
    }
}

fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'h HeaderValue>, Rejection> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Rejection::DoubledHeader(shown)),
    }
}

/// What follows the scheme: `Bearer`, in any case (RFC 9110, 11.1), or `Basic`, which the API takes too.
fn token(value: &HeaderValue) -> Option<&str> {
    let bytes = value.as_bytes();
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    let (scheme, rest) = bytes.split_at_checked(space)?;
    let known = scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"basic");
    if known { visible(rest.get(1..)?) } else { None }
}

/// A key is visible ASCII without spaces. Anything else is no near miss to be forgiven.
fn visible(bytes: &[u8]) -> Option<&str> {
    let is_key = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
    if is_key { std::str::from_utf8(bytes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Auth {
        let hash = Sha256::digest(b"rg-right").into();
        Auth { mode: AuthMode::Keys, keys: [(hash, Arc::from("team"))].into(), ..Auth::default() }
    }

    fn admitted(auth: &Auth, pairs: &[(&'static str, &[u8])]) -> Result<Client, Rejection> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).expect("a header value"));
        }
        admit(auth, &headers)
    }

    #[test]
    fn a_configured_key_is_known_by_name_in_either_header() {
        for header in [
            ("authorization", &b"Bearer rg-right"[..]),
            ("authorization", b"bEARER rg-right"),
            ("x-api-key", b"rg-right"),
        ] {
            assert_eq!(admitted(&keys(), &[header]), Ok(Client::Key("team".into())), "{header:?}");
        }
    }

    /// AU01, AU02
    #[test]
    fn near_misses_are_refused() {
        for value in [
            &b"Bearer rg-righ"[..],
            b"Bearer rg-rightt",
            b"Bearer RG-RIGHT",
            b"Bearer  rg-right",
            b"Bearer rg-right ",
            b"Bearer rg-right\t",
            b"Bearer\trg-right",
            b"Bearer rg-right,rg-right",
            b"Bearer",
            b"Bearer ",
            b"rg-right",
            b"Token rg-right",
            b"Bearer rg-right\xc3\xa4",
            b"",
        ] {
            let refused = admitted(&keys(), &[("authorization", value)]);
            assert!(refused.is_err(), "{:?}", String::from_utf8_lossy(value));
        }
        assert_eq!(admitted(&keys(), &[]), Err(Rejection::NoKey));
    }

    /// AU03
    #[test]
    fn doubled_credentials_are_refused_in_every_mode() {
        for mode in [AuthMode::Keys, AuthMode::Passthrough, AuthMode::Open] {
            let auth = Auth { mode, ..keys() };
            let twice: &[(&'static str, &[u8])] =
                &[("authorization", b"Bearer rg-right"), ("authorization", b"Bearer rg-right")];
            assert_eq!(admitted(&auth, twice), Err(Rejection::DoubledHeader("authorization")));
        }
    }

    #[test]
    fn passthrough_asks_for_some_credential() {
        let auth = Auth::default();
        assert_eq!(admitted(&auth, &[("authorization", b"Bearer anything")]), Ok(Client::Credential));
        assert_eq!(admitted(&auth, &[]), Err(Rejection::NoKey));
    }
}
