//! Layout and columns are what the sources ask for.

use std::fs;
use std::sync::Mutex;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Field, TimestampMicrosecondType};
use tempfile::TempDir;

use super::{date, files_below, is_on, read, spec};
use crate::sample::calendar::Day;
use crate::sample::{SampleSpec, SampleTotals, UserIds, write};

/// A line per column: its name, its type, whether values may be missing.
fn columns(rows: &RecordBatch) -> String {
    let line = |field: &Field| {
        let optional = if field.is_nullable() {
            ", optional"
        } else {
            ""
        };
        format!("{}: {}{optional}", field.name(), field.data_type())
    };
    let lines: Vec<String> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| line(field))
        .collect();
    lines.join("\n")
}

#[test]
fn every_day_has_orders_and_engagement_even_without_users() {
    let root = TempDir::new().unwrap();
    write(&spec(0, 3), root.path(), &|_| ()).unwrap();
    let files = files_below(root.path());
    let paths: Vec<&str> = files.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "engagement/dt=2026-11-18/part-0.parquet",
            "engagement/dt=2026-11-19/part-0.parquet",
            "engagement/dt=2026-11-20/part-0.parquet",
            "orders/dt=2026-11-18/part-0.parquet",
            "orders/dt=2026-11-19/part-0.parquet",
            "orders/dt=2026-11-20/part-0.parquet",
        ]
    );
}

#[test]
fn columns_have_the_types_that_the_sources_ask_for() {
    let root = TempDir::new().unwrap();
    write(&spec(300, 1), root.path(), &|_| ()).unwrap();
    let columns = |table| columns(&read(root.path(), table, date(2026, 11, 20)));
    insta::assert_snapshot!(columns("orders"), @r#"
    order_id: Int64
    user_id: Utf8
    ordered_at: Timestamp(µs, "UTC")
    amount: Decimal128(18, 2)
    discount: Decimal128(18, 2), optional
    status: Utf8
    channel: Utf8
    category: Utf8
    "#);
    insta::assert_snapshot!(columns("engagement"), @r#"
    user_id: Utf8
    occurred_at: Timestamp(µs, "UTC")
    event_type: Utf8
    duration_seconds: Int32, optional
    content_id: Int64, optional
    channel: Utf8
    campaign_id: Utf8, optional
    "#);
    insta::assert_snapshot!(columns("users"), @r#"
    user_id: Utf8
    registered_at: Timestamp(µs, "UTC")
    acquisition_cost: Decimal128(18, 2)
    city: Utf8
    "#);
}

#[test]
fn user_ids_are_numbers_when_the_spec_says_so() {
    let root = TempDir::new().unwrap();
    let spec = SampleSpec {
        user_ids: UserIds::Integer,
        ..spec(300, 1)
    };
    write(&spec, root.path(), &|_| ()).unwrap();
    for table in ["orders", "engagement", "users"] {
        let columns = columns(&read(root.path(), table, spec.last_day));
        assert!(columns.contains("user_id: Int64"), "{table}: {columns}");
    }
}

#[test]
fn each_user_appears_once_on_the_day_they_registered() {
    let root = TempDir::new().unwrap();
    let spec = spec(1_000, 5);
    write(&spec, root.path(), &|_| ()).unwrap();

    let mut user_ids = Vec::new();
    for day in spec.registration_days().map(Day::on) {
        let newcomers = read(root.path(), "users", day.date);
        let registered_at = newcomers["registered_at"].as_primitive::<TimestampMicrosecondType>();
        assert!(
            registered_at
                .values()
                .iter()
                .all(|&micros| is_on(&day, micros))
        );
        let ids = newcomers["user_id"].as_string::<i32>();
        user_ids.extend(ids.iter().flatten().map(str::to_owned));
    }
    let expected: Vec<String> = (1..=1_000).map(|user| format!("u{user:07}")).collect();
    assert_eq!(user_ids, expected);
}

#[test]
fn progress_names_each_day_and_totals_count_the_rows() {
    let root = TempDir::new().unwrap();
    let spec = spec(300, 6);
    let finished = Mutex::new(Vec::new());
    let totals = write(&spec, root.path(), &|date| {
        finished.lock().unwrap().push(date)
    })
    .unwrap();

    let count = |table| -> u64 {
        spec.days()
            .map(|date| read(root.path(), table, date).num_rows() as u64)
            .sum()
    };
    let (orders, events) = (count("orders"), count("engagement"));
    assert_eq!(
        totals,
        SampleTotals {
            users: 300,
            orders,
            events
        }
    );

    let mut finished = finished.into_inner().unwrap();
    finished.sort_unstable();
    assert_eq!(finished, spec.days().collect::<Vec<_>>());
}

#[test]
fn a_root_that_is_a_file_is_named() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("notes.txt");
    fs::write(&root, "not a folder").unwrap();
    let error = write(&spec(0, 1), &root, &|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot create the folder `{}/orders/dt=2026-11-20`; \
             is its parent a folder you may write to?",
            root.display()
        )
    );
}
