//! W3C trace context: which trace a request belongs to, and what stands in `traceparent` and `tracestate`. Pure.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use axum::http::HeaderValue;

#[cfg(test)]
mod tests;

/// The id of a trace; never zero. Shown as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(NonZeroU128);

/// The id of one span of a trace; never zero. Shown as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(NonZeroU64);

/// Flags that a sender may set; others are reserved, and must not be passed on.
const KNOWN_FLAGS: u8 = SAMPLED | RANDOM;
/// Whoever sent it may have recorded its span.
const SAMPLED: u8 = 0b01;
/// The trace's id is random in its last seven bytes at least.
const RANDOM: u8 = 0b10;

/// What `traceparent` says: a span that others may be children of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traceparent {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    flags: u8,
}

impl TraceId {
    /// A new one. It only has to be unlikely to repeat.
    #[must_use]
    pub(crate) fn random() -> Self {
        Self(NonZeroU128::new(fastrand::u128(1..)).unwrap_or(NonZeroU128::MIN))
    }

    /// As a number.
    #[cfg(feature = "otlp")]
    pub(crate) const fn number(self) -> u128 {
        self.0.get()
    }
}

impl SpanId {
    /// A new one. It only has to be unlikely to repeat within its trace.
    #[must_use]
    pub(crate) fn random() -> Self {
        Self(NonZeroU64::new(fastrand::u64(1..)).unwrap_or(NonZeroU64::MIN))
    }

    /// As a number.
    #[cfg(feature = "otlp")]
    pub(crate) const fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Traceparent {
    /// The first span of a new trace.
    #[must_use]
    pub(crate) fn begin(sampled: bool) -> Self {
        let flags = if sampled { RANDOM | SAMPLED } else { RANDOM };
        Self { trace: TraceId::random(), span: SpanId::random(), flags }
    }

    /// Reads a header's value. `None` where it is not valid, which ends the trace that it may have meant.
    ///
    /// A version after ours is read as far as we know it, as the standard asks.
    #[must_use]
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let mut parts = value.splitn(5, |&byte| byte == b'-');
        let version = hex(parts.next()?, 2)?;
        let trace = NonZeroU128::new(hex(parts.next()?, 32)?)?;
        let span = NonZeroU64::new(u64::try_from(hex(parts.next()?, 16)?).ok()?)?;
        let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
        let is_known = match version {
            0 => parts.next().is_none(),
            0xff => false,
            _ => true,
        };
        is_known.then_some(Self { trace: TraceId(trace), span: SpanId(span), flags: flags & KNOWN_FLAGS })
    }

    /// A new span beneath this one.
    #[must_use]
    pub(crate) fn child(self) -> Self {
        Self { span: SpanId::random(), ..self }
    }

    /// Whether spans of the trace are to be recorded.
    #[cfg(any(test, feature = "otlp"))]
    pub(crate) const fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// As it stands in the header.
    #[must_use]
    pub(crate) fn value(self) -> HeaderValue {
        let text = format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags);
        // Hex digits and hyphens always make a header value.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// The number that exactly `digits` lower-case hex digits spell.
fn hex(text: &[u8], digits: usize) -> Option<u128> {
    if text.len() != digits {
        return None;
    }
    text.iter().try_fold(0, |number: u128, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

/// Members of `tracestate`, most.
const MEMBERS_MAX: usize = 32;

/// Whether all the values of `tracestate` together may be passed on, which they are as they came.
#[must_use]
pub(crate) fn is_state<'v>(values: impl Iterator<Item = &'v [u8]>) -> bool {
    let members = values.flat_map(|value| value.split(|&byte| byte == b','));
    let mut members = members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
    members.by_ref().take(MEMBERS_MAX).all(is_member) && members.next().is_none()
}

fn is_member(member: &[u8]) -> bool {
    let mut parts = member.splitn(2, |&byte| byte == b'=');
    parts.next().is_some_and(is_key) && parts.next().is_some_and(is_value)
}

fn is_key(key: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let may_follow = |byte: &u8| is_letter(byte) || b"_-*/@".contains(byte);
    (1..=256).contains(&key.len()) && key.first().is_some_and(is_letter) && key.iter().all(may_follow)
}

fn is_value(value: &[u8]) -> bool {
    (1..=256).contains(&value.len()) && value.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'=')
}
