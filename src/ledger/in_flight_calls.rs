//! The calls that this process has under way, and the refusals that a repeat may make up for.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;

use super::bounded::Bounded;
use super::dedupe::Try;
use super::fingerprint::Fingerprint;
use super::intent::{IdempotencyKey, Intent};
use super::operation::Operation;
use super::record::{LedgerId, LedgerIds, State};
use super::settlement::End;
use super::time::Timestamp;

/// Requests whose refusals are remembered. Forgetting one makes a repeat look like another try's: fewer jobs
/// than were asked for, never more.
const REQUESTS_MAX: usize = 10_000;
/// Refusals of one request that are remembered, and repeats without a first try.
const OF_ONE_MAX: usize = 64;

/// What those who wait for a call are told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// How it ended.
    Ended(End),
    /// That nobody knows.
    Unresolved,
    /// That it was never made.
    Released,
}

/// Everything under way.
#[derive(Debug)]
pub(super) struct InFlightCalls {
    ids: LedgerIds,
    open: HashMap<LedgerId, Entry>,
    requests: Bounded<(Arc<str>, Fingerprint), Account>,
}

/// What repeats of one request may make up for, oldest first.
#[derive(Debug, Default)]
struct Account {
    /// Tries that were refused.
    refusals: VecDeque<Timestamp>,
    /// Repeats that were made although no earlier try was known. On another worker they may have overtaken it: what
    /// it comes to was made up for before.
    overtaking: VecDeque<Timestamp>,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    intent: Intent,
    client_left: bool,
    /// Who waits for it, once anybody has.
    told: Option<watch::Sender<Option<Told>>>,
}

/// A call under way that another one may be a twin of.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) id: LedgerId,
    pub(super) fingerprint: Fingerprint,
}

impl InFlightCalls {
    pub(super) fn new() -> Self {
        Self { ids: LedgerIds::default(), open: HashMap::new(), requests: Bounded::new(REQUESTS_MAX) }
    }

    /// Opens a call; yields the id of its record.
    pub(super) fn open(&mut self, at: Timestamp, intent: Intent) -> LedgerId {
        let id = self.ids.next(at);
        self.open.insert(id.clone(), Entry { at, intent, client_left: false, told: None });
        id
    }

    /// Closes a call and tells everybody who waits for it. Yields whether its client was known to be gone.
    pub(super) fn close(&mut self, id: &LedgerId, told: Told) -> bool {
        let Some(entry) = self.open.remove(id) else { return false };
        if let Some(waiting) = entry.told {
            waiting.send_replace(Some(told));
        }
        entry.client_left
    }

    /// Notes that the client of an open call is gone; yields whether the call was open.
    pub(super) fn client_left(&mut self, id: &LedgerId) -> bool {
        match self.open.get_mut(id) {
            Some(entry) => {
                entry.client_left = true;
                true
            }
            None => false,
        }
    }

    /// Whether the client of an open call is gone.
    pub(super) fn has_client_left(&self, id: &LedgerId) -> bool {
        self.open.get(id).is_some_and(|entry| entry.client_left)
    }

    /// What to wait for, if the call is open here.
    pub(super) fn wait_for(&mut self, id: &LedgerId) -> Option<watch::Receiver<Option<Told>>> {
        let entry = self.open.get_mut(id)?;
        Some(entry.told.get_or_insert_with(|| watch::Sender::new(None)).subscribe())
    }

    /// The open call with this key.
    pub(super) fn with_key(
        &self,
        client: &str,
        operation: Operation,
        key: &IdempotencyKey,
    ) -> Option<UnderWay> {
        let same = |intent: &Intent| {
            *intent.client == *client && intent.operation == operation && intent.key.as_ref() == Some(key)
        };
        let (id, entry) = self.open.iter().find(|(_, entry)| same(&entry.intent))?;
        Some(UnderWay { id: id.clone(), fingerprint: entry.intent.fingerprint.clone() })
    }

    /// The open tries of a request without a key.
    pub(super) fn tries(&self, client: &str, fingerprint: &Fingerprint) -> Vec<Try> {
        let same = |intent: &Intent| {
            intent.key.is_none() && *intent.client == *client && intent.fingerprint == *fingerprint
        };
        let waiting = |entry: &Entry| entry.told.as_ref().map_or(0, watch::Sender::receiver_count);
        let tries = self.open.iter().filter(|(_, entry)| same(&entry.intent)).map(|(id, entry)| Try {
            id: id.clone(),
            at: entry.at,
            state: State::Open,
            client_left: entry.client_left,
            repeats: u32::try_from(waiting(entry)).unwrap_or(u32::MAX),
        });
        tries.collect()
    }

    /// Remembers that a try was refused, so that a repeat may make up for it; unless one has already, which came
    /// since then.
    pub(super) fn refused(&mut self, intent: &Intent, at: Timestamp, since: Timestamp) {
        let account = self.account(intent);
        let overtaken = if intent.repeat { None } else { account.overtaking.pop_back() };
        if overtaken.is_none_or(|overtaking| overtaking < since) {
            remember(&mut account.refusals, at);
        }
    }

    /// Remembers that a repeat is made of which no earlier try is known.
    pub(super) fn overtakes(&mut self, intent: &Intent, at: Timestamp) {
        remember(&mut self.account(intent).overtaking, at);
    }

    /// Whether a repeat was made since then that may be this first try's. Asked once for each: it is one call's.
    pub(super) fn is_overtaken(&mut self, intent: &Intent, since: Timestamp) -> bool {
        let Some(account) = self.requests.get_mut(&request(intent)) else { return false };
        let is_overtaken = account.overtaking.back().is_some_and(|overtaking| *overtaking >= since);
        if is_overtaken {
            account.overtaking.pop_back();
        }
        is_overtaken
    }

    /// Whether a try was refused since then that no repeat has made up for.
    pub(super) fn has_refusal(&self, intent: &Intent, since: Timestamp) -> bool {
        let account = self.requests.get(&request(intent));
        account.and_then(|account| account.refusals.back()).is_some_and(|youngest| *youngest >= since)
    }

    /// A repeat makes up for one of them: the youngest, since it is the likeliest.
    pub(super) fn make_up(&mut self, intent: &Intent) {
        self.account(intent).refusals.pop_back();
    }

    fn account(&mut self, intent: &Intent) -> &mut Account {
        self.requests.get_or_default(request(intent))
    }

    /// Calls under way.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

fn request(intent: &Intent) -> (Arc<str>, Fingerprint) {
    (Arc::clone(&intent.client), intent.fingerprint.clone())
}

fn remember(times: &mut VecDeque<Timestamp>, at: Timestamp) {
    times.push_back(at);
    if times.len() > OF_ONE_MAX {
        times.pop_front();
    }
}
