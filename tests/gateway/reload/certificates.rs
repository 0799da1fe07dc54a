//! Certificates are exchanged in their files, as tools that renew them do it.

use std::sync::Arc;

use rustls::version::TLS13;
use tempfile::TempDir;

use super::{GENERATION, Reloading};
use crate::forward::transports::{Authority, Server};
use crate::support::request::get;

#[tokio::test]
async fn a_client_certificate_that_is_renewed_is_presented_without_a_restart() {
    let authority = Authority::for_certified_clients(&[b"http/1.1"], &[&TLS13]);
    let stranger = Authority::for_certified_clients(&[b"http/1.1"], &[&TLS13]);
    let server = Server::start(Some(Arc::clone(&authority.server))).await;
    let folder = TempDir::new().expect("a folder");
    stranger.certify_client(folder.path());
    let at = folder.path().display();
    let mut reloading = Reloading::start(&format!(
        "[upstreams.main]\nbase_url = \"https://localhost:{}/v1\"\nca_file = \"{}\"\n\
         client_cert = \"{at}/client.pem\"\nclient_key = \"{at}/client.key\"\n\
         retry.attempts = 1\nbreaker.consecutive = 0\n",
        server.address.port(),
        authority.file()
    ))
    .await;
    let poll = get("/v1/videos/video_1");
    let refused = reloading.gateway.ask(&poll).await;
    assert_eq!((refused.status(), refused.code().as_deref()), (502, Some("upstream_tls_failed")));

    authority.certify_client(folder.path());
    let before = reloading.gateway.metric(GENERATION);
    reloading.reload.now().await;

    assert!(reloading.gateway.metric(GENERATION) > before, "it is another configuration");
    assert_eq!(reloading.gateway.ask(&poll).await.status(), 200);
}
