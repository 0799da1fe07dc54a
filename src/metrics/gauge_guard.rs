//! Gauges that count what is there at the moment.

use prometheus::IntGauge;

/// One more in a gauge, until it is dropped: however what it stands for ends, the gauge goes back.
#[derive(Debug)]
#[must_use = "dropped, it does not count"]
pub(crate) struct GaugeGuard(IntGauge);

impl GaugeGuard {
    /// Counts one more.
    pub(crate) fn by_one(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ME02
    #[test]
    fn a_gauge_goes_back_also_after_a_panic() {
        let gauge = IntGauge::new("a", "b").expect("a name");
        let one = GaugeGuard::by_one(&gauge);
        let inner = gauge.clone();
        let panicked = std::panic::catch_unwind(move || {
            let _two = GaugeGuard::by_one(&inner);
            assert_eq!(inner.get(), 2);
            panic!("on purpose");
        });
        assert!(panicked.is_err());
        assert_eq!(gauge.get(), 1);
        drop(one);
        assert_eq!(gauge.get(), 0);
    }
}
