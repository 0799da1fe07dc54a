//! `reelgate demo`: the sandbox and the gateway in one process, and what to paste to see them work.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

use tokio::net::TcpListener;
use tokio::runtime;
use tracing::error;

use super::{Failed, Process, sandbox, serve, terminal};
use crate::config::Config;
use crate::config::ledger::StoreKind;
use crate::config::upstreams::{Base, Upstream};
use crate::server::listener;
use crate::telemetry;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sandbox: sandbox::Args,
}

/// The sandbox is reached through the gateway; its own port is whichever is free.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Quiet unless something is wrong: people read what the demo prints, not a log.
const LOG: &str = "warn";

pub(super) fn demo(process: &Process, args: &Args) -> Result<ExitCode, Failed> {
    let mut config = process.embedded()?;
    let log = process.log.as_deref().unwrap_or(LOG);
    telemetry::init(log, &config.server)?;
    let listener = listener::bind_first(ANY_PORT)?;
    point_at(&mut config, listener.local_addr()?);
    // Fails before anything is promised below.
    for address in [config.server.listen, config.server.admin_listen] {
        drop(listener::bind_first(address)?);
    }
    start(listener, args.sandbox.options())?;
    terminal::write(help(config.server.listen, config.server.admin_listen).as_bytes())?;
    serve::run(config, None)
}

/// The gateway in front of the sandbox, with everything a visitor may want to try switched on.
fn point_at(config: &mut Config, sandbox: SocketAddr) {
    config.upstreams = vec![Upstream::at(&config.default_upstream, Base::loopback(sandbox))];
    config.mode_header = true;
    // What the sandbox makes is nobody's money.
    config.ledger.store = StoreKind::Memory;
    // It may be tried from anywhere, also where nothing may be written.
    let temporary = std::env::temp_dir();
    if temporary.is_dir() {
        config.spool.folder = temporary;
    }
}

fn start(listener: std::net::TcpListener, options: crate::sandbox::Options) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
        let served = runtime.block_on(async {
            // It ends with the process.
            crate::sandbox::run(TcpListener::from_std(listener)?, options, std::future::pending()).await
        });
        if let Err(error) = served {
            error!(%error, "the sandbox ended");
        }
    })?;
    Ok(())
}

fn help(listen: SocketAddr, admin: SocketAddr) -> String {
    format!(
        r#"
Reelgate listens on http://{listen}/v1, in front of a simulated video server. Ctrl-C ends it.

Make a video, watch it, download it:

  curl http://{listen}/v1/videos -H "Authorization: Bearer sk-demo" -F prompt="a cat on a skateboard" -F seconds=8
  curl http://{listen}/v1/videos -H "Authorization: Bearer sk-demo"
  curl http://{listen}/v1/videos/VIDEO_ID/content -H "Authorization: Bearer sk-demo" -o cat.mp4

The same with OpenAI's SDKs:

  # Python: pip install openai
  from openai import OpenAI
  client = OpenAI(base_url="http://{listen}/v1", api_key="sk-demo")
  video = client.videos.create_and_poll(model="sora-2", prompt="a cat on a skateboard", seconds="8")
  client.videos.download_content(video.id).write_to_file("cat.mp4")

  // Node: npm install openai
  import OpenAI from "openai";
  const client = new OpenAI({{ baseURL: "http://{listen}/v1", apiKey: "sk-demo" }});
  console.log(await client.videos.create({{ model: "sora-2", prompt: "a cat on a skateboard", seconds: "8" }}));

Ask for what sora-2 cannot do: 10 seconds are refused with the error the API itself would send, and moved to 8 if
you let them.

  curl -i http://{listen}/v1/videos -H "Authorization: Bearer sk-demo" -F prompt="a cat" -F model=sora-2 -F seconds=10
  curl -i http://{listen}/v1/videos -H "Authorization: Bearer sk-demo" -F prompt="a cat" -F model=sora-2 -F seconds=10 \
       -H "x-reelgate-mode: adjust"

Health and metrics: http://{admin}/readyz and http://{admin}/metrics

"#
    )
}
