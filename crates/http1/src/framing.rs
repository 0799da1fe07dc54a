//! Where an answer's body ends.

use bytes::{Buf, Bytes, BytesMut};
use http::{Method, StatusCode};
use httparse::{EMPTY_HEADER, InvalidChunkSize, Status};

/// How much of a body is still to received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes. At none, it is over.
    Length(u64),
    /// As many chunks as there are.
    Chunks(Chunk),
    /// Everything until the connection ends.
    Rest,
}

/// Where in its chunks a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In front of a chunk's length.
    Size,
    /// So many bytes are left of a chunk.
    Data(u64),
    /// Behind a chunk's bytes.
    End,
    /// Behind the last chunk.
    Trailers,
}

/// What the next bytes of a body are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    /// They have not received.
    Missing,
    /// There are none.
    Over,
}

/// It cannot be told where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What an answer's head says about where its body ends, header by header as they came.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    codings: u32,
    is_chunked: bool,
    length: Option<u64>,
    /// Lengths that are none, or differ.
    unclear: bool,
}

/// Bytes of a chunk's first line, or of all trailers, at most.
const LINE_MAX: usize = 16 << 10;
const TRAILERS_MAX: usize = 64;

impl Announced {
    pub(crate) fn coding(&mut self, value: &[u8]) {
        self.codings += 1;
        self.is_chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
    }

    pub(crate) fn length(&mut self, value: &[u8]) {
        for value in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let length = digits(value);
            self.unclear |= length.is_none() || self.length.is_some_and(|known| Some(known) != length);
            self.length = length;
        }
    }

    /// Whether chunks tell the length, whatever else is said about it.
    pub(crate) fn is_chunked(&self) -> bool {
        self.codings > 0
    }

    /// By RFC 9112, section 6.3. A body in another coding than chunks alone would be read to its end, and what came of
    /// it would not be what the upstream meant.
    pub(crate) fn framing(
        &self,
        method: &Method,
        status: StatusCode,
        is_old: bool,
    ) -> Result<Framing, Malformed> {
        if self.codings > 0 && (self.codings > 1 || !self.is_chunked || is_old) {
            return Err(Malformed);
        }
        if *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Framing::Length(0));
        }
        match self.length {
            _ if self.is_chunked => Ok(Framing::Chunks(Chunk::Size)),
            _ if self.unclear => Err(Malformed),
            Some(length) => Ok(Framing::Length(length)),
            None => Ok(Framing::Rest),
        }
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl Framing {
    /// Whether nothing is to received.
    pub(crate) fn is_over(self) -> bool {
        self == Self::Length(0)
    }

    /// Bytes that are to come, where that is known.
    pub(crate) fn length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Chunks(_) | Self::Rest => None,
        }
    }

    /// Takes the next piece of the body out of what has received.
    pub(crate) fn take(&mut self, received: &mut BytesMut) -> Result<Piece, Malformed> {
        match self {
            Self::Length(0) => Ok(Piece::Over),
            Self::Length(left) => Ok(piece(left, received)),
            Self::Rest if received.is_empty() => Ok(Piece::Missing),
            Self::Rest => Ok(Piece::Data(received.split().freeze())),
            Self::Chunks(chunk) => {
                let piece = chunk.take(received)?;
                if piece == Piece::Over {
                    *self = Self::Length(0);
                }
                Ok(piece)
            }
        }
    }
}

impl Chunk {
    fn take(&mut self, received: &mut BytesMut) -> Result<Piece, Malformed> {
        loop {
            match self {
                // The library takes an empty line for a length of zero: a body that was cut would look whole.
                Self::Size if received.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) => {
                    return Err(Malformed);
                }
                Self::Size => {
                    match httparse::parse_chunk_size(received).map_err(|InvalidChunkSize| Malformed)? {
                        Status::Complete((line, _)) if !is_in_crlf(received, line) => return Err(Malformed),
                        Status::Complete((line, size)) => {
                            received.advance(line);
                            *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                        }
                        Status::Partial => return missing(received),
                    }
                }
                Self::Data(0) => *self = Self::End,
                Self::Data(left) => return Ok(piece(left, received)),
                Self::End => match received.get(..2) {
                    Some(b"\r\n") => {
                        received.advance(2);
                        *self = Self::Size;
                    }
                    Some(_) => return Err(Malformed),
                    None => return Ok(Piece::Missing),
                },
                Self::Trailers => {
                    // They are thrown away, but they must be some.
                    let mut trailers = [EMPTY_HEADER; TRAILERS_MAX];
                    return match httparse::parse_headers(received, &mut trailers).map_err(|_| Malformed)? {
                        Status::Complete((length, _)) if !is_in_crlf(received, length) => Err(Malformed),
                        Status::Complete((length, _)) => {
                            received.advance(length);
                            Ok(Piece::Over)
                        }
                        Status::Partial => missing(received),
                    };
                }
            }
        }
    }
}

/// Whether all lines of the first `length` bytes end in CR LF: a bare LF within an extension ends the line to some readers.
fn is_in_crlf(received: &[u8], length: usize) -> bool {
    let lines = received.get(..length).unwrap_or_default();
    memchr::memchr_iter(b'\n', lines).all(|at| at > 0 && lines.get(at - 1) == Some(&b'\r'))
}

/// What has come of so many bytes.
fn piece(left: &mut u64, received: &mut BytesMut) -> Piece {
    if received.is_empty() {
        return Piece::Missing;
    }
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
    *left -= taken as u64;
    Piece::Data(received.split_to(taken).freeze())
}

fn missing(received: &BytesMut) -> Result<Piece, Malformed> {
    if received.len() > LINE_MAX { Err(Malformed) } else { Ok(Piece::Missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(codings: &[&str], lengths: &[&str]) -> Announced {
        let mut announced = Announced::default();
        codings.iter().for_each(|value| announced.coding(value.as_bytes()));
        lengths.iter().for_each(|value| announced.length(value.as_bytes()));
        announced
    }

    fn framing(codings: &[&str], lengths: &[&str]) -> Result<Framing, Malformed> {
        announced(codings, lengths).framing(&Method::GET, StatusCode::OK, false)
    }

    /// SM02: whatever an upstream says twice, there is one way to read it, or none.
    #[test]
    fn reads_a_body_to_the_end_that_its_head_announces() {
        const CHUNKS: Result<Framing, Malformed> = Ok(Framing::Chunks(Chunk::Size));
        assert_eq!(framing(&[], &["5"]), Ok(Framing::Length(5)));
        assert_eq!(framing(&[], &["5", "5, 5"]), Ok(Framing::Length(5)));
        assert_eq!(framing(&[], &[]), Ok(Framing::Rest));
        assert_eq!(framing(&["Chunked"], &[]), CHUNKS);
        assert_eq!(framing(&["chunked"], &["5"]), CHUNKS);
        assert_eq!(framing(&["chunked"], &["5", "6"]), CHUNKS);
        let lengths: [&[&str]; 7] =
            [&["5", "6"], &["5, 6"], &["-5"], &["+5"], &[""], &["5,"], &["18446744073709551616"]];
        for lengths in lengths {
            assert_eq!(framing(&[], lengths), Err(Malformed), "{lengths:?}");
        }
        for codings in
            [&["gzip, chunked"][..], &["gzip"], &["chunked", "chunked"], &["chunked, gzip"], &["xchunked"]]
        {
            assert_eq!(framing(codings, &["5"]), Err(Malformed), "{codings:?}");
        }
        assert_eq!(announced(&["chunked"], &[]).framing(&Method::GET, StatusCode::OK, true), Err(Malformed));
    }

    #[test]
    fn reads_no_body_after_head_204_and_304() {
        let nothing = Ok(Framing::Length(0));
        let announced = announced(&[], &["5"]);
        assert_eq!(announced.framing(&Method::HEAD, StatusCode::OK, false), nothing);
        assert_eq!(announced.framing(&Method::GET, StatusCode::NO_CONTENT, false), nothing);
        assert_eq!(announced.framing(&Method::GET, StatusCode::NOT_MODIFIED, false), nothing);
    }

    /// Everything that comes of `text` if it comes so many bytes at a time; what is left of it.
    fn read(
        mut framing: Framing,
        text: &[u8],
        at_a_time: usize,
    ) -> Result<(Vec<u8>, Framing, usize), Malformed> {
        let (mut received, mut body) = (BytesMut::new(), Vec::new());
        let mut coming = text.chunks(at_a_time);
        loop {
            match framing.take(&mut received)? {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(&data);
                }
                Piece::Over => {
                    return Ok((body, framing, received.len() + coming.map(<[u8]>::len).sum::<usize>()));
                }
                Piece::Missing => match coming.next() {
                    Some(more) => received.extend_from_slice(more),
                    None => return Ok((body, framing, received.len())),
                },
            }
        }
    }

    #[test]
    fn reads_the_same_body_however_it_is_split() {
        const OVER: Framing = Framing::Length(0);
        const CHUNKS: Framing = Framing::Chunks(Chunk::Size);
        let cases: [(Framing, &str, &str, Framing, usize); 6] = [
            (Framing::Length(4), "abcdefg", "abcd", OVER, 3),
            (Framing::Length(4), "abc", "abc", Framing::Length(1), 0),
            (Framing::Rest, "abc", "abc", Framing::Rest, 0),
            (CHUNKS, "1;x=\"y\"\r\na\r\n0A \r\nbcdefghijk\r\n0\r\n\r\nmore", "abcdefghijk", OVER, 4),
            (CHUNKS, "1\r\na\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\n", "a", OVER, 0),
            (CHUNKS, "3\r\nab", "ab", Framing::Chunks(Chunk::Data(1)), 0),
        ];
        for (framing, text, body, then, left) in cases {
            for at_a_time in 1..=text.len() {
                let expected = Ok((body.as_bytes().to_vec(), then, left));
                assert_eq!(read(framing, text.as_bytes(), at_a_time), expected, "{text:?} by {at_a_time}");
            }
        }
    }

    #[test]
    fn refuses_what_is_no_chunk() {
        let long = format!("1;{}", "x".repeat(LINE_MAX));
        let trailers = format!("0\r\n{}", "x: y\r\n".repeat(LINE_MAX));
        for text in [
            "x\r\n",
            "-1\r\n",
            "\r\n",
            "11111111111111111\r\n",
            "1\r\nab\r\n",
            "1\r\na\n1",
            "0\r\n:\r\n\r\n",
            &long,
            &trailers,
        ] {
            for at_a_time in [1, text.len()] {
                let read = read(Framing::Chunks(Chunk::Size), text.as_bytes(), at_a_time);
                assert_eq!(read, Err(Malformed), "{text:.20?} by {at_a_time}");
            }
        }
    }
}
