//! A client that sends exactly the bytes it is given.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::message::{Framing, Message, Wire};
use super::within;

/// One connection to the gateway.
pub(crate) struct Client(Wire);

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In good order: where nothing else tells the end of an answer, this does.
    Closed,
    /// By a reset, which nobody takes for the end of an answer.
    Reset,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await;
        Self(Wire::new(stream.expect("the gateway listens")))
    }

    /// Connects to a gateway that may be gone.
    pub(crate) async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        within("a connection", TcpStream::connect(address)).await.map(|stream| Self(Wire::new(stream)))
    }

    /// Connects with room for no more than `bytes` that were not read yet.
    pub(crate) async fn connect_with_room(address: SocketAddr, bytes: u32) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(bytes).expect("a size");
        let stream = within("a connection", socket.connect(address)).await;
        Self(Wire::new(stream.expect("the gateway listens")))
    }

    /// Sends bytes. A gateway that has already answered and closed may not take all of them.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes).await;
    }

    /// Sends bytes, all of which the gateway is to take.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("the gateway to read", self.0.stream.write_all(bytes.as_ref())).await
    }

    /// Says that nothing more will be sent, and keeps listening.
    pub(crate) async fn finish(&mut self) {
        let _ = self.0.stream.shutdown().await;
    }

    /// The next answer, to anything but HEAD.
    pub(crate) async fn answer(&mut self) -> Message {
        self.answer_to("GET").await
    }

    /// The next answer to a request of this method.
    pub(crate) async fn answer_to(&mut self, method: &str) -> Message {
        let answer = self.try_answer_to(method).await;
        answer.unwrap_or_else(|error| panic!("{error}, not an answer"))
    }

    /// The next answer, of a gateway that may end before its head has come.
    pub(crate) async fn try_answer_to(&mut self, method: &str) -> io::Result<Message> {
        let (mut answer, mut framing) = self.try_head_of_answer(method).await?;
        let rest = async {
            loop {
                match self.0.piece(&mut framing, &mut answer.trailers).await {
                    Ok(Some(piece)) => answer.body.extend_from_slice(&piece),
                    Ok(None) => return true,
                    Err(_) => return false,
                }
            }
        };
        answer.whole = within("the rest of an answer", rest).await;
        Ok(answer)
    }

    /// Every answer until the gateway closes the connection.
    pub(crate) async fn answers(&mut self) -> Vec<Message> {
        let mut answers = Vec::new();
        while let Ok(mut answer) = self.0.head().await {
            let mut framing = answer.framing_of_answer("GET");
            while let Ok(Some(piece)) = self.0.piece(&mut framing, &mut answer.trailers).await {
                answer.body.extend_from_slice(&piece);
            }
            answer.whole = true;
            answers.push(answer);
        }
        answers
    }

    /// The head of the next answer, interim ones skipped, and how its body is framed.
    pub(crate) async fn head_of_answer(&mut self, method: &str) -> (Message, Framing) {
        let head = self.try_head_of_answer(method).await;
        head.unwrap_or_else(|error| panic!("{error}, not an answer"))
    }

    async fn try_head_of_answer(&mut self, method: &str) -> io::Result<(Message, Framing)> {
        loop {
            let head = within("an answer's head", self.0.head()).await?;
            if head.status() >= 200 {
                let framing = head.framing_of_answer(method);
                return Ok((head, framing));
            }
        }
    }

    /// The very next head, be it an interim one.
    pub(crate) async fn interim(&mut self) -> Message {
        within("an interim answer", self.0.head()).await.expect("a head")
    }

    /// The next piece of a body; `None` at its end.
    pub(crate) async fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<Vec<u8>>> {
        within("a piece of a body", self.0.piece(framing, &mut Vec::new())).await
    }

    /// Reads on until the connection ends, and tells how it did.
    pub(crate) async fn end(&mut self) -> End {
        let to_the_end = async {
            loop {
                match self.0.more().await {
                    Ok(0) => return End::Closed,
                    Ok(_) => self.0.buffer.clear(),
                    Err(_) => return End::Reset,
                }
            }
        };
        within("the end of the connection", to_the_end).await
    }

    /// Where the connection comes from.
    pub(crate) fn port(&self) -> u16 {
        self.0.stream.local_addr().expect("an address").port()
    }

    /// Asserts that the gateway closes the connection without another byte.
    pub(crate) async fn assert_closed(&mut self) {
        let to_the_end = async { while self.0.more().await.unwrap_or(0) > 0 {} };
        within("the connection to be closed", to_the_end).await;
        let rest = String::from_utf8_lossy(&self.0.buffer);
        assert!(rest.is_empty(), "more came: {rest:?}");
    }
}
