//! What can go wrong with one file while a query reads it, apart from everything else that can
//! end a query.
//!
//! | in the chain of causes | is |
//! |---|---|
//! | the store's word that the object is another one, or gone | [`FileError::Changed`], [`FileError::Gone`] |
//! | any other failure of the store, a disk among them | [`FileError::Store`] |
//! | instants that the reader refused | [`FileError::Instant`] |
//! | columns that the reader could not tell apart | [`FileError::Ambiguous`] |
//! | bytes that are not Parquet | [`FileError::Damaged`] |
//! | Parquet that is written in a way that is not read | [`FileError::Unsupported`] |

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use parquet::errors::ParquetError;

use crate::ground::{Classified, FailureKind};
use crate::storage::{BeyondEnd, what_to_check};

/// A file as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// Its full URL.
    pub url: String,
    /// The source that it was delivered to; none for files of tierline's own.
    pub source: Option<String>,
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.url)?;
        match &self.source {
            Some(source) => write!(formatter, " of source `{source}`"),
            None => Ok(()),
        }
    }
}

/// A file that cannot be read as it was listed.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileError {
    /// Another file has its name.
    #[error("{file} changed while it was read; run again")]
    Changed { file: FileName },
    /// Somebody removed it.
    #[error("{}", gone(file))]
    Gone { file: FileName },
    /// The store did not hand it out.
    #[error("cannot read {file}; check {}", what_to_check(&file.url))]
    Store {
        file: FileName,
        source: Arc<DataFusionError>,
    },
    /// Its bytes are not those that a writer of Parquet wrote.
    #[error("{}{file} is damaged: {what}; {}", of_column(column.as_deref()), remedy(file))]
    Damaged {
        file: FileName,
        /// The column, where it is known.
        column: Option<String>,
        what: String,
    },
    /// It is whole, but written in a way that is not read here.
    #[error("{}{file} {what}", of_column(column.as_deref()))]
    Unsupported {
        file: FileName,
        /// The column, where it is known.
        column: Option<String>,
        /// The way, and how to write it instead.
        what: String,
    },
    /// An instant that cannot be read as it was written.
    #[error(
        "column `{column}` of {file} has an instant outside {range}; deliver NULL in its place, or an instant up to 9999-12-31"
    )]
    Instant {
        file: FileName,
        column: String,
        /// What can be read.
        range: &'static str,
    },
    /// A value that is not one of its column.
    #[error("column `{column}` of {file} {what}")]
    Value {
        file: FileName,
        column: String,
        what: String,
    },
    /// Several columns that have the name of a declared one.
    #[error(
        "{file} has {columns}, so which is column `{column}` cannot be told; deliver one of them"
    )]
    Ambiguous {
        file: FileName,
        column: String,
        /// Those of the file, in one text.
        columns: String,
    },
}

impl Classified for FileError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Changed { .. } | Self::Gone { .. } | Self::Store { .. } => {
                FailureKind::Unexpected
            }
            Self::Damaged { .. }
            | Self::Unsupported { .. }
            | Self::Instant { .. }
            | Self::Value { .. }
            | Self::Ambiguous { .. } => FailureKind::Blocked,
        }
    }
}

fn of_column(column: Option<&str>) -> String {
    column.map_or_else(String::new, |column| format!("column `{column}` of "))
}

fn remedy(file: &FileName) -> &'static str {
    match file.source {
        Some(_) => "deliver the file again",
        None => "restore it from a copy, or delete it and publish its date again",
    }
}

/// Deliveries come and go; what tierline published stays where it is.
fn gone(file: &FileName) -> String {
    match file.source {
        Some(_) => format!("{file} was removed since it was listed; run again"),
        None => {
            format!("{file} is not in storage; restore it from a copy, or publish its date again")
        }
    }
}

/// What the reader itself refuses; whoever knows the file makes a [`FileError`] of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("column `{column}` has an instant outside {range}")]
    Instant { column: String, range: &'static str },
    #[error("column `{column}` {what}")]
    Value { column: String, what: String },
    #[error("which of {columns} is column `{column}` cannot be told")]
    Ambiguous { column: String, columns: String },
}

impl From<Refused> for DataFusionError {
    fn from(refused: Refused) -> Self {
        Self::External(Box::new(refused))
    }
}

impl FileError {
    /// Finds out what is wrong with `file`; gives back an error that is not about it.
    ///
    /// # Errors
    /// The error as it was.
    pub(crate) fn of(file: &FileName, error: DataFusionError) -> Result<Self, DataFusionError> {
        let file = file.clone();
        Ok(match cause(&error) {
            Cause::Changed => Self::Changed { file },
            Cause::Gone => Self::Gone { file },
            Cause::Store => Self::Store {
                file,
                source: Arc::new(error),
            },
            Cause::Damaged(what) => Self::damaged(file, None, what),
            Cause::Refused(Refused::Instant { column, range }) => Self::Instant {
                file,
                column,
                range,
            },
            Cause::Refused(Refused::Value { column, what }) => Self::Value { file, column, what },
            Cause::Refused(Refused::Ambiguous { column, columns }) => Self::Ambiguous {
                file,
                column,
                columns,
            },
            Cause::Other => return Err(error),
        })
    }

    /// A file that its reader said this of.
    pub(crate) fn damaged(file: FileName, column: Option<String>, said: String) -> Self {
        // A scan finds the column later, and asks then.
        let is_known = column.is_some();
        match unsupported(&said).filter(|_| is_known) {
            Some(what) => Self::Unsupported { file, column, what },
            None => Self::Damaged {
                file,
                column,
                what: said,
            },
        }
    }

    /// A file whose keys nobody gave.
    pub(crate) fn encrypted(file: FileName, column: Option<String>) -> Self {
        let what = "is encrypted, and encrypted Parquet is not read; deliver it without encryption";
        Self::Unsupported {
            file,
            column,
            what: what.to_owned(),
        }
    }

    /// What a reader of Parquet says of bytes that it cannot make sense of.
    pub(crate) fn damage_in(error: &DataFusionError) -> Option<String> {
        match cause(error) {
            Cause::Damaged(what) => Some(what),
            _ => None,
        }
    }

    /// What a query met of it, if it did.
    pub fn within(error: &DataFusionError) -> Option<&Self> {
        causes(error).find_map(|cause| cause.downcast_ref())
    }
}

/// An error with the name of the file it came from.
pub(crate) fn naming(file: &FileName, error: DataFusionError) -> DataFusionError {
    if FileError::within(&error).is_some() {
        return error;
    }
    match FileError::of(file, error) {
        Ok(of_file) => DataFusionError::External(Box::new(of_file)),
        Err(other) => other,
    }
}

enum Cause {
    Changed,
    Gone,
    Store,
    Damaged(String),
    Refused(Refused),
    Other,
}

fn cause(error: &DataFusionError) -> Cause {
    let mut found = Cause::Other;
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<object_store::Error>() {
            return match error {
                object_store::Error::Precondition { .. } => Cause::Changed,
                object_store::Error::NotFound { .. } => Cause::Gone,
                object_store::Error::Generic { source, .. } if source.is::<BeyondEnd>() => {
                    Cause::Damaged(source.to_string())
                }
                _ => Cause::Store,
            };
        }
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Cause::Refused(refused.clone());
        }
        if let Some(what) = damage(cause) {
            found = Cause::Damaged(what);
        }
    }
    found
}

/// What a reader of Parquet says of bytes that it cannot make sense of.
fn damage(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<ParquetError>() {
        return Some(plain(&error.to_string()));
    }
    // Some decompressors speak of their input as of a file that fails.
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return Some(error.to_string());
    }
    match cause.downcast_ref::<ArrowError>() {
        Some(ArrowError::ParquetError(said)) => Some(plain(said)),
        _ => None,
    }
}

/// What a reader says of files that are whole, in the words of whoever has to write them again.
fn unsupported(said: &str) -> Option<String> {
    if said.contains("non UTF-8") {
        return Some("has texts that are not UTF-8; write them in UTF-8".to_owned());
    }
    let (_, codec) = said.split_once("codec type ")?;
    let codec = codec.split(' ').next()?;
    Some(format!(
        "is compressed with {codec}, which is not read; write it with ZSTD or SNAPPY"
    ))
}

/// What is said without the names of the layers that pass it on.
fn plain(said: &str) -> String {
    let said = said.rsplit("Parquet error: ").next().unwrap_or_default();
    said.trim_start_matches("External: ").to_owned()
}

fn causes(error: &DataFusionError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> FileName {
        FileName {
            url: "s3://lake/orders/dt=2026-03-01/a.parquet".to_owned(),
            source: Some("orders".to_owned()),
        }
    }

    fn of(error: impl Error + Send + Sync + 'static) -> String {
        let error = ParquetError::External(Box::new(error)).into();
        FileError::of(&file(), error).map_or_else(
            |other| format!("not of the file: {other}"),
            |of_file| format!("{:?}: {of_file}", of_file.kind()),
        )
    }

    #[test]
    fn store_that_fails_is_told_from_a_file_that_changed() {
        let said = || "412".into();
        let path = || "a.parquet".to_owned();
        let changed = object_store::Error::Precondition {
            path: path(),
            source: said(),
        };
        insta::assert_snapshot!(of(changed), @"Unexpected: `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders` changed while it was read; run again");
        let gone = object_store::Error::NotFound {
            path: path(),
            source: said(),
        };
        insta::assert_snapshot!(of(gone), @"Unexpected: `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders` was removed since it was listed; run again");
        let cut = object_store::Error::Generic {
            store: "S3",
            source: said(),
        };
        insta::assert_snapshot!(of(cut), @"Unexpected: cannot read `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders`; check the endpoint, the credentials and the permissions");
    }

    #[test]
    fn bytes_that_are_not_parquet_block_with_what_the_reader_said() {
        let said = ArrowError::ParquetError("Page CRC checksum mismatch".to_owned());
        insta::assert_snapshot!(of(said), @"Blocked: `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders` is damaged: Page CRC checksum mismatch; deliver the file again");
    }

    #[test]
    fn what_is_not_read_is_told_with_how_to_write_it() {
        let said = |what: &str| {
            let column = Some("status".to_owned());
            FileError::damaged(file(), column, what.to_owned()).to_string()
        };
        insta::assert_snapshot!(said("NYI: The codec type LZO is not supported yet"), @"column `status` of `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders` is compressed with LZO, which is not read; write it with ZSTD or SNAPPY");
        insta::assert_snapshot!(said("encountered non UTF-8 data: invalid utf-8 sequence"), @"column `status` of `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders` has texts that are not UTF-8; write them in UTF-8");
        insta::assert_snapshot!(said("Page CRC checksum mismatch"), @"column `status` of `s3://lake/orders/dt=2026-03-01/a.parquet` of source `orders` is damaged: Page CRC checksum mismatch; deliver the file again");
    }

    #[test]
    fn published_file_that_is_gone_is_not_waited_for() {
        let published = FileName {
            url: "s3://lake/out/tables/tier_snapshot/a.parquet".to_owned(),
            source: None,
        };
        let gone = FileError::Gone { file: published };
        insta::assert_snapshot!(gone, @"`s3://lake/out/tables/tier_snapshot/a.parquet` is not in storage; restore it from a copy, or publish its date again");
    }

    /// SQL that is computed while a file is read may fail by itself.
    #[test]
    fn failing_cast_is_not_the_files_fault() {
        let error = ArrowError::CastError("no number".to_owned()).into();
        assert!(matches!(cause(&error), Cause::Other));
    }
}
