//! Polls the jobs that hold slots and that nobody else polls, so that no slot is held for a job that has ended; and
//! sees to it that outcomes that could not be written down are, once they can be.

use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::http::{HeaderMap, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};
use tracing::{debug, warn};

use crate::gateway::{Gateway, Live};
use crate::journey::{Journey, Start};
use crate::quota::slots::Job;
use crate::routes::observe::{self, Polled};
use crate::upstream::{Call, Kind, Payload, Upstreams, WHOLE_MAX, coding};

/// How often it is looked whether a job is due. When one is, the configuration says.
const LOOK: Duration = Duration::from_millis(200);
/// How often the ledger tries to write what it could not.
const TRY: Duration = Duration::from_secs(5);
/// Jobs polled at the same time.
const AT_ONCE: usize = 16;
/// What stays as it is in a path's segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Watches until it is dropped.
pub async fn run(live: Live) {
    let mut polls = JoinSet::new();
    let mut tries = interval(TRY);
    loop {
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = tries.tick() => live.current().ledger.try_unwritten().await,
        }
        let gateway = live.current();
        let overdue = gateway.slots.overdue(Instant::now());
        for job in overdue.given_up {
            warn!(
                job = job.id,
                upstream = &*job.upstream,
                "gave a job's slots up: nobody saw it end in time"
            );
        }
        for (job, credential) in overdue.poll {
            while polls.len() >= AT_ONCE {
                let _ = polls.join_next().await;
            }
            polls.spawn(poll(Arc::clone(&gateway), live.upstreams(&gateway), (job, credential)));
        }
        while polls.try_join_next().is_some() {}
    }
}

/// Asks once how far a job has come.
async fn poll(gateway: Arc<Gateway>, upstreams: Upstreams, (job, credential): (Job, HeaderMap)) {
    let Some(call) = question(&gateway, &job, credential) else { return };
    let answer = match upstreams.send(&job.upstream, &call, Payload::Empty).await {
        Ok(answer) => answer,
        Err(unanswered) => {
            debug!(job = job.id, why = ?unanswered.why, "a watched job could not be looked at");
            return;
        }
    };
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, WHOLE_MAX).await.unwrap_or_default();
    if head.status == StatusCode::NOT_FOUND {
        return observe::gone(&gateway, &job.upstream, &job.id);
    }
    let polled = Polled { upstream: &job.upstream, id: &job.id, is_poll: head.status.is_success() };
    observe::seen(&gateway, polled, &coding::decoded(&head.headers, &body).unwrap_or_default());
}

/// A poll as the job's client would make it.
fn question(gateway: &Arc<Gateway>, job: &Job, credential: HeaderMap) -> Option<Arc<Call>> {
    let target = format!("/v1/videos/{}", utf8_percent_encode(&job.id, SEGMENT));
    let mut head = Request::get(target).body(()).ok()?.into_parts().0;
    head.headers = credential;
    let start = Start { metrics: Some(Arc::clone(&gateway.metrics)), ..Start::default() };
    head.extensions.insert(Journey::begin(Instant::now(), start));
    Some(Arc::new(Call::new(Kind::Fetch, head).counted_by(&gateway.quotas)))
}
