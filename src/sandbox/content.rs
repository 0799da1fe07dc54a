//! The download: film, thumbnail or spritesheet, whole or in part.
//!
//! Nothing is stored. A film follows from its job, so it is made anew for every download, in
//! milliseconds, and its tag is known without making it.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use super::answers::ErrorAnswer;
use super::film::{Film, MakingError, StillFormat};
use super::query::{self, Variant};
use super::range::{self, Part};
use super::timeline::Status;
use super::{Sandbox, Shared, Thumbnail, lock};

/// What a download is called and how it is made.
#[derive(Clone, Copy)]
struct Product {
    variant: Variant,
    still: StillFormat,
}

/// `GET /v1/videos/{id}/content`
pub(super) async fn download(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ErrorAnswer> {
    let variant = query::variant(&uri)?;
    let film = sandbox.film(&id)?;
    let product = Product { variant, still: sandbox.options.thumbnail.into() };

    let name = format!("{id}{}", product.suffix());
    let etag = format!("\"{name}\"");
    let tags = [(header::ETAG, text(&etag)), (header::ACCEPT_RANGES, text("bytes"))];
    if range::unchanged(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, tags).into_response());
    }
    // In a thread of its own: stills take tens of milliseconds, during which polls want answers.
    let made = spawn_blocking(move || product.make(&film)).await;
    let Ok(Ok(bytes)) = made else { return Err(ErrorAnswer::unexpected()) };

    let length = bytes.len();
    let disposition = format!("attachment; filename=\"{name}\"");
    let about = [
        (header::CONTENT_TYPE, text(product.content_type())),
        (header::CONTENT_DISPOSITION, text(&disposition)),
    ];
    Ok(match range::part(&headers, &etag, length) {
        Part::Whole => (tags, about, bytes).into_response(),
        Part::Bytes(part) => {
            let place = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            let place = [(header::CONTENT_RANGE, text(&place))];
            (StatusCode::PARTIAL_CONTENT, tags, about, place, bytes.slice(part)).into_response()
        }
        Part::Outside => {
            let place = [(header::CONTENT_RANGE, text(&format!("bytes */{length}")))];
            (tags, place, ErrorAnswer::range_not_satisfiable()).into_response()
        }
    })
}

/// A header value; ids given by this server hold nothing that cannot stand in one.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

// === impl Product ===

impl Product {
    fn make(self, film: &Film) -> Result<Bytes, MakingError> {
        let bytes = match self.variant {
            Variant::Video => film.mp4(),
            Variant::Thumbnail => film.thumbnail(self.still),
            Variant::Spritesheet => film.spritesheet(),
        };
        bytes.map(Bytes::from)
    }

    fn content_type(self) -> &'static str {
        match (self.variant, self.still) {
            (Variant::Video, _) => "video/mp4",
            (Variant::Thumbnail, StillFormat::Webp) => "image/webp",
            (Variant::Thumbnail, StillFormat::Png) => "image/png",
            (Variant::Spritesheet, _) => "image/jpeg",
        }
    }

    /// What follows the id in the file name.
    fn suffix(self) -> &'static str {
        match (self.variant, self.still) {
            (Variant::Video, _) => ".mp4",
            (Variant::Thumbnail, StillFormat::Webp) => "_thumbnail.webp",
            (Variant::Thumbnail, StillFormat::Png) => "_thumbnail.png",
            (Variant::Spritesheet, _) => "_spritesheet.jpg",
        }
    }
}

impl From<Thumbnail> for StillFormat {
    fn from(thumbnail: Thumbnail) -> Self {
        match thumbnail {
            Thumbnail::Webp => Self::Webp,
            Thumbnail::Png => Self::Png,
        }
    }
}

// === impl Sandbox ===

impl Sandbox {
    /// The film of a completed job; its id decides what it shows.
    fn film(&self, id: &str) -> Result<Film, ErrorAnswer> {
        let jobs = lock(&self.jobs);
        let job = jobs.get(id).ok_or_else(|| ErrorAnswer::video_not_found(id))?;
        match job.state(self.clock.now()).status {
            Status::Completed => {
                Ok(Film { size: job.order.size, seconds: job.order.seconds, seed: seed_of(id) })
            }
            Status::Queued | Status::InProgress | Status::Failed => Err(ErrorAnswer::not_ready()),
        }
    }
}

/// The FNV-1a hash: the same for the same id in every build.
fn seed_of(id: &str) -> u64 {
    id.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
