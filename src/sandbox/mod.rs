//! `reelgate sandbox`: a simulated server of the Videos API, the demo's and the tests' other end.
//!
//! It answers all ten operations as the real service does, judges what it is sent by rules of its
//! own, makes real MP4 files, and breaks on command (see [`faults`]). It is the honest other end:
//! nothing here may use the gateway's parsing, judging or wording, or a mistake there would be
//! made twice and seen by nobody.
//!
//! | file | what it does |
//! |---|---|
//! | `serve.rs` | connections: accept, hang up on command, stop |
//! | `api.rs`, `characters.rs` | the operations, but for the download |
//! | `content.rs`, `range.rs` | the download, and which bytes of it are sent |
//! | `fields.rs`, `rules.rs`, `query.rs` | a request's fields, and whether they may stand |
//! | `jobs.rs`, `timeline.rs`, `clock.rs` | the jobs, and how far each has come by now |
//! | `answers.rs`, `wording.rs` | the form of answers, and what errors say |
//! | `faults.rs`, `inject.rs`, `broken.rs` | errors and cuts on command |
//! | `journal.rs`, `admin.rs` | what was asked, for tests to read |
//! | `film/` | the films |
//!
//! # Watching and steering it
//!
//! | call | does |
//! |---|---|
//! | `GET /sandbox/jobs` | every job kept, with `created`, the number ever started (and paid for) |
//! | `POST /sandbox/jobs/{id}` | forces a state: `{"status":"failed","error":{"code","message"},"progress"}` |
//! | `DELETE /sandbox/jobs` | forgets all jobs and starts counting again |
//! | `GET /sandbox/requests` | the last 500 requests: head, fields, bytes, answer |
//! | `DELETE /sandbox/requests` | forgets them |
//! | `GET`, `POST`, `DELETE /sandbox/faults` | scripted faults, see [`faults`] |
//!
//! A prompt that contains `[moderation]` makes a job that is blocked, `[fail]` one that breaks down
//! half way.

mod admin;
mod answers;
mod api;
mod broken;
mod characters;
mod clock;
mod content;
pub mod faults;
mod fields;
mod film;
mod inject;
mod jobs;
mod journal;
mod query;
mod range;
mod rules;
mod serve;
mod timeline;
mod unread;
mod wording;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub use self::serve::run;

use self::characters::Characters;
use self::clock::Clock;
use self::faults::Scripts;
use self::jobs::Jobs;
use self::journal::Journal;
use self::timeline::Pace;

/// The largest request body read, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// How the sandbox behaves; the default suits a demo. Without `Debug`, which would show the key.
#[derive(Clone)]
pub struct Options {
    /// How long a job stays queued.
    pub queue_time: Duration,
    /// Time that one second of film takes once the job runs.
    pub time_per_second: Duration,
    /// The only key accepted; without one, every non-empty bearer is.
    pub key: Option<String>,
    /// Format of thumbnails.
    pub thumbnail: Thumbnail,
    /// Jobs kept, and characters; the oldest is dropped for a new one.
    pub max_jobs: usize,
    /// Decides every id. By default a number from the system, so that two sandboxes do not give the
    /// same id; tests pass their own.
    pub seed: u64,
}

/// Format of thumbnails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thumbnail {
    /// `image/webp`, as the API's description says.
    #[default]
    Webp,
    /// `image/png`.
    Png,
}

/// Everything the handlers share.
struct Sandbox {
    options: Options,
    clock: Clock,
    random: Mutex<fastrand::Rng>,
    jobs: Mutex<Jobs>,
    characters: Mutex<Characters>,
    scripts: Mutex<Scripts>,
    journal: Journal,
}

type Shared = Arc<Sandbox>;

/// The sandbox as a service without a listener; [`run`] adds one.
///
/// The fault `reset` needs [`run`], because only a connection can be hung up.
pub fn router(options: Options) -> Router {
    let sandbox = Arc::new(Sandbox::new(options));
    videos(&sandbox)
        .method_not_allowed_fallback(answers::method_not_allowed)
        .fallback(answers::invalid_url)
        // Inside the journal, so that requests which get a fault are recorded too.
        .layer(from_fn_with_state(Arc::clone(&sandbox), inject::faults))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&sandbox), journal::record))
        // Added last: steering the sandbox is neither recorded nor broken.
        .merge(admin::router())
        .with_state(sandbox)
}

/// The ten operations, each behind the key check.
fn videos(sandbox: &Shared) -> Router<Shared> {
    Router::new()
        .route("/v1/videos", post(api::create).get(api::list))
        .route("/v1/videos/edits", post(api::edit))
        .route("/v1/videos/extensions", post(api::extend))
        .route("/v1/videos/characters", post(characters::create))
        .route("/v1/videos/characters/{id}", get(characters::retrieve))
        .route("/v1/videos/{id}", get(api::retrieve).delete(api::delete))
        .route("/v1/videos/{id}/content", get(content::download))
        .route("/v1/videos/{id}/remix", post(api::remix))
        // On the routes only: URL and method are judged before the key.
        .route_layer(from_fn_with_state(Arc::clone(sandbox), api::authorize))
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_time: Duration::from_millis(300),
            time_per_second: Duration::from_millis(150),
            key: None,
            thumbnail: Thumbnail::default(),
            max_jobs: 10_000,
            seed: fastrand::u64(..),
        }
    }
}

// === impl Sandbox ===

impl Sandbox {
    fn new(options: Options) -> Self {
        let pace = Pace { queue_time: options.queue_time, time_per_second: options.time_per_second };
        Self {
            clock: Clock::start(),
            random: Mutex::new(fastrand::Rng::with_seed(options.seed)),
            jobs: Mutex::new(Jobs::new(options.max_jobs, pace)),
            characters: Mutex::new(Characters::new(options.max_jobs)),
            scripts: Mutex::default(),
            journal: Journal::default(),
            options,
        }
    }

    /// A fresh id: the prefix and `digits` hexadecimal digits.
    fn id(&self, prefix: &str, digits: usize) -> String {
        let mut random = lock(&self.random);
        let hex = (0..digits).filter_map(|_| char::from_digit(random.u32(0..16), 16));
        prefix.chars().chain(hex).collect()
    }
}

/// A lock whose holder panicked is taken all the same: nothing here is left half done.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
