//! A paid call in a task of its own: a client that leaves neither cancels it nor hides what became of it.

use std::future::pending;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header, response};
use axum::response::Response;
use http_body::Body as HttpBody;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::send::attempts;
use crate::auth;
use crate::budget::Charge;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::journey::Journey;
use crate::ledger::Open;
use crate::ledger::record::{LedgerId, State};
use crate::ledger::settlement::{Answer, Settlement, UNREADABLE};
use crate::outcome::{Note, Refusal};
use crate::quota::SpentAll;
use crate::quota::concurrency_limit::Permit;
use crate::quota::slots::{Held, Job};
use crate::request_body::Piece;
use crate::shutdown::{Stage, Underway};
use crate::upstream::{
    Attempts, Call, Kind, Payload, Presence, Unanswered, UnderSuccess, Upstreams, WHOLE_MAX, Why, coding,
};

/// A call that is written down, and everything it needs and holds.
pub(super) struct Making {
    pub(super) gateway: Arc<Gateway>,
    pub(super) upstreams: Upstreams,
    pub(super) upstream: Arc<str>,
    /// The name of the client's key, if it has one of ours.
    pub(super) owner: Option<Arc<str>>,
    pub(super) head: Box<Parts>,
    pub(super) body: Vec<Piece>,
    pub(super) open: Open,
    /// Whether it starts a job, which takes its time.
    pub(super) makes_job: bool,
    /// When its client is answered, whatever became of it.
    pub(super) until: Instant,
    pub(super) holds: Holds,
}

/// What a call holds while it is made.
pub(super) struct Holds {
    /// What was taken from its key's budget. It is used, unless the call comes to nothing.
    pub(super) charge: Option<Charge>,
    /// Its tokens, which are spent once an attempt was made.
    pub(super) spent: SpentAll,
    /// Its slots, which become the job's.
    pub(super) held: Held,
    /// Its place among the calls in flight.
    pub(super) place: Permit,
}

impl Making {
    /// Begins to make the call; yields its answer. Dropped, it is made all the same.
    pub(super) fn answer(self) -> impl Future<Output = Result<Response, Refusal>> {
        let (tell, told) = oneshot::channel();
        let (client, waiting) = Presence::pair();
        let missed = Missed { gateway: Arc::clone(&self.gateway), id: Some(self.open.id().clone()) };
        // The process is not at its end before the task is.
        let underway = Journey::of(&self.head.extensions).underway().cloned();
        let until = self.until;
        // Boxed, since a task is moved before it rests.
        tokio::spawn(Box::pin(self.make(client, tell, underway.clone())));
        async move {
            // Held by this future, which lasts as long as its client.
            let (_waiting, mut missed) = (waiting, missed);
            let answer = tokio::select! {
                biased;
                // Only a panic ends the task without a word, and whatever it had come to.
                answer = told => answer.unwrap_or(Err(Refusal::lost(Failure::Lost))),
                // There is no more time to wait. The call goes on, and what becomes of it is written down.
                () = ending(underway) => Err(Refusal::lost(Failure::HeadTimeout)),
                () = sleep_until(until) => Err(Refusal::lost(Failure::HeadTimeout)),
            };
            missed.id = None;
            answer
        }
    }

    async fn make(
        self,
        client: Presence,
        tell: oneshot::Sender<Result<Response, Refusal>>,
        _underway: Option<Underway>,
    ) {
        let Self { gateway, upstreams, upstream, owner, head, body, open, holds, makes_job, .. } = self;
        let Holds { charge, spent, held, place } = holds;
        let call = Call::new(Kind::Submit, head).owned_by(owner.as_ref()).counted_by(&gateway.quotas);
        let call = Arc::new(Call { client, outlives_client: true, ..call });
        let answer = upstreams.send(&upstream, &call, Payload::Whole(body)).await;
        if attempts(&answer).made > 0 {
            spent.commit();
        }
        let (answer, settlement) = settled(answer).await;
        let settlement = if makes_job { settlement } else { settlement.without_job() };
        let (id, state) = (open.id().clone(), settlement.state());
        if let (State::Accepted, Some(id)) = (state, settlement.running_job()) {
            held.keep_for(Job { upstream, id: id.to_owned() }, auth::headers(&call.head.headers));
        }
        if let Some(charge) = charge.filter(|_| settlement.came_to_nothing()) {
            gateway.budgets.give_back(&charge);
        }
        let job = settlement.job_id().map(str::to_owned);
        call.journey.mark(|marks| marks.job = job.as_deref().map(Into::into));
        if tell.is_closed() {
            gateway.ledger.client_left(&id);
        }
        let is_unread = settlement.is_unreadable();
        open.settle(settlement).await;
        if is_unread {
            let (request_id, ledger_id) = (call.journey.id().as_str(), id.as_str());
            warn!(
                request_id,
                ledger_id,
                "the upstream answered a paid call with success, but its body holds no job, result or error"
            );
        }
        if tell.send(answer).is_err() {
            gateway.ledger.client_left(&id);
            gateway.metrics.orphaned.inc();
            // Somebody has to find the job that nobody was told of.
            let (request_id, ledger_id) = (call.journey.id().as_str(), id.as_str());
            warn!(request_id, ledger_id, %state, job, "nobody was left to be told what became of a paid call");
        } else if makes_job && state == State::Accepted && job.is_none() {
            let (request_id, ledger_id) = (call.journey.id().as_str(), id.as_str());
            warn!(request_id, ledger_id, "a paid call was accepted, and its answer names no job");
        }
        drop(place);
    }
}

/// Tells the ledger at once that the client has left: its next try may be here before the call is over.
struct Missed {
    gateway: Arc<Gateway>,
    /// The call's, until it is answered.
    id: Option<LedgerId>,
}

impl Drop for Missed {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.gateway.ledger.client_left(&id);
        }
    }
}

/// Resolves when there is no more time to wait for answers.
async fn ending(underway: Option<Underway>) {
    match underway {
        Some(underway) => underway.reached(Stage::Ending).await,
        None => pending().await,
    }
}

/// What is written down of an answer, and the answer again.
async fn settled(answer: Result<Response, Unanswered>) -> (Result<Response, Refusal>, Settlement) {
    let attempts = attempts(&answer);
    match answer {
        Ok(answer) => {
            let (answer, settlement) = read(answer, attempts.made).await;
            (answer, certain(settlement, attempts))
        }
        Err(unanswered) => {
            let settlement = match &unanswered.why {
                Why::Failed(failure) => Settlement::failed(*failure, attempts.made),
                Why::Rejected(reason) => Settlement::rejected(reason.clone(), attempts.made),
            };
            let settlement = certain(settlement.last_word_if(unanswered.spent), attempts);
            (Err(Refusal::unanswered(unanswered, Kind::Submit)), settlement)
        }
    }
}

/// The settlement, as certain as the attempts leave it.
fn certain(settlement: Settlement, attempts: Attempts) -> Settlement {
    if attempts.are_uncertain() { settlement.doubtful() } else { settlement }
}

/// Reads what an answer says. Its body is in memory already, unless it is too long to be an answer about a job: then
/// it streams on, and is not kept.
async fn read(answer: Response, attempts: u32) -> (Result<Response, Refusal>, Settlement) {
    let (head, body) = answer.into_parts();
    let is_whole = HttpBody::size_hint(&body).exact().is_some_and(|length| length <= WHOLE_MAX as u64);
    let said = head.extensions.get::<UnderSuccess>().copied();
    let is_unreadable = match said {
        Some(UnderSuccess::Unreadable) => true,
        Some(UnderSuccess::Made | UnderSuccess::Refused | UnderSuccess::Doubtful) => false,
        None => head.status.is_success() && is_page(&head.headers),
    };
    if is_unreadable {
        let unread = Refusal::Failed { failure: UNREADABLE, paid: true, attempts, spent: true };
        return (Err(unread), Settlement::unreadable(head.status, &head.headers, attempts));
    }
    if !is_whole {
        let settlement = Settlement::answered_at_length(head.status, &head.headers, attempts);
        return (Ok(Response::from_parts(head, body)), settlement);
    }
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let settlement = Settlement::answered(kept(&head, &bytes), attempts);
    let settlement = if said == Some(UnderSuccess::Refused) { settlement.refused() } else { settlement };
    (Ok(Response::from_parts(head, Body::from(bytes))), settlement)
}

/// Whether a body with this head is an HTML page, which is no job, however long it is.
fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"text/html") || kind.eq_ignore_ascii_case(b"application/xhtml+xml")
}

/// The answer as it is kept: without a content coding, since a later try may not accept it.
fn kept(head: &response::Parts, bytes: &Bytes) -> Answer {
    let Some(plain) = coding::decoded(&head.headers, bytes) else {
        return Answer::of(head.status, &head.headers, bytes.clone());
    };
    let mut kept = Answer::of(head.status, &head.headers, plain);
    kept.headers.remove(header::CONTENT_ENCODING);
    kept
}

/// What the edge is told of a call in the ledger.
pub(super) fn noted(id: &LedgerId) -> Note {
    Note { ledger_id: Some(id.as_str().into()), ..Note::default() }
}

#[cfg(test)]
#[path = "detached_tests.rs"]
mod tests;
