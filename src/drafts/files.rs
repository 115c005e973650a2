//! The Parquet files of a draft, through the table library's own writer, which gathers the
//! statistics that the log of the table wants.
//!
//! ```text
//! tables/tier_snapshot/snapshot_date=2026-11-20/<draft>/part-00000-<id>-c000.zstd.parquet
//! tables/dim_tier/<draft>/part-00000-<id>-c000.zstd.parquet
//! ```
//!
//! Each draft has a folder of its own, so that whatever became of its files they can be found and
//! removed.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef};
use deltalake_core::DeltaResult;
use deltalake_core::datafile::writer::{PartitionWriter, PartitionWriterConfig};
use deltalake_core::kernel::Add;
use deltalake_core::operations::get_num_idx_cols_and_stats_columns;
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use uuid::Uuid;

use super::order::SORT_OPTIONS;
use super::uploads::{Failure, Uploads};
use super::{DraftError, SNAPSHOT_DATE, TableSpec, objects};
use crate::ground::SnapshotDate;
use crate::storage::{Location, StorageError, is_full};

/// How hard files are compressed.
const ZSTD_LEVEL: i32 = 3;

/// Delta's default for how many columns the log knows the bounds of.
const INDEXED_COLUMNS: usize = 32;

/// Decimal digits that a double is sure to keep.
const DOUBLE_DIGITS: u8 = 15;

/// How rows are cut into files.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileShape {
    /// Rows that are compressed, skipped and read together.
    pub(super) row_group_rows: usize,
    /// From this size on a file ends with its row group, and the next begins: files of 300 to 500 MB are
    /// few enough for the log of the table, and small enough for readers that take one each.
    pub(super) file_bytes: u64,
}

/// Rows of the row groups that are in memory at once, and the fewest that a row group is worth having.
const ROW_GROUP_ROWS: [usize; 2] = [512 * 1024, 64 * 1024];

impl FileShape {
    /// That of one of so many writers which are open at once.
    pub(super) fn of_one_of(writers: usize) -> Self {
        let [all, least] = ROW_GROUP_ROWS;
        Self {
            row_group_rows: (all / writers.max(1)).max(least),
            file_bytes: 384 * 1024 * 1024,
        }
    }
}

/// The files of a draft that is being written.
pub(super) struct Files {
    folder: DraftFolder,
    writer: PartitionWriter,
    /// What the writer is not told, so that it is asked for after each step.
    failure: Failure,
}

impl Files {
    /// No file yet, in a new folder.
    pub(super) fn create(
        output: &Location,
        spec: &TableSpec,
        date: Option<SnapshotDate>,
        shape: FileShape,
    ) -> Result<Self, DraftError> {
        let table_folder = objects::table_folder(output, spec.name());
        let draft_folder = draft_folder(date);
        let folder = DraftFolder {
            output: output.clone(),
            table: spec.name().to_owned(),
            path: objects::below(&table_folder, &draft_folder),
        };
        let store = PrefixStore::new(Arc::clone(&output.store), table_folder);
        let (uploads, failure) = Uploads::to(store);
        let writer = partition_writer(uploads, draft_folder, spec, date, shape);
        let writer = writer.map_err(|source| folder.failure(source))?;
        Ok(Self {
            folder,
            writer,
            failure,
        })
    }

    /// Adds rows, in the form of the files.
    pub(super) async fn write(&mut self, rows: &RecordBatch) -> Result<(), DraftError> {
        let written = self.writer.write(rows).await;
        self.outcome(written)
    }

    /// Completes the files and names each as the log will, with its count of rows. When one
    /// cannot be completed, none is left.
    pub(super) async fn close(self) -> Result<Vec<(Add, u64)>, DraftError> {
        let Self {
            folder,
            writer,
            failure,
        } = self;
        let closed = writer.close().await;
        let additions = closed.and_then(|adds| adds.into_iter().map(with_row_count).collect());
        let additions = folder.outcome(&failure, additions);
        if additions.is_err()
            && let Err(error) = folder.delete().await
        {
            tracing::warn!(%error, "files of a failed draft are left");
        }
        additions
    }

    /// What became of a step of the writer.
    fn outcome<T>(&self, step: DeltaResult<T>) -> Result<T, DraftError> {
        self.folder.outcome(&self.failure, step)
    }

    /// Removes every file, and every upload that has begun.
    pub(super) async fn abort(self) -> Result<(), DraftError> {
        let aborted = self.writer.abort().await;
        self.folder.delete().await?;
        aborted.map_err(|source| self.folder.failure(source))
    }
}

/// The folder of one draft.
struct DraftFolder {
    output: Location,
    table: String,
    path: Path,
}

impl DraftFolder {
    async fn delete(&self) -> Result<(), StorageError> {
        objects::delete_folder(&self.output, &self.path).await
    }

    /// What became of a step of the writer: a store that failed goes before what followed from it.
    fn outcome<T>(&self, failure: &Failure, step: DeltaResult<T>) -> Result<T, DraftError> {
        match failure.take() {
            Some(source) => Err(self.failure(source)),
            None => step.map_err(|source| self.failure(source)),
        }
    }

    fn failure<E: std::error::Error + Send + Sync + 'static>(&self, source: E) -> DraftError {
        let folder = self.output.url_of(&self.path);
        match is_full(&source) {
            true => DraftError::Storage(StorageError::Full {
                action: "write",
                path: folder,
                source: source.into(),
            }),
            false => DraftError::Write {
                table: self.table.clone(),
                folder,
                source: source.into(),
            },
        }
    }
}

/// A folder that no other draft uses, below the table's.
fn draft_folder(date: Option<SnapshotDate>) -> Path {
    let partition = date.map(|date| format!("{SNAPSHOT_DATE}={date}"));
    let draft = Uuid::new_v4().simple().to_string();
    partition.into_iter().chain([draft]).collect()
}

fn partition_writer(
    table: Uploads<PrefixStore<Arc<dyn ObjectStore>>>,
    draft_folder: Path,
    spec: &TableSpec,
    date: Option<SnapshotDate>,
    shape: FileShape,
) -> DeltaResult<PartitionWriter> {
    let partition = date.map(|date| (SNAPSHOT_DATE.to_owned(), date.to_string().into()));
    let configuration = PartitionWriterConfig::try_new(
        spec.file_schema(),
        partition.into_iter().collect(),
        Some(parquet_properties(spec, shape)),
        NonZeroU64::new(shape.file_bytes),
        Some(shape.row_group_rows),
        None,
        Some(draft_folder),
    )?;
    let configuration = configuration.with_roll_on_row_group_boundary(true);
    // The default number, which the names given next to it overrule.
    let (column_count, _) = get_num_idx_cols_and_stats_columns(None, HashMap::new());
    let indexed_columns = Some(indexed_columns(spec));
    PartitionWriter::try_with_config(
        Arc::new(table),
        configuration,
        column_count,
        indexed_columns,
    )
}

/// The columns whose bounds go to the log: those that the table is sorted by, since files of the others hold
/// everything; of a table without an order the first 32. No decimal that is wider than a double is among
/// them: the library writes bounds of decimals as doubles, and a reader who trusts one that was rounded
/// skips rows it should have found.
fn indexed_columns(spec: &TableSpec) -> Vec<String> {
    let sorted_by = spec.sort_columns();
    let is_bounded = |(index, field): &(usize, &FieldRef)| match sorted_by.is_empty() {
        true => *index < INDEXED_COLUMNS,
        false => sorted_by.contains(field.name()),
    };
    let is_kept_whole = |(_, field): &(usize, &FieldRef)| match field.data_type() {
        DataType::Decimal128(precision, _) => *precision <= DOUBLE_DIGITS,
        _ => true,
    };
    let file_schema = spec.file_schema();
    let fields = file_schema.fields().iter().enumerate();
    let bounded = fields.filter(is_bounded).filter(is_kept_whole);
    bounded.map(|(_, field)| field.name().clone()).collect()
}

fn parquet_properties(spec: &TableSpec, shape: FileShape) -> WriterProperties {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(shape.row_group_rows))
        .set_sorting_columns(sorting_columns(spec))
        // Bounds of pages are worth their time where rows are sorted: elsewhere a page holds
        // everything.
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let sorted_by = spec.sort_columns().iter();
    let properties = sorted_by.fold(properties, |properties, column| {
        properties.set_column_statistics_enabled(column.as_str().into(), EnabledStatistics::Page)
    });
    let without = columns_without_dictionary(spec);
    let properties = without.into_iter().fold(properties, |properties, column| {
        properties.set_column_dictionary_enabled(column.as_str().into(), false)
    });
    properties.build()
}

/// The columns most of whose values are there once, so that a dictionary would be as long as the column: keys,
/// money and ratios.
fn columns_without_dictionary(spec: &TableSpec) -> Vec<String> {
    let file_schema = spec.file_schema();
    let varied = file_schema.fields().iter().filter(|field| {
        let is_measured = matches!(
            field.data_type(),
            DataType::Decimal128(..) | DataType::Float64
        );
        is_measured || spec.sort_columns().contains(field.name())
    });
    varied.map(|field| field.name().clone()).collect()
}

/// The order that the files claim, and that `order` checks their rows for.
fn sorting_columns(spec: &TableSpec) -> Option<Vec<SortingColumn>> {
    let file_schema = spec.file_schema();
    let sorted_by = spec.sort_columns().iter();
    let indexes = sorted_by.filter_map(|column| file_schema.index_of(column).ok());
    let columns: Vec<_> = indexes
        .filter_map(|index| i32::try_from(index).ok())
        .map(|column_idx| SortingColumn {
            column_idx,
            descending: SORT_OPTIONS.descending,
            nulls_first: SORT_OPTIONS.nulls_first,
        })
        .collect();
    (!columns.is_empty()).then_some(columns)
}

/// The part of a file's statistics that is read back here.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowCount {
    num_records: u64,
}

fn with_row_count(add: Add) -> DeltaResult<(Add, u64)> {
    let statistics = add.stats.as_deref().unwrap_or_default();
    let count: RowCount = serde_json::from_str(statistics)?;
    Ok((add, count.num_records))
}
