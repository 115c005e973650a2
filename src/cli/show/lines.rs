//! Texts over several lines, measured in the columns that terminals give them.

use crate::cli::table::width;

/// The columns that every terminal has. Tables that can be made narrower are, to fit.
pub(super) const TERMINAL_WIDTH: usize = 80;

/// Text in lines of at most so many columns of the terminal, broken between words, or within one
/// that is too wide for a line, as a sentence of ideographs is.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let words = text.split_whitespace();
    filled(words.flat_map(|word| pieces(word, columns)), " ", columns)
}

/// The words in lines of at most so many columns.
pub(super) fn filled(
    words: impl Iterator<Item = impl AsRef<str>>,
    between: &str,
    columns: usize,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let word = word.as_ref();
        match lines.last_mut() {
            Some(line) if width(line) + width(between) + width(word) <= columns => {
                line.push_str(between);
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A word in as few pieces of at most so many columns as it takes.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for character in word.chars() {
        match pieces.last_mut() {
            Some(piece) if width(&format!("{piece}{character}")) <= columns => {
                piece.push(character);
            }
            _ => pieces.push(character.to_string()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes were counted once: three for an ideograph that is two columns wide.
    #[test]
    fn lines_are_measured_in_columns() {
        assert_eq!(wrapped("投诉 上升 明显", 9), ["投诉 上升", "明显"]);
        assert_eq!(wrapped("请先找出原因。", 7), ["请先找", "出原因", "。"]);
        assert_eq!(wrapped("Ŝanĝo de ĉiuj", 8), ["Ŝanĝo de", "ĉiuj"]);
    }
}
