//! What a film shows: a sun that crosses the sky above hills, the seconds passed, a bar that fills.
//!
//! The unit is the block of 16×16 pixels, which has one colour. Encoder and still painter both read
//! the frames drawn here, so thumbnails show what the film shows.

use std::ops::Range;

use super::{FRAME_RATE, Film};

/// Red, green and blue of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    pub(super) red: u8,
    pub(super) green: u8,
    pub(super) blue: u8,
}

/// One frame as a grid of blocks, row by row from the top left.
#[derive(Clone)]
pub(super) struct Frame {
    columns: usize,
    blocks: Vec<Colour>,
}

/// The fixed parts of a film's picture, from which every frame is drawn.
pub(super) struct Scene {
    frames: u32,
    /// Sky and hills; everything else is drawn on a copy.
    background: Frame,
    /// Per column, the row at which the hills begin.
    horizon: Vec<usize>,
    sun: Colour,
}

/// The rows of each digit, three blocks wide, the left one being the highest bit.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

const INK: Colour = Colour { red: 245, green: 245, blue: 240 };
const BAR: Colour = Colour { red: 235, green: 70, blue: 60 };
const GROOVE: Colour = Colour { red: 40, green: 40, blue: 48 };

// === impl Frame ===

impl Frame {
    /// All blocks, row by row.
    pub(super) fn blocks(&self) -> &[Colour] {
        &self.blocks
    }

    /// The colour at a place; black outside.
    pub(super) fn at(&self, column: usize, row: usize) -> Colour {
        let black = Colour { red: 0, green: 0, blue: 0 };
        let inside = column < self.columns;
        self.blocks.get(row * self.columns + column).filter(|_| inside).copied().unwrap_or(black)
    }

    fn fill(&mut self, columns: Range<usize>, rows: Range<usize>, colour: Colour) {
        let columns = columns.start.min(self.columns)..columns.end.min(self.columns);
        for row in self.blocks.chunks_exact_mut(self.columns).take(rows.end).skip(rows.start) {
            if let Some(part) = row.get_mut(columns.clone()) {
                part.fill(colour);
            }
        }
    }
}

// === impl Scene ===

impl Scene {
    /// Lays out sky and hills in colours that follow from the film's seed.
    pub(super) fn new(film: &Film) -> Self {
        let (columns, rows) = (usize::from(film.size.columns()), usize::from(film.size.rows()));
        let mut rng = fastrand::Rng::with_seed(film.seed);
        let hue = rng.u32(0..360);
        let horizon = hills(&mut rng, columns, rows);
        let mut background = Frame { columns, blocks: Vec::with_capacity(columns * rows) };
        for row in 0..rows {
            // Darker and bluer at the top, as skies are.
            let lightness = percent(row, rows);
            let sky = Colour::new(hue + lightness / 2, 70 - lightness / 3, 35 + lightness * 3 / 5);
            let ground = Colour::new(hue + 150, 45, 45 - lightness * 3 / 10);
            background.blocks.extend(horizon.iter().map(|start| if row < *start { sky } else { ground }));
        }
        Self { frames: film.frames(), background, horizon, sun: Colour::new(hue + 180, 35, 100) }
    }

    /// How many frames the film has.
    pub(super) fn frames(&self) -> u32 {
        self.frames
    }

    /// Blocks per row.
    pub(super) fn columns(&self) -> usize {
        self.background.columns
    }

    /// Draws one frame, counted from 0.
    pub(super) fn draw(&self, frame: u32) -> Frame {
        let mut picture = self.background.clone();
        self.draw_sun(&mut picture, frame);
        draw_seconds(&mut picture, frame / FRAME_RATE);
        self.draw_bar(&mut picture, frame);
        picture
    }

    fn rows(&self) -> usize {
        self.background.blocks.len() / self.background.columns.max(1)
    }

    /// How much of `length` lies behind at this frame; all of it at the last one.
    fn passed(&self, frame: u32, length: usize) -> usize {
        let last = u64::from(self.frames.saturating_sub(1).max(1));
        let passed = u64::from(frame) * u64::try_from(length).unwrap_or(0) / last;
        usize::try_from(passed).unwrap_or(length)
    }

    fn draw_sun(&self, picture: &mut Frame, frame: u32) {
        let (columns, rows) = (picture.columns, self.rows());
        let radius = columns.min(rows) / 8;
        let centre = self.passed(frame, columns);
        // A parabola: down at both sides, a quarter of the height higher in the middle.
        let from_middle = (2 * centre).abs_diff(columns);
        let height = rows / 4 + rows * from_middle * from_middle / (4 * columns * columns).max(1);
        let across = centre.saturating_sub(radius)..(centre + radius + 1).min(columns);
        for row in height.saturating_sub(radius)..height + radius + 1 {
            for column in across.clone() {
                let (x, y) = (column.abs_diff(centre), row.abs_diff(height));
                let above_hills = self.horizon.get(column).is_some_and(|start| row < *start);
                // Half a block more than the radius, or the disc would grow four thorns.
                if x * x + y * y <= radius * (radius + 1) && above_hills {
                    picture.fill(column..column + 1, row..row + 1, self.sun);
                }
            }
        }
    }

    fn draw_bar(&self, picture: &mut Frame, frame: u32) {
        let (start, end) = (1, picture.columns.saturating_sub(1));
        let rows = self.rows().saturating_sub(3)..self.rows().saturating_sub(1);
        let reached = start + self.passed(frame, end.saturating_sub(start));
        picture.fill(start..reached, rows.clone(), BAR);
        picture.fill(reached..end, rows, GROOVE);
    }
}

/// Per column, the row at which the hills begin: a walk of small steps around two thirds down.
fn hills(rng: &mut fastrand::Rng, columns: usize, rows: usize) -> Vec<usize> {
    let (highest, lowest) = (rows / 2, rows * 4 / 5);
    let mut start = rows * 2 / 3;
    let step = |_| {
        start = match rng.u8(0..5) {
            0 => start.saturating_sub(1).max(highest),
            1 => (start + 1).min(lowest),
            _ => start,
        };
        start
    };
    (0..columns).map(step).collect()
}

fn draw_seconds(picture: &mut Frame, seconds: u32) {
    let mut column = 2;
    for digit in format!("{seconds:02}").bytes() {
        let Some(shape) = DIGITS.get(usize::from(digit.wrapping_sub(b'0'))) else { continue };
        for (row, bits) in (2..).zip(shape) {
            for (place, bit) in [4, 2, 1].into_iter().enumerate() {
                if bits & bit != 0 {
                    picture.fill(column + place..column + place + 1, row..row + 1, INK);
                }
            }
        }
        column += 4;
    }
}

/// `part` of `whole` in percent.
fn percent(part: usize, whole: usize) -> u32 {
    u32::try_from(part * 100 / whole.max(1)).unwrap_or(100)
}

// === impl Colour ===

impl Colour {
    /// From hue in degrees, saturation and brightness in percent.
    fn new(hue: u32, saturation: u32, brightness: u32) -> Self {
        let (saturation, brightness) = (saturation.min(100), brightness.min(100));
        let strongest = 255 * brightness / 100;
        let weakest = strongest * (100 - saturation) / 100;
        let hue = hue % 360;
        let along = (strongest - weakest) * (hue % 60) / 60;
        let (rising, falling) = (weakest + along, strongest - along);
        let (red, green, blue) = match hue / 60 {
            0 => (strongest, rising, weakest),
            1 => (falling, strongest, weakest),
            2 => (weakest, strongest, rising),
            3 => (weakest, falling, strongest),
            4 => (rising, weakest, strongest),
            _ => (strongest, weakest, falling),
        };
        let byte = |value| u8::try_from(value).unwrap_or(u8::MAX);
        Self { red: byte(red), green: byte(green), blue: byte(blue) }
    }
}
