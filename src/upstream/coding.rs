//! Content codings of answers: gzip and deflate are decoded, so that the gateway can read what it judges, and so that a
//! client whose request does not accept a coding does not receive it.
//!
//! The gateway requests answers about jobs with `accept-encoding: identity`. Some upstreams, and proxies in front of them,
//! send gzip or deflate regardless. Servers send br and zstd only to clients that list them, so these are not decoded:
//! their decoders would be two more parsers of foreign bytes, for answers that are not known to exist.
//!
//! Pure and bounded: decoding yields at most [`WHOLE_MAX`] bytes.

use std::io::Read;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::WHOLE_MAX;

/// Whether a body has no content coding.
pub(super) fn is_identity(headers: &HeaderMap) -> bool {
    codings(headers).next().is_none()
}

/// The body without its content coding. `None` if the coding is not supported, the body is corrupt, or the decoded body
/// is longer than [`WHOLE_MAX`].
pub(crate) fn decoded(headers: &HeaderMap, body: &Bytes) -> Option<Bytes> {
    let mut codings = codings(headers);
    let Some(coding) = codings.next().filter(|_| !body.is_empty()) else { return Some(body.clone()) };
    if codings.next().is_some() {
        return None;
    }
    if is_gzip(coding) {
        return read(MultiGzDecoder::new(&**body));
    }
    if !coding.eq_ignore_ascii_case(b"deflate") {
        return None;
    }
    // The standard means zlib's format by this name; some servers send the raw deflate stream.
    read(ZlibDecoder::new(&**body)).or_else(|| read(DeflateDecoder::new(&**body)))
}

/// Whether a request with these headers accepts every coding of an answer. Without `Accept-Encoding` it accepts none.
pub(super) fn accepts(request: &HeaderMap, answer: &HeaderMap) -> bool {
    codings(answer).all(|coding| {
        let named = elements(request, &header::ACCEPT_ENCODING).map(weighed);
        let mut weights = named.filter(|(name, _)| is_same(name, coding)).map(|(_, wanted)| wanted);
        let mut any =
            elements(request, &header::ACCEPT_ENCODING).map(weighed).filter(|(name, _)| name == b"*");
        weights.next().or_else(|| any.next().map(|(_, wanted)| wanted)).unwrap_or(false)
    })
}

/// The codings of a body, in the order they were applied.
fn codings(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let all = elements(headers, &header::CONTENT_ENCODING);
    all.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

fn elements<'h>(
    headers: &'h HeaderMap,
    name: &header::HeaderName,
) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    let values = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// The coding that an element of `Accept-Encoding` names, and whether its weight is above 0.
fn weighed(element: &[u8]) -> (&[u8], bool) {
    let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or_default();
    let refused = parts.any(|parameter| {
        let weight = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
        weight.is_some_and(|weight| weight.iter().all(|byte| matches!(byte, b'0' | b'.')))
    });
    (name, !refused)
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other) || (is_gzip(one) && is_gzip(other))
}

fn is_gzip(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip")
}

fn read(decoder: impl Read) -> Option<Bytes> {
    let mut plain = Vec::new();
    // One byte more than the limit, to tell a body at the limit from a longer one.
    decoder.take(WHOLE_MAX as u64 + 1).read_to_end(&mut plain).ok()?;
    (plain.len() <= WHOLE_MAX).then(|| plain.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = br#"{"id":"video_1"}"#;

    fn headers(name: &header::HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn coded(values: &[&'static str]) -> HeaderMap {
        headers(&header::CONTENT_ENCODING, values)
    }

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("into memory");
        encoder.finish().expect("into memory").into()
    }

    #[test]
    fn gzip_and_deflate_are_decoded() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).expect("into memory");
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(TEXT).expect("into memory");
        let (zlib, raw) = (zlib.finish().expect("into memory"), raw.finish().expect("into memory"));
        let two = [&gzip(&TEXT[..5])[..], &gzip(&TEXT[5..])].concat();
        for (coding, body) in [
            (&["gzip"][..], gzip(TEXT)),
            (&["X-GZIP"], gzip(TEXT)),
            (&["identity, gzip"], gzip(TEXT)),
            (&["gzip"], two.into()),
            (&["deflate"], zlib.into()),
            (&["Deflate"], raw.into()),
            (&["identity"], Bytes::from_static(TEXT)),
            (&[], Bytes::from_static(TEXT)),
        ] {
            assert_eq!(decoded(&coded(coding), &body).as_deref(), Some(TEXT), "{coding:?}");
        }
        assert_eq!(
            decoded(&coded(&["gzip"]), &Bytes::new()).as_deref(),
            Some(&b""[..]),
            "an empty body has no coding"
        );
    }

    #[test]
    fn corrupt_bodies_and_unsupported_codings_yield_none() {
        let whole = gzip(TEXT);
        for (coding, body) in [
            (&["gzip"][..], whole.slice(..whole.len() - 3)),
            (&["gzip"], Bytes::from_static(b"\x1f\x8bnot really")),
            (&["deflate"], Bytes::from_static(b"\xff\xff\xff")),
            (&["br"], whole.clone()),
            (&["zstd"], whole.clone()),
            (&["gzip, gzip"], whole.clone()),
            (&["gzip", "br"], whole.clone()),
        ] {
            assert_eq!(decoded(&coded(coding), &body), None, "{coding:?}");
        }
    }

    /// LM05: a small body may decode to a huge one.
    #[test]
    fn a_body_that_decodes_to_more_than_the_limit_yields_none() {
        assert_eq!(
            decoded(&coded(&["gzip"]), &gzip(&vec![b' '; WHOLE_MAX])).map(|all| all.len()),
            Some(WHOLE_MAX)
        );
        let bomb = gzip(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 17, "{}", bomb.len());
        assert_eq!(decoded(&coded(&["gzip"]), &bomb), None);
    }

    #[test]
    fn a_request_accepts_a_coding_by_name_or_by_a_wildcard() {
        for (accepted, coding, accepts_it) in [
            (&["gzip, deflate, br, zstd"][..], "gzip", true),
            (&["br", "gzip;q=0.5"], "x-gzip", true),
            (&["*"], "br", true),
            (&["gzip;q=0, *"], "gzip", false),
            (&["gzip; q=0.000"], "gzip", false),
            (&["identity"], "gzip", false),
            (&["*;q=0"], "gzip", false),
            (&[""], "gzip", false),
            (&[], "gzip", false),
            (&["gzip"], "gzip, br", false),
            (&[], "identity", true),
        ] {
            let request = headers(&header::ACCEPT_ENCODING, accepted);
            assert_eq!(accepts(&request, &coded(&[coding])), accepts_it, "{accepted:?} {coding}");
        }
    }
}
