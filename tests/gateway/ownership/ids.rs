//! An id that the gateway handed out can always be asked for.

use super::*;

/// VA12: however odd the upstream's id is, it is one segment of the path there.
#[tokio::test]
async fn an_id_that_was_handed_out_reaches_the_upstream_escaped_in_one_way() {
    let (slash, long, longest) = ("a/b+c=".to_owned(), "x=".repeat(200), "x".repeat(3000));
    let cases = [
        ("dGFzaw==", "dGFzaw%3D%3D", "dGFzaw%3D%3D"),
        ("dGFzaw==", "dGFzaw==", "dGFzaw%3D%3D"),
        ("task.123", "task.123", "task%2E123"),
        ("cgt:2026-1", "cgt%3a2026-1", "cgt%3A2026-1"),
        (&slash, "a%2Fb%2Bc%3D", "a%2Fb%2Bc%3D"),
        ("a;b c", "a%3Bb%20c", "a%3Bb%20c"),
        (&long, &long, &long.replace('=', "%3D")),
        (&longest, &longest, &longest),
    ];
    for mode in ["keys", "open"] {
        for (id, sent, arrives) in cases {
            let job = format!(r#"{{"id":"{id}","object":"video","status":"queued"}}"#);
            let upstream = Upstream::start(Reply::json(200, &job)).await;
            let gateway = match mode {
                "keys" => two(&upstream).await,
                _ => Gateway::over(&upstream).await,
            };
            gateway.ask(&by(ONE, order("a"))).await;
            for (method, rest) in [("GET", ""), ("GET", "/content?variant=video"), ("DELETE", "")] {
                let answer =
                    gateway.ask(&by(ONE, request(method, &format!("/v1/videos/{sent}{rest}")))).await;
                assert_eq!(answer.status(), 200, "{mode} {sent}: {}", answer.text());
                let line = upstream.requests().last().expect("a request").start.clone();
                assert_eq!(line, format!("{method} /v1/videos/{arrives}{rest} HTTP/1.1"), "{mode}");
            }
            if mode == "keys" {
                let list = gateway.ask(&by(ONE, get(&format!("/v1/videos?after={arrives}")))).await;
                assert_eq!(list.status(), 200, "{id}: {}", list.text());
            }
        }
    }
}

/// VA12: of ids that were not handed out only plain ones pass, where the upstream decides.
#[tokio::test]
async fn an_id_that_was_not_handed_out_passes_only_if_it_is_plain() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    assert_eq!(gateway.ask(&get("/v1/videos/video_none")).await.status(), 200);
    let before = upstream.count();
    for id in ["dGFzaw==", "task.123", "a%2Fb", "..%2Fadmin", "%2e%2e", "a%00", "a%3Bb", "a%zz", "."] {
        let answer = gateway.ask(&get(&format!("/v1/videos/{id}"))).await;
        assert_eq!(answer.status(), 404, "{id}");
    }
    assert_eq!(upstream.count(), before);
}
