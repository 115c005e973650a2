//! What can go wrong with tiles.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use datafusion::error::DataFusionError;
use parquet::errors::ParquetError;

use crate::ground::{Classified, FailureKind, TableName};
use crate::storage::StorageError;

use super::address::Address;

/// Tiles that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The engine failed while a tile was made.
    #[error("making a tile of `{rollup}` failed")]
    Engine {
        /// The rollup's table.
        rollup: String,
        /// The first and the last day that it was made from.
        days: Option<(NaiveDate, NaiveDate)>,
        /// What the engine said.
        source: Box<DataFusionError>,
    },
    /// The disk of this machine failed.
    #[error("cannot keep tiles in `{}`; check its space and permissions", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: ParquetError,
    },
    /// A stored tile has texts where today's files have numbers. Whoever meets this reads the
    /// numbers as texts.
    #[error(
        "tile {path} has texts in column {column} of `{rollup}`, where the newest files have numbers; deliver texts in these too"
    )]
    Texts {
        /// The tile.
        path: String,
        /// The rollup's table.
        rollup: TableName,
        /// The rollup's column.
        column: String,
    },
}

/// A stored tile that is not what its name says. Whoever meets it makes it again.
#[derive(Debug, Clone)]
pub struct DamagedTile {
    /// The tile, by what its rows depend on.
    pub address: Address,
    /// Its URL.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

impl TileError {
    pub(super) fn disk(path: &Path) -> impl Fn(ParquetError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Disk {
            path: path.clone(),
            source,
        }
    }
}

impl Classified for TileError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::Engine { .. } | Self::Disk { .. } => FailureKind::Unexpected,
            Self::Texts { .. } => FailureKind::Blocked,
        }
    }
}
