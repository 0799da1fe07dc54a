//! Takes the picture that `input_reference` may have as a URL out of JSON while it arrives.
//!
//! Only as much of JSON is read here as it takes to know whose string one is; whether the rest is well-formed is for the
//! parser. A string that is taken out holds no quote, so that what stays is well-formed if and only if the whole was.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use super::{Gap, PICTURE_HELD_MAX, PICTURE_PREFIX, Taking, texts_too_long};
use crate::params::Limits;
use crate::rejection::{Param, Rejection};

/// Takes a picture out of one JSON body.
pub(crate) struct JsonSpooler {
    limits: Limits,
    kept: BytesMut,
    gaps: Vec<Gap>,
    /// How many bytes of what was kept have been read.
    read: usize,
    /// Of what was kept, bytes of pictures.
    pictures: usize,
    /// Objects and arrays that are open.
    depth: usize,
    /// The last string that is over.
    last: Range<usize>,
    /// Whether the member of the outermost object that is being read is `input_reference`.
    in_reference: bool,
    /// Whether its member that is being read is `image_url`.
    in_image_url: bool,
    state: State,
}

/// Where the next byte belongs.
enum State {
    /// Between strings.
    Outside,
    /// To a string whose content begins there.
    Inside { start: usize, is_escaped: bool },
    /// To a picture that is taken out.
    Taking { taking: Taking, escape: Escape },
}

/// A backslash and what follows it, as far as it has come.
#[derive(Default)]
struct Escape(Vec<u8>);

impl JsonSpooler {
    /// For a body that will be parsed within these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            kept: BytesMut::new(),
            gaps: Vec::new(),
            read: 0,
            pictures: 0,
            depth: 0,
            last: 0..0,
            in_reference: false,
            in_image_url: false,
            state: State::Outside,
        }
    }

    pub(super) fn push(&mut self, mut piece: Bytes, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        while !piece.is_empty() {
            if let State::Taking { .. } = self.state {
                piece = self.take(&piece, taken)?;
                continue;
            }
            let some = piece.split_to(piece.len().min(PICTURE_HELD_MAX));
            self.kept.extend_from_slice(&some);
            self.keep(taken)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> (Bytes, Vec<Gap>) {
        // Without its closing quote, what stays is no JSON.
        if let State::Taking { taking, .. } = &self.state {
            self.gaps.push(taking.gap(self.kept.len()));
        }
        (self.kept.freeze(), self.gaps)
    }

    /// Reads what was kept last.
    fn keep(&mut self, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        while self.read < self.kept.len() {
            match self.state {
                State::Outside => self.outside(),
                State::Inside { start, is_escaped } => self.inside(start, is_escaped, taken)?,
                State::Taking { .. } => break,
            }
        }
        let picture = match self.state {
            State::Inside { start, .. } if self.is_picture() => self.kept.len() - start,
            State::Outside | State::Inside { .. } | State::Taking { .. } => 0,
        };
        texts_too_long(self.kept.len() - self.pictures - picture, &self.limits)
    }

    /// Reads one byte between strings.
    fn outside(&mut self) {
        let byte = self.kept.get(self.read).copied().unwrap_or_default();
        self.read += 1;
        match byte {
            b'"' => self.state = State::Inside { start: self.read, is_escaped: false },
            b'{' | b'[' => {
                self.depth += 1;
                self.in_image_url = false;
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' | b',' => {
                let name = self.kept.get(self.last.clone()).filter(|_| byte == b':');
                match self.depth {
                    1 => self.in_reference = name == Some(b"input_reference"),
                    2 => self.in_image_url = name == Some(b"image_url"),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Whether the next string is the picture.
    fn is_picture(&self) -> bool {
        self.in_reference && (self.depth == 1 || self.depth == 2 && self.in_image_url)
    }

    /// Reads on in a string, up to its end.
    fn inside(&mut self, start: usize, is_escaped: bool, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        if is_escaped {
            self.read += 1;
            self.state = State::Inside { start, is_escaped: false };
            return Ok(());
        }
        let found = memchr2(b'"', b'\\', self.kept.get(self.read..).unwrap_or_default());
        let end = found.map_or(self.kept.len(), |at| self.read + at);
        if end - start > PICTURE_HELD_MAX && self.is_picture() {
            return self.cut(start, taken);
        }
        self.read = end;
        match self.kept.get(end) {
            Some(b'"') => {
                if self.is_picture() {
                    self.pictures += end - start;
                }
                self.last = start..end;
                self.read += 1;
                self.state = State::Outside;
            }
            Some(_) => {
                self.read += 1;
                self.state = State::Inside { start, is_escaped: true };
            }
            None => {}
        }
        Ok(())
    }

    /// Begins to take out the picture whose content begins there, but for its first characters.
    fn cut(&mut self, start: usize, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        let picture = self.kept.get(start..).unwrap_or_default();
        let rest = self.kept.split_off(start + prefix(picture)).freeze();
        self.pictures += self.kept.len() - start;
        self.read = self.kept.len();
        self.state = State::Taking { taking: Taking::new(), escape: Escape::default() };
        let rest = self.take(&rest, taken)?;
        self.kept.extend_from_slice(&rest);
        Ok(())
    }

    /// Takes a piece of the picture, up to its end; what is left of the piece.
    fn take(&mut self, piece: &Bytes, taken: &mut Vec<Bytes>) -> Result<Bytes, Rejection> {
        let not_plain = Rejection::NotAPattern {
            param: if self.depth == 1 { Param::InputReference } else { Param::ReferenceImageUrl },
            pattern: PLAIN,
        };
        let State::Taking { taking, escape } = &mut self.state else { return Ok(piece.clone()) };
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            if !escape.0.is_empty() {
                escape.0.push(byte);
                at += 1;
                match escape.is_over() {
                    None => {}
                    Some(Some(byte)) => drop(taking.hash.update(&[byte])),
                    Some(None) => return Err(not_plain),
                }
                continue;
            }
            let rest = piece.get(at..).unwrap_or_default();
            let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
            taking.hash.update(rest.get(..plain).unwrap_or_default());
            at += plain;
            match piece.get(at) {
                None => {}
                Some(b'\\') => {
                    escape.0.push(b'\\');
                    at += 1;
                }
                Some(b'"') => {
                    taking.put_unhashed(piece.slice(..at), taken);
                    self.gaps.push(taking.gap(self.kept.len()));
                    self.state = State::Outside;
                    // The quote belongs to what stays, and is read.
                    self.kept.extend_from_slice(b"\"");
                    self.read = self.kept.len();
                    return Ok(piece.slice(at + 1..));
                }
                Some(_) => return Err(not_plain),
            }
        }
        taking.put_unhashed(piece.clone(), taken);
        Ok(Bytes::new())
    }
}

/// What a long picture must look like: a `data:` URL is ASCII.
const PLAIN: &str = r"^[\x20-\x7E]*$";

/// Whether a byte of a string says what it is.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Bytes of the first characters of a string, escapes not taken apart.
fn prefix(string: &[u8]) -> usize {
    let mut at = 0;
    for _ in 0..PICTURE_PREFIX {
        at += match string.get(at..) {
            Some([b'\\', b'u', ..]) => 6,
            Some([b'\\', ..]) => 2,
            // The bytes of one character stay together.
            Some([_, rest @ ..]) => 1 + rest.iter().take_while(|byte| (0x80..0xc0).contains(*byte)).count(),
            Some([]) | None => 0,
        };
    }
    at.min(string.len())
}

impl Escape {
    /// What an escape that is over stands for, if that is a character of ASCII.
    fn is_over(&mut self) -> Option<Option<u8>> {
        let meant = match *self.0.as_slice() {
            [_, b'u', a, b, c, d] => {
                let digits = [a, b, c, d];
                let digits = str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'));
                let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                code.filter(u8::is_ascii)
            }
            [_, b'u', ..] | [_] | [] => return None,
            [_, byte @ (b'/' | b'"' | b'\\'), ..] => Some(byte),
            [_, b'b', ..] => Some(8),
            [_, b'f', ..] => Some(12),
            [_, b'n', ..] => Some(b'\n'),
            [_, b'r', ..] => Some(b'\r'),
            [_, b't', ..] => Some(b'\t'),
            [_, _, ..] => None,
        };
        self.0.clear();
        Some(meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::large::Gapped;
    use crate::params::{Encoding, Params, parse_gapped};

    const KNOWN: &[Param] = &[Param::Prompt, Param::InputReference, Param::Seconds];

    /// What stays of a body that comes in pieces of this size, and what is taken out.
    fn spooled(body: &[u8], size: usize) -> Result<(Bytes, Vec<Gap>, Vec<u8>), Rejection> {
        let mut spooler = JsonSpooler::new(&Limits::default());
        let mut taken = Vec::new();
        for piece in body.chunks(size) {
            spooler.push(Bytes::copy_from_slice(piece), &mut taken)?;
        }
        let (bytes, gaps) = spooler.finish();
        Ok((bytes, gaps, taken.concat()))
    }

    fn whole(kept: &[u8], gaps: &[Gap], taken: &[u8]) -> Vec<u8> {
        match gaps {
            [] => kept.to_vec(),
            [gap] => {
                assert_eq!(gap.length, taken.len() as u64);
                [&kept[..gap.at], taken, &kept[gap.at..]].concat()
            }
            [..] => panic!("{gaps:?}"),
        }
    }

    const SIZES: [usize; 6] = [7, 1000, 65_537, PICTURE_HELD_MAX, PICTURE_HELD_MAX + 3, usize::MAX];

    fn picture(length: usize) -> String {
        let start = "data:image/png;base64,";
        format!("{start}{}", "iVBORw0K".chars().cycle().take(length - start.len()).collect::<String>())
    }

    #[test]
    fn a_long_picture_is_taken_out_however_the_body_comes() {
        for length in [PICTURE_HELD_MAX, PICTURE_HELD_MAX + 1, 2_000_003] {
            let picture = picture(length);
            for body in [
                format!(r#"{{"prompt":"a","input_reference":"{picture}","seconds":"8"}}"#),
                format!(r#"{{"input_reference" : {{ "image_url" :"{picture}" }},"prompt":"a \" b"}}"#),
                format!(r#"{{"x":[{{"input_reference":"image_url"}}],"input_reference":"{picture}"}}"#),
            ] {
                for size in SIZES {
                    let (kept, gaps, taken) = spooled(body.as_bytes(), size).expect("within the limits");
                    assert!(whole(&kept, &gaps, &taken) == body.as_bytes(), "{length} in pieces of {size}");
                    assert_eq!(gaps.len(), usize::from(length > PICTURE_HELD_MAX), "{length} {size}");
                    if let [gap] = &*gaps {
                        let digest = blake3::hash(picture.split_at(PICTURE_PREFIX).1.as_bytes());
                        assert_eq!(gap.digest, *digest.as_bytes());
                        let known = parse_gapped(
                            &Encoding::Json,
                            Gapped { bytes: &kept, gaps: &gaps },
                            &[KNOWN, &[Param::Size]].concat(),
                            &Limits::default(),
                        );
                        assert!(known.is_ok(), "{known:?}");
                    }
                }
            }
        }
    }

    /// PHP writes `\/`, .NET `\u002B` for a plus sign.
    #[test]
    fn an_escaped_picture_keeps_its_bytes_and_is_known_by_what_it_says() {
        let plain = picture(PICTURE_HELD_MAX + 100).replace('R', "+").replace('V', "/");
        let (_, gaps, _) = spooled(format!(r#"{{"input_reference":"{plain}"}}"#).as_bytes(), 999).unwrap();
        let escaped = plain.replace('/', "\\/").replace('+', "\\u002B");
        let body = format!(r#"{{"input_reference":"{escaped}"}}"#);
        for size in [1, 5, 1000, usize::MAX] {
            let (kept, other, taken) = spooled(body.as_bytes(), size).unwrap();
            assert!(whole(&kept, &other, &taken) == body.as_bytes());
            assert_eq!(other[0].digest, gaps[0].digest, "{size}");
        }
    }

    #[test]
    fn a_picture_that_is_no_url_is_refused() {
        let picture = picture(PICTURE_HELD_MAX + 1);
        for odd in ["\u{e9}", "\n", "\\x", "\\u00e9", "\\ud800", "\\u+041"] {
            let body = format!(r#"{{"input_reference":{{"image_url":"{picture}{odd}"}}}}"#);
            let refused = spooled(body.as_bytes(), 1000).map(|_| ());
            let param = Param::ReferenceImageUrl;
            assert_eq!(refused, Err(Rejection::NotAPattern { param, pattern: PLAIN }), "{odd:?}");
        }
    }

    /// VA02
    #[test]
    fn what_is_no_picture_is_refused_as_soon_as_it_is_too_long() {
        let long = "A".repeat(4 << 20);
        for body in [
            format!(r#"{{"prompt":"{long}"}}"#),
            format!(r#"{{"input_reference":{{"file_id":"{long}"}}}}"#),
            format!(r#"{{"input_reference":{{"{long}":1}}}}"#),
            format!(r#"{{"input_reference":["{long}"]}}"#),
            format!(r#"{{"input_reference":{{"image_url":{{"image_url":"{long}"}}}}}}"#),
            format!(r#"{{"other":{{"image_url":"{long}"}}}}"#),
            format!(r#"{{"input_reference":"a","image_url":"{long}"}}"#),
            format!(r#"{{"in\u0070ut_reference":"{long}"}}"#),
            " ".repeat(4 << 20),
        ] {
            let mut spooler = JsonSpooler::new(&Limits::default());
            let mut pushed = 0;
            let refused = body.as_bytes().chunks(1000).try_for_each(|piece| {
                pushed += piece.len();
                spooler.push(Bytes::copy_from_slice(piece), &mut Vec::new())
            });
            let is_too_large = matches!(refused, Err(Rejection::BodyTooLarge { limit: 1_048_576, .. }));
            assert!(is_too_large, "{refused:?} {body:.40}");
            assert!(pushed < (1 << 20) + 2000, "{pushed}: {body:.40}");
        }
    }

    /// Whatever is wrong with a body is wrong with it as well when its picture is elsewhere.
    #[test]
    fn a_body_with_a_gap_is_read_like_the_whole() {
        let picture = picture(PICTURE_HELD_MAX + 9);
        let bodies = [
            (true, format!(r#"{{"input_reference":"{picture}"}}"#)),
            (false, format!(r#"{{"input_reference":"{picture}","input_reference":"a"}}"#)),
            (false, format!(r#"{{"input_reference":{{"image_url":"{picture}","image_url":"a"}}}}"#)),
            (true, format!(r#"{{"input_reference":{{"image_url":"{picture}","file_id":"a"}}}}"#)),
            (false, format!(r#"{{"input_reference":"{picture}"#)),
            (false, format!(r#"{{"input_reference":"{picture}"}} x"#)),
            (false, format!(r#"{{"input_reference":"{picture}",}}"#)),
            (false, format!(r#"{{"input_reference":"{picture}\"#)),
        ];
        let shown = |params: Params<'_>| {
            let nouns = KNOWN.iter().map(|param| params.get(*param).map(|field| field.value.noun()));
            (nouns.collect::<Vec<_>>(), params.entries().len())
        };
        for (is_read, body) in bodies {
            let read = crate::params::parse(&Encoding::Json, body.as_bytes(), KNOWN, &Limits::default());
            let (bytes, gaps, _) = spooled(body.as_bytes(), 1001).expect("within the limits");
            let gapped = Gapped { bytes: &bytes, gaps: &gaps };
            let gapped = parse_gapped(&Encoding::Json, gapped, KNOWN, &Limits::default());
            assert_eq!(gapped.map(shown), read.map(shown));
            assert_eq!(gaps.len(), 1);
            let again = crate::params::parse(&Encoding::Json, body.as_bytes(), KNOWN, &Limits::default());
            assert_eq!(again.is_ok(), is_read);
        }
    }

    /// In an operation without such a field, a server could read it as it likes.
    #[test]
    fn a_picture_where_the_operation_has_none_is_an_unknown_field() {
        let body = format!(r#"{{"input_reference":"{}"}}"#, picture(PICTURE_HELD_MAX + 9));
        let (bytes, gaps, _) = spooled(body.as_bytes(), 1001).expect("within the limits");
        let gapped = Gapped { bytes: &bytes, gaps: &gaps };
        let refused = parse_gapped(&Encoding::Json, gapped, &[Param::Prompt], &Limits::default()).map(|_| ());
        assert_eq!(refused, Err(Rejection::UnknownParameter("input_reference".into())));
    }
}
