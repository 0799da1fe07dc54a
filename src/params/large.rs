//! Takes the large files out of a form while it arrives: nobody here looks into a file, so that none need be held.
//!
//! What stays is the form with gaps, and [`parse_gapped`](super::parse_gapped) judges it as it would judge the whole: whatever could
//! be read in two ways stays. Where a file ends is decided by the very search that the parser makes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memmem::{self, Finder};

use super::multipart::after_line_end;
use super::part_head::HEAD_END;
use super::{Limits, part_head};

/// Bytes of a file that are held with the form. Larger files are taken out, all of them: it is part of what a
/// [fingerprint](crate::ledger::fingerprint) is of, and no setting.
pub(crate) const HELD_MAX: usize = 128 << 10;

/// Where a file was taken out of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// How many bytes of what was kept stand before it.
    pub(crate) at: usize,
    /// Bytes of the file.
    pub(crate) length: u64,
    /// BLAKE3 of the file.
    pub(crate) digest: [u8; 32],
}

/// A body whose large files may be elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gapped<'b> {
    /// All bytes that are in no gap.
    pub(crate) bytes: &'b [u8],
    /// In order.
    pub(crate) gaps: &'b [Gap],
}

impl Gapped<'_> {
    /// How many bytes of this range are elsewhere.
    pub(super) fn missing(&self, range: &Range<usize>) -> u64 {
        let within = self.gaps.iter().filter(|gap| range.start < gap.at && gap.at <= range.end);
        within.map(|gap| gap.length).sum()
    }
}

/// Takes files out of one form.
pub(crate) struct Sieve {
    delimiter: Finder<'static>,
    limits: Bounds,
    kept: BytesMut,
    gaps: Vec<Gap>,
    state: State,
}

/// Where the next byte belongs.
enum State {
    /// Into what is kept.
    Keeping {
        /// Where the next delimiter is looked for.
        from: usize,
        part: Part,
    },
    /// Nowhere: what was kept has too many parts.
    Ignoring,
    /// Into the gap.
    Taking {
        hash: Box<blake3::Hasher>,
        length: u64,
        /// The last bytes: they may belong to a delimiter, and those right before it are looked at.
        tail: Bytes,
    },
}

/// What of the limits on forms bounds what is kept.
struct Bounds {
    part_head: usize,
    /// Delimiters that are kept: the parser refuses a form that has as many.
    delimiters: usize,
}

/// What is known of the part that is being kept.
#[derive(Clone, Copy)]
enum Part {
    /// It begins there, and the end of its head has not come.
    Head(usize),
    /// It is a file, whose content begins there.
    File(usize),
    /// It is anything else.
    Other,
}

/// Bytes before a delimiter that the parser looks at.
const LINE_END: usize = 2;

impl Sieve {
    /// For a form under this boundary, to be parsed within these limits.
    pub(crate) fn new(boundary: &str, limits: &Limits) -> Self {
        Self {
            delimiter: Finder::new(format!("--{boundary}").as_bytes()).into_owned(),
            limits: Bounds { part_head: limits.part_head, delimiters: limits.parts.saturating_add(2) },
            kept: BytesMut::new(),
            gaps: Vec::new(),
            state: State::Keeping { from: 0, part: Part::Other },
        }
    }

    /// Takes the next piece of the form. What of it, or of what came before it, belongs to a file that is taken out
    /// goes into `taken`, in order.
    pub(crate) fn push(&mut self, mut piece: Bytes, taken: &mut Vec<Bytes>) {
        while !piece.is_empty() {
            match &self.state {
                State::Keeping { .. } => {
                    // No more at a time than is kept anyway.
                    let some = piece.split_to(piece.len().min(HELD_MAX));
                    self.kept.extend_from_slice(&some);
                    self.keep(taken);
                }
                State::Taking { .. } => piece = self.take(&piece, taken),
                State::Ignoring => return,
            }
        }
    }

    /// The form is over.
    pub(crate) fn finish(mut self) -> (Bytes, Vec<Gap>) {
        // A file without an end: the parser misses the delimiter.
        if let State::Taking { tail, .. } = &self.state {
            let tail = tail.clone();
            self.close(&tail);
        }
        (self.kept.freeze(), self.gaps)
    }

    /// Looks at what was kept last.
    fn keep(&mut self, taken: &mut Vec<Bytes>) {
        while let State::Keeping { from, part } = self.state {
            let rest = self.kept.get(from..).unwrap_or_default();
            let found = self.delimiter.find(rest).map(|at| from + at);
            // Before this no delimiter begins that was not found.
            let next = found.unwrap_or((self.kept.len() + 1).saturating_sub(self.needle()));
            let part = self.known(part, found.unwrap_or(self.kept.len()));
            let end = next.saturating_sub(LINE_END);
            if let Part::File(start) = part
                && end.saturating_sub(start) > HELD_MAX
            {
                self.cut(start, end, taken);
                continue;
            }
            let Some(found) = found else {
                self.state = State::Keeping { from: next.max(from), part };
                return;
            };
            self.begin_part(found + self.needle());
        }
    }

    /// Begins a part, behind a delimiter.
    fn begin_part(&mut self, at: usize) {
        self.limits.delimiters = self.limits.delimiters.saturating_sub(1);
        self.state = if self.limits.delimiters > 0 {
            State::Keeping { from: at, part: Part::Head(at) }
        } else {
            State::Ignoring
        };
    }

    /// What is known of a part of which everything before `end` is there.
    fn known(&self, part: Part, end: usize) -> Part {
        let Part::Head(start) = part else { return part };
        let longest = self.limits.part_head.saturating_add(LINE_END + HEAD_END.len());
        let whole = self.kept.get(start..end).unwrap_or_default();
        let head = whole.get(..whole.len().min(longest)).unwrap_or_default();
        let Some(length) = memmem::find(head, HEAD_END) else {
            return if head.len() < longest { part } else { Part::Other };
        };
        let head = head.get(..length).and_then(after_line_end);
        if head.is_some_and(part_head::is_file) {
            Part::File(start + length + HEAD_END.len())
        } else {
            Part::Other
        }
    }

    /// Begins a gap with what was kept from `start` to `end`.
    fn cut(&mut self, start: usize, end: usize, taken: &mut Vec<Bytes>) {
        let tail = self.kept.split_off(end);
        let file = self.kept.split_off(start).freeze();
        let mut hash = Box::new(blake3::Hasher::new());
        hash.update(&file);
        self.state = State::Taking { hash, length: file.len() as u64, tail: Bytes::new() };
        taken.push(file);
        let tail = tail.freeze();
        // What follows its end, if that has come, belongs to the next part.
        let rest = self.take(&tail, taken);
        self.kept.extend_from_slice(&rest);
    }

    /// Takes a piece for the gap, up to its end; what is left of the piece.
    fn take(&mut self, piece: &Bytes, taken: &mut Vec<Bytes>) -> Bytes {
        let needle = self.needle();
        let State::Taking { hash, length, tail } = &mut self.state else { return piece.clone() };
        let mut put = |bytes: Bytes| {
            if bytes.is_empty() {
                return;
            }
            hash.update(&bytes);
            *length += bytes.len() as u64;
            taken.push(bytes);
        };
        // Where the one ends and the other begins.
        let near = piece.len().min(needle + LINE_END);
        let mut seam = BytesMut::from(&**tail);
        seam.extend_from_slice(piece.get(..near).unwrap_or_default());
        let seam = seam.freeze();
        let (text, found, before) = match self.delimiter.find(&seam) {
            None if near < piece.len() => {
                put(std::mem::take(tail));
                (piece, self.delimiter.find(piece), 0)
            }
            found => (&seam, found, tail.len()),
        };
        let next = found.unwrap_or((text.len() + 1).saturating_sub(needle));
        let end = next.saturating_sub(LINE_END);
        put(text.slice(..end));
        let Some(found) = found else {
            // A copy: it would keep the whole piece.
            *tail = Bytes::copy_from_slice(text.get(end..).unwrap_or_default());
            return Bytes::new();
        };
        let last = text.slice(end..found + needle);
        self.close(&last);
        piece.slice((found + needle).saturating_sub(before)..)
    }

    /// Ends the gap; `last`: what stands behind it.
    fn close(&mut self, last: &[u8]) {
        let State::Taking { hash, length, .. } = &self.state else { return };
        self.gaps.push(Gap { at: self.kept.len(), length: *length, digest: *hash.finalize().as_bytes() });
        self.kept.extend_from_slice(last);
        self.begin_part(self.kept.len());
    }

    /// Bytes of a delimiter.
    fn needle(&self) -> usize {
        self.delimiter.needle().len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, parse, parse_gapped};
    use super::*;
    use crate::rejection::{Param, Rejection};

    const KNOWN: &[Param] = &[Param::Model, Param::Prompt, Param::InputReference, Param::Video];

    /// A form's parts, each with its own bytes, put together under the boundary `b-b`.
    fn form(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (disposition, content) in parts {
            body.extend_from_slice(b"--b-b\r\nContent-Disposition: form-data; ");
            body.extend_from_slice(disposition.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b-b--\r\n");
        body
    }

    const FILE: &str = "name=\"input_reference\"; filename=\"a.mp4\"";

    /// Bytes that now and then look like the beginning of a delimiter.
    fn film(length: usize) -> Vec<u8> {
        b"\r\n--b-\r\n--b\r\n-\r\n\rvideo".iter().copied().cycle().take(length).collect()
    }

    /// What is kept of a body that comes in pieces of this size, and what is taken out.
    fn sifted(body: &[u8], size: usize) -> (Bytes, Vec<Gap>, Vec<u8>) {
        let mut sieve = Sieve::new("b-b", &Limits::default());
        let mut taken = Vec::new();
        for piece in body.chunks(size) {
            sieve.push(Bytes::copy_from_slice(piece), &mut taken);
        }
        let (bytes, gaps) = sieve.finish();
        (bytes, gaps, taken.concat())
    }

    /// What was kept with what was taken out put back.
    fn whole(kept: &[u8], gaps: &[Gap], mut taken: &[u8]) -> Vec<u8> {
        let (mut whole, mut from) = (Vec::new(), 0);
        for gap in gaps {
            whole.extend_from_slice(&kept[from..gap.at]);
            let (file, rest) = taken.split_at(usize::try_from(gap.length).unwrap());
            assert_eq!(gap.digest, *blake3::hash(file).as_bytes());
            whole.extend_from_slice(file);
            (from, taken) = (gap.at, rest);
        }
        assert!(taken.is_empty());
        whole.extend_from_slice(&kept[from..]);
        whole
    }

    const SIZES: [usize; 9] = [1, 2, 3, 7, 8, 1000, 65_536, 131_073, usize::MAX];

    #[test]
    fn large_files_are_taken_out_however_the_form_comes() {
        let text = ("name=\"prompt\"", film(200_000));
        for length in [0, 1, HELD_MAX - 1, HELD_MAX, HELD_MAX + 1, HELD_MAX + 9, 300_000, 1_000_001] {
            let body = form(&[text.clone(), (FILE, film(length)), ("name=\"model\"", b"m".to_vec())]);
            for size in SIZES.into_iter().filter(|size| *size > 9 || length < 300_000) {
                let (kept, gaps, taken) = sifted(&body, size);
                assert_eq!(whole(&kept, &gaps, &taken), body, "{length} in pieces of {size}");
                let expected = if length > HELD_MAX { vec![length as u64] } else { vec![] };
                assert_eq!(
                    gaps.iter().map(|gap| gap.length).collect::<Vec<_>>(),
                    expected,
                    "{length} {size}"
                );
            }
        }
    }

    #[test]
    fn every_large_file_of_a_form_is_taken_out_and_what_stands_between_is_not() {
        let video = "filename=\"b.mp4\"; name=video";
        let body =
            form(&[(FILE, film(HELD_MAX + 1)), ("name=\"model\"", b"m".to_vec()), (video, film(200_000))]);
        for size in SIZES {
            let (kept, gaps, taken) = sifted(&body, size);
            assert_eq!(whole(&kept, &gaps, &taken), body, "{size}");
            assert_eq!(gaps.len(), 2, "{size}");
            assert!(kept.len() < 500, "{}", kept.len());
        }
    }

    /// VA09
    #[test]
    fn of_too_many_parts_no_more_is_kept_than_it_takes_to_refuse_them() {
        let (encoding, limits) = (Encoding::Multipart { boundary: "b-b".to_owned() }, Limits::default());
        for parts in [limits.parts, limits.parts + 1, 50_000] {
            let names: Vec<String> = (0..parts).map(|number| format!("name=\"k{number}\"")).collect();
            let parts: Vec<_> = names.iter().map(|name| (name.as_str(), b"v".to_vec())).collect();
            let body = form(&parts);
            let (kept, gaps, _) = sifted(&body, 1000);
            let gapped = Gapped { bytes: &kept, gaps: &gaps };
            let found = parse_gapped(&encoding, gapped, KNOWN, &limits).map(|_| ());
            assert_eq!(found, parse(&encoding, &body, KNOWN, &limits).map(|_| ()));
            assert!(kept.len() < 10_000, "{}", kept.len());
        }
    }

    /// VA08, VA10: whatever is wrong with a form is wrong with it as well when its files are elsewhere.
    #[test]
    fn a_form_with_gaps_is_read_like_the_whole() {
        let film = film(HELD_MAX + 100);
        let length = |length: usize| format!("{FILE}\r\nContent-Length: {length}");
        let (right, wrong) = (length(film.len()), length(film.len() + 1));
        let plain = form(&[(FILE, film.clone())]);
        let mut cases = vec![
            form(&[(right.as_str(), film.clone())]),
            form(&[(wrong.as_str(), film.clone())]),
            form(&[(FILE, film.clone()), (FILE, film.clone())]),
            form(&[("filename=\"a\"", film.clone())]),
            form(&[("name=video; filename*=a", film.clone())]),
            form(&[(FILE, [film.as_slice(), b" --b-b\r\n"].concat())]),
            form(&[(FILE, [film.as_slice(), b"\n--b-b--"].concat())]),
            plain[..plain.len() - 4].to_vec(),
            plain[..plain.len() - 20].to_vec(),
            [plain.as_slice(), b"epilogue"].concat(),
            [b"preamble".as_slice(), plain.as_slice()].concat(),
        ];
        cases.push(plain);
        let (encoding, limits) = (Encoding::Multipart { boundary: "b-b".to_owned() }, Limits::default());
        let mut refused = 0;
        for body in cases {
            let read = parse(&encoding, &body, KNOWN, &limits);
            for size in [5, 100_000, usize::MAX] {
                let (bytes, gaps, taken) = sifted(&body, size);
                assert_eq!(whole(&bytes, &gaps, &taken), body);
                let gapped = parse_gapped(&encoding, Gapped { bytes: &bytes, gaps: &gaps }, KNOWN, &limits);
                let fields = |params: &super::super::Params<'_>| {
                    KNOWN
                        .iter()
                        .map(|name| params.get(*name).map(|field| field.value.clone().noun()))
                        .collect::<Vec<_>>()
                };
                match (&read, gapped) {
                    (Ok(read), Ok(gapped)) => assert_eq!(fields(read), fields(&gapped)),
                    (Err(read), gapped) => assert_eq!(Err::<(), _>(read.clone()), gapped.map(|_| ())),
                    (Ok(_), Err(reason)) => panic!("{reason:?}"),
                }
            }
            refused += usize::from(matches!(
                read,
                Err(Rejection::MalformedForm
                    | Rejection::MalformedPart { .. }
                    | Rejection::DuplicateParameter(_))
            ));
        }
        assert_eq!(refused, 9);
    }
}
