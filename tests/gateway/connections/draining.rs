//! SD01 to SD06: what becomes of connections once the process is told to stop.

use std::time::Duration;

use tokio::time::Instant;

use super::{download, halting, with_server};
use crate::support::client::{Client, End};
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::process::Process;
use crate::support::request::{create, get};
use crate::support::upstream::{Gate, JOB, Reply, Upstream};

const POLL: &str = "/v1/videos/video_1";
const CONTENT: &str = "/v1/videos/video_1/content";

/// SD01
#[tokio::test]
async fn a_download_under_way_is_finished() {
    let gate = Gate::closed();
    let upstream = Upstream::start(halting(&gate)).await;
    let mut gateway = Gateway::over(&upstream).await;
    let mut client = gateway.connect().await;
    client.send(get(CONTENT).bytes()).await;
    let (_, mut framing) = client.head_of_answer("GET").await;
    assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"first"[..]));
    gateway.begin_to_stop();
    gate.open();
    assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"_last"[..]));
    assert_eq!(client.end().await, End::Closed);
    gateway.stop().await;
}

/// SD02: the head of a new connection that was under way is heard, and refused.
#[tokio::test]
async fn a_request_that_arrives_while_draining_is_refused_before_any_work() {
    let upstream = Upstream::start(Reply::job()).await;
    let mut gateway = Gateway::over(&upstream).await;
    let request = create(r#"{"prompt":"a cat"}"#).bytes();
    let mut late = gateway.connect().await;
    late.send(&request[..20]).await;
    let mut kept = gateway.connect().await;
    kept.send(get(POLL).bytes()).await;
    assert_eq!(kept.answer().await.status(), 200);

    gateway.begin_to_stop();
    // Its end tells that connections have been told.
    kept.assert_closed().await;
    late.send(&request[20..]).await;

    let answer = late.answer().await;
    assert_eq!((answer.status(), answer.code().as_deref()), (503, Some("shutting_down")));
    assert_eq!((answer.header("connection"), answer.header("retry-after")), (Some("close"), Some("1")));
    assert_eq!(late.end().await, End::Closed);
    assert_eq!(upstream.count(), 1, "the create never reached the upstream");
    gateway.stop().await;
}

/// SD02: what is asked for behind an answer under way gets none, and the client is told so by that answer.
#[tokio::test]
async fn a_request_behind_one_under_way_is_not_begun() {
    let gate = Gate::closed();
    let slow = Reply::default().read().wait(&gate).send(crate::support::upstream::answer(
        200,
        &[("content-type", "application/json")],
        JOB,
    ));
    let upstream = Upstream::start(slow).await;
    let mut gateway = Gateway::over(&upstream).await;
    let mut witness = gateway.connect().await;
    let mut client = gateway.connect().await;
    client.send([get(POLL).bytes(), create(r#"{"prompt":"a cat"}"#).bytes()].concat()).await;
    upstream.until("the first request", |requests| requests.len() == 1).await;
    gateway.begin_to_stop();
    witness.assert_closed().await;
    gate.open();
    let answers = client.answers().await;
    assert_eq!(answers.first().map(Message::status), Some(200));
    assert_eq!(answers.first().and_then(|answer| answer.header("connection")), Some("close"));
    assert!(answers.iter().skip(1).all(|answer| answer.status() == 503), "{answers:?}");
    assert_eq!(upstream.count(), 1);
    gateway.stop().await;
}

/// SD02
#[tokio::test]
async fn no_connection_is_accepted_while_draining() {
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let mut gateway = with_server(&upstream, "drain = \"1s\"").await;
    let mut witness = gateway.connect().await;
    let mut busy = gateway.connect().await;
    busy.send(get(POLL).bytes()).await;
    upstream.until("the request", |requests| requests.len() == 1).await;
    gateway.begin_to_stop();
    witness.assert_closed().await;
    let refused = tokio::net::TcpStream::connect(gateway.address).await;
    assert!(refused.is_err(), "{refused:?}");
}

/// SD03: new ones, kept ones, and ones that have said half of what they have to say.
#[tokio::test]
async fn idle_connections_do_not_delay_the_end() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = Gateway::over(&upstream).await;
    let mut clients = Vec::new();
    for said in ["", "GET /v1/vid"] {
        for kept in [false, true] {
            let mut client = gateway.connect().await;
            if kept {
                client.send(get(POLL).bytes()).await;
                assert_eq!(client.answer().await.status(), 200);
            }
            client.send(said).await;
            clients.push(client);
        }
    }
    let began = Instant::now();
    gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(clients.len(), 4);
}

/// SD04: a stream that is stuck, on either side, is cut by a reset once the drain time is over.
#[tokio::test]
async fn a_stuck_stream_is_visibly_cut() {
    let upstream = Upstream::start(download(10).send("first").until_left()).await;
    for version in ["1.0", "1.1"] {
        let gateway = with_server(&upstream, "drain = \"300ms\"").await;
        let mut client = gateway.connect().await;
        client
            .send(format!("GET {CONTENT} HTTP/{version}\r\nhost: a\r\nauthorization: Bearer k\r\n\r\n"))
            .await;
        let (_, mut framing) = client.head_of_answer("GET").await;
        assert_eq!(client.piece(&mut framing).await.expect("a piece").as_deref(), Some(&b"first"[..]));
        let began = Instant::now();
        gateway.stop().await;
        assert!(began.elapsed() < Duration::from_millis(1300), "{:?}", began.elapsed());
        assert_eq!(client.end().await, End::Reset, "HTTP/{version}");
    }
}

fn stuck() -> Reply {
    download(10).send("first").until_left()
}

const SHORT: &str = "[server]\ndrain = \"500ms\"\n[upstreams.main]\nbase_url = \"{upstream}\"";

/// SD04, SD05: the same from outside, and the exit code is that of an end in good order.
#[tokio::test]
async fn the_process_cuts_what_is_stuck_and_ends_well() {
    let upstream = Upstream::start(stuck()).await;
    let process = Process::start(&upstream, SHORT).await;
    let mut client = process.connect().await;
    client.send(get(CONTENT).bytes()).await;
    client.head_of_answer("GET").await;
    process.signal("TERM");
    assert_eq!(client.end().await, End::Reset);
    assert_eq!(process.exit_code().await, Some(0));
}

/// A process whose drain would take an hour: one client is in the middle of a download that is stuck, another idle.
struct Drawn {
    _upstream: Upstream,
    process: Process,
    witness: Client,
    _client: Client,
}

async fn drawn_out() -> Drawn {
    let upstream = Upstream::start(stuck()).await;
    let process = Process::start(&upstream, &SHORT.replace("500ms", "1h")).await;
    let witness = process.connect().await;
    let mut client = process.connect().await;
    client.send(get(CONTENT).bytes()).await;
    client.head_of_answer("GET").await;
    Drawn { _upstream: upstream, process, witness, _client: client }
}

/// SD06: nothing new is to be sent its way, and nobody is to kill it for that.
#[tokio::test]
async fn readiness_fails_while_draining_and_liveness_holds() {
    let Drawn { _upstream, process, mut witness, _client } = drawn_out().await;
    let status = async |page| process.ask_admin(page).await.status();
    assert_eq!((status("/readyz").await, status("/livez").await), (200, 200));

    process.signal("TERM");
    // Whoever is told so by its connection is told so by the page.
    witness.assert_closed().await;

    assert_eq!((status("/readyz").await, status("/livez").await), (503, 200));
    assert_eq!(process.ask_admin("/metrics").await.status(), 200);
}

/// SD05: who does not want to wait signals once more.
#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let Drawn { _upstream, process, mut witness, _client } = drawn_out().await;
    process.signal("TERM");
    witness.assert_closed().await;
    process.signal("INT");
    assert_eq!(process.exit_code().await, Some(130));
}
