//! The whole gateway, over an upstream in memory.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use divan::Bencher;
use divan::counter::BytesCount;
use http_body::Frame;

use crate::asked::Asked;
use crate::memory::{EVERYTHING, Stack};

fn answer(bencher: Bencher<'_, '_>, asked: &Asked, status: StatusCode) {
    let stack = Stack::new(EVERYTHING);
    stack.expect(asked, status);
    let number = Cell::new(0);
    let next = || {
        number.set((number.get() + 1) % 100_000);
        asked.numbered(number.get()).request()
    };
    bencher.with_inputs(next).bench_local_values(|request| stack.call(request));
}

#[divan::bench]
fn poll(bencher: Bencher<'_, '_>) {
    answer(bencher, &Asked::poll(), StatusCode::OK);
}

#[divan::bench]
fn other(bencher: Bencher<'_, '_>) {
    answer(bencher, &Asked::other(), StatusCode::OK);
}

#[divan::bench]
fn create_json(bencher: Bencher<'_, '_>) {
    answer(bencher, &Asked::create_json(), StatusCode::OK);
}

#[divan::bench]
fn create_form(bencher: Bencher<'_, '_>) {
    answer(bencher, &Asked::create_form(), StatusCode::OK);
}

#[divan::bench]
fn reject(bencher: Bencher<'_, '_>) {
    answer(bencher, &Asked::rejected(), StatusCode::BAD_REQUEST);
}

/// An answer of 1 MiB in pieces of 16 KiB, as a server of language models streams it.
#[divan::bench]
fn stream(bencher: Bencher<'_, '_>) {
    const PIECE: usize = 16 << 10;
    const PIECES: usize = 64;
    let pieces = Pieces { piece: vec![0x5a; PIECE].into(), left: PIECES };
    let stack = Stack::over(EVERYTHING, move || {
        let answer = Response::builder().header(header::CONTENT_TYPE, "application/octet-stream");
        answer.body(Body::new(pieces.clone())).unwrap_or_default()
    });
    let asked = Asked::other();
    stack.expect(&asked, StatusCode::OK);
    let bencher = bencher.counter(BytesCount::new(PIECE * PIECES));
    bencher.with_inputs(|| asked.request()).bench_local_values(|request| stack.call(request));
}

/// A body that says nothing of its length.
#[derive(Clone)]
struct Pieces {
    piece: Bytes,
    left: usize,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }
}
