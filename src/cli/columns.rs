//! Text in columns, for people at a terminal.

use crate::plain::plain;

/// Longest text of a cell whose length somebody else decides about, in characters.
const WIDTH_MAX: usize = 48;

/// A table: a line of titles, and one for each row.
pub(super) fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = titles.map(|title| title.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&titles.map(str::to_owned), &widths);
    for row in rows {
        text += &line(row, &widths);
    }
    text
}

fn line<const N: usize>(cells: &[String; N], widths: &[usize; N]) -> String {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

/// A text that breaks no table and writes nothing but itself.
pub(super) fn short(text: &str) -> String {
    let text = plain(text);
    match text.char_indices().nth(WIDTH_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_widest_cell() {
        let rows = [["a".to_owned(), "één".to_owned()], ["long".to_owned(), String::new()]];
        assert_eq!(table(["X", "Y"], &rows), "X     Y\na     één\nlong\n");
    }

    #[test]
    fn a_long_text_is_cut_and_what_moves_cursors_is_spelled_out() {
        assert_eq!(short(&"é".repeat(60)), format!("{}…", "é".repeat(WIDTH_MAX)));
        assert_eq!(short("a\x1b[2J"), "a\\u{1b}[2J");
    }
}
