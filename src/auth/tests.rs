//! Who is let in, and who is not.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::Config;
use crate::config::secret::Sources;
use crate::error::{ApiError, Wording};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// The key "rg-right-and-long", which is the team's.
fn keys() -> Auth {
    with("")
}

/// The same with more settings of the team's.
fn with(settings: &str) -> Auth {
    let hash = KeyHash::of("rg-right-and-long");
    let text = format!("[auth]\nmode = \"keys\"\n[auth.keys.team]\nsha256 = \"{hash}\"\n{settings}");
    let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let sources = Sources { var: &|_| None, file: &file };
    Config::parse(&text, Path::new(""), sources).expect("a configuration").auth
}

fn admitted(auth: &Auth, pairs: &[(&'static str, &[u8])]) -> Result<Client, Rejection> {
    admitted_at(NOW, auth, pairs)
}

fn admitted_at(now: SystemTime, auth: &Auth, pairs: &[(&'static str, &[u8])]) -> Result<Client, Rejection> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value).expect("a header value"));
    }
    admit(auth, &headers, now)
}

#[test]
fn a_configured_key_is_known_by_name_in_each_header() {
    for header in [
        ("authorization", &b"Bearer rg-right-and-long"[..]),
        ("authorization", b"bEARER rg-right-and-long"),
        ("x-api-key", b"rg-right-and-long"),
        ("api-key", b"rg-right-and-long"),
    ] {
        let client = admitted(&keys(), &[header]).expect("a client");
        assert_eq!(client.name().map(|name| &**name), Some("team"), "{header:?}");
    }
}

/// AU01, AU02
#[test]
fn near_misses_are_refused() {
    for value in [
        &b"Bearer rg-right-and-lon"[..],
        b"Bearer rg-right-and-longg",
        b"Bearer RG-RIGHT-AND-LONG",
        b"Bearer  rg-right-and-long",
        b"Bearer rg-right-and-long ",
        b"Bearer rg-right-and-long\t",
        b"Bearer\trg-right-and-long",
        b"Bearer rg-right-and-long,rg-right-and-long",
        b"Bearer rg-right-and-long,Bearer rg-right-and-long",
        b"Bearer",
        b"Bearer ",
        b"rg-right-and-long",
        b"Token rg-right-and-long",
        b"Bearer rg-right-and-long\xc3\xa4",
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
        let mut auth = keys();
        auth.mode = mode;
        let right: (&str, &[u8]) = ("authorization", b"Bearer rg-right-and-long");
        assert_eq!(admitted(&auth, &[right, right]), Err(Rejection::DoubledHeader("authorization")));
        for name in ["x-api-key", "api-key"] {
            let again: (&str, &[u8]) = (name, b"rg-right-and-long");
            assert_eq!(admitted(&auth, &[again, again]), Err(Rejection::DoubledHeader(name)));
            for other in [&b"rg-right-and-lonh"[..], b"rg-right-and-long ", b""] {
                let two = Err(Rejection::TwoKeys(["authorization", name]));
                assert_eq!(admitted(&auth, &[right, (name, other)]), two, "{other:?}");
            }
            assert!(admitted(&auth, &[right, again]).is_ok(), "one key in two headers");
        }
        let bare: [(&str, &[u8]); 2] = [("x-api-key", b"one"), ("api-key", b"other")];
        assert_eq!(admitted(&auth, &bare), Err(Rejection::TwoKeys(["x-api-key", "api-key"])));
    }
}

#[test]
fn passthrough_asks_for_some_credential() {
    let auth = Auth::default();
    assert_eq!(admitted(&auth, &[("authorization", b"Bearer anything")]), Ok(Client::Credential));
    assert_eq!(admitted(&auth, &[]), Err(Rejection::NoKey));
    assert_eq!(admitted(&auth, &[("x-api-key", b"one,two")]), Err(Rejection::NoKey), "AU03: a folded list");
}

/// AU05: nobody learns from the answer that a key once counted.
#[test]
fn an_expired_key_is_a_wrong_key_with_a_name_for_the_log() {
    let auth = with("expires = \"1970-01-02T01:00:00+01:00\"");
    let right: &[(&str, &[u8])] = &[("authorization", b"Bearer rg-right-and-long")];
    let end = NOW + Duration::from_hours(24);
    assert!(admitted_at(end - Duration::from_nanos(1), &auth, right).is_ok());
    let key = "rg-right-and-long".to_owned();
    let refused = admitted_at(end, &auth, right).expect_err("too late");
    assert_eq!(refused, Rejection::ExpiredKey { name: "team".to_owned(), key: key.clone() });
    let worded = |reason: &Rejection| ApiError::rejected(reason, &Wording::default());
    assert_eq!(worded(&refused), worded(&Rejection::WrongKey(key)));
}

/// A key is changed by letting both count for a while.
#[test]
fn of_several_hashes_each_lets_in() {
    let (old, new) = (KeyHash::of("rg-the-old-one-of-two"), KeyHash::of("rg-the-new-one-of-two"));
    let text = format!("[auth]\nmode = \"keys\"\n[auth.keys.team]\nsha256 = [\"{old}\", \"{new}\"]");
    let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let sources = Sources { var: &|_| None, file: &file };
    let auth = Config::parse(&text, Path::new(""), sources).expect("a configuration").auth;
    for key in [&b"rg-the-old-one-of-two"[..], b"rg-the-new-one-of-two"] {
        assert!(admitted(&auth, &[("x-api-key", key)]).is_ok());
    }
    assert_eq!(auth.keys.len(), 1, "one key, with one quota and one budget");
}

/// However many keys there are, a request looks at one.
#[test]
fn of_a_thousand_keys_each_is_found() {
    let table: String = (0..1000)
        .map(|n| {
            format!("[auth.keys.k{n}]\nsha256 = \"{}\"\n", KeyHash::of(&format!("rg-key-number-{n:06}")))
        })
        .collect();
    let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let sources = Sources { var: &|_| None, file: &file };
    let text = format!("[auth]\nmode = \"keys\"\n{table}");
    let auth = Config::parse(&text, Path::new(""), sources).expect("a configuration").auth;
    for n in [0, 500, 999] {
        let client = admitted(&auth, &[("x-api-key", format!("rg-key-number-{n:06}").as_bytes())]);
        assert_eq!(client.expect("a client").name().map(|name| &**name), Some(&*format!("k{n}")));
    }
    assert!(admitted(&auth, &[("x-api-key", b"rg-key-number-001000")]).is_err());
}
