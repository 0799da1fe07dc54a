//! Characters that are only what they look like. What strangers wrote shows no others, on a terminal or in a log.

/// Whether a character moves no cursor, ends no line, changes neither colours nor the direction of what follows, and
/// can be seen.
#[must_use]
pub(crate) const fn is_plain(char: char) -> bool {
    !matches!(
        char,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The text, with all other characters spelled out.
#[must_use]
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        if is_plain(char) { plain.push(char) } else { plain.extend(char.escape_default()) }
    }
    plain
}
