//! What HTTP is spoken over.

use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::upstream::untaken;

/// TCP, with TLS where that is wanted; below TLS, it is seen what was taken.
pub(super) type Socket = MaybeHttpsStream<untaken::Bounded<TokioIo<TcpStream>>>;
