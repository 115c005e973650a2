//! What a sample promises, and what the tests of it share.

mod bytes;
mod partitions;
mod shares;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use chrono::{NaiveDate, NaiveTime};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::calendar::Day;
use super::{SampleSpec, UserIds};

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// A spec that ends on 2026-11-20, the day after a campaign.
fn spec(user_count: u32, day_count: u32) -> SampleSpec {
    SampleSpec {
        user_count,
        day_count,
        last_day: date(2026, 11, 20),
        seed: 7,
        user_ids: UserIds::Text,
    }
}

/// Every file below a root with its bytes, by its path below that root.
fn files_below(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                files.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

/// The rows of a partition.
fn read(root: &Path, table: &str, date: NaiveDate) -> RecordBatch {
    let file = File::open(root.join(format!("{table}/dt={date}/part-0.parquet"))).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = SchemaRef::clone(reader.schema());
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn is_on(day: &Day, micros: i64) -> bool {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    (midnight(day.date)..midnight(day.date.succ_opt().unwrap())).contains(&micros)
}
