//! The whole gateway over an upstream in memory: no sockets, everything else.

use std::future::ready;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use reelgate::config::Config;
use reelgate::config::secret::Sources;
use reelgate::failure::Failure;
use reelgate::gateway::{Gateway, Live};
use reelgate::metrics::Metrics;
use reelgate::server::Responder;
use reelgate::upstream::Transport;
use tokio::runtime::{self, Runtime};

use crate::asked::Asked;

/// Judging, a ledger, limits that limit nobody, and whatever is on in any case.
pub(crate) const EVERYTHING: &str = r#"
presets = ["seed"]
[ledger]
store = "memory"
[quota]
submit = { rate = "1000000/s", burst = 1000000 }
fetch = { rate = "1000000/s", burst = 1000000 }
other = { rate = "1000000/s", burst = 1000000 }
[upstreams.main]
base_url = "http://{upstream}/v1"
[upstreams.main.quota]
submit = { rate = "1000000/s", burst = 1000000 }
fetch = { rate = "1000000/s", burst = 1000000 }
other = { rate = "1000000/s", burst = 1000000 }
"#;

/// What the upstream answers, whatever it is asked.
pub(crate) const JOB: &str = concat!(
    r#"{"id":"video_1","object":"video","created_at":1758941485,"completed_at":null,"expires_at":null,"#,
    r#""status":"queued","model":"sora-2","progress":0,"seconds":"8","size":"1280x720","#,
    r#""prompt":"a cat on a skateboard","remixed_from_video_id":null,"error":null}"#
);

/// The configuration that this is; an operator's credential is at hand.
pub(crate) fn config(toml: &str) -> Config {
    let var = |name: &str| (name == "UPSTREAM_KEY").then(|| "sk-operator".to_owned());
    let sources = Sources { var: &var, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
    Config::parse(&toml.replace("{upstream}", "upstream.invalid"), Path::new(""), sources)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A gateway without sockets.
pub(crate) struct Stack {
    runtime: Runtime,
    responder: Responder,
    pub(crate) live: Live,
}

impl Stack {
    /// That of a configuration, over an upstream that answers everything with a job.
    pub(crate) fn new(toml: &str) -> Self {
        Self::over(toml, job)
    }

    /// The same over an upstream that answers like this.
    pub(crate) fn over(
        toml: &str,
        answer: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let leaf = tower::service_fn(move |_: Request<Body>| ready(Ok::<_, Failure>(answer())));
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let gateway = Gateway::new(config(toml), metrics).expect("a ledger");
        let live = Live::new(gateway.over(&Transport::new(leaf)).expect("no credential"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, responder: Responder::new(live.clone()), live }
    }

    /// Answers a request, to the end of its body.
    pub(crate) fn call(&self, request: Request<Body>) -> StatusCode {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        self.block_on(async {
            let mut answer = self.responder.answer(peer, request).await;
            while answer.body_mut().frame().await.is_some() {}
            answer.status()
        })
    }

    /// Runs what belongs to the gateway.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Asserts that this is what a request is answered with.
    pub(crate) fn expect(&self, asked: &Asked, status: StatusCode) {
        assert_eq!(self.call(asked.request()), status, "{asked:?}");
    }
}

fn job() -> Response<Body> {
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, JOB.len())
        .header("x-request-id", "req_0123456789abcdef");
    answer.body(Body::from(JOB)).unwrap_or_default()
}
