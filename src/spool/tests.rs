use std::fs;

use axum::body::Body;
use http_body_util::BodyExt;
use tempfile::TempDir;

use super::*;
use crate::request_body::{Piece, SpooledPart};

fn spool(folder: &TempDir, size: u64) -> Arc<Spool> {
    Spool::open(&Settings { folder: folder.path().to_owned(), size }).expect("a folder")
}

/// Bytes of which none stands where another one could.
fn film(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from((at / 7 + at / 65_537) % 251).unwrap()).collect()
}

async fn stored(spool: &Arc<Spool>, film: &Bytes) -> Result<Arc<Stored>, Rejection> {
    let pieces = film.chunks(100_000).map(Bytes::copy_from_slice).collect();
    Ok(Arc::new(spool.begin()?.append(pieces).await?))
}

fn away(stored: &Arc<Stored>, range: std::ops::Range<u64>) -> Piece {
    Piece::SpooledPart(SpooledPart { stored: Arc::clone(stored), range, digest: [0; 32] })
}

async fn sent(pieces: Vec<Piece>) -> Bytes {
    let body = sending(pieces);
    let announced = http_body::Body::size_hint(&body).exact();
    let bytes = body.collect().await.expect("a body").to_bytes();
    assert_eq!(announced, Some(bytes.len() as u64));
    bytes
}

const MIB: usize = 1 << 20;

/// Places that are taken.
fn taken(spool: &Spool) -> u64 {
    spool.usage().in_use / (1 << 20)
}

#[tokio::test]
async fn what_is_stored_is_sent_byte_for_byte_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder, 1 << 30);
    for length in [1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17] {
        let film = film(length);
        let stored = stored(&spool, &film).await.unwrap();
        let (end, middle) = (length as u64, length as u64 / 2);
        for _ in 0..2 {
            assert_eq!(sent(vec![away(&stored, 0..end)]).await, film, "{length}");
            let pieces = vec![
                Bytes::from_static(b"head").into(),
                away(&stored, 0..middle),
                Bytes::from_static(b"between").into(),
                away(&stored, middle..end),
                Bytes::from_static(b"tail").into(),
            ];
            let (first, second) = film.split_at(length / 2);
            assert_eq!(
                sent(pieces).await,
                [b"head", first, b"between", second, b"tail"].concat(),
                "{length}"
            );
        }
    }
}

#[tokio::test]
async fn bodies_at_the_same_time_do_not_mix_and_their_places_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder, 8 << 20);
    let (one, other) = (film(2 * MIB), Bytes::from(vec![b'o'; 2 * MIB + 5]));
    let first = stored(&spool, &one).await.unwrap();
    let second = stored(&spool, &other).await.unwrap();
    assert_eq!(taken(&spool), 5);
    drop(first);
    assert_eq!(taken(&spool), 3);
    let third = stored(&spool, &one).await.unwrap();
    assert_eq!(taken(&spool), 5);
    assert_eq!(sent(vec![away(&second, 0..other.len() as u64)]).await, other);
    assert_eq!(sent(vec![away(&third, 0..one.len() as u64)]).await, one);
    drop((second, third));
    assert_eq!(taken(&spool), 0);
}

#[tokio::test]
async fn more_than_there_may_be_is_refused_and_taken_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder, 2 << 20);
    let first = stored(&spool, &film(MIB + 1)).await.unwrap();
    assert_eq!(stored(&spool, &film(1)).await.map(|_| ()), Err(Rejection::SpoolUnavailable));
    drop(first);
    assert!(stored(&spool, &film(2 * MIB)).await.is_ok());
    assert_eq!(taken(&spool), 0);
}

/// With threads as well, which is what becomes of a slow disk.
#[tokio::test]
async fn a_slow_disk_stores_and_sends_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder, 1 << 30);
    spool.pace.distrust();
    assert!(spool.pace.is_slow());
    let film = film(3 * MIB);
    let stored = stored(&spool, &film).await.unwrap();
    assert_eq!(sent(vec![away(&stored, 0..film.len() as u64)]).await, film);
}

#[tokio::test]
async fn nobody_finds_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(&folder, 1 << 30);
    let stored = stored(&spool, &film(MIB)).await.unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = stored.file.as_ref().unwrap().metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o077, 0);
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&file), 0);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_with_its_key() {
    let settings = Settings { folder: "/nowhere/at/all".into(), size: 1 };
    let told = Spool::open(&settings).map(|_| ()).unwrap_err().to_string();
    assert!(told.starts_with("spool.folder: no file can be made in /nowhere/at/all: "), "{told}");
}

#[tokio::test]
async fn a_body_in_memory_is_not_copied() {
    static ONE: &[u8] = b"one";
    let mut body: Body = sending(vec![Bytes::from_static(ONE).into()]);
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame.as_ptr(), ONE.as_ptr());
}
