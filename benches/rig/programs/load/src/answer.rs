//! Reads answers that say their length, which is all that proxies are asked for here.

/// One answer as it arrives.
#[derive(Default)]
pub struct Answer {
    head: Vec<u8>,
    /// The status line's number; 0 until the head is whole.
    pub status: u16,
    /// Whether the connection ends with it.
    pub closes: bool,
    /// Bytes of the body so far.
    pub received: u64,
    left: u64,
}

/// The head is not one of HTTP/1.1 with a Content-Length, or more came than it said.
#[derive(Debug)]
pub struct Garbled;

impl Answer {
    /// Forgets the last answer and keeps its memory.
    pub fn begin(&mut self) {
        self.head.clear();
        (self.status, self.closes, self.received, self.left) = (0, false, 0, 0);
    }

    /// Takes what came; whether the answer is whole now.
    pub fn take(&mut self, came: &[u8]) -> Result<bool, Garbled> {
        let mut body = came.len() as u64;
        if self.status == 0 {
            self.head.extend_from_slice(came);
            let Some(end) = end_of_head(&self.head) else { return Ok(false) };
            body = (self.head.len() - end) as u64;
            self.head.truncate(end);
            self.read_head()?;
        }
        self.received += body;
        self.left = self.left.checked_sub(body).ok_or(Garbled)?;
        Ok(self.left == 0)
    }

    fn read_head(&mut self) -> Result<(), Garbled> {
        let head = String::from_utf8_lossy(&self.head).to_ascii_lowercase();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or(Garbled)?;
        let mut length = None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            match name {
                "content-length" => length = value.trim().parse().ok(),
                "connection" => self.closes = value.contains("close"),
                _ => {}
            }
        }
        (self.status, self.left) = (status, length.ok_or(Garbled)?);
        Ok(())
    }
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";

    #[test]
    fn an_answer_is_read_wherever_it_is_cut() {
        for cut in 1..ANSWER.len() {
            let mut answer = Answer::default();
            let (first, second) = ANSWER.split_at(cut);
            assert!(!answer.take(first).expect("a first part"), "cut at {cut}");
            assert!(answer.take(second).expect("a second part"), "cut at {cut}");
            assert_eq!((answer.status, answer.received, answer.closes), (503, 2, true));
        }
    }

    #[test]
    fn an_answer_without_a_length_is_not_taken() {
        assert!(Answer::default().take(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn more_than_was_announced_is_not_taken() {
        assert!(Answer::default().take(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab").is_err());
    }
}
