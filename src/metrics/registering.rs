//! Making metrics, and keeping account of them.

use std::cell::RefCell;

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Error, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// One metric, as it is documented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name, with the prefix that all of ours have.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels, in order of declaration.
    pub labels: Vec<String>,
    /// What it counts, and in which unit.
    pub help: String,
}

/// Registers as it makes. Names get the prefix that all of them have.
///
/// The library tells series apart by a hash of their label values, one behind the other without anything between
/// them. So a label whose values the operator chooses stands first, or last behind one that is not: then no two
/// series can be taken for each other.
#[derive(Default)]
pub(super) struct Registering {
    registry: Registry,
    catalogue: RefCell<Vec<Definition>>,
}

impl Registering {
    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        let options = self.options(name, help, ("counter", &[]));
        self.registered(IntCounter::with_opts(options)?)
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        let options = self.options(name, help, ("counter", labels));
        self.registered(IntCounterVec::new(options, labels)?)
    }

    /// Counters of what has fractions.
    pub(super) fn sums(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
        let options = self.options(name, help, ("counter", labels));
        self.registered(CounterVec::new(options, labels)?)
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        let options = self.options(name, help, ("gauge", &[]));
        self.registered(IntGauge::with_opts(options)?)
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        let options = self.options(name, help, ("gauge", labels));
        self.registered(IntGaugeVec::new(options, labels)?)
    }

    /// Gauges of what has fractions.
    pub(super) fn shares(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        let options = self.options(name, help, ("gauge", labels));
        self.registered(GaugeVec::new(options, labels)?)
    }

    /// Times in seconds; `buckets` are their upper bounds.
    pub(super) fn times(
        &self,
        name: &str,
        help: &str,
        (labels, buckets): (&[&str], &[f64]),
    ) -> Result<HistogramVec, Error> {
        let options = self.options(name, help, ("histogram", labels));
        self.registered(HistogramVec::new(HistogramOpts::from(options).buckets(buckets.to_vec()), labels)?)
    }

    /// Registers what brings its own names and makes its own values.
    pub(super) fn collector(&self, collector: impl Collector + 'static) -> Result<(), Error> {
        for family in collector.collect() {
            self.catalogue.borrow_mut().push(Definition {
                name: family.name().to_owned(),
                kind: if family.name().ends_with("_total") { "counter" } else { "gauge" },
                labels: Vec::new(),
                help: family.help().to_owned(),
            });
        }
        self.registry.register(Box::new(collector))
    }

    /// The registry of all that was made, and what it was.
    pub(super) fn into_parts(self) -> (Registry, Vec<Definition>) {
        (self.registry, self.catalogue.into_inner())
    }

    fn options(&self, name: &str, help: &str, (kind, labels): (&'static str, &[&str])) -> Opts {
        let name = format!("reelgate_{name}");
        let labels = labels.iter().copied().map(str::to_owned).collect();
        let definition = Definition { name: name.clone(), kind, labels, help: help.to_owned() };
        self.catalogue.borrow_mut().push(definition);
        Opts::new(name, help)
    }

    fn registered<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, Error> {
        self.registry.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}
