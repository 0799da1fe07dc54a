//! Requests as official SDKs sent them, byte for byte over a socket, chunk framing included.

use std::fs;
use std::path::Path;

use crate::support::fields;
use crate::support::gateway::Gateway;
use crate::support::message::Message;
use crate::support::upstream::{JOB, Reply, Upstream};

/// One recorded request.
struct Capture {
    name: String,
    bytes: Vec<u8>,
}

/// What becomes of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It reaches the upstream with the very same target, and a body that says the same.
    Forwarded,
    /// The gateway answers with this status and this code.
    Refused(u16, Option<&'static str>),
}

/// What the SDK's user did that the API does not take; all else is forwarded.
fn fate(name: &str) -> Fate {
    let (_, case) = name.split_once('-').expect("<client>-<case>");
    match case {
        // Raw bytes and streams have no media type of their own.
        "create-bytes" | "create-bytesio" | "create-noext" | "create-stream" => {
            Fate::Refused(400, Some("unsupported_file_mimetype"))
        }
        // A Buffer that became a field a byte.
        "create-buffer-ref" => Fate::Refused(400, Some("invalid_type")),
        "create-extra" | "create-extrabody" => Fate::Refused(400, Some("unknown_parameter")),
        "create-promptempty" => Fate::Refused(400, Some("empty_string")),
        // Node labels a form as JSON; Python really sends JSON.
        "create-jsonct" if name.starts_with("node") => Fate::Refused(400, None),
        // A file and an id: two readings of one field.
        "edit-id-extrabody" => Fate::Refused(400, Some("duplicate_parameter")),
        // An id with a space, a slash and a question mark.
        "retrieve-escape" => Fate::Refused(404, None),
        _ => Fate::Forwarded,
    }
}

fn captures() -> Vec<Capture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/captures");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let captures: Vec<Capture> = files
        .filter(|path| path.extension().is_some_and(|end| end == "http"))
        .map(|path| Capture {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            bytes: fs::read(&path).expect("a file"),
        })
        .collect();
    assert!(captures.len() >= 64, "only {} captures", captures.len());
    captures
}

// === impl Capture ===

impl Capture {
    /// Sends it as it is, and checks what becomes of it.
    async fn check(&self, configuration: &str, fate: Fate) {
        let Self { name, bytes } = self;
        let upstream = Upstream::start(Reply::job()).await;
        let gateway = Gateway::start(&upstream, configuration).await;
        let mut client = gateway.connect().await;
        client.send(bytes).await;
        let answer = client.answer().await;
        match fate {
            Fate::Forwarded => {
                assert_eq!((answer.status(), &*answer.text()), (200, JOB), "{name}");
                self.check_forwarded(&upstream.only());
            }
            Fate::Refused(status, code) => {
                let got = (answer.status(), answer.code());
                assert_eq!(got, (status, code.map(str::to_owned)), "{name}: {}", answer.text());
                upstream.assert_untouched(name);
            }
        }
    }

    fn check_forwarded(&self, request: &Message) {
        let name = &self.name;
        let head = self.bytes.split(|&byte| byte == b'\r').next().expect("a first line");
        assert_eq!(request.start.as_bytes(), head, "{name}");
        assert!(request.whole, "{name}");
        let sent = fields::read(self.header("content-type").as_deref(), &self.body());
        assert_eq!(fields::of(request), sent, "{name}");
        let media_type = |value: &str| value.split(';').next().map(str::to_owned);
        assert_eq!(
            request.header("content-type").and_then(media_type),
            self.header("content-type").as_deref().and_then(media_type),
            "{name}"
        );
        assert_eq!(request.header("user-agent"), self.header("user-agent").as_deref(), "{name}");
        match (request.header("idempotency-key"), self.header("idempotency-key")) {
            // RT21: what starts a generation gets a name, if the client gave it none.
            (Some(made), None) => {
                assert!(request.method() == "POST" && made.len() == 36, "{name}: {made}");
            }
            (sent, own) => assert_eq!(sent, own.as_deref(), "{name}"),
        }
    }

    fn split(&self) -> (String, &[u8]) {
        let end = memchr::memmem::find(&self.bytes, b"\r\n\r\n").expect("a whole head");
        (String::from_utf8_lossy(&self.bytes[..end]).into_owned(), &self.bytes[end + 4..])
    }

    fn header(&self, wanted: &str) -> Option<String> {
        let (head, _) = self.split();
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    }

    /// The body without its chunks.
    fn body(&self) -> Vec<u8> {
        let (_, mut rest) = self.split();
        if self.header("transfer-encoding").is_none() {
            return rest.to_vec();
        }
        let mut body = Vec::new();
        loop {
            let line = memchr::memmem::find(rest, b"\r\n").expect("a chunk size");
            let digits = std::str::from_utf8(&rest[..line]).expect("text");
            let size = usize::from_str_radix(digits, 16).expect("a number");
            if size == 0 {
                return body;
            }
            body.extend_from_slice(&rest[line + 2..][..size]);
            rest = &rest[line + 2 + size + 2..];
        }
    }
}

const OPENAI: &str = "presets = [\"openai\"]\n[upstreams.main]\nbase_url = \"{upstream}\"";

/// VA17
#[tokio::test]
async fn what_sdks_send_is_forwarded_unchanged_or_refused_for_its_reason() {
    for capture in captures() {
        capture.check(OPENAI, fate(&capture.name)).await;
    }
}

/// VA17
#[tokio::test]
async fn encoded_ids_are_forwarded_as_sent_where_the_operator_lets_them() {
    let configuration = format!("{OPENAI}\n[routes]\nvideo_ids = \"encoded\"");
    let escaped: Vec<Capture> =
        captures().into_iter().filter(|capture| capture.name.ends_with("retrieve-escape")).collect();
    assert_eq!(escaped.len(), 2);
    for capture in escaped {
        capture.check(&configuration, Fate::Forwarded).await;
    }
}
