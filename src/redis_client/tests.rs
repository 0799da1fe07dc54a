//! The connection, over a real server.

use std::path::Path;
use std::time::Duration;

use redis::cmd;
use tokio::time::sleep;

use super::*;
use crate::config::Config;
use crate::config::secret::Sources;

#[path = "../../tests/gateway/support/redis.rs"]
mod server;

pub(crate) use server::RedisServer;

/// How to connect to it, with more lines of `[redis]`.
pub(crate) fn settings(server: &RedisServer, lines: &str) -> Settings {
    let text = format!("[redis]\nurl = \"{}\"\n{lines}", server.url());
    let nothing = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let config = Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &nothing });
    config.unwrap_or_else(|error| panic!("{error}")).redis.expect("a section")
}

const SECOND: Duration = Duration::from_secs(1);

fn link(server: &RedisServer, answer: Duration, queue: usize) -> Link {
    let bounds = Bounds { answer, connect: 5 * SECOND, queue };
    Link::start("test", &settings(server, ""), bounds, |_| async {}).expect("a thread")
}

fn count(link: &Link, terms: Terms) -> Told<u64> {
    let mut command = cmd("INCR");
    command.arg("n");
    link.ask(terms, command, parsed)
}

#[tokio::test]
async fn commands_are_done_in_the_order_in_which_they_were_asked() {
    let server = RedisServer::start();
    let link = link(&server, 20 * SECOND, 1000);
    let asked: Vec<_> = (0..500).map(|_| count(&link, Terms::IfAwaited)).collect();
    for (told, expected) in asked.into_iter().zip(1..) {
        assert_eq!(told.await, Ok(expected));
    }
}

/// What was asked is done before the link is gone, whether somebody waits or not.
#[tokio::test]
async fn what_was_asked_is_done_before_the_end() {
    let server = RedisServer::start();
    let link = link(&server, 20 * SECOND, 1000);
    (0..100).for_each(|_| drop(count(&link, Terms::IfRoom)));
    drop(link);
    assert_eq!(server.ask("INCR n").expect("an answer"), ":101");
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again_and_nothing_is_sent_twice() {
    let mut server = RedisServer::durable();
    let link = link(&server, 20 * SECOND, 1000);
    assert_eq!(count(&link, Terms::IfRoom).await, Ok(1));
    server.kill();
    for _ in 0..3 {
        assert!(matches!(count(&link, Terms::IfRoom).await, Err(LinkError::Failed(_))));
    }
    server.restart();
    // For a moment it is told that there is none.
    let second = loop {
        match count(&link, Terms::IfRoom).await {
            Ok(number) => break number,
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(second, 2);
}

/// LM13
#[tokio::test]
async fn a_server_that_is_stalled_costs_no_more_than_the_bound() {
    let server = RedisServer::start();
    let link = link(&server, SECOND / 20, 2);
    assert_eq!(count(&link, Terms::IfRoom).await, Ok(1));
    server.stall();
    let begun = tokio::time::Instant::now();
    let waiting = [count(&link, Terms::IfRoom), count(&link, Terms::IfRoom)];
    assert_eq!(count(&link, Terms::IfAwaited).await, Err(LinkError::Busy), "only so many wait");
    for told in waiting {
        assert_eq!(told.await, Err(LinkError::Late));
    }
    assert!(begun.elapsed() < SECOND, "{:?}", begun.elapsed());
    server.resume();
    while count(&link, Terms::InAnyCase).await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
}
