//! A store that ends with the process, for trying and testing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dedupe;
use super::owners::{Found, Owners, Page};
use super::record::{Fault, Job, JobStatus, LedgerId, Record, State};
use super::settlement::Answer;
use super::store::{Asked, LedgerError, Note, Noted, RECORDS_MAX, Settled, Store, Unless, Videos, Which};
use super::time::Timestamp;
use crate::budget::Amount;

/// Records that are kept, whatever their age.
const KEPT_MAX: usize = 10_000;

/// Records by id, which is by time.
pub(super) struct MemoryStore {
    keep: Duration,
    records: Mutex<Records>,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl MemoryStore {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, records: Mutex::new(BTreeMap::new()) }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Records = BTreeMap<LedgerId, (Record, Option<Arc<Answer>>)>;

/// The newest first.
fn select(records: &Records, wanted: impl Fn(&Record) -> bool) -> Vec<Record> {
    let all = records.values().rev().map(|(record, _)| record);
    all.filter(|record| wanted(record)).take(RECORDS_MAX).cloned().collect()
}

fn which_of(records: &Records, which: &Which) -> Vec<Record> {
    if let Which::Oldest { .. } = which {
        let mut all = records.values().map(|(record, _)| record);
        return all.find(|record| which.includes(record)).cloned().into_iter().collect();
    }
    let mut found = select(records, |record| which.includes(record));
    if let Which::Key { .. } = which {
        found.sort_by_key(|record| record.outcome.state == State::Refused);
    }
    found
}

impl Store for MemoryStore {
    fn insert(&self, record: Record, unless: Unless) -> Asked<Option<LedgerId>> {
        let old = record.at.before(self.keep);
        let mut records = self.records();
        let earlier = which_of(&records, &Which::met_by(&record.intent, unless.since));
        if let Some(met) = dedupe::met(&record, &earlier, &unless) {
            return done(Some(met.clone()));
        }
        records.insert(record.id.clone(), (record, None));
        let is_old = |record: &Record| record.at < old && !record.may_have_job();
        while records.len() > KEPT_MAX || records.values().next().is_some_and(|(oldest, _)| is_old(oldest)) {
            records.pop_first();
        }
        done(None)
    }

    fn settle(&self, id: LedgerId, settled: Arc<Settled>) -> Asked<()> {
        if let Some((record, answer)) = self.records().get_mut(&id)
            && record.outcome.state == State::Open
        {
            record.updated = settled.at;
            record.outcome = settled.outcome.clone();
            record.client_left |= settled.client_left;
            answer.clone_from(&settled.answer);
        }
        done(())
    }

    fn note(&self, note: Note) -> Asked<()> {
        let mut records = self.records();
        match note.what {
            Noted::Job { id, status, fault } => {
                let of_job = |record: &Record| record.outcome.job_id.as_deref() == Some(&*id);
                if let Some((record, _)) = records.values_mut().rev().find(|(record, _)| of_job(record)) {
                    record.updated = note.at;
                    record.outcome.job_status = Some(status);
                    if fault != Fault::default() {
                        record.outcome.fault = fault;
                    }
                }
            }
            Noted::ClientLeft(id) => {
                if let Some((record, _)) = records.get_mut(&id) {
                    record.client_left = true;
                }
            }
            Noted::Replayed(id) => {
                if let Some((record, _)) = records.get_mut(&id) {
                    record.replays += 1;
                }
            }
        }
        done(())
    }

    fn records(&self, which: Which) -> Asked<Vec<Record>> {
        done(which_of(&self.records(), &which))
    }

    fn answer(&self, id: LedgerId) -> Asked<Option<Answer>> {
        done(self.records().get(&id).and_then(|(_, answer)| answer.as_deref().cloned()))
    }

    fn job(&self, job_id: &str, owners: Owners) -> Asked<Found> {
        let found = select(&self.records(), |record| record.outcome.job_id.as_deref() == Some(job_id));
        done(owners.find(found.iter().filter_map(Record::job)))
    }

    fn videos(&self, owners: Owners, page: Page) -> Asked<Videos> {
        let records = self.records();
        let mut theirs: Vec<&Record> = records
            .values()
            .map(|(record, _)| record)
            .filter(|record| record.is_video() && owners.include(&record.intent.client))
            .collect();
        if !page.oldest_first {
            theirs.reverse();
        }
        let mut rest = theirs.as_slice();
        if let Some(after) = &page.after {
            let place = theirs.iter().position(|record| record.outcome.job_id.as_ref() == Some(after));
            let Some(place) = place else { return done(Videos::UnknownCursor) };
            rest = theirs.get(place + 1..).unwrap_or_default();
        }
        let listed = rest.iter().filter(|record| record.outcome.job_status != Some(JobStatus::Deleted));
        done(Videos::Page(listed.take(page.limit).map(|record| (*record).clone()).collect()))
    }

    fn unfinished(&self, since: Timestamp) -> Asked<Vec<Job>> {
        let records = self.records();
        let young = records.values().map(|(record, _)| record).filter(|record| record.at >= since);
        let jobs = young.filter_map(Record::job).filter(|job| !job.status.is_final()).collect();
        done(jobs)
    }

    fn usage(&self, since: Timestamp) -> Asked<HashMap<Arc<str>, Amount>> {
        let mut usage = HashMap::<Arc<str>, Amount>::new();
        for (record, _) in
            self.records().values().filter(|(record, _)| record.at >= since && record.is_used())
        {
            let amount = usage.entry(Arc::clone(&record.intent.client)).or_default();
            *amount = *amount + record.cost().amount();
        }
        done(usage)
    }
}

fn done<T: Send + 'static>(value: T) -> Asked<T> {
    Box::pin(ready(Ok::<T, LedgerError>(value)))
}

// === impl Which ===

impl Which {
    fn includes(&self, record: &Record) -> bool {
        let intent = &record.intent;
        match self {
            Self::Id(id) => record.id == *id,
            Self::Key { client, operation, key, since } => {
                record.at >= *since
                    && intent.client == *client
                    && intent.operation == *operation
                    && intent.key.as_ref() == Some(key)
            }
            Self::Request { client, fingerprint, since } | Self::Oldest { client, fingerprint, since } => {
                record.at >= *since
                    && intent.key.is_none()
                    && intent.client == *client
                    && intent.fingerprint == *fingerprint
            }
        }
    }
}
