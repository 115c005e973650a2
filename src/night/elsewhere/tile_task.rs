//! What tiles are made from: rows of source files, read as they were listed, or shorter tiles.

use std::collections::BTreeMap;

use chrono::DateTime;
use object_store::path::Path;
use object_store::{ObjectMeta, Result};
use serde::{Deserialize, Serialize};

use crate::ground::SnapshotDate;
use crate::inputs::ShippedFile;
use crate::tiles::{StoredTile, TileBuild};

/// Tiles of a rollup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TileTask {
    pub rollup: String,
    pub snapshot_date: SnapshotDate,
}

/// Some of them, with what they alone are made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TilePiece {
    pub builds: Vec<TileBuild>,
    /// The tiles that they are merged from.
    pub tiles: Vec<TileName>,
    /// The files of the days that they read, by source.
    pub files: BTreeMap<String, Vec<ShippedFile>>,
}

/// A stored tile, whose name says the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TileName {
    path: String,
    size_bytes: u64,
}

impl From<&StoredTile> for TileName {
    fn from(tile: &StoredTile) -> Self {
        Self {
            path: tile.path.to_string(),
            size_bytes: tile.size_bytes,
        }
    }
}

impl TileName {
    pub(super) fn new(path: &Path, size_bytes: u64) -> Self {
        Self {
            path: path.to_string(),
            size_bytes,
        }
    }

    /// The tile; none where it has no name of one.
    ///
    /// # Errors
    /// A key that no store has.
    pub(super) fn stored(&self) -> Result<Option<StoredTile>> {
        Ok(StoredTile::of_object(ObjectMeta {
            location: Path::parse(&self.path)?,
            last_modified: DateTime::default(),
            size: self.size_bytes,
            e_tag: None,
            version: None,
        }))
    }
}
