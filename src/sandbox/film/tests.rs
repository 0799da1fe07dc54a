//! The film seen from outside: its boxes read back, its bytes counted.

use mp4_atom::{Any, Codec, Decode, Moov, StszSamples};

use super::*;

const SIZES: [&str; 6] = ["720x1280", "1280x720", "1024x1792", "1792x1024", "1920x1080", "848x480"];

fn film(size: &str, seconds: u32) -> Film {
    Film { size: size.parse().unwrap(), seconds, seed: 7 }
}

/// The boxes of a file in their order.
fn boxes(file: &[u8]) -> Vec<Any> {
    let mut rest = file;
    let mut found = Vec::new();
    while !rest.is_empty() {
        found.push(Any::decode(&mut rest).unwrap());
    }
    found
}

fn index(file: &[u8]) -> Moov {
    let is_index = |found| if let Any::Moov(moov) = found { Some(moov) } else { None };
    boxes(file).into_iter().find_map(is_index).unwrap()
}

#[test]
fn the_index_comes_before_the_pictures() {
    let file = film("1280x720", 4).mp4().unwrap();
    let kinds: Vec<String> = boxes(&file).iter().map(|found| found.kind().to_string()).collect();
    assert_eq!(kinds, ["ftyp", "moov", "mdat"]);
}

#[test]
fn a_film_has_exactly_the_size_and_length_asked_for() {
    for size in SIZES {
        for seconds in [4, 25] {
            let film = film(size, seconds);
            let moov = index(&film.mp4().unwrap());
            let track = &moov.trak[0];
            let media = &track.mdia.mdhd;
            let Codec::Avc1(decoder) = &track.mdia.minf.stbl.stsd.codecs[0] else { panic!("not H.264") };

            assert_eq!(moov.mvhd.duration, u64::from(seconds) * u64::from(moov.mvhd.timescale));
            assert_eq!(media.duration, u64::from(seconds) * u64::from(media.timescale));
            assert_eq!(track.tkhd.width.integer(), film.size.width());
            assert_eq!(track.tkhd.height.integer(), film.size.height());
            assert_eq!(
                (decoder.visual.width, decoder.visual.height),
                (film.size.width(), film.size.height())
            );
        }
    }
}

#[test]
fn the_sample_table_covers_the_pictures_exactly() {
    let file = film("720x1280", 12).mp4().unwrap();
    let moov = index(&file);
    let table = &moov.trak[0].mdia.minf.stbl;
    let StszSamples::Different { sizes } = &table.stsz.samples else { panic!("one size for all") };

    assert_eq!(sizes.len(), 12 * 24);
    assert_eq!(u64::from(table.stts.entries[0].sample_delta) * 288, moov.trak[0].mdia.mdhd.duration);
    let mut place = table.stco.as_ref().unwrap().entries[0] as usize;
    assert_eq!(&file[place - 4..place], b"mdat");
    for size in sizes {
        let length = u32::from_be_bytes(file[place..place + 4].try_into().unwrap());
        assert_eq!(length + 4, *size, "a sample is its length and one NAL unit");
        place += *size as usize;
    }
    assert_eq!(place, file.len());
}

#[test]
fn players_can_seek_to_every_second_second() {
    let file = film("848x480", 5).mp4().unwrap();
    let moov = index(&file);
    let keys = moov.trak[0].mdia.minf.stbl.stss.clone().unwrap().entries;
    assert_eq!(keys, [1, 49, 97]);
}

#[test]
fn a_long_film_in_the_largest_size_stays_under_a_megabyte() {
    let file = film("1792x1024", 25).mp4().unwrap();
    assert!(file.len() < 1_000_000, "{} bytes", file.len());
}

#[test]
fn the_seed_decides_the_picture_and_nothing_else_does() {
    let (one, again) = (film("848x480", 4), film("848x480", 4));
    let other = Film { seed: 8, ..one };
    assert_eq!(one.mp4().unwrap(), again.mp4().unwrap());
    assert_ne!(one.mp4().unwrap(), other.mp4().unwrap());
}

#[test]
fn frames_move() {
    let scene = Scene::new(&film("848x480", 4));
    let (early, late) = (scene.draw(0), scene.draw(90));
    assert_ne!(early.blocks(), late.blocks());
}

#[test]
fn thumbnails_have_the_films_size_in_the_format_asked_for() {
    let film = film("720x1280", 4);
    for (format, expected) in
        [(StillFormat::Webp, image::ImageFormat::WebP), (StillFormat::Png, image::ImageFormat::Png)]
    {
        let bytes = film.thumbnail(format).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), expected);
        let image = image::load_from_memory(&bytes).unwrap();
        assert_eq!((image.width(), image.height()), (720, 1280));
    }
}

#[test]
fn a_spritesheet_has_one_tile_per_second() {
    let image = image::load_from_memory(&film("1280x720", 12).spritesheet().unwrap()).unwrap();
    assert_eq!((image.width(), image.height()), (5 * 160, 3 * 90));
}

#[test]
fn sizes_that_cannot_be_coded_are_refused_with_advice() {
    for text in ["", "720", "721x1280", "0x0", "720x", "axb"] {
        let refused = text.parse::<FrameSize>().unwrap_err();
        assert!(refused.contains("1280x720"), "{refused}");
    }
}
