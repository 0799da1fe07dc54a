//! Thumbnail and spritesheet: the film's own frames as still images.

use image_webp::{ColorType, WebPEncoder};
use jpeg_encoder::{ColorType as JpegColor, Encoder as JpegEncoder};

use super::scene::{Colour, Frame, Scene};
use super::{FRAME_RATE, Film, MakingError, StillFormat};

/// Tiles of a spritesheet are this many times smaller than the film, on each side.
const TILE_SCALE: u32 = 8;
/// Tiles side by side.
const TILES_PER_ROW: u32 = 5;
const JPEG_QUALITY: u8 = 85;

/// The frame in the middle of the film, in full size.
pub(super) fn thumbnail(film: &Film, format: StillFormat) -> Result<Vec<u8>, MakingError> {
    let frame = Scene::new(film).draw(film.frames() / 2);
    let (width, height) = film.size.sides();
    let pixels = rgb(width, height, |x, y| pixel(&frame, x / 16, y / 16));
    let mut out = Vec::new();
    match format {
        StillFormat::Webp => WebPEncoder::new(&mut out).encode(&pixels, width, height, ColorType::Rgb8)?,
        StillFormat::Png => {
            let mut encoder = png::Encoder::new(&mut out, width, height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.write_header()?.write_image_data(&pixels)?;
        }
    }
    Ok(out)
}

/// One tile per second of the film, row by row, as a JPEG.
pub(super) fn spritesheet(film: &Film) -> Result<Vec<u8>, MakingError> {
    let scene = Scene::new(film);
    let frames: Vec<Frame> = (0..film.seconds).map(|second| scene.draw(second * FRAME_RATE)).collect();
    let (width, height) = film.size.sides();
    let (width, height) = (width / TILE_SCALE, height / TILE_SCALE);
    let (across, down) = (film.seconds.min(TILES_PER_ROW), film.seconds.div_ceil(TILES_PER_ROW));
    let block = 16 / TILE_SCALE;
    let (width_of_all, height_of_all) = (across * width, down * height);
    let pixels = rgb(width_of_all, height_of_all, |x, y| {
        let tile = usize::try_from(y / height * TILES_PER_ROW + x / width);
        let frame = tile.ok().and_then(|tile| frames.get(tile));
        frame.map_or([0, 0, 0], |frame| pixel(frame, x % width / block, y % height / block))
    });
    let mut out = Vec::new();
    let (width, height) = (u16::try_from(width_of_all)?, u16::try_from(height_of_all)?);
    JpegEncoder::new(&mut out, JPEG_QUALITY).encode(&pixels, width, height, JpegColor::Rgb)?;
    Ok(out)
}

/// The pixels of an image, row by row.
fn rgb(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
}

fn pixel(frame: &Frame, column: u32, row: u32) -> [u8; 3] {
    let place = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let Colour { red, green, blue } = frame.at(place(column), place(row));
    [red, green, blue]
}
