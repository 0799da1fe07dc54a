//! The store in a Redis server: for gateways behind a load balancer, which are as safe with money as one.
//!
//! Every step is one script, and Redis does one script at a time: of two gateways that write the same down at the same
//! time, the second one is told. All keys begin with the configured prefix, and all but jobs and the last two end by
//! themselves:
//!
//! ```text
//! call:ID                            hash    a record, in the words of the file's columns             keep, jobs: for ever
//! answer:ID                          hash    the answer to be given again: headers, body              keep_answers
//! key:CLIENT\0OPERATION\0KEY         zset    ids of an idempotency key's records that stand, by time  keep_answers
//! request:CLIENT\0FINGERPRINT        zset    ids of a request's records without a key, by time        repeat_window
//! job:ID                             string  id of the record                                         until deleted
//! request_id:ID                      string  id of the record                                         keep
//! calls, unfinished                  zset    ids of all records; of those whose jobs go on; by time   keep
//! usage:DAY                          hash    what each client has had made: requests, seconds, money  62 days
//! given_up:ID                        string  a record that nobody waits for and that must not come    an hour
//! open:INSTANCE                      set     ids of what a process has under way
//! instances                          zset    processes, by when they last said that they are alive
//! ```
//!
//! Redis Cluster is not for this: the scripts find records by what is written in others.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use redis::Value;

mod alive;
mod archive;
mod durability;
mod fields;
mod keys;
mod usage;

pub(crate) use archive::RedisArchive;

use super::Unopened;
use super::owners::{Found, Owners, Page};
use super::pairs::Pairs;
use super::record::{Job, JobStatus, LedgerId, Record, State};
use super::settlement::Answer;
use super::store::{Asked, LedgerError, Note, Noted, RECORDS_MAX, Settled, Store, Unless, Videos, Which};
use super::time::Timestamp;
use crate::budget::Amount;
use crate::config::ledger::Settings;
use crate::metrics::OptionalGauge;
use crate::redis_client::{Bounds, Link, LinkError, Terms, parsed};
use alive::Lease;
use axum::http::StatusCode;
use fields::Fields;
use keys::{Keys, script};

/// Records in a Redis server.
pub(super) struct RedisStore {
    link: Link,
    keys: Keys,
    keep: Kept,
}

/// How long what is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    records: Duration,
    answers: Duration,
    repeats: Duration,
}

/// How long it is remembered that a record that was not there must not come.
const GIVEN_UP: Duration = Duration::from_hours(1);
/// Jobs of which it is told at a start that they go on.
const JOBS_MAX: usize = 100_000;

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects. What a process left open that is silent for longer than its lease becomes unknown.
    pub(super) fn open(
        settings: &Settings,
        instance: &Arc<str>,
        up: &OptionalGauge,
    ) -> Result<Self, Unopened> {
        let redis = settings.redis.as_ref();
        let redis = redis.ok_or_else(|| unopened("there is no section [redis]", ""))?;
        let place = redis.place();
        let keys = Keys(redis.prefix.as_str().into());
        let bounds =
            Bounds { answer: settings.timeout, connect: settings.timeout, queue: settings.queue as usize };
        let lease = Lease {
            keys: keys.clone(),
            instance: Arc::clone(instance),
            length: redis.lease,
            // The limits ask far more often, and say so.
            up: (!redis.limits).then(|| up.clone()),
        };
        let first_beat = lease.beat(false);
        let link = Link::start("ledger-redis", redis, bounds, |chore| lease.keep(chore));
        let link = link.map_err(|error| unopened(&error.to_string(), &place))?;
        // Known to others before it writes anything.
        link.ask_now::<u64>(first_beat).map_err(|error| unopened(&error.to_string(), &place))?;
        durability::check(&link, settings.sync);
        let keep =
            Kept { records: settings.keep, answers: settings.keep_answers, repeats: settings.repeat_window };
        Ok(Self { link, keys, keep })
    }

    fn ask<T: Send + 'static>(
        &self,
        terms: Terms,
        command: redis::Cmd,
        read: impl FnOnce(Value) -> Result<T, LinkError> + Send + 'static,
    ) -> Asked<T> {
        let told = self.link.ask(terms, command, read);
        Box::pin(async move { told.await.map_err(LedgerError::from) })
    }

    fn mark(&self, id: &LedgerId, change: [&str; 3]) -> Asked<()> {
        let mut command = script(keys::MARK, &[self.keys.call(id)]);
        command.arg(&change);
        self.ask(Terms::IfRoom, command, nothing)
    }
}

fn unopened(why: &str, place: &str) -> Unopened {
    Unopened(format!(
        "redis.url: the ledger cannot be kept at {place}: {why} (start Redis there, or set ledger.store = \"sqlite\" if \
         this is the only gateway)"
    ))
}

impl From<LinkError> for LedgerError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Busy => Self::Busy,
            LinkError::Late => Self::Late,
            LinkError::Failed(why) => Self::Failed(why),
        }
    }
}

impl Store for RedisStore {
    fn insert(&self, record: Record, unless: Unless) -> Asked<Option<LedgerId>> {
        let Self { keys, keep, .. } = self;
        let (kind, keep_index) = match (&record.intent.key, record.intent.repeat) {
            (Some(_), _) => ("key", keep.answers),
            (None, true) => ("repeat", keep.repeats),
            (None, false) => ("first", keep.repeats),
        };
        let index = keys.index(&record.intent);
        let names = [
            keys.call(&record.id),
            index.clone(),
            keys.calls(),
            keys.open(&record.instance),
            keys.request_id(&record.details.request_id),
            keys.given_up(&record.id),
        ];
        let mut command = script(keys::INSERT, &names);
        command.arg(&*keys.0).arg(record.id.as_str()).arg(record.at.0);
        command.arg(millis(keep.records)).arg(millis(keep_index)).arg(unless.since.0).arg(kind);
        command.arg(&*record.instance).arg(unless.overtaken_since.0).arg(unless.known.len());
        unless.known.iter().for_each(|id| {
            command.arg(id.as_str());
        });
        add(&mut command, fields::of_record(&record, &index));
        // What nobody waits for any more is not going to be sent.
        self.ask(Terms::IfAwaited, command, |answer| {
            Ok(parsed::<Option<String>>(answer)?.map(|id| LedgerId(id.into())))
        })
    }

    fn settle(&self, id: LedgerId, settled: Arc<Settled>) -> Asked<()> {
        let Self { keys, keep, .. } = self;
        let outcome = &settled.outcome;
        let job = outcome.job_id.as_deref().map(|job| keys.job(job)).unwrap_or_default();
        let goes_on = outcome.job_id.is_some() && outcome.job_status.is_some_and(|status| !status.is_final());
        let names = [keys.call(&id), keys.answer(&id), job, keys.unfinished(), keys.given_up(&id)];
        let mut command = script(keys::SETTLE, &names);
        command.arg(&*keys.0).arg(id.as_str());
        command.arg(millis(keep.records)).arg(millis(keep.answers)).arg(millis(GIVEN_UP));
        let used = outcome.state != State::Refused && outcome.job_status != Some(JobStatus::Failed);
        let flags = [settled.client_left, outcome.stands(), goes_on, used, settled.answer.is_some()];
        command.arg(flags.map(fields::flag).as_slice());
        let kept = settled.answer.as_ref();
        command.arg(kept.map(|answer| Pairs::of(&answer.headers).as_json().to_owned()).unwrap_or_default());
        command.arg(kept.map(|answer| &*answer.body).unwrap_or_default());
        add(&mut command, fields::of_outcome(&settled));
        self.ask(Terms::InAnyCase, command, nothing)
    }

    fn note(&self, note: Note) -> Asked<()> {
        match note.what {
            Noted::Job { id, status, fault } => {
                let mut command = script(keys::JOB, &[self.keys.job(&id), self.keys.unfinished()]);
                let flags = [!status.is_final(), status == JobStatus::Failed];
                command.arg(&*self.keys.0).arg(flags.map(fields::flag).as_slice());
                let is_gone = status == JobStatus::Deleted;
                command.arg(if is_gone { millis(self.keep.records) } else { 0 });
                add(&mut command, fields::of_job(note.at, status, &fault));
                self.ask(Terms::IfRoom, command, nothing)
            }
            Noted::ClientLeft(id) => self.mark(&id, ["HSET", "client_left", "1"]),
            Noted::Replayed(id) => self.mark(&id, ["HINCRBY", "replays", "1"]),
        }
    }

    fn records(&self, which: Which) -> Asked<Vec<Record>> {
        let since = match &which {
            Which::Id(id) => {
                let mut command = redis::cmd("HGETALL");
                command.arg(self.keys.call(id));
                let read = |answer| Ok(fields::record(answer)?.into_iter().collect());
                return self.ask(Terms::IfAwaited, command, read);
            }
            Which::Key { since, .. } | Which::Request { since, .. } | Which::Oldest { since, .. } => *since,
        };
        let mut command = script(keys::CALLS, &[self.keys.index_of(&which).unwrap_or_default()]);
        command.arg(&*self.keys.0).arg(since.0).arg(RECORDS_MAX);
        self.ask(Terms::IfAwaited, command, move |answer| {
            let mut records = fields::records(answer)?;
            if let Which::Key { .. } = which {
                records.sort_by_key(|record| record.outcome.state == State::Refused);
            }
            Ok(records)
        })
    }

    fn answer(&self, id: LedgerId) -> Asked<Option<Answer>> {
        self.ask(Terms::IfAwaited, archive::answer_to(&self.keys, &id), archive::read_answer)
    }

    fn job(&self, job_id: &str, owners: Owners) -> Asked<Found> {
        let mut command = script(keys::CALL_OF, &[self.keys.job(job_id)]);
        command.arg(&*self.keys.0);
        self.ask(Terms::IfAwaited, command, move |answer| {
            Ok(owners.find(fields::record(answer)?.as_ref().and_then(Record::job)))
        })
    }

    fn videos(&self, _: Owners, _: Page) -> Asked<Videos> {
        Box::pin(ready(Ok(Videos::NotKept)))
    }

    fn unfinished(&self, since: Timestamp) -> Asked<Vec<Job>> {
        let mut command = script(keys::CALLS, &[self.keys.unfinished()]);
        command.arg(&*self.keys.0).arg(since.0).arg(JOBS_MAX);
        self.ask(Terms::IfAwaited, command, |answer| {
            Ok(fields::records(answer)?.iter().rev().filter_map(Record::job).collect())
        })
    }

    fn usage(&self, since: Timestamp) -> Asked<HashMap<Arc<str>, Amount>> {
        let today: Timestamp = SystemTime::now().into();
        let days: Vec<String> =
            (since.0 / usage::DAY..=today.0 / usage::DAY).map(|day| self.keys.usage(day)).collect();
        self.ask(Terms::IfAwaited, script(usage::DAYS, &days), usage::sum)
    }
}

fn add(command: &mut redis::Cmd, fields: Fields) {
    for (name, value) in fields {
        command.arg(name).arg(value);
    }
}

fn nothing(_: Value) -> Result<(), LinkError> {
    Ok(())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The status of an answer that was kept.
fn status(number: u16) -> Result<StatusCode, LinkError> {
    StatusCode::from_u16(number).map_err(|error| LinkError::Failed(error.to_string()))
}
