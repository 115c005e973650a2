//! The inputs of a night: which files are visible on D, what is in them, and how SQL scans them.
//!
//! 1. [`Manifest::list`]: one LIST per source; files by day, cut at D.
//! 2. [`schema::resolve`]: the files' own columns against those that the job declares.
//! 3. [`ParquetFiles`]: exactly the files of a manifest as a table, pruned by day.

mod manifest;
mod parquet_files;
pub mod schema;

pub use manifest::{InputError, InputFile, Manifest};
pub use parquet_files::ParquetFiles;
