//! What every handler begins with: who is asking, and whether there is room for one more.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::body;
use crate::auth::{self, Client};
use crate::gateway::Gateway;
use crate::outcome::{Note, Refusal};
use crate::params::Encoding;
use crate::quota::gate::Place;
use crate::quota::patience::Patience;
use crate::quota::{Asked, Class, SpentAll};
use crate::rejection::Rejection;
use crate::shutdown::Underway;
use crate::trail::{Trail, Wait};

/// A request that may be worked on.
pub(super) struct Admitted {
    pub(super) gateway: Arc<Gateway>,
    pub(super) client: Client,
    pub(super) head: Parts,
    /// Its place among the requests in flight.
    pub(super) place: Place,
}

/// Lets `work` answer a request whose client may ask, while there is room. Both are decided from the head alone.
pub(super) async fn admitted<F>(
    class: Class,
    gateway: Arc<Gateway>,
    request: Request,
    work: impl FnOnce(Admitted, Body) -> F,
) -> Response
where
    F: Future<Output = Result<Response, Refusal>>,
{
    let client = match auth::admit(&gateway.config.auth, request.headers()) {
        Ok(client) => client,
        Err(reason) => return Refusal::from(reason).into_response(),
    };
    let (snapshot, key) = (Arc::clone(&gateway), client.key().cloned());
    let patience = patience(request.extensions().get());
    let trail = Trail::of(request.extensions());
    trail.mark(|marks| marks.client.clone_from(&key));
    let entered = trail.wait(Wait::InFlight, snapshot.load.enter(class, &patience)).await;
    let answer = match entered {
        Ok(place) => {
            let (head, body) = request.into_parts();
            work(Admitted { gateway, client, head, place }, body).await
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

/// Waits as long as each limit allows, and no longer than the process serves.
pub(super) fn patience(underway: Option<&Underway>) -> Patience {
    Patience { deadline: None, underway: underway.cloned() }
}

impl Admitted {
    /// The encoding of its body, and all of the bytes.
    pub(super) async fn read(&self, body: Body) -> Result<(Encoding, Bytes), Rejection> {
        body::read(&self.head, body, &self.gateway.config.limits).await
    }

    /// Takes what the call costs from every quota that counts it.
    pub(super) async fn spend(&self, class: Class) -> Result<SpentAll, Rejection> {
        let patience = patience(self.head.extensions.get());
        let key = self.client.key().map(|name| &**name);
        let asked = Asked { class, key, model: None, patience: &patience };
        Trail::of(&self.head.extensions).wait(Wait::Quota, self.gateway.quotas.spend(&asked)).await
    }
}
