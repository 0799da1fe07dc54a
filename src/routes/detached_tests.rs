//! A paid call whose task does not come to its end.

use std::path::Path;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use tower::service_fn;

use super::*;
use crate::config::Config;
use crate::config::ledger::StoreKind;
use crate::config::secret::Sources;
use crate::ledger::Claim;
use crate::ledger::fingerprint::Fingerprint;
use crate::ledger::intent::{Details, IdempotencyKey, Intent, Sent};
use crate::ledger::operation::Operation;
use crate::metrics::Metrics;
use crate::params::Encoding;
use crate::quota::Class;
use crate::quota::slots::Wanted;
use crate::quota::wait_budget::WaitBudget;
use crate::rejection::Rejection;
use crate::upstream::Transport;

fn gateway() -> (Arc<Gateway>, Upstreams) {
    let text = "[upstreams.main]\nbase_url = \"http://upstream.invalid/v1\"\nquota = { max_jobs = 1 }\n";
    let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
    let mut config = Config::parse(text, Path::new(""), sources).expect("a configuration");
    config.ledger.store = StoreKind::Memory;
    let leaf = Transport::new(service_fn(async |_| -> Result<Response, Failure> {
        panic!("as if by a fault of ours")
    }));
    let metrics = Arc::new(Metrics::new().expect("metrics"));
    let gateway = Gateway::new(config, metrics).expect("a gateway").over(&leaf).expect("an upstream");
    let upstreams = gateway.upstreams(0);
    (Arc::new(gateway), upstreams)
}

fn intent() -> Intent {
    Intent {
        client: "team".into(),
        operation: Operation::Create,
        fingerprint: Fingerprint::of_bytes(
            Operation::Create,
            "/v1/videos",
            &Encoding::Json,
            &[Bytes::new().into()],
        ),
        former: None,
        key: IdempotencyKey::parse("k"),
        repeat: false,
    }
}

async fn making(gateway: &Arc<Gateway>, upstreams: Upstreams) -> Making {
    let Ok(Claim::Fresh(mut open)) = gateway.ledger.claim(intent()).await else { panic!("it is the first") };
    let details = Details {
        upstream: "main".into(),
        model: None,
        model_named: None,
        seconds: None,
        size: None,
        price: None,
        request_id: String::new(),
        sent: Sent::default(),
    };
    open.record(details).await.expect("recorded");
    let wanted = Wanted { upstream: "main", model: None, key: None };
    Making {
        gateway: Arc::clone(gateway),
        upstreams,
        upstream: "main".into(),
        owner: None,
        head: Request::post("/v1/videos").body(()).expect("a request").into_parts().0.into(),
        body: Vec::new(),
        open,
        makes_job: true,
        until: Instant::now() + Duration::from_secs(600),
        holds: Holds {
            charge: None,
            spent: SpentAll::default(),
            held: gateway.slots.acquire(&wanted, &WaitBudget::default()).await.expect("a slot"),
            place: gateway.load.enter(Class::Submit, &WaitBudget::default()).await.expect("a place"),
        },
    }
}

/// RT05, ME02: a panic is an outcome that nobody knows, and holds nothing.
#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_outcome_unknown_and_nothing_held() {
    let (gateway, upstreams) = gateway();
    let making = making(&gateway, upstreams).await;
    let id = making.open.id().to_string();
    let Ok(Claim::Await(twin)) = gateway.ledger.claim(intent()).await else { panic!("it is under way") };

    let answer = making.answer().await.expect_err("no answer");

    assert_eq!(answer, Refusal::lost(Failure::Lost));
    let unresolved = Rejection::CreateUnresolved { ledger_id: id };
    let told = tokio::time::timeout(Duration::from_secs(1), twin.outcome()).await.expect("at once");
    assert_eq!(told.expect_err("unresolved"), unresolved);
    assert_eq!(gateway.ledger.claim(intent()).await.expect_err("unresolved"), unresolved);
    assert_eq!(gateway.slots.in_use().iter().map(|slots| slots.usage.in_use).sum::<usize>(), 0);
    assert_eq!(gateway.load.in_flight(Class::Submit), 0);
}
