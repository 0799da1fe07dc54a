//! How the name of a file is written into the head of a part.

use std::borrow::Cow;

/// As browsers write it (WHATWG, "multipart/form-data encoding"): UTF-8, with quotes and line breaks as `%22`, `%0D` and
/// `%0A`. Beyond that a backslash is written as `%5C`, since it is an escape to some parsers and a character to others,
/// and so is a semicolon behind which a parser that splits before it looks for quotes would find a `name`. A file without
/// a name gets one, since half of all servers read a part with an empty file name as a text.
pub(super) fn written(filename: &str) -> Cow<'_, str> {
    if is_no_name(filename) {
        return Cow::Borrowed("file");
    }
    if !filename.contains(['"', '\r', '\n', '\\', ';', '&']) {
        return Cow::Borrowed(filename);
    }
    let mut written = String::with_capacity(filename.len() + 16);
    for (at, c) in filename.char_indices() {
        match c {
            '"' => written.push_str("%22"),
            '\r' => written.push_str("%0D"),
            '\n' => written.push_str("%0A"),
            '\\' => written.push_str("%5C"),
            ';' if looks_like_a_name(filename.get(at + 1..).unwrap_or_default()) => written.push_str("%3B"),
            '&' if is_entity(filename.get(at + 1..).unwrap_or_default()) => written.push_str("%26"),
            c => written.push(c),
        }
    }
    Cow::Owned(written)
}

/// Whether nothing is left of a name once folders are taken off and what cannot be seen. Django leaves out the part then.
fn is_no_name(filename: &str) -> bool {
    let last = filename.rsplit('/').next().unwrap_or_default();
    matches!(last, "" | "." | "..") || !last.chars().any(|c| c.is_alphanumeric() || c.is_ascii_graphic())
}

/// Whether the rest of a name may be an HTML entity, which Django decodes: `&sol;` is a slash.
fn is_entity(rest: &str) -> bool {
    let rest = rest.strip_suffix(';').unwrap_or(rest);
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#')
}

fn looks_like_a_name(rest: &str) -> bool {
    let rest = rest.trim_start();
    ["name", "filename"].iter().any(|name| {
        rest.split_at_checked(name.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn writes_what_no_parser_reads_in_two_ways() {
        for (name, expected) in [
            ("cat.png", "cat.png"),
            ("", "file"),
            ("my 猫.png", "my 猫.png"),
            ("a;b=c.png", "a;b=c.png"),
            ("prompt; v=2; seed=7.png", "prompt; v=2; seed=7.png"),
            ("a\"b\\", "a%22b%5C"),
            ("a\r\nb", "a%0D%0Ab"),
            ("a; Name=\"size\"", "a%3B Name=%22size%22"),
            ("a;filename=b", "a%3Bfilename=b"),
            ("..", "file"),
            ("a/", "file"),
            ("\u{200b}", "file"),
            ("../a.png", "../a.png"),
            ("a&sol;", "a%26sol;"),
            ("&#46", "%26#46"),
            ("R&D.png", "R&D.png"),
        ] {
            assert_eq!(written(name), expected, "{name:?}");
        }
    }
}
