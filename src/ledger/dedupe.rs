//! Which call is a repeat of which: decisions only, over what is known of earlier tries.
//!
//! An application may ask for the same video twice on purpose, and an SDK may ask again by itself; both look
//! alike but for `x-stainless-retry-count`. What must hold is that there are never more jobs than calls: a first
//! try is always let through unless its repeat came first, and a repeat only in place of a try that came to nothing.

use std::cmp::Reverse;

use super::intent::Intent;
use super::record::{LedgerId, Record, State};
use super::store::Unless;
use super::time::Timestamp;

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is made.
    Fresh,
    /// It is made in place of one that was refused.
    Instead,
    /// It gets the answer of this one.
    Replay(LedgerId),
    /// This one has no outcome yet.
    Await(LedgerId),
    /// This one may have been accepted.
    Unresolved(LedgerId),
    /// Its key stands for another request.
    Mismatch,
}

/// An earlier try of a request, by what a repeat has to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) id: LedgerId,
    pub(super) at: Timestamp,
    pub(super) state: State,
    /// Whether its client was gone before it was answered.
    pub(super) client_left: bool,
    /// How many repeats were answered from it, or wait for it.
    pub(super) repeats: u32,
}

impl Try {
    pub(super) fn of(record: &Record) -> Self {
        Self {
            id: record.id.clone(),
            at: record.at,
            state: record.outcome.state,
            client_left: record.client_left,
            repeats: record.replays,
        }
    }

    /// Whether nobody has heard of it who could: a repeat is most likely its.
    fn is_unheard(&self) -> bool {
        self.client_left && self.repeats == 0
    }

    fn verdict(&self) -> Verdict {
        match self.state {
            State::Open => Verdict::Await(self.id.clone()),
            State::Accepted => Verdict::Replay(self.id.clone()),
            State::Unknown => Verdict::Unresolved(self.id.clone()),
            State::Refused => Verdict::Fresh,
        }
    }
}

/// What becomes of a call with an idempotency key. `newest`: what the key was last used for.
pub(super) fn of_key(newest: Option<&Record>, intent: &Intent) -> Verdict {
    let Some(record) = newest.filter(|record| record.outcome.stands()) else { return Verdict::Fresh };
    if !intent.is_of(&record.intent.fingerprint) {
        return Verdict::Mismatch;
    }
    match record.outcome.state {
        State::Open => Verdict::Await(record.id.clone()),
        State::Accepted | State::Refused => Verdict::Replay(record.id.clone()),
        State::Unknown => Verdict::Unresolved(record.id.clone()),
    }
}

/// What becomes of an SDK's own repeat. `refused`: whether a try was refused that no repeat has made up for yet.
pub(super) fn of_repeat(tries: &[Try], refused: bool) -> Verdict {
    let taken = || tries.iter().filter(|one| one.state != State::Refused);
    if let Some(unheard) = taken().filter(|one| one.is_unheard()).min_by_key(|one| likelihood(one)) {
        return unheard.verdict();
    }
    if refused {
        return Verdict::Instead;
    }
    // Without any, the first try came to nothing before anybody wrote it down.
    taken().min_by_key(|one| likelihood(one)).map_or(Verdict::Fresh, Try::verdict)
}

/// The record that keeps a new one from being written: had its claim known of it, it would have decided otherwise.
/// `earlier`: those of its key, or of its request, as a store finds them.
///
/// What this process makes its own desk knows of; this is about what others made at the same time.
pub(super) fn met<'r>(new: &Record, earlier: &'r [Record], unless: &Unless) -> Option<&'r LedgerId> {
    let met = if new.intent.key.is_some() {
        earlier.first().filter(|holder| holder.outcome.stands())
    } else if new.intent.repeat {
        let unknown = |one: &&Record| one.instance != new.instance && !unless.known.contains(&one.id);
        earlier.iter().filter(unknown).find(|one| one.outcome.state != State::Refused)
    } else {
        // A repeat that was made before any first try was known: this one is too late.
        let overtakes = |one: &&Record| one.intent.repeat && one.at >= unless.overtaken_since;
        earlier.last().filter(overtakes).filter(|one| one.instance != new.instance)
    };
    met.map(|record| &record.id)
}

/// The most likely first: one that is still open has lost its client without our noticing; an open outcome was
/// told with the word not to ask again; an accepted one was answered. Among equals the one that fewest repeats
/// were told of, then the youngest.
fn likelihood(one: &Try) -> (u8, u32, Reverse<Timestamp>) {
    let state = match one.state {
        State::Open => 0,
        State::Unknown => 1,
        State::Accepted | State::Refused => 2,
    };
    (state, one.repeats, Reverse(one.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(at: i64, state: State) -> Try {
        let id = LedgerId(format!("lg_{at}").into());
        Try { id, at: Timestamp(at), state, client_left: false, repeats: 0 }
    }

    fn id(at: i64) -> LedgerId {
        one(at, State::Open).id
    }

    /// RT29
    #[test]
    fn a_repeat_is_told_of_the_try_it_repeats() {
        assert_eq!(of_repeat(&[one(1, State::Open)], false), Verdict::Await(id(1)));
        assert_eq!(of_repeat(&[one(1, State::Accepted)], false), Verdict::Replay(id(1)));
        assert_eq!(of_repeat(&[one(1, State::Unknown)], false), Verdict::Unresolved(id(1)));
        assert_eq!(of_repeat(&[one(1, State::Refused)], false), Verdict::Fresh);
        assert_eq!(of_repeat(&[], false), Verdict::Fresh);
    }

    #[test]
    fn a_repeat_makes_up_for_a_refused_try_before_it_takes_anothers_job() {
        assert_eq!(of_repeat(&[one(1, State::Accepted)], true), Verdict::Instead);
    }

    #[test]
    fn a_try_that_nobody_heard_of_comes_first() {
        let unheard = Try { client_left: true, ..one(1, State::Accepted) };
        let tries = [one(3, State::Open), unheard.clone(), one(2, State::Accepted)];
        assert_eq!(of_repeat(&tries, true), Verdict::Replay(id(1)));
        let heard = Try { repeats: 1, ..unheard };
        assert_eq!(of_repeat(&[heard, one(2, State::Accepted)], false), Verdict::Replay(id(2)));
    }

    #[test]
    fn an_open_try_is_likelier_than_a_finished_one() {
        let tries = [one(1, State::Open), one(2, State::Accepted), one(3, State::Unknown)];
        assert_eq!(of_repeat(&tries, false), Verdict::Await(id(1)));
    }
}
