//! The log: where it goes and how it looks. What stands in it is decided where it is written.
//!
//! One event is one line ([`line`], [`fields`]), no value of it can be more than it looks like ([`shown`]), and nobody waits for
//! whoever reads it ([`queue`]).

use std::cell::Cell;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

use tracing::{Event, Level, Metadata, Subscriber, error};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::server::{LogFormat, Server};
#[cfg(feature = "otlp")]
use crate::config::tracing::Tracing;

mod fields;
mod line;
#[cfg(feature = "otlp")]
pub(crate) mod otlp;
mod queue;
mod seldom;
mod shown;
mod stamp;
mod style;
#[cfg(test)]
mod tests;

pub(crate) use fields::Fields;
pub(crate) use seldom::Seldom;
pub(crate) use style::Style;

use queue::Queue;

/// Why there is no log.
#[derive(Debug)]
pub enum Unstarted {
    /// Its filter is not in the syntax of `RUST_LOG`.
    Filter(ParseError),
    /// No thread could be started.
    Thread(io::Error),
}

impl fmt::Display for Unstarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(error) => {
                write!(f, "server.log: {error} (use a filter such as \"info\" or \"reelgate=debug\")")
            }
            Self::Thread(error) => write!(f, "the log cannot be started: {error}"),
        }
    }
}

/// Whether a filter could be used.
pub(crate) fn check(filter: &str) -> Result<(), Unstarted> {
    EnvFilter::try_new(filter).map(drop).map_err(Unstarted::Filter)
}

/// The way to standard error; one a process.
static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// The filter of the log that was started.
static FILTER: OnceLock<Handle<EnvFilter, Registry>> = OnceLock::new();

/// Changes the filter of the log. One that is not in the syntax of `RUST_LOG` changes nothing.
pub(crate) fn set_filter(filter: &str) {
    if let (Some(handle), Ok(filter)) = (FILTER.get(), EnvFilter::try_new(filter)) {
        // It fails only where the log is gone.
        let _ = handle.reload(filter);
    }
}

/// Starts the log on standard error, with this filter. A second call changes nothing.
///
/// # Errors
/// If the filter is not in the syntax of `RUST_LOG`, or there can be no thread.
pub(crate) fn init(filter: &str, settings: &Server) -> Result<(), Unstarted> {
    init_to(filter, settings, io::stderr())?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// As [`init`], with a place of the caller's in place of standard error, and without a word on panics.
///
/// # Errors
/// As [`init`].
pub fn init_to(filter: &str, settings: &Server, to: impl Write + Send + 'static) -> Result<(), Unstarted> {
    let filter = EnvFilter::try_new(filter).map_err(Unstarted::Filter)?;
    let (filter, handle) = reload::Layer::new(filter);
    let style = style(settings.log_format);
    let queue = Arc::new(Queue::new(settings.log_queue, style));
    let lines = Arc::clone(&queue);
    let started = subscriber(filter, style, move |line| lines.put(line)).try_init();
    // Only a test that starts two gateways in one process comes here twice.
    if started.is_ok() {
        let _ = FILTER.set(handle);
        let writing = Arc::clone(QUEUE.get_or_init(|| queue));
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || writing.write_to(to)).map_err(Unstarted::Thread)?;
    }
    Ok(())
}

/// Starts sending spans, where that is built in and configured.
///
/// # Errors
/// If there can be no thread for it, or the environment asks for something that cannot be had.
#[cfg(feature = "otlp")]
pub(crate) fn export(settings: &Tracing) -> io::Result<()> {
    settings.export.as_ref().map_or(Ok(()), otlp::start)
}

/// Waits until spans are sent and the log is written, but not for a reader that does not read.
pub(crate) fn stop() {
    #[cfg(feature = "otlp")]
    otlp::stop();
    flush();
}

fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(FLUSH_MAX);
    }
}

/// How long the end of the process waits for its log to be read.
const FLUSH_MAX: Duration = Duration::from_secs(1);

fn style(format: LogFormat) -> Style {
    let is_terminal = io::stderr().is_terminal();
    // https://no-color.org
    let coloured = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match format {
        LogFormat::Auto if !is_terminal => Style::Json,
        LogFormat::Auto | LogFormat::Text => Style::Text { coloured },
        LogFormat::Json => Style::Json,
    }
}

/// What takes every event that passes the filter, and yields its line.
fn subscriber(
    filter: impl Layer<Registry> + Send + Sync,
    style: Style,
    put: impl Fn(&str) + Send + Sync + 'static,
) -> impl Subscriber {
    Registry::default().with(filter).with(filter_fn(is_harmless)).with(Lines { style, put })
}

/// Whether an event of this kind holds nothing that must not be in the log, as far as that is in our hands: libraries
/// write bytes they send and read at their lower levels, today or with their next version.
fn is_harmless(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || is_ours(metadata.target())
}

/// Whether an event is one of this crate's.
fn is_ours(target: &str) -> bool {
    target.strip_prefix("reelgate").is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Makes lines of events.
struct Lines<F> {
    style: Style,
    put: F,
}

impl<S: Subscriber, F: Fn(&str) + 'static> Layer<S> for Lines<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        in_room(|line| {
            self.style.write_event(event, SystemTime::now(), line);
            (self.put)(line);
        });
    }
}

/// Writes a line past `tracing`, where each field would be handed on by itself: for what every request says. Whether
/// the filter wants it is asked by whoever calls, with [`tracing::enabled!`].
pub(crate) fn write(level: Level, say: impl FnOnce(&mut Fields<'_>)) {
    let Some(queue) = QUEUE.get() else { return };
    in_room(|line| {
        queue.style().write((level, SystemTime::now()), line, say);
        queue.put(line);
    });
}

thread_local! {
    /// Room for a line, so that not each needs its own.
    static LINE: Cell<String> = const { Cell::new(String::new()) };
}

fn in_room(write: impl FnOnce(&mut String)) {
    // Taken out: a value that writes events itself while it is shown gets room of its own.
    let mut line = LINE.take();
    line.clear();
    write(&mut line);
    LINE.set(line);
}

/// Says that there was a panic and where. What it says may repeat what was being worked on, unless it is a text that
/// stands in the source.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let said = panic.payload().downcast_ref::<&'static str>();
    let at = panic.location().map(tracing::field::display);
    let thread = thread::current();
    error!(at, thread = thread.name(), said, "panicked");
    // It may be the last that is heard of the process.
    flush();
}
