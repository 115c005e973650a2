//! The inputs of a night: which files are visible on D, what is in them, and how SQL scans them.
//!
//! 1. [`Manifest::list`]: one LIST per source; files by day, cut at D, or by the log of a
//!    [Delta table](delta).
//! 2. [`SourceHistory::of`]: what is stored against what earlier runs knew, as their
//!    [record](SourceRecord) says: expired days stay known.
//! 3. [`Manifest::shortfalls`]: whether D is there and whole.
//! 4. [`schema::resolve`]: the files' own columns against those that the job declares.
//! 5. [`ParquetFiles`]: exactly the files of a manifest as a table, pruned by day.
//!
//! Files of a source are read as they were listed, or not at all: one that changed meanwhile ends
//! the night as a [`FileError`].

mod aside;
mod column_names;
mod converted;
mod damaged_column;
mod day_files;
mod decoding;
mod delta;
mod delta_log;
mod encryption;
mod error;
mod file_columns;
mod file_reader;
mod footer_notes;
mod footers;
mod history;
mod input_file;
mod instant;
mod int96;
mod listing;
mod manifest;
mod named_files;
mod objects;
mod other_formats;
mod parquet_files;
mod path_values;
mod readiness;
mod record;
pub mod schema;
#[cfg(feature = "cluster")]
mod shipped_file;
mod shortfall;
mod table_formats;
mod transactions;
mod twins;

pub use aside::{Aside, Left, Names, Unreadable, paths_on, span_of};
pub use day_files::DayFiles;
pub use delta::log_of;
pub use error::InputError;
pub use history::{Doubt, Retention, SourceHistory, Unread, UnreadFiles};
pub use input_file::InputFile;
pub use manifest::Manifest;
pub use parquet_files::{ParquetFiles, days_passing};
pub use path_values::PathValues;
pub use readiness::without_rows;
pub use record::{KnownDay, KnownDays, SourceRecord};
#[cfg(feature = "cluster")]
pub use shipped_file::ShippedFile;
pub use shortfall::{Shortfall, Shortfalls};
pub use twins::twins;
