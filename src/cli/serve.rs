//! `reelgate serve`: one thread a worker, each with its own runtime, listener and upstream connections.

use std::io;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::{Failed, Process, reach};
use crate::admin;
use crate::config::Config;
use crate::gateway::{Gateway, Live};
use crate::job_watcher;
use crate::metrics::Metrics;
use crate::reload::{self, Loaded, Origin, Reload, Source};
use crate::server::{self, listener};
use crate::shutdown::{self, Stop, Stopper};
use crate::telemetry;

pub(super) fn serve(process: &Process) -> Result<ExitCode, Failed> {
    let (config, from) = match process.origin() {
        Some(origin) => {
            let Loaded { config, source } = origin.load()?;
            (config, Some((origin, source)))
        }
        None => (process.config()?.check_serving()?, None),
    };
    telemetry::init(&config.server.log, &config.server)?;
    run(config, from)
}

/// Runs a gateway until the process is told to stop. `from`: where its configuration can be read again.
pub(super) fn run(config: Config, from: Option<(Origin, Source)>) -> Result<ExitCode, Failed> {
    #[cfg(feature = "otlp")]
    telemetry::export(&config.tracing)?;
    reach::log(&config, SystemTime::now());
    for remark in config.remarks() {
        warn!("remark on the configuration: {remark}");
    }
    let metrics = Metrics::new().map_err(|error| Failed::Other(error.to_string()))?;
    let (server, metrics) = (config.server.clone(), Arc::new(metrics));
    let count = workers(server.workers);
    let gateway = Gateway::new(config, metrics).map_err(|error| Failed::Other(error.to_string()))?;
    // One more than workers, for the watch of jobs.
    let gateway = gateway.for_workers(count + 1)?;
    let fingerprint = from.as_ref().map(|(_, source)| source.fingerprint.clone());
    let live = Live::new(gateway.with_fingerprint(fingerprint.unwrap_or_default()));
    let reload = from.map(|(origin, source)| Reload::new(origin, source, live.clone()));
    // Both addresses are taken before anything is served: a taken port ends the start.
    let first = listener::bind_first(server.listen)?;
    let address = first.local_addr()?;
    let admin_listener = listener::bind_first(server.admin_listen)?;
    let (stopper, stop) = shutdown::channel();

    let main = runtime::Builder::new_current_thread().enable_all().build()?;
    main.block_on(live.current().restore_budgets()).map_err(|error| Failed::Other(error.to_string()))?;
    main.block_on(live.current().restore_slots());
    let mut workers = Vec::new();
    let mut first = Some(first);
    for worker in 0..count {
        let listener = first.take().map_or_else(|| listener::bind(address), Ok)?;
        workers.push(Worker { live: live.for_worker(worker), stop: stop.clone() }.start(listener)?);
    }
    let (signals, hangup) = main.block_on(async { signals(stopper) })?;
    info!(%address, admin = %admin_listener.local_addr()?, workers = workers.len(), "reelgate {} is listening", env!("CARGO_PKG_VERSION"));
    main.block_on(async {
        let listener = TcpListener::from_std(admin_listener)?;
        let pages = server::run_pages(listener, admin::router(live.clone(), stop.clone()));
        tokio::select! {
            ended = pages => ended,
            ended = signals => ended,
            () = job_watcher::run(live.for_worker(count)) => Ok(()),
            () = reload::run(reload, hangup) => Ok(()),
            joined = tokio::task::spawn_blocking(move || join(workers)) => joined.unwrap_or_else(|error| Err(io::Error::other(error))),
        }
    })?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Every signal is taken over before anybody is told that the process is up.
fn signals(stopper: Stopper) -> io::Result<(impl Future<Output = io::Result<()>>, Signal)> {
    Ok((shutdown::on_signal(stopper)?, signal(SignalKind::hangup())?))
}

/// As many as configured, else one a core.
fn workers(configured: u32) -> usize {
    match configured {
        0 => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        configured => configured as usize,
    }
}

struct Worker {
    live: Live,
    stop: Stop,
}

type Running = thread::JoinHandle<io::Result<()>>;

impl Worker {
    fn start(self, listener: std::net::TcpListener) -> io::Result<Running> {
        thread::Builder::new().name("worker".to_owned()).spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                server::run(listener, self.live, self.stop.stopped()).await
            })
        })
    }
}

/// Waits for every worker, so that each can finish what it has under way.
fn join(workers: Vec<Running>) -> io::Result<()> {
    for worker in workers {
        match worker.join() {
            Ok(ended) => ended?,
            Err(_) => {
                error!("a worker panicked");
                return Err(io::Error::other("a worker panicked"));
            }
        }
    }
    Ok(())
}
