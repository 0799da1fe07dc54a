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
use crate::link::{Bounds, Chore, Link, LinkError};
use crate::metrics::OptionalGauge;

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
        match self.link().and_then(|link| link.ask_now::<Vec<u64>>(look(&[]))) {
            Ok(_) => {
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

    pub(super) fn replicas(&self) -> u32 {
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
            let keys: Vec<&str> = buckets.iter().map(|bucket| bucket.key()).collect();
            match chore.ask::<Vec<u64>>(look(&keys)).await {
                Ok(_) if !self.up.load(Ordering::Acquire) => self.come_back(&chore, &buckets).await,
                Ok(full_in) => {
                    for (bucket, full_in) in buckets.iter().zip(full_in) {
                        bucket.see(Duration::from_micros(full_in));
                    }
                }
                Err(error) => self.lost(&error),
            }
        }
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
    async fn come_back(&self, chore: &Chore, buckets: &[Arc<SharedBucket>]) {
        for is_first in [true, false] {
            for bucket in buckets {
                match chore.ask::<u64>(bucket.hand_over()).await {
                    Ok(full_in) => bucket.see(Duration::from_micros(full_in)),
                    Err(_) if is_first => return,
                    Err(error) => return self.lost(&error),
                }
            }
            if is_first {
                let _held = self.buckets();
                self.up.store(true, Ordering::Release);
            }
        }
        self.gauge.set(1);
        info!("Redis answers again: limits are shared");
    }

    fn buckets(&self) -> MutexGuard<'_, Vec<Weak<SharedBucket>>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look(keys: &[&str]) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(LOOK).arg(keys.len()).arg(keys);
    command
}
