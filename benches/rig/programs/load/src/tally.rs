//! What became of the requests, and how long each took.

use std::collections::BTreeMap;
use std::time::Duration;

/// Durations, of which quantiles are asked.
#[derive(Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    /// One more.
    pub fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// The smallest that is at least as long as this share of them, in microseconds; 0 of none.
    fn quantile(&self, share: f64) -> f64 {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).map_or(0.0, |duration| duration.as_secs_f64() * 1e6)
    }

    /// As members of a JSON object. Sorts them.
    fn told(&mut self) -> String {
        self.0.sort_unstable();
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|share| self.quantile(share));
        let count = self.0.len();
        format!(r#""count":{count},"p50_us":{p50:.1},"p90_us":{p90:.1},"p99_us":{p99:.1},"max_us":{max:.1}"#)
    }
}

/// Answers of one status.
#[derive(Default)]
struct Answers {
    since_due: Durations,
    since_sent: Durations,
}

impl Answers {
    /// As JSON; what counts from when requests were sent is apart.
    fn told(&mut self) -> String {
        format!(r#"{{{},"sent":{{{}}}}}"#, self.since_due.told(), self.since_sent.told())
    }
}

/// The sum of a run.
#[derive(Default)]
pub struct Tally {
    /// Requests that came due.
    pub due: u64,
    /// Requests whose connection broke before the answer was whole.
    pub broken: u64,
    /// Answers that were whole.
    pub answered: u64,
    /// Bytes of bodies, both ways.
    pub bytes: u64,
    /// How late this driver itself noticed that requests were due.
    pub lag: Durations,
    by_status: BTreeMap<u16, Answers>,
}

impl Tally {
    /// An answer, and how long it took since its request was due and since it was sent.
    pub fn answer(&mut self, status: u16, since_due: Duration, since_sent: Duration) {
        self.answered += 1;
        let answers = self.by_status.entry(status).or_default();
        answers.since_due.add(since_due);
        answers.since_sent.add(since_sent);
    }

    /// As JSON.
    pub fn told(&mut self, took: Duration) -> String {
        let statuses: Vec<String> = self
            .by_status
            .iter_mut()
            .map(|(status, answers)| format!(r#""{status}":{}"#, answers.told()))
            .collect();
        format!(
            r#"{{"due":{},"answered":{},"broken":{},"bytes":{},"seconds":{:.4},"lag":{{{}}},"statuses":{{{}}}}}"#,
            self.due,
            self.answered,
            self.broken,
            self.bytes,
            took.as_secs_f64(),
            self.lag.told(),
            statuses.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_durations() {
        let mut durations = Durations::default();
        for millis in (1..=100).rev() {
            durations.add(Duration::from_millis(millis));
        }
        let told = durations.told();
        assert_eq!(
            told,
            r#""count":100,"p50_us":50000.0,"p90_us":90000.0,"p99_us":99000.0,"max_us":100000.0"#
        );
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert!(Durations::default().told().contains(r#""p99_us":0.0"#));
    }
}
