//! The last event of a stream that its upstream broke off.

use super::{ApiError, Dialect, anthropic, openai};
use crate::failure::Cut;

/// An `error` event, whole: the one form in which a stream can still say that it failed, long after its 200.
#[must_use]
pub(crate) fn error(cut: Cut, dialect: Dialect, request_id: &str) -> String {
    let error = ApiError::cut(cut);
    let object = match dialect {
        Dialect::OpenAi => openai::line(&error),
        Dialect::Anthropic => anthropic::body(&error, request_id),
    };
    format!("event: error\ndata: {object}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anthropics_event_has_its_error_object_and_the_request_id() {
        assert_eq!(
            error(Cut::Lost, Dialect::Anthropic, "req_1"),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The \
             connection to the upstream server broke before its answer was complete.\"},\
             \"request_id\":\"req_1\"}\n\n"
        );
    }

    #[test]
    fn openais_event_has_all_four_fields_on_one_line() {
        assert_eq!(
            error(Cut::Quiet, Dialect::OpenAi, "req_1"),
            "event: error\ndata: {\"error\":{\"message\":\"The upstream server fell silent before its answer \
             was complete.\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_went_quiet\"}}\n\n"
        );
    }
}
