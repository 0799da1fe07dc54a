//! One bucket that all gateways share, as this process sees it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, ToRedisArgs, Value, cmd};
use tokio::time::{Instant, sleep};

use super::store::SharedStore;
use crate::config::quota::RateQuota;
use crate::quota::bucket::{Bucket, Refused};
use crate::quota::rate_limit_status::RateLimitStatus;
use crate::quota::wait_budget::WaitBudget;
use crate::redis_client::{LinkError, Terms, parsed};

const TAKE: &str = include_str!("take.lua");
const GIVE_BACK: &str = include_str!("give_back.lua");
const HAND_OVER: &str = include_str!("hand_over.lua");

/// A bucket in the server, and the part of it that this process may give out by itself.
pub(in crate::quota) struct SharedBucket {
    store: Arc<SharedStore>,
    /// When it is full, which tokens may come back, and what was entered after the server had forgotten it.
    keys: [String; 3],
    quota: RateQuota,
    part: Arc<Bucket>,
    view: Mutex<View>,
    /// Calls that wait for tokens they have been promised.
    waiting: AtomicUsize,
}

/// What this process knows of a bucket.
#[derive(Clone, Copy, Debug)]
struct View {
    /// When it is full, as was last heard.
    full_at: Instant,
    /// When the part would have been full had nothing been taken from it that the server does not know of.
    handed_over: Instant,
}

/// A token of a shared bucket. Goes back into it when it is dropped, unless it was committed.
#[must_use = "a token that is dropped goes back"]
pub(crate) struct Lent {
    bucket: Arc<SharedBucket>,
    name: String,
    committed: bool,
}

/// What the server says to whoever asks for a token.
enum Answer {
    /// It is there after this wait.
    Token(Lent, Duration),
    /// It would be there after this wait, which is too long.
    Empty(Duration),
}

impl fmt::Debug for SharedBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBucket").field("key", &self.keys[0]).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl SharedBucket {
    /// `name`: what it is called in the server. `part`: what this process gives out while the server is away.
    pub(in crate::quota) fn new(
        store: &Arc<SharedStore>,
        name: &str,
        quota: RateQuota,
        part: Arc<Bucket>,
    ) -> Arc<Self> {
        let keys = ["full", "taken", "entered"].map(|what| format!("{}{what}:{name}", store.prefix()));
        let now = Instant::now();
        let view = Mutex::new(View { full_at: now, handed_over: now });
        let bucket = Self { store: Arc::clone(store), keys, quota, part, view, waiting: AtomicUsize::new(0) };
        let bucket = Arc::new(bucket);
        store.add(&bucket);
        bucket
    }

    /// Whether this server holds it.
    pub(in crate::quota) fn is_of(&self, server: &Arc<SharedStore>) -> bool {
        Arc::ptr_eq(&self.store, server)
    }

    /// Takes a token, as [`Bucket::take`] does. `None`: the server is away, and the part is to be asked.
    pub(in crate::quota) async fn take(
        self: &Arc<Self>,
        patience: &WaitBudget,
    ) -> Option<Result<Lent, Refused>> {
        if !self.store.is_up() {
            return self.away();
        }
        let is_full = self.waiting.load(Ordering::Relaxed) >= self.quota.queue;
        let most = if is_full { Duration::ZERO } else { patience.within(self.quota.wait) };
        match self.ask(most).await {
            Ok(Answer::Token(lent, wait)) if wait.is_zero() => Some(Ok(lent)),
            Ok(Answer::Token(lent, wait)) => {
                let _place = Waiting::of(&self.waiting);
                // Dropped with this future, it goes back.
                let turn = patience.while_serving(sleep(wait)).await;
                Some(turn.map(|()| lent).ok_or(Refused::Stopping))
            }
            Ok(Answer::Empty(wait)) => Some(Err(Refused::Empty { rate: self.quota.rate, wait })),
            Err(error) => {
                self.store.lost(&error);
                self.away()
            }
        }
    }

    fn away(&self) -> Option<Result<Lent, Refused>> {
        self.store.refuses().then_some(Err(Refused::Away))
    }

    /// How much was left when the server last spoke of it; `None` while it is away.
    pub(in crate::quota) fn standing(&self) -> Option<RateLimitStatus> {
        if !self.store.is_up() {
            return None;
        }
        let reset = self.view().full_at.saturating_duration_since(Instant::now());
        let limit = self.quota.burst.get();
        let missing = reset.as_nanos().div_ceil(self.quota.rate.interval().as_nanos().max(1));
        let remaining = limit.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX));
        Some(RateLimitStatus { limit, remaining, reset })
    }

    async fn ask(self: &Arc<Self>, most: Duration) -> Result<Answer, LinkError> {
        let name = format!("{:016x}", fastrand::u64(..));
        let mut command = script(TAKE, &self.keys[..2]);
        command.arg(&name).arg(self.interval()).arg(self.quota.burst.get()).arg(micros(most));
        let bucket = Arc::clone(self);
        let read = move |answer: Value| {
            let (taken, full_in, wait): (u8, u64, u64) = parsed(answer)?;
            bucket.see(Duration::from_micros(full_in));
            let wait = Duration::from_micros(wait);
            // From here on it goes back if nobody is there to get it.
            let lent = (taken == 1).then_some(Lent { bucket, name, committed: false });
            Ok(lent.map_or(Answer::Empty(wait), |lent| Answer::Token(lent, wait)))
        };
        self.store.link()?.ask(Terms::IfAwaited, command, read).await
    }

    fn give_back(self: &Arc<Self>, name: &str) {
        // What cannot be given back now is lost: fewer calls than allowed, never more.
        let (true, Ok(link)) = (self.store.is_up(), self.store.link()) else { return };
        let mut command = script(GIVE_BACK, &self.keys[..2]);
        command.arg(name).arg(self.interval());
        let bucket = Arc::clone(self);
        let read = move |answer: Value| {
            bucket.see(Duration::from_micros(parsed(answer)?));
            Ok(())
        };
        drop(link.ask(Terms::IfRoom, command, read));
    }

    /// The server is away: the part begins with what was last seen.
    pub(super) fn begin_part(&self) {
        let mut view = self.view();
        self.part.refill_in(view.full_at.saturating_duration_since(Instant::now()));
        view.handed_over = view.full_at;
    }

    /// Enters in the server what it does not know of yet; where it has forgotten the bucket, also what was seen of it.
    pub(super) fn hand_over(&self, has_forgotten: bool) -> Cmd {
        let mut view = self.view();
        let now = Instant::now();
        let full_at = now + self.part.standing().reset;
        let taken = full_at.saturating_duration_since(view.handed_over.max(now));
        view.handed_over = view.handed_over.max(full_at);
        let seen = if has_forgotten { view.full_at.saturating_duration_since(now) } else { Duration::ZERO };
        let [full, _, entered] = &self.keys;
        let mut command = script(HAND_OVER, &[full, entered]);
        // A token of the part takes longer to refill than one of the whole.
        command.arg(micros(seen)).arg(micros(taken / self.store.replicas()));
        command.arg(self.interval().saturating_mul(self.quota.burst.get().into()));
        command
    }

    /// When it will be full, as was just heard.
    pub(super) fn see(&self, full_in: Duration) {
        self.view().full_at = Instant::now() + full_in;
    }

    /// The key that says when it is full.
    pub(super) fn key(&self) -> &str {
        &self.keys[0]
    }

    /// Microseconds it takes to refill one token. Rounded up: never more than the rate.
    fn interval(&self) -> u64 {
        u64::try_from(self.quota.rate.interval().as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn script<K: ToRedisArgs>(text: &str, keys: &[K]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(keys.len()).arg(keys);
    command
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Lent {
    /// The call went out: the token is spent for good.
    pub(crate) fn commit(mut self) {
        self.committed = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.committed {
            self.bucket.give_back(&self.name);
        }
    }
}

/// Counts among those that wait until it is dropped.
struct Waiting<'b>(&'b AtomicUsize);

impl<'b> Waiting<'b> {
    fn of(waiting: &'b AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
