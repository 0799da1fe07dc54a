//! Claiming a paid call: it is made, or answered by what an earlier try of it came to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::dedupe::{self, Try, Verdict};
use super::in_flight_calls::Told;
use super::intent::{IdempotencyKey, Intent};
use super::open::Open;
use super::record::{LedgerId, State};
use super::settlement::{Answer, End};
use super::store::{Note, Noted, Which};
use super::{Ledger, TURNS, Timestamp};
use crate::failure::Failure;
use crate::rejection::Rejection;

/// What becomes of a paid call.
#[derive(Debug)]
pub(crate) enum Claim {
    /// It is made. Until it is settled, its twins wait for it.
    Fresh(Open),
    /// An earlier try of it has no outcome yet.
    Await(DuplicateInFlight),
    /// An earlier try of it has been answered.
    Replay(Replay),
    /// The try it waited for came to nothing, and nothing was sent.
    Failed(Failure),
}

/// The answer to an earlier try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    /// The record of that try.
    pub id: LedgerId,
    /// Its answer.
    pub answer: Answer,
}

/// A call whose earlier try has no outcome yet.
#[derive(Debug)]
pub(crate) struct DuplicateInFlight {
    ledger: Ledger,
    intent: Intent,
    id: LedgerId,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Here(watch::Receiver<Option<Told>>),
    /// Another process has it under way. It is looked at after this time, and then less and less often.
    Elsewhere(Duration),
}

/// How late a first try may come after its repeat. They are sent in order, and taken by different workers.
pub(super) const OVERTAKEN: Duration = Duration::from_secs(10);

/// Held by whoever claims.
type Turn<'l> = tokio::sync::MutexGuard<'l, ()>;

/// How soon another process's call is looked at, and how long at most between two looks.
const LOOK: Duration = Duration::from_millis(25);
const LOOK_MAX: Duration = Duration::from_millis(500);

impl Ledger {
    /// Says what becomes of a paid call.
    ///
    /// # Errors
    /// [`Rejection::IdempotencyMismatch`], [`Rejection::CreateUnresolved`], and
    /// [`Rejection::LedgerUnavailable`] if the store does not say what it knows.
    pub(crate) async fn claim(&self, intent: Intent) -> Result<Claim, Rejection> {
        if let Some(key) = intent.key.clone() {
            let _turn = self.turn(&intent).await?;
            return self.claim_key(intent, key).await;
        }
        if !intent.repeat {
            let soon = self.0.clock.now().before(OVERTAKEN);
            let mut desk = self.desk();
            if !desk.is_overtaken(&intent, soon) {
                // Whoever asks twice on purpose gets two videos.
                return Ok(Claim::Fresh(Open::new(self, desk, intent, Vec::new())));
            }
        }
        let _turn = self.turn(&intent).await?;
        // One that was overtaken is the repeat of its repeat.
        self.claim_repeat(Intent { repeat: true, ..intent }).await
    }

    /// Waits until no other call is being claimed that this one could be a twin of, as long as the store may take.
    pub(super) async fn turn(&self, intent: &Intent) -> Result<Turn<'_>, Rejection> {
        let mut hasher = DefaultHasher::new();
        (&intent.client, intent.operation).hash(&mut hasher);
        match &intent.key {
            Some(key) => key.hash(&mut hasher),
            None => intent.fingerprint.hash(&mut hasher),
        }
        let index = usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0);
        let turn = self.0.turns.get(index).ok_or(Rejection::LedgerUnavailable)?;
        timeout(self.0.timeout, turn.lock()).await.map_err(unavailable)
    }

    async fn claim_key(&self, intent: Intent, key: IdempotencyKey) -> Result<Claim, Rejection> {
        // Before the store is asked: a call is settled there before it leaves the desk.
        let under_way = self.desk().with_key(&intent.client, intent.operation, &key);
        if let Some(other) = under_way {
            if !intent.is_of(&other.fingerprint) {
                return Err(Rejection::IdempotencyMismatch);
            }
            return self.carry_out(Verdict::Await(other.id), intent, Vec::new()).await;
        }
        let which = Which::same_as(&intent, self.counts_since(&intent));
        let records = self.asked("lookup", self.0.store.records(which)).await.map_err(unavailable)?;
        let verdict = dedupe::of_key(records.first(), &intent);
        self.carry_out(verdict, intent, Vec::new()).await
    }

    /// From when on records count for a call with this intent.
    pub(super) fn counts_since(&self, intent: &Intent) -> Timestamp {
        let window = if intent.key.is_some() { self.0.keep_answers } else { self.0.repeat_window };
        self.0.clock.now().before(window)
    }

    async fn claim_repeat(&self, intent: Intent) -> Result<Claim, Rejection> {
        let since = self.counts_since(&intent);
        // Before the store is asked, as above.
        let mut tries = self.desk().tries(&intent.client, &intent.fingerprint);
        let which = Which::same_as(&intent, since);
        let mut records = self.asked("lookup", self.0.store.records(which)).await.map_err(unavailable)?;
        // Its first try may have come to an earlier version.
        if let Some(fingerprint) = intent.former.clone() {
            let which = Which::Request { client: Arc::clone(&intent.client), fingerprint, since };
            let former = self.asked("lookup", self.0.store.records(which)).await.map_err(unavailable)?;
            records.extend(former);
        }
        for record in &records {
            // What the store says is as new, or newer, unless it has not heard of the end.
            tries.retain(|one| one.id != record.id || record.outcome.state == State::Open);
            if tries.iter().all(|one| one.id != record.id) {
                tries.push(Try::of(record));
            }
        }
        // What this process saw refused, another one may have made up for since this one was started.
        let began = self.0.began.before(OVERTAKEN);
        let elsewhere = records.iter().any(|one| one.at >= began && one.instance != self.0.instance);
        let credit_since = if elsewhere { Timestamp::NEVER } else { since };
        let verdict = self.verdict(&intent, tries, credit_since);
        let known = records.into_iter().map(|record| record.id).collect();
        self.carry_out(verdict, intent, known).await
    }

    /// What becomes of a repeat of which these tries are known; refusals `since` then may be made up for. A first try
    /// that comes at the same time either is seen here, or sees that it was overtaken.
    fn verdict(&self, intent: &Intent, mut tries: Vec<Try>, since: Timestamp) -> Verdict {
        let mut desk = self.desk();
        for one in desk.tries(&intent.client, &intent.fingerprint) {
            if tries.iter().all(|known| known.id != one.id) {
                tries.push(one);
            }
        }
        let verdict = dedupe::of_repeat(&tries, desk.has_refusal(intent, since));
        if matches!(verdict, Verdict::Fresh | Verdict::Instead) {
            // Made in place of a try that came to nothing, seen here or not: no other repeat is.
            desk.make_up(intent);
        }
        if verdict == Verdict::Fresh && tries.is_empty() {
            desk.overtakes(intent, self.0.clock.now());
        }
        verdict
    }

    /// `known`: the records that the verdict was made with.
    async fn carry_out(
        &self,
        verdict: Verdict,
        intent: Intent,
        known: Vec<LedgerId>,
    ) -> Result<Claim, Rejection> {
        match verdict {
            Verdict::Fresh | Verdict::Instead => {
                Ok(Claim::Fresh(Open::new(self, self.desk(), intent, known)))
            }
            Verdict::Mismatch => Err(Rejection::IdempotencyMismatch),
            Verdict::Unresolved(id) => {
                self.note_repeat(id.clone()).await;
                Err(unresolved(&id))
            }
            Verdict::Await(id) => {
                let waiting = self.desk().wait_for(&id);
                let source = waiting.map_or(Source::Elsewhere(LOOK), Source::Here);
                Ok(Claim::Await(DuplicateInFlight { ledger: self.clone(), intent, id, source }))
            }
            Verdict::Replay(id) => self.replay(id).await,
        }
    }

    async fn replay(&self, id: LedgerId) -> Result<Claim, Rejection> {
        let answer = self.asked("lookup", self.0.store.answer(id.clone())).await.map_err(unavailable)?;
        self.note_repeat(id.clone()).await;
        // An answer that is not kept any more cannot be given again, and the call must not be made again.
        let answer = answer.ok_or_else(|| unresolved(&id))?;
        Ok(Claim::Replay(Replay { id, answer }))
    }

    /// Awaited, so that the next repeat knows of it. That it fails is no reason to refuse this one.
    async fn note_repeat(&self, id: LedgerId) {
        let note = Note { at: self.0.clock.now(), what: Noted::Replayed(id) };
        let _ = self.asked("note", self.0.store.note(note)).await;
    }
}

impl DuplicateInFlight {
    /// A call that met this record of another process's when it was to be written down: its claim is decided again.
    pub(super) fn met(ledger: &Ledger, intent: Intent, id: LedgerId) -> Self {
        // Where there is no key, whatever comes second is a repeat.
        let repeat = intent.repeat || intent.key.is_none();
        let source = Source::Elsewhere(Duration::ZERO);
        Self { ledger: ledger.clone(), intent: Intent { repeat, ..intent }, id, source }
    }

    /// What to answer when there is no more time to wait.
    pub(crate) fn unresolved(&self) -> Rejection {
        unresolved(&self.id)
    }

    /// Waits for the outcome of the earlier try; never yields [`Claim::Await`]. It yields [`Claim::Fresh`] if
    /// that try was given up before it was made.
    ///
    /// # Errors
    /// The refusal of the earlier try, and all those of [`Ledger::claim`].
    pub(crate) async fn outcome(self) -> Result<Claim, Rejection> {
        let mut twin = self;
        loop {
            let ledger = twin.ledger.clone();
            match twin.told().await {
                Told::Ended(End::Answered(answer)) => {
                    let answer = Arc::unwrap_or_clone(answer);
                    ledger.note_repeat(twin.id.clone()).await;
                    return Ok(Claim::Replay(Replay { id: twin.id, answer }));
                }
                Told::Ended(End::Rejected(reason)) => return Err(reason),
                Told::Ended(End::Failed(failure)) if failure.outcome_unknown() => {
                    return Err(twin.unresolved());
                }
                Told::Ended(End::Failed(failure)) => return Ok(Claim::Failed(failure)),
                Told::Ended(End::Unkept) | Told::Unresolved => return Err(twin.unresolved()),
                Told::Released => match ledger.claim(twin.intent.clone()).await? {
                    Claim::Await(next) => {
                        let source = next.source.behind(&twin.source);
                        twin = Self { source, ..next };
                    }
                    outcome @ (Claim::Fresh(_) | Claim::Replay(_) | Claim::Failed(_)) => return Ok(outcome),
                },
            }
        }
    }

    async fn told(&mut self) -> Told {
        match &mut self.source {
            Source::Here(receiver) => match receiver.wait_for(Option::is_some).await {
                Ok(told) => told.clone().unwrap_or(Told::Unresolved),
                Err(_) => Told::Unresolved,
            },
            Source::Elsewhere(wait) => {
                sleep(*wait).await;
                // Claiming again looks again.
                Told::Released
            }
        }
    }
}

impl Source {
    /// The same, looked at less often than the one before it.
    fn behind(self, before: &Self) -> Self {
        match (self, before) {
            (Self::Elsewhere(wait), Self::Elsewhere(waited)) => {
                Self::Elsewhere(wait.max(*waited * 2).min(LOOK_MAX))
            }
            (source, _) => source,
        }
    }
}

fn unresolved(id: &LedgerId) -> Rejection {
    Rejection::CreateUnresolved { ledger_id: id.to_string() }
}

/// The reason is in the log; the client can do nothing about it.
fn unavailable<E>(_: E) -> Rejection {
    Rejection::LedgerUnavailable
}
