//! What the stub says.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};

const COMPLETION: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1741570283,"model":"gpt-5","choices":[{"index":0,"message":{"role":"assistant","content":"A cat on a skateboard.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#;
const NOT_FOUND: &str = r#"{"error":{"message":"The stub does not know this route."}}"#;
const BLOCK_BYTES: usize = 256 * 1024;
static BLOCK: [u8; BLOCK_BYTES] = [0x5a; BLOCK_BYTES];

/// `left` bytes, a block at a time: of a film the same block over and over, so that nothing is copied or allocated.
pub struct Out {
    block: Bytes,
    left: u64,
}

impl Out {
    /// A video that is queued, of about 320 bytes.
    pub fn video(id: &str) -> Response<Self> {
        Self::json(format!(
            r#"{{"id":"{id}","object":"video","created_at":1758941485,"completed_at":null,"expires_at":null,"status":"queued","model":"sora-2","progress":0,"seconds":"8","size":"1280x720","prompt":"a cat","remixed_from_video_id":null,"error":null}}"#
        ))
    }

    /// What any other POST is answered with.
    pub fn completion() -> Response<Self> {
        Self::new("application/json", Bytes::from_static(COMPLETION.as_bytes()))
    }

    /// A body of so many MiB.
    pub fn film(mib: u64) -> Response<Self> {
        let mut response = Self::new("video/mp4", Bytes::from_static(&BLOCK));
        response.body_mut().left = mib << 20;
        response
    }

    /// JSON made for this answer.
    pub fn json(text: String) -> Response<Self> {
        Self::new("application/json", text.into())
    }

    /// 404, which no measurement expects.
    pub fn not_found() -> Response<Self> {
        let mut response = Self::new("application/json", Bytes::from_static(NOT_FOUND.as_bytes()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    fn new(content_type: &'static str, block: Bytes) -> Response<Self> {
        let left = block.len() as u64;
        let mut response = Response::new(Self { block, left });
        response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
        response
    }
}

impl Body for Out {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = self.block.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(self.block.slice(..length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
