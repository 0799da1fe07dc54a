//! `reelgate sandbox`: the simulated video server by itself.

use std::process::ExitCode;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;
use tracing::info;

use super::{Failed, Process, terminal};
use crate::sandbox::{self, Options, Thumbnail};
use crate::server::listener;
use crate::{shutdown, telemetry};

#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// How long a job is queued
    #[arg(long, value_parser = humantime::parse_duration, default_value = "300ms", value_name = "TIME")]
    queue_time: Duration,
    /// How long one second of film takes to make
    #[arg(long, value_parser = humantime::parse_duration, default_value = "150ms", value_name = "TIME")]
    time_per_second: Duration,
    /// The only key that is accepted; without it, every key is
    #[arg(long, value_name = "KEY", env = "REELGATE_SANDBOX_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Format of thumbnails
    #[arg(long, value_enum, default_value = "webp")]
    thumbnail: ThumbnailArg,
    /// Jobs that are remembered; the oldest are forgotten
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    max_jobs: usize,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ThumbnailArg {
    Webp,
    Png,
}

impl Args {
    pub(super) fn options(&self) -> Options {
        Options {
            queue_time: self.queue_time,
            time_per_second: self.time_per_second,
            key: self.key.clone(),
            thumbnail: match self.thumbnail {
                ThumbnailArg::Webp => Thumbnail::Webp,
                ThumbnailArg::Png => Thumbnail::Png,
            },
            max_jobs: self.max_jobs,
            seed: fastrand::u64(..),
        }
    }
}

pub(super) fn sandbox(process: &Process, args: &Args) -> Result<ExitCode, Failed> {
    let server = process.embedded()?.server;
    telemetry::init(&server.log, &server)?;
    let listener = listener::bind_first(server.listen)?;
    let address = listener.local_addr()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (stopper, stop) = shutdown::channel();
        let signals = shutdown::on_signal(stopper)?;
        terminal::write(format!("A simulated video server answers on http://{address}/v1\n").as_bytes())?;
        let served = sandbox::run(TcpListener::from_std(listener)?, args.options(), stop.stopped());
        tokio::select! {
            ended = served => ended,
            ended = signals => ended,
        }
    })?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}
