//! What every handler begins with: who is asking, and whether there is room for one more.

use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use tracing::warn;

use super::{Served, body};
use crate::auth::{self, Client};
use crate::gateway::Gateway;
use crate::journey::Journey;
use crate::outcome::{Note, Refusal};
use crate::params::Encoding;
use crate::quota::concurrency_limit::Permit;
use crate::quota::wait_budget::WaitBudget;
use crate::quota::{Asked, Class, SpentAll};
use crate::rejection::Rejection;
use crate::request_body::RequestBody;
use crate::telemetry::Seldom;
use crate::upstream::Upstreams;

/// A request that may be worked on.
pub(super) struct Admitted {
    pub(super) gateway: Arc<Gateway>,
    pub(super) upstreams: Upstreams,
    pub(super) client: Client,
    pub(super) head: Box<Parts>,
    /// Its place among the requests in flight.
    pub(super) place: Permit,
}

/// Lets `work` answer a request whose client may ask, while there is room. Both are decided from the head alone.
pub(super) async fn admitted<F>(
    class: Class,
    Served { gateway, upstreams }: Served,
    request: Box<Request>,
    work: impl FnOnce(Admitted, Body) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Refusal>>,
{
    let now = gateway.ledger.now().system();
    let client = match auth::admit(&gateway.config.auth, request.headers(), now) {
        Ok(client) => client,
        Err(reason) => return turned_away(reason),
    };
    let (snapshot, key) = (Arc::clone(&gateway), client.name().cloned());
    let journey = Journey::of(request.extensions());
    journey.mark(|marks| marks.client.clone_from(&key));
    let patience = WaitBudget { deadline: None, journey: Some(journey) };
    let entered = snapshot.load.enter(class, &patience).await;
    let answer = match entered {
        Ok(place) => {
            let (head, body) = request.into_parts();
            work(Admitted { gateway, upstreams, client, head: Box::new(head), place }, body).await
        }
        Err(reason) => Err(reason.into()),
    };
    let mut response = answer.into_response();
    let note = response.extensions_mut().get_or_insert_default::<Note>();
    // Also with a refusal: whoever was told no wants to know how much is left.
    let asked = Asked { class, key: key.as_deref(), model: note.model.as_deref(), patience: &patience };
    note.standing = snapshot.quotas.standing(&asked);
    note.client = key;
    response
}

/// What was said of keys that have expired.
static EXPIRED: Seldom = Seldom::new();

/// The client is told the same of every wrong key; the log names the one that has expired.
fn turned_away(reason: Rejection) -> Response {
    let mut note = Note::default();
    if let Rejection::ExpiredKey { name, .. } = &reason {
        if EXPIRED.is_due(name) {
            warn!(key = name, "a key was used that has expired");
        }
        note.client = Some(name.as_str().into());
    }
    let mut response = Refusal::from(reason).into_response();
    response.extensions_mut().insert(note);
    response
}

impl Admitted {
    /// What it accompanies.
    pub(super) fn journey(&self) -> Journey {
        Journey::of(&self.head.extensions)
    }

    /// The encoding of its body, and all of it.
    pub(super) async fn read(&self, body: Body) -> Result<(Encoding, RequestBody), Rejection> {
        // As slow as its client.
        let journey = self.journey();
        let Gateway { config, spool, .. } = &*self.gateway;
        journey.during(pin!(body::read(&self.head, body, &config.limits, spool))).await
    }

    /// Takes what the call costs from every quota that counts it.
    pub(super) async fn spend(&self, class: Class) -> Result<SpentAll, Rejection> {
        let patience = WaitBudget { deadline: None, journey: Some(self.journey()) };
        let key = self.client.name().map(|name| &**name);
        let asked = Asked { class, key, model: None, patience: &patience };
        self.gateway.quotas.spend(&asked).await
    }
}
