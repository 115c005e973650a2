//! Tables whose files cannot be known from a listing: a log says which of them count.
//!
//! | in the folder | it is |
//! |---|---|
//! | `_delta_log/` | a Delta table: [read by its log](super::delta) |
//! | `metadata/*.metadata.json` | an Iceberg table: refused |
//! | `.hoodie/` | a Hudi table: refused |
//! | `_spark_metadata/` | the output of Structured Streaming: refused |
//! | `base_0000001/`, `delta_0000001_0000001/`, `delete_delta_..` | a transactional Hive table: refused |
//!
//! A source may also lie inside such a table, or hold one; both are refused with the way out.

use std::fmt;

use object_store::path::{Path, PathPart};

use crate::ground::{Diagnostic, Problems};
use crate::storage::{Location, StorageError};

/// A format whose log says which files count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableFormat {
    Delta,
    Iceberg,
    Hudi,
    Streaming,
    HiveAcid,
}

/// The folder of Iceberg's log, which others may have, too.
const ICEBERG_FOLDER: &str = "metadata";

impl TableFormat {
    /// The format whose log a folder is, by its name alone.
    fn of_log(folder: &str) -> Option<Self> {
        match folder {
            "_delta_log" => Some(Self::Delta),
            ".hoodie" => Some(Self::Hudi),
            "_spark_metadata" => Some(Self::Streaming),
            _ => None,
        }
    }

    /// The log that an object belongs to, given the parts of its path: the format, and how many
    /// parts the folder of the table has.
    pub(super) fn of_object(parts: &[&str]) -> Option<(Self, usize)> {
        let (name, folders) = parts.split_last()?;
        let by_name = folders.iter().enumerate();
        let by_name = by_name.filter_map(|(depth, folder)| Some((Self::of_log(folder)?, depth)));
        let by_file = folders.last().filter(|last| **last == ICEBERG_FOLDER);
        let by_file = by_file.filter(|_| is_iceberg_metadata(name));
        let transaction = folders
            .iter()
            .position(|folder| is_hive_transaction(folder));
        // Such a folder lies in a partition of the table.
        let by_transaction = transaction.map(|depth| {
            let partition = folders[..depth].iter().position(|f| f.contains('='));
            (Self::HiveAcid, partition.unwrap_or(depth))
        });
        let (format, depth) = by_name
            .chain(by_file.map(|_| (Self::Iceberg, folders.len() - 1)))
            .chain(by_transaction)
            .next()?;
        // What is hidden is nobody's data, a table among it.
        let is_hidden = folders[..depth]
            .iter()
            .any(|folder| folder.starts_with(['_', '.']));
        (!is_hidden).then_some((format, depth))
    }

    /// The table that `location` is a part of: its log is looked for in the folder above, and
    /// further up from folders such as `region=eu`, which tables have several of on a path.
    pub(super) async fn above(location: &Location) -> Result<Option<(Self, Path)>, StorageError> {
        let mut parts: Vec<PathPart<'_>> = location.path.parts().collect();
        while let Some(folder) = parts.pop() {
            let parent: Path = parts.iter().cloned().collect();
            if let Some(format) = Self::with_log_in(location, &parent).await? {
                return Ok(Some((format, parent)));
            }
            if !folder.as_ref().contains('=') {
                break;
            }
        }
        Ok(None)
    }

    /// The format whose log a folder of the store of `location` has.
    async fn with_log_in(location: &Location, folder: &Path) -> Result<Option<Self>, StorageError> {
        let folders = folders_in(location, folder).await?;
        let names = || folders.iter().filter_map(Path::filename);
        if let Some(format) = names().find_map(Self::of_log) {
            return Ok(Some(format));
        }
        if !names().any(|name| name == ICEBERG_FOLDER) {
            return Ok(None);
        }
        let log = folder.clone().join(ICEBERG_FOLDER);
        let listed = location.store.list_with_delimiter(Some(&log)).await;
        let listed = allowed(location, &log, listed)?;
        let is_iceberg = listed
            .iter()
            .flat_map(|listed| &listed.objects)
            .filter_map(|object| object.location.filename())
            .any(is_iceberg_metadata);
        Ok(is_iceberg.then_some(Self::Iceberg))
    }

    /// Why a source that is such a table is not read, or why one that is part of it is not.
    pub(super) fn refused(self, source: &str, table: &str, place: Place) -> Problems {
        let message = match place {
            Place::Source => format!(
                "source `{source}` is {self}, {table}: its log says which of its files count, and a listing of them does not"
            ),
            Place::Above => format!(
                "source `{source}` lies inside {self}, {table}, whose log says which of its files count"
            ),
            Place::Below => format!(
                "source `{source}` has {self} in it, {table}, whose log says which of its files count"
            ),
        };
        let help = match self {
            Self::Delta => "give the url of the table itself, and it is read by its log".to_owned(),
            Self::Iceberg | Self::Hudi | Self::Streaming | Self::HiveAcid => "export it as plain Parquet, into folders such as dt=2026-11-20, or as a Delta table partitioned by dt, and give the url of that".to_owned(),
        };
        Problems(vec![Diagnostic::new(message).help(help)])
    }
}

/// Where a table is that a source has to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the source.
    Source,
    /// The source is a folder of it.
    Above,
    /// It is a folder of the source.
    Below,
}

impl fmt::Display for TableFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Delta => "a Delta table",
            Self::Iceberg => "an Iceberg table",
            Self::Hudi => "a Hudi table",
            Self::Streaming => "the output of a Structured Streaming query",
            Self::HiveAcid => "a transactional Hive table",
        })
    }
}

/// `base_0000005`, `delta_0000001_0000004`, `delete_delta_0000001_0000001_0000`, and with `_v0000012`
/// behind it: what transactions have written and removed.
fn is_hive_transaction(folder: &str) -> bool {
    const LEAST_DIGITS: usize = 7;
    let is_number =
        |text: &str| text.len() >= LEAST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(number) = folder.strip_prefix("base_") {
        return number.split("_v").all(is_number);
    }
    let folder = folder.strip_prefix("delete_").unwrap_or(folder);
    let Some(numbers) = folder.strip_prefix("delta_") else {
        return false;
    };
    let mut numbers = numbers.split('_');
    let range = [numbers.next(), numbers.next()];
    range.iter().all(|number| number.is_some_and(is_number))
}

fn is_iceberg_metadata(name: &str) -> bool {
    name.contains(".metadata.json") || name == "version-hint.text"
}

async fn folders_in(location: &Location, folder: &Path) -> Result<Vec<Path>, StorageError> {
    let prefix = (!folder.as_ref().is_empty()).then_some(folder);
    let listed = location.store.list_with_delimiter(prefix).await;
    let listed = allowed(location, folder, listed)?;
    Ok(listed.map_or_else(Vec::new, |listed| listed.common_prefixes))
}

/// What the store answers; none where it is not for us to see, since credentials may be good for
/// the source alone.
fn allowed<T>(
    location: &Location,
    path: &Path,
    answer: object_store::Result<T>,
) -> Result<Option<T>, StorageError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_forbidden(&error) => {
            tracing::debug!(%error, "the folder above a source cannot be listed");
            Ok(None)
        }
        Err(error) => Err(location.failure("list", path, error)),
    }
}

fn is_forbidden(error: &object_store::Error) -> bool {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let of_disk = error.downcast_ref::<std::io::Error>();
        if of_disk.is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    matches!(
        error,
        NotFound { .. } | PermissionDenied { .. } | Unauthenticated { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_known_by_their_folders_and_iceberg_by_its_files() {
        let of = |path: &str| TableFormat::of_object(&path.split('/').collect::<Vec<_>>());
        assert_eq!(
            of("_delta_log/00000000000000000000.json"),
            Some((TableFormat::Delta, 0))
        );
        assert_eq!(
            of("orders/_delta_log/_last_checkpoint"),
            Some((TableFormat::Delta, 1))
        );
        assert_eq!(
            of(".hoodie/hoodie.properties"),
            Some((TableFormat::Hudi, 0))
        );
        assert_eq!(of("_spark_metadata/0"), Some((TableFormat::Streaming, 0)));
        assert_eq!(
            of("metadata/v1.metadata.json"),
            Some((TableFormat::Iceberg, 0))
        );
        assert_eq!(of("metadata/notes.json"), None);
        assert_eq!(of("_archive/_delta_log/00000000000000000000.json"), None);
        assert_eq!(of("dt=2026-11-20/part-0.parquet"), None);
    }

    #[test]
    fn transactional_hive_tables_are_known_by_the_folders_of_their_transactions() {
        let of = |path: &str| TableFormat::of_object(&path.split('/').collect::<Vec<_>>());
        for folder in [
            "base_0000005",
            "base_0000005_v0000012",
            "delta_0000001_0000004",
            "delta_0000001_0000001_0000",
            "delta_0000001_0000001_v0000012",
            "delete_delta_0000001_0000001_0000",
        ] {
            let path = format!("dt=2026-11-20/{folder}/000000_0");
            assert_eq!(of(&path), Some((TableFormat::HiveAcid, 0)), "{folder}");
            let path = format!("shop/dt=2026-11-20/{folder}/000000_0");
            assert_eq!(of(&path), Some((TableFormat::HiveAcid, 1)), "{folder}");
        }
        for folder in [
            "base_5",
            "base_line",
            "delta_1",
            "delta_0000001",
            "delta_load_0000001",
        ] {
            let path = format!("dt=2026-11-20/{folder}/000000_0");
            assert_eq!(of(&path), None, "{folder}");
        }
    }

    /// Credentials may be good for the source alone.
    #[test]
    fn only_a_folder_that_may_not_be_seen_is_passed_over() {
        let denied = |kind: std::io::ErrorKind| object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(std::io::Error::from(kind)),
        };
        let path = || "raw".to_owned();
        let source = || "no".into();
        let forbidden = object_store::Error::PermissionDenied {
            path: path(),
            source: source(),
        };
        assert!(is_forbidden(&forbidden));
        assert!(is_forbidden(&denied(std::io::ErrorKind::PermissionDenied)));
        assert!(!is_forbidden(&denied(std::io::ErrorKind::TimedOut)));
    }
}
