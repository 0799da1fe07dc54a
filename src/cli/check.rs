//! `reelgate check`

use std::process::ExitCode;

use super::{Failed, Process, terminal};
use crate::telemetry;
use crate::upstream::Upstreams;

pub(super) fn check(process: &Process) -> Result<ExitCode, Failed> {
    let Some(path) = &process.config else {
        return Err(Failed::Other("which configuration? (add --config FILE)".to_owned()));
    };
    let config = process.config()?;
    telemetry::check(&config.server.log)?;
    // Connects to nobody.
    Upstreams::check(&config)?;
    let models: Vec<&str> = config.capabilities.models().map(|model| &*model.name).collect();
    let upstreams: Vec<&str> = config.upstreams.iter().map(|upstream| &*upstream.name).collect();
    let (models, upstreams) = (models.join(", "), upstreams.join(", "));
    let text = format!("{} is fine\n  models     {models}\n  upstreams  {upstreams}\n", path.display());
    terminal::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
