//! Whose turn did not come at once: counted by the limit that held it up, and as a wait of its request.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::time::Instant;

use super::wait_budget::WaitBudget;
use crate::journey::Journey;

/// What holds a call up. A closed vocabulary, and so fit for a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The rate of a client's key.
    Key,
    /// The rate of a model.
    Model,
    /// The rate of everybody.
    Global,
    /// The rate of an upstream.
    Upstream,
    /// Job slots.
    Slots,
    /// The number of calls under way.
    InFlight,
}

impl Limit {
    /// The word for it, as a label.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::Global => "global",
            Self::Upstream => "upstream",
            Self::Slots => "slots",
            Self::InFlight => "in_flight",
        }
    }
}

impl WaitBudget {
    /// Takes a turn before a limit. What passes at once, as nearly all do, costs nothing more.
    pub(crate) async fn turn<T, E>(
        &self,
        limit: Limit,
        turn: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some(journey) = &self.journey else { return turn.await };
        let mut turn = pin!(turn);
        let at_once = match poll_fn(|cx| Poll::Ready(turn.as_mut().poll(cx))).await {
            Poll::Ready(at_once) => at_once,
            Poll::Pending => return in_line(journey, limit, turn).await,
        };
        if let (Err(_), Some(metrics)) = (&at_once, journey.metrics()) {
            metrics.quotas.held_up(limit.word(), false, None);
        }
        at_once
    }
}

/// A turn that is waited for.
async fn in_line<T, E>(
    journey: &Journey,
    limit: Limit,
    turn: Pin<&mut impl Future<Output = Result<T, E>>>,
) -> Result<T, E> {
    let began = Instant::now();
    let came = journey.during(turn).await;
    let took = began.elapsed();
    if let Some(metrics) = journey.metrics() {
        metrics.quotas.held_up(limit.word(), came.is_ok(), Some(took));
    }
    journey.waited(limit.word(), took);
    came
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::journey::Start;
    use crate::metrics::Metrics;

    const SECOND: Duration = Duration::from_secs(1);

    fn page(metrics: &Metrics) -> String {
        String::from_utf8(metrics.page(|_| ())).expect("UTF-8")
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_counts_only_where_it_does_not_come_at_once() {
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let start = Start { metrics: Some(Arc::clone(&metrics)), ..Start::default() };
        let journey = Journey::begin(Instant::now(), start);
        let patience = WaitBudget { journey: Some(journey.clone()), ..WaitBudget::default() };

        let at_once = patience.turn(Limit::Model, ready(Ok::<_, ()>(7))).await;
        assert_eq!(at_once, Ok(7));
        assert!(!page(&metrics).contains("quota_wait"), "{}", page(&metrics));

        let refused = patience.turn(Limit::Key, ready(Err::<(), _>(8))).await;
        assert_eq!(refused, Err(8));
        let passed = async {
            sleep(SECOND).await;
            Ok::<_, ()>(9)
        };
        assert_eq!(patience.turn(Limit::Slots, passed).await, Ok(9));
        let given_up = async {
            sleep(2 * SECOND).await;
            Err::<(), _>(10)
        };
        assert_eq!(patience.turn(Limit::Slots, given_up).await, Err(10));

        let page = page(&metrics);
        for series in [
            "quota_waits_total{result=\"refused\",scope=\"key\"} 1",
            "quota_waits_total{result=\"passed\",scope=\"slots\"} 1",
            "quota_waits_total{result=\"refused\",scope=\"slots\"} 1",
            "quota_wait_seconds_sum{scope=\"slots\"} 3",
            "quota_wait_seconds_count{scope=\"slots\"} 2",
        ] {
            assert!(page.contains(&format!("reelgate_{series}\n")), "{series} in {page}");
        }
        assert!(!page.contains("quota_wait_seconds_count{scope=\"key\"}"), "it did not stand in line");
        assert_eq!(journey.waited_until(Instant::now()), 3 * SECOND);
        assert_eq!(journey.read().waits, [("slots", SECOND), ("slots", 2 * SECOND)]);
    }
}
