//! Checks of a request's head that hyper leaves to us, before anything else looks at it.

use std::net::Ipv6Addr;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Request, Version};

use crate::rejection::Rejection;

/// Refuses a head that two servers could read in two ways.
pub(super) fn check<B>(request: &Request<B>, target_max: usize) -> Result<(), Rejection> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > target_max {
        return Err(Rejection::TargetTooLong { limit: target_max });
    }
    check_form(request)?;
    check_host(request)?;
    check_transfer_encoding(request.headers())?;
    for (name, shown) in SINGLE {
        if request.headers().get_all(name).iter().nth(1).is_some() {
            return Err(Rejection::DoubledHeader(shown));
        }
    }
    match request.headers().get(header::EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Rejection::BadExpectation)
        }
        _ => Ok(()),
    }
}

/// A host and a port alone are for CONNECT, which nobody offers, and have no path to route by.
fn check_form<B>(request: &Request<B>) -> Result<(), Rejection> {
    match (request.uri().scheme(), request.uri().authority()) {
        (None, Some(authority)) => {
            let (method, path) = (request.method().to_string(), authority.to_string());
            Err(Rejection::UnknownUrl { method, path })
        }
        _ => Ok(()),
    }
}

/// Headers that decide how the rest is read, or who is asking.
const SINGLE: [(HeaderName, &str); 4] = [
    (header::CONTENT_TYPE, "content-type"),
    (header::CONTENT_ENCODING, "content-encoding"),
    (header::AUTHORIZATION, "authorization"),
    (header::EXPECT, "expect"),
];

/// Exactly one `Host`, and one that could be a host (RFC 9112, 3.2). It never picks the upstream.
fn check_host<B>(request: &Request<B>) -> Result<(), Rejection> {
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        (None, None) if request.version() < Version::HTTP_11 => Ok(()),
        _ => Err(Rejection::BadHost),
    }
}

fn is_host(host: &HeaderValue) -> bool {
    let bytes = host.as_bytes();
    let text = str::from_utf8(bytes).unwrap_or_default();
    let (name, port) = match text.rsplit_once(':') {
        // The last colon of an address in brackets is its own.
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (text, "0"),
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
    };
    let is_port =
        port.is_empty() || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !name.is_empty() && text.len() <= HOST_MAX && is_name && is_port
}

/// A name has 253 characters at most; the rest is for a port and brackets.
const HOST_MAX: usize = 261;

/// hyper only looks whether the last coding is `chunked`, and would let `gzip, chunked` through.
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Rejection::BadTransferEncoding),
    }
}
