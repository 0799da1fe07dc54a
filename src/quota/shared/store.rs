//! Whether the server answers. Once it does not, nobody asks it until a probe has found that it is back.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::{Cmd, cmd};
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::bucket::SharedBucket;
use crate::config::redis::{OnFailure, Settings};
use crate::metrics::OptionalGauge;
use crate::redis_client::{Bounds, Chore, Link, LinkError};

const LOOK: &str = include_str!("look.lua");
/// Questions that may be without an answer. More of them, and the server is too slow.
const QUEUE: usize = 4096;

/// The server that holds buckets.
pub(in crate::quota) struct SharedStore {
    /// None where the system starts no thread: then the server is away.
    link: Option<Link>,
    state: Arc<State>,
}

struct State {
    settings: Settings,
    up: AtomicBool,
    gauge: OptionalGauge,
    /// What the server was marked with when it last answered. It has another mark once it has forgotten everything.
    mark: Mutex<String>,
    /// Held while the server goes or comes back.
    buckets: Mutex<Vec<Weak<SharedBucket>>>,
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("up", &self.is_up()).finish_non_exhaustive()
    }
}

impl SharedStore {
    /// Connects, and goes on to look whether the server is there. That it is not is no reason not to start.
    pub(in crate::quota) fn start(settings: &Settings, gauge: &OptionalGauge) -> Arc<Self> {
        let state = Arc::new(State {
            settings: settings.clone(),
            up: AtomicBool::new(false),
            gauge: gauge.clone(),
            mark: Mutex::default(),
            buckets: Mutex::default(),
        });
        let bounds = Bounds {
            answer: settings.timeout,
            // Nobody waits for that but the probe.
            connect: settings.probe.max(settings.timeout),
            queue: QUEUE,
        };
        let probing = Arc::clone(&state);
        let link = Link::start("quota-redis", settings, bounds, |chore| probing.probe(chore));
        let link = link.inspect_err(|why| error!(%why, "limits cannot be shared")).ok();
        let store = Arc::new(Self { link, state });
        store.look_first();
        store
    }

    /// Whether the server answers, for the first time. Every later look is a probe.
    fn look_first(&self) {
        // Each answer has its bound, and the connection that comes before the first one has another.
        match self.link().and_then(|link| link.ask_now::<Vec<String>>(self.state.look(&[]))) {
            Ok(answer) => {
                self.state.remember(answer.first());
                self.state.up.store(true, Ordering::Release);
                self.state.gauge.set(1);
            }
            Err(error) => self.state.tell_away(&error),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.up.load(Ordering::Acquire)
    }

    /// Whether nobody gets anything while the server is away.
    pub(super) fn refuses(&self) -> bool {
        self.state.settings.on_failure == OnFailure::Refuse
    }

    /// How many gateways there are.
    pub(in crate::quota) fn replicas(&self) -> u32 {
        self.state.settings.replicas
    }

    pub(super) fn prefix(&self) -> &str {
        &self.state.settings.prefix
    }

    pub(super) fn link(&self) -> Result<&Link, LinkError> {
        self.link.as_ref().ok_or(LinkError::Busy)
    }

    pub(super) fn add(&self, bucket: &Arc<SharedBucket>) {
        let mut buckets = self.state.buckets();
        buckets.retain(|bucket| bucket.strong_count() > 0);
        buckets.push(Arc::downgrade(bucket));
    }

    /// The server did not answer somebody in time.
    pub(super) fn lost(&self, error: &LinkError) {
        self.state.lost(error);
    }
}

impl State {
    /// Looks again and again: what is in the buckets while the server is there, and whether it is back while it is not.
    async fn probe(self: Arc<Self>, chore: Chore) {
        loop {
            sleep(self.settings.probe).await;
            let buckets: Vec<Arc<SharedBucket>> = self.buckets().iter().filter_map(Weak::upgrade).collect();
            let answer = match chore.ask::<Vec<String>>(self.look(&buckets)).await {
                Ok(answer) => answer,
                Err(error) => {
                    self.lost(&error);
                    continue;
                }
            };
            let has_forgotten = self.has_forgotten(answer.first());
            if has_forgotten || !self.up.load(Ordering::Acquire) {
                match self.come_back(&chore, &buckets, has_forgotten).await {
                    Ok(()) => self.remember(answer.first()),
                    Err(error) => self.lost(&error),
                }
                continue;
            }
            for (bucket, full_in) in buckets.iter().zip(answer.iter().skip(1)) {
                bucket.see(Duration::from_micros(full_in.parse().unwrap_or(0)));
            }
        }
    }

    /// Asks what is in the buckets.
    fn look(&self, buckets: &[Arc<SharedBucket>]) -> Cmd {
        let mut command = cmd("EVAL");
        command.arg(LOOK).arg(buckets.len() + 1).arg(format!("{}limits", self.settings.prefix));
        for bucket in buckets {
            command.arg(bucket.key());
        }
        command.arg(format!("{:016x}", fastrand::u64(..)));
        command
    }

    /// Whether the server has another mark than it had.
    fn has_forgotten(&self, mark: Option<&String>) -> bool {
        let known = self.mark();
        !known.is_empty() && mark != Some(&*known)
    }

    fn remember(&self, mark: Option<&String>) {
        *self.mark() = mark.cloned().unwrap_or_default();
    }

    fn lost(&self, error: &LinkError) {
        let buckets = self.buckets();
        if !self.up.load(Ordering::Acquire) {
            return;
        }
        for bucket in buckets.iter().filter_map(Weak::upgrade) {
            bucket.begin_part();
        }
        // From now on the parts are asked.
        self.up.store(false, Ordering::Release);
        drop(buckets);
        self.tell_away(error);
    }

    fn tell_away(&self, error: &LinkError) {
        self.gauge.set(0);
        let (mode, replicas) = (self.settings.on_failure, self.settings.replicas);
        warn!(%error, ?mode, replicas, "limits are not shared until Redis answers again");
    }

    /// Enters what was taken meanwhile; and after it is up again, what was taken while that was entered.
    async fn come_back(
        &self,
        chore: &Chore,
        buckets: &[Arc<SharedBucket>],
        has_forgotten: bool,
    ) -> Result<(), LinkError> {
        for bucket in buckets {
            let full_in = chore.ask::<u64>(bucket.hand_over(has_forgotten)).await?;
            bucket.see(Duration::from_micros(full_in));
        }
        {
            let _held = self.buckets();
            self.up.store(true, Ordering::Release);
        }
        for bucket in buckets {
            let full_in = chore.ask::<u64>(bucket.hand_over(false)).await?;
            bucket.see(Duration::from_micros(full_in));
        }
        self.gauge.set(1);
        info!(has_forgotten, "Redis answers again: limits are shared");
        Ok(())
    }

    fn buckets(&self) -> MutexGuard<'_, Vec<Weak<SharedBucket>>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self) -> MutexGuard<'_, String> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
