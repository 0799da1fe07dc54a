//! Whatever comes in whatever order: never more jobs than calls.

use std::collections::BTreeSet;
use std::time::Duration;

use super::servers::in_server;
use super::*;
use crate::failure::Failure;
use crate::redis_client::tests::RedisServer;

/// An application that calls several times at once, each call with an SDK's two repeats.
struct World {
    random: fastrand::Rng,
    /// One of each gateway before which a load balancer stands.
    ledgers: Vec<Ledger>,
    /// How long a client waits for an earlier try.
    patience: Duration,
    /// What each SDK call is doing.
    calls: Vec<Call>,
    /// Calls that wait for their turn.
    claimed: Vec<Try>,
    /// Calls that were sent.
    open: Vec<Try>,
    waiting: Vec<(usize, DuplicateInFlight)>,
    /// First tries that were overtaken by their repeats, and have yet to come.
    overtaken: u32,
    jobs: u32,
    /// Jobs by the call whose try made them.
    made_by: Vec<u32>,
    delivered: Vec<BTreeSet<String>>,
}

/// One try of a call, at one of the gateways.
struct Try {
    call: usize,
    ledger: Ledger,
    open: Open,
    /// Whether its client has left, which need not have been noticed.
    is_left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// Its next try has this number.
    Next(u32),
    UnderWay(u32),
    Over,
}

impl World {
    fn new(seed: u64, ledgers: Vec<Ledger>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let calls = random.usize(1..=4);
        Self {
            random,
            ledgers,
            patience: MOMENT,
            claimed: Vec::new(),
            calls: vec![Call::Next(0); calls],
            open: Vec::new(),
            waiting: Vec::new(),
            overtaken: 0,
            jobs: 0,
            made_by: vec![0; calls],
            delivered: vec![BTreeSet::new(); calls],
        }
    }

    /// Does something, if there is something left to do.
    async fn step(&mut self) -> bool {
        let next: Vec<usize> =
            (0..self.calls.len()).filter(|&call| matches!(self.calls[call], Call::Next(_))).collect();
        let choices =
            [!next.is_empty(), !self.open.is_empty(), !self.waiting.is_empty(), !self.claimed.is_empty()];
        if choices == [false; 4] {
            return false;
        }
        if self.overtaken > 0 && self.random.bool() {
            self.overtaken -= 1;
            self.come_late().await;
        }
        match self.random.u8(..4) {
            0 if choices[0] => {
                let call = next[self.random.usize(..next.len())];
                self.ask(call).await;
            }
            1 if choices[1] => {
                let index = self.random.usize(..self.open.len());
                if self.random.u8(..4) == 0 {
                    self.leave(|world| &mut world.open, index);
                } else {
                    let one = self.open.swap_remove(index);
                    self.answer(one).await;
                }
            }
            2 if choices[2] => {
                // Its client does not wait for ever.
                let index = self.random.usize(..self.waiting.len());
                let (call, twin) = self.waiting.swap_remove(index);
                let ledger = self.any_ledger();
                match tokio::time::timeout(self.patience, twin.outcome()).await {
                    Ok(Ok(Claim::Fresh(open))) => {
                        self.claimed.push(Try { call, ledger, open, is_left: false });
                    }
                    Ok(Ok(claim)) => self.told(call, &claim),
                    // Ours is the word not to ask again.
                    Ok(Err(_)) => self.calls[call] = Call::Over,
                    Err(_) => self.lost(call),
                }
            }
            3 if choices[3] => {
                let index = self.random.usize(..self.claimed.len());
                if self.random.u8(..4) == 0 {
                    self.leave(|world| &mut world.claimed, index);
                } else {
                    let one = self.claimed.swap_remove(index);
                    self.send(one).await;
                }
            }
            _ => {}
        }
        true
    }

    fn any_ledger(&mut self) -> Ledger {
        let index = self.random.usize(..self.ledgers.len());
        self.ledgers[index].clone()
    }

    /// A client leaves, and asks again. That may be noticed, or not.
    fn leave(&mut self, of: fn(&mut Self) -> &mut Vec<Try>, index: usize) {
        let is_noticed = self.random.bool();
        let one = &mut of(self)[index];
        if !one.is_left {
            one.is_left = true;
            if is_noticed {
                one.ledger.client_left(one.open.id());
            }
            let call = one.call;
            self.lost(call);
        }
    }

    /// A first try whose client has long been gone. That may be noticed before it is sent, or not.
    async fn come_late(&mut self) {
        let ledger = self.any_ledger();
        let Ok(Claim::Fresh(mut open)) = ledger.claim(first_try("{}")).await else { return };
        if self.random.bool() && open.record(details()).await.expect("recorded").is_none() {
            self.jobs += 1;
            let job = format!("video_{}", self.jobs);
            open.settle(took(&job)).await;
        }
    }

    async fn ask(&mut self, call: usize) {
        let Call::Next(number) = self.calls[call] else { panic!("it is under way") };
        self.calls[call] = Call::UnderWay(number);
        if number == 0 && self.random.u8(..4) == 0 {
            self.overtaken += 1;
            return self.lost(call);
        }
        let intent = if number == 0 { first_try("{}") } else { repeat("{}") };
        let ledger = self.any_ledger();
        match ledger.claim(intent).await {
            Ok(Claim::Fresh(open)) => self.claimed.push(Try { call, ledger, open, is_left: false }),
            Ok(Claim::Await(twin)) => self.waiting.push((call, twin)),
            Ok(claim) => self.told(call, &claim),
            Err(_) => self.calls[call] = Call::Over,
        }
    }

    /// Its turn has come.
    async fn send(&mut self, mut one: Try) {
        if self.random.u8(..8) == 0 {
            one.open.refuse(&Rejection::LedgerUnavailable);
            if !one.is_left {
                self.lost(one.call);
            }
            return;
        }
        match one.open.record(details()).await.expect("recorded") {
            None => self.open.push(one),
            Some(twin) if !one.is_left => self.waiting.push((one.call, twin)),
            Some(_) => {}
        }
    }

    async fn answer(&mut self, one: Try) {
        let Try { call, ledger, open, is_left } = one;
        // The client may have given up before the upstream answers.
        let gives_up = !is_left && self.random.u8(..3) == 0;
        if gives_up {
            if self.random.bool() {
                ledger.client_left(open.id());
            }
            self.lost(call);
        }
        let gave_up = is_left || gives_up;
        match self.random.u8(..6) {
            0 | 1 => {
                open.settle(said([429, 503, 529][self.random.usize(..3)])).await;
                if !gave_up {
                    self.lost(call);
                }
            }
            2 => {
                // It may have made one, which nobody hears of.
                self.made(call);
                open.settle(Settlement::failed(Failure::Lost, 1)).await;
                if !gave_up {
                    self.calls[call] = Call::Over;
                }
            }
            _ => {
                let job = self.made(call);
                open.settle(took(&job)).await;
                if !gave_up {
                    self.calls[call] = Call::Over;
                    self.delivered[call].insert(job);
                }
            }
        }
    }

    fn made(&mut self, call: usize) -> String {
        self.jobs += 1;
        self.made_by[call] += 1;
        format!("video_{}", self.jobs)
    }

    fn told(&mut self, call: usize, claim: &Claim) {
        match claim {
            Claim::Replay(replay) if replay.answer.status.is_success() => {
                self.delivered[call].insert(job_id(replay));
                self.calls[call] = Call::Over;
            }
            Claim::Replay(_) | Claim::Failed(_) => self.lost(call),
            Claim::Fresh(_) | Claim::Await(_) => panic!("{claim:?}"),
        }
    }

    /// The SDK asks again, twice at most.
    fn lost(&mut self, call: usize) {
        if let Call::UnderWay(number) = self.calls[call] {
            self.calls[call] = if number < 2 { Call::Next(number + 1) } else { Call::Over };
        }
    }
}

/// Runs many worlds, and says how many jobs were made in all.
async fn jobs_of(seeds: std::ops::Range<u64>, patience: Duration, ledgers: impl Fn() -> Vec<Ledger>) -> u32 {
    let mut jobs = 0;
    for seed in seeds {
        let mut world = World { patience, ..World::new(seed, ledgers()) };
        while world.step().await {}
        let calls = world.calls.len();
        assert!(world.jobs as usize <= calls, "seed {seed}: {} jobs of {calls} calls", world.jobs);
        if calls == 1 {
            assert!(world.jobs <= 1, "seed {seed}: one call made {} jobs", world.jobs);
        }
        jobs += world.jobs;
    }
    jobs
}

const MOMENT: Duration = Duration::from_millis(1);

/// RT06, RT29
#[tokio::test(start_paused = true)]
async fn there_are_never_more_jobs_than_calls() {
    let jobs = jobs_of(0..3000, MOMENT, || vec![ledger()]).await;
    assert!(jobs > 3000, "only {jobs} jobs were made at all");
}

/// Several processes that share a store.
fn sharing(store: &Arc<dyn Store>) -> Vec<Ledger> {
    ["one", "two", "three"].map(|name| named(name, Arc::clone(store), &Settings::default())).into()
}

/// RT06, RT29: also where each try comes to another gateway, and all of them at once.
#[tokio::test(start_paused = true)]
async fn gateways_that_share_a_store_never_make_more_jobs_than_calls() {
    let patience = Duration::from_millis(100);
    let jobs = jobs_of(0..2000, patience, || {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Settings::default().keep));
        sharing(&store)
    })
    .await;
    assert!(jobs > 2000, "only {jobs} jobs were made at all");
}

/// RT06, RT29
#[tokio::test]
async fn gateways_that_share_a_server_never_make_more_jobs_than_calls() {
    let server = RedisServer::start();
    let store = in_server(&server, "one");
    // Each world has the server to itself.
    let jobs = jobs_of(0..200, Duration::from_millis(30), || {
        server.ask("FLUSHALL").expect("an answer");
        sharing(&store)
    })
    .await;
    assert!(jobs > 200, "only {jobs} jobs were made at all");
}
