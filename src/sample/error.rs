//! What can go wrong while sample data is written.

use std::io;
use std::path::PathBuf;

use arrow::error::ArrowError;
use chrono::NaiveDate;
use parquet::errors::ParquetError;

/// Why the sample is incomplete. Partitions finished before are whole.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The rows of a day do not fit their columns.
    #[error("cannot turn the `{table}` rows of {date} into columns")]
    Columns {
        /// The source the rows belong to.
        table: &'static str,
        date: NaiveDate,
        source: ArrowError,
    },
    /// The folder of a partition cannot be made.
    #[error("cannot create the folder `{path}`; is its parent a folder you may write to?")]
    CreateFolder {
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// A file cannot be made.
    #[error("cannot create the file `{path}`")]
    CreateFile {
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// A file cannot be written to its end.
    #[error("cannot write the file `{path}`; is the disk full?")]
    WriteFile {
        path: PathBuf,
        /// What the Parquet writer says.
        source: ParquetError,
    },
    /// A written file cannot be given its final name.
    #[error("cannot rename a finished file to `{path}`")]
    RenameFile {
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
}
