//! Where an answer's body ends.

use axum::http::{Method, StatusCode};
use bytes::{Buf, Bytes, BytesMut};
use httparse::{EMPTY_HEADER, InvalidChunkSize, Status};

/// How much of a body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes. At none, it is over.
    Length(u64),
    /// As many chunks as there are.
    Chunks(Chunk),
    /// Everything until the connection ends.
    Rest,
}

/// Where in its chunks a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
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
pub(super) enum Piece {
    Data(Bytes),
    /// They have not come.
    Missing,
    /// There are none.
    Over,
}

/// It cannot be told where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbled;

/// What an answer's head says about where its body ends, header by header as they came.
#[derive(Debug, Default)]
pub(super) struct Announced {
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
    pub(super) fn coding(&mut self, value: &[u8]) {
        self.codings += 1;
        self.is_chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
    }

    pub(super) fn length(&mut self, value: &[u8]) {
        for value in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let length = digits(value);
            self.unclear |= length.is_none() || self.length.is_some_and(|known| Some(known) != length);
            self.length = length;
        }
    }

    /// Whether chunks tell the length, whatever else is said about it.
    pub(super) fn is_chunked(&self) -> bool {
        self.codings > 0
    }

    /// By RFC 9112, section 6.3. A body in another coding than chunks alone would be read to its end, and what came of
    /// it would not be what the upstream meant.
    pub(super) fn framing(
        &self,
        method: &Method,
        status: StatusCode,
        is_old: bool,
    ) -> Result<Framing, Garbled> {
        if self.codings > 0 && (self.codings > 1 || !self.is_chunked || is_old) {
            return Err(Garbled);
        }
        if *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Framing::Length(0));
        }
        match self.length {
            _ if self.is_chunked => Ok(Framing::Chunks(Chunk::Size)),
            _ if self.unclear => Err(Garbled),
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
    /// Whether nothing is to come.
    pub(super) fn is_over(self) -> bool {
        self == Self::Length(0)
    }

    /// Bytes that are to come, where that is known.
    pub(super) fn length(self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length),
            Self::Chunks(_) | Self::Rest => None,
        }
    }

    /// Takes the next piece of the body out of what has come.
    pub(super) fn take(&mut self, come: &mut BytesMut) -> Result<Piece, Garbled> {
        match self {
            Self::Length(0) => Ok(Piece::Over),
            Self::Length(left) => Ok(piece(left, come)),
            Self::Rest if come.is_empty() => Ok(Piece::Missing),
            Self::Rest => Ok(Piece::Data(come.split().freeze())),
            Self::Chunks(chunk) => {
                let piece = chunk.take(come)?;
                if piece == Piece::Over {
                    *self = Self::Length(0);
                }
                Ok(piece)
            }
        }
    }
}

impl Chunk {
    fn take(&mut self, come: &mut BytesMut) -> Result<Piece, Garbled> {
        loop {
            match self {
                // The library takes an empty line for a length of zero: a body that was cut would look whole.
                Self::Size if come.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) => {
                    return Err(Garbled);
                }
                Self::Size => match httparse::parse_chunk_size(come).map_err(|InvalidChunkSize| Garbled)? {
                    Status::Complete((line, size)) => {
                        come.advance(line);
                        *self = if size == 0 { Self::Trailers } else { Self::Data(size) };
                    }
                    Status::Partial => return missing(come),
                },
                Self::Data(0) => *self = Self::End,
                Self::Data(left) => return Ok(piece(left, come)),
                Self::End => match come.get(..2) {
                    Some(b"\r\n") => {
                        come.advance(2);
                        *self = Self::Size;
                    }
                    Some(_) => return Err(Garbled),
                    None => return Ok(Piece::Missing),
                },
                Self::Trailers => {
                    // Nobody asked for them, but they must be some.
                    let mut trailers = [EMPTY_HEADER; TRAILERS_MAX];
                    return match httparse::parse_headers(come, &mut trailers).map_err(|_| Garbled)? {
                        Status::Complete((length, _)) => {
                            come.advance(length);
                            Ok(Piece::Over)
                        }
                        Status::Partial => missing(come),
                    };
                }
            }
        }
    }
}

/// What has come of so many bytes.
fn piece(left: &mut u64, come: &mut BytesMut) -> Piece {
    if come.is_empty() {
        return Piece::Missing;
    }
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(come.len());
    *left -= taken as u64;
    Piece::Data(come.split_to(taken).freeze())
}

fn missing(come: &BytesMut) -> Result<Piece, Garbled> {
    if come.len() > LINE_MAX { Err(Garbled) } else { Ok(Piece::Missing) }
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

    fn framing(codings: &[&str], lengths: &[&str]) -> Result<Framing, Garbled> {
        announced(codings, lengths).framing(&Method::GET, StatusCode::OK, false)
    }

    /// SM02: whatever an upstream says twice, there is one way to read it, or none.
    #[test]
    fn a_body_ends_where_its_head_says() {
        const CHUNKS: Result<Framing, Garbled> = Ok(Framing::Chunks(Chunk::Size));
        assert_eq!(framing(&[], &["5"]), Ok(Framing::Length(5)));
        assert_eq!(framing(&[], &["5", "5, 5"]), Ok(Framing::Length(5)));
        assert_eq!(framing(&[], &[]), Ok(Framing::Rest));
        assert_eq!(framing(&["Chunked"], &[]), CHUNKS);
        assert_eq!(framing(&["chunked"], &["5"]), CHUNKS);
        assert_eq!(framing(&["chunked"], &["5", "6"]), CHUNKS);
        let lengths: [&[&str]; 7] =
            [&["5", "6"], &["5, 6"], &["-5"], &["+5"], &[""], &["5,"], &["18446744073709551616"]];
        for lengths in lengths {
            assert_eq!(framing(&[], lengths), Err(Garbled), "{lengths:?}");
        }
        for codings in
            [&["gzip, chunked"][..], &["gzip"], &["chunked", "chunked"], &["chunked, gzip"], &["xchunked"]]
        {
            assert_eq!(framing(codings, &["5"]), Err(Garbled), "{codings:?}");
        }
        assert_eq!(announced(&["chunked"], &[]).framing(&Method::GET, StatusCode::OK, true), Err(Garbled));
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        let nothing = Ok(Framing::Length(0));
        let said = announced(&[], &["5"]);
        assert_eq!(said.framing(&Method::HEAD, StatusCode::OK, false), nothing);
        assert_eq!(said.framing(&Method::GET, StatusCode::NO_CONTENT, false), nothing);
        assert_eq!(said.framing(&Method::GET, StatusCode::NOT_MODIFIED, false), nothing);
    }

    /// Everything that comes of `text` if it comes so many bytes at a time; what is left of it.
    fn read(
        mut framing: Framing,
        text: &[u8],
        at_a_time: usize,
    ) -> Result<(Vec<u8>, Framing, usize), Garbled> {
        let (mut come, mut body) = (BytesMut::new(), Vec::new());
        let mut coming = text.chunks(at_a_time);
        loop {
            match framing.take(&mut come)? {
                Piece::Data(data) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(&data);
                }
                Piece::Over => {
                    return Ok((body, framing, come.len() + coming.map(<[u8]>::len).sum::<usize>()));
                }
                Piece::Missing => match coming.next() {
                    Some(more) => come.extend_from_slice(more),
                    None => return Ok((body, framing, come.len())),
                },
            }
        }
    }

    #[test]
    fn a_body_is_the_same_however_it_comes() {
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
    fn what_is_no_chunk_is_refused() {
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
                assert_eq!(read, Err(Garbled), "{text:.20?} by {at_a_time}");
            }
        }
    }
}
