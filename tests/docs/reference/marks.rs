//! Plain texts as Markdown.

/// What the reader says of values that many keys take, and what the page says in short: its section "How values are
/// written" has the rest.
const SHORT: &[(&str, &str)] = &[
    ("a time above zero with its unit, such as \"500ms\", \"10s\" or \"2m\"", "time, not 0"),
    ("a time with its unit, such as \"0s\", \"500ms\" or \"10s\"", "time"),
    (
        "a time with its unit, such as \"500ms\", \"10s\" or \"2m\", or \"0s\" for not at all",
        "time, or \"0s\": never",
    ),
    ("a number of bytes above zero, such as 65536 or \"32MiB\"", "size"),
    ("a list of texts, such as [\"a\", \"b\"]", "list of texts"),
    ("a text in quotes", "text"),
    ("a table, such as [name] or { key = \"value\" }", "table"),
    ("an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"", "address"),
];

/// What the reader says is right, in short.
pub(super) fn values(right: &str) -> String {
    let right = right.strip_prefix("use ").unwrap_or(right);
    let short = SHORT.iter().find(|(long, _)| *long == right).map_or(right, |(_, short)| short);
    let short = short.strip_prefix("one of ").unwrap_or(short).replace(" to 4294967295", " upwards");
    coded(&short)
}

/// Quoted values are code.
fn coded(text: &str) -> String {
    let parts: Vec<&str> = text.split('"').collect();
    if parts.len().is_multiple_of(2) || text.contains(['[', '{']) {
        return text.to_owned();
    }
    let marked = parts
        .iter()
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { format!("`\"{part}\"`") } else { (*part).to_owned() });
    marked.collect()
}

/// A comment. What Markdown would take for a sign of its own is marked as code, unless it is marked already.
pub(super) fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let shown = parts.map(|(at, part)| if at % 2 == 1 { format!("`{part}`") } else { plain(part) });
    shown.collect()
}

fn plain(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let core = core(word);
        let is_sign = core.contains('_') || core.starts_with("--") || core.starts_with('[');
        let marked = is_sign && !word.contains('"');
        if marked { word.replacen(core, &format!("`{core}`"), 1) } else { word.replace('*', "\\*") }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A word without the punctuation around it.
fn core(word: &str) -> &str {
    let is_outside = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '[' | ']'));
    word.trim_matches(is_outside)
}

/// Titles begin with a capital letter.
pub(super) fn title(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A value in TOML.
pub(super) fn code(value: &str) -> String {
    format!("`{}`", cell(value))
}

/// Bars are where a table's cells end.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
