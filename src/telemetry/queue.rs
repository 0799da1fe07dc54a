//! The way of lines to whoever reads them. No request waits for it: what does not fit is lost, and counted.
//!
//! Lines leave in batches: waking a thread and writing for each alone would cost as much as the request it tells of.

use std::io::Write;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::style::Style;

/// Lines on their way.
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write.
    came: Condvar,
    /// Everything was written.
    empty: Condvar,
    /// Bytes that may wait.
    max: usize,
    /// Bytes that wait for no more.
    batch: usize,
    style: Style,
}

/// How long the first line of a batch waits for others.
const GATHER: Duration = Duration::from_millis(5);

/// Bytes of a batch that waits for no others, where there is room for as many twice.
const BATCH: usize = 64 << 10;

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Those who want everything to be written now.
    flushing: usize,
    /// Lines there was no room for, and nobody was told of yet.
    lost: u64,
    /// Whether some that waited are being written.
    writing: bool,
}

impl Queue {
    /// `max`: bytes that may wait.
    pub(super) fn new(max: usize, style: Style) -> Self {
        let (state, came, empty) = Default::default();
        Self { state, came, empty, max, batch: BATCH.min(max / 2), style }
    }

    /// How its lines look.
    pub(super) const fn style(&self) -> Style {
        self.style
    }

    /// Takes a line, or loses it.
    pub(super) fn put(&self, line: &str) {
        let mut state = self.state();
        let was_empty = state.waiting.is_empty();
        if !was_empty && state.waiting.len() + line.len() > self.max {
            state.lost += 1;
            return;
        }
        let was_small = state.waiting.len() < self.batch;
        state.waiting.extend_from_slice(line.as_bytes());
        let is_batch = was_small && state.waiting.len() >= self.batch;
        drop(state);
        if was_empty || is_batch {
            self.came.notify_one();
        }
    }

    /// Waits until everything is written, and no longer than `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let mut state = self.state();
        state.flushing += 1;
        self.came.notify_one();
        let is_busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        let (mut state, _) =
            self.empty.wait_timeout_while(state, limit, is_busy).unwrap_or_else(PoisonError::into_inner);
        state.flushing -= 1;
    }

    /// Writes what comes, for ever. What `to` does not take is lost.
    pub(super) fn write_to(&self, mut to: impl Write) {
        let mut lines = Vec::new();
        loop {
            let lost = self.next(&mut lines);
            // There is nobody left to be told.
            let _ = to.write_all(&lines);
            if lost > 0 {
                let mut line = String::new();
                self.style.write_lost(lost, SystemTime::now(), &mut line);
                let _ = to.write_all(line.as_bytes());
            }
        }
    }

    /// Waits for lines, gathers some, and takes all there are. Yields how many were lost behind them.
    fn next(&self, lines: &mut Vec<u8>) -> u64 {
        lines.clear();
        let mut state = self.state();
        state.writing = false;
        if state.waiting.is_empty() {
            self.empty.notify_all();
        }
        let nothing = |state: &mut State| state.waiting.is_empty();
        let state = self.came.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner);
        let may_grow = |state: &mut State| state.flushing == 0 && state.waiting.len() < self.batch;
        let gathered = self.came.wait_timeout_while(state, GATHER, may_grow);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        mem::swap(&mut state.waiting, lines);
        mem::take(&mut state.lost)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, mpsc};
    use std::thread;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A reader that takes one batch each time it is let.
    struct Reader {
        lets: mpsc::Receiver<()>,
        taken: Arc<Mutex<String>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.lets.recv();
            self.taken.lock().expect("no panic").push_str(str::from_utf8(bytes).expect("UTF-8"));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow(max: usize) -> (Arc<Queue>, mpsc::Sender<()>, Arc<Mutex<String>>) {
        let queue = Arc::new(Queue::new(max, Style::Json));
        let (letting, lets) = mpsc::channel();
        let taken = Arc::<Mutex<String>>::default();
        let (writing, reader) = (Arc::clone(&queue), Reader { lets, taken: Arc::clone(&taken) });
        thread::spawn(move || writing.write_to(reader));
        (queue, letting, taken)
    }

    #[test]
    fn lines_are_written_in_order() {
        let (queue, letting, taken) = slow(1000);
        drop(letting);
        for number in 0..10 {
            queue.put(&format!("{number}\n"));
        }
        queue.flush(LIMIT);
        assert_eq!(*taken.lock().expect("no panic"), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    }

    #[test]
    fn a_reader_that_does_not_read_costs_lines_and_no_time() {
        let (queue, letting, taken) = slow(100);
        for _ in 0..1000 {
            queue.put("123456789\n");
        }
        queue.flush(Duration::ZERO);
        drop(letting);
        queue.flush(LIMIT);
        // It may have been at its first batch, or not.
        let taken = taken.lock().expect("no panic").clone();
        let (lines, told): (Vec<&str>, Vec<&str>) = taken.lines().partition(|line| *line == "123456789");
        assert!((10..=20).contains(&lines.len()), "{}", lines.len());
        let told: Vec<serde_json::Value> =
            told.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let lost: u64 = told.iter().map(|line| line["lines"].as_u64().expect("a number")).sum();
        assert_eq!(lost + lines.len() as u64, 1000, "every line was read or is told of");
    }

    #[test]
    fn a_reader_that_is_gone_fails_nobody() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let queue = Arc::new(Queue::new(100, Style::Json));
        let writing = Arc::clone(&queue);
        thread::spawn(move || writing.write_to(Gone));
        for _ in 0..1000 {
            queue.put("123456789\n");
        }
        queue.flush(LIMIT);
    }
}
