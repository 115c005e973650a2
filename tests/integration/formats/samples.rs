//! Samples of rejected rows, which people and their programs read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};

use super::fixtures::{assert_reads, path, versions};

/// The columns that every sample has, whatever staging selects.
const OF_EVERY_SAMPLE: [&str; 2] = ["day", "reject_reason"];

#[test]
fn samples_of_every_form_are_read() {
    for version in versions("quarantine") {
        let sample = sample_of(&path(&format!("quarantine/{version}")), "orders");
        let reading = json!({"columns": columns(&sample), "rows": rows(&sample)});
        assert_reads("quarantine", &version, &reading);
    }
}

/// The columns of a source's sample that do not depend on staging, with their types.
pub(super) fn form_of_sample(output: &Path, source: &str) -> BTreeSet<String> {
    let columns = columns(&sample_of(output, source)).into_iter();
    let of_every = columns.filter(|(name, _)| OF_EVERY_SAMPLE.contains(&name.as_str()));
    of_every
        .map(|(name, data_type)| format!("{name}: {data_type}"))
        .collect()
}

/// The one sample of a source.
fn sample_of(output: &Path, source: &str) -> PathBuf {
    let samples = fs::read_dir(output.join("quarantine").join(source)).unwrap();
    let samples: Vec<PathBuf> = samples.map(|entry| entry.unwrap().path()).collect();
    let [sample] = samples.as_slice() else {
        panic!("{source} has not one sample: {samples:?}");
    };
    sample.clone()
}

fn columns(sample: &Path) -> Map<String, Value> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(sample).unwrap()).unwrap();
    let fields = reader.schema().fields().iter();
    let columns = fields.map(|field| {
        let data_type = field.data_type().to_string();
        // Whether texts lie in one buffer or in several is no part of a file.
        (
            field.name().clone(),
            json!(data_type.replace("Utf8View", "Utf8")),
        )
    });
    columns.collect()
}

fn rows(sample: &Path) -> Vec<Map<String, Value>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(sample).unwrap()).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let schema = batch.schema();
            let columns = schema.fields().iter().zip(batch.columns());
            let texts = columns.map(|(field, values)| {
                let options = FormatOptions::default().with_null("NULL");
                let texts = ArrayFormatter::try_new(values, &options).unwrap();
                (field.name().clone(), json!(texts.value(row).to_string()))
            });
            rows.push(texts.collect());
        }
    }
    rows
}
