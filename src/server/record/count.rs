//! The counts of a request.

use std::time::Duration;

use axum::http::StatusCode;

use super::Told;
use crate::fault::Domain;
use crate::metrics::{Metrics, NO_MODEL, NO_ROUTE};
use crate::outcome::{REJECTED, Refusal};
use crate::rejection::{Param, Rejection};

/// Label of a rejection whose answer has no code, or that is about no field.
const NONE: &str = "none";

/// Counts a request that was answered: how long that took, and how much of it the gateway itself.
pub(super) fn request(
    told: &Told,
    status: StatusCode,
    (took, overhead): (Duration, Duration),
    metrics: &Metrics,
) {
    let Told { route, note, refusal, code, .. } = told;
    let (metrics, model) = (&metrics.requests, note.model.as_deref().unwrap_or(NO_MODEL));
    let fault = Domain::of(refusal.as_ref(), status).name();
    metrics.answered.with_label_values(&[model, route, label_of(status), told.outcome(), fault]).inc();
    if let Some(times) = metrics.times(route) {
        times.duration.observe(took.as_secs_f64());
        times.overhead.observe(overhead.as_secs_f64());
    }
    if let Some(Refusal::Rejected(reason)) = refusal {
        let labels = [code.as_deref().unwrap_or(NONE), route, param_of(reason)];
        metrics.rejections.with_label_values(&labels).inc();
    }
    for field in &note.adjusted_fields {
        metrics.adjustments.with_label_values(&[model, field]).inc();
    }
    if note.replayed {
        metrics.replays.inc();
    }
}

/// Counts a request whose head could not be read.
pub(in crate::server) fn unreadable(status: StatusCode, metrics: &Metrics) {
    let (metrics, fault) = (&metrics.requests, Domain::Client.name());
    metrics.answered.with_label_values(&[NO_MODEL, NO_ROUTE, label_of(status), REJECTED, fault]).inc();
    metrics.rejections.with_label_values(&[NONE, NO_ROUTE, NONE]).inc();
}

/// The field that a rejection is about, if it is one that this API has: others are the client's own invention.
fn param_of(reason: &Rejection) -> &'static str {
    reason.param().map_or(NONE, Param::name)
}

/// The label of a status. Upstreams may answer with any number: those that nobody uses share one.
fn label_of(status: StatusCode) -> &'static str {
    STATUSES.iter().find(|(code, _)| *code == status.as_u16()).map_or("other", |(_, label)| label)
}

/// Every status that we or upstreams are known to answer with; those that are answered most stand first.
static STATUSES: [(u16, &str); 45] = [
    (200, "200"),
    (400, "400"),
    (404, "404"),
    (429, "429"),
    (401, "401"),
    (503, "503"),
    (500, "500"),
    (502, "502"),
    (504, "504"),
    (206, "206"),
    (304, "304"),
    (201, "201"),
    (202, "202"),
    (203, "203"),
    (204, "204"),
    (402, "402"),
    (403, "403"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (409, "409"),
    (410, "410"),
    (411, "411"),
    (412, "412"),
    (413, "413"),
    (414, "414"),
    (415, "415"),
    (416, "416"),
    (417, "417"),
    (422, "422"),
    (424, "424"),
    (425, "425"),
    (431, "431"),
    (451, "451"),
    (499, "499"),
    (501, "501"),
    (505, "505"),
    (507, "507"),
    (520, "520"),
    (521, "521"),
    (522, "522"),
    (523, "523"),
    (524, "524"),
    (525, "525"),
    (529, "529"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// ME01
    #[test]
    fn a_status_is_its_own_label_or_other() {
        let labels: HashSet<&str> =
            (100..=999).filter_map(|code| StatusCode::from_u16(code).ok()).map(label_of).collect();
        assert_eq!(labels.len(), STATUSES.len() + 1, "a status stands there twice");
        assert!(STATUSES.iter().all(|(code, label)| code.to_string() == *label));
        assert_eq!(label_of(StatusCode::OK), "200");
        assert_eq!(label_of(StatusCode::from_u16(799).expect("a status")), "other");
    }

    /// ME01: a name that the client made up is no label.
    #[test]
    fn a_field_is_a_label_only_if_there_is_one_of_that_name() {
        assert_eq!(param_of(&Rejection::Missing(Param::Prompt)), "prompt");
        assert_eq!(param_of(&Rejection::UnknownModel("sora-9".to_owned())), "model");
        assert_eq!(param_of(&Rejection::UnknownParameter("secondz".to_owned())), "none");
        assert_eq!(param_of(&Rejection::MalformedJson), "none");
    }
}
