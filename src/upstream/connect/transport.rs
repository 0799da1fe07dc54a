//! Where a request leaves the gateway.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::{Asked, Connections, Head, Reuse};
use crate::failure::Failure;
use crate::upstream::headers;

/// Sends one request and yields the head of its answer: connections, or what a test puts in their place.
#[derive(Clone)]
pub struct Transport(Inner);

#[derive(Clone)]
enum Inner {
    Connections(Arc<Connections>, Reuse),
    Service(BoxCloneSyncService<Request<Body>, Response<Body>, Failure>),
}

impl Transport {
    /// A service in place of connections.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Failure> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        Self(Inner::Service(BoxCloneSyncService::new(service)))
    }

    pub(super) fn over(connections: &Arc<Connections>, reuse: Reuse) -> Self {
        Self(Inner::Connections(Arc::clone(connections), reuse))
    }

    /// Sends one request, and yields its answer, with headers that go on to the client alone.
    pub(in crate::upstream) async fn send(
        &self,
        asked: &Asked<'_, impl Head>,
        body: Body,
    ) -> Result<Response<Body>, Failure> {
        match &self.0 {
            Inner::Connections(connections, reuse) => connections.send(*reuse, asked, body).await,
            Inner::Service(service) => {
                let request = asked.head.request()?.map(|()| body);
                let mut answer = service.clone().oneshot(request).await?;
                *answer.headers_mut() = headers::incoming(answer.headers(), asked.wanted);
                Ok(answer)
            }
        }
    }
}
