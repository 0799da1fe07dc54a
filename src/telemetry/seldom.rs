//! Lines that would come with each request for as long as something is broken. The request's own line tells of each;
//! that it is so in general is said now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When something was last said, by what it was about.
#[derive(Debug)]
pub(crate) struct Seldom(Mutex<BTreeMap<Box<str>, Instant>>);

/// Time between two lines that say the same.
const PAUSE: Duration = Duration::from_mins(1);

impl Seldom {
    /// Nothing was said yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Whether it is to be said now. `about`: a name from the configuration or the source, since each is remembered.
    pub(crate) fn is_due(&self, about: &str) -> bool {
        let (mut said, now) = (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        match said.get_mut(about) {
            Some(last) if now.saturating_duration_since(*last) < PAUSE => false,
            Some(last) => {
                *last = now;
                true
            }
            None => said.insert(about.into(), now).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_is_said_once_a_minute() {
        let seldom = Seldom::new();
        assert!(seldom.is_due("main") && seldom.is_due("other"));
        assert!(!seldom.is_due("main") && !seldom.is_due("other"));
        tokio::time::advance(PAUSE).await;
        assert!(seldom.is_due("main"));
        assert!(!seldom.is_due("main"));
    }
}
