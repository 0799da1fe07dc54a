//! HTTP/2 upstreams that go away: which creates are asked again, RT03 and RT15.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::create;
use crate::support::within;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// One frame, without flags.
fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
}

/// Takes one request, by hand: no proper server says what these say.
async fn taken(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    stream.read_exact(&mut [0; 24]).await.expect("a preface");
    stream.write_all(&frame(SETTINGS, 0, &[])).await.expect("a stream");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.expect("a payload");
        if head[3] == HEADERS {
            return stream;
        }
    }
}

/// A create at an upstream that says this once it has taken the request; how often it was asked.
async fn created(says: &[u8]) -> (Message, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let gateway = Gateway::configured(&format!(
        "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{base}\"\nprotocol = \"http2\""
    ))
    .await;
    let mut asked = 0;
    let serve = async {
        loop {
            let mut stream = taken(&listener).await;
            asked += 1;
            stream.write_all(says).await.expect("a stream");
            // In good order: what was said must not be lost to a reset.
            stream.shutdown().await.expect("a stream");
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    };
    let request = create(r#"{"prompt":"a"}"#);
    let answer = tokio::select! {
        answer = within("an answer", gateway.ask(&request)) => answer,
        () = serve => unreachable!("it serves for ever"),
    };
    (answer, asked)
}

/// RT15
#[tokio::test]
async fn a_create_that_was_certainly_not_looked_at_is_asked_again() {
    let before = [0, 0, 0, 0, 0, 0, 0, 0];
    for says in [frame(GOAWAY, 0, &before), frame(RST_STREAM, 1, &[0, 0, 0, 7])] {
        let (answer, asked) = created(&says).await;
        assert_eq!((answer.status(), asked), (502, 3), "{}", answer.text());
    }
}

/// RT03
#[tokio::test]
async fn a_create_that_may_have_been_looked_at_is_asked_once() {
    let behind = [0, 0, 0, 1, 0, 0, 0, 0];
    for says in [frame(GOAWAY, 0, &behind), frame(RST_STREAM, 1, &[0, 0, 0, 8]), Vec::new()] {
        let (answer, asked) = created(&says).await;
        assert_eq!((answer.status(), asked), (502, 1), "{}", answer.text());
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
}
