//! The head of an attempt: the client's, as one upstream wants it.

use axum::http::header::{self, HeaderName};
use axum::http::uri::{Parts, PathAndQuery};
use axum::http::{HeaderValue, Method, Request, Uri};
use reelgate_http1::RequestHead;

use super::call::{Call, Kind};
use super::connect::Head;
use super::header_policy::{API_KEY, IDEMPOTENCY_KEY, REQUEST_ID};
use super::headers::{self, Outbound};
use super::outgoing::Terms;
use super::traced::{TRACEPARENT, TRACESTATE, is_state_passed};
use crate::failure::Failure;
use crate::trace_context::Traceparent;

/// The head of one attempt, which is written only as it leaves.
pub(super) struct AttemptHead<'a> {
    terms: &'a Terms,
    /// Its own span, where the request has a trace.
    span: Option<Traceparent>,
    /// What the upstream has in place of `/v1`, and what follows it, query included, as it came.
    target: (&'a str, &'a str),
    /// The client's token, where the upstream wants it in another header than the client's.
    moved: Option<HeaderValue>,
}

impl<'a> AttemptHead<'a> {
    pub(super) fn of(terms: &'a Terms, span: Option<Traceparent>) -> Result<Self, Failure> {
        let target = terms.heads.target(&terms.call.head.uri).ok_or(Failure::Unreachable)?;
        Ok(Self { terms, span, target, moved: terms.heads.moved(&terms.call) })
    }

    /// Where it goes.
    pub(super) fn uri(&self) -> Option<Uri> {
        let base = &self.terms.heads.settings.base;
        let mut parts = Parts::default();
        parts.scheme = Some(base.scheme.clone());
        parts.authority = Some(base.authority.clone());
        parts.path_and_query =
            Some(PathAndQuery::try_from(format!("{}{}", self.target.0, self.target.1)).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Whether a header is ours to write, whatever the client's says.
    fn is_own(&self, name: &HeaderName) -> bool {
        let credential = &self.terms.heads.settings.credential_header;
        let is_credential = if self.terms.heads.has_credential() {
            name == credential || headers::ACCOUNT.contains(name)
        } else {
            self.moved.is_some() && name == credential
        };
        // The key of a client of ours could be another client's as well.
        let is_key = *name == IDEMPOTENCY_KEY && self.terms.call.owner.is_some();
        is_credential || is_key || *name == TRACEPARENT || *name == REQUEST_ID
    }

    /// Shows the client's headers that go on; yields its credentials, each as it came first.
    fn each_of_client(
        &self,
        show: &mut impl FnMut(&HeaderName, &HeaderValue),
    ) -> [Option<&'a HeaderValue>; 2] {
        let call = &*self.terms.call;
        let from = &call.head.headers;
        let outbound = Outbound::of(from, &self.terms.heads.settings.forward_headers);
        let is_about_job = is_about_job(call);
        let mut codings = 0;
        let (mut authorization, mut api_key) = (None, None);
        for (name, value) in from {
            if *name == header::AUTHORIZATION {
                authorization = authorization.or(Some(value));
            } else if *name == API_KEY {
                api_key = api_key.or(Some(value));
            } else if is_about_job && *name == header::ACCEPT_ENCODING {
                codings += 1;
            } else if outbound.passes(name)
                && !self.is_own(name)
                && (*name != TRACESTATE || is_state_passed(from, call.journey.trace()))
            {
                show(name, value);
            }
        }
        if codings > 0 {
            // The gateway has to read which job it is and how far it has come, and decodes few codings itself.
            show(&header::ACCEPT_ENCODING, &IDENTITY);
        }
        [authorization, api_key]
    }
}

impl RequestHead for AttemptHead<'_> {
    fn method(&self) -> &Method {
        self.terms.method()
    }

    fn write_target(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.target.0.as_bytes());
        to.extend_from_slice(self.target.1.as_bytes());
    }

    fn each_header(&self, mut show: impl FnMut(&HeaderName, &HeaderValue)) {
        let [authorization, api_key] = self.each_of_client(&mut show);
        show(&REQUEST_ID, self.terms.journey.id().value());
        if let Some(key) = &self.terms.key {
            show(&IDEMPOTENCY_KEY, key);
        }
        if let Some(span) = self.span {
            show(&TRACEPARENT, &span.value());
        }
        let name = &self.terms.heads.settings.credential_header;
        if let Some(credential) = &self.terms.heads.credential {
            return show(name, credential);
        }
        // There, and only there.
        if let Some(moved) = &self.moved {
            return show(name, moved);
        }
        authorization.into_iter().for_each(|value| show(&header::AUTHORIZATION, value));
        api_key.into_iter().for_each(|value| show(&API_KEY, value));
    }
}

impl Head for AttemptHead<'_> {
    fn request(&self) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = self.method().clone();
        *request.uri_mut() = self.uri().ok_or(Failure::Unreachable)?;
        self.each_header(|name, value| {
            request.headers_mut().append(name, value.clone());
        });
        Ok(request)
    }
}

/// Whether the answer tells of a job, and is not what the job made.
fn is_about_job(call: &Call) -> bool {
    match call.kind {
        Kind::Submit => true,
        Kind::Fetch => !call.head.uri.path().ends_with("/content"),
        Kind::Other => false,
    }
}

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::config::secret::Sources;
    use crate::error::Dialect;
    use crate::journey::{Journey, Start, Trace};
    use crate::upstream::deadline::Deadline;
    use crate::upstream::header_policy::RequestHeaderPolicy;
    use crate::upstream::presence::Presence;
    use crate::upstream::upstream_metrics::UpstreamMetrics;

    const SENT: [(&str, &str); 8] = [
        ("authorization", "Bearer client"),
        ("accept-encoding", "gzip"),
        ("x-stainless-os", "Linux"),
        ("openai-organization", "org"),
        ("x-request-id", "theirs"),
        ("traceparent", "theirs"),
        ("tracestate", "a=1"),
        ("cookie", "a=b"),
    ];

    /// What an upstream with these settings gets for a call of these headers, and its target.
    fn sent(settings: &str, path: &str, headers: &[(&'static str, &str)]) -> (Vec<String>, String) {
        let config = format!("[auth]\nmode = \"open\"\n[upstreams.main]\n{settings}");
        let sources =
            Sources { var: &|_| Some("sk-operator".into()), file: &|_| Err(io::ErrorKind::NotFound.into()) };
        let config = Config::parse(&config, Path::new(""), sources).expect("a configuration");
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).expect("a request");
        let own = Traceparent::begin(true);
        let trace = Some(Trace { own, parent: Some(own.span) });
        let journey = Journey::begin(tokio::time::Instant::now(), Start { trace, ..Start::default() });
        request.extensions_mut().insert(journey.clone());
        let call = Arc::new(Call::new(Kind::Fetch, request.into_parts().0));
        let terms = Terms {
            kind: Kind::Fetch,
            heads: Arc::new(RequestHeaderPolicy::new(&config.upstreams[0]).expect("a credential")),
            key: None,
            dialect: Dialect::OpenAi,
            deadline: Deadline::new(Duration::from_secs(1), &call.head.headers),
            allowance: None,
            client: Presence::always(),
            tally: UpstreamMetrics::default(),
            journey,
            call,
        };
        let head = AttemptHead::of(&terms, Some(own.child())).expect("a target");
        let mut shown = Vec::new();
        head.each_header(|name, value| shown.push(format!("{name}: {}", value.to_str().expect("text"))));
        let mut target = Vec::new();
        head.write_target(&mut target);
        let whole = head.request().expect("a request");
        assert_eq!(whole.headers().len(), shown.len(), "the same in both forms");
        let target = String::from_utf8(target).expect("text");
        assert_eq!(whole.uri().path_and_query().map(PathAndQuery::as_str), Some(&*target));
        let own_id = terms.journey.id().as_str().to_owned();
        for line in &mut shown {
            *line = line.replace(&own_id, "OURS");
            if let Some(rest) = line.strip_prefix("traceparent: ") {
                let parent = Traceparent::parse(rest.as_bytes()).expect("a valid one");
                assert!(parent.trace == own.trace && parent.span != own.span);
                *line = "traceparent: OURS".to_owned();
            }
        }
        shown.sort();
        (shown, target)
    }

    const BASE: &str = "base_url = \"http://127.0.0.1:1/v1\"\n";

    #[test]
    fn a_head_is_the_clients_with_what_is_ours_in_place_of_theirs() {
        let (headers, target) = sent(BASE, "/v1/videos/video_1?a=%2F", &SENT);
        let expected = [
            "accept-encoding: identity",
            "authorization: Bearer client",
            "openai-organization: org",
            "traceparent: OURS",
            "tracestate: a=1",
            "x-request-id: OURS",
            "x-stainless-os: Linux",
        ];
        assert_eq!(
            (headers.as_slice(), &*target),
            (&expected.map(str::to_owned)[..], "/v1/videos/video_1?a=%2F")
        );
    }

    #[test]
    fn what_a_job_made_may_come_compressed() {
        let (headers, target) = sent(
            "base_url = \"http://127.0.0.1:1/openai/v1\"\n",
            "/v1/videos/video_1/content",
            &[("accept-encoding", "gzip")],
        );
        assert!(headers.contains(&"accept-encoding: gzip".to_owned()), "{headers:?}");
        assert_eq!(target, "/openai/v1/videos/video_1/content");
    }

    /// SE01: the operator's credential takes the place of every one of the client's, and so does its account.
    #[test]
    fn a_credential_is_the_operators_or_the_clients_and_stands_once() {
        let operators = format!("{BASE}credential = {{ env = \"KEY\" }}\n");
        let (headers, _) =
            sent(&operators, "/v1/videos/video_1", &[&SENT[..], &[("x-api-key", "client")]].concat());
        let named =
            |name: &str| headers.iter().filter(|line| line.starts_with(name)).cloned().collect::<Vec<_>>();
        assert_eq!(named("authorization"), ["authorization: Bearer sk-operator"]);
        assert!(named("openai-organization").is_empty() && named("x-api-key").is_empty(), "{headers:?}");
        let bare = format!("{BASE}credential_header = \"api-key\"\ncredential_scheme = \"\"\n");
        let (headers, _) = sent(&bare, "/v1/videos/video_1", &SENT);
        assert!(headers.contains(&"api-key: client".to_owned()), "{headers:?}");
        assert!(!headers.iter().any(|line| line.starts_with("authorization")), "{headers:?}");
    }
}
