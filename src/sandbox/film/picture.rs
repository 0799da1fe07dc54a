//! Turns a scene into coded pictures, one slice each.
//!
//! A frame is a grid of flat macroblocks, so all there is to code is one brightness and two colour
//! values per block. Key pictures code each block as the difference to its left neighbour (to the one
//! above in the first column); predicted pictures skip the blocks that did not change and code the
//! others in the same way. The quantisers of `headers.rs` make one coefficient step exactly one step
//! of brightness or colour, so what a decoder shows is what the scene said, and the encoder needs no
//! decoder of its own to keep track of it.

use super::FRAME_RATE;
use super::bits::{BitWriter, NalKind};
use super::headers::FRAME_NUMBER_BITS;
use super::scene::{Colour, Scene};

/// A key picture every two seconds: near enough for players to seek.
const GROUP: u32 = 2 * FRAME_RATE;

/// One coded frame.
pub(super) struct Coded {
    /// The NAL unit of its only slice.
    pub(super) nal: Vec<u8>,
    /// Whether players may start here.
    pub(super) key: bool,
}

/// Brightness and both colour differences of one block, BT.709 in limited range.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sample {
    luma: i32,
    blue: i32,
    red: i32,
}

/// Where a block's prediction comes from.
#[derive(Clone, Copy)]
enum Neighbour {
    Left(Sample),
    Above(Sample),
    Nobody,
}

/// Codes every frame of the scene.
pub(super) fn encode(scene: &Scene) -> Vec<Coded> {
    let mut before: Vec<Sample> = Vec::new();
    let frames = 0..scene.frames();
    frames
        .map(|frame| {
            let now: Vec<Sample> = scene.draw(frame).blocks().iter().map(Sample::from).collect();
            let key = frame % GROUP == 0;
            let nal = if key {
                key_picture(&now, scene.columns(), frame / GROUP)
            } else {
                predicted_picture(&before, &now, scene.columns(), frame % GROUP)
            };
            before = now;
            Coded { nal, key }
        })
        .collect()
}

fn key_picture(blocks: &[Sample], columns: usize, group: u32) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.unsigned(0); // starts at the first block
    bits.unsigned(7); // intra macroblocks only
    bits.unsigned(0); // picture parameter set
    bits.put(0, FRAME_NUMBER_BITS);
    bits.unsigned(group % 2); // neighbouring key pictures must differ here
    bits.flag(false); // show the pictures before it
    bits.flag(false); // keep it as a short-term reference
    slice_tail(&mut bits);
    for (block, neighbour) in blocks.iter().zip(neighbours(blocks, columns)) {
        intra_block(&mut bits, *block, neighbour, 0);
    }
    bits.into_nal(NalKind::Key)
}

fn predicted_picture(before: &[Sample], blocks: &[Sample], columns: usize, number: u32) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.unsigned(0); // starts at the first block
    bits.unsigned(5); // predicted or intra macroblocks
    bits.unsigned(0); // picture parameter set
    bits.put(number, FRAME_NUMBER_BITS);
    bits.flag(false); // as many references as the picture parameter set says
    bits.flag(false); // in their natural order
    bits.flag(false); // the oldest reference makes room
    slice_tail(&mut bits);
    let mut skipped = 0;
    for ((was, is), neighbour) in before.iter().zip(blocks).zip(neighbours(blocks, columns)) {
        if was == is {
            skipped += 1;
        } else {
            bits.unsigned(skipped);
            skipped = 0;
            // Intra types follow the five predicted ones in the numbering.
            intra_block(&mut bits, *is, neighbour, 5);
        }
    }
    if skipped > 0 {
        bits.unsigned(skipped);
    }
    bits.into_nal(NalKind::Predicted)
}

fn slice_tail(bits: &mut BitWriter) {
    bits.signed(0); // the quantiser of the picture parameter set
    bits.unsigned(1); // edges of blocks stay sharp
}

/// For every block the one it is predicted from.
fn neighbours(blocks: &[Sample], columns: usize) -> impl Iterator<Item = Neighbour> {
    (0..blocks.len()).map(move |index| {
        let at = |distance| index.checked_sub(distance).and_then(|index| blocks.get(index)).copied();
        if index % columns > 0 {
            at(1).map_or(Neighbour::Nobody, Neighbour::Left)
        } else {
            at(columns).map_or(Neighbour::Nobody, Neighbour::Above)
        }
    })
}

/// One flat macroblock: `Intra16x16` whose only coefficients are the three mean differences.
fn intra_block(bits: &mut BitWriter, block: Sample, neighbour: Neighbour, first_type: u32) {
    let grey = Sample { luma: 128, blue: 128, red: 128 };
    // The same three predictions are numbered differently for brightness and for colour.
    let (predicted, luma_mode, chroma_mode) = match neighbour {
        Neighbour::Left(sample) => (sample, 1, 1),
        Neighbour::Above(sample) => (sample, 0, 2),
        Neighbour::Nobody => (grey, 2, 0),
    };
    let (blue, red) = (block.blue - predicted.blue, block.red - predicted.red);
    let coloured = blue != 0 || red != 0;
    bits.unsigned(first_type + 1 + luma_mode + 4 * u32::from(coloured));
    bits.unsigned(chroma_mode);
    bits.signed(0); // same quantiser
    luma_level(bits, block.luma - predicted.luma);
    if coloured {
        chroma_level(bits, blue);
        chroma_level(bits, red);
    }
}

/// The brightness difference as the first of sixteen coefficients (`coeff_token` table for nC 0 and 1).
fn luma_level(bits: &mut BitWriter, level: i32) {
    match level {
        0 => return bits.put(0b1, 1),
        1 | -1 => {
            bits.put(0b01, 2);
            bits.flag(level < 0);
        }
        _ => {
            bits.put(0b00_0101, 6);
            large_level(bits, level);
        }
    }
    bits.put(0b1, 1); // no zeros before it
}

/// A colour difference as the first of four coefficients (`coeff_token` table for chroma DC).
fn chroma_level(bits: &mut BitWriter, level: i32) {
    match level {
        0 => return bits.put(0b01, 2),
        1 | -1 => {
            bits.put(0b1, 1);
            bits.flag(level < 0);
        }
        _ => {
            bits.put(0b00_0111, 6);
            large_level(bits, level);
        }
    }
    bits.put(0b1, 1); // no zeros before it
}

/// A level of 2 or more, of either sign, as the first and only one of its block (clause 9.2.2.1).
fn large_level(bits: &mut BitWriter, level: i32) {
    let code = 2 * (level.unsigned_abs() - 2) + u32::from(level < 0);
    match code {
        0..14 => bits.put(1, code + 1),
        14..30 => {
            bits.put(1, 15);
            bits.put(code - 14, 4);
        }
        30.. => {
            bits.put(1, 16);
            bits.put(code - 30, 12);
        }
    }
}

// === impl Sample ===

impl From<&Colour> for Sample {
    fn from(colour: &Colour) -> Self {
        let (red, green, blue) = (i32::from(colour.red), i32::from(colour.green), i32::from(colour.blue));
        Self {
            luma: 16 + ((47 * red + 157 * green + 16 * blue + 128) >> 8),
            blue: 128 + ((-26 * red - 86 * green + 112 * blue + 128) >> 8),
            red: 128 + ((112 * red - 102 * green - 10 * blue + 128) >> 8),
        }
    }
}
