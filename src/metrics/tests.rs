//! All metrics together, and their catalogue in the documentation.

use std::collections::BTreeSet;

use super::*;
use crate::metrics::requests::ROUTES;

fn metrics() -> Metrics {
    Metrics::new().expect("distinct names")
}

fn page(metrics: &Metrics) -> String {
    String::from_utf8(metrics.page(|_| ())).expect("UTF-8")
}

#[test]
fn every_metric_registers_and_has_a_help_text() {
    let metrics = metrics();
    assert!(metrics.catalogue().iter().all(|metric| metric.help.ends_with('.')), "{:?}", metrics.catalogue());
    let page = page(&metrics);
    for expected in ["# HELP reelgate_requests_in_flight", "reelgate_build_info{commit=", "process_open_fds "]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
}

/// The names, types and labels of a table's rows.
fn documented() -> BTreeSet<(String, String, Vec<String>)> {
    let text = include_str!("../../docs/metrics.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let metrics = rows.filter(|row| row.starts_with("reelgate_") || row.starts_with("process_"));
    let read = |row: &str| {
        let mut cells = row.split(" | ");
        let mut cell = || cells.next().expect("three cells").replace('`', "");
        let (name, kind, labels) = (cell(), cell(), cell());
        let labels = labels.split(", ").filter(|label| *label != "–").map(str::to_owned).collect();
        (name, kind, labels)
    };
    metrics.map(read).collect()
}

#[test]
fn the_documentation_has_every_metric_with_its_type_and_labels_and_no_other() {
    let (metrics, documented) = (metrics(), documented());
    let all = metrics.catalogue().iter();
    let all: BTreeSet<_> =
        all.map(|one| (one.name.clone(), one.kind.to_owned(), one.labels.clone())).collect();
    assert!(documented.len() > 40, "no tables found");
    let (missing, unknown): (Vec<_>, Vec<_>) =
        (all.difference(&documented).collect(), documented.difference(&all).collect());
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:#?}, unknown {unknown:#?}");
}

/// ME01: in a busy house, with everything that can be seen in one.
#[test]
fn twenty_models_make_fewer_than_two_thousand_series() {
    let metrics = metrics();
    let models: Vec<String> =
        (0..20).map(|number| format!("model-{number}")).chain([NO_MODEL.to_owned()]).collect();
    let statuses =
        ["200", "400", "401", "403", "404", "409", "413", "422", "429", "500", "502", "503", "504"];
    for status in statuses {
        for model in &models {
            metrics.requests.answered.with_label_values(&[model, "/v1/videos", status, "forwarded", "none"]);
        }
        for route in ROUTES {
            metrics.requests.answered.with_label_values(&[NO_MODEL, route, status, "forwarded", "none"]);
        }
    }
    for model in &models {
        let order = Order { model: Some(model), seconds: Some(4), price: Some(1.0) };
        metrics.jobs.submitted(order);
        metrics.jobs.completed(order, std::time::Duration::from_secs(60));
        metrics.jobs.failed(order, std::time::Duration::from_secs(60));
        metrics.jobs.deleted(order);
        for field in ["model", "seconds", "size"] {
            metrics.requests.adjustments.with_label_values(&[model, field]);
        }
        metrics.quotas.slots_in_use.with_label_values(&["model", model]);
        metrics.quotas.slots_limit.with_label_values(&["model", model]);
        metrics.quotas.slots_waiting.with_label_values(&["model", model]);
        metrics.budget_used_ratio.with_label_values(&[model]);
    }
    for limit in ["key", "model", "global", "upstream", "slots", "in_flight"] {
        metrics.quotas.held_up(limit, true, Some(std::time::Duration::from_secs(1)));
        metrics.quotas.held_up(limit, false, None);
    }
    for upstream in ["one", "two", "three"] {
        metrics.upstreams.start(upstream, &["submit", "fetch", "other"]);
        metrics.upstreams.breaker_state.with_label_values(&[upstream]);
        for kind in ["submit", "fetch", "other"] {
            metrics.upstreams.attempts.with_label_values(&[upstream, kind]);
            for result in ["2xx", "4xx", "429", "5xx", "timeout", "lost", "abandoned"] {
                metrics.upstreams.answers.with_label_values(&[upstream, kind, result]);
            }
        }
        for reason in ["rate_limited", "overloaded", "unavailable", "server_error", "connect", "lost"] {
            metrics.upstreams.retries.with_label_values(&[upstream, reason]);
        }
    }
    for number in 0..60 {
        metrics.requests.rejections.with_label_values(&[
            format!("code-{number}").as_str(),
            "/v1/videos",
            "none",
        ]);
    }
    let series = page(&metrics).lines().filter(|line| !line.starts_with('#')).count();
    assert!((1000..2000).contains(&series), "{series}");
}
