//! Answers that an upstream compresses although the gateway requests them with `accept-encoding: identity`.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::money::{first, with};
use crate::support::gateway::Gateway;
use crate::support::request::{Request, get};
use crate::support::upstream::{JOB, Reply, Upstream, answer};
use crate::support::within;

const ONE: &str = "[upstreams.main.quota]\nmax_jobs = 1\njobs_wait = \"0s\"\n";
const IN_USE: &str = "reelgate_slots_in_use{name=\"main\",scope=\"upstream\"}";
const JSON: (&str, &str) = ("content-type", "application/json");

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).expect("into memory");
    encoder.finish().expect("into memory")
}

fn zipped(status: u16, text: &str) -> Reply {
    Reply::raw(answer(status, &[JSON, ("content-encoding", "gzip")], gzip(text)))
}

fn asking(request: Request) -> Request {
    request.with("accept-encoding", "gzip, deflate, br, zstd")
}

fn state(status: &str) -> String {
    format!(r#"{{"id":"video_1","object":"video","status":"{status}"}}"#)
}

/// A client that does not accept a coding receives the decoded body; one that does receives the upstream's bytes.
#[tokio::test]
async fn a_coding_is_removed_unless_the_client_accepts_it() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(JOB.as_bytes()).expect("into memory");
    for (coding, body) in [("gzip", gzip(JOB)), ("deflate", zlib.finish().expect("into memory"))] {
        let headers = [JSON, ("content-encoding", coding), ("etag", "\"1\"")];
        let upstream = Upstream::start(Reply::raw(answer(200, &headers, &body))).await;
        let gateway = Gateway::over(&upstream).await;
        for call in
            [first("a cat"), get("/v1/videos/video_1"), get("/v1/videos"), get("/v1/videos/video_1/content")]
        {
            let plain = gateway.ask(&call).await;
            assert_eq!((plain.status(), &*plain.text()), (200, JOB), "{coding} {}", call.target());
            assert_eq!((plain.header("content-encoding"), plain.header("etag")), (None, None), "{coding}");
            let coded = gateway.ask(&asking(call)).await;
            assert_eq!((coded.header("content-encoding"), &coded.body), (Some(coding), &body), "{coding}");
        }
    }
}

/// ST11
#[tokio::test]
async fn compressed_downloads_and_other_routes_pass_unchanged() {
    let film = answer(200, &[("content-type", "video/mp4"), ("content-encoding", "gzip")], gzip("film"));
    let chat = answer(200, &[JSON, ("content-encoding", "gzip")], gzip("{}"));
    let upstream = Upstream::script(vec![Reply::raw(film), Reply::raw(chat)]).await;
    let gateway = Gateway::over(&upstream).await;
    for (target, body) in [("/v1/videos/video_1/content", gzip("film")), ("/v1/models", gzip("{}"))] {
        let passed = gateway.ask(&get(target)).await;
        assert_eq!((passed.header("content-encoding"), &passed.body), (Some("gzip"), &body), "{target}");
    }
}

/// Whether the client polls or the gateway's watch does.
#[tokio::test]
async fn a_compressed_job_holds_its_slot_until_it_has_ended() {
    let script = vec![zipped(200, JOB), zipped(200, &state("in_progress")), zipped(200, &state("completed"))];
    for asks in [true, false] {
        let upstream = Upstream::script(script.clone()).await;
        let gateway = with(&upstream, &format!("{ONE}[jobs]\nwatch = false\n")).await;
        let call = |request: Request| if asks { asking(request) } else { request };
        assert_eq!(gateway.ask(&call(first("a cat"))).await.status(), 200);
        for left in [1.0, 0.0] {
            gateway.ask(&call(get("/v1/videos/video_1"))).await;
            assert!((gateway.metric(IN_USE) - left).abs() < f64::EPSILON, "{asks}");
        }
    }
    let upstream = Upstream::script(vec![zipped(200, JOB), zipped(200, &state("completed"))]).await;
    let watched = format!("{ONE}[jobs]\nwatch_after = \"1ms\"\nwatch_interval = \"1ms\"\n");
    let gateway = with(&upstream, &watched).await;
    assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    within("the watch to see the end", async {
        while gateway.metric(IN_USE) > 0.0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// RT22: the client of a later try may not accept the coding.
#[tokio::test]
async fn a_compressed_answer_is_replayed_without_its_coding() {
    let upstream = Upstream::start(zipped(200, JOB)).await;
    let gateway = Gateway::over(&upstream).await;
    let keyed = first("a cat").with("idempotency-key", "k");
    let made = gateway.ask(&asking(keyed.clone())).await;
    assert_eq!((made.header("content-encoding"), &made.body), (Some("gzip"), &gzip(JOB)));
    for call in [keyed.clone(), asking(keyed)] {
        let replay = gateway.ask(&call).await;
        assert_eq!(
            (replay.header("x-reelgate-replayed"), replay.header("content-encoding")),
            (Some("true"), None)
        );
        assert_eq!(replay.text(), JOB);
    }
    assert_eq!(upstream.count(), 1);
}

/// RT05: a body that cannot be decoded may hold a job.
#[tokio::test]
async fn an_answer_that_cannot_be_decoded_leaves_the_outcome_open() {
    let bomb = gzip(vec![b' '; 64 << 20]);
    let cut = gzip(JOB);
    for (coding, body) in [
        ("gzip", &b"\x1f\x8bnot really"[..]),
        ("gzip", &cut[..cut.len() - 4]),
        ("gzip", &bomb),
        ("br", b"\x0b\x02\x80{}\x03"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x00"),
        ("gzip, gzip", &cut),
    ] {
        let headers = [JSON, ("content-encoding", coding)];
        let upstream = Upstream::start(Reply::raw(answer(200, &headers, body))).await;
        let gateway = Gateway::over(&upstream).await;
        for call in [first("a cat"), asking(first("a dog"))] {
            let answer = gateway.ask(&call).await;
            let told = (answer.status(), answer.code(), answer.header("x-should-retry"));
            assert_eq!(told, (502, Some("upstream_outcome_unknown".to_owned()), Some("false")), "{coding}");
        }
        // A client that accepts the coding may be able to read it.
        let poll = get("/v1/videos/video_1");
        assert_eq!(gateway.ask(&asking(poll.clone())).await.body, body, "{coding}");
        let answer = gateway.ask(&poll).await;
        assert_eq!(
            (answer.status(), answer.code().as_deref()),
            (502, Some("upstream_bad_answer")),
            "{coding}"
        );
    }
}

/// Errors are unwrapped and failed jobs are recognised.
#[tokio::test]
async fn compressed_errors_are_read_as_others_are() {
    let wrapped = r#"{"code":"task_not_exist","message":"m","data":null}"#;
    let failed = r#"{"id":"video_1","object":"video","status":"failed","error":{"code":500,"message":"m"}}"#;
    let upstream = Upstream::script(vec![
        zipped(400, wrapped),
        zipped(200, r#"{"error":{"message":"m","code":"insufficient_quota"}}"#),
        zipped(500, failed),
    ])
    .await;
    let gateway = Gateway::over(&upstream).await;
    for (call, status, code) in
        [(get("/v1/videos/video_1"), 400, "task_not_exist"), (first("a cat"), 429, "insufficient_quota")]
    {
        let answer = gateway.ask(&asking(call)).await;
        assert_eq!((answer.status(), answer.code().as_deref()), (status, Some(code)));
        assert_eq!(answer.header("content-encoding"), None);
    }
    // A failed job is an answer to the poll, so the poll is not repeated.
    let answer = gateway.ask(&asking(get("/v1/videos/video_1"))).await;
    assert_eq!((answer.status(), answer.header("x-reelgate-attempts")), (500, Some("1")));
}

/// SE02
#[tokio::test]
async fn the_operators_credential_is_removed_from_compressed_errors() {
    let leaks = r#"{"error":{"message":"bad key sk-operator-secret","type":"t","param":null,"code":"c"}}"#;
    let upstream = Upstream::start(zipped(400, leaks)).await;
    let gateway = Gateway::with_keys(&upstream).await;
    for call in [first("a cat"), get("/v1/models")] {
        let keyed = call.without("authorization").with("authorization", "Bearer rg-key");
        let answer = gateway.ask(&asking(keyed)).await;
        assert_eq!(answer.status(), 400);
        assert!(answer.text().contains("bad key ***"), "{}", answer.text());
    }
}
