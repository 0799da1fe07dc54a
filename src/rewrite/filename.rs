//! How the name of a file is written into the head of a part.

use std::borrow::Cow;

/// As browsers write it (WHATWG, "multipart/form-data encoding"): UTF-8, with quotes and line breaks as `%22`, `%0D` and
/// `%0A`. Beyond that a backslash is written as `%5C`, since it is an escape to some parsers and a character to others,
/// and so is a semicolon behind which a parser that splits before it looks for quotes would find a `name`.
pub(super) fn written(filename: &str) -> Cow<'_, str> {
    if !filename.contains(['"', '\r', '\n', '\\', ';']) {
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
            c => written.push(c),
        }
    }
    Cow::Owned(written)
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
            ("", ""),
            ("my 猫.png", "my 猫.png"),
            ("a;b=c.png", "a;b=c.png"),
            ("prompt; v=2; seed=7.png", "prompt; v=2; seed=7.png"),
            ("a\"b\\", "a%22b%5C"),
            ("a\r\nb", "a%0D%0Ab"),
            ("a; Name=\"size\"", "a%3B Name=%22size%22"),
            ("a;filename=b", "a%3Bfilename=b"),
        ] {
            assert_eq!(written(name), expected, "{name:?}");
        }
    }
}
