//! One connection that never waits, and the request that is under way on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Instant;

use crate::answer::Answer;
use crate::request::Request;

/// A connection with at most one request under way.
pub struct Connection {
    /// For whoever waits for it.
    pub stream: TcpStream,
    /// When the request under way was due; `None` while there is none.
    pub due: Option<Instant>,
    /// When the last request was begun to be sent.
    pub begun: Instant,
    /// What came of its answer.
    pub answer: Answer,
    sent: usize,
}

/// How far it has come.
pub enum Progress {
    /// More will come.
    Pending,
    /// The answer is whole.
    Answered,
    /// The connection is of no more use.
    Broken,
}

impl Connection {
    /// Connects to 127.0.0.1; waits for that, which on one machine takes no time.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, due: None, begun: Instant::now(), answer: Answer::default(), sent: 0 })
    }

    /// Begins to send a request.
    pub fn start(&mut self, request: &Request, due: Instant) -> io::Result<()> {
        (self.due, self.begun, self.sent) = (Some(due), Instant::now(), 0);
        self.answer.begin();
        self.write(request)
    }

    /// Sends and receives what can be without waiting.
    pub fn progress(&mut self, request: &Request, buffer: &mut [u8]) -> Progress {
        if self.due.is_some() && self.write(request).is_err() {
            return Progress::Broken;
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Progress::Broken,
                Ok(length) => match self.answer.take(buffer.get(..length).unwrap_or_default()) {
                    Ok(true) if self.due.is_some() => return Progress::Answered,
                    Ok(false) if self.due.is_some() => {}
                    // Bytes that nobody asked for, or that make no sense.
                    _ => return Progress::Broken,
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Pending,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Progress::Broken,
            }
        }
    }

    fn write(&mut self, request: &Request) -> io::Result<()> {
        loop {
            let rest = request.after(self.sent);
            if rest.is_empty() {
                return Ok(());
            }
            match self.stream.write(rest) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
