//! Texts of the data as they may be written to a terminal, a log and a result: nothing moves a
//! cursor or turns the direction, nothing is long, and no e-mail address is whole.

/// How many characters of a name are shown.
const NAME_LENGTH: usize = 60;

/// A name that the data gives, such as an event type: escaped, and cut after 60 characters.
/// Spaces at its ends are made visible, and of an e-mail address one letter and the domain stay.
pub fn shown(name: &str) -> String {
    let hidden = without_mailboxes(name);
    let cut: String = hidden.chars().take(NAME_LENGTH).collect();
    let mut shown = escaped(&cut);
    if cut.len() < hidden.len() {
        shown.push('…');
    }
    match name.trim() == name && !name.is_empty() {
        true => shown,
        false => format!("'{shown}'"),
    }
}

/// How many characters of a value are shown.
const VALUE_LENGTH: usize = 20;

/// What writers put in the place of a value that is missing, and other words that are nobody's.
const STAND_INS: [&str; 10] = [
    "", "nan", "null", "none", "n/a", "inf", "-inf", "infinity", "true", "false",
];

/// What a value that cannot be read looks like, in quotes, for whoever has to find it: `9` for each
/// digit and `a` for each letter, so that nobody's name or number is seen: `'99.99 aaa'`.
pub fn shown_as_pattern(value: &str) -> String {
    if STAND_INS.contains(&value.trim().to_ascii_lowercase().as_str()) {
        return format!("'{}'", escaped(value));
    }
    let mut characters = value.chars();
    let beginning: String = characters
        .by_ref()
        .take(VALUE_LENGTH)
        .map(kind_of)
        .collect();
    let more = if characters.next().is_some() {
        "…"
    } else {
        ""
    };
    format!("'{}{more}'", escaped(&beginning))
}

fn kind_of(character: char) -> char {
    match character {
        _ if character.is_numeric() => '9',
        _ if character.is_uppercase() => 'A',
        _ if character.is_alphabetic() => 'a',
        _ => character,
    }
}

/// The text with every character that does not show as itself written as `\u{..}`.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match is_plain(character) {
            true => shown.push(character),
            false => shown.extend(character.escape_unicode()),
        }
    }
    shown
}

/// As [`escaped`], of a text of several lines.
pub fn escaped_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(escaped).collect();
    lines.join("\n")
}

/// The text with `a…@example.com` for each e-mail address.
fn without_mailboxes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let mailbox = before
            .rfind(|character| !is_of_mailbox(character))
            .map_or(before, |end| {
                before[end..].trim_start_matches(|c| !is_of_mailbox(c))
            });
        let has_domain = after[1..].starts_with(char::is_alphanumeric);
        match (has_domain, mailbox.chars().next()) {
            (true, Some(first)) => {
                shown.push_str(&before[..before.len() - mailbox.len()]);
                shown.push(first);
                shown.push('…');
            }
            _ => shown.push_str(before),
        }
        shown.push('@');
        rest = &after[1..];
    }
    shown.push_str(rest);
    shown
}

fn is_of_mailbox(character: char) -> bool {
    character.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(character)
}

/// The first character of a file that nobody can see and that would be taken for part of a value:
/// a mark of writing direction, a control character, or one without a width. A byte order mark at
/// the start and the joiners of emoji and of some scripts are none.
pub fn hidden_character(text: &str) -> Option<(usize, char)> {
    let mut characters = text.char_indices();
    characters.find(|(place, character)| {
        let is_usual = matches!(character, '\n' | '\r' | '\t' | '\u{200c}' | '\u{200d}');
        let is_mark = *place == 0 && *character == '\u{feff}';
        !is_usual && !is_mark && !is_plain(*character)
    })
}

/// Whether a character shows as itself wherever it is written: no control character, no line or
/// paragraph separator, and none without a width or with a direction of its own.
fn is_plain(character: char) -> bool {
    let is_format = matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !character.is_control() && !is_format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_move_the_cursor() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "'a\\u{1b}[2Jb\\u{a}'");
        assert_eq!(shown("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(shown("paid "), "'paid '");
        assert_eq!(shown(""), "''");
        assert_eq!(shown("复购"), "复购");
        assert_eq!(shown(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
        assert_eq!(escaped_lines("a\n\tb"), "a\n\\u{9}b");
    }

    #[test]
    fn of_a_value_its_pattern_is_shown() {
        let shown = |value| shown_as_pattern(value);
        assert_eq!(shown("Zoë Müller"), "'Aaa Aaaaaa'");
        assert_eq!(shown("+49 151 234"), "'+99 999 999'");
        assert_eq!(shown("\u{1b}[2J"), "'\\u{1b}[9A'");
        assert_eq!(shown("2026-03-04 25:00"), "'9999-99-99 99:99'");
        assert_eq!(shown("12,50 Euro und mehr noch"), "'99,99 Aaaa aaa aaaa …'");
        assert_eq!(shown("王小明"), "'aaa'");
        assert_eq!(shown("alice@example.com"), "'aaaaa@aaaaaaa.aaa'");
        assert_eq!(
            [shown(""), shown("NaN"), shown(" N/A")],
            ["''", "'NaN'", "' N/A'"]
        );
    }

    #[test]
    fn characters_that_nobody_sees_are_found() {
        assert_eq!(hidden_character("\u{feff}a,b\r\n\t复购 👩\u{200d}💻"), None);
        assert_eq!(hidden_character("ab\u{202e}c"), Some((2, '\u{202e}')));
        assert_eq!(hidden_character("a\u{200b}"), Some((1, '\u{200b}')));
        assert_eq!(hidden_character("a\u{feff}"), Some((1, '\u{feff}')));
    }

    #[test]
    fn of_an_email_address_a_letter_and_the_domain_stay() {
        assert_eq!(shown("alice@example.com"), "a…@example.com");
        assert_eq!(
            shown("opened by <alice.b+x@example.com>, bob@b.org"),
            "opened by <a…@example.com>, b…@b.org"
        );
        assert_eq!(shown("5 @ 3"), "5 @ 3");
        assert_eq!(shown("@handle"), "@handle");
        assert_eq!(shown("é@münchen.de"), "é…@münchen.de");
    }
}
