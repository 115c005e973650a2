//! Characters that look like others, or like nothing.
//!
//! | character | refused |
//! |---|---|
//! | byte order mark | at the start of the file |
//! | typographic quotes, spaces that are none | outside of texts and comments |
//! | zero-width characters | outside of comments; joiners may be in texts |
//! | marks of writing direction | everywhere: they show a text in another order than it has |

use std::ops::Range;

use crate::ground::{Diagnostic, Problems, SourceFile};

use super::lexemes::{Kind, Lexeme};

/// Problems beyond this many of a file are of the same making.
const MOST_SHOWN: usize = 5;

/// What is said of a character, and what to do about it.
type Said = (&'static str, &'static str);

/// The misleading characters of a file.
pub(super) fn find(file: &SourceFile, lexemes: &[Lexeme]) -> Problems {
    let mut problems = Problems::default();
    if file.text.starts_with('\u{feff}') {
        let place = 0..'\u{feff}'.len_utf8();
        let problem = Diagnostic::at(file, place, "the file begins with a byte order mark");
        problems.push(problem.help("save it as UTF-8 without a byte order mark (BOM)"));
        return problems;
    }
    let mut covered = 0;
    for lexeme in lexemes {
        check(file, covered..lexeme.place.start, None, &mut problems);
        check(file, lexeme.place.clone(), Some(lexeme.kind), &mut problems);
        covered = lexeme.place.end;
    }
    check(file, covered..file.text.len(), None, &mut problems);
    problems.0.truncate(MOST_SHOWN);
    problems
}

fn check(file: &SourceFile, place: Range<usize>, kind: Option<Kind>, problems: &mut Problems) {
    let start = place.start;
    for (offset, character) in file.text[place].char_indices() {
        let Some((what, help)) = said_of(character, kind) else {
            continue;
        };
        let start = start + offset;
        let message = format!("{what} (U+{:04X})", u32::from(character));
        let place = start..start + character.len_utf8();
        problems.push(Diagnostic::at(file, place, message).help(help));
    }
}

fn said_of(character: char, kind: Option<Kind>) -> Option<Said> {
    let in_comment = kind == Some(Kind::Comment);
    let in_text = in_comment || kind == Some(Kind::Quoted);
    match character {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some((
                "an invisible mark that changes the direction of writing",
                "delete it: what is shown is not what is run",
            ))
        }
        '\u{200c}' | '\u{200d}' if in_text => None,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            if !in_comment =>
        {
            Some(("an invisible character", "delete it, or retype the line"))
        }
        _ if in_text => None,
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' => Some((
            "a typographic quote",
            "write texts in straight single quotes: 'text'",
        )),
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => Some((
            "a typographic quote",
            "write texts in 'single' quotes and names in \"double\" quotes, both straight",
        )),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Some(("a space that is none in SQL", "type an ordinary space"))
        }
        _ => None,
    }
}
