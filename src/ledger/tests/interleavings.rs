//! Whatever comes in whatever order: never more jobs than calls.

use std::collections::BTreeSet;

use super::*;
use crate::failure::Failure;

/// An application that calls several times at once, each call with an SDK's two repeats.
struct World {
    random: fastrand::Rng,
    ledger: Ledger,
    /// What each SDK call is doing.
    calls: Vec<Call>,
    open: Vec<(usize, Open)>,
    waiting: Vec<(usize, Twin)>,
    /// First tries that were overtaken by their repeats, and have yet to come.
    overtaken: u32,
    jobs: u32,
    /// Jobs by the call whose try made them.
    made_by: Vec<u32>,
    delivered: Vec<BTreeSet<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// Its next try has this number.
    Next(u32),
    UnderWay(u32),
    Over,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let calls = random.usize(1..=4);
        Self {
            random,
            ledger: ledger(),
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
        let choices = [!next.is_empty(), !self.open.is_empty(), !self.waiting.is_empty()];
        if choices == [false; 3] {
            return false;
        }
        if self.overtaken > 0 && self.random.bool() {
            self.overtaken -= 1;
            self.come_late().await;
        }
        match self.random.u8(..3) {
            0 if choices[0] => {
                let call = next[self.random.usize(..next.len())];
                self.ask(call).await;
            }
            1 if choices[1] => {
                let index = self.random.usize(..self.open.len());
                let (call, open) = self.open.swap_remove(index);
                self.answer(call, open).await;
            }
            2 if choices[2] => {
                // Its client does not wait for ever.
                let index = self.random.usize(..self.waiting.len());
                let (call, twin) = self.waiting.swap_remove(index);
                let patience = std::time::Duration::from_millis(1);
                match tokio::time::timeout(patience, twin.outcome()).await {
                    Ok(Ok(Claim::Fresh(open))) => self.send(call, open).await,
                    Ok(Ok(claim)) => self.told(call, &claim),
                    // Ours is the word not to ask again.
                    Ok(Err(_)) => self.calls[call] = Call::Over,
                    Err(_) => self.lost(call),
                }
            }
            _ => {}
        }
        true
    }

    /// A first try whose client has long been gone. That may be noticed before it is sent, or not.
    async fn come_late(&mut self) {
        let Ok(Claim::Fresh(mut open)) = self.ledger.claim(first_try("{}")).await else { return };
        if self.random.bool() {
            open.record(details()).await.expect("recorded");
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
        match self.ledger.claim(intent).await {
            Ok(Claim::Fresh(open)) => self.send(call, open).await,
            Ok(Claim::Await(twin)) => self.waiting.push((call, twin)),
            Ok(claim) => self.told(call, &claim),
            Err(_) => self.calls[call] = Call::Over,
        }
    }

    async fn send(&mut self, call: usize, mut open: Open) {
        if self.random.u8(..8) == 0 {
            open.refuse(&Rejection::LedgerUnavailable);
            return self.lost(call);
        }
        open.record(details()).await.expect("recorded");
        self.open.push((call, open));
    }

    async fn answer(&mut self, call: usize, open: Open) {
        let id = open.id().clone();
        // The client may have given up before the upstream answers.
        let gave_up = self.random.u8(..3) == 0;
        if gave_up {
            if self.random.bool() {
                self.ledger.client_left(&id);
            }
            self.lost(call);
        }
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

/// RT06, RT29
#[tokio::test(start_paused = true)]
async fn there_are_never_more_jobs_than_calls() {
    let mut jobs = 0;
    for seed in 0..3000 {
        let mut world = World::new(seed);
        while world.step().await {}
        let calls = world.calls.len();
        assert!(world.jobs as usize <= calls, "seed {seed}: {} jobs of {calls} calls", world.jobs);
        if calls == 1 {
            assert!(world.jobs <= 1, "seed {seed}: one call made {} jobs", world.jobs);
        }
        jobs += world.jobs;
    }
    assert!(jobs > 3000, "only {jobs} jobs were made at all");
}
