//! A year of real orders: nine nights in a row from the local disk, the first of them from S3 as well,
//! and the last day of the year.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};
use chrono::{NaiveDate, NaiveTime};
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tierline::storage::Location;

use super::expected::{NightRows, assert_same_marts, assert_same_night, expected_since, published};
use super::job::{Nights, calibration_id, job_text, source};
use crate::naive::calibration::calibrate;
use crate::naive::history::{Event, History, Order};
use crate::naive::kpis::Published;
use crate::naive::matrix::earlier_snapshots;
use crate::naive::parameters::Rules;
use crate::naive::snapshot::{Snapshot, snapshots};
use crate::support::command::Tierline;
use crate::support::complete_journey::{partition_files, shared_folder, upload_to};
use crate::support::s3_server::{BUCKET, S3Server};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn nights() -> Vec<NaiveDate> {
    day("2017-06-30").iter_days().take(9).collect()
}

/// The study as the naive computation takes it.
fn history() -> &'static History {
    static HISTORY: LazyLock<History> = LazyLock::new(|| {
        let mut history = History::default();
        for file in partition_files() {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes.clone()).unwrap();
            for rows in reader.build().unwrap() {
                let rows = rows.unwrap();
                match file.table {
                    "orders" => history.orders.extend(orders_of(&rows, file.day)),
                    _ => history.events.extend(events_of(&rows, file.day)),
                }
            }
        }
        history
    });
    &HISTORY
}

fn orders_of(rows: &RecordBatch, day: NaiveDate) -> Vec<Order> {
    let order_ids = rows["order_id"].as_primitive::<Int64Type>();
    let user_ids = rows["user_id"].as_primitive::<Int64Type>();
    let amounts = rows["amount"].as_primitive::<Decimal128Type>();
    let discounts = rows["discount"].as_primitive::<Decimal128Type>();
    let times = times_of(&rows["ordered_at"]);
    let statuses = cast(&rows["status"], &DataType::Utf8).unwrap();
    let order = |row| Order {
        order_id: order_ids.value(row).to_string(),
        user_id: user_ids.value(row).to_string(),
        day,
        time: times[row],
        amount_cents: amounts.value(row).try_into().unwrap(),
        status: statuses.as_string::<i32>().value(row).to_owned(),
        discount_cents: discounts
            .is_valid(row)
            .then(|| discounts.value(row).try_into().unwrap()),
        channel: None,
        category: None,
    };
    (0..rows.num_rows()).map(order).collect()
}

fn events_of(rows: &RecordBatch, day: NaiveDate) -> Vec<Event> {
    let user_ids = rows["user_id"].as_primitive::<Int64Type>();
    let times = times_of(&rows["occurred_at"]);
    let event_types = cast(&rows["event_type"], &DataType::Utf8).unwrap();
    let event = |row| Event {
        user_id: user_ids.value(row).to_string(),
        day,
        time: times[row],
        event_type: event_types.as_string::<i32>().value(row).to_owned(),
        content_id: None,
    };
    (0..rows.num_rows()).map(event).collect()
}

fn times_of(instants: &ArrayRef) -> Vec<NaiveTime> {
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    let time = |row| instants.value_as_datetime(row).unwrap().time();
    (0..instants.len()).map(time).collect()
}

/// Some nights in a row, the first of which calibrates.
fn naive_snapshots(nights: &[NaiveDate]) -> BTreeMap<NaiveDate, Snapshot> {
    let calibration = calibrate(history(), nights[0]).unwrap();
    let rules = Rules::with_cut_points(calibration.cut_points);
    snapshots(history(), nights, &rules)
}

fn naive_rows(snapshots: &BTreeMap<NaiveDate, Snapshot>) -> BTreeMap<NaiveDate, NightRows> {
    let rows = |snapshot: &Snapshot| {
        let previous = snapshot.previous_snapshot_date;
        let earlier = earlier_snapshots(snapshots, snapshot);
        expected_since(previous.map(|date| &snapshots[&date]), earlier, snapshot)
    };
    snapshots
        .iter()
        .map(|(night, snapshot)| (*night, rows(snapshot)))
        .collect()
}

/// The nine nights, computed once for both stores.
fn snapshots_of_week() -> &'static BTreeMap<NaiveDate, Snapshot> {
    static WEEK: LazyLock<BTreeMap<NaiveDate, Snapshot>> =
        LazyLock::new(|| naive_snapshots(&nights()));
    &WEEK
}

fn expected_week() -> &'static BTreeMap<NaiveDate, NightRows> {
    static WEEK: LazyLock<BTreeMap<NaiveDate, NightRows>> =
        LazyLock::new(|| naive_rows(snapshots_of_week()));
    &WEEK
}

fn sources(lake: &str) -> String {
    ["orders", "engagement"]
        .map(|name| source(name, &format!("{lake}/{name}")))
        .concat()
}

fn from_disk(lake: &FilePath) -> Nights {
    Nights::of_sources(sources(lake.to_str().unwrap()))
}

#[tokio::test]
async fn nights_from_the_local_disk_are_the_naive_ones() {
    let lake = shared_folder();
    let job = from_disk(lake.path());
    let calibration = calibrate(history(), nights()[0]).unwrap();
    for night in nights() {
        let report = job.run(night).await.unwrap();
        assert_eq!(report.cutpoints_id, Some(calibration_id(nights()[0])));
        let published = published(&job.output(), night).await;
        assert_same_night(night, &published, &expected_week()[&night]);
        let known = Published {
            history: history(),
            snapshots: snapshots_of_week(),
            calibration: Some(&calibration),
        };
        assert_same_marts(&job.output(), &known, night).await;
    }
}

/// The real program, with nothing but the usual variables to find the bucket. Four nights say whether it
/// reads and writes there what it does on a disk.
#[tokio::test]
async fn nights_from_s3_are_the_same() {
    let server = S3Server::start();
    upload_to(server.store(), "lake").await;
    let folder = TempDir::new().unwrap();
    let url = format!("s3://{BUCKET}");
    let job = job_text(&format!("{url}/out"), &sources(&format!("{url}/lake")));
    std::fs::write(folder.path().join("nights.toml"), job).unwrap();
    let output = Location {
        store: server.store(),
        root: ObjectStoreUrl::parse(&url).unwrap(),
        path: Path::from("out"),
        traffic: Arc::default(),
    };
    for night in nights().into_iter().take(4) {
        let finished = Tierline::new()
            .args([
                "run",
                "nights.toml",
                "--date",
                &night.to_string(),
                "--output",
                "json",
            ])
            .envs(server.environment())
            .current_dir(folder.path())
            .run();
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        let published = published(&output, night).await;
        assert_same_night(night, &published, &expected_week()[&night]);
    }
}

/// 2018-01-01 has orders too, which this snapshot must not see.
#[tokio::test]
async fn revenue_of_all_users_is_that_of_the_orders_visible_on_the_last_day() {
    let lake = shared_folder();
    let job = from_disk(lake.path());
    let (christmas, last) = (day("2017-12-25"), day("2017-12-31"));
    job.run(christmas).await.unwrap();
    job.run(last).await.unwrap();

    let published = published(&job.output(), last).await;
    assert_same_night(
        last,
        &published,
        &naive_rows(&naive_snapshots(&[christmas, last]))[&last],
    );
    let revenue_cents = |text: &String| text.replace('.', "").parse::<i64>().unwrap();
    let revenue = published
        .snapshot
        .iter()
        .map(|row| revenue_cents(&row["revenue_lifetime"]));
    let orders = published
        .snapshot
        .iter()
        .map(|row| row["orders_lifetime"].parse::<usize>().unwrap());
    let visible = history().orders.iter().filter(|order| order.day <= last);
    let (visible_orders, visible_revenue) = visible.fold((0, 0), |(orders, cents), order| {
        (orders + 1, cents + order.amount_cents)
    });
    assert_eq!(revenue.sum::<i64>(), visible_revenue);
    assert_eq!(orders.sum::<usize>(), visible_orders);
    assert!(visible_orders < history().orders.len());
    assert_eq!(published.snapshot.len(), 2_469);
}

#[test]
fn job_file_of_the_study_has_no_problems() {
    let repository = FilePath::new(env!("CARGO_MANIFEST_DIR"));
    let finished = Tierline::new()
        .args(["check", "jobs/complete_journey.toml"])
        .current_dir(repository)
        .run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(
        finished
            .stdout
            .starts_with("job complete_journey: no problems"),
        "{finished:?}"
    );
}
