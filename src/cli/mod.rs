//! The commands: what can be typed, and which room does it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::secret::Sources;
use crate::config::{Config, Unusable};
use crate::reload::Origin;
use crate::telemetry;

mod capabilities;
mod check;
mod columns;
mod demo;
mod explain;
mod healthcheck;
mod key;
mod ledger;
mod reach;
mod sandbox;
mod serve;
mod terminal;

/// A gateway in front of OpenAI-style video servers: judges, rewrites and forwards /v1/videos calls.
#[derive(Debug, Parser)]
#[command(version = VERSION, about, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    process: Process,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Which commit it is decides what support can say; `build.rs` finds it out.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("REELGATE_COMMIT"), ")");

const AFTER_HELP: &str =
    "Without a command, `serve`. To see it work without any configuration: `reelgate demo`.";

/// Settings of the process: flag before variable before file.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Process")]
struct Process {
    /// Configuration file
    #[arg(long, global = true, env = "REELGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where clients connect, such as 0.0.0.0:8080
    #[arg(long, global = true, env = "REELGATE_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where health checks and Prometheus connect
    #[arg(long, global = true, env = "REELGATE_ADMIN_LISTEN", value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// Filter of the log, such as info or reelgate=debug
    #[arg(long, global = true, env = "REELGATE_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the gateway (what happens without a command)
    Serve,
    /// Sandbox and gateway in one process: try the gateway without any configuration
    Demo(demo::Args),
    /// A simulated video server that makes real MP4 files and fails on command
    Sandbox(sandbox::Args),
    /// Check a configuration and say everything that is wrong with it
    Check,
    /// Print the capability table
    Capabilities(capabilities::Args),
    /// Say what becomes of a request: verdict, edits and the exact answer; calls nobody
    Explain(explain::Args),
    /// The paid calls that were written down: list, filter, export, and show one
    Ledger(Box<ledger::Args>),
    /// Make a key for a client, or hash one
    Key(key::Args),
    /// Ask a running gateway whether it is ready; for container health checks
    Healthcheck,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Why a command failed, in words for the person who typed it.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The configuration, with everything wrong in it.
    Configuration(Unusable),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(problems) => write!(f, "the configuration cannot be used\n{problems}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<Unusable> for Failed {
    fn from(problems: Unusable) -> Self {
        Self::Configuration(problems)
    }
}

impl From<telemetry::Unstarted> for Failed {
    fn from(error: telemetry::Unstarted) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::serve(&cli.process),
        Command::Demo(args) => demo::demo(&cli.process, &args),
        Command::Sandbox(args) => sandbox::sandbox(&cli.process, &args),
        Command::Check => check::check(&cli.process),
        Command::Capabilities(args) => capabilities::print(&cli.process, &args),
        Command::Explain(args) => explain::explain(&cli.process, &args),
        Command::Ledger(args) => ledger::ledger(&cli.process, &args),
        Command::Key(args) => key::key(&args),
        Command::Healthcheck => healthcheck::healthcheck(&cli.process),
        Command::Completions { shell } => completions(shell),
    };
    telemetry::stop();
    match done {
        Ok(code) => code,
        Err(failed) => {
            terminal::complain(&failed);
            ExitCode::FAILURE
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "reelgate", &mut script);
    terminal::write(&script)?;
    Ok(ExitCode::SUCCESS)
}

impl Process {
    /// The configuration this process is told to use; the embedded defaults where it is told of none.
    fn config(&self) -> Result<Config, Failed> {
        Ok(self.overriding(match &self.config {
            Some(path) => Config::load(path, Sources::process())?,
            None => Config::embedded()?,
        }))
    }

    /// Where its configuration can be read again, if it is told of a file.
    fn origin(&self) -> Option<Origin> {
        let process = self.clone();
        let path = self.config.clone()?;
        Some(Origin::new(path, move |config| process.overriding(config)))
    }

    /// The embedded defaults, for commands that are there to be tried without a file.
    fn embedded(&self) -> Result<Config, Failed> {
        Ok(self.overriding(Config::embedded()?))
    }

    /// Flags and variables win over what a file says.
    fn overriding(&self, mut config: Config) -> Config {
        let server = &mut config.server;
        server.listen = self.listen.unwrap_or(server.listen);
        server.admin_listen = self.admin_listen.unwrap_or(server.admin_listen);
        if let Some(log) = &self.log {
            server.log.clone_from(log);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_version_names_the_commit() {
        let (number, commit) = VERSION.split_once(' ').expect("number and commit");
        assert_eq!(number, env!("CARGO_PKG_VERSION"));
        let commit = commit.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).expect("in brackets");
        assert!(!commit.is_empty() && !commit.contains(char::is_whitespace), "{commit:?}");
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let cli = Cli::parse_from(["reelgate", "check", "--listen", "127.0.0.1:1", "--log", "debug"]);
        let server = cli.process.config().expect("the embedded defaults").server;
        assert_eq!((server.listen.port(), &*server.log), (1, "debug"));
        assert_eq!(server.admin_listen.port(), 9090, "what no flag names is as configured");
    }
}
