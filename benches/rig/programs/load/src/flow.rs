//! Requests that are due at times of their own, over connections that are kept.
//!
//! An open loop: request n is due at n divided by the rate, and its latency counts from then, also if no connection was
//! free. A proxy that stalls is so charged for everybody who would have come meanwhile.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::connection::{Connection, Progress};
use crate::poller::Poller;
use crate::request::Request;
use crate::tally::Tally;

/// How long stragglers are waited for after the last request was due.
const PATIENCE: Duration = Duration::from_secs(5);
/// No run lasts longer.
const LIMIT: Duration = Duration::from_secs(600);
const BUFFER_BYTES: usize = 256 * 1024;

/// When requests are due, counted from the start.
pub struct Schedule {
    requests: u64,
    step: Duration,
    limit: Duration,
}

impl Schedule {
    /// So many a second.
    pub fn steady(rate: u64, seconds: Duration) -> Self {
        let step = Duration::from_secs(1).div_f64(rate as f64);
        Self { requests: rate * seconds.as_secs(), step, limit: seconds + PATIENCE }
    }

    /// All of them now.
    pub fn at_once(requests: u64) -> Self {
        Self { requests, step: Duration::ZERO, limit: LIMIT }
    }

    fn due(&self, request: u64) -> Duration {
        // Not `step * request`, whose factor is 32 bits wide.
        Duration::from_nanos(u64::try_from(self.step.as_nanos()).unwrap_or(u64::MAX).saturating_mul(request))
    }
}

/// Sends them all, and tells what became of them as JSON. Fails if it cannot connect.
pub fn run(port: u16, request: &Request, connections: u64, schedule: Schedule) -> Result<String, Failure> {
    let mut flow = Flow {
        port,
        request,
        poller: Poller::new()?,
        connections: Vec::new(),
        free: VecDeque::new(),
        waiting: VecDeque::new(),
        tally: Tally::default(),
    };
    for number in 0..usize::try_from(connections)? {
        let connection = Connection::open(port)?;
        flow.poller.add(&connection.stream, number)?;
        flow.connections.push(connection);
        flow.free.push_back(number);
    }
    flow.run(&schedule)
}

struct Flow<'r> {
    port: u16,
    request: &'r Request,
    poller: Poller,
    connections: Vec<Connection>,
    free: VecDeque<usize>,
    /// Requests that are due and have no connection yet.
    waiting: VecDeque<Instant>,
    tally: Tally,
}

impl Flow<'_> {
    fn run(mut self, schedule: &Schedule) -> Result<String, Failure> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let begun = Instant::now();
        while self.tally.answered + self.tally.broken < schedule.requests && begun.elapsed() < schedule.limit
        {
            self.queue(schedule, begun);
            self.start()?;
            let timeout = match self.tally.due {
                due if due < schedule.requests => schedule.due(due).saturating_sub(begun.elapsed()),
                _ => Duration::from_millis(100),
            };
            let ready: Vec<usize> = self.poller.wait(timeout)?.collect();
            for number in ready {
                self.progress(number, &mut buffer)?;
            }
        }
        Ok(self.tally.told(begun.elapsed()))
    }

    fn queue(&mut self, schedule: &Schedule, begun: Instant) {
        while self.tally.due < schedule.requests {
            let (due, now) = (schedule.due(self.tally.due), begun.elapsed());
            let Some(late) = now.checked_sub(due) else { break };
            self.tally.due += 1;
            self.tally.lag.add(late);
            self.waiting.push_back(begun + due);
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        while !self.waiting.is_empty()
            && let Some(number) = self.free.pop_front()
        {
            let Some(due) = self.waiting.pop_front() else { break };
            let Some(connection) = self.connections.get_mut(number) else { continue };
            if connection.start(self.request, due).is_err() {
                self.broke(number)?;
            }
        }
        Ok(())
    }

    fn progress(&mut self, number: usize, buffer: &mut [u8]) -> Result<(), Failure> {
        let Some(connection) = self.connections.get_mut(number) else { return Ok(()) };
        match connection.progress(self.request, buffer) {
            Progress::Pending => Ok(()),
            Progress::Broken => self.broke(number),
            Progress::Answered => {
                let took = connection.due.take().map(|due| due.elapsed()).unwrap_or_default();
                self.tally.answer(connection.answer.status, took, connection.begun.elapsed());
                self.tally.bytes += connection.answer.received + self.request.length() as u64;
                self.free.push_back(number);
                if connection.answer.closes { self.reopen(number) } else { Ok(()) }
            }
        }
    }

    fn broke(&mut self, number: usize) -> Result<(), Failure> {
        if self.connections.get_mut(number).and_then(|connection| connection.due.take()).is_some() {
            self.tally.broken += 1;
            self.free.push_back(number);
        }
        self.reopen(number)
    }

    fn reopen(&mut self, number: usize) -> Result<(), Failure> {
        let fresh = Connection::open(self.port)?;
        self.poller.add(&fresh.stream, number)?;
        if let Some(connection) = self.connections.get_mut(number) {
            *connection = fresh;
        }
        Ok(())
    }
}
