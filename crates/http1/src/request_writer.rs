//! Writes a request: its head, and its body in the framing that its length allows.

use std::io::{self, Cursor, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderValue, Method};
use http_body::Body;
use tokio::io::AsyncWrite;

use crate::{Error, RequestHead};

/// Writes a request's head and body, framed. Between requests it has nothing to write.
pub(crate) struct RequestWriter<B> {
    /// The head, or what frames a piece; goes before the piece.
    text: Cursor<Vec<u8>>,
    /// The piece of the body that is being written.
    piece: Bytes,
    /// What ends the piece, if it is a chunk.
    end: &'static [u8],
    /// Where the next piece comes from; absent once the last has come.
    body: Option<B>,
    /// What may come of it, where that was announced; else it goes in chunks.
    announced: Option<u64>,
    /// Why it could not leave as a whole.
    cut: Option<Cut>,
}

impl<B> Default for RequestWriter<B> {
    fn default() -> Self {
        Self {
            text: Cursor::default(),
            piece: Bytes::new(),
            end: &[],
            body: None,
            announced: None,
            cut: None,
        }
    }
}

/// Why a request could not leave as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// Its body broke off, or is not as long as was announced.
    Body,
    /// Nothing was taken of it for too long.
    Stalled,
    /// The connection takes no more.
    Unwanted,
}

/// Bytes of a head, about; most have fewer.
const HEAD: usize = 1 << 10;

impl<B: Body<Data = Bytes> + Unpin> RequestWriter<B> {
    /// Takes a request.
    pub(crate) fn begin(&mut self, head: &impl RequestHead, host: &HeaderValue, body: B) {
        let length = body.size_hint().exact();
        let mut text = std::mem::take(&mut self.text).into_inner();
        text.clear();
        text.reserve(HEAD);
        write_head(&mut text, head, host, length);
        *self = Self {
            text: Cursor::new(text),
            body: (!body.is_end_stream()).then_some(body),
            announced: length,
            ..Self::default()
        };
    }

    /// Whether nothing more is going to leave.
    pub(crate) fn is_over(&self) -> bool {
        self.is_cut() || (self.body.is_none() && !self.has_unwritten())
    }

    /// Whether it could not leave as a whole.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether that is because the connection takes no more: then it is about to end.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.cut == Some(Cut::Unwanted)
    }

    /// Writes on until all of it has left.
    pub(crate) fn poll(
        &mut self,
        socket: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if self.is_cut() {
            // The end of what broke off would make it look whole.
            return Poll::Ready(Err(Error::Lost));
        }
        self.poll_leave(socket, cx).map_err(|cut| {
            self.cut = Some(cut);
            if cut == Cut::Stalled { Error::Stalled } else { Error::Lost }
        })
    }

    fn poll_leave(
        &mut self,
        mut socket: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Cut>> {
        loop {
            // The first piece goes with the head.
            if self.piece.is_empty()
                && self.end.is_empty()
                && self.body.is_some()
                && self.poll_piece(cx)?.is_ready()
            {
                continue;
            }
            if !self.has_unwritten() {
                // TLS holds back until it is told to go.
                let flushed = socket.as_mut().poll_flush(cx).map_err(|error| Cut::of(&error))?;
                return if self.body.is_some() { Poll::Pending } else { flushed.map(Ok) };
            }
            ready!(self.poll_write(socket.as_mut(), cx)).map_err(|error| Cut::of(&error))?;
        }
    }

    fn has_unwritten(&self) -> bool {
        self.text.has_remaining() || self.piece.has_remaining() || self.end.has_remaining()
    }

    fn poll_write(
        &mut self,
        socket: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let written = if self.piece.is_empty() && self.end.is_empty() {
            ready!(socket.poll_write(cx, self.text.chunk()))?
        } else {
            let all = [self.text.chunk(), &*self.piece, self.end].map(IoSlice::new);
            ready!(socket.poll_write_vectored(cx, &all))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let rest = advance(&mut self.text, written);
        let rest = advance(&mut self.piece, rest);
        advance(&mut self.end, rest);
        Poll::Ready(Ok(()))
    }

    /// Takes the next piece of the body, or its end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        let Some(body) = &mut self.body else { return Poll::Pending };
        match ready!(Pin::new(body).poll_frame(cx)) {
            Some(Err(_)) => return Poll::Ready(Err(Cut::Body)),
            Some(Ok(frame)) => {
                let piece = frame.into_data().unwrap_or_default();
                if !piece.is_empty() {
                    self.frame(piece).ok_or(Cut::Body)?;
                }
            }
            None => {
                self.body = None;
                self.end().ok_or(Cut::Body)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// `None` if it is more than was announced.
    fn frame(&mut self, piece: Bytes) -> Option<()> {
        match &mut self.announced {
            Some(left) => {
                *left = left.checked_sub(piece.len() as u64)?;
                if *left == 0 {
                    self.body = None;
                }
            }
            None => {
                self.write(format!("{:x}\r\n", piece.len()).as_bytes());
                self.end = b"\r\n";
            }
        }
        self.piece = piece;
        Some(())
    }

    /// Writes behind what is still to be written.
    fn write(&mut self, text: &[u8]) {
        if !self.text.has_remaining() {
            self.text.set_position(0);
            self.text.get_mut().clear();
        }
        self.text.get_mut().extend_from_slice(text);
    }

    /// `None` if it is less than was announced.
    fn end(&mut self) -> Option<()> {
        match self.announced {
            Some(left) => (left == 0).then_some(()),
            None => {
                self.write(b"0\r\n\r\n");
                Some(())
            }
        }
    }
}

impl Cut {
    fn of(error: &io::Error) -> Self {
        if Error::of_io(error) == Error::Stalled { Self::Stalled } else { Self::Unwanted }
    }
}

/// Takes what was written off the front; yields how much was written beyond it.
fn advance(front: &mut impl Buf, written: usize) -> usize {
    let taken = written.min(front.remaining());
    front.advance(taken);
    written - taken
}

fn write_head(text: &mut Vec<u8>, head: &impl RequestHead, host: &HeaderValue, length: Option<u64>) {
    let method = head.method();
    text.extend_from_slice(method.as_str().as_bytes());
    text.push(b' ');
    head.write_target(text);
    text.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    text.extend_from_slice(host.as_bytes());
    text.extend_from_slice(b"\r\n");
    head.each_header(|name, value| {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    });
    match length {
        // A body is expected of these alone.
        Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => {}
        Some(length) => {
            text.extend_from_slice(b"content-length: ");
            text.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        None => text.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    text.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::poll_fn;

    use http::Request;
    use http_body::{Frame, SizeHint};
    use tokio::io::AsyncReadExt;

    use super::*;

    /// A body that comes in pieces, and breaks off where there is none.
    struct Pieces(VecDeque<Option<&'static str>>, SizeHint);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            Poll::Ready(self.0.pop_front().map(|piece| match piece {
                Some(piece) => Ok(Frame::data(Bytes::from_static(piece.as_bytes()))),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            }))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            self.1
        }
    }

    /// A body that announces so many bytes, whatever comes.
    fn announced(pieces: &[&'static str], length: u64) -> Pieces {
        Pieces(pieces.iter().copied().map(Some).collect(), SizeHint::with_exact(length))
    }

    /// A body of unknown length, which breaks off if it does not end well.
    fn pieces(pieces: &[&'static str], ends: bool) -> Pieces {
        let broken = (!ends).then_some(None);
        Pieces(pieces.iter().copied().map(Some).chain(broken).collect(), SizeHint::new())
    }

    /// What the server gets of a request, however little it takes at a time.
    async fn sent(head: Request<()>, body: Pieces, at_a_time: usize) -> (String, Result<(), Error>) {
        let (mut ours, mut theirs) = tokio::io::duplex(at_a_time);
        let reading = tokio::spawn(async move {
            let mut all = String::new();
            theirs.read_to_string(&mut all).await.expect("text");
            all
        });
        let mut writer = RequestWriter::default();
        writer.begin(&head, &HeaderValue::from_static("up"), body);
        let left = poll_fn(|cx| writer.poll(Pin::new(&mut ours), cx)).await;
        assert!(writer.is_over() && writer.is_cut() == left.is_err());
        let again = poll_fn(|cx| writer.poll(Pin::new(&mut ours), cx)).await;
        assert_eq!(again.is_err(), left.is_err(), "and stays so");
        drop(ours);
        (reading.await.expect("no panic"), left)
    }

    fn post() -> Request<()> {
        Request::post("http://up/v1/videos?a=b").header("x-a", "1").body(()).expect("a request")
    }

    const HEAD: &str = "POST /v1/videos?a=b HTTP/1.1\r\nhost: up\r\nx-a: 1\r\n";

    #[tokio::test]
    async fn frames_a_body_by_what_is_known_of_its_length() {
        for at_a_time in [1, 7, 4096] {
            let (text, left) = sent(post(), announced(&["bo", "dy"], 4), at_a_time).await;
            assert_eq!((text, left), (format!("{HEAD}content-length: 4\r\n\r\nbody"), Ok(())));
            let (text, left) = sent(post(), pieces(&["some", "", "more than that"], true), at_a_time).await;
            let body = "4\r\nsome\r\ne\r\nmore than that\r\n0\r\n\r\n";
            assert_eq!((text, left), (format!("{HEAD}transfer-encoding: chunked\r\n\r\n{body}"), Ok(())));
        }
    }

    /// SM12: what does not come as it was announced never looks whole.
    #[tokio::test]
    async fn a_body_that_breaks_off_does_not_look_whole() {
        let (text, left) = sent(post(), pieces(&["some"], false), 64).await;
        assert_eq!((text.ends_with("\r\n\r\n4\r\nsome\r\n"), left), (true, Err(Error::Lost)), "{text}");
        for (come, length) in [(&["so", "me"][..], 5), (&["some"], 3), (&["so", "me"], 3)] {
            let (text, left) = sent(post(), announced(come, length), 64).await;
            assert_eq!(left, Err(Error::Lost), "{text}");
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            assert!((body.len() as u64) < length, "{text}");
        }
    }

    #[tokio::test]
    async fn an_empty_body_has_a_length_only_where_one_is_expected() {
        let (text, _) = sent(post(), announced(&[], 0), 64).await;
        assert_eq!(text, format!("{HEAD}content-length: 0\r\n\r\n"));
        let get = Request::get("/v1/models").body(()).expect("a request");
        assert_eq!(sent(get, announced(&[], 0), 64).await.0, "GET /v1/models HTTP/1.1\r\nhost: up\r\n\r\n");
    }
}
