//! Publications as columns: a fixed part, then two columns for each table that is recorded.
//!
//! | snapshot_date | sequence | .. | tier_snapshot_version | tier_snapshot_rows | .. |
//! |---|---|---|---|---|---|
//! | 2026-11-20 | 7 | .. | 12 | 1048576 | .. |
//!
//! Reading takes whatever tables the columns name, and writing keeps all of them, so that old files
//! stay readable when the list of tables grows, and a release with a shorter list loses nothing.
//!
//! [`fixed`] says what each column means. The table says nowhere of which form it is; what older
//! ones lack is NULL:
//!
//! | form | new in it | where it is NULL |
//! |---|---|---|
//! | 1 | the first nine columns | |
//! | 2 | `rules_fingerprint`, `status` | the rules are not known; the date is published |
//! | 3 | `tier_rules` | the rules count as those of the snapshot before |
//! | 4 | `source_record`, `source_files` | `source_fingerprint` names the record; all files have one fingerprint |
//! | 5 | the texts below | |
//! | 6 | fingerprints that begin with a version, such as `1:` | |
//! | 7 | `4:` in `tier_rules` | |
//! | 8 | `2:` in `sql_fingerprint` | packs of earlier forms are not compared |
//! | 9 | `published_at` | the log of `tier_snapshot` says it |
//!
//! | column | text |
//! |---|---|
//! | `sql_fingerprint` | `2:` and the fingerprint of the pack; `1:` in forms 6 and 7, without before |
//! | `tier_rules` | `{"value_tier": "4:252fe0cbf0c5", ..}`: of each dimension the version of how rules are told apart, and the fingerprint. Rules of other versions are not compared: `3:` in form 6, `2:` in form 5, none before |
//! | `source_files` | `{"orders": {"files": "0d67514c8afc75ebe38356b3851facd3", "expired": [["2026-07-01", "2026-07-31"]]}, ..}`: of each source that SQL reads the fingerprint of its files up to the date, and the first and the last of days one after another that tiles alone held; none is left out. In form 4 the fingerprint stood in place of the object, and counts as none |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Date32Array, Int64Array, PrimitiveArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate};

use crate::drafts::contract::instant;
use crate::ground::SnapshotDate;
use crate::tables;

use super::publication::{Publication, PublicationStatus, TableVersion};

const VERSION_SUFFIX: &str = "_version";
const ROWS_SUFFIX: &str = "_rows";

/// The columns that older publications do not have.
const TIER_RULES: &str = "tier_rules";
const SOURCE_RECORD: &str = "source_record";
const SOURCE_FILES: &str = "source_files";
const PUBLISHED_AT: &str = "published_at";

/// The columns that every publication has: name, type and meaning.
fn fixed() -> [(&'static str, DataType, &'static str); 15] {
    [
        ("snapshot_date", DataType::Date32, "The date published"),
        ("run_id", DataType::Utf8, "The run that published it"),
        (
            "sequence",
            DataType::Int64,
            "Publication number. When a date has several rows, the one with the largest number is the valid one",
        ),
        (
            "previous_snapshot_date",
            DataType::Date32,
            "The date that movements were counted from",
        ),
        (
            "previous_run_id",
            DataType::Utf8,
            "The run that had published that date",
        ),
        (
            "input_fingerprint",
            DataType::Utf8,
            "A hash of everything the run read",
        ),
        (
            "source_fingerprint",
            DataType::Utf8,
            "A hash of the source files among it",
        ),
        (
            "sql_fingerprint",
            DataType::Utf8,
            "A hash of the SQL the run was made with",
        ),
        (
            "cutpoints_id",
            DataType::Utf8,
            "The cut points the run was made with",
        ),
        (
            "rules_fingerprint",
            DataType::Utf8,
            "Names the record of the rules the run was made by, in rules/",
        ),
        (
            STATUS,
            DataType::Utf8,
            "published; withdrawn, when the date is published no longer: then the versions are those in which it has no rows; or expired, when it is too old: then those tables have no rows of it that have a row for each user. NULL in rows from before this column: published",
        ),
        (
            TIER_RULES,
            DataType::Utf8,
            "A hash of the rules of each dimension, as JSON; NULL where none was recorded",
        ),
        (
            SOURCE_RECORD,
            DataType::Utf8,
            "Names the record of the days of the sources that the run knew, in sources/; NULL in rows from before this column: source_fingerprint does",
        ),
        (
            SOURCE_FILES,
            DataType::Utf8,
            "A hash of the files of each source and its expired days, as JSON; NULL in rows from before this column",
        ),
        (
            PUBLISHED_AT,
            instant(),
            "When it was published, or withdrawn, as the commits of its tables say; NULL in rows from before this column",
        ),
    ]
}

/// The column that says whether a date is published or withdrawn; older files lack it.
const STATUS: &str = "status";

/// The tables that have columns: those of tierline, and others that publications recorded, such as
/// a job's own.
pub(super) fn tables_of(publications: &[Publication]) -> Vec<&str> {
    let recorded = publications.iter().flat_map(|row| row.tables.keys());
    let recorded: BTreeSet<&str> = recorded.map(String::as_str).collect();
    let others = recorded
        .into_iter()
        .filter(|table| !tables::OUR_NAMES.contains(table));
    tables::OUR_NAMES.into_iter().chain(others).collect()
}

/// All columns.
pub(super) fn schema(tables: &[&str]) -> Schema {
    let fixed = fixed().map(|(name, data_type, _)| Field::new(name, data_type, true));
    let per_table = tables.iter().flat_map(|table| {
        [VERSION_SUFFIX, ROWS_SUFFIX]
            .map(|suffix| Field::new(format!("{table}{suffix}"), DataType::Int64, true))
    });
    Schema::new(fixed.into_iter().chain(per_table).collect::<Vec<_>>())
}

/// What the columns mean.
pub(super) fn comments(tables: &[&str]) -> BTreeMap<String, String> {
    let fixed = fixed().map(|(name, _, meaning)| (name.to_owned(), meaning.to_owned()));
    let per_table = tables.iter().flat_map(|table| {
        [
            (
                format!("{table}{VERSION_SUFFIX}"),
                format!("The version of {table} that holds the rows; none when it was left alone"),
            ),
            (
                format!("{table}{ROWS_SUFFIX}"),
                format!("The rows published in {table}"),
            ),
        ]
    });
    fixed.into_iter().chain(per_table).collect()
}

/// One row per publication.
pub(super) fn encode(
    publications: &[Publication],
    tables: &[&str],
) -> Result<RecordBatch, ArrowError> {
    let texts = |text: fn(&Publication) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(publications.iter().map(text)))
    };
    let days = |day: fn(&Publication) -> Option<SnapshotDate>| -> ArrayRef {
        let days = publications.iter().map(day);
        let days = days.map(|day| day.map(SnapshotDate::days_since_epoch));
        Arc::new(days.collect::<Date32Array>())
    };
    let sequence = publications.iter().map(|publication| publication.sequence);
    let mut columns = vec![
        days(|publication| Some(publication.snapshot_date)),
        texts(|publication| &publication.run_id),
        Arc::new(Int64Array::from_iter_values(sequence)),
        days(|publication| publication.previous_snapshot_date),
        optional_texts(publications, |publication| {
            publication.previous_run_id.as_deref()
        }),
        texts(|publication| &publication.input_fingerprint),
        texts(|publication| &publication.source_fingerprint),
        texts(|publication| &publication.sql_fingerprint),
        texts(|publication| &publication.cutpoints_id),
        optional_texts(publications, |publication| {
            publication.rules_fingerprint.as_deref()
        }),
        texts(|publication| publication.status.as_str()),
        optional_texts(publications, |publication| {
            publication.tier_rules.as_deref()
        }),
        optional_texts(publications, |publication| {
            publication.source_record.as_deref()
        }),
        optional_texts(publications, |publication| {
            publication.source_files.as_deref()
        }),
        published_at(publications),
    ];
    for table in tables {
        let of_table = |number: fn(&TableVersion) -> i64| -> ArrayRef {
            let numbers = publications.iter();
            let numbers = numbers.map(|publication| publication.tables.get(*table).map(number));
            Arc::new(numbers.collect::<Int64Array>())
        };
        columns.push(of_table(|published| published.version));
        columns.push(of_table(|published| published.rows.cast_signed()));
    }
    RecordBatch::try_new(Arc::new(schema(tables)), columns)
}

fn published_at(publications: &[Publication]) -> ArrayRef {
    let times = publications
        .iter()
        .map(|publication| publication.published_at);
    let micros = times.map(|time| time.map(|time| time.timestamp_micros()));
    Arc::new(
        micros
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

fn optional_texts(
    publications: &[Publication],
    text: fn(&Publication) -> Option<&str>,
) -> ArrayRef {
    Arc::new(publications.iter().map(text).collect::<StringArray>())
}

/// The publications of a batch, in its order.
pub(super) fn decode(batch: &RecordBatch) -> Result<Vec<Publication>, ArrowError> {
    let snapshot_dates = numbers::<Date32Type>(batch, "snapshot_date")?;
    let run_ids = texts(batch, "run_id")?;
    let sequences = numbers::<Int64Type>(batch, "sequence")?;
    let previous_dates = numbers::<Date32Type>(batch, "previous_snapshot_date")?;
    let previous_run_ids = texts(batch, "previous_run_id")?;
    let input_fingerprints = texts(batch, "input_fingerprint")?;
    let source_fingerprints = texts(batch, "source_fingerprint")?;
    let sql_fingerprints = texts(batch, "sql_fingerprint")?;
    let cutpoints_ids = texts(batch, "cutpoints_id")?;
    // What older publications do not have.
    let optional = |column| {
        let found = texts(batch, column).ok();
        move |row| {
            let found = found.filter(|texts| texts.is_valid(row))?;
            Some(found.value(row).to_owned())
        }
    };
    let rules_fingerprint = optional("rules_fingerprint");
    let tier_rules = optional(TIER_RULES);
    let source_record = optional(SOURCE_RECORD);
    let source_files = optional(SOURCE_FILES);
    let times = times(batch, PUBLISHED_AT)?;
    let published_at = |row| {
        let times = times.as_ref().filter(|times| times.is_valid(row))?;
        DateTime::from_timestamp_micros(times.value(row))
    };
    let statuses = texts(batch, STATUS).ok();
    let status = |row| {
        let statuses = statuses.filter(|statuses| statuses.is_valid(row));
        statuses.map_or(PublicationStatus::Published, |statuses| {
            PublicationStatus::of(statuses.value(row))
        })
    };
    let tables = tables(batch)?;
    let publication = |row| {
        Ok(Publication {
            snapshot_date: day(snapshot_dates, row).ok_or_else(|| missing("snapshot_date"))?,
            status: status(row),
            run_id: run_ids.value(row).to_owned(),
            sequence: sequences.value(row),
            previous_snapshot_date: day(previous_dates, row),
            previous_run_id: previous_run_ids
                .is_valid(row)
                .then(|| previous_run_ids.value(row).to_owned()),
            input_fingerprint: input_fingerprints.value(row).to_owned(),
            source_fingerprint: source_fingerprints.value(row).to_owned(),
            sql_fingerprint: sql_fingerprints.value(row).to_owned(),
            cutpoints_id: cutpoints_ids.value(row).to_owned(),
            rules_fingerprint: rules_fingerprint(row),
            tier_rules: tier_rules(row),
            source_record: source_record(row),
            source_files: source_files(row),
            published_at: published_at(row),
            tables: tables.iter().filter_map(|table| table.at(row)).collect(),
        })
    };
    (0..batch.num_rows()).map(publication).collect()
}

/// The two columns of one table.
struct TableColumns<'a> {
    table: &'a str,
    versions: &'a Int64Array,
    rows: &'a Int64Array,
}

impl TableColumns<'_> {
    fn at(&self, row: usize) -> Option<(String, TableVersion)> {
        let published = TableVersion {
            version: self.versions.value(row),
            rows: self.rows.value(row).cast_unsigned(),
        };
        let recorded = self.versions.is_valid(row);
        recorded.then(|| (self.table.to_owned(), published))
    }
}

/// The columns of every table that the batch knows.
fn tables(batch: &RecordBatch) -> Result<Vec<TableColumns<'_>>, ArrowError> {
    let fields = batch.schema_ref().fields().iter();
    let names = fields.filter_map(|field| field.name().strip_suffix(VERSION_SUFFIX));
    names
        .map(|table| {
            Ok(TableColumns {
                table,
                versions: numbers(batch, &format!("{table}{VERSION_SUFFIX}"))?,
                rows: numbers(batch, &format!("{table}{ROWS_SUFFIX}"))?,
            })
        })
        .collect()
}

fn texts<'a>(batch: &'a RecordBatch, column: &str) -> Result<&'a StringArray, ArrowError> {
    let found = batch.column_by_name(column);
    found
        .and_then(|array| array.as_string_opt())
        .ok_or_else(|| missing(column))
}

fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    column: &str,
) -> Result<&'a PrimitiveArray<T>, ArrowError> {
    let found = batch.column_by_name(column);
    found
        .and_then(|array| array.as_primitive_opt())
        .ok_or_else(|| missing(column))
}

/// The times of a column; none where the batch has no such column. A program that writes rows anew may give
/// them another unit, as Spark does with INT96.
fn times(
    batch: &RecordBatch,
    column: &str,
) -> Result<Option<TimestampMicrosecondArray>, ArrowError> {
    let found = batch.column_by_name(column);
    let times = found.map(|found| Ok(cast(found, &instant())?.as_primitive().clone()));
    times.transpose()
}

fn day(days: &Date32Array, row: usize) -> Option<SnapshotDate> {
    let day = days.is_valid(row).then(|| days.value(row))?;
    NaiveDate::from_epoch_days(day).map(SnapshotDate::on)
}

fn missing(column: &str) -> ArrowError {
    ArrowError::SchemaError(format!("a publication needs `{column}`"))
}
