//! Where a job is: only the upstream that made it knows it.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::config::Config;
use crate::ledger::record::Job;

/// The upstream that made a job, as far as the ledger knows it; else the default one.
pub(super) fn of_job<'a>(config: &'a Config, job: Option<&'a Job>) -> &'a Arc<str> {
    let there = job.map(|job| &job.upstream).filter(|upstream| config.upstream(upstream).is_some());
    there.unwrap_or(&config.default_upstream)
}

/// The id in a path about one video, as the upstream spells it in its answers.
pub(super) fn id_in(path: &str) -> Option<Cow<'_, str>> {
    let id = path.strip_prefix("/v1/videos/")?.split('/').next()?;
    let is_id = !matches!(id, "" | "characters" | "edits" | "extensions");
    // Nearly all are spelled plainly.
    let spelled = || if id.contains('%') { percent_decode_str(id).decode_utf8_lossy() } else { id.into() };
    is_id.then(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_named_in_the_path() {
        for (path, id) in [
            ("/v1/videos/video_1", Some("video_1")),
            ("/v1/videos/video_1/remix", Some("video_1")),
            ("/v1/videos/video_a%2Bb%3D/content", Some("video_a+b=")),
            ("/v1/videos/characters/char_1", None),
            ("/v1/videos/edits", None),
            ("/v1/videos", None),
        ] {
            assert_eq!(id_in(path).as_deref(), id, "{path}");
        }
    }
}
