//! What is known of a paid call before it leaves.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, Method, Uri};
use sha2::{Digest, Sha256};

use super::digits::in_hex;
use super::fingerprint::Fingerprint;
use super::operation::Operation;
use super::pairs::Pairs;
use crate::rejection::Rejection;

/// Who asks for what, as far as it matters for telling repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    /// Who asks; see [`client`].
    pub client: Arc<str>,
    /// What for.
    pub operation: Operation,
    /// The request, in brief.
    pub fingerprint: Fingerprint,
    /// What version 0.1 would have made of it, where an earlier call may have to be recognised. No record has one.
    pub former: Option<Fingerprint>,
    /// What the client calls the request.
    pub key: Option<IdempotencyKey>,
    /// Whether the SDK says that it asks again by itself; see [`is_repeat`].
    pub repeat: bool,
}

/// What is sent where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Details {
    /// The upstream that is asked.
    pub upstream: Arc<str>,
    /// Configured name of the model.
    pub model: Option<Arc<str>>,
    /// The name by which the client ordered the model, where it named one.
    pub model_named: Option<Arc<str>>,
    /// Length of the video, in seconds.
    pub seconds: Option<u32>,
    /// Its size, such as `1280x720`.
    pub size: Option<String>,
    /// Its price, in the operator's currency.
    pub price: Option<f64>,
    /// The id that stands in our log.
    pub request_id: String,
    /// The request as it came, without its body.
    pub sent: Sent,
}

/// A request as it came, without its body and without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Method and target, such as `POST /v1/videos`.
    pub line: String,
    /// The headers that say how it was made; see [`is_kept`].
    pub headers: Pairs,
    /// Length of the body that goes upstream.
    pub bytes: u64,
}

/// A value of `Idempotency-Key`: 1 to 255 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct IdempotencyKey(Arc<str>);

/// Whether a record keeps a header. Credentials are not among them, nor is what a proxy adds about the client.
fn is_kept(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "content-type"
            | "user-agent"
            | "openai-organization"
            | "openai-project"
            | "openai-beta"
            | "x-stainless-retry-count"
            | "x-stainless-read-timeout"
            | "x-stainless-timeout"
            | "x-stainless-lang"
            | "x-stainless-package-version"
            | "x-stainless-runtime"
            | "x-stainless-runtime-version"
    )
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");
const KEY_MAX: usize = 255;

/// What an upstream knows a client by whose credential is passed through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account<'r> {
    /// The credential.
    pub credential: &'r [u8],
    /// `OpenAI-Organization`, where it is sent on: one credential may act for several.
    pub organization: Option<&'r [u8]>,
    /// `OpenAI-Project`, where it is sent on.
    pub project: Option<&'r [u8]>,
}

/// What a client is called in records: the name of its key, else a mark of the account it brought a credential of, which
/// cannot be turned back into it, else `anyone`.
#[must_use]
pub(crate) fn client(name: Option<&Arc<str>>, account: Option<&Account<'_>>) -> Arc<str> {
    match (name, account) {
        (Some(name), _) => Arc::clone(name),
        (None, Some(Account { credential, organization, project })) => {
            let mut hash = Sha256::new_with_prefix(credential);
            // Neither a credential nor a header's value has such bytes.
            for (mark, part) in [(b"\0o", organization), (b"\0p", project)] {
                if let Some(part) = part {
                    hash.update(mark);
                    hash.update(part);
                }
            }
            in_hex("sha256:", hash.finalize().get(..8).unwrap_or_default())
        }
        (None, None) => "anyone".into(),
    }
}

/// Whether the SDK says that it has asked before.
#[must_use]
pub(crate) fn is_repeat(headers: &HeaderMap) -> bool {
    let count = headers.get(RETRY_COUNT).and_then(|value| value.to_str().ok());
    count.and_then(|text| text.parse::<u32>().ok()).is_some_and(|count| count > 0)
}

/// Whether a call with these headers may have to be told from an earlier one.
pub(crate) fn may_be_repeat(headers: &HeaderMap) -> bool {
    headers.contains_key(IDEMPOTENCY_KEY) || is_repeat(headers)
}

// === impl Intent ===

impl Intent {
    /// Whether an earlier call with this fingerprint asked for the same.
    pub(super) fn is_of(&self, fingerprint: &Fingerprint) -> bool {
        self.fingerprint == *fingerprint || self.former.as_ref() == Some(fingerprint)
    }
}

// === impl Sent ===

impl Sent {
    /// What is kept of a request whose body has `bytes` bytes.
    #[must_use]
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, bytes: u64) -> Self {
        let kept = headers.iter().filter(|(name, _)| is_kept(name));
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        Self { line: [method.as_str(), " ", target].concat(), headers: Pairs::of(kept), bytes }
    }
}

// === impl IdempotencyKey ===

impl IdempotencyKey {
    /// Reads `Idempotency-Key`.
    ///
    /// # Errors
    /// [`Rejection::InvalidIdempotencyKey`] if it is not 1 to 255 printable ASCII characters,
    /// [`Rejection::DoubledHeader`] if there are two.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, Rejection> {
        let mut values = headers.get_all(IDEMPOTENCY_KEY).into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Rejection::DoubledHeader("idempotency-key"));
        }
        let text = str::from_utf8(value.as_bytes()).map_err(|_| Rejection::InvalidIdempotencyKey)?;
        Self::parse(text).map(Some).ok_or(Rejection::InvalidIdempotencyKey)
    }

    /// The key that this text makes, if it makes one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        (printable && (1..=KEY_MAX).contains(&text.len())).then(|| Self(text.into()))
    }

    /// As it was sent.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn account(credential: &[u8]) -> Account<'_> {
        Account { credential, organization: None, project: None }
    }

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).expect("a value"));
        }
        headers
    }

    /// RT23: what may be a key.
    #[test]
    fn a_key_is_1_to_255_printable_ascii_characters() {
        let read = |value: &[u8]| IdempotencyKey::read(&headers(&[("idempotency-key", value)]));
        for good in [&b"a"[..], b"order 7 ~!", &[b'k'; 255]] {
            let key = read(good).expect("a key").expect("present");
            assert_eq!(key.as_str().as_bytes(), good);
        }
        for bad in [&b""[..], &[b'k'; 256], "clé".as_bytes(), b"a\tb", b"\xff"] {
            assert_eq!(read(bad), Err(Rejection::InvalidIdempotencyKey), "{bad:?}");
        }
        assert_eq!(IdempotencyKey::read(&HeaderMap::new()), Ok(None));
        let twice = headers(&[("idempotency-key", b"a"), ("idempotency-key", b"a")]);
        assert_eq!(IdempotencyKey::read(&twice), Err(Rejection::DoubledHeader("idempotency-key")));
    }

    #[test]
    fn only_a_count_above_zero_is_a_repeat() {
        let repeat = |value: &[u8]| is_repeat(&headers(&[("x-stainless-retry-count", value)]));
        assert!(repeat(b"1") && repeat(b"2"));
        assert!(!repeat(b"0") && !repeat(b"-1") && !repeat(b"many") && !is_repeat(&HeaderMap::new()));
    }

    #[test]
    fn a_credential_is_never_kept() {
        let secret = b"Bearer sk-secret";
        let sent = Sent::of(
            &Method::POST,
            &Uri::from_static("/v1/videos?api-version=1"),
            &headers(&[
                ("authorization", secret),
                ("x-api-key", b"sk-secret"),
                ("api-key", b"sk-secret"),
                ("openai-api-key", b"sk-secret"),
                ("anthropic-api-key", b"sk-secret"),
                ("x-auth-token", b"sk-secret"),
                ("cookie", b"sk-secret"),
                ("user-agent", b"OpenAI/Python 3.54.0"),
            ]),
            7,
        );
        assert_eq!(sent.line, "POST /v1/videos?api-version=1");
        assert_eq!(sent.headers.as_json(), r#"[["user-agent","OpenAI/Python 3.54.0"]]"#);
        let name = client(None, Some(&account(secret)));
        assert!(name.starts_with("sha256:") && name.len() == 23, "{name}");
        assert_ne!(name, client(None, Some(&account(b"Bearer sk-other"))));
        assert_eq!(&*client(Some(&"team".into()), Some(&account(secret))), "team");
        assert_eq!(&*client(None, None), "anyone");
    }

    /// OW03: one credential may act for several organisations and projects, whose videos and bills are apart.
    #[test]
    fn an_account_is_a_credential_with_its_organization_and_project() {
        let account = account(b"sk-secret");
        let (one, other) = (Some(&b"org-1"[..]), Some(&b"org-2"[..]));
        let names = [
            account,
            Account { organization: one, ..account },
            Account { organization: other, ..account },
            Account { project: one, ..account },
            Account { organization: one, project: other, ..account },
        ]
        .map(|account| client(None, Some(&account)));
        let different: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        // As records of 0.1 have it.
        let hash = in_hex("sha256:", Sha256::digest(b"sk-secret").get(..8).expect("eight bytes"));
        assert_eq!(names[0], hash);
    }
}
