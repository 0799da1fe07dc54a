//! Recorded answers: every row of `tests/data/golden.jsonl`, under the profile it was recorded for.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::support::fields;
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::request::{self, BOUNDARY, Request};
use crate::support::upstream::{JOB, Reply, Upstream, answer};

/// One recorded exchange.
#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    kind: Kind,
    profile: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_gen: Option<BodyGen>,
    /// Present where the body is to be made larger than could be stored.
    body_note: Option<String>,
    multipart: Option<Vec<Part>>,
    expect_status: u16,
    expect_body: Option<String>,
    #[serde(default)]
    expect_headers: BTreeMap<String, String>,
    /// Present where the forwarded body says something else than the client's.
    forward_note: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The gateway answers.
    LocalReject,
    /// The upstream answers, and the client sees just that.
    Passthrough,
    /// It reaches the upstream.
    Forward,
    /// The upstream's answer is unwrapped.
    UpstreamToUnwrap,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BodyGen {
    Json(BTreeMap<String, Repeated>),
    TotalBodyBytes(usize),
}

#[derive(Debug, Deserialize)]
struct Repeated {
    repeat: String,
    times: usize,
}

#[derive(Debug, Deserialize)]
struct Part {
    name: String,
    value: Option<String>,
    filename: Option<String>,
    content_type: Option<String>,
    data_b64: Option<String>,
}

/// The id that the scripted upstream gives its answers.
const UPSTREAM_ID: &str = "req_0123456789abcdef0123456789abcdef";

/// Pinned by their profile, so that the gateway itself gives the upstream's very answer.
const ANSWERED_HERE: &[&str] = &["ref-file-multipart-2026"];

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(data("golden.jsonl")).expect("recorded rows");
    let rows: Vec<Row> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect();
    assert!(rows.len() >= 69, "only {} rows", rows.len());
    rows
}

#[tokio::test]
async fn every_recorded_answer_is_given_byte_for_byte() {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for row in rows() {
        *kinds.entry(row.kind).or_default() += 1;
        if let Err(failure) = row.run().await {
            failures.push(format!("{}: {failure}", row.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    for kind in [Kind::LocalReject, Kind::Passthrough, Kind::Forward, Kind::UpstreamToUnwrap] {
        assert!(kinds.contains_key(&kind), "no row of kind {kind:?}");
    }
}

// === impl Row ===

impl Row {
    async fn run(&self) -> Result<(), String> {
        let upstream = Upstream::start(self.reply()).await;
        let gateway = Gateway::start(&upstream, &self.configuration()).await;
        let answer = gateway.ask(&self.request()).await;
        let kind = if ANSWERED_HERE.contains(&&*self.name) { Kind::LocalReject } else { self.kind };
        match kind {
            Kind::LocalReject => {
                same("calls of the upstream", &upstream.count(), &0)?;
                self.check_answer(&answer, &self.expected_body(request_id(&answer)))
            }
            Kind::Passthrough => {
                self.check_forwarded(&upstream)?;
                self.check_answer(&answer, &self.expected_body(UPSTREAM_ID))
            }
            Kind::Forward => {
                self.check_forwarded(&upstream)?;
                same("status", &answer.status(), &self.expect_status)?;
                same("body", &*answer.text(), JOB)
            }
            Kind::UpstreamToUnwrap => {
                self.check_forwarded(&upstream)?;
                self.check_answer(&answer, &unwrapped(&self.expected_body(UPSTREAM_ID)))
            }
        }
    }

    /// The profile; for rows about a wrong key with a store that lacks it.
    fn configuration(&self) -> String {
        let path = data("profiles").join(&self.profile).with_extension("toml");
        let profile = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // What passes is compared, not how often it was asked for.
        let profile = format!("{profile}retry.attempts = 1\n");
        if !self.name.contains("bad-key") {
            return profile;
        }
        let other_key = "0".repeat(64);
        format!(
            "{profile}credential = {{ env = \"UPSTREAM_KEY\" }}\n\
             [auth]\nmode = \"keys\"\n[auth.keys.other]\nsha256 = \"{other_key}\"\n"
        )
    }

    /// What the upstream says if it is asked.
    fn reply(&self) -> Reply {
        let Some(body) = &self.expect_body else { return Reply::job() };
        let mut headers = vec![("content-type", "application/json")];
        let expected = self.expect_headers.iter().filter(|(name, _)| *name != "content-type");
        let filled: Vec<(&str, String)> =
            expected.map(|(name, value)| (&**name, value.replace("{request_id}", UPSTREAM_ID))).collect();
        headers.extend(filled.iter().map(|(name, value)| (*name, &**value)));
        Reply::raw(answer(self.expect_status, &headers, body.replace("{request_id}", UPSTREAM_ID)))
    }

    fn request(&self) -> Request {
        let mut request = request::request(&self.method, &self.path).without("authorization");
        for (name, value) in &self.headers {
            request = request.with(name, value);
        }
        match self.sent_body() {
            Some(body) => request.body(body),
            None => request,
        }
    }

    fn sent_body(&self) -> Option<Vec<u8>> {
        if let Some(parts) = &self.multipart {
            return Some(form(parts));
        }
        match &self.body_gen {
            Some(BodyGen::TotalBodyBytes(length)) => return Some(vec![b'x'; *length]),
            Some(BodyGen::Json(fields)) => {
                let fields: BTreeMap<&str, String> =
                    fields.iter().map(|(name, by)| (&**name, by.repeat.repeat(by.times))).collect();
                return Some(serde_json::to_vec(&fields).expect("JSON"));
            }
            None => {}
        }
        let body = self.body.as_ref()?.as_bytes();
        match self.body_note.as_deref() {
            Some("over 32 MB") => Some([body, &vec![b' '; (32 << 20) + 1 - body.len()]].concat()),
            Some(other) => panic!("{}: what is {other:?}?", self.name),
            None => Some(body.to_vec()),
        }
    }

    fn expected_body(&self, request_id: &str) -> String {
        self.expect_body.as_ref().expect("an expected body").replace("{request_id}", request_id)
    }

    fn check_answer(&self, answer: &Message, body: &str) -> Result<(), String> {
        same("status", &answer.status(), &self.expect_status)?;
        same("body", &*answer.text(), body)?;
        for (name, value) in &self.expect_headers {
            let value = value.replace("{request_id}", request_id(answer));
            same(name, &answer.header(name), &Some(&*value))?;
        }
        Ok(())
    }

    fn check_forwarded(&self, upstream: &Upstream) -> Result<(), String> {
        same("calls of the upstream", &upstream.count(), &1)?;
        let request = upstream.only();
        same("method", request.method(), &*self.method)?;
        same("target", request.target(), &*self.path)?;
        let expected = match self.forward_note.as_deref() {
            Some("forward seconds as string \"8\"") => {
                self.body.as_ref().expect("a body").replace("\"seconds\":8", "\"seconds\":\"8\"").into_bytes()
            }
            Some(other) => panic!("{}: what is {other:?}?", self.name),
            None => self.sent_body().unwrap_or_default(),
        };
        let sent = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let expected = fields::read(sent.map(|(_, value)| &**value), &expected);
        same("forwarded body", &fields::of(&request), &expected)
    }
}

fn same<T: PartialEq + Debug + ?Sized>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}\n     got {got:?}\nexpected {expected:?}")) }
}

fn request_id(answer: &Message) -> &str {
    answer.header("x-request-id").or(answer.header("request-id")).unwrap_or("none")
}

/// A form as the Python SDK writes it.
fn form(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"", part.name);
        if let Some(filename) = &part.filename {
            head.push_str(&format!("; filename=\"{filename}\""));
        }
        if let Some(content_type) = &part.content_type {
            head.push_str(&format!("\r\nContent-Type: {content_type}"));
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        match (&part.value, &part.data_b64) {
            (Some(text), _) => body.extend_from_slice(text.as_bytes()),
            (None, Some(base64)) => body.extend(BASE64_STANDARD.decode(base64).expect("base64")),
            (None, None) => panic!("{}: a part without content", part.name),
        }
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// The wrapped error in the service's own form.
fn unwrapped(wrapping: &str) -> String {
    let wrapping: serde_json::Value = serde_json::from_str(wrapping).expect("JSON");
    let error = &wrapping["data"]["error"];
    let [message, kind, param, code] = ["message", "type", "param", "code"].map(|key| &error[key]);
    format!(
        "{{\n  \"error\": {{\n    \"message\": {message},\n    \"type\": {kind},\n    \"param\": {param},\n    \
         \"code\": {code}\n  }}\n}}"
    )
}
