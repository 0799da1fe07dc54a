//! Which route a path is on. Pure.

use crate::capability::operations::Operation;

/// A route below `/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// All videos: where they are made and listed.
    Videos,
    /// What is made of a video or of files, and judged.
    Judged(Operation),
    /// One character.
    Character,
    /// One video.
    Video,
    /// What can be downloaded of it.
    Content,
    /// Everything that is not about videos.
    Other,
}

impl Route {
    /// The route of what follows `/v1/` in a path that is plainly spelled.
    pub(super) fn of(rest: &str) -> Self {
        let mut segments = rest.split('/');
        let next = [segments.next(), segments.next(), segments.next(), segments.next()];
        match next {
            [Some("videos"), None, ..] => Self::Videos,
            // Words win over ids.
            [Some("videos"), Some("edits"), None, _] => Self::Judged(Operation::Edit),
            [Some("videos"), Some("extensions"), None, _] => Self::Judged(Operation::Extend),
            [Some("videos"), Some("characters"), None, _] => Self::Judged(Operation::Character),
            [Some("videos"), Some("characters"), Some(_), None] => Self::Character,
            [Some("videos"), Some(_), None, _] => Self::Video,
            [Some("videos"), Some(_), Some("content"), None] => Self::Content,
            [Some("videos"), Some(_), Some("remix"), None] => Self::Judged(Operation::Remix),
            _ => Self::Other,
        }
    }

    /// As it stands in logs and metrics.
    pub(super) const fn template(self) -> &'static str {
        match self {
            Self::Videos => "/v1/videos",
            Self::Judged(Operation::Edit) => "/v1/videos/edits",
            Self::Judged(Operation::Extend) => "/v1/videos/extensions",
            Self::Judged(Operation::Character) => "/v1/videos/characters",
            Self::Judged(Operation::Remix) => "/v1/videos/{id}/remix",
            Self::Character => "/v1/videos/characters/{id}",
            Self::Video => "/v1/videos/{id}",
            Self::Content => "/v1/videos/{id}/content",
            Self::Other => "/v1/*",
        }
    }

    /// What `Allow` says to methods that it has not.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::Videos => "GET, HEAD, POST",
            Self::Judged(_) => "POST",
            Self::Character | Self::Content => "GET, HEAD",
            Self::Video => "GET, HEAD, DELETE",
            Self::Other => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_on_one_route() {
        for (path, template) in [
            ("videos", "/v1/videos"),
            ("videos/video_1", "/v1/videos/{id}"),
            ("videos/video_1/content", "/v1/videos/{id}/content"),
            ("videos/edits/content", "/v1/videos/{id}/content"),
            ("videos/video_1/remix", "/v1/videos/{id}/remix"),
            ("videos/edits", "/v1/videos/edits"),
            ("videos/extensions", "/v1/videos/extensions"),
            ("videos/characters", "/v1/videos/characters"),
            ("videos/characters/content", "/v1/videos/characters/{id}"),
            ("videos/characters/char_1/content", "/v1/*"),
            ("videos/video_1/other", "/v1/*"),
            ("videos/video_1/content/more", "/v1/*"),
            ("models", "/v1/*"),
            ("chat/completions", "/v1/*"),
        ] {
            assert_eq!(Route::of(path).template(), template, "{path}");
        }
    }
}
