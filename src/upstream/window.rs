//! Two counts over the last while, in a ring of slots.

use std::time::Duration;

use tokio::time::Instant;

/// Slots of a window: how finely the past is forgotten.
const SLOTS: u32 = 10;

/// Counts events, and the marked ones among them. Whatever is older than the window is forgotten within a tenth of it.
#[derive(Debug)]
pub(super) struct Window {
    slot: Duration,
    start: Option<Instant>,
    /// One more than the window has: the oldest is only in part in it.
    slots: [Slot; SLOTS as usize + 1],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Which slot since the start this is.
    number: u64,
    all: u64,
    marked: u64,
}

/// The sums of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) all: u64,
    pub(super) marked: u64,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let slot = (length / SLOTS).max(Duration::from_nanos(1));
        Self { slot, start: None, slots: Default::default() }
    }

    pub(super) fn add(&mut self, now: Instant, sums: Sums) {
        let number = self.number(now);
        let index = usize::try_from(number % self.slots.len() as u64).unwrap_or_default();
        if let Some(slot) = self.slots.get_mut(index) {
            if slot.number != number {
                *slot = Slot { number, ..Slot::default() };
            }
            slot.all += sums.all;
            slot.marked += sums.marked;
        }
    }

    pub(super) fn sums(&mut self, now: Instant) -> Sums {
        let oldest = self.number(now).saturating_sub(u64::from(SLOTS));
        let fresh = self.slots.iter().filter(|slot| slot.number >= oldest);
        fresh.fold(Sums::default(), |sums, slot| Sums {
            all: sums.all + slot.all,
            marked: sums.marked + slot.marked,
        })
    }

    pub(super) fn clear(&mut self) {
        self.slots = Default::default();
    }

    fn number(&mut self, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        let slots = now.saturating_duration_since(start).as_nanos() / self.slot.as_nanos().max(1);
        u64::try_from(slots).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_past_is_forgotten_once_it_is_older_than_the_window() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut window = Window::new(Duration::from_secs(10));
        window.add(at(0), Sums { all: 1, marked: 0 });
        window.add(at(5500), Sums { all: 2, marked: 1 });
        assert_eq!(window.sums(at(5500)), Sums { all: 3, marked: 1 });
        assert_eq!(window.sums(at(10_000)), Sums { all: 3, marked: 1 });
        assert_eq!(window.sums(at(11_000)), Sums { all: 2, marked: 1 });
        assert_eq!(window.sums(at(17_000)), Sums::default());
        window.add(at(100_000), Sums { all: 1, marked: 1 });
        assert_eq!(window.sums(at(100_000)), Sums { all: 1, marked: 1 });
    }
}
