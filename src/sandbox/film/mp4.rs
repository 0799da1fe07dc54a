//! Puts coded pictures into an MP4 file, index first so that players can start before the end arrives.

use mp4_atom::{
    Avc1, Avcc, Codec, Dinf, Dref, Encode, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov, Mvhd, Stbl, Stco,
    Stsc, StscEntry, Stsd, Stss, Stsz, StszSamples, Stts, SttsEntry, Tkhd, Trak, Url, Visual, Vmhd,
};

use super::picture::Coded;
use super::{FRAME_RATE, Film, MakingError, headers};

/// Units per second of the film's clock: whole seconds and whole frames are both exact.
const TIMESCALE: u32 = 512 * FRAME_RATE;
/// Bytes in front of each NAL unit that hold its length.
const LENGTH_BYTES: usize = 4;

/// The file: kind, index, pictures.
pub(super) fn mux(film: &Film, pictures: &[Coded]) -> Result<Vec<u8>, MakingError> {
    let mut file = Vec::new();
    kind().encode(&mut file)?;

    // The index names the place of the pictures, which depends on the index's length. An offset has
    // the same length whatever its value, so a first try with 0 tells where the pictures will be.
    let mut trial = Vec::new();
    index(film, pictures, 0)?.encode(&mut trial)?;
    let first_picture = u32::try_from(file.len() + trial.len() + 8)?;
    index(film, pictures, first_picture)?.encode(&mut file)?;

    let length: usize = pictures.iter().map(sample_length).sum();
    file.extend(u32::try_from(length + 8)?.to_be_bytes());
    file.extend(b"mdat");
    for picture in pictures {
        file.extend(u32::try_from(picture.nal.len())?.to_be_bytes());
        file.extend(&picture.nal);
    }
    Ok(file)
}

fn sample_length(picture: &Coded) -> usize {
    LENGTH_BYTES + picture.nal.len()
}

fn kind() -> Ftyp {
    let brands = [b"isom", b"iso2", b"avc1", b"mp41"];
    Ftyp {
        major_brand: FourCC::new(b"isom"),
        minor_version: 512,
        compatible_brands: brands.map(FourCC::new).to_vec(),
    }
}

fn index(film: &Film, pictures: &[Coded], first_picture: u32) -> Result<Moov, MakingError> {
    let duration = u64::from(film.seconds) * u64::from(TIMESCALE);
    let track = Tkhd {
        track_id: 1,
        duration,
        enabled: true,
        in_movie: true,
        width: film.size.width().into(),
        height: film.size.height().into(),
        ..Tkhd::default()
    };
    let media = Mdia {
        mdhd: Mdhd { timescale: TIMESCALE, duration, language: "und".into(), ..Mdhd::default() },
        hdlr: Hdlr { handler: FourCC::new(b"vide"), name: "Reelgate sandbox".into() },
        minf: Minf {
            vmhd: Some(Vmhd::default()),
            dinf: Dinf { dref: Dref { entries: vec![Url::default().into()] } },
            stbl: samples(film, pictures, first_picture)?,
            ..Minf::default()
        },
    };
    Ok(Moov {
        mvhd: Mvhd {
            timescale: TIMESCALE,
            duration,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: 2,
            ..Mvhd::default()
        },
        trak: vec![Trak { tkhd: track, mdia: media, ..Trak::default() }],
        ..Moov::default()
    })
}

/// The sample table: how pictures are decoded, when they are shown, where they lie.
fn samples(film: &Film, pictures: &[Coded], first_picture: u32) -> Result<Stbl, MakingError> {
    let sizes = pictures.iter().map(|picture| u32::try_from(sample_length(picture)));
    let keys = (1..).zip(pictures).filter(|(_, picture)| picture.key).map(|(number, _)| number);
    let sample_count = u32::try_from(pictures.len())?;
    let whole_film =
        StscEntry { first_chunk: 1, samples_per_chunk: sample_count, sample_description_index: 1 };
    Ok(Stbl {
        stsd: Stsd { codecs: vec![Codec::from(decoder(film)?)] },
        stts: Stts { entries: vec![SttsEntry { sample_count, sample_delta: TIMESCALE / FRAME_RATE }] },
        stss: Some(Stss { entries: keys.collect() }),
        stsc: Stsc { entries: vec![whole_film] },
        stsz: Stsz { samples: StszSamples::Different { sizes: sizes.collect::<Result<_, _>>()? } },
        stco: Some(Stco { entries: vec![first_picture] }),
        ..Stbl::default()
    })
}

fn decoder(film: &Film) -> Result<Avc1, MakingError> {
    Ok(Avc1 {
        visual: Visual {
            data_reference_index: 1,
            width: film.size.width(),
            height: film.size.height(),
            ..Visual::default()
        },
        avcc: Avcc::new(&headers::sequence(film.size), &headers::picture())?,
        ..Avc1::default()
    })
}
