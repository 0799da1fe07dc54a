//! An upstream that follows a script, and remembers every request.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::message::{Message, Wire};
use super::within;

/// One step of an answer.
#[derive(Clone, Debug)]
enum Step {
    /// Reads the request to its end.
    Read,
    /// Reads the request to its end, and forgets its body.
    Skim,
    Send(Vec<u8>),
    /// Sends the same bytes many times.
    Repeat(Vec<u8>, usize),
    /// Sends the same bytes for ever, with a pause behind each time.
    Drip(Vec<u8>, Duration),
    /// Sends what is made of the request.
    Made(fn(&Message) -> Vec<u8>),
    /// Waits until the test opens the gate.
    Wait(Gate),
    /// Ends the connection in good order.
    Close,
    /// Ends the connection by a reset.
    Reset,
    /// Says nothing more, for ever.
    Stall,
    /// Says nothing more until the gateway leaves.
    UntilLeft,
}

/// What the upstream does with one request. After the last step the connection serves the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply(Vec<Step>);

/// Keeps an upstream waiting until it is opened.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

/// The upstream; it ends with its value.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What is known of the requests so far.
#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    /// Connections that are over.
    ended: usize,
    requests: Vec<Message>,
}

/// A whole answer with a length.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A job that was just made.
pub(crate) const JOB: &str = r#"{"id":"video_1","object":"video","status":"queued"}"#;

// === impl Reply ===

impl Reply {
    /// Reads the request, then sends exactly these bytes.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::default().read().send(bytes)
    }

    /// Reads the request, then answers it with JSON.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::raw(answer(status, &[("content-type", "application/json")], body))
    }

    /// The answer to a create that went well.
    pub(crate) fn job() -> Self {
        Self::json(200, JOB)
    }

    fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    pub(crate) fn read(self) -> Self {
        self.then(Step::Read)
    }

    pub(crate) fn skim(self) -> Self {
        self.then(Step::Skim)
    }

    pub(crate) fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    pub(crate) fn repeat(self, bytes: impl AsRef<[u8]>, times: usize) -> Self {
        self.then(Step::Repeat(bytes.as_ref().to_vec(), times))
    }

    pub(crate) fn drip(self, bytes: impl AsRef<[u8]>, pause: Duration) -> Self {
        self.then(Step::Drip(bytes.as_ref().to_vec(), pause))
    }

    pub(crate) fn made(self, of: fn(&Message) -> Vec<u8>) -> Self {
        self.then(Step::Made(of))
    }

    pub(crate) fn wait(self, gate: &Gate) -> Self {
        self.then(Step::Wait(gate.clone()))
    }

    pub(crate) fn close(self) -> Self {
        self.then(Step::Close)
    }

    pub(crate) fn reset(self) -> Self {
        self.then(Step::Reset)
    }

    pub(crate) fn stall(self) -> Self {
        self.then(Step::Stall)
    }

    pub(crate) fn until_left(self) -> Self {
        self.then(Step::UntilLeft)
    }
}

// === impl Gate ===

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    async fn opened(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

// === impl Upstream ===

impl Upstream {
    /// Answers every request alike.
    pub(crate) async fn start(reply: Reply) -> Self {
        Self::script(vec![reply]).await
    }

    /// Answers one request after the other; the last reply is repeated.
    pub(crate) async fn script(replies: Vec<Reply>) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.expect("a port"), replies)
    }

    /// The same, on a listener of the test's.
    pub(crate) fn at(listener: TcpListener, replies: Vec<Reply>) -> Self {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&shared), Arc::new(replies)));
        Self { address, shared, task }
    }

    /// What SDKs would call `base_url`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Every request whose head came, in order of arrival.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.shared.seen().requests.clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Message {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.into_iter().next().expect("one")
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.seen().requests.len()
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.seen().connections
    }

    /// Waits until what is known of the requests satisfies the test.
    pub(crate) async fn until(&self, what: &str, satisfied: impl Fn(&[Message]) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        within(what, async {
            while !satisfied(&self.shared.seen().requests) {
                changed.changed().await.expect("the upstream runs");
            }
        })
        .await;
    }

    /// Waits until this many connections are over.
    pub(crate) async fn until_ended(&self, count: usize) {
        let mut changed = self.shared.changed.subscribe();
        within("the gateway to leave", async {
            while self.shared.seen().ended < count {
                changed.changed().await.expect("the upstream runs");
            }
        })
        .await;
    }

    /// Asserts that no request came, and none is under way.
    pub(crate) fn assert_untouched(&self, why: &str) {
        let requests = self.requests();
        assert!(requests.is_empty(), "{why}: reached the upstream:\n{requests:#?}");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Shared ===

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen());
        self.changed.send_replace(());
        result
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, replies: Arc<Vec<Reply>>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.change(|seen| seen.connections += 1);
        let (shared, replies) = (Arc::clone(&shared), Arc::clone(&replies));
        connections.spawn(async move {
            // However it ends, what came until then is known.
            let _ = connection(stream, &shared, &replies).await;
            shared.change(|seen| seen.ended += 1);
        });
    }
}

async fn connection(stream: TcpStream, shared: &Shared, replies: &[Reply]) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    loop {
        let request = wire.head().await?;
        let index = shared.change(|seen| {
            seen.requests.push(request);
            seen.requests.len() - 1
        });
        let reply = replies.get(index).or(replies.last()).expect("a script has replies");
        for step in &reply.0 {
            match step {
                Step::Read => read(&mut wire, shared, index).await?,
                Step::Skim => {
                    let mut framing = shared.seen().requests[index].framing_of_request();
                    while wire.piece(&mut framing, &mut Vec::new()).await?.is_some() {}
                }
                Step::Send(bytes) => wire.stream.write_all(bytes).await?,
                Step::Repeat(bytes, times) => {
                    for _ in 0..*times {
                        wire.stream.write_all(bytes).await?;
                    }
                }
                Step::Drip(bytes, pause) => loop {
                    wire.stream.write_all(bytes).await?;
                    tokio::time::sleep(*pause).await;
                },
                Step::Made(of) => {
                    let bytes = of(&shared.seen().requests[index]);
                    wire.stream.write_all(&bytes).await?;
                }
                Step::Wait(gate) => gate.opened().await,
                Step::Close => return wire.stream.shutdown().await,
                Step::Reset => return wire.stream.set_zero_linger(),
                Step::Stall => std::future::pending().await,
                Step::UntilLeft => {
                    while wire.more().await? > 0 {}
                    return Ok(());
                }
            }
        }
    }
}

/// Reads a request's body, and tells of every piece as it comes.
async fn read(wire: &mut Wire, shared: &Shared, index: usize) -> io::Result<()> {
    let mut framing = shared.seen().requests[index].framing_of_request();
    let mut trailers = Vec::new();
    while let Some(piece) = wire.piece(&mut framing, &mut trailers).await? {
        shared.change(|seen| seen.requests[index].body.extend_from_slice(&piece));
    }
    shared.change(|seen| {
        let request = &mut seen.requests[index];
        request.trailers = trailers;
        request.whole = true;
    });
    Ok(())
}
