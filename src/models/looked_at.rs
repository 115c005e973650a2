//! Where in a file an error is that names a word and no place.

use std::ops::Range;

use crate::ground::SourceFile;

use super::places::head_of;
use super::wording::LOOKUP;

/// The file that an error is in.
pub(super) struct LookedAt<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// The part of it that cannot be planned; none when that is not known.
    pub part: Option<Range<usize>>,
}

impl LookedAt<'_> {
    /// The text that the error may come from, and where it begins.
    fn text(&self) -> (&str, usize) {
        let whole = head_of(self.file).start..self.file.text.len();
        let part = self.part.clone().unwrap_or(whole);
        (&self.file.text[part.clone()], part.start)
    }

    /// Where the text begins: its first word, or its first line where it is a part.
    fn head(&self) -> Range<usize> {
        let (text, start) = self.text();
        match &self.part {
            Some(_) => start..start + text.lines().next().unwrap_or_default().len(),
            None => head_of(self.file),
        }
    }

    /// The first word in quotes of a message that is in the text, so that errors without a place
    /// still point near the cause.
    pub(super) fn place_of_quoted(&self, message: &str) -> Range<usize> {
        let quoted = message.split(['\'', '`', '"']).skip(1).step_by(2);
        let quoted: Vec<&str> = quoted.collect();
        let place_in = |text: &Self| {
            quoted.iter().find_map(|word| match *word {
                LOOKUP => text.find_lookup(),
                word => text.find_word(word),
            })
        };
        let in_part = place_in(self).or_else(|| place_in(&self.whole()));
        in_part.unwrap_or_else(|| self.head())
    }

    /// The same file, all of it.
    fn whole(&self) -> Self {
        Self {
            file: self.file,
            part: None,
        }
    }

    /// The first place of a word, in whatever case.
    pub(super) fn place_of_word(&self, word: &str) -> Range<usize> {
        self.find_word(word).unwrap_or_else(|| self.head())
    }

    /// A whole word, or else a part of one.
    fn find_word(&self, word: &str) -> Option<Range<usize>> {
        let (text, start) = self.text();
        let (text, wanted) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
        let found = text.match_indices(&wanted).filter(|_| !word.is_empty());
        let found: Vec<usize> = found.map(|(at, _)| at).collect();
        let goes_on = |c: char| c.is_alphanumeric() || c == '_';
        let is_whole = |at: &&usize| {
            !text[..**at].ends_with(goes_on) && !text[**at + wanted.len()..].starts_with(goes_on)
        };
        let at = found.iter().find(is_whole).or(found.first())?;
        Some(start + at..start + at + word.len())
    }

    /// Where a subquery that stands for a value begins: not one that is read or looked into.
    fn find_lookup(&self) -> Option<Range<usize>> {
        const NO_VALUES: [&str; 9] = [
            "from", "join", "in", "exists", "lateral", "as", "all", "any", "union",
        ];
        let (text, start) = self.text();
        let end = start + text.len();
        let file = self.file.text.to_ascii_lowercase();
        // The place of a subquery begins behind its parenthesis.
        let before = file[..start].trim_end();
        let start = match before.ends_with('(') {
            true => before.len() - 1,
            false => start,
        };
        let mut opened = file[start..end].match_indices('(').filter(|(at, _)| {
            let (before, behind) = (&file[..start + at], &file[start + at + 1..]);
            let is_select = behind.trim_start().starts_with("select");
            let before = before.trim_end();
            let word = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next();
            is_select && word.is_none_or(|word| !NO_VALUES.contains(&word))
        });
        let (at, _) = opened.next()?;
        Some(start + at..start + at + 1)
    }
}
