//! Thumbnail and spritesheet: the film's own frames as still images.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ImageEncoder, Rgb, RgbImage};

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
    let image = RgbImage::from_fn(width, height, |x, y| pixel(&frame, x / 16, y / 16));
    let mut out = Vec::new();
    match format {
        StillFormat::Webp => write(&image, WebPEncoder::new_lossless(&mut out))?,
        StillFormat::Png => write(&image, PngEncoder::new(&mut out))?,
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
    let image = RgbImage::from_fn(across * width, down * height, |x, y| {
        let tile = usize::try_from(y / height * TILES_PER_ROW + x / width);
        let frame = tile.ok().and_then(|tile| frames.get(tile));
        frame.map_or(Rgb([0, 0, 0]), |frame| pixel(frame, x % width / block, y % height / block))
    });
    let mut out = Vec::new();
    write(&image, JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY))?;
    Ok(out)
}

fn pixel(frame: &Frame, column: u32, row: u32) -> Rgb<u8> {
    let place = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let Colour { red, green, blue } = frame.at(place(column), place(row));
    Rgb([red, green, blue])
}

fn write(image: &RgbImage, encoder: impl ImageEncoder) -> Result<(), MakingError> {
    encoder.write_image(image, image.width(), image.height(), image::ExtendedColorType::Rgb8)?;
    Ok(())
}
