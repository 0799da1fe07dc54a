//! `reelgate check`

use std::process::ExitCode;

use super::{Failed, Process, terminal};

pub(super) fn check(process: &Process) -> Result<ExitCode, Failed> {
    let Some(path) = &process.config else {
        return Err(Failed::Other("which configuration? (add --config FILE)".to_owned()));
    };
    let config = process.config()?;
    let models = config.capabilities.models().count();
    let upstreams = config.upstreams.len();
    let text = format!("{} is fine: {models} models, {upstreams} upstreams\n", path.display());
    terminal::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
