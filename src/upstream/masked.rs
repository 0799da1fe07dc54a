//! A body that goes on as it comes, without our credential: an upstream may repeat it in a stream as well.
//!
//! Stars take its place, as many as it takes there, in whatever spelling: lengths and ranges stay true. Only what may be
//! its beginning waits for what comes next.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use bytes::BytesMut;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::scrub::Secret;

/// The body, without the secret.
pub(super) struct Masked {
    inner: Body,
    secret: Secret,
    /// What came last, and may be the secret's beginning.
    held: Bytes,
}

impl Masked {
    pub(super) fn new(inner: Body, secret: Secret) -> Self {
        Self { inner, secret, held: Bytes::new() }
    }

    /// What can go on of what was held and has come.
    fn passed(&mut self, piece: Bytes) -> Bytes {
        let all = if self.held.is_empty() { piece } else { joined(&self.held, &piece) };
        let (mut all, begun) = self.secret.starred(all);
        self.held = all.split_off(all.len() - begun);
        all
    }
}

impl HttpBody for Masked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None if self.held.is_empty() => return Poll::Ready(None),
                None => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.held))))),
            };
            let passed = match frame.into_data() {
                Ok(piece) => self.passed(piece),
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            };
            if !passed.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passed))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, held) = (self.inner.size_hint(), self.held.len() as u64);
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + held);
        }
        hint.set_lower(inner.lower() + held);
        hint
    }
}

fn joined(first: &[u8], second: &[u8]) -> Bytes {
    let mut all = BytesMut::with_capacity(first.len() + second.len());
    all.extend_from_slice(first);
    all.extend_from_slice(second);
    all.freeze()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http_body_util::BodyExt;

    use super::*;

    const SECRET: &str = "sk-sk-operator";

    /// A body of these pieces.
    struct Pieces(VecDeque<Bytes>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn masked(pieces: impl IntoIterator<Item = Bytes>) -> Masked {
        let secret = Secret::new(SECRET).expect("long enough");
        Masked::new(Body::new(Pieces(pieces.into_iter().collect())), secret)
    }

    async fn text(mut body: Masked) -> String {
        let mut all = Vec::new();
        while let Some(frame) = body.frame().await {
            all.extend_from_slice(&frame.expect("a frame").into_data().expect("data"));
        }
        String::from_utf8(all).expect("UTF-8")
    }

    /// SE02: wherever a stream is cut in two.
    #[tokio::test]
    async fn a_credential_is_masked_however_it_is_cut() {
        let whole = format!("{SECRET}, sk-sk-{SECRET} or sk-sk-operato; {SECRET}{SECRET}");
        let stars = "*".repeat(SECRET.len());
        let expected = format!("{stars}, sk-sk-{stars} or sk-sk-operato; {stars}{stars}");
        for size in 1..=whole.len() {
            let pieces = whole.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            assert_eq!(text(masked(pieces)).await, expected, "in pieces of {size}");
        }
    }

    /// SE02: also where some of it is escaped.
    #[tokio::test]
    async fn an_escaped_credential_is_masked_however_it_is_cut() {
        let spelled =
            [r"\u0073k-sk\u002Doperator", r"sk-sk-op\u0065rator", "sk%2Dsk-operato%72", "%73k-sk-operator"];
        let whole =
            spelled.map(|spelled| format!("{spelled}, \\n \\\\u0073k-sk-o, 5% {spelled}{SECRET}")).concat();
        let mut expected = whole.replace(SECRET, &"*".repeat(SECRET.len()));
        for spelled in spelled {
            expected = expected.replace(spelled, &"*".repeat(spelled.len()));
        }
        assert!(!expected.contains("operat"), "{expected}");
        for size in 1..=whole.len() {
            let pieces = whole.as_bytes().chunks(size).map(Bytes::copy_from_slice);
            assert_eq!(text(masked(pieces)).await, expected, "in pieces of {size}");
        }
    }

    /// ST03: nothing waits that cannot be the beginning of it.
    #[tokio::test]
    async fn what_is_no_beginning_goes_on_at_once() {
        let mut body = masked([Bytes::from_static(b"data: ready sk-"), Bytes::from_static(b"et\n\n")]);
        let mut next =
            async || body.frame().await.expect("more").expect("a frame").into_data().expect("data");
        assert_eq!(next().await, "data: ready ");
        assert_eq!(next().await, "sk-et\n\n");
        let at_the_end = masked([Bytes::from_static(b"ends in sk-sk")]);
        assert_eq!(text(at_the_end).await, "ends in sk-sk");
    }
}
