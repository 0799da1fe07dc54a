//! Every way in which an upstream can fail to give a usable answer.
//!
//! Reasons only, like [`crate::rejection`]; the words stand in [`crate::error`].

use std::time::Duration;

use axum::http::StatusCode;

/// What went wrong between the gateway and an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made: nothing was sent.
    Unreachable,
    /// No connection within the time allowed: nothing was sent.
    ConnectTimeout,
    /// The upstream's certificate did not verify, it refused ours or the want of one, or TLS failed otherwise: nothing of
    /// the request was read.
    Tls,
    /// The request was sent, and no answer came in time.
    HeadTimeout,
    /// The request was sent in part or whole, and the connection broke before the answer was whole.
    Lost,
    /// The answer was not HTTP, or switched to another protocol.
    Garbled,
    /// The upstream pointed elsewhere. Credentials are not carried there.
    Redirected,
    /// The upstream refused the operator's credential, which is not the client's fault.
    Credential,
    /// It failed too often of late: nothing was sent, so that it can recover.
    BreakerOpen {
        /// How long it is left alone.
        retry_after: Duration,
    },
}

/// Why an answer ends early that is under way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its connection broke.
    Lost,
    /// Nothing came for longer than allowed.
    Quiet,
}

/// Whether an error's status alone leaves open what became of a paid call: a server may fail, or be cut off by another
/// one in front of it, after it took the job. 529 says that it did not, and so does every other 4xx than 408, with which
/// a server gives up waiting, for whatever it waited; and so does 503 where it is the application's own word, which its
/// status does not tell.
#[must_use]
pub fn leaves_open(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 200..=299 | 400..=407 | 409..=499 | 503 | 529)
}

impl Failure {
    /// Label of it in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::HeadTimeout => "timeout",
            Self::Lost => "lost",
            Self::Garbled => "garbled",
            Self::Redirected => "redirected",
            Self::Credential => "credential",
            Self::BreakerOpen { .. } => "breaker_open",
        }
    }

    /// Whether the upstream may have acted on the request, so that asking again could pay twice.
    #[must_use]
    pub const fn outcome_unknown(self) -> bool {
        match self {
            Self::Unreachable
            | Self::ConnectTimeout
            | Self::Tls
            | Self::Credential
            | Self::BreakerOpen { .. } => false,
            Self::HeadTimeout | Self::Lost | Self::Garbled | Self::Redirected => true,
        }
    }
}
