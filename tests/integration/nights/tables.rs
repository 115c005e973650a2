//! Published tables read back as rows of text, by the conventions of `naive::text`: the Delta log
//! names the files, the Parquet reader reads them, and nothing of the pipeline's SQL is involved.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::NaiveDate;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tierline::ground::SnapshotDate;
use tierline::publish::{Publication, Publications, PublishedFile, Table};
use tierline::storage::Location;

use crate::naive::text;

/// One row: column name to text.
pub(crate) type Row = BTreeMap<String, String>;

/// The publication that holds for a date.
pub(crate) async fn publication(output: &Location, date: NaiveDate) -> Publication {
    let publications = Publications::load(output).await.unwrap();
    let newest = publications.newest_for(SnapshotDate::on(date));
    newest
        .unwrap_or_else(|| panic!("{date} is not published"))
        .clone()
}

/// The rows of a date in a table, as its publication recorded them.
pub(crate) async fn rows(output: &Location, date: NaiveDate, table: &str) -> Vec<Row> {
    let publication = publication(output, date).await;
    let publications = Publications::load(output).await.unwrap();
    let files = publications.files_of(&publication, table).await.unwrap();
    let Some(recorded) = publication.tables.get(table) else {
        return Vec::new();
    };
    let opened = Table::open_at(output, table, recorded.version).await;
    let opened = opened.unwrap().unwrap();
    let rows = read_all(output, &opened, date, &files).await;
    assert_eq!(rows.len() as u64, recorded.rows, "rows recorded of {table}");
    let columns = columns(&opened);
    for row in &rows {
        assert!(row.keys().eq(&columns), "columns of {table}");
    }
    rows
}

/// The rows of a date in a table, as a reader finds them who knows nothing of publications: with
/// today's columns, NULL where the files lack one.
pub(crate) async fn newest_rows(output: &Location, date: NaiveDate, table: &str) -> Vec<Row> {
    let opened = Table::open(output, table).await.unwrap().unwrap();
    let partition = opened.partition_of(SnapshotDate::on(date));
    let files = opened.files(partition).unwrap();
    let mut rows = read_all(output, &opened, date, &files).await;
    let columns = columns(&opened);
    for row in &mut rows {
        let mut found = std::mem::take(row);
        row.extend(columns.iter().map(|column| {
            let text = found.remove(column);
            (
                column.clone(),
                text.unwrap_or_else(|| text::NULL.to_owned()),
            )
        }));
    }
    rows
}

/// Rows without the run that made them: runs over files in other places have other names.
pub(crate) fn of_any_run(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.remove("run_id");
    }
    rows
}

/// The columns that readers of a table see.
pub(crate) fn columns(table: &Table) -> BTreeSet<String> {
    let schema = table.schema().unwrap();
    let names = schema.fields().iter().map(|field| field.name().clone());
    names.collect()
}

/// A number of each row of a date in a table, as it is and not as text, by a name in the row.
pub(crate) async fn doubles(
    output: &Location,
    date: NaiveDate,
    table: &str,
    [name, number]: [&str; 2],
) -> Vec<(String, Option<f64>)> {
    let publication = publication(output, date).await;
    let publications = Publications::load(output).await.unwrap();
    let mut found = Vec::new();
    for file in publications.files_of(&publication, table).await.unwrap() {
        let object = output.store.get(&file.path).await.unwrap();
        let bytes = object.bytes().await.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let names = batch.column_by_name(name).unwrap();
            let numbers = batch.column_by_name(number).unwrap();
            let numbers = numbers.as_primitive::<Float64Type>().iter();
            let rows = numbers.enumerate();
            found.extend(rows.map(|(row, number)| (text_of(names, row), number)));
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

/// The newest version of every table.
pub(crate) async fn versions(output: &Location) -> BTreeMap<&'static str, i64> {
    let mut versions = BTreeMap::new();
    for table in tierline::tables::OUR_NAMES
        .into_iter()
        .chain(["publications"])
    {
        let opened = Table::open(output, table).await.unwrap();
        versions.insert(table, opened.map_or(-1, |table| table.version()));
    }
    versions
}

/// The snapshot dates of the rows that a reader of the newest version finds in each dated table.
pub(crate) async fn dates(output: &Location) -> BTreeMap<&'static str, BTreeSet<NaiveDate>> {
    let mut dates = BTreeMap::new();
    for name in tierline::tables::OUR_NAMES {
        let Some(table) = Table::open(output, name).await.unwrap() else {
            continue;
        };
        let files = table.files(None).unwrap().into_iter();
        let of_table = files.filter_map(|file| {
            let mut parts = file.path.as_ref().split('/');
            parts.find_map(|part| part.strip_prefix("snapshot_date=")?.parse().ok())
        });
        dates.insert(name, of_table.collect());
    }
    dates
}

async fn read_all(
    output: &Location,
    table: &Table,
    date: NaiveDate,
    files: &[PublishedFile],
) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in files {
        let bytes = output
            .store
            .get(&file.path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(bytes.len() as u64, file.size_bytes);
        let before = rows.len();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            rows.extend((0..batch.num_rows()).map(|row| {
                let columns = batch.schema_ref().fields().iter().zip(batch.columns());
                let mut columns: Row = columns
                    .map(|(field, values)| (field.name().clone(), text_of(values, row)))
                    .collect();
                if table.is_dated() {
                    columns.insert("snapshot_date".to_owned(), date.to_string());
                }
                columns
            }));
        }
        assert_eq!(
            Some((rows.len() - before) as u64),
            file.rows,
            "rows of {}",
            file.path
        );
    }
    rows
}

fn text_of(values: &dyn Array, row: usize) -> String {
    if values.is_null(row) {
        return text::NULL.to_owned();
    }
    match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Boolean => values.as_boolean().value(row).to_string(),
        DataType::Utf8 => values.as_string::<i32>().value(row).to_owned(),
        DataType::Float64 => text::number(values.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, 2) => {
            let cents = values.as_primitive::<Decimal128Type>().value(row);
            text::money(cents.try_into().unwrap())
        }
        DataType::Date32 => {
            let date = values.as_primitive::<Date32Type>().value_as_date(row);
            date.unwrap().to_string()
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let instants = values.as_primitive::<TimestampMicrosecondType>();
            instants.value_as_datetime(row).unwrap().to_string()
        }
        other => panic!("no text for {other}"),
    }
}
