//! `[server]` and `[limits]`: the process, its listeners, and how much of anything it takes.

use std::net::SocketAddr;
use std::time::Duration;

use crate::params;

use super::quota::Places;
use super::reader::Section;

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where health checks and Prometheus connect.
    pub admin_listen: SocketAddr,
    /// Number of threads, each with its own listener and upstream connections. 0: one a core.
    pub workers: u32,
    /// Filter of the log, in the syntax of `RUST_LOG`.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// How often the contents of the configuration's files are compared with what was read. `None`: never.
    pub reload: Option<Duration>,
    /// Bytes of the log that may wait to be written.
    pub log_queue: usize,
    /// How long requests under way may take to finish once the process is told to stop.
    pub drain: Duration,
    /// How long a connection may wait for the first byte of its next request.
    pub keep_alive: Duration,
    /// How long a request's head may take, from its first byte or from the beginning of its connection.
    pub head_timeout: Duration,
    /// How long a client may take not a byte of its answer.
    pub write_idle: Duration,
    /// How long a connection may be silent before TCP asks whether the client is still there. `None`: for ever.
    pub tcp_keep_alive: Option<Duration>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 9090)),
            workers: 0,
            log: "info".to_owned(),
            log_format: LogFormat::Auto,
            reload: Some(Duration::from_secs(2)),
            log_queue: 1 << 20,
            drain: Duration::from_secs(25),
            keep_alive: Duration::from_secs(75),
            head_timeout: Duration::from_secs(10),
            write_idle: Duration::from_secs(60),
            tcp_keep_alive: Some(TCP_KEEP_ALIVE),
        }
    }
}

/// Silence after which TCP asks whether the other side is still there, on either side of the gateway. Shorter than
/// what most firewalls and address translators forget a connection after.
pub(super) const TCP_KEEP_ALIVE: Duration = Duration::from_mins(1);

const ADDRESS: &str = "use an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"";

impl Server {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
        let server = Self {
            listen: section.parsed("listen", ADDRESS).unwrap_or(default.listen),
            admin_listen: section.parsed("admin_listen", ADDRESS).unwrap_or(default.admin_listen),
            workers: section.number("workers", default.workers, 0..=1024),
            log: section.text("log").map_or(default.log, str::to_owned),
            log_format: section.choice("log_format", &formats, default.log_format),
            reload: section.duration_or_off("reload", default.reload),
            log_queue: section.length("log_queue", default.log_queue),
            drain: section.duration("drain", default.drain),
            keep_alive: section.duration("keep_alive", default.keep_alive),
            head_timeout: section.duration("head_timeout", default.head_timeout),
            write_idle: section.duration("write_idle", default.write_idle),
            tcp_keep_alive: section.duration_or_off("tcp_keep_alive", default.tcp_keep_alive),
        };
        section.finish();
        server
    }
}

/// `[limits]`: sizes in bytes unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Path and query of a request.
    pub target: usize,
    /// A whole request head.
    pub head: usize,
    /// A JSON body that is judged.
    pub json_body: u64,
    /// A form that is judged, files included.
    pub form_body: u64,
    /// A body for Anthropic's routes.
    pub messages_body: u64,
    /// Any other body; these stream through.
    pub other_body: u64,
    /// How long a request body may pause.
    pub body_idle: Duration,
    /// How long a judged body may take, beside what `body_rate` grants it.
    pub body_time: Duration,
    /// Bytes of a judged body that grant it another second.
    pub body_rate: u64,
    /// How much of a refused body is still read, so that a client that is sending reads the answer.
    pub linger_bytes: u64,
    /// How long a refused body is still read.
    pub linger_time: Duration,
    /// How many calls may be under way: as many that start a generation, and as many others.
    pub in_flight: Places,
    /// What a judged body may hold.
    pub fields: params::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            target: 8 << 10,
            head: 32 << 10,
            json_body: 32 << 20,
            form_body: 32 << 20,
            messages_body: 32 << 20,
            other_body: 1 << 30,
            body_idle: Duration::from_secs(30),
            body_time: Duration::from_mins(1),
            body_rate: 16 << 10,
            linger_bytes: 32 << 20,
            linger_time: Duration::from_secs(2),
            in_flight: Places { number: 512, queue: 64, wait: Duration::from_millis(300) },
            fields: params::Limits::default(),
        }
    }
}

/// hyper takes no smaller buffer for a request head.
const HEAD_MIN: usize = 8 << 10;

impl Limits {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = Self::default();
        let limits = Self {
            target: section.length("target", default.target),
            head: section.length("head", default.head),
            json_body: section.bytes("json_body", default.json_body),
            form_body: section.bytes("form_body", default.form_body),
            messages_body: section.bytes("messages_body", default.messages_body),
            other_body: section.bytes("other_body", default.other_body),
            body_idle: section.duration("body_idle", default.body_idle),
            body_time: section.duration("body_time", default.body_time),
            body_rate: section.bytes("body_rate", default.body_rate),
            linger_bytes: section.bytes("linger_bytes", default.linger_bytes),
            linger_time: section.duration("linger_time", default.linger_time),
            in_flight: read_in_flight(&mut section, default.in_flight),
            fields: read_fields(&mut section),
        };
        if limits.head < HEAD_MIN {
            section.problem("head", format!("{} is not allowed (use {HEAD_MIN} or more)", limits.head));
        }
        section.finish();
        limits
    }
}

fn read_in_flight(section: &mut Section<'_>, default: Places) -> Places {
    Places {
        number: section.number("in_flight", count(default.number), 1..=1_000_000) as usize,
        queue: section.number("in_flight_queue", count(default.queue), 0..=100_000) as usize,
        wait: section.duration_or_zero("in_flight_wait", default.wait),
    }
}

/// A default, as the reader takes it.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn read_fields(section: &mut Section<'_>) -> params::Limits {
    let default = params::Limits::default();
    params::Limits {
        parts: section.number("form_parts", count(default.parts), 1..=100_000) as usize,
        part_head: section.length("part_head", default.part_head),
        name: section.length("field_name", default.name),
        filename: section.length("file_name", default.filename),
        text: section.length("text_field", default.text),
        depth: section.number("json_depth", count(default.depth), 1..=128) as usize,
        keys: section.number("json_keys", count(default.keys), 1..=100_000) as usize,
        nested_keys: section.number("json_nested_keys", count(default.nested_keys), 1..=100_000) as usize,
        texts: section.length("texts", default.texts),
    }
}
