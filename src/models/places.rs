//! Where in a file the parser has found something, as bytes.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, Tokenizer};

use crate::ground::SourceFile;

/// The first word that is not a comment; nothing when there is none.
pub(super) fn head_of(file: &SourceFile) -> Range<usize> {
    let words = spans_of(file, |token| !matches!(token, Token::Whitespace(_)));
    words.first().map_or(0..0, |span| bytes_of(file, *span))
}

/// Where such tokens are, comments being white space.
pub(super) fn spans_of(file: &SourceFile, wanted: impl Fn(&Token) -> bool) -> Vec<Span> {
    let tokens = Tokenizer::new(&GenericDialect {}, &file.text).tokenize_with_location();
    let tokens = tokens.into_iter().flatten();
    let wanted = tokens.filter(|token| wanted(&token.token));
    wanted.map(|token| token.span).collect()
}

/// The bytes of a parser's span.
pub(super) fn bytes_of(file: &SourceFile, span: Span) -> Range<usize> {
    let start = file.byte_at(span.start.line, span.start.column);
    let end = file.byte_at(span.end.line, span.end.column);
    start..end.max(start)
}
