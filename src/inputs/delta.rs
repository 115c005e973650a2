//! A source that is a Delta table: its log says which files count, and of which day they are.
//!
//! 1. [`log_of`]: the log of a folder, read through the job's own store.
//! 2. [`read`]: the files of the newest version, each with the day that the log gives for `dt`, and
//!    with its other [partition columns](super::path_values).
//!
//! Which bytes a file has is still for the listing to say: whoever reads the log takes from the
//! listing the files that it names. What a listing of files cannot express is refused by name:
//! deletion vectors, column mapping, files outside the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use deltalake_core::DeltaTableError;
use deltalake_core::kernel::{DataType, LogicalFileView, PrimitiveType, Snapshot};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use crate::ground::{Diagnostic, Problems};
use crate::job::{OddDays, PARTITION_KEY};
use crate::storage::Location;

use super::{InputError, PathValues};

/// The newest way of reading that this module knows: features, each by its name.
const READER_VERSION: i32 = 3;

/// The features of readers that change nothing about which rows a file has.
const HARMLESS: [&str; 3] = ["columnMapping", "timestampNtz", "vacuumProtocolCheck"];

/// How tables say that the columns of their files have other names.
const COLUMN_MAPPING: &str = "delta.columnMapping.mode";

/// The files of a Delta table at its newest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeltaFiles {
    pub version: u64,
    /// The days of its files and their other partition columns, by their paths below the table.
    pub files: BTreeMap<Path, (NaiveDate, PathValues)>,
    /// The files of no day that the job skips.
    pub skipped: Vec<String>,
}

/// The log of the table in `folder`. The library takes stores as they are and registers none, so
/// that the job's client, with its credentials, retries and counters, is the only one there is.
pub fn log_of(location: &Location, folder: &Path) -> LogStoreRef {
    let root: &Url = location.root.as_ref();
    let mut url = root.clone();
    url.set_path(&format!("/{folder}/"));
    let table_store = PrefixStore::new(Arc::clone(&location.store), folder.clone());
    default_logstore(
        Arc::new(table_store),
        Arc::clone(&location.store),
        &url,
        &StorageConfig::default(),
    )
}

/// Reads the newest version of the table at `location`.
///
/// # Errors
/// A log that cannot be read, and tables that need more than a list of files to be read right.
pub(super) async fn read(
    source: &str,
    location: &Location,
    odd_days: OddDays,
) -> Result<DeltaFiles, InputError> {
    let log = log_of(location, &location.path);
    let refused = |problem: Problem| {
        let message = format!("the Delta table of source `{source}` {}", problem.message);
        InputError::Refused(Problems(vec![Diagnostic::new(message).help(problem.help)]))
    };
    let unreadable = |error: DeltaTableError| match unsupported_table(&error) {
        Some(problem) => refused(problem),
        None => InputError::Log {
            source_name: source.to_owned(),
            table: location.url_of(&location.path),
            source: Box::new(error),
        },
    };
    let snapshot = Snapshot::try_new(log.as_ref(), None).await;
    let snapshot = snapshot.map_err(unreadable)?;
    check_protocol(&snapshot).map_err(refused)?;
    let column = partition_column(&snapshot).map_err(refused)?;
    let entries = snapshot.file_views(log.as_ref(), None).try_collect();
    let entries: Vec<LogicalFileView> = entries.await.map_err(unreadable)?;
    let (mut files, mut skipped) = (BTreeMap::new(), Vec::new());
    for entry in &entries {
        check_file(entry).map_err(refused)?;
        let day = match day_of(entry, &column) {
            Ok(day) => day,
            Err(_) if odd_days == OddDays::Skip => {
                skipped.push(entry.path().to_string());
                continue;
            }
            Err(problem) => return Err(refused(problem)),
        };
        let values = PathValues::of_log(entry.partition_values_map(), &column);
        files.insert(entry.object_store_path(), (day, values));
    }
    Ok(DeltaFiles {
        version: snapshot.version(),
        files,
        skipped,
    })
}

/// What a table has that is not read, and what to do about it.
#[derive(Debug)]
struct Problem {
    message: String,
    help: &'static str,
}

/// What the library does not support in a table; failures of the store that it is in are others.
fn unsupported_table(error: &DeltaTableError) -> Option<Problem> {
    const UNSUPPORTED: [&str; 4] = [
        "Schema error: ",
        "Unsupported: ",
        "Invalid protocol action",
        "Invalid column mapping mode: ",
    ];
    let DeltaTableError::KernelError(error) = error else {
        return None;
    };
    let said = error.to_string();
    let is_unsupported = UNSUPPORTED.iter().any(|reason| said.starts_with(reason));
    is_unsupported.then(|| Problem {
        message: format!("is not read here: {said}"),
        help: "export the table as plain Parquet by day",
    })
}

fn check_protocol(snapshot: &Snapshot) -> Result<(), Problem> {
    let help = "drop the feature (ALTER TABLE ... DROP FEATURE), or export the table as plain Parquet by day";
    let protocol = snapshot.protocol();
    let version = protocol.min_reader_version();
    if version > READER_VERSION {
        let message = format!(
            "needs reader version {version}, and {READER_VERSION} is the newest that is read here"
        );
        return Err(Problem { message, help });
    }
    let features = protocol.reader_features().unwrap_or_default();
    let mut features = features.iter().map(ToString::to_string);
    if let Some(feature) = features.find(|feature| !HARMLESS.contains(&feature.as_str())) {
        let message = format!("has the feature {feature}, which is not read here");
        return Err(Problem { message, help });
    }
    let mode = snapshot.metadata().configuration().get(COLUMN_MAPPING);
    match mode.filter(|mode| *mode != "none") {
        Some(mode) => Err(Problem {
            message: format!(
                "has the feature columnMapping, by {mode}, which is not read here: its files have other columns than the table"
            ),
            help: "export the table as plain Parquet by day, or as a Delta table without column mapping",
        }),
        None => Ok(()),
    }
}

/// The column that gives the day, as the table spells it.
fn partition_column(snapshot: &Snapshot) -> Result<String, Problem> {
    let help = "write it partitioned by dt, a DATE or text such as 2026-11-20";
    let columns = snapshot.metadata().partition_columns();
    let column = columns
        .iter()
        .find(|column| column.eq_ignore_ascii_case(PARTITION_KEY));
    let Some(column) = column else {
        let message = match columns {
            [] => "has no partitions, so that its files are of no day".to_owned(),
            others => format!(
                "is partitioned by {}, not by {PARTITION_KEY}",
                others.join(", ")
            ),
        };
        return Err(Problem { message, help });
    };
    let schema = snapshot.schema();
    match schema.field(column).map(|field| field.data_type()) {
        Some(DataType::Primitive(PrimitiveType::Date | PrimitiveType::String)) => {
            Ok(column.clone())
        }
        other => {
            let found = other.map_or_else(|| "missing".to_owned(), ToString::to_string);
            let message = format!("is partitioned by {column}, which is {found} and no day");
            Err(Problem { message, help })
        }
    }
}

fn check_file(entry: &LogicalFileView) -> Result<(), Problem> {
    let path = entry.path();
    if path.contains("://") || path.starts_with('/') {
        return Err(Problem {
            message: format!("names a file outside of its folder, {path}, as shallow clones do"),
            help: "make a deep clone, or export the table as plain Parquet by day",
        });
    }
    if entry.deletion_vector_descriptor().is_some() {
        return Err(Problem {
            message: format!("has a deletion vector for {path}, which is not read here"),
            help: "rewrite such files (REORG TABLE ... APPLY (PURGE)), or export the table as plain Parquet by day",
        });
    }
    Ok(())
}

fn day_of(entry: &LogicalFileView, column: &str) -> Result<NaiveDate, Problem> {
    let path = entry.path();
    let values = entry.partition_values_map();
    let value = values.get(column).cloned().flatten();
    let day = value.as_ref().and_then(|value| value.parse().ok());
    day.ok_or_else(|| Problem {
        message: format!(
            "has {column} = {} for {path}, which is not a day",
            value.as_deref().unwrap_or("NULL")
        ),
        help: "give its rows a day such as 2026-11-20, delete them, or leave them out with odd_days = \"skip\" in the source's section",
    })
}
