//! Everything about one call.

use serde_json::{Value, json};

use super::export;
use crate::ledger::intent::IdempotencyKey;
use crate::ledger::record::{Record, State};
use crate::ledger::settlement::Answer;
use crate::plain::plain;

/// Longest answer that is shown, in characters.
const BODY_MAX: usize = 16 * 1024;

/// For people, and for a letter to support.
pub(super) fn text(record: &Record, answer: Option<&Answer>) -> String {
    let Record { intent, details, outcome, .. } = record;
    let mut page = Page(format!("{}\n", record.id));
    page.line("time", &record.at);
    page.line("updated", &record.updated);
    page.line("state", &format!("{}: {}", outcome.state, meaning(outcome.state)));
    page.line("client", &intent.client);
    page.optional("client left", record.client_left.then_some("before it was answered"));
    page.optional("replays", (record.replays > 0).then_some(record.replays));
    page.line("instance", &record.instance);

    page.head("Request");
    page.line("call", &format!("{} ({})", details.sent.line, intent.operation));
    page.line("request id", &details.request_id);
    page.optional("idempotency key", intent.key.as_ref().map(IdempotencyKey::as_str));
    page.optional("model", details.model.as_deref());
    page.optional("seconds", details.seconds);
    page.optional("size", details.size.as_deref());
    page.optional("price", details.price);
    page.line("body", &format!("{} bytes, not kept", details.sent.bytes));
    page.line("fingerprint", &intent.fingerprint);
    for (name, value) in details.sent.headers.read().unwrap_or_default() {
        page.line("header", &format!("{name}: {value}"));
    }

    page.head("Outcome");
    page.line("upstream", &details.upstream);
    page.line("attempts", &outcome.attempts);
    page.optional("status", outcome.status);
    page.optional("upstream request id", outcome.upstream_request_id.as_deref());
    page.optional("error code", outcome.fault.code.as_deref());
    page.optional("error message", outcome.fault.message.as_deref());
    page.optional("job", outcome.job_id.as_deref());
    page.optional("job status", outcome.job_status);
    if let Some(answer) = answer {
        page.answer(answer);
    }
    page.advice(record);
    page.0
}

/// For programs: the fields of the list, and the answer.
pub(super) fn json(record: &Record, answer: Option<&Answer>) -> Value {
    let mut object = export::object(record);
    let sent = &record.details.sent;
    object.insert("request_line".to_owned(), json!(sent.line));
    object.insert("request_headers".to_owned(), pairs(sent.headers.read().unwrap_or_default()));
    object.insert("request_bytes".to_owned(), json!(sent.bytes));
    let answer = answer.map(|answer| {
        json!({
            "headers": pairs(headers(answer)),
            "body": String::from_utf8_lossy(&answer.body),
        })
    });
    object.insert("answer".to_owned(), json!(answer));
    Value::Object(object)
}

fn pairs(pairs: Vec<(String, String)>) -> Value {
    pairs.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
}

fn headers(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    answer.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

const fn meaning(state: State) -> &'static str {
    match state {
        State::Open => "it is under way",
        State::Accepted => "the upstream took it",
        State::Refused => "it was not taken, and nobody pays",
        State::Unknown => "it may have been taken, and may have to be paid for",
    }
}

/// Lines under heads, with their values one below the other.
struct Page(String);

impl Page {
    fn head(&mut self, text: &str) {
        self.0 += &format!("{text}\n");
    }

    fn line(&mut self, name: &str, value: &dyn std::fmt::Display) {
        self.0 += &format!("  {name:20} {}\n", plain(&value.to_string()));
    }

    fn optional(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.line(name, &value);
        }
    }

    fn answer(&mut self, answer: &Answer) {
        for (name, value) in headers(answer) {
            self.line("header", &format!("{name}: {value}"));
        }
        let body = String::from_utf8_lossy(&answer.body);
        let shown: String = body.chars().take(BODY_MAX).collect();
        self.head("Answer");
        for line in shown.lines() {
            self.0 += &format!("  {}\n", plain(line));
        }
        if shown.len() < body.len() {
            self.0 += &format!("  … {} bytes in all\n", answer.body.len());
        }
    }

    fn advice(&mut self, record: &Record) {
        let Record { details, outcome, .. } = record;
        if outcome.state != State::Unknown {
            return;
        }
        self.head("What to do");
        self.0 += &format!(
            "  List the videos at the upstream \"{}\" that were made around {}. One that nobody knows of is this\n  \
             call's, and paid for. If there is none, ask the provider with the ids and times above before the\n  \
             call is made again.\n",
            details.upstream, record.at
        );
    }
}
