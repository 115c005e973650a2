//! Numbers as cells of a table.

use clap::builder::styling::Style;

use crate::cli::figures::NONE;
use crate::cli::table::Cell;

/// A number; one that is none stays in the background.
pub(super) fn number(text: String) -> Cell {
    match text.as_str() {
        NONE => Cell::styled(text, Style::new().dimmed()),
        _ => Cell::from(text),
    }
}
