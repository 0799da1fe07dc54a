//! The page Prometheus scrapes: what is counted, and what is looked at when it is asked for.

use crate::gateway::Gateway;
use crate::metrics::Metrics;
use crate::upstream::Kind;

impl Gateway {
    /// The page Prometheus scrapes.
    #[must_use]
    pub fn page(&self) -> Vec<u8> {
        self.metrics.page(|metrics| self.look(metrics))
    }

    /// Sets the gauges that tell how things are. What a reload has taken away is gone from them.
    fn look(&self, metrics: &Metrics) {
        self.look_at_slots(metrics);
        self.look_at_upstreams(metrics);
        self.look_at_budgets(metrics);
        self.look_at_spool(metrics);
        metrics.ledger_lost.set(i64::from(self.ledger.lost().is_some()));
        metrics.jobs.unfinished.set(count(self.ledger.standing().jobs_unfinished));
    }

    fn look_at_spool(&self, metrics: &Metrics) {
        let spool = self.spool.usage();
        metrics.spool_in_use.set(count(spool.in_use));
        metrics.spool_limit.set(count(spool.limit));
    }

    fn look_at_slots(&self, metrics: &Metrics) {
        let quotas = &metrics.quotas;
        for gauges in [&quotas.slots_in_use, &quotas.slots_limit, &quotas.slots_waiting] {
            gauges.reset();
        }
        for slots in self.slots.in_use() {
            let labels = [slots.scope.word(), &*slots.name];
            quotas.slots_in_use.with_label_values(&labels).set(count(slots.usage.in_use));
            quotas.slots_limit.with_label_values(&labels).set(count(slots.usage.limit));
            quotas.slots_waiting.with_label_values(&labels).set(count(slots.usage.waiting));
        }
    }

    fn look_at_upstreams(&self, metrics: &Metrics) {
        metrics.upstreams.breaker_state.reset();
        for (name, vitals) in &self.vitals {
            metrics.upstreams.breaker_state.with_label_values(&[name]).set(vitals.position().number());
            metrics.upstreams.start(name, &Kind::ALL.map(Kind::name));
            // Alerted on: at zero from the beginning.
            metrics.upstream_auth_failures.with_label_values(&[name]);
        }
    }

    /// Of each key the limit that it will reach first: what an operator is warned of.
    fn look_at_budgets(&self, metrics: &Metrics) {
        metrics.budget_used_ratio.reset();
        for standing in self.budgets.standing(self.ledger.now().system()) {
            let ratio = metrics.budget_used_ratio.with_label_values(&[&*standing.key]);
            // A limit of nothing is used up from the beginning.
            let share = if standing.limit > 0.0 { standing.used / standing.limit } else { 1.0 };
            ratio.set(ratio.get().max(share));
        }
    }
}

fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
