//! Connections that are held: silent ones, and ones that take their answer slowly.
//!
//! Both print `held` on a line of its own once all of them stand, so that whoever watches the proxy knows when to look.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::answer::Answer;
use crate::request::Request;

/// How often the slow ones take something.
const TICK: Duration = Duration::from_millis(250);
/// No answer here takes longer, but for those that are slow on purpose.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Opens connections, one request each, leaves them alone and asks on each once more: how many still answered.
pub fn idle(port: u16, request: &Request, connections: u64, held: Duration) -> Result<String, Failure> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = open(port)?;
        ask(&mut stream, request)?;
        streams.push(stream);
    }
    println!("held");
    thread::sleep(held);
    let alive = streams.iter_mut().filter_map(|stream| ask(stream, request).ok()).count();
    Ok(format!(r#"{{"held":{connections},"alive":{alive}}}"#))
}

/// Starts downloads and takes `pace` bytes a second of each for a while: how many were still going on at the end.
pub fn slow(
    port: u16,
    request: &Request,
    connections: u64,
    (held, pace): (Duration, u64),
) -> Result<String, Failure> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = open(port)?;
        send(&mut stream, request)?;
        stream.set_nonblocking(true)?;
        streams.push(stream);
    }
    println!("held");
    let mut buffer = vec![0; usize::try_from(pace / 4)?.max(1)];
    let (begun, mut bytes) = (Instant::now(), 0);
    while begun.elapsed() < held {
        let tick = Instant::now();
        streams.retain_mut(|stream| match stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                bytes += length;
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        thread::sleep(TICK.saturating_sub(tick.elapsed()));
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok(format!(
        r#"{{"held":{connections},"alive":{},"bytes":{bytes},"seconds":{seconds:.3}}}"#,
        streams.len()
    ))
}

fn open(port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn send(stream: &mut TcpStream, request: &Request) -> Result<(), Failure> {
    let mut sent = 0;
    while sent < request.length() {
        sent += stream.write(request.after(sent))?;
    }
    Ok(())
}

fn ask(stream: &mut TcpStream, request: &Request) -> Result<(), Failure> {
    send(stream, request)?;
    let (mut answer, mut buffer) = (Answer::default(), [0; 4096]);
    loop {
        let length = stream.read(&mut buffer)?;
        let came = buffer.get(..length).filter(|came| !came.is_empty()).ok_or("the connection was closed")?;
        if answer.take(came).map_err(|_| "the answer was garbled")? {
            break;
        }
    }
    match answer.status {
        200 => Ok(()),
        status => Err(format!("status {status}").into()),
    }
}
