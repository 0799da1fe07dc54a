//! Every command that a page tells people to type is one the binary has.

use std::collections::HashMap;
use std::process::Command;

use crate::markdown::{Page, pages};

#[test]
fn every_reelgate_command_names_a_command_and_options_that_there_are() {
    let mut helps = Helps::default();
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in pages().iter().filter(|page| page.path != "CHANGELOG.md") {
        for (line, command) in typed(page) {
            seen += 1;
            if let Err(why) = helps.check(&command) {
                wrong.push(format!("{}:{line}: reelgate {}: {why}", page.path, command.join(" ")));
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words behind `reelgate`, of each time it is told to be typed.
fn typed(page: &Page) -> Vec<(usize, Vec<String>)> {
    let mut commands = Vec::new();
    for block in page.blocks() {
        let is_console = block.language == "console";
        if !is_console && !matches!(block.language.as_str(), "sh" | "bash") {
            continue;
        }
        for (index, line) in block.text.lines().enumerate() {
            let typed = if is_console { line.strip_prefix("$ ") } else { Some(line) };
            let behind = typed.into_iter().flat_map(in_line);
            commands.extend(behind.map(|command| (block.line + 1 + index, command)));
        }
    }
    let spans = page.code_spans().into_iter().filter(|(_, span)| span.starts_with("reelgate "));
    commands.extend(
        spans.flat_map(|(line, span)| in_line(&span).into_iter().map(move |command| (line, command))),
    );
    commands
}

fn in_line(line: &str) -> Vec<Vec<String>> {
    let line = line.split(" #").next().unwrap_or(line);
    line.split(['|', ';', '&', '>', '<']).filter_map(in_part).collect()
}

/// What follows the program's name, where that is what is run: first in the line, or behind what runs it.
fn in_part(part: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = part.split_whitespace().filter(|word| *word != "\\").collect();
    let is_program = |word: &str| word == "reelgate" || word.ends_with("/reelgate");
    let runs = |before: &str| before.contains('=') || matches!(before, "--" | "sudo" | "reelgate");
    let mut places = words.iter().enumerate().filter(|(at, word)| {
        let from_source = **word == "--" && words.starts_with(&["cargo", "run"]);
        let first = *at == 0 || words.get(at - 1).is_some_and(|before| runs(before));
        from_source || (is_program(word) && first)
    });
    let (at, _) = places.next_back()?;
    let quoted = |word: &&str| word.trim_matches(['\'', '"']).to_owned();
    Some(words.get(at + 1..)?.iter().map(quoted).collect())
}

/// What the binary says about itself, asked once.
#[derive(Default)]
struct Helps(HashMap<Vec<String>, String>);

impl Helps {
    fn check(&mut self, words: &[String]) -> Result<(), String> {
        let mut path: Vec<String> = Vec::new();
        let mut words = words.iter().peekable();
        loop {
            let commands = commands_in(self.of(&path));
            match words.peek() {
                Some(word) if commands.contains(&word.as_str()) => path.extend(words.next().cloned()),
                Some(word) if !commands.is_empty() && is_name(word) => {
                    return Err(format!("there is no command {word}"));
                }
                _ => break,
            }
        }
        let help = self.of(&path);
        for option in words.filter(|word| word.starts_with("--")) {
            let name = option.split('=').next().unwrap_or(option);
            let known =
                help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == name);
            if !known {
                return Err(format!("there is no option {name}"));
            }
        }
        Ok(())
    }

    fn of(&mut self, path: &[String]) -> &str {
        self.0.entry(path.to_vec()).or_insert_with(|| {
            let binary = env!("CARGO_BIN_EXE_reelgate");
            let output = Command::new(binary).args(path).arg("--help").output().expect("the binary runs");
            assert!(output.status.success(), "{path:?} --help");
            String::from_utf8(output.stdout).expect("UTF-8")
        })
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
}

/// The commands that a help text lists.
fn commands_in(help: &str) -> Vec<&str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names =
        listed.take_while(|line| line.starts_with("  ")).filter_map(|line| line.split_whitespace().next());
    names.collect()
}

#[test]
fn a_command_is_found_where_it_is_run() {
    let found = |line: &str| in_line(line).concat().join(" ");
    assert_eq!(found("A=b reelgate check --config x | head"), "check --config x");
    assert_eq!(found("kubectl exec deploy/gateway -- reelgate ledger"), "ledger");
    assert_eq!(found("docker compose exec reelgate reelgate ledger # note"), "ledger");
    assert_eq!(found("cargo run --release -- demo"), "demo");
    assert_eq!(found("target/release/reelgate serve"), "serve");
    assert!(in_line("curl http://reelgate:8080/v1").is_empty());
    assert!(in_line("systemctl restart reelgate").is_empty());
}
