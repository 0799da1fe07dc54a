//! What HTTP is spoken over, and whether the upstream refused it before HTTP began.
//!
//! In TLS 1.3 a client is done with the handshake before the server has looked at its certificate. A server that wants
//! another one, or one at all, says so in an alert that meets the request on its way: the request was not read. All other
//! ends of a connection leave open what became of it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use rustls::AlertDescription as Alert;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::upstream::write_timeout;

/// TCP, with TLS where that is wanted; below TLS, it is seen what was taken.
pub(super) type Stream = MaybeHttpsStream<write_timeout::WriteTimeout<TokioIo<TcpStream>>>;

/// A connection as HTTP sees it.
pub(super) type Socket = Watched<TokioIo<Stream>>;

/// A stream that remembers whether the other side refused it in place of its first byte.
#[derive(Debug)]
pub(super) struct Watched<S> {
    inner: S,
    /// Whether a byte has come.
    heard: bool,
    refusal: Refusal,
    /// Whether it is read on where a write fails; see [`Self::reading_on`].
    reads_on: bool,
    /// Why a write failed, while the other side's last word is waited for.
    failed: Option<io::Error>,
}

/// Whether a connection was refused; known also to those who have given its stream away.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusal(Arc<AtomicBool>);

impl Refusal {
    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, heard: false, refusal: Refusal::default(), reads_on: false, failed: None }
    }

    /// The same for an HTTP that gives a connection up when a write fails, without a look at what has come: before its
    /// first byte has come, a write only fails once it is known what came in its place. The other side, which has
    /// ended the connection, is heard out soon.
    pub(super) fn reading_on(self) -> Self {
        Self { reads_on: true, ..self }
    }

    pub(super) fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    fn notice(&mut self, error: &io::Error) {
        if !self.heard && refuses(error) {
            self.refusal.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether the peer's TLS ended the connection, and only ever does so before it has let a request through.
fn refuses(error: &io::Error) -> bool {
    let held = error.get_ref().and_then(|held| held.downcast_ref::<rustls::Error>());
    matches!(held, Some(rustls::Error::AlertReceived(alert)) if is_of_handshake(*alert))
}

/// Whether an alert says that the two could not agree on a connection. All others may also end one that has carried a
/// request: a broken record, a fault inside, a farewell.
fn is_of_handshake(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            // Signatures and the ends of handshakes; records have an alert of their own.
            | Alert::DecryptError
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::InappropriateFallback
            | Alert::MissingExtension
            | Alert::UnsupportedExtension
            | Alert::UnrecognisedName
            | Alert::BadCertificateStatusResponse
            | Alert::UnknownPSKIdentity
            | Alert::CertificateRequired
            | Alert::NoApplicationProtocol
    )
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        match &read {
            Poll::Ready(Ok(())) => self.heard |= buffer.filled().len() > before,
            Poll::Ready(Err(error)) => self.notice(error),
            Poll::Pending => {}
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Watched<S> {
    /// Writes, and reads on where that fails.
    fn poll_writing<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let error = match self.failed.take() {
            Some(error) => error,
            None => match write(Pin::new(&mut self.inner), cx) {
                Poll::Ready(Err(error)) => error,
                written @ (Poll::Ready(Ok(_)) | Poll::Pending) => return written,
            },
        };
        // A peer that takes nothing for too long has not ended the connection.
        let is_ended = error.kind() != io::ErrorKind::TimedOut;
        if self.reads_on && !self.heard && is_ended {
            let mut byte = [0];
            // HTTP reads nothing more of a connection it cannot write to: a byte of an answer may be thrown away.
            if Pin::new(&mut *self).poll_read(cx, &mut ReadBuf::new(&mut byte)).is_pending() {
                self.failed = Some(error);
                return Poll::Pending;
            }
        }
        Poll::Ready(Err(error))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |inner, cx| inner.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |inner, cx| inner.poll_write_vectored(cx, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writing(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What is read, one after the other; nothing is taken.
    struct Played(VecDeque<io::Result<&'static [u8]>>);

    impl AsyncWrite for Played {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncRead for Played {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            match self.0.pop_front() {
                // Not yet.
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Some(read) => Poll::Ready(read.map(|bytes| buffer.put_slice(bytes))),
                None => Poll::Ready(Ok(())),
            }
        }
    }

    fn alert(alert: Alert) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, rustls::Error::AlertReceived(alert))
    }

    async fn is_refused(played: impl IntoIterator<Item = io::Result<&'static [u8]>>) -> bool {
        let mut socket = Watched::new(Played(played.into_iter().collect()));
        let refusal = socket.refusal().clone();
        let mut all = Vec::new();
        let _ = socket.read_to_end(&mut all).await;
        refusal.has_come()
    }

    /// RT03, RT15
    #[tokio::test]
    async fn an_alert_about_the_handshake_in_place_of_the_first_byte_is_a_refusal() {
        for alert_of_handshake in
            [Alert::CertificateRequired, Alert::BadCertificate, Alert::UnknownCA, Alert::HandshakeFailure]
        {
            assert!(is_refused([Err(alert(alert_of_handshake))]).await, "{alert_of_handshake:?}");
            let heard = [Ok(&b"H"[..]), Err(alert(alert_of_handshake))];
            assert!(!is_refused(heard).await, "{alert_of_handshake:?} after a byte");
        }
    }

    /// RT03
    #[tokio::test]
    async fn no_other_end_is_a_refusal() {
        for other in [
            Alert::CloseNotify,
            Alert::UserCanceled,
            Alert::InternalError,
            Alert::UnexpectedMessage,
            Alert::BadRecordMac,
            Alert::RecordOverflow,
            Alert::DecodeError,
            Alert::IllegalParameter,
            Alert::NoRenegotiation,
            Alert::Unknown(200),
        ] {
            assert!(!is_refused([Err(alert(other))]).await, "{other:?}");
        }
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof, io::ErrorKind::TimedOut] {
            assert!(!is_refused([Err(kind.into())]).await, "{kind:?}");
        }
        let garbled = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert!(!is_refused([Err(io::Error::new(io::ErrorKind::InvalidData, garbled))]).await);
        assert!(!is_refused([Ok(&b""[..])]).await, "an end without a word");
    }

    /// RT15
    #[tokio::test]
    async fn a_write_that_fails_waits_for_the_refusal_that_came_before() {
        let later = || Err(io::ErrorKind::WouldBlock.into());
        let refused = || Err(alert(Alert::CertificateRequired));
        for (played, expected) in [
            (vec![refused()], true),
            (vec![later(), later(), refused()], true),
            (vec![later(), Ok(&b""[..])], false),
            (vec![Ok(&b"H"[..]), refused()], false),
        ] {
            let mut socket = Watched::new(Played(played.into())).reading_on();
            let error = socket.write_all(b"PRI").await.expect_err("nothing is taken");
            assert_eq!(
                (error.kind(), socket.refusal().has_come()),
                (io::ErrorKind::ConnectionReset, expected)
            );
        }
        let mut socket = Watched::new(Played(vec![refused()].into()));
        let error = socket.write_all(b"GET").await.expect_err("nothing is taken");
        assert_eq!((error.kind(), socket.refusal().has_come()), (io::ErrorKind::ConnectionReset, false));
    }
}
