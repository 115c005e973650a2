//! The words and symbols of a SQL file, apart from its texts and comments, before anything is
//! parsed.

use std::ops::Range;

/// What a piece of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, `_` and `$`.
    Word,
    /// One character, or several that make an operator.
    Symbol,
    /// In quotes of any kind.
    Quoted,
    /// `-- ..` or `/* .. */`.
    Comment,
}

/// A piece of a file.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub(super) kind: Kind,
    pub(super) place: Range<usize>,
}

/// The pieces of a text in their order, spaces left out. Quotes and comments that are not closed
/// go to the end.
pub(super) fn lexemes(text: &str) -> Vec<Lexeme> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let (kind, length) = if rest.starts_with("--") {
            (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (Some(Kind::Comment), block_comment(rest))
        } else if matches!(first, '\'' | '"' | '`') {
            let closing = rest[1..].find(first).map_or(rest.len(), |end| end + 2);
            (Some(Kind::Quoted), closing)
        } else if first.is_whitespace() {
            (None, first.len_utf8())
        } else if is_of_word(first) {
            let end = rest.find(|character| !is_of_word(character));
            (Some(Kind::Word), end.unwrap_or(rest.len()))
        } else if is_of_operator(first) {
            let end = rest.find(|character| !is_of_operator(character));
            (Some(Kind::Symbol), end.unwrap_or(rest.len()))
        } else {
            (Some(Kind::Symbol), first.len_utf8())
        };
        let place = start..start + length;
        start = place.end;
        found.extend(kind.map(|kind| Lexeme { kind, place }));
    }
    found
}

/// The length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// `-` is left out: a run of two begins a comment.
pub(super) fn is_of_operator(character: char) -> bool {
    matches!(
        character,
        '+' | '*' | '%' | '|' | '&' | '<' | '>' | '=' | '!' | ':' | '^' | '~'
    )
}
