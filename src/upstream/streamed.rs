//! Answers that go on to the client as they come: streams of events, which end in a word of ours if they must, and
//! downloads, which go on where they broke.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response as Answer;

use super::answer::assembled;
use super::attempt::Rules;
use super::call::Kind;
use super::connect::{Head, Transport};
use super::head::AttemptHead;
use super::header_policy::REQUEST_ID;
use super::outgoing::Terms;
use super::resume::{Again, Missing, Resumed};
use super::sse::{self, EventStream, LastWord};
use super::stream::Download;

impl Rules {
    /// An answer that goes on to the client as it comes. `leaf`: where the rest of it can be asked for.
    pub(super) fn streamed(
        &self,
        terms: &Terms,
        leaf: Transport,
        (status, mut headers, body): (StatusCode, HeaderMap, Body),
    ) -> Answer {
        if sse::is_event_stream(status, &headers) {
            // A last word of ours may make it longer.
            headers.remove(header::CONTENT_LENGTH);
            let download = Download::new(body, self.sse_idle).metered(terms.tally.received());
            let events = EventStream::new(download, self.event_max, last_word(terms, &headers));
            return assembled(status, headers, Body::new(events));
        }
        let download = Download::new(body, self.body_idle).metered(terms.tally.received());
        let resumes = self.resume_attempts > 0;
        let missing = resumes.then(|| Missing::of(terms.method(), status, &headers)).flatten();
        // The request is written again only for what may have to be asked for again.
        let missing =
            missing.and_then(|missing| Some((missing, AttemptHead::of(terms, None).ok()?.request().ok()?)));
        let body = match missing {
            None => Body::new(download),
            Some((missing, request)) => {
                Body::new(Resumed::new(download, missing, self.again(terms, leaf, request)))
            }
        };
        assembled(status, headers, body)
    }

    fn again(&self, terms: &Terms, leaf: Transport, request: Request<()>) -> Again {
        Again {
            leaf,
            request,
            head_timeout: self.times.of(Kind::Fetch),
            body_idle: self.body_idle,
            attempts: self.resume_attempts,
            tally: terms.tally.clone(),
            journey: terms.journey.clone(),
        }
    }
}

/// How a stream ends that breaks off, under the id that its head carries: the upstream's where it sent one.
fn last_word(terms: &Terms, headers: &HeaderMap) -> LastWord {
    let sent = headers.get("request-id").or_else(|| headers.get(REQUEST_ID));
    LastWord {
        dialect: terms.dialect,
        request_id: sent.unwrap_or(terms.journey.id().value()).clone(),
        journey: terms.journey.clone(),
    }
}
