//! The time a request's head may take.
//!
//! hyper has one time-out from the end of an answer to the end of the next head, and cannot tell a connection
//! that rests from a client that drips. It knows when it begins to wait for a head, though, and asks a [`Timer`]
//! for that wait; the socket knows when a byte has come; and the connection knows when the process is to stop.
//! They tell each other here. Reading costs one store, and there is one timer a connection, used again.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::Instant;

/// How long a connection may be without a whole head.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct HeadTime {
    /// From a head's first byte to its end; on a new connection from its beginning.
    pub(in crate::server) whole: Duration,
    /// From the end of an answer to the first byte of the next head.
    pub(in crate::server) idle: Duration,
}

/// How long a head that has begun may still take once the process is told to stop.
const LAST: Duration = Duration::from_secs(1);

/// What is known of a connection's heads.
#[derive(Debug, Default)]
pub(in crate::server) struct Heads {
    /// Whether a byte came since the wait for a head began.
    begun: AtomicBool,
    /// Whether a head was waited for before.
    served: AtomicBool,
    /// Whether no head is wanted any more.
    stopping: AtomicBool,
    /// Whether the client has not taken all of its answer yet.
    untaken: AtomicBool,
    /// When the wait for the next head is over.
    rests_until: Mutex<Option<Instant>>,
    alarm: Mutex<Option<Alarm>>,
}

type Alarm = Pin<Box<tokio::time::Sleep>>;

impl Heads {
    /// A byte came.
    pub(super) fn begun(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether what was written last is still to be taken.
    pub(super) fn untaken(&self, untaken: bool) {
        self.untaken.store(untaken, Ordering::Relaxed);
    }

    /// Until when the connection may rest, if it does: it was answered, all of that was taken, and no byte has come since.
    pub(in crate::server) fn rests_until(&self) -> Option<Instant> {
        let busy = self.begun.load(Ordering::Relaxed) || self.untaken.load(Ordering::Relaxed);
        self.rest().filter(|_| !busy)
    }

    fn rest(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process is told to stop: what has begun gets a last moment. Acted on when the connection is next
    /// polled.
    pub(in crate::server) fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn poll_alarm(&self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut alarm = self.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if alarm.deadline() != at {
            alarm.as_mut().reset(at);
        }
        alarm.as_mut().poll(cx)
    }
}

/// What hyper asks for time. Its time-out on heads must be set to [`HeadTime::idle`].
#[derive(Clone, Debug)]
pub(in crate::server) struct HeadTimer {
    pub(in crate::server) time: HeadTime,
    pub(in crate::server) heads: Arc<Heads>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until((Instant::now() + duration).into_std())
    }

    #[expect(clippy::disallowed_types, reason = "hyper's trait; the times are tokio's")]
    fn sleep_until(&self, rested: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        // Bytes that came with the last request and belong to the next are not seen here: their sender may rest
        // as long as one who sent none.
        self.heads.begun.store(false, Ordering::Relaxed);
        let is_first = !self.heads.served.swap(true, Ordering::Relaxed);
        let at = if is_first { Instant::now() + self.time.whole } else { Instant::from_std(rested) };
        *self.heads.rest() = (!is_first).then_some(at);
        Box::pin(Wait {
            whole: self.time.whole,
            heads: Arc::clone(&self.heads),
            begun: is_first,
            stopping: false,
            at,
        })
    }

    #[expect(clippy::disallowed_types, reason = "hyper's trait; the times are tokio's")]
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

/// The wait for one head. hyper polls it whenever the head is not whole yet.
struct Wait {
    whole: Duration,
    heads: Arc<Heads>,
    /// Whether the head is known to have begun.
    begun: bool,
    /// Whether the process is known to stop.
    stopping: bool,
    /// When it is over.
    at: Instant,
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.begun && this.heads.begun.load(Ordering::Relaxed) {
            this.begun = true;
            this.at = Instant::now() + this.whole;
        }
        if !this.stopping && this.heads.stopping.load(Ordering::Relaxed) {
            this.stopping = true;
            this.at = this.at.min(Instant::now() + LAST);
        }
        this.heads.poll_alarm(this.at, cx)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::{Body, Bytes};
    use axum::http::Response;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::sleep;

    use super::super::Socket;
    use super::super::bare::Bare;
    use super::super::write_idle::WriteIdle;
    use super::*;

    const TIME: HeadTime = HeadTime { whole: Duration::from_secs(10), idle: Duration::from_secs(75) };
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    /// A server on one connection, whose answers take 100 s; and the connection's client side.
    fn serve() -> (DuplexStream, Arc<Heads>) {
        let (inner, client) = tokio::io::duplex(1 << 10);
        let heads = Arc::new(Heads::default());
        let words: fn(u16) -> Vec<u8> = |_| Vec::new();
        let socket = Socket {
            inner,
            heads: Arc::clone(&heads),
            bare: Bare::new(words),
            write_idle: WriteIdle::new(Duration::from_secs(60)),
            ahead: Bytes::new(),
        };
        let timer = HeadTimer { time: TIME, heads: Arc::clone(&heads) };
        tokio::spawn(async move {
            let service = service_fn(|_| async {
                sleep(Duration::from_secs(100)).await;
                Ok::<_, Infallible>(Response::new(Body::from("x")))
            });
            let mut builder = http1::Builder::new();
            builder.timer(timer).header_read_timeout(TIME.idle);
            let _ = builder.serve_connection(TokioIo::new(socket), service).await;
        });
        (client, heads)
    }

    /// How long the server holds on to a connection from now.
    async fn held(client: &mut DuplexStream) -> Duration {
        let began = Instant::now();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("an end");
        assert!(rest.is_empty(), "{:?}", String::from_utf8_lossy(&rest));
        began.elapsed()
    }

    async fn ask(client: &mut DuplexStream) {
        client.write_all(HEAD).await.expect("it reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nx") {
            assert!(client.read_buf(&mut answer).await.expect("an answer") > 0);
        }
    }

    /// TO05: also before the first byte.
    #[tokio::test(start_paused = true)]
    async fn a_new_connection_has_the_time_of_one_head() {
        let (mut client, _heads) = serve();
        assert_eq!(held(&mut client).await, TIME.whole);
    }

    /// TO05
    #[tokio::test(start_paused = true)]
    async fn a_dripping_head_has_no_more_time_than_any_other() {
        let (mut client, _heads) = serve();
        let began = Instant::now();
        for byte in HEAD {
            sleep(Duration::from_secs(1)).await;
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        assert!(began.elapsed() <= TIME.whole + Duration::from_secs(1), "{:?}", began.elapsed());
    }

    /// TO07: and no answer is cut, however long it takes.
    #[tokio::test(start_paused = true)]
    async fn a_kept_connection_may_rest() {
        let (mut client, _heads) = serve();
        for _ in 0..3 {
            ask(&mut client).await;
            sleep(TIME.idle - Duration::from_secs(1)).await;
        }
        ask(&mut client).await;
        assert_eq!(held(&mut client).await, TIME.idle);
    }

    /// TO05
    #[tokio::test(start_paused = true)]
    async fn a_kept_connection_has_the_time_of_one_head_from_its_first_byte() {
        let (mut client, _heads) = serve();
        ask(&mut client).await;
        sleep(Duration::from_secs(50)).await;
        client.write_all(b"G").await.expect("it reads");
        assert_eq!(held(&mut client).await, TIME.whole);
    }

    /// SD03
    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_begun_hurries_once_the_process_is_to_stop() {
        let (mut client, heads) = serve();
        client.write_all(b"GET / HT").await.expect("it reads");
        sleep(Duration::from_secs(1)).await;
        heads.stopping();
        client.write_all(b"T").await.expect("it reads");
        assert_eq!(held(&mut client).await, LAST);
    }
}
