//! `reelgate check`

use std::path::Path;
use std::process::ExitCode;

use super::{Failed, Process, terminal};
use crate::config::Config;
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
    terminal::write(report(path, &config).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What a configuration holds that can be used, and what its operator should know about it.
fn report(path: &Path, config: &Config) -> String {
    let models: Vec<&str> = config.capabilities.models().map(|model| &*model.name).collect();
    let upstreams: Vec<&str> = config.upstreams.iter().map(|upstream| &*upstream.name).collect();
    let (models, upstreams) = (models.join(", "), upstreams.join(", "));
    let mut text = format!("{} is fine\n  models     {models}\n  upstreams  {upstreams}\n", path.display());
    for remark in config.remarks() {
        text.push_str(&format!("remark: {remark}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::secret::Sources;

    #[test]
    fn a_remark_is_printed_below_the_verdict() {
        let toml = "[upstreams.main]\nbase_url = \"http://x/v1\"\nretry.submit_statuses = [500]";
        let sources = Sources { var: &|_| None, file: &|_| Err(std::io::ErrorKind::NotFound.into()) };
        let config = Config::parse(toml, Path::new(""), sources).expect("a configuration");
        let report = report(Path::new("a.toml"), &config);
        let lines: Vec<&str> = report.lines().collect();
        assert_eq!((lines.len(), lines.first()), (4, Some(&"a.toml is fine")), "{report}");
        let remark = lines.last().expect("a last line");
        assert!(remark.starts_with("remark: upstreams.main.retry.submit_statuses: 500 "), "{remark}");
    }
}
