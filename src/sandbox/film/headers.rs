//! Sequence and picture parameter sets: what a decoder has to know before the first picture.

use super::bits::{BitWriter, NalKind};
use super::{FRAME_RATE, FrameSize};

/// Baseline; with both constraint flags below every decoder ever made can play it.
const PROFILE: u32 = 66;
const CONSTRAINED: u32 = 0b1100_0000;

/// Bits of a picture's number within its group; more than the longest group needs.
pub(super) const FRAME_NUMBER_BITS: u32 = 8;

/// At this quantiser one coefficient step of a flat block is one step of brightness (see `picture.rs`).
const QUANTISER: i32 = 28;
/// Brings the chroma quantiser to 22, where the same holds for colour.
const CHROMA_OFFSET: i32 = -6;

/// Level number, macroblocks per second and macroblocks per picture, from table A-1 of the standard.
const LEVELS: [(u32, u32, u32); 10] = [
    (10, 1_485, 99),
    (11, 3_000, 396),
    (13, 11_880, 396),
    (21, 19_800, 792),
    (30, 40_500, 1_620),
    (31, 108_000, 3_600),
    (32, 216_000, 5_120),
    (40, 245_760, 8_192),
    (50, 589_824, 22_080),
    (52, 2_073_600, 36_864),
];

/// The lowest level whose limits hold this size at our frame rate; the highest one if none does.
fn level(size: FrameSize) -> u32 {
    let blocks = u32::from(size.columns()) * u32::from(size.rows());
    let fits = |(_, rate, area): &(u32, u32, u32)| blocks <= *area && blocks * FRAME_RATE <= *rate;
    LEVELS.into_iter().find(fits).map_or(52, |(level, ..)| level)
}

/// The sequence parameter set of a film of this size.
pub(super) fn sequence(size: FrameSize) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.put(PROFILE, 8);
    bits.put(CONSTRAINED, 8);
    bits.put(level(size), 8);
    bits.unsigned(0); // this set's number
    bits.unsigned(FRAME_NUMBER_BITS - 4);
    bits.unsigned(2); // pictures are shown in the order in which they are coded
    bits.unsigned(1); // one reference picture
    bits.flag(false); // no gaps in the picture numbers
    bits.unsigned(u32::from(size.columns()) - 1);
    bits.unsigned(u32::from(size.rows()) - 1);
    bits.flag(true); // frames only, never fields
    bits.flag(true); // direct 8x8 inference; no meaning without B pictures
    cropping(&mut bits, size);
    bits.flag(true);
    usability(&mut bits);
    bits.into_nal(NalKind::Sequence)
}

/// Cuts off what the last column and row of blocks have too much, in units of two pixels.
fn cropping(bits: &mut BitWriter, size: FrameSize) {
    let right = u32::from(size.columns() * 16 - size.width()) / 2;
    let bottom = u32::from(size.rows() * 16 - size.height()) / 2;
    bits.flag(right + bottom > 0);
    if right + bottom > 0 {
        for edge in [0, right, 0, bottom] {
            bits.unsigned(edge);
        }
    }
}

/// Video usability information: pixels, colours, timing.
fn usability(bits: &mut BitWriter) {
    bits.flag(true);
    bits.put(1, 8); // square pixels
    bits.flag(false); // no overscan advice
    bits.flag(true);
    bits.put(5, 3); // no broadcast format
    bits.flag(false); // limited range
    bits.flag(true);
    for bt709 in [1, 1, 1] {
        bits.put(bt709, 8); // primaries, transfer, matrix
    }
    bits.flag(false); // chroma samples sit where they usually do
    bits.flag(true);
    bits.put(1, 32);
    bits.put(2 * FRAME_RATE, 32); // counted in fields
    bits.flag(true); // fixed frame rate
    bits.flag(false); // no buffer model for NAL units ...
    bits.flag(false); // ... nor for slices
    bits.flag(false); // no picture structure messages
    bits.flag(true);
    bits.flag(true); // vectors may point outside
    // No limit on sizes, largest vectors, no reordering, one picture buffered.
    for restriction in [0, 0, 16, 16, 0, 1] {
        bits.unsigned(restriction);
    }
}

/// The picture parameter set; the same for every film.
pub(super) fn picture() -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.unsigned(0); // this set's number
    bits.unsigned(0); // its sequence parameter set
    bits.flag(false); // variable length codes, not arithmetic ones
    bits.flag(false);
    bits.unsigned(0); // one slice group
    bits.unsigned(0); // one reference in list 0 ...
    bits.unsigned(0); // ... and in list 1
    bits.flag(false); // no weighted prediction
    bits.put(0, 2);
    bits.signed(QUANTISER - 26);
    bits.signed(0);
    bits.signed(CHROMA_OFFSET);
    bits.flag(true); // slices say whether edges are smoothed
    bits.flag(false); // intra prediction may look at predicted neighbours
    bits.flag(false); // no redundant pictures
    bits.into_nal(NalKind::Picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_gets_the_lowest_level_that_allows_it() {
        let cases =
            [("848x480", 30), ("1280x720", 31), ("720x1280", 31), ("1024x1792", 40), ("1920x1080", 40)];
        for (size, expected) in cases {
            assert_eq!(level(size.parse().unwrap()), expected, "{size}");
        }
    }
}
