//! AU05: a wrong key is told so at once, whatever it is, and costs nobody anything.

use std::time::Duration;

use tokio::time::Instant;

use super::{FORMER, NOBODYS, TEAM, by, with};
use crate::support::message::Message;
use crate::support::request::{create, request};
use crate::support::upstream::{Reply, Upstream};

/// All of an answer but what is new in each.
fn bytes(answer: &Message) -> (String, Vec<(String, String)>, String) {
    let told = answer.headers.iter().filter(|(name, _)| name != "x-request-id" && name != "date");
    (answer.start.clone(), told.cloned().collect(), answer.text())
}

/// AU05: over a socket on which a body is announced that never comes.
#[tokio::test]
async fn a_wrong_key_is_answered_without_a_byte_of_the_body() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    for target in ["/v1/videos", "/v1/videos/video_1/remix", "/v1/videos/characters", "/v1/files"] {
        for key in [None, Some(NOBODYS), Some(FORMER)] {
            for framing in [("content-length", "1000000"), ("transfer-encoding", "chunked")] {
                let bare = request("POST", target).with("content-type", "application/json");
                let bare = bare.without("authorization").with(framing.0, framing.1);
                let asked = key.map_or(bare.clone(), |key| by(key, bare));
                let mut client = gateway.connect().await;
                let began = Instant::now();
                client.send(asked.head()).await;
                assert_eq!(client.answer().await.status(), 401, "{target} {key:?} {framing:?}");
                // Far below every time-out there is; the promised 50 ms hold on a machine of its own.
                assert!(began.elapsed() < Duration::from_secs(5), "{target} {key:?} {framing:?}");
            }
        }
    }
    upstream.assert_untouched("wrong keys");
}

/// AU05: byte for byte. Whether a key never was, or was and has expired, no answer tells.
#[tokio::test]
async fn all_wrong_keys_are_answered_alike() {
    let upstream = Upstream::start(Reply::job()).await;
    let gateway = with(&upstream, "", "").await;
    let mut answers = Vec::new();
    for key in [NOBODYS, FORMER] {
        let answer = gateway.ask(&by(key, create(r#"{"prompt":"a cat"}"#))).await;
        answers.push(bytes(&answer));
    }
    assert_eq!(answers[0], answers[1]);
    // The mask is OpenAI's: the first eight characters and the last four.
    let message = "Incorrect API key provided: rg-key-o***********0001. You can find your API key at \
                   https://platform.openai.com/account/api-keys.";
    assert!(answers[0].2.contains(message), "{}", answers[0].2);
}

/// AU05, LM09: neither rates nor budgets, nor the places of those who may ask.
#[tokio::test]
async fn a_wrong_key_spends_nothing() {
    let upstream = Upstream::start(Reply::job()).await;
    let limits = "quota = { submit = { rate = \"1/day\" } }\nbudget = { month = { requests = 1 } }";
    let more = "[limits]\nin_flight = 1\nin_flight_wait = \"0s\"";
    let gateway = with(&upstream, limits, more).await;
    let mut stuck = Vec::new();
    for key in [NOBODYS, FORMER] {
        for _ in 0..3 {
            let mut client = gateway.connect().await;
            client.send(by(key, request("POST", "/v1/videos").with("content-length", "9")).head()).await;
            assert_eq!(client.answer().await.status(), 401);
            stuck.push(client);
        }
    }
    assert_eq!(gateway.ask(&by(TEAM, create(r#"{"prompt":"a cat"}"#))).await.status(), 200);
    assert_eq!(upstream.count(), 1);
}
