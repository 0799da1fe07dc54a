//! A claimed call, from its claim to its outcome.

use std::mem;
use std::sync::{Arc, MutexGuard};

use tracing::error;

use super::claim::{DuplicateInFlight, OVERTAKEN};
use super::in_flight_calls::{InFlightCalls, Told};
use super::intent::{Details, Intent};
use super::record::{Fault, Job, LedgerId, Outcome, Record, State};
use super::settlement::{End, Settlement};
use super::store::{Noted, Settled, Unless};
use super::{Ledger, Timestamp};
use crate::budget::Cost;
use crate::rejection::Rejection;

/// A claimed call. Its twins wait for it: settle it, refuse it, or drop it.
///
/// Dropped before it is recorded, it was never made. Dropped afterwards, it may have been: its outcome is unknown.
#[derive(Debug)]
#[must_use]
pub(crate) struct Open {
    ledger: Ledger,
    id: LedgerId,
    intent: Intent,
    /// Records that its claim was decided with.
    known: Vec<LedgerId>,
    phase: Phase,
    /// Where it goes, once that is recorded.
    place: Option<Place>,
}

/// What finding its job takes, and giving back what it cost.
#[derive(Clone, Debug)]
struct Place {
    upstream: Arc<str>,
    model: Option<Arc<str>>,
    model_named: Option<Arc<str>>,
    size: Option<String>,
    cost: Cost,
    since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody but this process knows of it.
    Claimed,
    /// The store may know of it, and nothing was sent.
    Recording,
    /// The store knows of it, and it may have been sent.
    Recorded,
    /// It is over.
    Closed,
}

impl Open {
    /// `desk`: the ledger's. `known`: the records that its claim was decided with.
    pub(super) fn new(
        ledger: &Ledger,
        mut desk: MutexGuard<'_, InFlightCalls>,
        intent: Intent,
        known: Vec<LedgerId>,
    ) -> Self {
        let now = ledger.0.clock.now();
        let id = desk.open(now, intent.clone());
        ledger.0.under_way.set(desk.len().try_into().unwrap_or(i64::MAX));
        drop(desk);
        Self { ledger: ledger.clone(), id, intent, known, phase: Phase::Claimed, place: None }
    }

    /// Id of its record.
    pub(crate) fn id(&self) -> &LedgerId {
        &self.id
    }

    /// Writes it down. Only what is written down may be sent. Should another process have been quicker with what
    /// this call must not be made beside, it is over, and yields what to wait for instead.
    ///
    /// # Errors
    /// [`Rejection::LedgerUnavailable`] if that fails. The call is over then.
    pub(crate) async fn record(&mut self, details: Details) -> Result<Option<DuplicateInFlight>, Rejection> {
        let now = self.ledger.0.clock.now();
        self.place = Some(Place {
            upstream: Arc::clone(&details.upstream),
            model: details.model.clone(),
            model_named: details.model_named.clone(),
            size: details.size.clone(),
            cost: Cost { seconds: details.seconds, price: details.price },
            since: now,
        });
        let record = Record {
            id: self.id.clone(),
            at: now,
            updated: now,
            intent: self.intent.clone(),
            details,
            outcome: Outcome::open(),
            instance: Arc::clone(&self.ledger.0.instance),
            client_left: self.ledger.desk().has_client_left(&self.id),
            replays: 0,
        };
        self.phase = Phase::Recording;
        let unless = Unless {
            since: self.ledger.counts_since(&self.intent),
            overtaken_since: now.before(OVERTAKEN),
            known: mem::take(&mut self.known),
        };
        let insert = self.ledger.0.store.insert(record, unless);
        match self.ledger.asked("insert", insert).await {
            Ok(None) => {
                self.phase = Phase::Recorded;
                self.ledger.write_unwritten();
                Ok(None)
            }
            Ok(Some(other)) => {
                // It was not refused: there is nothing to make up for.
                self.close(Told::Released);
                Ok(Some(DuplicateInFlight::met(&self.ledger, self.intent.clone(), other)))
            }
            Err(_) => {
                let reason = Rejection::LedgerUnavailable;
                self.give_up(Told::Ended(End::Rejected(reason.clone())));
                Err(reason)
            }
        }
    }

    /// Writes down what became of it, and tells its twins. That it cannot be written down is logged and counted,
    /// and tried again later: the client gets its answer all the same.
    pub(crate) async fn settle(mut self, settlement: Settlement) {
        let Settlement { outcome, end, is_last_word } = settlement;
        // Only what may be given again is kept.
        let stands = outcome.state == State::Accepted || (self.intent.key.is_some() && outcome.stands());
        let answer = match &end {
            End::Answered(answer) if stands => Some(Arc::clone(answer)),
            End::Answered(_) | End::Unkept | End::Rejected(_) | End::Failed(_) => None,
        };
        if outcome.state == State::Accepted {
            self.remember_job(&outcome);
        }
        let client_left = self.ledger.desk().has_client_left(&self.id);
        let settled = Arc::new(Settled { at: self.ledger.0.clock.now(), outcome, answer, client_left });
        let outcome = &settled.outcome;
        let write = self.ledger.0.store.settle(self.id.clone(), Arc::clone(&settled));
        match self.ledger.asked("settle", write).await {
            Ok(()) => self.ledger.write_unwritten(),
            Err(_) => {
                let Outcome { state, job_id, .. } = outcome;
                error!(ledger_id = %self.id, %state, job = job_id, "an outcome could not be written down yet");
                self.ledger.keep_unwritten(self.id.clone(), Arc::clone(&settled));
            }
        }
        // Whoever heard the last word does not ask again.
        let may_be_repeated = client_left || !is_last_word;
        if outcome.state == State::Refused && !outcome.stands() && may_be_repeated {
            self.note_refusal();
        }
        let told = if outcome.state == State::Unknown { Told::Unresolved } else { Told::Ended(end) };
        if self.close(told) && !client_left {
            // It left while we were writing.
            self.ledger.note(Noted::ClientLeft(self.id.clone()));
        }
    }

    /// A limit of ours refuses it before it was recorded. Its twins are refused for the same reason.
    pub(crate) fn refuse(mut self, reason: &Rejection) {
        self.give_up(Told::Ended(End::Rejected(reason.clone())));
    }

    /// Whoever polls for it next need not wait for the store.
    fn remember_job(&mut self, outcome: &Outcome) {
        let Some(place) = self.place.take() else { return };
        let Place { upstream, model, model_named, size, cost, since } = place;
        // An answer may name no job; it is one all the same.
        let id = outcome.job_id.as_deref();
        let job = Job {
            id: id.unwrap_or_default().into(),
            upstream,
            model,
            model_named,
            client: Arc::clone(&self.intent.client),
            since,
            status: outcome.job_status.unwrap_or(self.intent.operation.first_status()),
            operation: self.intent.operation,
            size,
            cost,
        };
        if self.intent.operation.makes_job() {
            self.ledger.job_taken(&job);
        }
        if id.is_some() {
            self.ledger.remember_job(job);
        }
    }

    /// It was never made.
    fn give_up(&mut self, told: Told) {
        self.note_refusal();
        if self.phase == Phase::Recording {
            // It may be written down all the same, by a store that was only late.
            self.settle_unseen(State::Refused, "not_sent");
        }
        self.close(told);
    }

    /// A repeat may make up for it.
    fn note_refusal(&self) {
        if self.intent.key.is_none() {
            let now = self.ledger.0.clock.now();
            let since = now.before(self.ledger.0.repeat_window);
            self.ledger.desk().refused(&self.intent, now, since);
        }
    }

    /// Asks for it to be written down and does not wait until it is.
    fn settle_unseen(&self, state: State, code: &str) {
        let fault = Fault { code: Some(code.to_owned()), message: None };
        let settled = Settled {
            at: self.ledger.0.clock.now(),
            outcome: Outcome::without_answer(state, fault),
            answer: None,
            client_left: self.ledger.desk().has_client_left(&self.id),
        };
        self.ledger.settle_unseen(self.id.clone(), Arc::new(settled));
    }

    /// Tells its twins. Yields whether its client was known to be gone.
    fn close(&mut self, told: Told) -> bool {
        self.phase = Phase::Closed;
        let mut desk = self.ledger.desk();
        let client_left = desk.close(&self.id, told);
        self.ledger.0.under_way.set(desk.len().try_into().unwrap_or(i64::MAX));
        client_left
    }
}

#[cfg(test)]
impl Open {
    /// Forgets it, as a process does that is killed. Yields what it would have said of it.
    pub(super) fn into_silence(mut self) -> Settled {
        self.phase = Phase::Closed;
        let Settlement { outcome, .. } = super::tests::took("video_1");
        let answer = Some(super::tests::job_answer("video_1").into());
        Settled { at: self.ledger.0.clock.now(), outcome, answer, client_left: false }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        match self.phase {
            Phase::Closed => {}
            Phase::Claimed | Phase::Recording => self.give_up(Told::Released),
            Phase::Recorded => {
                self.settle_unseen(State::Unknown, "interrupted");
                self.close(Told::Unresolved);
            }
        }
    }
}
