//! Instants far away, in every unit that Parquet knows: as written, or refused by file and column.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, TimestampMillisecondArray,
    TimestampSecondArray,
};
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::data_type::{Int64Type, Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::project::{Project, files_below};

const USERS: &str =
    "\n[sources.users]\nurl = \"data/users\"\nrequired = false\n[sources.users.profile]\n";

const FILE: &str = "data/users/dt=2026-03-01/part-0.parquet";

/// The user of 1 March, whom every test is about.
const USER: i64 = 1001;

/// The project with users who have an attribute.
fn project(attribute: &str) -> Project {
    Project::new().append("job.toml", &format!("{USERS}{attribute}\n"))
}

fn with_vip_until() -> Project {
    project("vip_until = \"TIMESTAMP\"")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A user's file as Hive, Impala and Spark write instants: the Julian day, and nanoseconds in it.
fn in_int96(project: &Project, julian_day: u32, nanoseconds: u64) {
    let schema = "message users { REQUIRED INT64 user_id; OPTIONAL INT96 registered_at; OPTIONAL INT96 vip_until; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut file = Vec::new();
    let properties = Arc::new(WriterProperties::default());
    let mut writer = SerializedFileWriter::new(&mut file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int64Type>()
        .write_batch(&[USER], None, None)
        .unwrap();
    column.close().unwrap();
    // 2026-01-05.
    for (day, nanoseconds) in [(2_461_046, 0), (julian_day, nanoseconds)] {
        let mut value = Int96::new();
        let [low, high] = [nanoseconds as u32, (nanoseconds >> 32) as u32];
        value.set_data(low, high, day);
        let mut column = group.next_column().unwrap().unwrap();
        column
            .typed::<Int96Type>()
            .write_batch(&[value], Some(&[1]), None)
            .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    put(project, &file);
}

fn in_columns(project: &Project, columns: Vec<(&str, ArrayRef)>) {
    let user: ArrayRef = Arc::new(Int64Array::from(vec![USER]));
    let registered: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0]));
    let usual = [("user_id", user), ("registered_at", registered)];
    let rows = RecordBatch::try_from_iter(usual.into_iter().chain(columns)).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    put(project, &file);
}

fn put(project: &Project, file: &[u8]) {
    let path = project.path(FILE);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, file).unwrap();
}

/// The one file of the published snapshot.
fn snapshot(project: Project) -> RecordBatch {
    let project = project.publish("2026-03-06");
    let files = files_below(&project.path("output/tables/tier_snapshot"));
    let is_of_rows = |path: &Path| path.extension().is_some_and(|kind| kind == "parquet");
    let mut files = files.into_iter().filter(|(path, _)| is_of_rows(path));
    let (_, file) = files.next().unwrap();
    let rows = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    rows.build().unwrap().next().unwrap().unwrap()
}

/// The row of the user.
fn row_of(snapshot: &RecordBatch) -> usize {
    let users = snapshot.column_by_name("user_id").unwrap();
    let users = users.as_primitive::<arrow::datatypes::Int64Type>().values();
    users.iter().position(|user| *user == USER).unwrap()
}

fn vip_until(project: Project) -> DateTime<Utc> {
    let snapshot = snapshot(project);
    let instants = snapshot.column_by_name("vip_until").unwrap();
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    DateTime::from_timestamp_micros(instants.value(row_of(&snapshot))).unwrap()
}

/// The sentinels of data warehouses, and instants that nanoseconds cannot hold.
#[test]
fn int96_is_as_written() {
    for (julian_day, nanoseconds, written) in [
        (5_373_484, 0, "9999-12-31T00:00:00Z"),
        (2_547_604, 0, "2263-01-01T00:00:00Z"),
        (2_305_448, 0, "1600-01-01T00:00:00Z"),
        (1_721_426, 0, "0001-01-01T00:00:00Z"),
        (2_461_406, 86_399_123_456_789, "2026-12-31T23:59:59.123456Z"),
    ] {
        let project = with_vip_until();
        in_int96(&project, julian_day, nanoseconds);
        assert_eq!(vip_until(project), instant(written));
    }
}

/// Literals are of nanoseconds, which the sentinels do not fit in: these compare like any other.
#[test]
fn instants_that_nanoseconds_cannot_hold_compare_with_literals() {
    for (condition, is_kept) in [
        ("vip_until > TIMESTAMP '2100-01-01 00:00:00'", false),
        (
            "vip_until BETWEEN TIMESTAMP '2000-01-01 00:00:00' AND TIMESTAMP '2100-01-01 00:00:00'",
            true,
        ),
        ("vip_until IN (TIMESTAMP '2100-01-01 00:00:00')", true),
        ("vip_until > DATE '2100-01-01'", false),
        ("vip_until < $snapshot_date", true),
    ] {
        let when =
            format!("CASE\n        WHEN {condition} THEN 'odd'\n        WHEN user_id IS NULL");
        let project = with_vip_until();
        let project = project.edit(
            "sql/staging/users.sql",
            "CASE\n        WHEN user_id IS NULL",
            &when,
        );
        in_int96(&project, 5_373_484, 0);
        let snapshot = snapshot(project);
        let instants = snapshot.column_by_name("vip_until").unwrap();
        assert_eq!(instants.is_valid(row_of(&snapshot)), is_kept, "{condition}");
    }
}

#[test]
fn int96_that_wraps_around_is_refused() {
    // The year 300000, and a day that is no day but damage.
    for julian_day in [111_293_810, u32::MAX / 2, u32::MAX] {
        let project = with_vip_until();
        in_int96(&project, julian_day, 0);
        insta::allow_duplicates! {
            insta::assert_snapshot!(project.refused_run(), @"
            exit code 3

            error: column `vip_until` of `file://[PROJECT]/data/users/dt=2026-03-01/part-0.parquet` of source `users` has an instant outside the years 1 to 9999, those of INT96; deliver NULL in its place, or an instant up to 9999-12-31
            ");
        }
    }
}

#[test]
fn other_units_are_as_written_or_refused() {
    let never = instant("9999-12-31T23:59:59Z");
    let project_of = |instants: ArrayRef| {
        let project = with_vip_until();
        in_columns(&project, vec![("vip_until", instants)]);
        project
    };
    let millis = TimestampMillisecondArray::from(vec![never.timestamp_millis()]);
    assert_eq!(vip_until(project_of(Arc::new(millis))), never);
    // The year 300000.
    let far = TimestampSecondArray::from(vec![9_404_918_380_800]);
    insta::assert_snapshot!(project_of(Arc::new(far)).refused_run(), @"
    exit code 3

    error: column `vip_until` of `file://[PROJECT]/data/users/dt=2026-03-01/part-0.parquet` of source `users` has an instant outside the years -290307 to 294246; deliver NULL in its place, or an instant up to 9999-12-31
    ");
}

#[test]
fn dates_are_as_written() {
    // 9999-12-31, and the last day that a DATE can hold.
    for day in [2_932_896, i32::MAX] {
        let project = project("born_on = \"DATE\"");
        let dates = Date32Array::from(vec![day]);
        in_columns(&project, vec![("born_on", Arc::new(dates))]);
        let snapshot = snapshot(project);
        let dates = snapshot.column_by_name("born_on").unwrap();
        let dates = dates.as_primitive::<Date32Type>();
        assert_eq!(dates.value(row_of(&snapshot)), day);
    }
}

/// SQL that goes through nanoseconds is refused with a word about them, and no retry.
#[test]
fn sql_that_computes_in_nanoseconds_says_so() {
    let project = with_vip_until().edit(
        "sql/publish/tier_snapshot.sql",
        "    users.first_order_day,",
        "    users.first_order_day,\n    CAST(DATE_TRUNC('month', profile.vip_until) AS DATE) AS vip_month,",
    );
    in_int96(&project, 5_373_484, 0);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: writing the snapshot failed: `date_trunc('month', profile.vip_until)` in publish/tier_snapshot.sql:12 cannot be computed: an instant before 1678 or after 2261 is cast to nanoseconds, as CAST(.. AS TIMESTAMP), AT TIME ZONE and DATE_TRUNC do; leave such instants out by CASE; readers still see what was published before
    ");
}
