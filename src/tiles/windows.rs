//! Windows: `windows('rollups.purchases', '30d', 'lifetime')` as one row per user.
//!
//! | written | days | columns end in |
//! |---|---|---|
//! | `30d` | the 30 days ending with D | `_30d` |
//! | `prev_30d` | the 30 days before those | `_prev_30d` |
//! | `lifetime` | every day up to D | `_lifetime` |
//! | `before_today` | every day up to D - 1 | `_before_today` |
//! | `d0`, `d1`, ... | the single day D, D - 1, ... | `_d0`, `_d1`, ... |
//!
//! The users are those with rows in at least one of the windows. A tile's rows go into the windows
//! that all of its days lie in, and one pass merges them all.

use crate::ground::{Diagnostic, Problems};
use crate::models::{Model, WindowsCall};

use super::merge_inputs::{MergedColumn, MergedRollup, TileRows};
use super::merged::MergedTiles;
use super::rollup::Rollup;
use super::window::Window;

/// The windows of a call.
///
/// # Errors
/// Every text that names no window, at its place in the model's file.
pub fn parse(model: &Model, call: &WindowsCall) -> Result<Vec<Window>, Problems> {
    let mut problems = Problems::default();
    let mut windows = Vec::new();
    for (text, place) in &call.windows {
        let parsed = text.parse::<Window>().map_err(|error| {
            Diagnostic::at(&model.file, place.clone(), error.to_string()).help(
                "windows are '30d', 'prev_30d', 'lifetime', 'before_today', and single days 'd0', 'd1', ...",
            )
        });
        let Some(window) = problems.keep(parsed) else {
            continue;
        };
        if windows.contains(&window) {
            let message = format!("window `{window}` is named twice");
            problems.push(
                Diagnostic::at(&model.file, place.clone(), message).help("name each window once"),
            );
        }
        windows.push(window);
    }
    problems.or_ok(windows)
}

/// One row per user with rows in any of `windows`, each rollup column once per window; `name`
/// tells the table from other windows of the same rollup.
pub fn over(name: &str, rollup: &Rollup, windows: &[Window], tiles: &[TileRows]) -> MergedTiles {
    let columns = windows.iter().flat_map(|window| {
        let columns = rollup.columns.iter();
        columns.map(move |column| MergedColumn {
            name: format!("{}_{window}", column.name),
            source: column.name.clone(),
            window: Some(*window),
            merge: column.merge.finished(),
            data_type: column.data_type.clone(),
        })
    });
    let in_any_window =
        |rows: &&TileRows| rows.windows.iter().any(|window| windows.contains(window));
    let merged = MergedRollup {
        name: name.to_owned(),
        columns: columns.collect(),
        rows: tiles.iter().filter(in_any_window).cloned().collect(),
    };
    MergedTiles::new(vec![merged], rollup.user_id_type.clone())
}
