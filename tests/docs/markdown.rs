//! As much of Markdown as the project's pages use.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::project;

/// One Markdown file.
pub(crate) struct Page {
    /// From the project's folder, such as `docs/operations.md`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A fenced block of code.
pub(crate) struct Block {
    /// What stands behind the fence, such as `toml`.
    pub(crate) language: String,
    pub(crate) text: String,
    /// Line of its fence, from 1.
    pub(crate) line: usize,
}

/// A table's row.
pub(crate) struct Row {
    /// The heading it stands below.
    pub(crate) heading: String,
    pub(crate) cells: Vec<String>,
    /// From 1.
    pub(crate) line: usize,
}

/// Every page for people: those at the top of the project, and all in `docs/`.
pub(crate) fn pages() -> Vec<Page> {
    let mut paths = markdown_files(&project());
    let docs = markdown_files(&project().join("docs"));
    assert!(docs.len() >= 5, "pages are missing in docs/: {docs:?}");
    paths.extend(docs);
    paths.iter().map(|path| Page::read(path)).collect()
}

/// The page at this path.
pub(crate) fn page(path: &str) -> Page {
    Page::read(&project().join(path))
}

fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    files.sort();
    files
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(project()).expect("a file of the project");
        Self { path: path.to_string_lossy().into_owned(), text }
    }

    /// Every line with its number from 1, and whether it stands in a fenced block or is one's fence.
    fn lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let mut fenced = false;
        self.text.lines().enumerate().map(move |(index, line)| {
            let is_fence = line.trim_start().starts_with("```");
            let inside = fenced || is_fence;
            fenced ^= is_fence;
            (index + 1, line, inside)
        })
    }

    /// The lines that are no code, with their numbers.
    pub(crate) fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, _, fenced)| !fenced).map(|(number, line, _)| (number, line))
    }

    /// The fenced blocks.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open = false;
        for (line, text, _) in self.lines().filter(|(_, _, fenced)| *fenced) {
            match text.trim_start().strip_prefix("```") {
                Some(_) if open => open = false,
                Some(language) => {
                    open = true;
                    let language = language.trim().to_owned();
                    blocks.push(Block { language, text: String::new(), line });
                }
                None => {
                    let block = blocks.last_mut().expect("a fence before it");
                    block.text += text;
                    block.text.push('\n');
                }
            }
        }
        blocks
    }

    /// The headings, without their signs.
    pub(crate) fn headings(&self) -> Vec<&str> {
        self.prose().filter_map(|(_, line)| heading(line)).collect()
    }

    /// What a link may name behind `#`, as GitHub makes it from headings.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for heading in self.headings() {
            let anchor = slug(heading);
            let numbered = (1..).map(|number| format!("{anchor}-{number}"));
            let free = std::iter::once(anchor.clone()).chain(numbered).find(|name| !anchors.contains(name));
            anchors.extend(free);
        }
        anchors
    }

    /// Targets of links, with the number of their line.
    pub(crate) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            let plain = without_code(line);
            let targets = plain.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            links.extend(targets.map(|target| (number, target.to_owned())));
        }
        links
    }

    /// Pieces of code between backticks, with the number of their line.
    pub(crate) fn code_spans(&self) -> Vec<(usize, String)> {
        self.prose()
            .flat_map(|(number, line)| spans(line).into_iter().map(move |span| (number, span)))
            .collect()
    }

    /// The rows of all tables, without their heads.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut above = String::new();
        let lines: Vec<(usize, &str)> = self.prose().collect();
        for (index, (number, line)) in lines.iter().enumerate() {
            above = heading(line).map_or(above, str::to_owned);
            let is_rule = |line: &str| line.starts_with("|--");
            let is_head = lines.get(index + 1).is_some_and(|(_, next)| is_rule(next));
            if line.starts_with('|') && !is_rule(line) && !is_head {
                rows.push(Row { heading: above.clone(), cells: cells(line), line: *number });
            }
        }
        rows
    }
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len()).then_some(text)?.strip_prefix(' ')
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Splits a row at its bars; `\|` is none.
fn cells(line: &str) -> Vec<String> {
    let hidden = line.trim().trim_matches('|').replace("\\|", "\u{1}");
    hidden.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// The pieces of code in a line: what stands between runs of backticks of the same length.
pub(crate) fn spans(line: &str) -> Vec<String> {
    taken_apart(line).1
}

fn without_code(line: &str) -> String {
    taken_apart(line).0
}

fn taken_apart(line: &str) -> (String, Vec<String>) {
    let (mut plain, mut spans) = (String::new(), Vec::new());
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let (before, from) = rest.split_at(start);
        plain += before;
        let behind = from.trim_start_matches('`');
        let fence = &from[..from.len() - behind.len()];
        let Some(end) = behind.find(fence) else { return (plain + from, spans) };
        spans.push(behind[..end].to_owned());
        rest = &behind[end + fence.len()..];
    }
    (plain + rest, spans)
}

#[test]
fn code_is_told_from_text() {
    let (plain, spans) = taken_apart("a `b` ``c `d` e`` f");
    assert_eq!((plain.as_str(), spans), ("a   f", vec!["b".to_owned(), "c `d` e".to_owned()]));
}

#[test]
fn anchors_are_those_that_github_makes() {
    let text = "# What's `[new]`?\n## Keys\n## Keys\n```\n# none\n```\n".to_owned();
    let anchors = Page { path: String::new(), text }.anchors();
    assert_eq!(anchors.iter().map(String::as_str).collect::<Vec<_>>(), ["keys", "keys-1", "whats-new"]);
}
