//! Published tables, and drafts of them, as tables of a session.
//!
//! A snapshot that another night follows on is read with the columns that its files have, and no
//! others. That is the one definition of what it had: the columns of the table are those of today.
//!
//! | the table, today | the files of the date | the snapshot had it |
//! |---|---|---|
//! | shows the column | have it | yes |
//! | shows it: it came later, and the date was restated by the rules before it | lack it | no |
//! | has dropped it, and the date was restated by the rules before that | have it | yes |

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use crate::drafts::{PublishedColumns, SNAPSHOT_DATE};
use crate::engine::{EngineError, FileName, empty, naming};
use crate::ground::SnapshotDate;
use crate::inputs::ParquetFiles;
use crate::publish::publications::PUBLICATIONS;
use crate::publish::{Publication, Publications, PublishError, PublishedFile, Table, inspect};
use crate::storage::Location;
use crate::tables::TIER_SNAPSHOT;
use crate::tiles::USER_ID;

/// A published table as a publication recorded it: the rows of its date, or all where the table
/// is not dated. None when the run left the table alone. Where another program has put the rows
/// into other files, and a vacuum has removed those of before, the newest version has them, unless a
/// later publication has replaced them.
pub(crate) async fn published_table(
    output: &Location,
    publication: &Publication,
    name: &str,
) -> Result<Option<ParquetFiles>, PublishError> {
    let found = published_rows(output, publication, name).await?;
    Ok(found.map(|found| found.rows))
}

/// As [`published_table`], of a table whose files tierline writes in the order of a column.
pub(crate) async fn published_in_order(
    output: &Location,
    publication: &Publication,
    name: &str,
    column: &str,
) -> Result<Option<ParquetFiles>, PublishError> {
    let Some(found) = published_rows(output, publication, name).await? else {
        return Ok(None);
    };
    let index = found.rows.schema().index_of(column);
    Ok(Some(match index {
        Ok(index) if found.is_as_written => found.rows.sorted_by(index),
        _ => found.rows,
    }))
}

/// The rows of a published table.
struct PublishedRows {
    rows: ParquetFiles,
    /// Whether they are in the files that tierline wrote.
    is_as_written: bool,
}

async fn published_rows(
    output: &Location,
    publication: &Publication,
    name: &str,
) -> Result<Option<PublishedRows>, PublishError> {
    let Some(recorded) = publication.tables.get(name) else {
        return Ok(None);
    };
    let Some(mut table) = Table::open_at(output, name, recorded.version).await? else {
        return Ok(None);
    };
    let date = table.partition_of(publication.snapshot_date);
    let mut files = table.files(date)?;
    let mut is_as_written = true;
    if let Some(first) = files.first()
        && is_gone(output, &first.path).await
        && let Some(newest) = Table::open(output, name).await?
    {
        let found = newest.files(date)?;
        if found.contains(first) {
            return Err(needed(output, publication, name, &first.path));
        }
        if newest.is_kept_whole() && newest.was_published_after(recorded.version).await? {
            return Err(PublishError::RowsReplaced {
                table: name.to_owned(),
                date: publication.snapshot_date,
            });
        }
        files = found;
        table = newest;
        is_as_written = false;
    }
    Ok(Some(PublishedRows {
        rows: rows_of(output, &table, date, files)?,
        is_as_written,
    }))
}

/// The rows of some dates of a table that keeps every date, as the last of all publications has left
/// it, and the version that has them. None when no publication has the table, or it keeps no dates. Rewritten rows are found as [`published_table`] finds
/// them.
pub(crate) async fn published_dates(
    output: &Location,
    publications: &Publications,
    name: &str,
    dates: &[SnapshotDate],
) -> Result<Option<(ParquetFiles, i64)>, PublishError> {
    let mut newest_first = publications.all().iter().rev();
    let recorded = newest_first.find_map(|publication| publication.tables.get(name));
    let Some(recorded) = recorded else {
        return Ok(None);
    };
    let Some(mut table) = Table::open_at(output, name, recorded.version).await? else {
        return Ok(None);
    };
    if table.schema()?.index_of(SNAPSHOT_DATE).is_err() {
        return Ok(None);
    }
    let mut files = files_of_dates(&table, dates)?;
    if let Some((first, ..)) = files.first()
        && is_gone(output, first).await
        && let Some(newest) = Table::open(output, name).await?
    {
        files = files_of_dates(&newest, dates)?;
        table = newest;
    }
    let rows = files_by_date(output, files, &table.schema()?);
    Ok(Some((rows, table.version())))
}

/// Every table that was published, at the version that has what is published and nothing else: the newest,
/// in which other programs may have put rows into other files, or the last that a publication recorded
/// where there are commits that none names. `publications` is one of them.
pub(crate) async fn published_tables(
    output: &Location,
    publications: &Publications,
) -> Result<Vec<Table>, PublishError> {
    let inspection = inspect(output, publications).await?;
    let mut tables = Vec::new();
    for (name, recorded) in inspection.recorded() {
        let version = match inspection.unfinished().any(|unfinished| unfinished == name) {
            true => recorded,
            false => inspection.version(name),
        };
        tables.extend(Table::open_at(output, name, version).await?);
    }
    tables.extend(Table::open(output, PUBLICATIONS).await?);
    Ok(tables)
}

fn files_of_dates(
    table: &Table,
    dates: &[SnapshotDate],
) -> Result<Vec<(Path, u64, ScalarValue)>, PublishError> {
    let dates: BTreeSet<SnapshotDate> = dates.iter().copied().collect();
    let mut found: Vec<_> = table.files_by_date()?;
    found.retain(|(date, _)| dates.contains(date));
    found.sort_by_key(|(date, _)| *date);
    let files = found.into_iter().map(|(date, file)| {
        let value = ScalarValue::Date32(Some(date.days_since_epoch()));
        (file.path, file.size_bytes, value)
    });
    Ok(files.collect())
}

/// Some files of a table, with the columns that the table has.
fn rows_of(
    output: &Location,
    table: &Table,
    date: Option<SnapshotDate>,
    files: Vec<PublishedFile>,
) -> Result<ParquetFiles, PublishError> {
    let schema = table.schema()?;
    let in_files = schema
        .fields()
        .iter()
        .filter(|field| date.is_none() || field.name() != SNAPSHOT_DATE);
    let file_schema = Arc::new(Schema::new(in_files.cloned().collect::<Vec<_>>()));
    let files = files.into_iter().map(|file| (file.path, file.size_bytes));
    Ok(published_files(output, files, file_schema, date))
}

/// The files of a published snapshot, with the columns that they have.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotFiles {
    /// The date that its rows are of.
    pub date: SnapshotDate,
    /// Where each is, from the root of the store, and how long.
    pub files: Vec<(Path, u64)>,
    /// The columns, without the date.
    pub columns: SchemaRef,
    /// Whether they are as they were written, which is in the order of users.
    pub is_in_order: bool,
}

impl SnapshotFiles {
    /// Their rows.
    pub(crate) fn rows(self, output: &Location) -> ParquetFiles {
        let files = self.files.into_iter();
        let rows = published_files(output, files, self.columns, Some(self.date));
        match rows.schema().index_of(USER_ID) {
            Ok(user_id) if self.is_in_order => rows.sorted_by(user_id),
            _ => rows,
        }
    }
}

/// A published snapshot with the columns of its files, known to be in the order of users.
pub(crate) async fn published_snapshot(
    output: &Location,
    publication: &Publication,
    runtime: &RuntimeEnv,
) -> Result<Option<ParquetFiles>, PublishError> {
    let found = snapshot_files(output, publication, runtime).await?;
    Ok(found.map(|found| found.rows(output)))
}

/// The files of a published snapshot.
pub(crate) async fn snapshot_files(
    output: &Location,
    publication: &Publication,
    runtime: &RuntimeEnv,
) -> Result<Option<SnapshotFiles>, PublishError> {
    let Some(recorded) = publication.tables.get(TIER_SNAPSHOT.name) else {
        return Ok(None);
    };
    let Some(table) = Table::open_at(output, TIER_SNAPSHOT.name, recorded.version).await? else {
        return Ok(None);
    };
    let date = publication.snapshot_date;
    let files = table.files(Some(date))?.into_iter();
    let files: Vec<(Path, u64)> = files.map(|file| (file.path, file.size_bytes)).collect();
    let columns = match columns_of_files(output, (publication, &table), &files, runtime).await {
        Ok(columns) => columns,
        Err(failure) => {
            return match rewritten(output, publication, &files, runtime).await? {
                Some(rewritten) => Ok(Some(rewritten)),
                None => Err(failure),
            };
        }
    };
    Ok(Some(SnapshotFiles {
        date,
        files,
        columns,
        // The writer has checked that its rows are in this order.
        is_in_order: true,
    }))
}

/// A snapshot whose files another program has rewritten, in whatever order, and a vacuum has
/// removed since: the newest version has its rows. None where that names the files which are gone.
async fn rewritten(
    output: &Location,
    publication: &Publication,
    gone: &[(Path, u64)],
    runtime: &RuntimeEnv,
) -> Result<Option<SnapshotFiles>, PublishError> {
    let Some(newest) = Table::open(output, TIER_SNAPSHOT.name).await? else {
        return Ok(None);
    };
    let date = publication.snapshot_date;
    let files = newest.files(Some(date))?.into_iter();
    let files: Vec<(Path, u64)> = files.map(|file| (file.path, file.size_bytes)).collect();
    if files.iter().any(|file| gone.contains(file)) {
        return Ok(None);
    }
    let columns = columns_of_files(output, (publication, &newest), &files, runtime).await?;
    Ok(Some(SnapshotFiles {
        date,
        files,
        columns,
        is_in_order: false,
    }))
}

async fn is_gone(output: &Location, path: &Path) -> bool {
    let found = output.store.head(path).await;
    matches!(found, Err(object_store::Error::NotFound { .. }))
}

/// The columns that the files of one date have, of all that the table has or had. Those of a date
/// come from one run and are alike. The night's own scan finds the footer read.
async fn columns_of_files(
    output: &Location,
    (publication, table): (&Publication, &Table),
    files: &[(Path, u64)],
    runtime: &RuntimeEnv,
) -> Result<SchemaRef, PublishError> {
    let PublishedColumns { shown, dropped } = table.columns()?;
    let known = shown.fields().iter().chain(dropped.fields()).cloned();
    let Some((path, size)) = files.first() else {
        return Ok(Arc::new(Schema::new(known.collect::<Vec<_>>())));
    };
    let object = unchanging(path.clone(), *size);
    let footer = DFParquetMetadata::new(output.store.as_ref(), &object)
        .with_file_metadata_cache(Some(runtime.cache_manager.get_file_metadata_cache()));
    let in_file = match footer.fetch_schema().await {
        Ok(in_file) => in_file,
        Err(error) => return Err(unreadable(output, publication, path, error).await),
    };
    let had = known.filter(|field| in_file.field_with_name(field.name()).is_ok());
    Ok(Arc::new(Schema::new(had.collect::<Vec<_>>())))
}

/// The error for a file of the previous snapshot: one that is gone is named with the way out.
async fn unreadable(
    output: &Location,
    publication: &Publication,
    path: &Path,
    error: DataFusionError,
) -> PublishError {
    match is_gone(output, path).await {
        true => needed(output, publication, TIER_SNAPSHOT.name, path),
        false => {
            let file = FileName {
                url: output.url_of(path),
                source: None,
            };
            EngineError::during("reading the previous snapshot")(naming(&file, error)).into()
        }
    }
}

/// The error for a file that is gone.
fn needed(output: &Location, publication: &Publication, table: &str, path: &Path) -> PublishError {
    PublishError::FileNeeded {
        table: table.to_owned(),
        path: output.url_of(path),
        date: publication.snapshot_date,
    }
}

/// The error for a table that a publication records and that is gone from storage.
pub(crate) fn missing(publication: &Publication, name: &str) -> PublishError {
    let recorded = publication.tables.get(name);
    PublishError::Missing {
        table: name.to_owned(),
        date: publication.snapshot_date,
        version: recorded.map_or(0, |recorded| recorded.version),
    }
}

/// A published table with the columns of `schema` and no others, as `check` plans SQL on it:
///
/// | the table has | and reads |
/// |---|---|
/// | the column | what was published |
/// | no such column yet | NULL |
/// | never been published (`rows` is none) | no rows |
pub(crate) fn with_columns_of(
    schema: &Schema,
    rows: Option<DataFrame>,
) -> datafusion::error::Result<Arc<dyn TableProvider>> {
    let Some(rows) = rows else {
        return Ok(empty(Arc::new(schema.clone())));
    };
    let has = |name: &str| rows.schema().has_column_with_unqualified_name(name);
    let mut columns = Vec::new();
    for field in schema.fields() {
        columns.push(match has(field.name()) {
            true => ident(field.name()),
            false => lit(ScalarValue::try_from(field.data_type())?).alias(field.name()),
        });
    }
    Ok(rows.select(columns)?.into_view())
}

/// Files of a published table, or of a draft of one, as a table. Text is read as string views.
pub(crate) fn published_files(
    output: &Location,
    files: impl Iterator<Item = (Path, u64)>,
    file_schema: SchemaRef,
    date: Option<SnapshotDate>,
) -> ParquetFiles {
    let objects = files.map(|(location, size)| unchanging(location, size));
    let file_schema = viewed(&file_schema);
    let Some(date) = date else {
        return ParquetFiles::new(output.root.clone(), objects.collect(), file_schema);
    };
    let value = ScalarValue::Date32(Some(date.days_since_epoch()));
    let dated = objects.map(|object| (object, value.clone()));
    partitioned(output, dated.collect(), file_schema)
}

/// Files of several dates of a published table, whose columns are among those of `schema`.
pub(crate) fn files_by_date(
    output: &Location,
    files: Vec<(Path, u64, ScalarValue)>,
    schema: &Schema,
) -> ParquetFiles {
    let objects = files
        .into_iter()
        .map(|(path, size, date)| (unchanging(path, size), date));
    let in_files = schema.fields().iter();
    let in_files = in_files.filter(|field| field.name() != SNAPSHOT_DATE);
    let file_schema = Schema::new(in_files.cloned().collect::<Vec<_>>());
    partitioned(output, objects.collect(), viewed(&file_schema))
}

fn partitioned(
    output: &Location,
    objects: Vec<(ObjectMeta, ScalarValue)>,
    file_schema: SchemaRef,
) -> ParquetFiles {
    let partition = Arc::new(Field::new(SNAPSHOT_DATE, DataType::Date32, true));
    ParquetFiles::partitioned(output.root.clone(), objects, file_schema, partition)
}

/// Published files never change, so nothing depends on when they were written.
fn unchanging(location: Path, size: u64) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        size,
        e_tag: None,
        version: None,
    }
}

/// Text as string views, which are compared and passed on without being copied.
fn viewed(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Field::new(field.name(), DataType::Utf8View, field.is_nullable()),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
