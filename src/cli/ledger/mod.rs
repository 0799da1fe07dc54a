//! `reelgate ledger`: the paid calls that were written down. Reads what holds them, and assigns them to other clients; a
//! gateway may be running or not.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use super::{Failed, Process, terminal};
use crate::config::ledger::{Settings, StoreKind};
use crate::config::redis;
use crate::ledger::Timestamp;
use crate::ledger::archive::{Archive, Filter, Unreadable};
use crate::ledger::record::{Record, State};
use crate::ledger::redis::RedisArchive;
use crate::ledger::sqlite::FileArchive;
use crate::plain::plain;

mod assign;
mod export;
mod show;
mod table;
#[cfg(test)]
mod tests;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List calls, newest first (what happens without a command)
    List(List),
    /// Everything about one call, as a provider's support asks for it
    Show(Show),
    /// Give the records of one client to another, for good: videos, idempotency keys, and what they count in budgets
    Assign(assign::Args),
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    source: Source,
    /// Only calls in this state: open, accepted, refused or unknown
    #[arg(long, value_parser = state, value_name = "STATE")]
    state: Option<State>,
    /// Only calls of this client: the name of its key, or sha256:…
    #[arg(long)]
    client: Option<String>,
    /// Only calls for this model
    #[arg(long)]
    model: Option<String>,
    /// Only calls to this upstream
    #[arg(long)]
    upstream: Option<String>,
    /// Only calls since then: 2h, 7days, 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_parser = time, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only calls until then
    #[arg(long, value_parser = time, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only the call that started this job
    #[arg(long, value_name = "ID")]
    job: Option<String>,
    /// Only calls with this idempotency key
    #[arg(long)]
    key: Option<String>,
    /// At most so many, the newest; 0 for all
    #[arg(long, default_value_t = LIMIT, value_name = "NUMBER")]
    limit: u32,
    /// table for people, json (one object a line) or csv for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Id of the record (lg_…), of its job, or of the request (req_…)
    id: String,
    #[command(flatten)]
    source: Source,
    /// Print JSON, one object a line, instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Source {
    /// The ledger's file, instead of the configuration's
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Records that are listed where nobody says how many.
const LIMIT: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

pub(super) fn ledger(process: &Process, args: &Args) -> Result<ExitCode, Failed> {
    let output = printed(args, || Ok(process.config()?.ledger))?;
    terminal::write(&output)?;
    Ok(ExitCode::SUCCESS)
}

fn printed(args: &Args, settings: impl FnOnce() -> Result<Settings, Failed>) -> Result<Vec<u8>, Failed> {
    match &args.command {
        None => list(&args.list, settings),
        // Not clap's to refuse: it takes --config for one of them.
        Some(_) if !args.list.is_plain() => Err(Failed::Other(
            "options of the ledger stand behind its command, as in `reelgate ledger list --state unknown`"
                .to_owned(),
        )),
        Some(Command::List(args)) => list(args, settings),
        Some(Command::Show(args)) => show(args, settings),
        Some(Command::Assign(args)) => assign::assign(args, settings),
    }
}

fn list(args: &List, settings: impl FnOnce() -> Result<Settings, Failed>) -> Result<Vec<u8>, Failed> {
    let place = args.source.place(settings)?;
    let filter = args.filter();
    let records = place.open()?.list(&filter).map_err(|error| place.unreadable(&error))?;
    Ok(match args.format {
        Format::Table if records.is_empty() => nothing(&place, &filter).into_bytes(),
        Format::Table => table::text(&records, filter.limit).into_bytes(),
        Format::Json => export::json_lines(&records).into_bytes(),
        Format::Csv => export::csv(&records).map_err(|error| Failed::Other(error.to_string()))?,
    })
}

fn show(args: &Show, settings: impl FnOnce() -> Result<Settings, Failed>) -> Result<Vec<u8>, Failed> {
    let place = args.source.place(settings)?;
    let mut archive = place.open()?;
    let records = archive.find(&args.id).map_err(|error| place.unreadable(&error))?;
    if records.is_empty() {
        let what = format!("no call has the id {} (list them with `reelgate ledger`)", plain(&args.id));
        return Err(Failed::Other(what));
    }
    let mut texts = Vec::new();
    for record in &records {
        let answer = archive.answer(&record.id).map_err(|error| place.unreadable(&error))?;
        texts.push(match args.json {
            true => format!("{}\n", show::json(record, answer.as_ref())),
            false => show::text(record, answer.as_ref()),
        });
    }
    Ok(texts.join(if args.json { "" } else { "\n" }).into_bytes())
}

/// What holds the records.
enum Place {
    File(PathBuf),
    Redis(redis::Settings),
}

impl Source {
    fn place(&self, settings: impl FnOnce() -> Result<Settings, Failed>) -> Result<Place, Failed> {
        if let Some(path) = &self.file {
            return Ok(Place::File(path.clone()));
        }
        let settings = settings()?;
        match (settings.store, settings.redis) {
            (StoreKind::Redis, Some(redis)) => Ok(Place::Redis(redis)),
            (StoreKind::Sqlite | StoreKind::Redis, _) => Ok(Place::File(settings.path)),
            (StoreKind::Memory, _) => Err(Failed::Other(
                "this configuration keeps its ledger in memory, where nobody else can read it \
                 (set ledger.store = \"sqlite\", or name a file with --file)"
                    .to_owned(),
            )),
        }
    }
}

impl Place {
    fn open(&self) -> Result<Box<dyn Archive>, Failed> {
        match self {
            Self::File(path) if !path.exists() => Err(Failed::Other(format!(
                "there is no ledger in {} (name the gateway's configuration with --config, or the file with --file)",
                path.display()
            ))),
            Self::File(path) => match FileArchive::open(path) {
                Ok(archive) => Ok(Box::new(archive)),
                Err(error) => Err(self.unreadable(&error)),
            },
            Self::Redis(settings) => match RedisArchive::open(settings) {
                Ok(archive) => Ok(Box::new(archive)),
                Err(error) => Err(self.unreadable(&error)),
            },
        }
    }

    fn unreadable(&self, error: &Unreadable) -> Failed {
        Failed::Other(format!("{self} cannot be read: {error}"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Redis(settings) => write!(f, "Redis at {}", settings.place()),
        }
    }
}

impl List {
    /// Whether nothing was asked for.
    fn is_plain(&self) -> bool {
        let all = Filter { limit: LIMIT, ..Filter::default() };
        self.source.file.is_none() && self.format == Format::Table && self.filter() == all
    }

    fn filter(&self) -> Filter {
        Filter {
            state: self.state,
            client: self.client.clone(),
            model: self.model.clone(),
            upstream: self.upstream.clone(),
            since: self.since,
            until: self.until,
            job: self.job.clone(),
            key: self.key.clone(),
            limit: if self.limit == 0 { u32::MAX } else { self.limit },
        }
    }
}

/// What to do about an empty list.
fn nothing(place: &Place, filter: &Filter) -> String {
    let all = Filter { limit: filter.limit, ..Filter::default() };
    let hint = if *filter == all {
        "A call is written down as soon as a create, remix, edit or extension goes to an upstream."
    } else {
        "Leave out a filter, or look further back with --since."
    };
    format!("No calls in {place}. {hint}\n")
}

fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| {
        let words: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        format!("use one of {}", words.join(", "))
    })
}

/// So long ago, or a date.
fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(span) = humantime::parse_duration(text) {
        return Ok(Timestamp::from(SystemTime::now()).before(span));
    }
    let date = if text.len() == "2026-01-31".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    humantime::parse_rfc3339_weak(&date)
        .map(Timestamp::from)
        .map_err(|_| "use a time such as 2h, 7days, 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
}

/// What went wrong with a call, in a word.
fn fault(record: &Record) -> String {
    let status = || record.outcome.status.filter(|status| *status >= 400).map(|status| status.to_string());
    record.outcome.fault.code.clone().or_else(status).unwrap_or_default()
}
