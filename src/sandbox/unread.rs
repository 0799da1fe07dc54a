//! Bodies that nobody wants.

use axum::extract::Request;
use http_body_util::BodyExt;

use super::MAX_BODY_BYTES;

/// Reads a body nobody wants, so that its sender gets to the answer. Stops at the largest body read.
pub(super) async fn read_to_end(request: Request) {
    let mut body = request.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, bytes::Bytes::len);
        if read > MAX_BODY_BYTES {
            break;
        }
    }
}
