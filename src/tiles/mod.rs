//! Tiles: rollups by period, stored, and the windows merged from them.
//!
//! 1. [`Rollup::derive`]: from the plan of a rollup's SELECT, how each of its columns merges.
//! 2. [`cover`]: the [periods](period) that together are the wanted [windows].
//! 3. [`TilePlan::make`]: which of them are [stored](store) under their [address], which must be
//!    made, from what, and why.
//! 4. [`Workshop`]: fetches the ones and makes the others, each a [file] with a stamp.
//! 5. [`windows::over`]: one row per user, each column once per window, in one pass.

mod address;
mod cover;
mod error;
mod file;
mod period;
mod plan;
mod rollup;
mod store;
pub mod windows;
mod workshop;

pub use address::{Address, Addresses, Change, Definition, SourceDays};
pub use cover::cover;
pub use error::TileError;
pub use period::Period;
pub use plan::{CoverTile, TileBuild, TilePlan};
pub use rollup::{DAY, Merge, Rollup, RollupColumn, USER_ID};
pub use store::{StoredTile, StoredTiles};
pub use windows::{DayRange, TileRows, Window};
pub use workshop::{TileFiles, Workshop, any_of};
