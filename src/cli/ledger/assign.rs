//! `reelgate ledger assign`: the records of one client become another's.

use super::{Failed, Place, Source};
use crate::config::ledger::Settings;
use crate::ledger::sqlite;
use crate::plain::plain;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The client whose records are given away: the name of a key, or sha256:…
    #[arg(long, value_name = "CLIENT")]
    from: String,
    /// The client that gets them: the name of a key
    #[arg(long, value_name = "CLIENT", value_parser = client)]
    to: String,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    source: Source,
}

/// Clients that are named where there is no such client.
const NAMED_MAX: usize = 20;

pub(super) fn assign(
    args: &Args,
    settings: impl FnOnce() -> Result<Settings, Failed>,
) -> Result<Vec<u8>, Failed> {
    let Args { from, to, dry_run, source } = args;
    let place = source.place(settings)?;
    let Place::File(path) = &place else {
        let what = "records in Redis cannot be assigned (keep the old name with `formerly` of the key in place of it)";
        return Err(Failed::Other(what.to_owned()));
    };
    // Makes none, and says what is wrong with one that is there.
    drop(place.open()?);
    if from == to {
        return Err(Failed::Other(format!("the records are {}'s already (name two clients)", plain(from))));
    }
    let assigned = sqlite::assign(path, (from, to), *dry_run).map_err(|error| place.unreadable(&error))?;
    if assigned.calls == 0 {
        let clients = sqlite::clients(path).map_err(|error| place.unreadable(&error))?;
        let named: Vec<_> = clients.iter().take(NAMED_MAX).map(|client| plain(client)).collect();
        return Err(Failed::Other(format!(
            "{place} has no calls of {} (it has calls of: {}{})",
            plain(from),
            named.join(", "),
            if clients.len() > NAMED_MAX { ", …" } else { "" }
        )));
    }
    let sqlite::Assigned { calls, jobs } = assigned;
    let (from, to) = (plain(from), plain(to));
    Ok(if *dry_run {
        format!("{calls} calls of {from} would become {to}'s; {jobs} of them made videos or characters that may be there.\n")
    } else {
        format!(
            "{calls} calls of {from} are {to}'s now; {jobs} of them made videos or characters that may be there.\n\
             Gateways that are running may still let {from} reach those that were polled of late: restart them if they \
             must not.\n"
        )
    }
    .into_bytes())
}

fn client(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("use the name of a key");
    }
    Ok(text.to_owned())
}
