//! LM03, LM04: bodies over their limit, and clients that are still sending them.

use crate::support::gateway::Gateway;
use crate::support::request::{Request, chunked, create, form, request};
use crate::support::upstream::{Reply, Upstream};

const MIB: usize = 1 << 20;

fn json() -> Request {
    create("").without("content-length")
}

fn a_form() -> Request {
    let content_type = "multipart/form-data; boundary=x";
    request("POST", "/v1/videos").with("content-type", content_type)
}

/// Small limits, and room enough to let the client say what it has to say.
async fn limited(upstream: &Upstream) -> Gateway {
    let limits = "[limits]\njson_body = \"64KiB\"\nform_body = \"64KiB\"\nother_body = \"64KiB\"";
    Gateway::start(upstream, &format!("{limits}\n[upstreams.main]\nbase_url = \"{{upstream}}\"")).await
}

/// LM03: refused before a byte of it came, and readable after all of it was sent.
#[tokio::test]
async fn a_body_announced_over_its_limit_is_refused_at_once() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = limited(&upstream).await;
    for request in [json(), a_form(), request("POST", "/v1/files")] {
        let head = request.with("content-length", &(4 * MIB).to_string()).head();
        let mut hesitant = gateway.connect().await;
        hesitant.send(&head).await;
        let answer = hesitant.answer().await;
        assert_eq!((answer.status(), answer.header("connection")), (413, Some("close")));

        let mut eager = gateway.connect().await;
        eager.send(&head).await;
        eager.try_send(vec![b'x'; 4 * MIB]).await.expect("it is read on");
        let answer = eager.answer().await;
        assert_eq!((answer.status(), answer.whole), (413, true));
    }
    upstream.assert_untouched("too large a body");
}

/// LM04
#[tokio::test]
async fn a_body_that_grows_past_its_limit_is_refused() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = limited(&upstream).await;
    for request in [json(), a_form()] {
        let mut client = gateway.connect().await;
        client.send(request.with("transfer-encoding", "chunked").head()).await;
        for _ in 0..64 {
            client.send(chunked(&[b'x'; 64 << 10])).await;
        }
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.whole), (413, true));
    }
    upstream.assert_untouched("too large a body");
    assert_eq!(gateway.ask(&form(&["name=\"prompt\"\r\n\r\na cat"])).await.status(), 200);
}
