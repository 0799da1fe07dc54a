//! The requests that are measured, as OpenAI's Python SDK sends them.

use std::str;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;

const POLL: &[u8] = include_bytes!("../../tests/data/captures/py-retrieve.http");
/// A form of four fields.
const CREATE: &[u8] = include_bytes!("../../tests/data/captures/py-create-int.http");

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Asked {
    /// A job is asked for.
    pub(crate) fn poll() -> Self {
        Self::captured(POLL)
    }

    /// A job is made, by a form.
    pub(crate) fn create_form() -> Self {
        Self::captured(CREATE)
    }

    /// A job is made, by JSON.
    pub(crate) fn create_json() -> Self {
        Self::json(
            "/v1/videos",
            r#"{"model":"sora-2","prompt":"a cat on a skateboard","seconds":"8","size":"1280x720"}"#,
        )
    }

    /// Refused here: no model makes videos of that length.
    pub(crate) fn rejected() -> Self {
        Self::json(
            "/v1/videos",
            r#"{"model":"sora-2","prompt":"a cat on a skateboard","seconds":"7","size":"1280x720"}"#,
        )
    }

    /// Not about videos: forwarded as it comes.
    pub(crate) fn other() -> Self {
        Self::json(
            "/v1/chat/completions",
            r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"a cat on a skateboard"}]}"#,
        )
    }

    /// The film of a job.
    pub(crate) fn download() -> Self {
        Self { target: "/v1/videos/video_1/content".to_owned(), ..Self::poll() }
    }

    /// A request to this path, with this JSON as its body.
    pub(crate) fn json(path: &str, body: &'static str) -> Self {
        let mut asked = Self::poll();
        asked.method = "POST".to_owned();
        asked.target = path.to_owned();
        asked.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        asked.headers.push(("content-length".to_owned(), body.len().to_string()));
        asked.body = Bytes::from_static(body.as_bytes());
        asked
    }

    /// The same with a prompt of its own, as long as before: the ledger has more to do with requests that are the same.
    pub(crate) fn numbered(&self, number: usize) -> Self {
        let body = str::from_utf8(&self.body).expect("text");
        Self { body: body.replace("a cat", &format!("{number:05}")).into(), ..self.clone() }
    }

    /// The same with another credential.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        self.headers.push(("authorization".to_owned(), format!("Bearer {key}")));
        self
    }

    fn captured(bytes: &'static [u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = str::from_utf8(&bytes[..end]).expect("ASCII");
        let mut lines = head.lines();
        let mut first = lines.next().expect("a line").split(' ');
        let mut word = || first.next().expect("a method and a target").to_owned();
        let (method, target) = (word(), word());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_owned(), value.to_owned())
        });
        Self { method, target, headers: headers.collect(), body: Bytes::from_static(&bytes[end + 4..]) }
    }

    pub(crate) fn content_type(&self) -> &str {
        let is_it = |name: &str| name.eq_ignore_ascii_case("content-type");
        self.headers.iter().find(|(name, _)| is_it(name)).map_or("", |(_, value)| value)
    }

    /// As it is once its head is read.
    pub(crate) fn request(&self) -> Request<Body> {
        let request = Request::builder().method(self.method.as_str()).uri(&self.target);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(Body::from(self.body.clone())).expect("a request")
    }

    /// As it is sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{} {} HTTP/1.1\r\n{headers}\r\n", self.method, self.target);
        [head.as_bytes(), &self.body].concat()
    }
}
