//! Plain tables for terminals: aligned columns, colour where it is wanted.
//!
//! ```text
//!   tier         users  of users
//!   high_value   1,234      6.2%
//!   no_orders   18,766     93.8%
//! ```

use clap::builder::styling::Style;
use unicode_width::UnicodeWidthStr;

use crate::ground::escaped;

/// Spaces before each line, and between columns.
const GAP: usize = 2;

/// Writes text in a style, or plainly where colour is not wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// Whether colour is wanted.
    pub is_colourful: bool,
}

impl Paint {
    /// The text in the style.
    pub(super) fn text(self, text: &str, style: Style) -> String {
        if !self.is_colourful || style.is_plain() || text.is_empty() {
            return text.to_owned();
        }
        format!("{style}{text}{style:#}")
    }
}

/// Which side of its column a cell is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A cell, and how it looks in colour. What would move the cursor is escaped.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        let text = escaped(&text.into());
        Self { text, style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// A table. A heading may have several lines; they are on the bottom of the head.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    columns: Vec<(String, Side)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Adds a column to the right.
    pub(super) fn column(&mut self, heading: impl Into<String>, side: Side) {
        self.columns.push((heading.into(), side));
    }

    /// Adds a row at the bottom, one cell per column.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The columns of the terminal that the table takes.
    pub(super) fn width(&self) -> usize {
        self.widths().iter().map(|width| GAP + width).sum()
    }

    /// The table as text, headings dimmed.
    pub(super) fn render(&self, paint: Paint) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for line in self.head() {
            text.push_str(&self.line(&line, &widths, paint));
        }
        for row in &self.rows {
            text.push_str(&self.line(row, &widths, paint));
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |(index, (heading, _)): (usize, &(String, Side))| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            let cells = cells.map(|cell| cell.text.as_str());
            let texts = heading.lines().chain(cells);
            texts.map(width).max().unwrap_or_default()
        };
        self.columns.iter().enumerate().map(widest).collect()
    }

    /// The lines of the head.
    fn head(&self) -> Vec<Vec<Cell>> {
        let headings = self.columns.iter().map(|(heading, _)| heading);
        let headings: Vec<Vec<&str>> = headings.map(|heading| heading.lines().collect()).collect();
        let height = headings.iter().map(Vec::len).max().unwrap_or_default();
        let cell = |lines: &Vec<&str>, line: usize| {
            let within = (line + lines.len()).checked_sub(height);
            let text = within.and_then(|line| lines.get(line));
            Cell::styled(text.copied().unwrap_or_default(), Style::new().dimmed())
        };
        let line = |line| headings.iter().map(|lines| cell(lines, line)).collect();
        (0..height).map(line).collect()
    }

    fn line(&self, cells: &[Cell], widths: &[usize], paint: Paint) -> String {
        let mut line = String::new();
        let mut owed = 0;
        for ((cell, column), (_, side)) in cells.iter().zip(widths).zip(&self.columns) {
            let free = column.saturating_sub(width(&cell.text));
            let (before, after) = match side {
                Side::Left => (0, free),
                Side::Right => (free, 0),
            };
            // Spaces wait for the next text, so that no line ends in any.
            owed += GAP + before;
            if !cell.text.is_empty() {
                line.extend(std::iter::repeat_n(' ', owed));
                line.push_str(&paint.text(&cell.text, cell.style));
                owed = 0;
            } else {
                owed += width(&cell.text);
            }
            owed += after;
        }
        line.push('\n');
        line
    }
}

/// How many columns of the terminal a text takes: two for each ideograph and the like.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let mut table = Table::default();
        table.column("tier", Side::Left);
        table.column("of all\nusers", Side::Right);
        table.column("", Side::Left);
        table.row(["high_value", "6.2%", "▍"].map(Cell::from));
        table.row(["重要价值", "93.8%", ""].map(Cell::from));
        assert_eq!(table.width(), 12 + 8 + 3);
        let text = table.render(Paint {
            is_colourful: false,
        });
        insta::assert_snapshot!(format!("table\n{text}"), @"
        table
                      of all
          tier         users
          high_value    6.2%  ▍
          重要价值     93.8%
        ");
        assert!(text.lines().all(|line| !line.ends_with(' ')));
    }

    /// Emoji are wide, and accents that stand over the letter before them take no column.
    #[test]
    fn texts_are_as_wide_as_terminals_show_them() {
        let widths = ["gold", "重要", "👑", "e\u{301}lite", "▍"].map(width);
        assert_eq!(widths, [4, 4, 2, 5, 1]);
    }
}
