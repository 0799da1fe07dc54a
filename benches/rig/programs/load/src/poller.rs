//! Waits for connections, to the microsecond.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::{Errno, Result};

const EVENTS: usize = 512;

/// An epoll instance. Connections are told of once a change, and leave it by being closed.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    /// Fails where the kernel has no more files to give.
    pub fn new() -> Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, events: Vec::with_capacity(EVENTS) })
    }

    /// Waits for `stream` too, under this number.
    pub fn add(&self, stream: &TcpStream, number: usize) -> Result<()> {
        let flags =
            epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        epoll::add(&self.epoll, stream, epoll::EventData::new_u64(number as u64), flags)
    }

    /// Waits for at most `timeout`; the numbers of those that something happened to.
    pub fn wait(&mut self, timeout: Duration) -> Result<impl Iterator<Item = usize>> {
        let timeout = Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        Ok(self.events.drain(..).filter_map(|event| usize::try_from(event.data.u64()).ok()))
    }
}
