//! What tierline makes of files as companies deliver them: narrower types, missing columns, rows
//! that staging rejects, event types that nobody has described.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Date32Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::{Finished, Tierline};

const DAY: &str = "2026-03-01";
const OTHER_DAY: &str = "2026-02-28";

const JOB: &str = r#"
version = 1
timezone = "UTC"
output = "output"
sources.orders = { url = "orders" }
sources.engagement = { url = "engagement", required = false }
"#;

/// A folder with a job and its inputs.
struct Company {
    folder: TempDir,
}

impl Company {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("job.toml"), JOB).unwrap();
        Self { folder }
    }

    fn deliver(&self, source: &str, day: &str, columns: Vec<(&str, ArrayRef)>) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let partition = self.folder.path().join(source).join(format!("dt={day}"));
        fs::create_dir_all(&partition).unwrap();
        let number = fs::read_dir(&partition).unwrap().count();
        let file = File::create(partition.join(format!("part-{number}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    /// Six users with enough distinct values to calibrate on, one of them per day.
    fn deliver_calm_orders(&self) {
        for user in 1..=6_i64 {
            let day = format!("2026-02-{:02}", 10 + user);
            let orders = usize::try_from(user).unwrap();
            self.deliver(
                "orders",
                &day,
                order_columns(
                    &vec![Some(user); orders],
                    &vec![Some(100 * i128::from(user)); orders],
                ),
            );
        }
        self.deliver("orders", DAY, order_columns(&[Some(1)], &[Some(50)]));
    }

    fn run(&self) -> Finished {
        let job = self.folder.path().join("job.toml");
        let arguments = [
            "run",
            job.to_str().unwrap(),
            "--date",
            DAY,
            "--output",
            "json",
        ];
        Tierline::new().args(arguments).run()
    }

    fn report(&self) -> Value {
        let finished = self.run();
        assert_eq!(finished.exit_code, 0, "{}", finished.stderr);
        serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap()
    }

    /// The one file of `tier_snapshot`.
    fn snapshot(&self) -> RecordBatch {
        let table = self.folder.path().join("output/tables/tier_snapshot");
        let mut files = Vec::new();
        parquet_files_below(&table, &mut files);
        assert_eq!(files.len(), 1, "{files:?}");
        read(&files[0])
    }
}

fn parquet_files_below(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            parquet_files_below(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "parquet")
        {
            files.push(path);
        }
    }
}

fn read(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    reader.next().unwrap().unwrap()
}

/// The required columns in narrow types: INT ids, DECIMAL(9,2), milliseconds without a zone.
fn order_columns(users: &[Option<i64>], cents: &[Option<i128>]) -> Vec<(&'static str, ArrayRef)> {
    let rows = users.len();
    let ids: Vec<i32> = (0..).take(rows).collect();
    let narrow = |user: &Option<i64>| user.map(|user| i32::try_from(user).unwrap());
    let amounts = Decimal128Array::from(cents.to_vec());
    vec![
        ("order_id", Arc::new(Int32Array::from(ids)) as ArrayRef),
        (
            "user_id",
            Arc::new(Int32Array::from_iter(users.iter().map(narrow))),
        ),
        (
            "ordered_at",
            Arc::new(TimestampMillisecondArray::from(vec![
                1_772_323_200_000;
                rows
            ])),
        ),
        (
            "amount",
            Arc::new(amounts.with_precision_and_scale(9, 2).unwrap()),
        ),
        ("status", Arc::new(StringArray::from(vec!["paid"; rows]))),
    ]
}

fn event_columns(user: i64, event_type: &str) -> Vec<(&'static str, ArrayRef)> {
    vec![
        (
            "user_id",
            Arc::new(Int64Array::from(vec![user])) as ArrayRef,
        ),
        (
            "occurred_at",
            Arc::new(TimestampMillisecondArray::from(vec![1_772_323_200_000])),
        ),
        ("event_type", Arc::new(StringArray::from(vec![event_type]))),
    ]
}

fn integers(snapshot: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    let values = snapshot.column_by_name(column).unwrap();
    values
        .as_primitive::<arrow::datatypes::Int64Type>()
        .iter()
        .collect()
}

#[test]
fn narrow_types_are_widened_and_missing_optional_columns_are_null() {
    let company = Company::new();
    company.deliver_calm_orders();
    let report = company.report();
    assert_eq!(report["status"], "published");
    assert_eq!(report["rejected"], Value::Array(vec![]));
    let snapshot = company.snapshot();
    let each_user = (1..=6).map(Some).collect::<Vec<_>>();
    assert_eq!(integers(&snapshot, "user_id"), each_user);
    // User 1 has one more order, on the day itself.
    let orders = [2, 2, 3, 4, 5, 6].map(Some);
    assert_eq!(integers(&snapshot, "orders_lifetime"), orders);
    // No file has a discount, so none is known.
    assert_eq!(
        integers(&snapshot, "discount_known_orders_365d"),
        [Some(0); 6]
    );
    let first_days = snapshot.column_by_name("first_event_day").unwrap();
    assert_eq!(first_days.as_primitive::<Date32Type>().null_count(), 6);
}

#[test]
fn rejected_rows_are_counted_per_day_and_reason_sampled_and_left_out() {
    let company = Company::new();
    company.deliver_calm_orders();
    company.deliver(
        "orders",
        OTHER_DAY,
        order_columns(
            &[None, Some(2), Some(3), Some(3)],
            &[Some(1), None, Some(-5), Some(-6)],
        ),
    );
    let report = company.report();
    let rejected: Vec<String> = report["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|count| {
            format!("{} {} {}", count["day"], count["reason"], count["rows"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        rejected,
        [
            "2026-02-28 negative_amount 2",
            "2026-02-28 null_amount 1",
            "2026-02-28 null_user_id 1"
        ]
    );
    assert_eq!(
        integers(&company.snapshot(), "orders_lifetime"),
        [2, 2, 3, 4, 5, 6].map(Some)
    );
    let run_id = report["run_id"].as_str().unwrap();
    let sample = company
        .folder
        .path()
        .join(format!("output/quarantine/orders/{run_id}.parquet"));
    let sample = read(&sample);
    assert_eq!(sample.num_rows(), 4);
    assert!(sample.column_by_name("reject_reason").is_some());
}

#[test]
fn an_unknown_event_type_counts_as_passive_and_is_named_in_a_warning() {
    let company = Company::new();
    company.deliver_calm_orders();
    company.deliver("engagement", DAY, event_columns(1, "like"));
    company.deliver("engagement", DAY, event_columns(1, "teleport"));
    let report = company.report();
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("unknown event types count as passive: teleport (1 row on 2026-03-01)"),
        "{warnings}"
    );
    let snapshot = company.snapshot();
    assert_eq!(integers(&snapshot, "events_lifetime")[0], Some(2));
    assert_eq!(integers(&snapshot, "interactions_7d")[0], Some(1));
}

#[test]
fn files_of_later_days_are_not_seen() {
    let company = Company::new();
    company.deliver_calm_orders();
    company.deliver(
        "orders",
        "2026-03-02",
        order_columns(&[Some(7)], &[Some(700)]),
    );
    company.report();
    assert_eq!(company.snapshot().num_rows(), 6);
}
