//! Takes the large files out of a form while it arrives, and the picture that `input_reference` may have as a text.
//!
//! What stays is judged as the whole would be: whatever could be read in two ways stays. Where a file ends is decided by
//! the very search that the parser makes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memmem::Finder;

use super::{Gap, HELD_MAX, PICTURE_HELD_MAX, PICTURE_PREFIX, Taking, texts_too_long};
use crate::params::multipart::LineEnd;
use crate::params::part_head::{self, PartKind};
use crate::params::{Limits, is_picture_text};
use crate::rejection::{PartFlaw, Rejection};

/// Takes what is large out of one form.
pub(crate) struct FormSpooler {
    delimiter: Finder<'static>,
    limits: Limits,
    /// Parts that have begun.
    parts: usize,
    /// Bytes of those parts that are texts, and over.
    texts: usize,
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
    /// Nowhere: what was kept has too many parts, which the parser refuses.
    Ignoring,
    /// Into the gap.
    Taking {
        taking: Taking,
        /// Whether it is a text.
        is_text: bool,
        /// The last bytes: they may belong to a delimiter, and those right before it are looked at.
        tail: Bytes,
    },
}

/// What is known of the part that is being kept.
#[derive(Clone, Copy)]
enum Part {
    /// It begins there, and the end of its head has not come.
    Head(usize),
    /// It is a file, whose content begins there.
    File(usize),
    /// It is a picture that is written as a text, which begins there.
    Picture(usize),
    /// It is another text, which begins there.
    Text { start: usize, has_limit: bool },
    /// It is what stands before the first part.
    Preamble,
}

/// Bytes around the line end behind the last delimiter: dashes and blanks.
const AROUND_END: usize = 64;

/// Bytes before a delimiter that the parser looks at.
const LINE_END: usize = 2;

impl FormSpooler {
    /// For a form under this boundary, to be parsed within these limits.
    pub(crate) fn new(boundary: &str, limits: &Limits) -> Self {
        Self {
            delimiter: Finder::new(format!("--{boundary}").as_bytes()).into_owned(),
            limits: limits.clone(),
            parts: 0,
            texts: 0,
            kept: BytesMut::new(),
            gaps: Vec::new(),
            state: State::Keeping { from: 0, part: Part::Preamble },
        }
    }

    pub(super) fn push(&mut self, mut piece: Bytes, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        while !piece.is_empty() {
            match &self.state {
                State::Keeping { .. } => {
                    // No more at a time than is kept anyway.
                    let some = piece.split_to(piece.len().min(HELD_MAX));
                    self.kept.extend_from_slice(&some);
                    self.keep(taken)?;
                }
                State::Taking { .. } => piece = self.take(&piece, taken)?,
                State::Ignoring => break,
            }
        }
        Ok(())
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self.state, State::Ignoring)
    }

    pub(super) fn finish(mut self) -> (Bytes, Vec<Gap>) {
        // A file without an end: the parser misses the delimiter.
        if let State::Taking { tail, .. } = &self.state {
            let tail = tail.clone();
            self.close(&tail);
        }
        (self.kept.freeze(), self.gaps)
    }

    /// Looks at what was kept last.
    fn keep(&mut self, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        while let State::Keeping { from, part } = self.state {
            let rest = self.kept.get(from..).unwrap_or_default();
            let found = self.delimiter.find(rest).map(|at| from + at);
            // Before this no delimiter begins that was not found.
            let next = found.unwrap_or((self.kept.len() + 1).saturating_sub(self.needle()));
            let part = self.known(part, found.unwrap_or(self.kept.len()))?;
            let end = next.saturating_sub(LINE_END);
            match part {
                Part::File(start) if end.saturating_sub(start) > HELD_MAX => {
                    self.cut(start..end, false, taken)?;
                    continue;
                }
                Part::Picture(start) if end.saturating_sub(start) > PICTURE_HELD_MAX => {
                    self.cut(start + PICTURE_PREFIX..end, true, taken)?;
                    continue;
                }
                Part::Text { start, has_limit } => {
                    let length = end.saturating_sub(start);
                    if has_limit && length > self.limits.text {
                        return Err(self.flawed(PartFlaw::TextTooLong { limit: self.limits.text }));
                    }
                    texts_too_long(self.texts + length, &self.limits)?;
                    self.texts += found.map_or(0, |_| length);
                }
                Part::Preamble if end > self.limits.part_head => return Err(Rejection::MalformedForm),
                Part::Head(_) | Part::File(_) | Part::Picture(_) | Part::Preamble => {}
            }
            let Some(found) = found else {
                self.state = State::Keeping { from: next.max(from), part };
                break;
            };
            self.begin_part(found + self.needle());
        }
        Ok(())
    }

    /// The part that is being read is not as it must be.
    fn flawed(&self, flaw: PartFlaw) -> Rejection {
        Rejection::MalformedPart { part: self.parts, flaw }
    }

    /// Begins a part, behind a delimiter.
    fn begin_part(&mut self, at: usize) {
        self.parts += 1;
        // One part too many, and the delimiter behind it, are what the parser refuses.
        self.state = if self.parts < self.limits.parts.saturating_add(2) {
            State::Keeping { from: at, part: Part::Head(at) }
        } else {
            State::Ignoring
        };
    }

    /// What is known of a part of which everything before `end` is there.
    fn known(&self, part: Part, end: usize) -> Result<Part, Rejection> {
        let Part::Head(start) = part else { return Ok(part) };
        let whole = self.kept.get(start..end).unwrap_or_default();
        let Some((line_end, head)) = LineEnd::behind_delimiter(whole) else {
            // Behind the last delimiter stands a little that the parser leaves out; else there is a line end.
            let longest = self.limits.part_head.saturating_add(AROUND_END);
            return if whole.len() <= longest { Ok(part) } else { Err(Rejection::MalformedForm) };
        };
        let longest = self.limits.part_head.saturating_add(line_end.head_end().len());
        let searched = head.get(..head.len().min(longest)).unwrap_or_default();
        let Some(length) = line_end.find_head_end(searched) else {
            if head.len() >= longest {
                return Err(self.flawed(PartFlaw::HeadTooLong { limit: self.limits.part_head }));
            }
            return Ok(part);
        };
        let content = end - head.len() + length + line_end.head_end().len();
        let kind = part_head::kind(head.get(..length).unwrap_or_default(), line_end);
        Ok(match kind.map_err(|flaw| self.flawed(flaw))? {
            PartKind::File => Part::File(content),
            PartKind::Text(name) if is_picture_text(name) => Part::Picture(content),
            PartKind::Text(name) => Part::Text { start: content, has_limit: name != "prompt" },
        })
    }

    /// Begins a gap with this range of what was kept.
    fn cut(&mut self, gap: Range<usize>, is_text: bool, taken: &mut Vec<Bytes>) -> Result<(), Rejection> {
        let tail = self.kept.split_off(gap.end);
        let file = self.kept.split_off(gap.start).freeze();
        if is_text && !file.is_ascii() {
            return Err(self.flawed(PartFlaw::NotText));
        }
        let mut taking = Taking::new();
        taking.put(file, taken);
        self.state = State::Taking { taking, is_text, tail: Bytes::new() };
        let tail = tail.freeze();
        // What follows its end, if that has come, belongs to the next part.
        let rest = self.take(&tail, taken)?;
        self.kept.extend_from_slice(&rest);
        Ok(())
    }

    /// Takes a piece for the gap, up to its end; what is left of the piece.
    fn take(&mut self, piece: &Bytes, taken: &mut Vec<Bytes>) -> Result<Bytes, Rejection> {
        let needle = self.needle();
        let not_text = self.flawed(PartFlaw::NotText);
        let State::Taking { taking, is_text, tail } = &mut self.state else { return Ok(piece.clone()) };
        let mut put = |bytes: Bytes| {
            if *is_text && !bytes.is_ascii() {
                return Err(not_text.clone());
            }
            taking.put(bytes, taken);
            Ok(())
        };
        // Where the one ends and the other begins.
        let near = piece.len().min(needle + LINE_END);
        let mut seam = BytesMut::from(&**tail);
        seam.extend_from_slice(piece.get(..near).unwrap_or_default());
        let seam = seam.freeze();
        let (text, found, before) = match self.delimiter.find(&seam) {
            None if near < piece.len() => {
                put(std::mem::take(tail))?;
                (piece, self.delimiter.find(piece), 0)
            }
            found => (&seam, found, tail.len()),
        };
        let next = found.unwrap_or((text.len() + 1).saturating_sub(needle));
        let end = next.saturating_sub(LINE_END);
        put(text.slice(..end))?;
        let Some(found) = found else {
            // A copy: it would keep the whole piece.
            *tail = Bytes::copy_from_slice(text.get(end..).unwrap_or_default());
            return Ok(Bytes::new());
        };
        let last = text.slice(end..found + needle);
        self.close(&last);
        Ok(piece.slice((found + needle).saturating_sub(before)..))
    }

    /// Ends the gap; `last`: what stands behind it.
    fn close(&mut self, last: &[u8]) {
        let State::Taking { taking, .. } = &self.state else { return };
        self.gaps.push(taking.gap(self.kept.len()));
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
    use super::*;
    use crate::params::large::Gapped;
    use crate::params::{Encoding, Params, parse, parse_gapped};
    use crate::rejection::Param;

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

    fn spooled(body: &[u8], size: usize) -> Result<(Bytes, Vec<Gap>, Vec<u8>), Rejection> {
        let mut spooler = FormSpooler::new("b-b", &Limits::default());
        let mut taken = Vec::new();
        for piece in body.chunks(size) {
            spooler.push(Bytes::copy_from_slice(piece), &mut taken)?;
        }
        let (bytes, gaps) = spooler.finish();
        Ok((bytes, gaps, taken.concat()))
    }

    /// What is kept of a body that comes in pieces of this size, and what is taken out.
    fn sifted(body: &[u8], size: usize) -> (Bytes, Vec<Gap>, Vec<u8>) {
        spooled(body, size).expect("within the limits")
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

    /// VA02, VA09: and with the same words as a form that has come as a whole.
    #[test]
    fn a_limit_is_held_as_soon_as_it_is_exceeded() {
        let limits = Limits::default();
        let (long, longer) = (vec![b'x'; 2 << 20], 128 << 10);
        let texts: Vec<_> = (0..40).map(|number| format!("name=\"k{number}\"")).collect();
        let texts: Vec<_> = texts.iter().map(|name| (name.as_str(), vec![b'x'; 100 << 10])).collect();
        let head = format!("name=\"a\"\r\nX: {}", "x".repeat(2 << 20));
        for (what, body, most) in [
            ("a text", form(&[("name=\"seconds\"", long.clone())]), longer),
            ("an unknown text", form(&[("name=\"a\"", vec![]), ("name=\"other\"", long.clone())]), longer),
            ("a prompt", form(&[("name=\"prompt\"", long.clone())]), limits.texts),
            ("all texts", form(&texts), limits.texts),
            ("a head", form(&[(&head, vec![])]), limits.part_head),
            ("an odd head", form(&[("", vec![]), ("filename=a", long.clone())]), limits.part_head),
            ("a preamble", [long.as_slice(), b"\r\n", &form(&[])].concat(), limits.part_head),
            ("an epilogue", [form(&[]).as_slice(), &long].concat(), limits.part_head),
        ] {
            let mut spooler = FormSpooler::new("b-b", &limits);
            let mut pushed = 0;
            let refused = body.chunks(1000).try_for_each(|piece| {
                pushed += piece.len();
                spooler.push(Bytes::copy_from_slice(piece), &mut Vec::new())
            });
            let whole = parse(&Encoding::Multipart { boundary: "b-b".to_owned() }, &body, KNOWN, &limits);
            match (refused, whole.map(|_| ())) {
                (
                    Err(Rejection::BodyTooLarge { limit: early, .. }),
                    Err(Rejection::BodyTooLarge { limit, .. }),
                ) => assert_eq!(early, limit),
                (early, whole) => assert!(early.is_err() && early == whole, "{what}: {early:?} {whole:?}"),
            }
            assert!(pushed < most + 8 * 1024, "{what}: {pushed}");
        }
    }

    /// A `data:` URL in a form, as SDKs write `input_reference: { image_url }`.
    #[test]
    fn a_long_picture_that_is_a_text_is_taken_out_but_for_its_beginning() {
        let (encoding, limits) = (Encoding::Multipart { boundary: "b-b".to_owned() }, Limits::default());
        let picture = |length| [b"data:image/png;base64,".to_vec(), vec![b'A'; length]].concat();
        for name in ["name=\"input_reference[image_url]\"", "name=\"input_reference\""] {
            for length in [PICTURE_HELD_MAX - 22, PICTURE_HELD_MAX - 21, 3_000_000] {
                let body = form(&[(name, picture(length)), ("name=\"model\"", b"m".to_vec())]);
                for size in [1000, 131_073, usize::MAX] {
                    let (bytes, gaps, taken) = sifted(&body, size);
                    assert_eq!(whole(&bytes, &gaps, &taken), body);
                    assert_eq!(gaps.len(), usize::from(length > PICTURE_HELD_MAX - 22), "{length} {size}");
                    let gapped = Gapped { bytes: &bytes, gaps: &gaps };
                    assert!(parse_gapped(&encoding, gapped, KNOWN, &limits).is_ok());
                    let elsewhere = parse_gapped(&encoding, gapped, &[Param::Model], &limits).map(|_| ());
                    let flaw = PartFlaw::TextTooLong { limit: limits.text };
                    let expected = Err(Rejection::MalformedPart { part: 1, flaw });
                    assert_eq!(elsewhere, expected, "the operation has no such field");
                }
            }
            let odd = form(&[(name, [picture(PICTURE_HELD_MAX), "\u{e9}".into(), picture(9)].concat())]);
            let refused = spooled(&odd, 1000).map(|_| ());
            assert_eq!(refused, Err(Rejection::MalformedPart { part: 1, flaw: PartFlaw::NotText }));
        }
    }

    #[test]
    fn large_files_of_a_form_with_bare_line_feeds_are_taken_out() {
        let film: Vec<u8> = b"\n--b-\n-\n\nvideo".iter().copied().cycle().take(HELD_MAX + 2).collect();
        let head = "Content-Disposition: form-data; name=\"input_reference\"; filename=a\n\n";
        let tail = "--b-b\nContent-Disposition: form-data; name=prompt\n\na\n--b-b--\n";
        let body = [b"--b-b\n", head.as_bytes(), &film, b"\n", tail.as_bytes()].concat();
        let encoding = Encoding::Multipart { boundary: "b-b".to_owned() };
        for size in SIZES {
            let (bytes, gaps, taken) = sifted(&body, size);
            assert!(whole(&bytes, &gaps, &taken) == body, "{size}");
            assert_eq!(gaps.len(), 1);
            let gapped = Gapped { bytes: &bytes, gaps: &gaps };
            let params = parse_gapped(&encoding, gapped, KNOWN, &Limits::default()).expect("a form");
            assert_eq!(params.get(Param::Prompt).and_then(|field| field.value.text()), Some("a"));
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
                let (bytes, gaps, taken) = match spooled(&body, size) {
                    Ok(spooled) => spooled,
                    Err(early) => {
                        assert_eq!(read.as_ref().map(|_| ()), Err(&early), "refused while it comes");
                        continue;
                    }
                };
                assert_eq!(whole(&bytes, &gaps, &taken), body);
                let gapped = parse_gapped(&encoding, Gapped { bytes: &bytes, gaps: &gaps }, KNOWN, &limits);
                let fields = |params: &Params<'_>| {
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
