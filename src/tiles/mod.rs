//! Tiles: rollups by period, stored, and the windows merged from them.
//!
//! 1. [`Rollup::derive`]: from the plan of a rollup's SELECT, how each of its columns merges.
//! 2. [`cover`]: the [periods](period) that together are the wanted [windows].
//! 3. [`TilePlan::make`]: which of them are [stored](store) under their [address], which must be
//!    made, from what, and why.
//! 4. [`TileBuilder`]: fetches the ones and makes the others, each a [file] with a stamp.
//! 5. [`windows::over`]: a [table](merged) of one row per user, each column once per window, made
//!    by one [merge] of the tiles. Windows of several rollups that SQL joins by user are one merge,
//!    too ([`fuse_full_joins`]). Each [range](ranges) of users is a merge of its own.

mod address;
mod aggregates;
mod cover;
mod error;
mod file;
mod full_joins;
mod keys;
mod merge;
mod merge_inputs;
mod merged;
mod merging;
mod order_free;
mod period;
mod plan;
mod ranges;
mod rollup;
mod store;
mod tile_builder;
#[cfg(feature = "cluster")]
mod tile_object;
mod window;
pub mod windows;

pub use address::{Address, Addresses, Change, Definition, DefinitionBefore, SourceDays};
pub use cover::cover;
pub use error::{DamagedTile, TileError};
pub use file::TileFile;
pub use full_joins::fuse_full_joins;
pub use keys::{DAY, USER_ID};
pub use merge_inputs::TileRows;
pub use merged::MergedTiles;
pub use merging::Merge;
pub use period::Period;
pub use plan::{CoverTile, TileBuild, TilePlan};
pub use ranges::{UserId, UserRange, UserRanges};
pub use rollup::{Rollup, RollupColumn};
pub use store::{StoredTile, StoredTiles};
pub use tile_builder::{TileBuilder, TileFiles, any_of};
#[cfg(feature = "cluster")]
pub use tile_builder::{first_parts, runs_of_days};
#[cfg(feature = "cluster")]
pub use tile_object::TileObject;
pub use window::{DayRange, UnknownWindow, Window};
