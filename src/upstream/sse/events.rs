//! Where the events of a stream end, in bytes that come in any pieces. Pure: it neither waits nor keeps them.

use memchr::memchr2_iter;

/// Reads along with a `text/event-stream`.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// How the line under way begins.
    line: Vec<u8>,
    /// Whether a field of an event has come, and not yet the blank line that ends it.
    open: bool,
    /// Whether the event under way says that it is the last one.
    closing: bool,
    /// Whether the last whole event said that.
    closed: bool,
    /// Whether the last byte was a CR: an LF behind it belongs to the same line end.
    after_return: bool,
}

impl Events {
    /// Reads on. Yields up to where `bytes` may leave: the end of its last whole event; 0 if none ends in it.
    pub(super) fn read(&mut self, bytes: &[u8]) -> usize {
        let (mut whole, mut start) = (0, 0);
        for end in memchr2_iter(b'\r', b'\n', bytes) {
            let text = bytes.get(start..end).unwrap_or_default();
            let is_return = bytes.get(end) == Some(&b'\r');
            if is_return || !self.after_return || !text.is_empty() {
                self.add(text);
                self.end_line();
            }
            self.after_return = is_return;
            start = end + 1;
            // A comment outside of an event is no part of one: it need not wait for the next.
            if !self.open {
                whole = start;
            }
        }
        let rest = bytes.get(start..).unwrap_or_default();
        if !rest.is_empty() {
            self.after_return = false;
            self.add(rest);
        }
        whole
    }

    /// Whether the stream has said its last word, so that nothing is missing if it breaks off now.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }

    fn add(&mut self, text: &[u8]) {
        if let (true, Some(&first)) = (self.line.is_empty(), text.first()) {
            self.open |= first != b':';
        }
        let room = PREFIX_MAX.saturating_sub(self.line.len());
        self.line.extend(text.iter().take(room));
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.closing |= is_last_word(&self.line);
            self.line.clear();
        } else if self.open {
            self.closed = std::mem::take(&mut self.closing);
            self.open = false;
        }
    }
}

/// Bytes of a line that are kept; more than the longest last word.
const PREFIX_MAX: usize = 40;

/// Whether a line stands only in the last event of a stream: of messages, of completions, of responses, and of
/// any that ended in an error already.
fn is_last_word(line: &[u8]) -> bool {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else { return false };
    let (field, rest) = line.split_at(colon);
    let value = rest.get(1..).unwrap_or_default().trim_ascii();
    match field {
        b"data" => value == b"[DONE]",
        b"event" => matches!(
            value,
            b"message_stop" | b"error" | b"response.completed" | b"response.failed" | b"response.incomplete"
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the bytes read so far may leave, after each piece.
    fn read(pieces: &[&str]) -> (Vec<usize>, Events) {
        let mut events = Events::default();
        (pieces.iter().map(|piece| events.read(piece.as_bytes())).collect(), events)
    }

    #[test]
    fn an_event_ends_with_a_blank_line_however_lines_end() {
        for (text, whole) in [
            ("data: 1\n\n", 9),
            ("data: 1\r\r", 9),
            ("data: 1\r\n\r\n", 11),
            ("data: 1\n\r\n", 10),
            ("event: a\ndata: 1\n\ndata: 2\n", 18),
            ("data: 1\n\ndata: 2\n\ndata", 18),
            ("data: 1\n", 0),
            ("data: 1", 0),
            ("data\n\n", 6),
            ("", 0),
            ("\n\n", 2),
            (": ping\n", 7),
            (": ping", 0),
            ("data: 1\n: comment\n", 0),
        ] {
            assert_eq!(read(&[text]).0, [whole], "{text:?}");
        }
    }

    #[test]
    fn pieces_make_no_difference() {
        let text = "event: a\r\ndata: 1\r\n\r\n: ping\ndata: 2\r\rdata: 3\n\nrest";
        let mut events = Events::default();
        let whole = events.read(text.as_bytes());
        for size in 1..text.len() {
            let (mut events, mut read, mut left) = (Events::default(), 0, 0);
            for piece in text.as_bytes().chunks(size) {
                let end = events.read(piece);
                if end > 0 {
                    left = read + end;
                }
                read += piece.len();
            }
            assert_eq!(left, whole, "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_end_that_is_torn_leaves_as_a_whole() {
        assert_eq!(read(&["data: 1\r\n\r", "\n", "data: 2\r\n", "\r\n"]).0, [10, 1, 0, 2]);
    }

    #[test]
    fn the_last_word_is_known() {
        for (text, closed) in [
            ("data: 1\n\ndata: [DONE]\n\n", true),
            ("data:[DONE]\r\n\r\n", true),
            ("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", true),
            ("event: response.completed\ndata: {}\n\n", true),
            ("event: error\ndata: {}\n\n", true),
            ("data: [DONE]\n\n: bye\n\n", true),
            ("data: [DONE]\n", false),
            ("data: [DONE]\n\ndata: more\n\n", false),
            ("event: message_delta\ndata: {\"text\":\"event: message_stop\"}\n\n", false),
            ("data: [DONE] or not\n\n", false),
            ("", false),
        ] {
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(read(&[text]).1.closed(), closed, "{text:?}");
            assert_eq!(read(&letters).1.closed(), closed, "{text:?}, letter by letter");
        }
    }
}
