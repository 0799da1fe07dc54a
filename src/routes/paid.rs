//! Making a paid call, once it is judged: claimed in the ledger, paid for from every quota, written down, and made.
//!
//! Until it is written down it ends with its client. From then on it is [`detached`].

use std::future::pending;
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::admission::{Admitted, patience};
use super::detached::{Holds, Making, noted};
use crate::auth;
use crate::capability::judgement::Judgement;
use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{self, Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::record::LedgerId;
use crate::ledger::{Claim, Open, Replay, Twin};
use crate::outcome::{Note, Refusal};
use crate::params::Encoding;
use crate::quota::patience::Patience;
use crate::quota::slots::{Held, Wanted};
use crate::quota::{Asked, Class, SpentAll};
use crate::rejection::Rejection;
use crate::shutdown::{Stage, Underway};
use crate::upstream::Upstreams;

/// A call that costs money, as it goes upstream.
pub(super) struct Paid {
    pub(super) operation: Operation,
    pub(super) encoding: Encoding,
    pub(super) body: Vec<Bytes>,
    /// The upstream that is asked.
    pub(super) upstream: Arc<str>,
    /// What it asks for, as far as it is known.
    pub(super) order: Order,
}

/// What is asked for, for whoever reads the ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// The configured name of the model.
    pub(super) model: Option<Arc<str>>,
    pub(super) seconds: Option<u32>,
    pub(super) size: Option<String>,
    pub(super) price: Option<f64>,
}

impl Paid {
    /// Whether it starts a job, which takes its time. A character is there at once.
    fn makes_job(&self) -> bool {
        self.operation != Operation::Character
    }
}

impl Order {
    /// What a judged create asks for, as far as its model decides it where the request does not.
    pub(super) fn of(judgement: &Judgement) -> Self {
        let model = judgement.model.as_deref();
        let seconds = judgement.seconds.or(model.and_then(|model| model.default_seconds));
        let size = judgement.size.or(model.and_then(|model| model.default_size));
        let per_second = model.and_then(|model| model.price.at(size));
        Self {
            model: model.map(|model| Arc::clone(&model.name)),
            seconds,
            size: size.map(|size| size.to_string()),
            price: per_second.zip(seconds).map(|(price, seconds)| price * f64::from(seconds)),
        }
    }
}

/// Makes the call, or gives the answer that an earlier try of it got. `note`: what the edge must know of it in any
/// case; a failed create was adjusted just as well.
pub(super) async fn call(
    admitted: Admitted,
    upstreams: Upstreams,
    paid: Paid,
    note: Note,
) -> Result<Response, Refusal> {
    let mut answer = claimed(admitted, upstreams, paid).await.into_response();
    let made: Note = answer.extensions_mut().remove().unwrap_or_default();
    let earlier = answer.extensions().get().and_then(Refusal::earlier_try).map(Into::into);
    let ledger_id = made.ledger_id.or(earlier);
    answer.extensions_mut().insert(Note { ledger_id, replayed: made.replayed, ..note });
    Ok(answer)
}

async fn claimed(admitted: Admitted, upstreams: Upstreams, paid: Paid) -> Result<Response, Refusal> {
    // Of all waits together: the client is answered before it gives up and asks again by itself.
    let until = Instant::now() + upstreams.time_for(&paid.upstream, &admitted.head.headers);
    let mut claim = admitted.gateway.ledger.claim(intent(&admitted, &paid)?).await?;
    loop {
        claim = match claim {
            Claim::Fresh(open) => match recorded(&admitted, &paid, until, open).await? {
                Ok(recorded) => return Ok(made(admitted, (upstreams, until), paid, recorded).await),
                // Another process was quicker.
                Err(twin) => Claim::Await(twin),
            },
            Claim::Await(twin) => awaited(twin, &admitted.head, until).await?,
            Claim::Replay(replay) => return Ok(replayed(replay)),
            Claim::Failed(failure) => return Err(Refusal::lost(failure)),
        };
    }
}

fn intent(admitted: &Admitted, paid: &Paid) -> Result<Intent, Rejection> {
    let head = &admitted.head;
    Ok(Intent {
        client: intent::client(admitted.client.key(), auth::credential(&head.headers)?.map(str::as_bytes)),
        operation: paid.operation,
        fingerprint: Fingerprint::of(paid.operation, head.uri.path(), &paid.encoding, &paid.body),
        key: IdempotencyKey::read(&head.headers)?,
        repeat: intent::is_repeat(&head.headers),
    })
}

/// Waits for the earlier try of a call.
async fn awaited(twin: Twin, head: &Parts, until: Instant) -> Result<Claim, Rejection> {
    let unresolved = twin.unresolved();
    let ending = async {
        match head.extensions.get::<Underway>() {
            Some(underway) => underway.reached(Stage::Ending).await,
            None => pending().await,
        }
    };
    tokio::select! {
        biased;
        outcome = timeout_at(until, twin.outcome()) => outcome.unwrap_or(Err(unresolved)),
        () = ending => Err(unresolved),
    }
}

/// The answer to an earlier try, as it was.
fn replayed(replay: Replay) -> Response {
    let Replay { id, answer } = replay;
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.extensions_mut().insert(Note { replayed: true, ..noted(&id) });
    response
}

/// Waits for the call's turn, and writes it down; or tells what to wait for instead.
async fn recorded(
    admitted: &Admitted,
    paid: &Paid,
    until: Instant,
    mut open: Open,
) -> Result<Result<(Open, SpentAll, Held), Twin>, Refusal> {
    let (spent, held) = match turn(admitted, paid, until).await {
        Ok(turn) => turn,
        Err(reason) => {
            open.refuse(&reason);
            return Err(reason.into());
        }
    };
    let met = open.record(details(&admitted.head, paid)).await?;
    Ok(met.map_or(Ok((open, spent, held)), Err))
}

/// Makes a call that is written down.
async fn made(
    admitted: Admitted,
    (upstreams, until): (Upstreams, Instant),
    paid: Paid,
    (open, spent, held): (Open, SpentAll, Held),
) -> Response {
    let id = open.id().clone();
    let Admitted { gateway, head, place, .. } = admitted;
    let makes_job = paid.makes_job();
    let Paid { body, upstream, .. } = paid;
    let making = Making {
        gateway,
        upstreams,
        upstream,
        head,
        body,
        open,
        makes_job,
        until,
        holds: Holds { spent, held, place },
    };
    with_id(making.answer().await, &id)
}

/// Waits for the call's turn with every limit of ours. Whatever it took goes back if it is dropped.
async fn turn(admitted: &Admitted, paid: &Paid, until: Instant) -> Result<(SpentAll, Held), Rejection> {
    let patience = Patience { deadline: Some(until), ..patience(admitted.head.extensions.get()) };
    let (key, model) = (admitted.client.key().map(|name| &**name), paid.order.model.as_deref());
    let asked = Asked { class: Class::Submit, key, model, patience: &patience };
    let spent = admitted.gateway.quotas.spend(&asked).await?;
    let wanted = Wanted { upstream: &paid.upstream, model, key };
    let slots = &admitted.gateway.slots;
    let held = if paid.makes_job() { slots.acquire(&wanted, &patience).await? } else { slots.none() };
    Ok((spent, held))
}

fn details(head: &Parts, paid: &Paid) -> Details {
    let bytes = paid.body.iter().map(|segment| segment.len() as u64).sum();
    let request_id = head.extensions.get::<crate::request_id::RequestId>();
    let Order { model, seconds, size, price } = paid.order.clone();
    Details {
        upstream: Arc::clone(&paid.upstream),
        model,
        seconds,
        size,
        price,
        request_id: request_id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
        sent: Sent::of(&head.method, &head.uri, &head.headers, bytes),
    }
}

/// Tells under which id the call is in the ledger, whatever became of it.
fn with_id(answer: Result<Response, Refusal>, id: &LedgerId) -> Response {
    let mut response = answer.into_response();
    response.extensions_mut().insert(noted(id));
    response
}
