//! A model's SQL in one spelling: what fingerprints and the addresses of tiles are made of.
//!
//! | part of the file | in the canonical text |
//! |---|---|
//! | a word without quotes | in lower case, as the engine reads it |
//! | the key of a struct, `{Key: 1}` | as written, as the engine keeps it |
//! | texts, quoted names, numbers, symbols, `$parameters` | as written |
//! | white space, comments, a semicolon at the end | left out; one space stands between two tokens |
//!
//! The parser's tokenizer decides where a token ends, and what is written is cut from the file, so
//! the text reads as the same statement, and does not depend on how a version of the parser prints.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// The tokens of a statement in their order, each in one spelling. A text that has no tokens is
/// one by itself: no model has such a text.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let found = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location();
    let Ok(found) = found else {
        return vec![text.to_owned()];
    };
    let mut places = Places::new(text);
    let found = found.into_iter().filter(|found| {
        let is_nothing = matches!(found.token, Token::Whitespace(_) | Token::EOF);
        !is_nothing
    });
    let found: Vec<TokenWithSpan> = found.collect();
    let next = found.iter().skip(1).map(Some).chain([None]);
    let spelled = found.iter().zip(next).map(|(found, next)| {
        let is_key = next.is_some_and(|next| next.token == Token::Colon);
        places.spelling_of(found, is_key)
    });
    let mut tokens: Vec<String> = spelled.collect();
    while tokens.last().is_some_and(|token| token == ";") {
        tokens.pop();
    }
    tokens
}

/// The places of a text, asked for from its beginning to its end.
struct Places<'a> {
    text: &'a str,
    /// The place reached: its byte, and its line and column counted from 1.
    byte: usize,
    line: u64,
    column: u64,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            byte: 0,
            line: 1,
            column: 1,
        }
    }

    fn spelling_of(&mut self, found: &TokenWithSpan, is_key: bool) -> String {
        let start = self.advance_to(found.span.start);
        let end = self.advance_to(found.span.end);
        let written = &self.text[Range { start, end }];
        match &found.token {
            Token::Word(word) if word.quote_style.is_none() && !is_key => {
                written.to_ascii_lowercase()
            }
            _ => written.to_owned(),
        }
    }

    /// The byte at a line and column that is not before the place reached.
    fn advance_to(&mut self, to: Location) -> usize {
        let mut rest = self.text[self.byte..].chars();
        while (self.line, self.column) < (to.line, to.column) {
            let Some(character) = rest.next() else {
                break;
            };
            self.byte += character.len_utf8();
            match character {
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                _ => self.column += 1,
            }
        }
        self.byte
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::models::SqlPack;

    #[test]
    fn spelling_does_not_count_and_texts_do() {
        let text = "-- what they spent\nSELECT  Users.user_id, 'A  b' AS \"Tier\",\n\t1.50 AS é /* one */\nFROM features.users AS Users WHERE a>=$Least;\n";
        let expected = "select users . user_id , 'A  b' as \"Tier\" , 1.50 as é from features . users as users where a >= $Least";
        assert_eq!(tokens(text).join(" "), expected);
        assert_eq!(tokens(expected).join(" "), expected);
        assert_eq!(
            tokens("SELECT 'it''s' || e'a\\'  B'").join(" "),
            "select 'it''s' || e'a\\'  B'"
        );
        assert_ne!(tokens("SELECT 'a' 'b'"), tokens("SELECT 'a'' b'"));
        assert_ne!(tokens("SELECT {A: 1, a: 2}"), tokens("SELECT {a: 1, A: 2}"));
        assert_eq!(tokens("SELECT 'never closed"), ["SELECT 'never closed"]);
    }

    #[test]
    fn the_canonical_text_is_the_same_statement() {
        let parsed = |text: &str| {
            let statements = Parser::parse_sql(&GenericDialect {}, text).unwrap();
            statements[0].to_string().to_lowercase()
        };
        let pack = SqlPack::load(None).unwrap();
        for (name, file) in &pack.models {
            let canonical = tokens(&file.text).join(" ");
            assert_eq!(parsed(&canonical), parsed(&file.text), "{name}");
        }
    }
}
