//! All metrics together.

use super::*;

fn page(metrics: &Metrics) -> String {
    String::from_utf8(metrics.page(|_| ())).expect("UTF-8")
}

#[test]
fn every_metric_registers_and_has_a_help_text() {
    let metrics = Metrics::new().expect("distinct names");
    assert!(metrics.catalogue().iter().all(|metric| metric.help.ends_with('.')), "{:?}", metrics.catalogue());
    let page = page(&metrics);
    for expected in ["# HELP reelgate_requests_in_flight", "reelgate_build_info{commit=", "process_open_fds "] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}
