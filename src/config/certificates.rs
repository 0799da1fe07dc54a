//! Certificates in files: the authorities that an upstream is trusted by, and what the gateway shows it of itself.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::reader::Section;
use super::secret::Sources;

/// The certificate that the gateway shows to an upstream, and the key that proves it to be its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The gateway's certificate, and those of the authorities between it and one that the upstream trusts.
    pub chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// The key, for the one place that signs with it.
    #[must_use]
    pub fn expose_key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain).field("key", &"***").finish()
    }
}

const CA: &str = "name a readable file with certificates in PEM";
const CERT: &str =
    "name a readable file with your certificate in PEM, and behind it those of the authorities between";
const KEY: &str = "name a readable file with the key of client_cert in PEM, without a password";

/// Reads `ca_file`.
pub(super) fn read_authorities(
    section: &mut Section<'_>,
    sources: Sources<'_>,
) -> Vec<CertificateDer<'static>> {
    let Some(path) = section.text("ca_file") else { return Vec::new() };
    read_chain(path, sources)
        .map_err(|wrong| section.problem("ca_file", format!("{path} {wrong} ({CA})")))
        .unwrap_or_default()
}

/// Reads `client_cert` and `client_key`.
pub(super) fn read_identity(section: &mut Section<'_>, sources: Sources<'_>) -> Option<Identity> {
    let (cert, key) = (section.text("client_cert"), section.text("client_key"));
    if cert.is_some() != key.is_some() {
        let (missing, right) = if cert.is_none() { ("client_cert", CERT) } else { ("client_key", KEY) };
        section.problem(missing, format!("missing: client_cert and client_key go together ({right})"));
    }
    let chain = cert.and_then(|path| {
        let chain = read_chain(path, sources);
        chain.map_err(|wrong| section.problem("client_cert", format!("{path} {wrong} ({CERT})"))).ok()
    });
    let key = key.and_then(|path| {
        let key = read_key(path, sources);
        key.map_err(|wrong| section.problem("client_key", format!("{wrong} ({KEY})"))).ok()
    });
    let identity = Identity { chain: chain?, key: Arc::new(key?) };
    match check(&identity) {
        Ok(()) => Some(identity),
        Err((key, wrong)) => {
            section.problem(key, wrong);
            None
        }
    }
}

fn read_chain(path: &str, sources: Sources<'_>) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = (sources.file)(Path::new(path)).map_err(|error| format!("cannot be read: {error}"))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let all = all.map_err(|error| format!("is no PEM: {error}"))?;
    if all.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(all) }
}

fn read_key(path: &str, sources: Sources<'_>) -> Result<PrivateKeyDer<'static>, String> {
    if path.contains("-----") || path.contains(char::is_control) {
        // It is not shown: it may be the key itself.
        return Err("a key must not stand in the file".to_owned());
    }
    let text = (sources.file)(Path::new(path)).map_err(|error| format!("{path} cannot be read: {error}"))?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| {
        // What the parser says of anything else may quote the file.
        let is_absent = matches!(error, rustls::pki_types::pem::Error::NoItemsFound);
        format!("{path} {}", if is_absent { "holds no private key" } else { "is no PEM" })
    })
}

/// Whether they belong together, as TLS will want it; else which of both is wrong, and how.
fn check(identity: &Identity) -> Result<(), (&'static str, String)> {
    let provider = rustls::crypto::ring::default_provider();
    let made = CertifiedKey::from_der(identity.chain.clone(), identity.expose_key(), &provider);
    let Err(error) = made else { return Ok(()) };
    Err(if matches!(error, rustls::Error::InconsistentKeys(_)) {
        ("client_key", format!("it is not the key of the first certificate in client_cert ({KEY})"))
    } else if let rustls::Error::InvalidCertificate(wrong) = error {
        ("client_cert", format!("its first certificate cannot be read: {wrong} ({CERT})"))
    } else {
        ("client_key", format!("the key cannot be used: {error} (use an RSA, ECDSA or Ed25519 key)"))
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::config::Config;

    /// A certificate and its key, in PEM.
    fn pair() -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["client".to_owned()]).expect("parameters");
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    /// What is read of an upstream with these settings, where the folder holds these files.
    fn read(settings: &str, files: &[(&str, &str)]) -> Result<Option<Identity>, String> {
        let file = |path: &Path| {
            let text = files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| *text);
            text.map(str::to_owned).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let text = format!("[upstreams.main]\nbase_url = \"https://x/v1\"\n{settings}");
        let config = Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &file });
        let mut config = config.map_err(|problems| problems.to_string())?;
        Ok(config.upstreams.remove(0).identity)
    }

    const BOTH: &str = "client_cert = \"a.pem\"\nclient_key = \"a.key\"";

    #[test]
    fn a_certificate_and_its_key_are_read_from_two_files() {
        let (cert, key) = pair();
        let (authority, _) = pair();
        let identity = read(BOTH, &[("a.pem", &format!("{cert}{authority}")), ("a.key", &key)]);
        let identity = identity.expect("a configuration").expect("an identity");
        assert_eq!(identity.chain.len(), 2);
        assert_eq!(read("", &[]), Ok(None));
        let shown = format!("{identity:?}");
        assert!(shown.contains("***"), "{shown}");
    }

    #[test]
    fn every_mistake_is_reported_with_its_key() {
        let ((cert, key), (_, other)) = (pair(), pair());
        let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let odd = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let files = |cert: &'static str, key: &'static str| {
            vec![("a.pem", cert.to_owned()), ("a.key", key.to_owned())]
        };
        let good = || vec![("a.pem", cert.clone()), ("a.key", key.clone())];
        for (settings, files, path, wrong) in [
            (
                "client_cert = \"a.pem\"",
                good(),
                "client_key",
                "missing: client_cert and client_key go together",
            ),
            (
                "client_key = \"a.key\"",
                good(),
                "client_cert",
                "missing: client_cert and client_key go together",
            ),
            (BOTH, Vec::new(), "client_cert", "a.pem cannot be read: entity not found"),
            (BOTH, vec![("a.pem", cert.clone())], "client_key", "a.key cannot be read: entity not found"),
            (BOTH, files("no PEM", "no PEM"), "client_cert", "a.pem holds no certificate"),
            (
                BOTH,
                vec![("a.pem", cert.clone()), ("a.key", cert.clone())],
                "client_key",
                "a.key holds no private key",
            ),
            (
                BOTH,
                vec![("a.pem", cert.clone()), ("a.key", sealed.into())],
                "client_key",
                "a.key holds no private key",
            ),
            (
                BOTH,
                vec![("a.pem", cert.clone()), ("a.key", odd.into())],
                "client_key",
                "the key cannot be used",
            ),
            (
                BOTH,
                vec![("a.pem", broken.into()), ("a.key", key.clone())],
                "client_cert",
                "its first certificate",
            ),
            (
                BOTH,
                vec![("a.pem", cert.clone()), ("a.key", other.clone())],
                "client_key",
                "it is not the key of",
            ),
        ] {
            let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let problems = read(settings, &files).expect_err(wrong);
            assert!(problems.starts_with(&format!("upstreams.main.{path}: {wrong}")), "{problems}");
        }
    }

    #[test]
    fn a_certificate_that_is_never_shown_is_remarked_on() {
        let (cert, key) = pair();
        let file = |path: &Path| Ok(if path == Path::new("a.pem") { cert.clone() } else { key.clone() });
        for (scheme, remarked) in [("http", true), ("https", false)] {
            let text = format!("[upstreams.main]\nbase_url = \"{scheme}://x/v1\"\n{BOTH}");
            let config = Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &file });
            let remarks = config.expect("a configuration").remarks();
            let paths: Vec<&str> = remarks.iter().map(|remark| &*remark.path).collect();
            let expected: &[&str] = if remarked { &["upstreams.main.client_cert"] } else { &[] };
            assert_eq!(paths, expected, "{scheme}");
        }
    }

    /// SE03: not even where it stands by mistake.
    #[test]
    fn a_key_that_stands_in_the_file_is_not_shown() {
        let (cert, key) = pair();
        let secret = key.lines().nth(1).expect("a line").to_owned();
        let settings = format!("client_cert = \"a.pem\"\nclient_key = \"\"\"\n{key}\"\"\"");
        let problems = read(&settings, &[("a.pem", &cert)]).expect_err("a mistake");
        assert!(
            problems.starts_with("upstreams.main.client_key: a key must not stand in the file"),
            "{problems}"
        );
        assert!(!problems.contains(&secret), "{problems}");
    }
}
