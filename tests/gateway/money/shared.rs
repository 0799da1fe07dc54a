//! Several gateways behind one load balancer, with one Redis server: together they are as safe with money as one.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::money::{again, first, job};
use crate::support::gateway::Gateway;
use crate::support::process::Process;
use crate::support::redis::RedisServer;
use crate::support::request::create;
use crate::support::upstream::{Gate, Reply, Upstream};
use crate::support::{WAIT, within};

/// A configuration with its ledger, or its limits, in this server.
fn over(server: &RedisServer, redis: &str, more: &str) -> String {
    format!(
        "presets = [\"openai\"]\n{more}\n[redis]\nurl = \"{}\"\nprobe = \"50ms\"\n{redis}\n\
         [upstreams.main]\nbase_url = \"{{upstream}}\"\n",
        server.url()
    )
}

const LEDGER: &str = "[ledger]\nstore = \"redis\"\ntimeout = \"2s\"\n";

/// RT06, RT24: an SDK's repeat comes to the other process.
#[tokio::test]
async fn a_repeat_at_another_process_gets_the_first_ones_answer() {
    let server = RedisServer::start();
    let gates = [Gate::closed(), Gate::closed()];
    let replies = gates.iter().map(|gate| Reply::default().read().wait(gate).send(job())).collect();
    let upstream = Upstream::script(replies).await;
    // What is waited for here is the upstream, not the server: it gets time on a busy machine.
    let toml = over(&server, "", &LEDGER.replace("2s", "5s"));
    let (one, other) = (Process::start(&upstream, &toml).await, Process::start(&upstream, &toml).await);
    let keyed = || first("a dog").with("idempotency-key", "k");
    let cases = [(first("a cat"), again("a cat")), (keyed(), keyed())];
    for ((asked, repeated), gate) in cases.into_iter().zip(&gates) {
        let before = upstream.count();
        let mut client = one.connect().await;
        client.send(asked.bytes()).await;
        upstream.until("the create", |requests| requests.len() == before + 1).await;
        // The first connection is lost, and the load balancer chooses another gateway.
        let mut second = other.connect().await;
        second.send(repeated.bytes()).await;
        let unanswered = timeout(Duration::from_millis(200), second.answer()).await;
        assert!(unanswered.is_err(), "it waits for the first one");
        gate.open();
        let (answer, repeat) = (client.answer().await, second.answer().await);
        assert_eq!((answer.status(), repeat.status()), (200, 200));
        assert_eq!(answer.body, repeat.body);
        assert_eq!(repeat.header("x-reelgate-replayed"), Some("true"));
        assert_eq!(upstream.count(), before + 1);
    }
    assert_eq!(server.ask("ZCARD reelgate:calls").expect("an answer"), ":2");
}

/// RT24: the same key at two processes at the same moment, again and again.
#[tokio::test]
async fn one_key_at_two_processes_at_once_makes_one_job() {
    let server = RedisServer::start();
    let upstream = Upstream::start(Reply::job()).await;
    let toml = over(&server, "", LEDGER);
    let both = [Process::start(&upstream, &toml).await, Process::start(&upstream, &toml).await];
    for number in 0..20 {
        let request = first("a cat").with("idempotency-key", &format!("k{number}"));
        let mut clients = Vec::new();
        for index in 0..4 {
            clients.push(both[index % 2].connect().await);
        }
        for client in &mut clients {
            client.send(request.bytes()).await;
        }
        for client in &mut clients {
            assert_eq!(client.answer().await.status(), 200);
        }
        assert_eq!(upstream.count(), number + 1);
    }
}

/// RT05, RT06: a process is killed with a call under way, and the repeat comes to another one.
#[tokio::test]
async fn a_repeat_of_a_call_whose_process_was_killed_makes_no_second_job() {
    let server = RedisServer::start();
    let upstream = Upstream::start(Reply::default().read().stall()).await;
    let toml = over(&server, "lease = \"3s\"", "[ledger]\nstore = \"redis\"\ntimeout = \"1s\"\n");
    let mut one = Process::start(&upstream, &toml).await;
    let other = Process::start(&upstream, &toml).await;
    let mut client = one.connect().await;
    client.send(first("a cat").bytes()).await;
    upstream.until("the create", |requests| requests.len() == 1).await;
    one.signal("KILL");
    one.ended().await;

    let mut client = other.connect().await;
    client.send(again("a cat").bytes()).await;
    let answer = within("the lease to end", client.answer()).await;
    assert_eq!((answer.status(), answer.code().as_deref()), (409, Some("create_unresolved")));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert_eq!(upstream.count(), 1);
}

/// RT06: the server is killed and started again while calls come; whatever is asked twice is made once.
#[tokio::test]
async fn a_server_that_comes_and_goes_makes_no_second_job() {
    let mut server = RedisServer::durable();
    let upstream = Upstream::start(Reply::job()).await;
    let toml = over(&server, "", LEDGER);
    let both = [Gateway::start(&upstream, &toml).await, Gateway::start(&upstream, &toml).await];
    let (mut made, mut refused) = (0, 0);
    for number in 0..12 {
        match number % 4 {
            2 => server.kill(),
            3 => server.restart(),
            _ => {}
        }
        let prompt = format!("cat {number}");
        let before = upstream.count();
        let asked = Instant::now();
        let mut answer = both[number % 2].ask(&first(&prompt)).await;
        // As an SDK does, at whichever gateway it meets.
        while answer.status() == 503 && asked.elapsed() < WAIT {
            assert_eq!((answer.code().as_deref(), upstream.count()), (Some("ledger_unavailable"), before));
            refused += 1;
            if number % 4 == 2 {
                break;
            }
            answer = both[(number + refused) % 2].ask(&again(&prompt)).await;
        }
        made += usize::from(answer.status() == 200);
        assert_eq!(upstream.count(), made, "{number}");
    }
    assert_eq!(made, 9, "all but those that came while it was down");
}

/// LM12: down in the middle of traffic, and back again: never more than the limit, and each part as declared.
#[tokio::test]
async fn a_limit_holds_for_all_gateways_while_its_server_comes_and_goes() {
    for mut server in [RedisServer::start(), RedisServer::durable()] {
        let upstream = Upstream::start(Reply::job()).await;
        let limits = "[quota]\nsubmit = { rate = \"12/h\" }\n";
        let toml = over(&server, "limits = true\nreplicas = 2", limits);
        let both = [Gateway::start(&upstream, &toml).await, Gateway::start(&upstream, &toml).await];
        let mut number = 0;
        let mut ask = async |index: usize| {
            number += 1;
            both[index].ask(&create(&format!(r#"{{"prompt":"cat {number}"}}"#))).await.status()
        };
        let up = async |up: f64| {
            within("redis_up", async {
                while both.iter().any(|one| one.metric("reelgate_redis_up") != up) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
        };
        assert_eq!([ask(0).await, ask(1).await, ask(0).await, ask(1).await], [200; 4]);
        // Until both have seen what the other one took. What is refused says what is left, and takes nothing.
        for one in &both {
            within("what is left", async {
                let wrong = create(r#"{"prompt":"a cat","seconds":"7"}"#);
                while one.ask(&wrong).await.header("x-ratelimit-remaining-requests") != Some("8") {}
            })
            .await;
        }
        server.kill();
        assert_eq!([ask(0).await, ask(1).await], [200; 2]);
        up(0.0).await;
        server.restart();
        up(1.0).await;
        let mut passed = 0;
        for index in 0..20 {
            let status = ask(index % 2).await;
            assert!(matches!(status, 200 | 429), "{status}");
            passed += usize::from(status == 200);
        }
        assert_eq!((passed, upstream.count()), (6, 12));
    }
}

/// LM12, LM13: a server that stalls costs one time-out, in either mode, and comes back by itself.
#[tokio::test]
async fn requests_stay_fast_while_the_server_of_limits_is_stalled() {
    for (mode, then) in [("local_share", 200), ("refuse", 503)] {
        let server = RedisServer::start();
        let upstream = Upstream::start(Reply::job()).await;
        let redis = format!("limits = true\ntimeout = \"500ms\"\non_failure = \"{mode}\"");
        let toml = over(&server, &redis, "[quota]\nsubmit = { rate = \"1000/h\" }\n");
        let gateway = Gateway::start(&upstream, &toml).await;
        assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
        server.stall();
        let begun = Instant::now();
        assert_eq!(gateway.ask(&first("a cat")).await.status(), then);
        assert!(begun.elapsed() >= Duration::from_millis(500), "it was asked");
        let begun = Instant::now();
        for _ in 0..20 {
            let answer = gateway.ask(&first("a cat")).await;
            assert_eq!(answer.status(), then);
            if then == 503 {
                assert_eq!(
                    (answer.code().as_deref(), answer.header("retry-after")),
                    (Some("overloaded"), Some("1"))
                );
            }
        }
        assert!(begun.elapsed() < Duration::from_millis(20 * 400), "{:?}: somebody waited", begun.elapsed());
        assert!(gateway.metric("reelgate_redis_up") < 0.5);
        server.resume();
        within("it to come back", async {
            while gateway.metric("reelgate_redis_up") < 0.5 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(gateway.ask(&first("a cat")).await.status(), 200);
    }
}
