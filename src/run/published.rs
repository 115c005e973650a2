//! Published tables, and drafts of them, as tables of a session.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::config::storage::Location;
use crate::drafts::SNAPSHOT_DATE;
use crate::ground::SnapshotDate;
use crate::inputs::ParquetFiles;
use crate::publish::{Publication, Table};

use super::RunError;

/// A published table as a publication recorded it: the rows of its date, or all where the table
/// is not dated. None when the run left the table alone.
pub(super) async fn published_table(
    output: &Location,
    publication: &Publication,
    name: &str,
) -> Result<Option<ParquetFiles>, RunError> {
    let Some(recorded) = publication.tables.get(name) else {
        return Ok(None);
    };
    let Some(table) = Table::open_at(output, name, recorded.version).await? else {
        return Ok(None);
    };
    let date = table.is_dated().then_some(publication.snapshot_date);
    let files = table.files(date)?;
    let schema = table.schema()?;
    let in_files = schema
        .fields()
        .iter()
        .filter(|field| date.is_none() || field.name() != SNAPSHOT_DATE);
    let file_schema = Arc::new(Schema::new(in_files.cloned().collect::<Vec<_>>()));
    let files = files.into_iter().map(|file| (file.path, file.size_bytes));
    Ok(Some(published_files(output, files, file_schema, date)))
}

/// Files of a published table, or of a draft of one, as a table. Text is read as string views.
pub(super) fn published_files(
    output: &Location,
    files: impl Iterator<Item = (Path, u64)>,
    file_schema: SchemaRef,
    date: Option<SnapshotDate>,
) -> ParquetFiles {
    // Published files never change, so nothing depends on when they were written.
    let objects = files.map(|(location, size)| ObjectMeta {
        location,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        size,
        e_tag: None,
        version: None,
    });
    let file_schema = viewed(&file_schema);
    let Some(date) = date else {
        return ParquetFiles::new(output.root.clone(), objects.collect(), file_schema);
    };
    let value = ScalarValue::Date32(Some(date.days_since_epoch()));
    let dated = objects.map(|object| (object, value.clone()));
    let partition = Arc::new(Field::new(SNAPSHOT_DATE, DataType::Date32, true));
    ParquetFiles::partitioned(output.root.clone(), dated.collect(), file_schema, partition)
}

/// Text as string views, which are compared and passed on without being copied.
fn viewed(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Field::new(field.name(), DataType::Utf8View, field.is_nullable()),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
