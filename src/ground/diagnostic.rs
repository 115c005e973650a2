//! Problems in the files people write: what is wrong, where, and what to do about it.
//!
//! Checks collect every problem before anything fails, so one run shows them all.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Classified, FailureKind, hidden_character};

/// How many problems are written out.
const MOST_SHOWN: usize = 100;

/// A text file as it was read, under the name that messages give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The name in messages, such as `sql/features/users.sql`.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A file of that name and text.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// A file of these bytes.
    ///
    /// # Errors
    /// Bytes that are no UTF-8, by the line that has the first of them.
    pub fn of_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        let name = name.into();
        let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        String::from_utf8(bytes)
            .map(|text| Self::new(name.as_str(), text))
            .map_err(|error| {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                let looks = match is_utf16 {
                    true => ", it looks like UTF-16",
                    false => "",
                };
                let message = format!("`{name}` is not UTF-8 text: line {line} is none{looks}");
                Diagnostic::new(message).help("save the file as UTF-8")
            })
    }

    /// The character that nobody can see, if the file has one.
    ///
    /// # Errors
    /// The first of them, at its place.
    pub fn check_visible(&self) -> Result<(), Diagnostic> {
        let Some((start, character)) = hidden_character(&self.text) else {
            return Ok(());
        };
        let message = format!("an invisible character (U+{:04X})", u32::from(character));
        let place = start..start + character.len_utf8();
        Err(Diagnostic::at(self, place, message).help("delete it, or retype the line"))
    }

    /// The line on which a byte stands, counted from 1.
    pub fn line_at(&self, byte: usize) -> usize {
        self.text[..byte].matches('\n').count() + 1
    }

    /// The byte at a line and column, both counted from 1, columns in characters. Past the end
    /// of a line or of the text, the end.
    pub fn byte_at(&self, line: u64, column: u64) -> usize {
        let line_start: usize = self
            .text
            .split_inclusive('\n')
            .take(usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX))
            .map(str::len)
            .sum();
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let characters = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        let within = line
            .char_indices()
            .nth(characters)
            .map_or(line.len(), |(offset, _)| offset);
        line_start + within
    }
}

/// Whether something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It is, and must be mended.
    Error,
    /// It may be: nothing is refused for it.
    Warning,
    /// It is not; it is reported in addition to the errors.
    Note,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it must be mended.
    pub severity: Severity,
    /// What is wrong, lowercase, without a final stop.
    pub message: String,
    /// The file, where there is one, and the bytes to point at.
    pub place: Option<(SourceFile, Range<usize>)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem that has no place in a file.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            place: None,
            help: None,
        }
    }

    /// A problem at some bytes of a file, widened to whole characters.
    pub fn at(file: &SourceFile, bytes: Range<usize>, message: impl Into<String>) -> Self {
        let end = file.text.ceil_char_boundary(bytes.end);
        let bytes = file.text.floor_char_boundary(bytes.start)..end;
        Self {
            severity: Severity::Error,
            message: message.into(),
            place: Some((file.clone(), bytes)),
            help: None,
        }
    }

    /// Something to know in addition to the problems.
    pub fn note(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::new(message)
        }
    }

    /// The same as something that nothing is refused for.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The file, line and column that it points at, both counted from 1: `job.toml:3:1`.
    pub fn position(&self) -> Option<String> {
        let (file, bytes) = self.place.as_ref()?;
        let before = &file.text[..bytes.start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[line_start..].chars().count() + 1;
        Some(format!(
            "{}:{}:{column}",
            file.name,
            file.line_at(bytes.start)
        ))
    }

    /// The problem as text, with the line it points at.
    pub fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(&self.message);
        let mut group = match &self.place {
            Some((file, bytes)) => title.element(
                Snippet::source(file.text.as_ref())
                    .path(&file.name)
                    .annotation(AnnotationKind::Primary.span(bytes.clone())),
            ),
            None => annotate_snippets::Group::with_title(title),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// Every problem that a check found; as an error, at least one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Diagnostic>);

impl Problems {
    /// Adds a problem.
    pub fn push(&mut self, problem: Diagnostic) {
        self.0.push(problem);
    }

    /// Adds the problems of another check.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// How many must be mended.
    pub fn error_count(&self) -> usize {
        let severities = self.0.iter().map(|problem| problem.severity);
        severities
            .filter(|severity| *severity == Severity::Error)
            .count()
    }

    /// Brings the problems of one file into the order of its text; those without a place go
    /// first.
    pub fn sort_by_place(&mut self) {
        self.0.sort_by_key(|problem| {
            let place = problem.place.as_ref();
            place.map(|(_, bytes)| bytes.start)
        });
    }

    /// Keeps the value, or the problem it comes with.
    pub fn keep<T>(&mut self, outcome: Result<T, Diagnostic>) -> Option<T> {
        outcome.map_err(|problem| self.push(problem)).ok()
    }

    /// Keeps the value, or all problems it comes with.
    pub fn keep_all<T>(&mut self, outcome: Result<T, Self>) -> Option<T> {
        outcome.map_err(|found| self.extend(found)).ok()
    }

    /// `value` when nothing was found.
    ///
    /// # Errors
    /// All problems, when there are any.
    pub fn or_ok<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }

    /// All problems as text, in colour when asked.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let shown = self.0.iter().take(MOST_SHOWN);
        let shown = shown.map(|problem| problem.render(&renderer));
        let others = self.0.len().saturating_sub(MOST_SHOWN);
        let rest = (others > 0).then(|| format!("and {others} more"));
        shown.chain(rest).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

impl Classified for Problems {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }
}

/// The known name nearest to `name`, when one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lowered, candidate), candidate))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean ...` for the nearest known name, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_file_line_and_caret() {
        let file = SourceFile::new("sql/a.sql", "SELECT\n    ordrs\nFROM x\n");
        let start = file.byte_at(2, 5);
        let problem = Diagnostic::at(&file, start..start + 5, "unknown column `ordrs`")
            .help("did you mean `orders`?");
        insta::assert_snapshot!(Problems(vec![problem]), @r"
        error: unknown column `ordrs`
         --> sql/a.sql:2:5
          |
        2 |     ordrs
          |     ^^^^^
          |
          = help: did you mean `orders`?
        ");
    }

    #[test]
    fn positions_count_characters_not_bytes() {
        let file = SourceFile::new("a", "é = 1\nx");
        assert_eq!(file.byte_at(1, 3), "é ".len());
        assert_eq!(file.byte_at(9, 9), file.text.len());
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(
            nearest("ordrs_30d", ["orders_30d", "user_id"]),
            Some("orders_30d")
        );
        assert_eq!(nearest("colour", ["orders_30d", "user_id"]), None);
    }
}
