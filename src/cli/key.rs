//! `reelgate key`: makes keys for clients, and hashes those there are. A key goes to standard output once, and nowhere
//! else: not into the configuration, not into a log, and not through the arguments, which others can read.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use serde_json::json;
use toml::{Table, Value};

use super::{Failed, terminal};
use crate::config::auth::{KeyHash, check_key};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key: prints it once, with what the configuration needs to know it
    New(New),
    /// Print the SHA-256 of a key read from standard input
    Hash,
}

#[derive(Debug, clap::Args)]
struct New {
    /// What the key is called in configuration, log and metrics
    #[arg(long, default_value = "client", value_parser = name)]
    name: String,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// So that keys are known for what they are, in code and wherever else they should not stand.
const PREFIX: &str = "rg-";
/// Random bytes of a key.
const BYTES: usize = 32;
/// Longest input that is taken for a key, in bytes.
const INPUT_MAX: u64 = 4096;

pub(super) fn key(args: &Args) -> Result<ExitCode, Failed> {
    let text = match &args.command {
        Command::New(args) => made(&random()?, args, io::stdout().is_terminal())?,
        Command::Hash => {
            if io::stdin().is_terminal() {
                terminal::note("Type or paste the key, then Enter and Ctrl-D:");
            }
            hashed(io::stdin().lock())?
        }
    };
    terminal::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A name that can stand in a log line.
fn name(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.chars().all(|c| !c.is_control());
    if plain { Ok(text.to_owned()) } else { Err("use a name such as team-a".to_owned()) }
}

/// A new key, of random bytes of the operating system's.
fn random() -> Result<String, Failed> {
    let mut bytes = [0; BYTES];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| Failed::Other("the system gives no random numbers".to_owned()))?;
    Ok(bytes.iter().fold(PREFIX.to_owned(), |key, byte| key + &format!("{byte:02x}")))
}

/// What is printed of a new key; with an `explanation` for people.
fn made(key: &str, args: &New, explanation: bool) -> Result<String, Failed> {
    let (hash, table) = (KeyHash::of(key).to_string(), table(&args.name, &KeyHash::of(key))?);
    if args.json {
        let object = json!({ "name": args.name, "key": key, "sha256": hash, "toml": table });
        return Ok(format!("{object:#}\n"));
    }
    if !explanation {
        return Ok(format!("{key}\n\n{table}"));
    }
    Ok(format!(
        "The key, for the client. It is shown this once, and kept nowhere:\n\n  {key}\n\n\
         For the configuration of the gateway, which only knows the hash, beside [auth] with mode = \"keys\":\n\n{table}"
    ))
}

/// The table that makes a key known.
fn table(name: &str, hash: &KeyHash) -> Result<String, Failed> {
    let within = |name: &str, value: Value| Value::Table(Table::from_iter([(name.to_owned(), value)]));
    let key = within("sha256", Value::String(hash.to_string()));
    let document = within("auth", within("keys", within(name, key)));
    toml::to_string(&document).map_err(|error| Failed::Other(error.to_string()))
}

fn hashed(input: impl Read) -> Result<String, Failed> {
    let mut text = String::new();
    input.take(INPUT_MAX).read_to_string(&mut text)?;
    // Whatever ends a line is no part of a key.
    let key = text.trim_end_matches(['\r', '\n']);
    check_key(key).map_err(|wrong| Failed::Other(format!("the key {wrong}")))?;
    Ok(format!("{}\n", KeyHash::of(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, json: bool) -> New {
        New { name: name.to_owned(), json }
    }

    #[test]
    fn every_key_is_new_and_of_32_random_bytes() {
        let (one, other) = (random().expect("a key"), random().expect("a key"));
        assert_ne!(one, other);
        assert_eq!((one.len(), one.starts_with(PREFIX)), (67, true), "{one}");
        assert_eq!(check_key(&one), Ok(()));
    }

    #[test]
    fn what_is_printed_can_be_pasted() {
        let key = random().expect("a key");
        for (name, header) in [("team-a", "[auth.keys.team-a]"), ("team a.b", "[auth.keys.\"team a.b\"]")] {
            let plain = made(&key, &new(name, false), false).expect("text");
            let (first, table) = plain.split_once("\n\n").expect("a key and a table");
            assert_eq!(first, key);
            assert_eq!(table, format!("{header}\nsha256 = \"{}\"\n", KeyHash::of(&key)));
            let explained = made(&key, &new(name, false), true).expect("text");
            assert!(explained.ends_with(table) && explained.matches(&key).count() == 1, "{explained}");
        }
        let text = made(&key, &new("team-a", true), true).expect("text");
        let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(object["key"], key.as_str());
        assert_eq!(object["sha256"], KeyHash::of(&key).to_string());
        let table: Table = toml::from_str(object["toml"].as_str().expect("a text")).expect("TOML");
        assert_eq!(table["auth"]["keys"]["team-a"]["sha256"].as_str(), object["sha256"].as_str());
    }

    #[test]
    fn a_key_is_hashed_as_the_gateway_hashes_it() {
        let key = "rg-0123456789abcdef";
        for input in [key.to_owned(), format!("{key}\n"), format!("{key}\r\n")] {
            assert_eq!(hashed(input.as_bytes()).expect("a hash"), format!("{}\n", KeyHash::of(key)));
        }
        for input in
            ["", "\n", "rg-short\n", "rg-0123456789 abcdef\n", "rg-0123456789abcdef\nrg-0123456789abcdef\n"]
        {
            let failed = hashed(input.as_bytes()).expect_err(input).to_string();
            assert!(failed.starts_with("the key ") && !failed.contains("0123"), "{failed}");
        }
    }
}
