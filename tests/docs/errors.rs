//! `docs/troubleshooting.md` against every word the gateway can answer with.

use std::collections::BTreeSet;
use std::time::Duration;

use reelgate::error::{ApiError, Wording};
use reelgate::failure::Failure;
use reelgate::rejection::{Expected, Noun, Param, PartFlaw, Per, Rejection};

use crate::markdown::{Row, page, spans};
use crate::rust_source::{matches, source, texts};

const PAGE: &str = "docs/troubleshooting.md";
/// Rows about answers: message, then status, type and code.
fn rows() -> Vec<Row> {
    let is_answer = |row: &Row| {
        let facts = row.cells.get(1).map(|cell| spans(cell)).unwrap_or_default();
        facts.first().is_some_and(|status| status.parse::<u16>().is_ok())
    };
    page(PAGE).rows().into_iter().filter(is_answer).collect()
}

/// The file that dictates texts, types and codes.
fn said() -> Vec<String> {
    texts(&source("error"))
}

/// Whether a text is a `type` or `code`: small letters and underscores.
fn is_word(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        || text == "overloaded"
}

#[test]
fn every_type_and_code_that_the_code_can_send_is_explained() {
    let page = page(PAGE);
    let explained: BTreeSet<String> = page.code_spans().into_iter().map(|(_, span)| span).collect();
    let sent: BTreeSet<String> = said().into_iter().filter(|text| is_word(text)).collect();
    assert!(sent.len() > 30, "only {sent:?} were found in the source");
    let missing: Vec<&String> = sent.difference(&explained).collect();
    assert!(missing.is_empty(), "{PAGE} does not explain {missing:?}");
}

#[test]
fn every_message_that_the_code_can_send_has_a_row() {
    let shown = page(PAGE).code_spans().into_iter().map(|(_, span)| span);
    let shown: Vec<String> = shown.filter(|span| span.contains(' ')).collect();
    let said = said();
    let is_message =
        |text: &&String| text.contains(' ') && text.starts_with(|c: char| c.is_ascii_uppercase());
    let messages: Vec<&String> = said.iter().filter(is_message).collect();
    assert!(messages.len() > 40, "only {messages:?} were found in the source");
    let told = |text: &str| shown.iter().any(|shown| matches(shown, text) || has_parts(shown, text));
    let missing: Vec<&&String> = messages.iter().filter(|text| !told(text)).collect();
    assert!(missing.is_empty(), "{PAGE} does not have {missing:#?}");
}

/// Whether a text that is a part of a message, or all of it, is shown.
fn has_parts(shown: &str, text: &str) -> bool {
    let mut rest = shown;
    text.split('…').map(str::trim).all(|part| {
        let behind = rest.split_once(part).map(|(_, behind)| behind);
        rest = behind.unwrap_or_default();
        behind.is_some()
    })
}

#[test]
fn no_row_explains_what_the_code_does_not_say() {
    let said = said();
    let mut wrong = Vec::new();
    for row in rows() {
        for span in spans(&row.cells[1]) {
            let known = span == "null" || span.parse::<u16>().is_ok() || said.contains(&span);
            if !known {
                wrong.push(format!("{PAGE}:{}: {span} is no type or code of the gateway's", row.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_answer_has_a_row_with_its_message_status_type_and_code() {
    let rows = rows();
    let mut missing = Vec::new();
    for error in answers() {
        let facts = [
            error.status.as_u16().to_string(),
            error.kind.clone(),
            error.code.clone().unwrap_or_else(|| "null".to_owned()),
        ];
        let tells = |row: &Row| {
            spans(&row.cells[0]).iter().any(|pattern| matches(pattern, &error.message))
                && row.cells.get(1).is_some_and(|cell| spans(cell) == facts)
        };
        if !rows.iter().any(tells) {
            missing.push(format!("{facts:?} {}", error.message));
        }
    }
    assert!(missing.is_empty(), "{PAGE} has no row for\n{}", missing.join("\n"));
}

/// One answer of each kind. Which there are is checked by their words; here they are checked with all they come with.
fn answers() -> Vec<ApiError> {
    let wording = Wording::default();
    let mut answers: Vec<ApiError> =
        rejections().iter().map(|reason| ApiError::rejected(reason, &wording)).collect();
    let failures = [
        Failure::Unreachable,
        Failure::ConnectTimeout,
        Failure::Tls,
        Failure::HeadTimeout,
        Failure::Lost,
        Failure::Garbled,
        Failure::Redirected,
        Failure::Credential,
        Failure::BreakerOpen { retry_after: Duration::from_secs(1) },
    ];
    answers.extend(
        failures.into_iter().flat_map(|failure| [true, false].map(|paid| ApiError::failed(failure, paid))),
    );
    let unreadable = [400, 414, 431].map(|status| status.try_into().expect("a status"));
    answers.extend(unreadable.map(ApiError::unreadable));
    answers.push(ApiError::internal());
    answers
}

#[expect(clippy::too_many_lines, reason = "a list with a line for each reason")]
fn rejections() -> Vec<Rejection> {
    let text = || "x".to_owned();
    let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
    let size =
        |param| Rejection::NotForModel { param, model: text(), got: text(), allowed: list(&["1x1", "2x2"]) };
    let wait = Duration::from_secs(1);
    vec![
        Rejection::UnknownUrl { method: text(), path: text() },
        Rejection::MethodNotAllowed { method: text(), path: text(), allow: "GET" },
        Rejection::TargetTooLong { limit: 1 },
        Rejection::BadHost,
        Rejection::BadTransferEncoding,
        Rejection::DoubledHeader("authorization"),
        Rejection::BadExpectation,
        Rejection::ContentEncoding(text()),
        Rejection::ContentType(text()),
        Rejection::NotAForm(text()),
        Rejection::NoKey,
        Rejection::WrongKey(text()),
        Rejection::BodyTooLarge { limit: 1, read: 2 },
        Rejection::BodyBroken,
        Rejection::BodyStalled,
        Rejection::MalformedJson,
        Rejection::MalformedForm,
        Rejection::MalformedPart { part: 1, flaw: PartFlaw::NoName },
        Rejection::TooManyParts { limit: 1 },
        Rejection::UnknownParameter(text()),
        Rejection::DuplicateParameter(text()),
        Rejection::Missing(Param::Prompt),
        Rejection::WrongType {
            param: Param::Seconds,
            expected: Expected::OneOf(list(&["4", "8"])),
            got: Noun::Integer,
        },
        Rejection::WrongType {
            param: Param::Prompt,
            expected: Expected::Type(Noun::String),
            got: Noun::Null,
        },
        Rejection::NotListed { param: Param::Seconds, got: text(), allowed: list(&["4", "8", "12"]) },
        Rejection::NotListed { param: Param::Seconds, got: text(), allowed: list(&["4"]) },
        size(Param::Size),
        size(Param::Seconds),
        Rejection::NotAPattern { param: Param::Size, pattern: "x" },
        Rejection::UnknownModel(text()),
        Rejection::Empty(Param::Prompt),
        Rejection::TooLong { param: Param::Prompt, max: 1, got: 2 },
        Rejection::AboveMax { param: Param::Limit, max: 1, got: text() },
        Rejection::BelowMin { param: Param::Limit, min: 1, got: text() },
        Rejection::NotExactlyOne { param: Param::InputReference, members: ["image_url", "file_id"] },
        Rejection::FileType { param: Param::InputReference, got: text(), allowed: list(&["image/png"]) },
        Rejection::InvalidIdempotencyKey,
        Rejection::IdempotencyMismatch,
        Rejection::CreateUnresolved { ledger_id: "lg_1".to_owned() },
        Rejection::LedgerUnavailable,
        Rejection::UnknownVideo(text()),
        Rejection::RateLimited { model: None, client: None, limit: (1, Per::Minute), wait },
        Rejection::RateLimited { model: Some(text()), client: Some(text()), limit: (1, Per::Day), wait },
        Rejection::TooManyJobs,
        Rejection::Overloaded,
        Rejection::Stopping,
    ]
}
