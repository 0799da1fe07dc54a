//! Making a paid call, once it is judged: claimed in the ledger, paid for from every quota, written down, and made.
//!
//! Until it is written down it ends with its client. From then on it is [`detached`].

use std::future::pending;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout_at};

use super::admission::Admitted;
use super::detached::{Holds, Making, noted};
use super::order::Order;
use super::written::Written;
use crate::auth;
use crate::budget::Reserved;
use crate::config::upstreams::Credential;
use crate::ledger::intent::{self, Account, Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::ledger::record::LedgerId;
use crate::ledger::{Claim, DuplicateInFlight, Open, Replay};
use crate::outcome::{Note, Refusal};
use crate::quota::slots::{Held, Wanted};
use crate::quota::wait_budget::WaitBudget;
use crate::quota::{Asked, Class, SpentAll};
use crate::rejection::Rejection;
use crate::request_body::Piece;
use crate::shutdown::{Stage, Underway};
use crate::upstream::ACCOUNT;

/// A call that costs money, as it goes upstream.
pub(super) struct Paid {
    pub(super) operation: Operation,
    pub(super) body: Written,
    /// The upstream that is asked.
    pub(super) upstream: Arc<str>,
    /// What it asks for, and what it costs, as far as it is known.
    pub(super) order: Order,
}

impl Paid {
    /// Whether it starts a job, which takes its time.
    fn makes_job(&self) -> bool {
        self.operation.makes_job()
    }
}

/// Makes the call, or gives the answer that an earlier try of it got. `note`: what the edge must know of it in any
/// case; a failed create was adjusted just as well.
pub(super) async fn call(admitted: Admitted, paid: Paid, note: Note) -> Result<Response, Refusal> {
    admitted.journey().mark(|marks| {
        marks.model.clone_from(&note.model);
        marks.adjusted.clone_from(&note.adjusted);
        marks.upstream.clone_from(&note.upstream);
    });
    let mut answer = claimed(admitted, paid).await.into_response();
    let made: Note = answer.extensions_mut().remove().unwrap_or_default();
    let earlier = answer.extensions().get().and_then(Refusal::earlier_try).map(Into::into);
    let ledger_id = made.ledger_id.or(earlier);
    answer.extensions_mut().insert(Note { ledger_id, replayed: made.replayed, ..note });
    Ok(answer)
}

async fn claimed(admitted: Admitted, paid: Paid) -> Result<Response, Refusal> {
    // Of all waits together: the client is answered before it gives up and asks again by itself.
    let until = Instant::now() + admitted.upstreams.time_for(&paid.upstream, &admitted.head.headers);
    let mut claim = admitted.gateway.ledger.claim(intent(&admitted, &paid)?).await?;
    loop {
        claim = match claim {
            Claim::Fresh(open) => match recorded(&admitted, &paid, until, open).await? {
                Ok((open, taken)) => return Ok(made(admitted, until, paid, (open, taken)).await),
                // Another process was quicker.
                Err(twin) => Claim::Await(twin),
            },
            Claim::Await(twin) => {
                let began = Instant::now();
                let journey = admitted.journey();
                // Apart: hardly any call waits for another.
                let mut awaited = Box::pin(awaited(twin, journey.underway(), until));
                let awaited = journey.during(awaited.as_mut()).await;
                journey.waited("earlier_try", began.elapsed());
                awaited?
            }
            Claim::Replay(replay) => return Ok(replayed(replay)),
            Claim::Failed(failure) => return Err(Refusal::lost(failure)),
        };
    }
}

fn intent(admitted: &Admitted, paid: &Paid) -> Result<Intent, Rejection> {
    let head = &admitted.head;
    Ok(Intent {
        client: intent::client(admitted.client.name(), account(admitted, &paid.upstream)?.as_ref()),
        operation: paid.operation,
        fingerprint: paid.body.fingerprint.clone(),
        former: paid.body.former.clone(),
        key: IdempotencyKey::read(&head.headers)?,
        repeat: intent::is_repeat(&head.headers),
    })
}

/// What the upstream knows the client by, where the gateway does not know it by a key.
fn account<'r>(admitted: &'r Admitted, upstream: &str) -> Result<Option<Account<'r>>, Rejection> {
    let headers = &admitted.head.headers;
    let Some(credential) = auth::credential(headers)? else { return Ok(None) };
    // Sent on with the client's credential alone: see the upstream's request headers.
    let settings = admitted.gateway.config.upstream(upstream);
    let sent_on = settings.is_some_and(|upstream| upstream.credential == Credential::Client);
    let named = |name: &HeaderName| headers.get(name).filter(|_| sent_on).map(HeaderValue::as_bytes);
    let [organization, project] = ACCOUNT.each_ref().map(named);
    Ok(Some(Account { credential: credential.as_bytes(), organization, project }))
}

/// Waits for the earlier try of a call.
async fn awaited(
    twin: DuplicateInFlight,
    underway: Option<&Underway>,
    until: Instant,
) -> Result<Claim, Rejection> {
    let unresolved = twin.unresolved();
    let ending = async {
        match underway {
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
) -> Result<Result<Recorded, DuplicateInFlight>, Refusal> {
    let turn = match turn(admitted, paid, until).await {
        Ok(turn) => turn,
        Err(reason) => {
            open.refuse(&reason);
            return Err(reason.into());
        }
    };
    let met = open.record(details(admitted, paid)).await?;
    Ok(met.map_or(Ok((open, turn)), Err))
}

/// A call that is written down, and what it holds.
type Recorded = (Open, Turn);

/// Makes a call that is written down, and waits for its answer.
fn made(
    admitted: Admitted,
    until: Instant,
    paid: Paid,
    (open, (reserved, spent, held)): Recorded,
) -> impl Future<Output = Response> {
    let id = open.id().clone();
    admitted.journey().mark(|marks| marks.ledger_id = Some(id.as_str().into()));
    let Admitted { gateway, upstreams, client, mut head, place } = admitted;
    let makes_job = paid.makes_job();
    let Paid { body: Written { pieces: body, content_type, .. }, upstream, .. } = paid;
    head.headers.insert(header::CONTENT_TYPE, content_type);
    // They are of the client's bytes.
    DIGESTS.iter().for_each(|name| drop(head.headers.remove(name)));
    let making = Making {
        gateway,
        upstreams,
        upstream,
        owner: client.name().cloned(),
        head,
        body,
        open,
        makes_job,
        until,
        holds: Holds { charge: reserved.keep(), spent, held, place },
    };
    let answer = making.answer();
    async move { with_id(answer.await, &id) }
}

/// Headers that say what the bytes of a body are.
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// What a call holds whose turn it is.
type Turn = (Reserved, SpentAll, Held);

/// Reserves what the call costs, and waits for its turn with every limit of ours. Whatever it took goes back if it is
/// dropped.
async fn turn(admitted: &Admitted, paid: &Paid, until: Instant) -> Result<Turn, Rejection> {
    // First: who may have nothing made any more need not wait for it.
    let now = admitted.gateway.ledger.now().system();
    let reserved =
        admitted.gateway.budgets.reserve(admitted.client.name(), paid.order.cost(paid.operation), now)?;
    let patience = WaitBudget { deadline: Some(until), journey: Some(admitted.journey()) };
    let (key, model) = (admitted.client.name().map(|name| &**name), paid.order.model.as_deref());
    let asked = Asked { class: Class::Submit, key, model, patience: &patience };
    let spent = admitted.gateway.quotas.spend(&asked).await?;
    let wanted = Wanted { upstream: &paid.upstream, model, key };
    let slots = &admitted.gateway.slots;
    let held = if paid.makes_job() { slots.acquire(&wanted, &patience).await? } else { slots.none() };
    Ok((reserved, spent, held))
}

fn details(admitted: &Admitted, paid: &Paid) -> Details {
    let head = &admitted.head;
    let bytes = paid.body.pieces.iter().map(Piece::len).sum();
    let Order { model, model_named, seconds, size, price } = paid.order.clone();
    Details {
        upstream: Arc::clone(&paid.upstream),
        model,
        model_named,
        seconds,
        size,
        price,
        request_id: admitted.journey().id().as_str().to_owned(),
        sent: Sent::of(&head.method, &head.uri, &head.headers, bytes),
    }
}

/// Tells under which id the call is in the ledger, whatever became of it.
fn with_id(answer: Result<Response, Refusal>, id: &LedgerId) -> Response {
    let mut response = answer.into_response();
    response.extensions_mut().insert(noted(id));
    response
}
