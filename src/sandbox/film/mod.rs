//! Films and stills made from nothing but a seed, a size and a length.
//!
//! Sits under [`super::content`], which serves what is made here. Knows nothing of jobs or HTTP.
//!
//! # Why an encoder of our own
//!
//! The sandbox must answer a download with a film that browsers play, of exactly the size and
//! length asked for, in milliseconds and in less than a megabyte. The libraries do not fit:
//! `openh264` compiles a C++ code base for a minute and then needs seconds of processor time for
//! one film; `less-avc` codes every picture without loss and without prediction, hundreds of
//! megabytes for ten seconds. A scene of flat 16×16 blocks needs so little of H.264 (one intra
//! macroblock type, skipped macroblocks, no deblocking) that the few files here are enough:
//!
//! | file | what it does |
//! |---|---|
//! | `scene.rs` | decides the colour of every block of every frame |
//! | `bits.rs` | writes bits, exp-Golomb numbers and NAL units |
//! | `headers.rs` | sequence and picture parameter set, level |
//! | `picture.rs` | one slice per frame: flat intra macroblocks and skipped ones |
//! | `mp4.rs` | puts the coded pictures into an MP4 file, index first |
//! | `stills.rs` | paints the same scene as thumbnail and spritesheet |

mod bits;
mod headers;
mod mp4;
mod picture;
mod scene;
mod stills;

use std::fmt;
use std::str::FromStr;

use self::scene::Scene;

/// Frames per second of every film.
const FRAME_RATE: u32 = 24;

/// What is wrong with a film or still that could not be made.
pub(super) type MakingError = Box<dyn std::error::Error + Send + Sync>;

/// Width and height in pixels, both even and not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameSize {
    width: u16,
    height: u16,
}

/// How a still is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StillFormat {
    /// Lossless WebP.
    Webp,
    /// PNG.
    Png,
}

/// Everything that decides what a film shows; equal films have equal bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Film {
    /// Width and height of every frame.
    pub(super) size: FrameSize,
    /// Length in seconds, at least 1.
    pub(super) seconds: u32,
    /// Picks colours and landscape.
    pub(super) seed: u64,
}

// === impl FrameSize ===

impl FrameSize {
    /// Width in pixels.
    pub(super) fn width(self) -> u16 {
        self.width
    }

    /// Height in pixels.
    pub(super) fn height(self) -> u16 {
        self.height
    }

    /// Width and height in pixels, in the type that image formats use.
    pub(super) fn sides(self) -> (u32, u32) {
        (self.width.into(), self.height.into())
    }

    /// Macroblocks per row; the last one may stick out of the frame.
    fn columns(self) -> u16 {
        self.width.div_ceil(16)
    }

    /// Rows of macroblocks; the last one may stick out of the frame.
    fn rows(self) -> u16 {
        self.height.div_ceil(16)
    }
}

impl FromStr for FrameSize {
    type Err = String;

    /// Reads `1280x720`; 4:2:0 pictures need even sides.
    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.parse().ok().filter(|side| *side > 0 && side % 2 == 0);
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| format!("{text} is not a frame size; write two even numbers as in 1280x720"))
    }
}

impl fmt::Display for FrameSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

// === impl Film ===

impl Film {
    /// The whole film as an MP4 file that can be played while it still arrives.
    ///
    /// # Errors
    ///
    /// When the file outgrows what its index can address, which the sandbox's limits rule out.
    pub(super) fn mp4(&self) -> Result<Vec<u8>, MakingError> {
        mp4::mux(self, &picture::encode(&Scene::new(self)))
    }

    /// The frame in the middle, in full size.
    ///
    /// # Errors
    ///
    /// When the image encoder refuses, which it has no reason to.
    pub(super) fn thumbnail(&self, format: StillFormat) -> Result<Vec<u8>, MakingError> {
        stills::thumbnail(self, format)
    }

    /// One small tile per second, five in a row, as a JPEG.
    ///
    /// # Errors
    ///
    /// When the image encoder refuses, which it has no reason to.
    pub(super) fn spritesheet(&self) -> Result<Vec<u8>, MakingError> {
        stills::spritesheet(self)
    }

    fn frames(&self) -> u32 {
        self.seconds.saturating_mul(FRAME_RATE)
    }
}

#[cfg(test)]
mod tests;
