//! Where a request leaves the gateway.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

use super::{Connections, Reuse};
use crate::failure::Failure;

/// Sends one request and yields the head of its answer: connections, or what a test puts in their place.
#[derive(Clone)]
pub struct Leaf(Inner);

#[derive(Clone)]
enum Inner {
    Connections(Arc<Connections>, Reuse),
    Service(BoxCloneSyncService<Request<Body>, Response<Body>, Failure>),
}

impl Leaf {
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

    /// Sends one request, and yields the head of its answer.
    pub(in crate::upstream) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        match &self.0 {
            Inner::Connections(connections, reuse) => connections.send(*reuse, request).await,
            Inner::Service(service) => service.clone().oneshot(request).await,
        }
    }
}
