//! A body that has come as a whole: what is judged of it in memory, its large files in the [spool](crate::spool).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::params::large::{Gap, Gapped};
use crate::spool::Stored;

/// A body, all of which is here.
#[derive(Clone, Debug)]
pub struct RequestBody {
    /// What is in memory.
    pub(crate) bytes: Bytes,
    gaps: Vec<Gap>,
    /// What is in the gaps, one behind the other.
    stored: Option<Arc<Stored>>,
}

/// Some bytes of a body, in a row.
#[derive(Clone, Debug)]
pub enum Piece {
    /// In memory.
    Here(Bytes),
    /// On disk.
    SpooledPart(SpooledPart),
}

/// A file on disk.
#[derive(Clone, Debug)]
pub struct SpooledPart {
    pub(crate) stored: Arc<Stored>,
    /// Which of the stored bytes.
    pub(crate) range: Range<u64>,
    /// BLAKE3 of them.
    pub(crate) digest: [u8; 32],
}

impl RequestBody {
    /// `gaps`: what of it is `stored`.
    pub(crate) fn new(bytes: Bytes, gaps: Vec<Gap>, stored: Stored) -> Self {
        Self { bytes, gaps, stored: Some(Arc::new(stored)) }
    }

    /// To be parsed.
    pub(crate) fn gapped(&self) -> Gapped<'_> {
        Gapped { bytes: &self.bytes, gaps: &self.gaps }
    }

    /// Adds what belongs to this range of the bytes in memory: them, and the files that stand behind one of them.
    pub(crate) fn add(&self, range: Range<usize>, pieces: &mut Vec<Piece>) {
        self.add_from(range.start + 1, range, pieces);
    }

    /// Adds the content of a part that stands in this range: them, or the file, if it is elsewhere.
    pub(crate) fn add_content(&self, range: Range<usize>, pieces: &mut Vec<Piece>) {
        self.add_from(range.start, range, pieces);
    }

    /// `first`: before it, no gap belongs to the range.
    fn add_from(&self, first: usize, range: Range<usize>, pieces: &mut Vec<Piece>) {
        let here = |range: Range<usize>, pieces: &mut Vec<Piece>| {
            if !range.is_empty() {
                pieces.push(Piece::Here(self.bytes.slice(range)));
            }
        };
        let (mut from, mut file) = (range.start, 0..0);
        for gap in &self.gaps {
            file = file.end..file.end + gap.length;
            let is_within = first <= gap.at && gap.at <= range.end;
            let Some(stored) = self.stored.as_ref().filter(|_| is_within) else { continue };
            here(from..gap.at, pieces);
            let away = SpooledPart { stored: Arc::clone(stored), range: file.clone(), digest: gap.digest };
            pieces.push(Piece::SpooledPart(away));
            from = gap.at;
        }
        here(from..range.end, pieces);
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, gaps: Vec::new(), stored: None }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self::Here(bytes)
    }
}

impl Piece {
    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::SpooledPart(away) => away.range.end - away.range.start,
        }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that it holds.
    pub(crate) fn held(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::SpooledPart(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spool::Settings;
    use crate::params::{Encoding, Limits, parse_gapped};
    use crate::rejection::Param;
    use crate::rewrite::former::spliced;
    use crate::rewrite::{Boundary, Edit, EditValue, apply_held};
    use crate::spool::Spool;

    #[tokio::test]
    async fn an_edit_leaves_files_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&Settings { folder: folder.path().to_owned(), size: 1 << 20 }).unwrap();
        let text = "--b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\n\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"seconds\"\r\n\r\n6\r\n--b--\r\n";
        let at = text.find("\r\n\r\n").unwrap() + 4;
        let film = Bytes::from_static(b"film");
        let gaps = vec![Gap { at, length: 4, digest: *blake3::hash(&film).as_bytes() }];
        let held =
            RequestBody::new(text.into(), gaps, spool.begin().unwrap().append(vec![film]).await.unwrap());

        let encoding = Encoding::Multipart { boundary: "b".to_owned() };
        let known = [Param::InputReference, Param::Seconds, Param::Size];
        let params = parse_gapped(&encoding, held.gapped(), &known, &Limits::default()).unwrap();
        let edit = |param, value: &str| Edit { param, value: EditValue::Text(value.to_owned()) };
        let shown = |pieces: Vec<Piece>| {
            let texts = pieces.iter().map(|piece| match piece {
                Piece::Here(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Piece::SpooledPart(away) => format!("<{:?}>", away.range),
            });
            texts.collect::<Vec<_>>().concat()
        };
        let ours = format!("{:032x}", 7);
        let anew =
            |edits: &[Edit]| shown(apply_held(&held, &params, edits, &Boundary::new(7))).replace(&ours, "b");
        let written = |edits: &[Edit]| shown(spliced(&held, &params, edits));
        let (head, rest) = text.split_at(at);
        for written in [written(&[]), anew(&[])] {
            assert_eq!(written, format!("{head}<0..4>{rest}"));
        }
        let seconds = rest.replace("\r\n6\r\n", "\r\n8\r\n");
        assert_eq!(written(&[edit(Param::Seconds, "8")]), format!("{head}<0..4>{seconds}"));
        let size = "--b\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\ns\r\n";
        for written in [written(&[edit(Param::Size, "s")]), anew(&[edit(Param::Size, "s")])] {
            assert_eq!(written, format!("{size}{head}<0..4>{rest}"));
        }
        let file = edit(Param::InputReference, "x");
        let replaced = "--b\r\nContent-Disposition: form-data; name=\"input_reference\"\r\n\r\nx";
        assert_eq!(written(&[file]), format!("{replaced}{rest}"));
    }
}
