//! The gateway on a socket, between a client and an upstream that run on threads of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use allocation_counter::AllocationInfo;
use axum::http::StatusCode;
use reelgate::gateway::{Gateway, Live};
use reelgate::metrics::Metrics;
use reelgate::server;
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

use crate::asked::Asked;
use crate::memory::{self, JOB};

/// What the upstream answers: a head, and so many times a body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    head: String,
    body: Vec<u8>,
    times: usize,
}

/// That of one job.
pub(crate) fn job() -> Answer {
    answer("application/json", JOB.as_bytes().to_vec(), 1)
}

/// A film of so many MiB.
pub(crate) fn film(mib: usize) -> Answer {
    answer("video/mp4", vec![0x5a; 1 << 20], mib)
}

fn answer(content_type: &str, body: Vec<u8>, times: usize) -> Answer {
    let length = body.len() * times;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\
         x-request-id: req_0123456789abcdef\r\n\r\n"
    );
    Answer { head, body, times }
}

/// A gateway, and a client on one connection.
pub(crate) struct Wire {
    runtime: Runtime,
    client: TcpStream,
}

impl Wire {
    /// That of a configuration, in front of an upstream that answers like this.
    pub(crate) fn start(toml: &str, answer: Answer) -> Self {
        let toml = toml.replace("{upstream}", &upstream(answer).to_string());
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        let gateway = Gateway::new(memory::config(&toml), metrics).expect("a ledger");
        let live = Live::new(gateway.for_workers(1).expect("clients"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(server::run(listener, live, std::future::pending()));
        let client = TcpStream::connect(address).expect("a connection");
        client.set_nodelay(true).expect("a socket");
        Self { runtime, client }
    }

    /// Asks for each of these numbers, one after the other, and yields what the gateway took for it.
    pub(crate) fn ask(&self, asked: &Asked, status: StatusCode, numbers: Range<usize>) -> AllocationInfo {
        let (asked, client) = (asked.clone(), self.client.try_clone().expect("a socket"));
        let (begin, begins) = oneshot::channel();
        let (end, ends) = oneshot::channel();
        let asking = thread::spawn(move || {
            begins.blocking_recv().expect("a begin");
            let mut stream = BufReader::new(client);
            for number in numbers {
                stream.get_mut().write_all(&asked.numbered(number).bytes()).expect("a gateway");
                let first = message(&mut stream).expect("an answer");
                assert_eq!(first.split(' ').nth(1), Some(status.as_str()), "{first}");
            }
            end.send(()).expect("somebody waiting");
        });
        let measured = allocation_counter::measure(|| {
            begin.send(()).expect("a client");
            // Where the client fails, its own words are told.
            let _ = self.runtime.block_on(ends);
        });
        asking.join().expect("answers");
        measured
    }
}

/// Where an upstream is that answers everything like this, until the process ends.
fn upstream(answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, answer) = (connection.expect("a connection"), answer.clone());
            thread::spawn(move || serve(connection, &answer));
        }
    });
    address
}

fn serve(connection: TcpStream, answer: &Answer) {
    connection.set_nodelay(true).expect("a socket");
    let mut stream = BufReader::new(connection);
    let first = [answer.head.as_bytes(), &answer.body].concat();
    while message(&mut stream).is_some() {
        let connection = stream.get_mut();
        let mut written = connection.write_all(&first);
        for _ in 1..answer.times {
            written = written.and_then(|()| connection.write_all(&answer.body));
        }
        if written.is_err() {
            return;
        }
    }
}

/// Reads a message with a length, and yields its first line; nothing at the end.
fn message(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut first = String::new();
    stream.read_line(&mut first).ok().filter(|bytes| *bytes > 0)?;
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().expect("a length");
        }
    }
    std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink()).ok()?;
    Some(first)
}
