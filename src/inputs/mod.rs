//! The inputs of a night: which files are visible on D, what is in them, and how SQL scans them.
//!
//! 1. [`Manifest::list`]: one LIST per source; files by day, cut at D, or by the log of a
//!    [Delta table](delta).
//! 2. [`Manifest::shortfalls`]: whether D is there and whole.
//! 3. [`schema::resolve`]: the files' own columns against those that the job declares.
//! 4. [`ParquetFiles`]: exactly the files of a manifest as a table, pruned by day.

mod aside;
mod delta;
mod listing;
mod manifest;
mod objects;
mod parquet_files;
mod readiness;
pub mod schema;
mod table_formats;
mod twins;

pub use aside::{Aside, Left, Names, paths_on, span_of};
pub use delta::log_of;
pub use manifest::{InputError, InputFile, Manifest};
pub use parquet_files::ParquetFiles;
pub use readiness::{Shortfall, Shortfalls, without_rows};
pub use twins::twins;
