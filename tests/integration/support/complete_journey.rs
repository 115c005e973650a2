//! The Complete Journey fixture as a lake holds it: one Parquet file per table and UTC day.
//!
//! ```text
//! orders/dt=2017-01-01/part-0.parquet        by ordered_at
//! engagement/dt=2016-11-14/part-0.parquet    by occurred_at
//! ```
//!
//! 1. `read_table`: the fixture of one table, a year in one file
//! 2. `rows_by_day`: which rows fall on which day, in the order of the fixture
//! 3. `encode`: one day as a Parquet file
//!
//! This happens once per process and in memory; tests put the files, or some of them, on disk or
//! into a store. Where the data is from: `tests/fixtures/complete_journey/README.md`.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::{Arc, LazyLock, Mutex, Weak};

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use bytes::Bytes;
use chrono::NaiveDate;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// How many files are uploaded at once.
const CONCURRENT_UPLOADS: usize = 16;

/// One day of one table.
pub(crate) struct PartitionFile {
    /// `orders` or `engagement`.
    pub(crate) table: &'static str,
    /// The UTC day of every row.
    pub(crate) day: NaiveDate,
    /// The Parquet file.
    pub(crate) bytes: Bytes,
}

impl PartitionFile {
    /// The path below the lake: `orders/dt=2017-01-01/part-0.parquet`.
    pub(crate) fn key(&self) -> String {
        format!("{}/dt={}/part-0.parquet", self.table, self.day)
    }

    /// Writes the file to its place below `folder`.
    pub(crate) fn write_below(&self, folder: &FilePath) {
        let path = folder.join(self.key());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &self.bytes).unwrap();
    }

    /// Puts the file in its place below `prefix`.
    pub(crate) async fn upload_below(
        &self,
        store: &dyn ObjectStore,
        prefix: &str,
    ) -> object_store::Result<()> {
        let path = Path::from(format!("{prefix}/{}", self.key()));
        store.put(&path, self.bytes.clone().into()).await?;
        Ok(())
    }
}

/// Every day of both tables, orders first, in the order of days.
pub(crate) fn partition_files() -> &'static [PartitionFile] {
    static FILES: LazyLock<Vec<PartitionFile>> = LazyLock::new(|| {
        let orders = partition("orders", "ordered_at");
        let engagement = partition("engagement", "occurred_at");
        orders.into_iter().chain(engagement).collect()
    });
    &FILES
}

/// Writes the whole lake below `folder`.
pub(crate) fn write_to(folder: &FilePath) {
    for file in partition_files() {
        file.write_below(folder);
    }
}

/// Puts the whole lake into `store` below `prefix`.
pub(crate) async fn upload_to(store: Arc<dyn ObjectStore>, prefix: &str) {
    stream::iter(partition_files())
        .map(Ok)
        .try_for_each_concurrent(CONCURRENT_UPLOADS, |file| file.upload_below(&store, prefix))
        .await
        .unwrap();
}

/// A folder with the whole lake for tests that only read it, shared by all that hold it at once.
pub(crate) fn shared_folder() -> Arc<TempDir> {
    static SHARED: Mutex<Weak<TempDir>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    if let Some(folder) = shared.upgrade() {
        return folder;
    }
    let folder = Arc::new(TempDir::new().unwrap());
    write_to(folder.path());
    *shared = Arc::downgrade(&folder);
    folder
}

fn partition(table: &'static str, instant_column: &str) -> Vec<PartitionFile> {
    let rows = read_table(table);
    let days = rows_by_day(&rows, instant_column);
    let encode_day = |(day, row_numbers): (NaiveDate, Vec<u32>)| {
        let rows_of_day = take_record_batch(&rows, &UInt32Array::from(row_numbers)).unwrap();
        PartitionFile {
            table,
            day,
            bytes: encode(&rows_of_day),
        }
    };
    days.into_iter().map(encode_day).collect()
}

fn read_table(table: &str) -> RecordBatch {
    let fixtures =
        FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/complete_journey");
    let bytes = std::fs::read(fixtures.join(format!("{table}.parquet"))).unwrap();
    decode(bytes.into())
}

fn rows_by_day(rows: &RecordBatch, instant_column: &str) -> BTreeMap<NaiveDate, Vec<u32>> {
    let instants = rows[instant_column].as_primitive::<TimestampMicrosecondType>();
    let mut days = BTreeMap::<NaiveDate, Vec<u32>>::new();
    for row in 0..instants.len() {
        let day = instants.value_as_date(row).unwrap();
        days.entry(day).or_default().push(row.try_into().unwrap());
    }
    days
}

fn encode(rows: &RecordBatch) -> Bytes {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.into_inner().unwrap().into()
}

fn decode(file: Bytes) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow::compute::{cast, sum};
    use arrow::datatypes::{DataType, Decimal128Type, Int64Type};

    use super::*;
    use crate::support::s3_server::S3Server;

    fn files(table: &str) -> impl Iterator<Item = &'static PartitionFile> {
        partition_files()
            .iter()
            .filter(move |file| file.table == table)
    }

    fn days(table: &str) -> Vec<NaiveDate> {
        files(table).map(|file| file.day).collect()
    }

    /// All rows of a table, gathered from its partition files.
    fn gather(table: &str) -> RecordBatch {
        let days: Vec<_> = files(table)
            .map(|file| decode(file.bytes.clone()))
            .collect();
        concat_batches(&days[0].schema(), &days).unwrap()
    }

    fn distinct_users(rows: &RecordBatch) -> usize {
        let users = rows["user_id"].as_primitive::<Int64Type>().values();
        users.iter().collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn orders_are_those_of_the_study() {
        let orders = gather("orders");

        assert_eq!(orders.num_rows(), 155_848);
        assert_eq!(distinct_users(&orders), 2_469);
        let cents = sum(orders["amount"].as_primitive::<Decimal128Type>());
        assert_eq!(cents, Some(459_603_958));
    }

    #[test]
    fn engagement_is_that_of_the_study() {
        let engagement = gather("engagement");
        let kinds = cast(&engagement["event_type"], &DataType::Utf8).unwrap();
        let count = |kind| {
            let events = kinds.as_string::<i32>().iter().flatten();
            events.filter(|event| *event == kind).count()
        };

        assert_eq!(count("campaign_exposure"), 6_589);
        assert_eq!(count("coupon_redemption"), 2_102);
        assert_eq!(engagement.num_rows(), 6_589 + 2_102);
        assert_eq!(distinct_users(&engagement), 1_559);
    }

    #[test]
    fn each_file_holds_the_rows_of_its_day() {
        for (table, instant_column) in [("orders", "ordered_at"), ("engagement", "occurred_at")] {
            for file in files(table) {
                let days = rows_by_day(&decode(file.bytes.clone()), instant_column);
                assert_eq!(days.into_keys().collect::<Vec<_>>(), [file.day]);
            }
        }
    }

    #[test]
    fn every_day_but_christmas_has_orders() {
        let first_day = NaiveDate::from_ymd_opt(2017, 1, 1).unwrap();
        let christmas = NaiveDate::from_ymd_opt(2017, 12, 25).unwrap();
        let year_and_a_day = first_day.iter_days().take(366);

        let expected: Vec<_> = year_and_a_day.filter(|day| *day != christmas).collect();
        assert_eq!(days("orders"), expected);
    }

    #[test]
    fn engagement_begins_before_the_first_order() {
        let days = days("engagement");

        assert_eq!(days.len(), 271);
        assert_eq!(days[0].to_string(), "2016-11-14");
        assert_eq!(days[270].to_string(), "2017-12-31");
    }

    #[test]
    fn shared_folder_holds_every_file() {
        let folder = shared_folder();

        for file in partition_files() {
            let bytes = std::fs::read(folder.path().join(file.key())).unwrap();
            assert_eq!(bytes, file.bytes);
        }
        assert_eq!(shared_folder().path(), folder.path());
    }

    #[tokio::test]
    async fn store_holds_the_same_bytes() {
        let server = S3Server::start();
        upload_to(server.store(), "lake").await;

        let store = server.store();
        let objects: Vec<_> = store.list(None).try_collect().await.unwrap();
        let sizes: BTreeSet<_> = objects
            .into_iter()
            .map(|object| (object.location.to_string(), object.size))
            .collect();
        let expected: BTreeSet<_> = partition_files()
            .iter()
            .map(|file| (format!("lake/{}", file.key()), file.bytes.len() as u64))
            .collect();
        assert_eq!(sizes, expected);

        let first = &partition_files()[0];
        let path = Path::from(format!("lake/{}", first.key()));
        let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, first.bytes);
    }
}
