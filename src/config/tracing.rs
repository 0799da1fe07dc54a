//! `[tracing]`: which traces requests belong to, and where their spans are sent.

use std::time::Duration;

use axum::http::Uri;

use super::reader::Section;
use super::retry::read_share;
use super::secret::Sources;

/// `[tracing]`
#[derive(Clone, Debug, PartialEq)]
pub struct Tracing {
    /// Whether a request that comes without a trace begins one.
    pub generate: bool,
    /// Share of the traces beginning here that are recorded, from 0 to 1.
    pub sample: f64,
    /// Where spans are sent. `None`: nowhere.
    pub export: Option<Export>,
}

/// Where spans are sent, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Takes OTLP over HTTP; with its path.
    pub endpoint: Uri,
    /// `service.name`
    pub service_name: String,
    /// How long sending one batch may take.
    pub timeout: Duration,
}

impl Tracing {
    pub(super) fn read(mut section: Section<'_>, sources: Sources<'_>) -> Self {
        let named = (sources.var)("OTEL_SERVICE_NAME").filter(|_| CAN_EXPORT);
        let service_name = section.text("service_name").map(str::to_owned).or(named);
        let timeout = section.duration("timeout", Duration::from_secs(10));
        let endpoint = read_endpoint(&mut section, sources);
        let tracing = Self {
            generate: section.flag("generate", false),
            sample: read_share(&mut section, "sample", 1.0),
            export: endpoint.map(|endpoint| Export {
                endpoint,
                service_name: service_name.unwrap_or_else(|| "reelgate".to_owned()),
                timeout,
            }),
        };
        section.finish();
        tracing
    }

    /// Whether requests without a trace begin one.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.generate || self.export.is_some()
    }
}

/// Whether this binary can send spans at all.
const CAN_EXPORT: bool = cfg!(feature = "otlp");

/// The file's, else that of the environment, by the names that OpenTelemetry gives them.
fn read_endpoint(section: &mut Section<'_>, sources: Sources<'_>) -> Option<Uri> {
    let right =
        "use the base URL of a collector that takes OTLP over HTTP, such as \"http://127.0.0.1:4318\"";
    let written = section.read("otlp_endpoint", right, |value| with_path(value.as_str()?));
    if !CAN_EXPORT {
        if written.is_some() {
            let what = "this binary cannot send spans (build it with --features otlp, or remove the key)";
            section.problem("otlp_endpoint", what);
        }
        return None;
    }
    if written.is_some() {
        return written;
    }
    let exact = (sources.var)("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(|text| (text.parse().ok(), text));
    let base = || (sources.var)("OTEL_EXPORTER_OTLP_ENDPOINT").map(|text| (with_path(&text), text));
    let (endpoint, text) = exact.or_else(base)?;
    if endpoint.is_none() {
        section.problem("otlp_endpoint", format!("the environment's \"{text}\" is not allowed ({right})"));
    }
    endpoint
}

/// The address for spans below a collector's base URL.
fn with_path(base: &str) -> Option<Uri> {
    let base: Uri = base.parse().ok()?;
    if !matches!(base.scheme_str(), Some("http" | "https")) || base.query().is_some() {
        return None;
    }
    format!("{}/v1/traces", base.to_string().trim_end_matches('/')).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_an_address_below_the_collectors() {
        for (base, endpoint) in [
            ("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/traces")),
            ("https://collector/", Some("https://collector/v1/traces")),
            ("https://example.com/otlp/", Some("https://example.com/otlp/v1/traces")),
            ("127.0.0.1:4317", None),
            ("grpc://collector", None),
            ("http://collector?key=1", None),
        ] {
            assert_eq!(with_path(base).map(|uri| uri.to_string()).as_deref(), endpoint, "{base}");
        }
    }
}
