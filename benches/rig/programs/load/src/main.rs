//! Asks 127.0.0.1 for things in the ways that wrk cannot, always bounded in time and number. Prints one JSON object.
//!
//! ```text
//! rig-load rate PORT REQUEST --rate R --seconds S --connections C    an open loop: see `flow`
//! rig-load bulk PORT REQUEST --requests N --connections C [--mib M]  large bodies, as fast as they go
//! rig-load idle PORT REQUEST --seconds S --connections C             one request each, then silence, then another
//! rig-load slow PORT REQUEST --seconds S --connections C --pace B    downloads taken at B bytes a second
//! ```
//!
//! REQUEST is a file with a whole HTTP/1.1 request. With `--mib`, M MiB of filler stand where it says `@FILLER@`; its
//! Content-Length must count them.

mod answer;
mod arguments;
mod connection;
mod flow;
mod held;
mod poller;
mod request;
mod tally;

use std::time::Duration;

use crate::arguments::Arguments;
use crate::request::Request;

/// Anything that stops a run. What merely goes wrong with a request is counted instead.
type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    // Else the kernel may wake us 50 µs late.
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
    let arguments = Arguments::from_command_line()?;
    let request = Request::read(&arguments.request, arguments.whole("--mib", 0)? << 20)?;
    let connections = arguments.whole("--connections", 1)?;
    let seconds = Duration::from_secs(arguments.whole("--seconds", 5)?.min(600));
    let told = match arguments.mode.as_str() {
        "rate" => {
            let rate = arguments.whole("--rate", 1000)?.max(1);
            flow::run(arguments.port, &request, connections, flow::Schedule::steady(rate, seconds))?
        }
        "bulk" => {
            let requests = arguments.whole("--requests", 1)?;
            flow::run(arguments.port, &request, connections, flow::Schedule::at_once(requests))?
        }
        "idle" => held::idle(arguments.port, &request, connections, seconds)?,
        "slow" => {
            held::slow(arguments.port, &request, connections, (seconds, arguments.whole("--pace", 16384)?))?
        }
        mode => return Err(format!("rate, bulk, idle or slow, not {mode:?}").into()),
    };
    println!("{told}");
    Ok(())
}
