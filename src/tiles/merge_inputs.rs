//! What a [merge](super::merge) is given: tiles by the windows they lie in, and the columns wanted.

use datafusion::arrow::datatypes::DataType;

use super::file::TileFile;
use super::merging::Merge;
use super::window::Window;

/// A column of a merged rollup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedColumn {
    /// What it is called.
    pub name: String,
    /// The tiles' column that it is merged from.
    pub source: String,
    /// The window whose tiles count; all tiles when none.
    pub window: Option<Window>,
    /// How the values of a user in several tiles become one.
    pub merge: Merge,
    /// Their type.
    pub data_type: DataType,
}

impl MergedColumn {
    /// Whether a tile that lies in `windows` counts.
    pub(super) fn takes(&self, windows: &[Window]) -> bool {
        self.window.is_none_or(|window| windows.contains(&window))
    }
}

/// Tiles that lie in the same windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileRows {
    /// The windows that all of their days are in.
    pub windows: Vec<Window>,
    /// The tiles.
    pub tiles: Vec<TileFile>,
}

/// The tiles of one rollup, and what is merged from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedRollup {
    /// What distinguishes it from others in one table.
    pub name: String,
    /// The columns.
    pub columns: Vec<MergedColumn>,
    /// The tiles, none of them twice.
    pub rows: Vec<TileRows>,
}

impl MergedRollup {
    pub(super) fn tiles(&self) -> impl Iterator<Item = (&TileFile, &[Window])> {
        let rows = self.rows.iter();
        rows.flat_map(|rows| {
            rows.tiles
                .iter()
                .map(|tile| (tile, rows.windows.as_slice()))
        })
    }
}
