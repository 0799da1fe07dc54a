//! Who is asking. Decided from the head alone, before a body is read or a limit spent.

use std::sync::Arc;
use std::time::SystemTime;

use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::{HeaderMap, HeaderValue};

use crate::config::auth::{Auth, AuthMode, Key, KeyHash};
use crate::rejection::Rejection;

#[cfg(test)]
mod tests;

/// Where a client's key may be, in the order in which they are read: as OpenAI's SDKs send it; as Anthropic's older
/// SDKs do; and as Azure's do, which send nothing else.
const CARRIERS: [HeaderName; 3] =
    [AUTHORIZATION, HeaderName::from_static("x-api-key"), HeaderName::from_static("api-key")];

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Whoever has this key.
    Key(Arc<Key>),
    /// Whoever has a credential that the upstream judges.
    Credential,
    /// Nobody was asked.
    Anybody,
}

impl Client {
    /// The key, where the gateway knows it: only who has one may have state of its own.
    pub(crate) fn key(&self) -> Option<&Key> {
        match self {
            Self::Key(key) => Some(key),
            Self::Credential | Self::Anybody => None,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.key().map(|key| &key.name)
    }
}

/// Admits a request that came `now`, or says why not.
///
/// # Errors
/// [`Rejection::NoKey`], [`Rejection::WrongKey`], [`Rejection::ExpiredKey`], and those of [`credential`].
pub(crate) fn admit(auth: &Auth, headers: &HeaderMap, now: SystemTime) -> Result<Client, Rejection> {
    let credential = credential(headers)?;
    match auth.mode {
        AuthMode::Open => Ok(Client::Anybody),
        AuthMode::Passthrough => credential.map(|_| Client::Credential).ok_or(Rejection::NoKey),
        AuthMode::Keys => {
            let sent = credential.ok_or(Rejection::NoKey)?;
            // Only hashes are looked up and compared: how long it takes says nothing about a key.
            match auth.key(&KeyHash::of(sent)) {
                Some(key) if key.has_expired(now) => {
                    Err(Rejection::ExpiredKey { name: key.name.to_string(), key: sent.to_owned() })
                }
                Some(key) => Ok(Client::Key(Arc::clone(key))),
                None => Err(Rejection::WrongKey(sent.to_owned())),
            }
        }
    }
}

/// The headers that carry the client's credential, and those alone.
pub(crate) fn headers(headers: &HeaderMap) -> HeaderMap {
    let carried = CARRIERS.into_iter();
    carried.filter_map(|name| headers.get(&name).cloned().map(|value| (name, value))).collect()
}

/// The client's key: `Authorization` counts, else `x-api-key`, else `api-key`. A header that comes twice is refused.
///
/// # Errors
/// [`Rejection::DoubledHeader`], and [`Rejection::TwoKeys`] if two headers differ: a server that reads the other one
/// would let in another client.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Option<&str>, Rejection> {
    let [authorization, x_api_key, api_key] = CARRIERS;
    let carried = [
        ("authorization", single(headers, &authorization, "authorization")?.map(token)),
        ("x-api-key", single(headers, &x_api_key, "x-api-key")?.map(|value| visible(value.as_bytes()))),
        ("api-key", single(headers, &api_key, "api-key")?.map(|value| visible(value.as_bytes()))),
    ];
    let mut sent = carried.into_iter().filter_map(|(name, key)| Some((name, key?)));
    let Some((name, key)) = sent.next() else { return Ok(None) };
    match sent.find(|(_, other)| *other != key) {
        Some((other, _)) => Err(Rejection::TwoKeys([name, other])),
        None => Ok(key),
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

/// A key is visible ASCII without spaces, and without commas: a list of two folded into one header is no key. Anything
/// else is no near miss to be forgiven.
fn visible(bytes: &[u8]) -> Option<&str> {
    let is_key = !bytes.is_empty() && bytes.iter().all(|&byte| byte.is_ascii_graphic() && byte != b',');
    if is_key { std::str::from_utf8(bytes).ok() } else { None }
}
