//! Which videos and characters a request may reach, and which upstream has them: the client's own, where clients have keys
//! of ours.
//!
//! A video of another client and one that does not exist are answered alike, by the gateway itself.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tracing::warn;

use super::admission::Admitted;
use super::target::{is_id, is_plain_id};
use crate::config::Config;
use crate::config::auth::{AuthMode, FileIds, UnknownVideos};
use crate::ledger::owners::{Found, Owners};
use crate::ledger::record::Job;
use crate::params::Params;
use crate::rejection::{Expected, Noun, Param, Rejection};
use crate::telemetry::Seldom;

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Character,
}

/// What a request does with what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It lists, reads or downloads.
    Read,
    /// It deletes, or has something made of it.
    Use,
}

/// What a path names: the segment as the client spelled it, and the id that it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named<'p> {
    pub(super) kind: Kind,
    pub(super) segment: &'p str,
    pub(super) id: Cow<'p, str>,
}

/// Bytes of an id that are never escaped, by any client or by us.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

impl<'p> Named<'p> {
    /// What a path of the video routes names, if it names anything.
    pub(super) fn in_path(path: &'p str) -> Option<Self> {
        let rest = path.strip_prefix("/v1/videos/")?;
        let (kind, rest) = match rest.strip_prefix("characters/") {
            Some(rest) => (Kind::Character, rest),
            None => (Kind::Video, rest),
        };
        let segment = rest.split('/').next()?;
        if matches!((kind, segment), (_, "") | (Kind::Video, "characters" | "edits" | "extensions")) {
            return None;
        }
        let spelled = || percent_decode_str(segment).decode_utf8_lossy();
        // Nearly all are spelled plainly.
        let id = if segment.contains('%') { spelled() } else { segment.into() };
        Some(Self { kind, segment, id })
    }

    /// The words for an id that the client may not know of.
    fn unknown(&self) -> Rejection {
        unknown(self.kind, &self.id)
    }
}

fn unknown(kind: Kind, id: &str) -> Rejection {
    match kind {
        Kind::Video => Rejection::UnknownVideo(id.to_owned()),
        Kind::Character => Rejection::UnknownCharacter(id.to_owned()),
    }
}

/// The clients whose videos a request may reach; `None` where the upstream decides, which knows its clients itself.
pub(super) fn owners(admitted: &Admitted, purpose: Purpose) -> Option<Owners> {
    let key = admitted.client.key().filter(|_| admitted.gateway.config.auth.mode == AuthMode::Keys)?;
    if key.sees_all && purpose == Purpose::Read {
        return Some(Owners::Everybody);
    }
    Some(Owners::Clients(Arc::clone(&key.owners)))
}

/// The job or character that a request's path names, as of [`reached`]; `None` also where the path names nothing. From
/// then on the path spells a known id as every server reads it.
///
/// # Errors
/// As of [`reached`].
pub(super) async fn in_path(
    admitted: &mut Admitted,
    purpose: Purpose,
) -> Result<Option<Arc<Job>>, Rejection> {
    let Some(named) = Named::in_path(admitted.head.uri.path()) else { return Ok(None) };
    let job = reached(admitted, &named, purpose).await?;
    let respelled = job.as_ref().and_then(|_| respelled(&admitted.head.uri, &named));
    if let Some(uri) = respelled {
        admitted.head.uri = uri;
    }
    Ok(job)
}

/// The job or character that a path names, as far as the ledger knows it, if the client may reach it. An id that the
/// ledger knows may be spelled in any way; of all others only those pass that an upstream can have made.
///
/// # Errors
/// [`Rejection::UnknownVideo`], [`Rejection::UnknownCharacter`], and [`Rejection::LedgerUnavailable`] where the ledger
/// does not say whose it is.
async fn reached(
    admitted: &Admitted,
    named: &Named<'_>,
    purpose: Purpose,
) -> Result<Option<Arc<Job>>, Rejection> {
    let config = &admitted.gateway.config;
    let looks_right = is_id(config.routes.video_ids)(named.segment);
    let owners = owners(admitted, purpose);
    let is_read = purpose == Purpose::Read;
    if is_read && owners.is_none() && looks_right && config.upstreams.len() == 1 {
        // Nothing depends on the job: it is where all of them are. What is made of one is judged by its model.
        return Ok(None);
    }
    let job = found(admitted, (named.kind, &named.id), owners).await?;
    if job.is_none() && !looks_right { Err(named.unknown()) } else { Ok(job) }
}

/// The job or character of an id, as far as the ledger knows it, if the client may reach it.
///
/// # Errors
/// As of [`reached`].
pub(super) async fn by_id(
    admitted: &Admitted,
    named: (Kind, &str),
    purpose: Purpose,
) -> Result<Option<Arc<Job>>, Rejection> {
    found(admitted, named, owners(admitted, purpose)).await
}

async fn found(
    admitted: &Admitted,
    (kind, id): (Kind, &str),
    owners: Option<Owners>,
) -> Result<Option<Arc<Job>>, Rejection> {
    let gateway = &admitted.gateway;
    let has_owners = owners.is_some();
    let owners = owners.unwrap_or(Owners::Everybody);
    let is_of_kind = |job: &Job| job.operation.makes_job() == (kind == Kind::Video);
    if let Some(job) = gateway.ledger.known_job(id, &owners).filter(|job| is_of_kind(job)) {
        return Ok(Some(job));
    }
    // Apart: a client mostly polls what it has just ordered.
    let looked_up = Box::pin(gateway.ledger.owned_job(id, &owners)).await;
    if !has_owners {
        // A ledger that fails is logged; the upstream decides all the same.
        return Ok(match looked_up {
            Ok(Found::Owned(job)) if is_of_kind(&job) => Some(job),
            Ok(Found::Owned(_) | Found::Foreign | Found::Unknown) | Err(_) => None,
        });
    }
    match looked_up.map_err(|_| Rejection::LedgerUnavailable)? {
        Found::Owned(job) if is_of_kind(&job) => Ok(Some(job)),
        Found::Unknown if gateway.config.auth.unknown_videos == UnknownVideos::Forward => Ok(None),
        Found::Foreign => {
            let key = admitted.client.name().map(|name| &**name).unwrap_or_default();
            if FOREIGN.is_due(key) {
                warn!(key, job = id, "a key named a video or character that another client ordered");
            }
            Err(unknown(kind, id))
        }
        Found::Owned(_) | Found::Unknown => Err(unknown(kind, id)),
    }
}

/// The upstream that made a job, as far as the ledger knows it; else the default one.
pub(super) fn upstream_of<'a>(config: &'a Config, job: Option<&'a Job>) -> &'a Arc<str> {
    let there = job.map(|job| &job.upstream).filter(|upstream| config.upstream(upstream).is_some());
    there.unwrap_or(&config.default_upstream)
}

/// Refuses a reference that names a file at the upstream: no key owns one. A bare text is no reference of the API's, and
/// servers that take it read it as the name of a file.
///
/// # Errors
/// [`Rejection::UnknownFile`] and [`Rejection::WrongType`] where clients have keys, unless the operator lets every client
/// use every file.
pub(super) fn check_reference(admitted: &Admitted, params: &Params<'_>) -> Result<(), Rejection> {
    let auth = &admitted.gateway.config.auth;
    if auth.mode != AuthMode::Keys || auth.file_ids == FileIds::Forward {
        return Ok(());
    }
    if let Some(id) = params.reference_file_id() {
        return Err(Rejection::UnknownFile(id.to_owned()));
    }
    let param = Param::InputReference;
    match params.get(param).map(|field| field.value.noun()) {
        Some(got @ Noun::String) => {
            Err(Rejection::WrongType { param, expected: Expected::Type(Noun::File), got })
        }
        Some(_) | None => Ok(()),
    }
}

/// What was logged of keys that named other clients' videos.
static FOREIGN: Seldom = Seldom::new();

/// The path with the id escaped as every server reads it; `None` where the client has spelled it so.
fn respelled(uri: &Uri, named: &Named<'_>) -> Option<Uri> {
    if is_plain_id(named.segment) {
        return None;
    }
    let canonical: Cow<'_, str> = utf8_percent_encode(&named.id, PLAIN).into();
    if canonical == named.segment {
        return None;
    }
    let target = uri.path_and_query()?.as_str();
    let start = named.segment.as_ptr().addr().checked_sub(uri.path().as_ptr().addr())?;
    let (before, rest) = target.split_at_checked(start)?;
    let behind = rest.strip_prefix(named.segment)?;
    [before, &canonical, behind].concat().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_video_or_a_character() {
        for (path, named) in [
            ("/v1/videos/video_1", Some((Kind::Video, "video_1"))),
            ("/v1/videos/video_1/remix", Some((Kind::Video, "video_1"))),
            ("/v1/videos/video_a%2Bb%3D/content", Some((Kind::Video, "video_a+b="))),
            ("/v1/videos/characters/char_1", Some((Kind::Character, "char_1"))),
            ("/v1/videos/characters", None),
            ("/v1/videos/edits", None),
            ("/v1/videos", None),
        ] {
            let found = Named::in_path(path);
            assert_eq!(found.as_ref().map(|named| (named.kind, &*named.id)), named, "{path}");
        }
    }

    #[test]
    fn an_id_is_escaped_as_every_server_reads_it() {
        for (sent, respelled_as) in [
            ("/v1/videos/video_1-2/content?variant=video", None),
            ("/v1/videos/a==/content?variant=a==", Some("/v1/videos/a%3D%3D/content?variant=a==")),
            ("/v1/videos/task.123", Some("/v1/videos/task%2E123")),
            ("/v1/videos/cgt%3a1", Some("/v1/videos/cgt%3A1")),
            ("/v1/videos/%76ideo", Some("/v1/videos/video")),
        ] {
            let uri: Uri = sent.parse().expect("a target");
            let named = Named::in_path(uri.path()).expect("an id");
            let found = respelled(&uri, &named);
            assert_eq!(found.map(|uri| uri.to_string()).as_deref(), respelled_as, "{sent}");
        }
    }
}
