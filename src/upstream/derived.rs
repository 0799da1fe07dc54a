//! What an upstream gets for the idempotency key of a client that has a key of ours. Pure.
//!
//! All clients of the gateway share one account there. An upstream that knows repeats by their key would give the second
//! client's "1" the job of the first one's. So the upstream gets a key made of who asks and of what they call it; nobody
//! who lacks the credential can tell one client's from another's. Gateways with the same credential make the same one.

use axum::http::HeaderValue;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Tells this way of deriving from any later one.
const VERSION: &[u8] = b"reelgate idempotency key 1";

/// The key for the upstream with this `credential`. `owner`: the client's name in the configuration; `keys`: what it
/// calls the request, once wherever a request is judged. `None` where it calls it nothing.
pub(super) fn key(credential: &str, owner: &str, keys: &[&HeaderValue]) -> Option<HeaderValue> {
    // Hardly any call but a create has one, and a MAC takes longer than all else that is done for a poll's head.
    keys.iter().find(|key| !key.is_empty())?;
    // A MAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(credential.as_bytes()).ok()?;
    let mut add = |part: &[u8]| {
        // Its length before each: no two lists of parts look alike.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    };
    add(VERSION);
    add(owner.as_bytes());
    for key in keys {
        add(key.as_bytes());
    }
    let digits = hex::encode(mac.finalize().into_bytes());
    HeaderValue::try_from(format!("rg_{digits}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: &str = "sk-operator";

    fn derived(credential: &str, owner: &str, keys: &[&'static str]) -> Option<String> {
        let keys: Vec<HeaderValue> = keys.iter().map(|key| HeaderValue::from_static(key)).collect();
        key(credential, owner, &keys.iter().collect::<Vec<_>>())
            .map(|value| value.to_str().expect("text").to_owned())
    }

    /// RT21
    #[test]
    fn a_key_differs_by_credential_owner_and_key_and_by_nothing_else() {
        let all = [
            derived(CREDENTIAL, "team", &["1"]),
            derived("sk-another", "team", &["1"]),
            derived(CREDENTIAL, "other", &["1"]),
            derived(CREDENTIAL, "team", &["2"]),
            // However owner and key could be run together.
            derived(CREDENTIAL, "team1", &["1"]),
            derived(CREDENTIAL, "team", &["11"]),
            derived(CREDENTIAL, "tea", &["m1"]),
            derived(CREDENTIAL, "team", &["1", ""]),
            derived(CREDENTIAL, "team", &["", "1"]),
            derived(CREDENTIAL, "", &["team", "1"]),
        ];
        for (index, key) in all.iter().enumerate() {
            let text = key.as_deref().expect("a key");
            let digits = text.strip_prefix("rg_").expect("ours");
            assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{text}");
            assert!(!all.iter().skip(index + 1).any(|other| other == key), "{text} is there twice");
        }
        assert_eq!(derived(CREDENTIAL, "team", &["1"]), all[0], "the same every time");
    }

    /// RT21: other gateways, and later versions of this one, must derive the same.
    #[test]
    fn a_key_stays_what_it_is() {
        // By Python's hmac, over each part behind its length in eight bytes.
        let expected = "rg_dfbc0cb277a1b8c05272ab858845f0e79756b683542927947d1fe4e360aa06a3";
        assert_eq!(derived(CREDENTIAL, "team", &["order 7"]).as_deref(), Some(expected));
    }

    #[test]
    fn an_empty_key_is_none() {
        assert_eq!(derived(CREDENTIAL, "team", &[""]), None);
        assert_eq!(derived(CREDENTIAL, "team", &[]), None);
    }
}
