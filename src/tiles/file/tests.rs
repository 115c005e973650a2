//! Tiles of every form that a name of today may find are merged as they were written, and the
//! writer writes the newest form.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::*;
use crate::engine::{EngineLimits, Session};
use crate::ground::fixtures::{assert_reads, path as fixture, versions};
use crate::ground::{Fingerprint, Layout, SqlSchema};
use crate::storage::{Location, RetryPolicy, Stores};
use crate::tiles::aggregates::tests::{merges_of_states, tile_of_states};
use crate::tiles::merge_inputs::{MergedColumn, MergedRollup};
use crate::tiles::store::StoredTiles;
use crate::tiles::{
    Addresses, Definition, DefinitionBefore, Merge, MergedTiles, SourceDays, TileRows,
};

/// The columns of the tiles, how they merge, and of which type they are in which fixture.
const PURCHASES: [(&str, Merge); 7] = [
    ("orders", Merge::Count),
    ("revenue", Merge::Sum),
    ("first_order_day", Merge::Min),
    ("last_order_day", Merge::Max),
    ("largest_order", Merge::Max),
    ("discount_known_orders", Merge::Count),
    ("discounted_orders", Merge::Count),
];

/// A rollup with a column of every type and every way to merge.
const EVERY_TYPE: [(&str, Merge); 8] = [
    ("a_count", Merge::Count),
    ("a_sum", Merge::Sum),
    ("a_day", Merge::Min),
    ("an_instant", Merge::Max),
    ("a_text", Merge::Last),
    ("always", Merge::And),
    ("ever", Merge::Or),
    ("a_double", Merge::Max),
];

#[tokio::test]
async fn tiles_of_every_form_are_read() {
    for version in versions("tile") {
        let folder = fixture(&format!("tile/{version}"));
        let (output, layout) = output(&folder);
        let mut reading = serde_json::Map::new();
        for rollup in ["purchases", "every_type", "orders"] {
            let stored = StoredTiles::list(&output, &layout, rollup).await.unwrap();
            for tile in stored.tiles() {
                let read = read(&folder, rollup, tile).await;
                reading.insert(format!("{rollup} {}", tile.address), read);
            }
        }
        assert_reads("tile", &version, &Value::Object(reading));
    }
}

fn output(folder: &Path) -> (Location, Layout) {
    let output = Stores::new(RetryPolicy::default()).open(folder.to_str().unwrap(), Path::new(""));
    let output = output.unwrap();
    let layout = Layout::below(output.path.clone());
    (output, layout)
}

/// A tile as a night takes it: found by its name, accepted by its stamp, merged.
async fn read(folder: &Path, rollup: &str, stored: &StoredTile) -> Value {
    let name = stored.path.filename().unwrap();
    let path = folder.join("tiles").join(rollup).join(name);
    let period = stored.address.rsplitn(4, '-').nth(3).unwrap();
    let period = Period::parse(period).unwrap();
    let rollup = TableName::new(SqlSchema::Rollups, rollup);
    let columns = columns_of(&path);
    let tile = accept(&path, &maker(rollup), stored, period, &columns)
        .unwrap()
        .unwrap();
    json!({
        "digest": tile.digest,
        "bytes": tile.size_bytes,
        "first_day": period.first(),
        "last_day": tile.last_day,
        "rows": tile.rows,
        "columns": columns.fields().iter().map(|field| format!("{} {}", field.name(), plain(field.data_type()))).collect::<Vec<_>>(),
        "merged": merged(tile, &columns).await,
    })
}

/// A rollup whose states are all of our own form.
fn maker(rollup: TableName) -> Maker {
    Maker {
        rollup,
        engine: None,
    }
}

/// The columns of a file; how texts lie in memory is no part of it.
fn columns_of(path: &Path) -> Schema {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let fields = reader.schema().fields().iter();
    let fields = fields.map(|field| Field::new(field.name(), plain(field.data_type()), true));
    Schema::new(fields.collect::<Vec<_>>())
}

/// The rows of the one tile of a rollup, as its merged table has them.
async fn merged(tile: TileFile, columns: &Schema) -> Vec<String> {
    let known = PURCHASES.into_iter().chain(EVERY_TYPE);
    let known = known.map(|(name, merge)| (name.to_owned(), merge));
    let known: Vec<(String, Merge)> = known.chain(merges_of_states().await).collect();
    let of_columns = columns.fields().iter().filter_map(|field| {
        let (name, merge) = known.iter().find(|(name, _)| name == field.name())?;
        Some(MergedColumn {
            name: name.clone(),
            source: name.clone(),
            window: None,
            merge: merge.clone(),
            data_type: match merge.state() {
                Some(state) => state.value_type().clone(),
                None => in_memory(field),
            },
        })
    });
    let rollup = MergedRollup {
        name: "tile".to_owned(),
        columns: of_columns.collect(),
        rows: vec![TileRows {
            windows: Vec::new(),
            tiles: vec![tile],
        }],
    };
    let user_id = columns.field_with_name(USER_ID).unwrap();
    let table = MergedTiles::new(vec![rollup], in_memory(user_id));
    let limits = EngineLimits::default();
    let session = Session::open(&limits, [], []).unwrap();
    let batches = session
        .read(Arc::new(table))
        .unwrap()
        .collect()
        .await
        .unwrap();
    batches.iter().flat_map(texts).collect()
}

/// The type of a column's values in a night.
fn in_memory(field: &Field) -> DataType {
    match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        other => other.clone(),
    }
}

fn texts(batch: &RecordBatch) -> Vec<String> {
    let rows = (0..batch.num_rows()).map(|row| {
        let values = batch.columns().iter();
        let values = values.map(|values| match values.is_null(row) {
            true => "NULL".to_owned(),
            false => array_value_to_string(values, row).unwrap(),
        });
        values.collect::<Vec<_>>().join(" | ")
    });
    rows.collect()
}

/// The newest fixture of every type, written again.
#[tokio::test]
async fn tiles_are_written_in_the_newest_form() {
    let newest = versions("tile").pop().unwrap();
    let folder = fixture(&format!("tile/{newest}"));
    let (output, layout) = output(&folder);
    let scratch = tempfile::tempdir().unwrap();
    for (rollup, written) in [
        ("every_type", write_every_type(scratch.path())),
        ("orders", tile_of_states(scratch.path()).await),
    ] {
        let stored = StoredTiles::list(&output, &layout, rollup).await.unwrap();
        let kept = stored.tiles().next();
        let kept = kept.expect("the newest form has a tile of every type, and one of states");
        let name = kept.path.filename().unwrap();
        let kept = folder.join("tiles").join(rollup).join(name);
        let [written, kept] = [written, kept].map(|path| form_of(&path));
        assert_eq!(
            written, kept,
            "tierline writes another form of tiles than tests/fixtures/formats/tile/{newest}. If that is meant, keep that fixture and add one of the new form; where a tierline of before could not read it, raise the version in tiles::address: see tests/fixtures/formats/README.md"
        );
    }
}

/// A state in the engine's form is read by the version that wrote it, whatever the file is called.
#[test]
fn states_of_another_engine_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let rollup = TableName::new(SqlSchema::Rollups, "orders");
    let address = address_of(&rollup, NaiveDate::from_ymd_opt(2026, 10, 24).unwrap());
    let of_engine = |engine| Maker {
        rollup: rollup.clone(),
        engine,
    };
    let users: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = RecordBatch::try_from_iter_with_nullable([(USER_ID, users, true)]).unwrap();
    let path = scratch.path().join("tile.parquet");
    let written = of_engine(Some("55.2.0"));
    let writer = TileWriter::create(path.clone(), &written, &address, rows.schema());
    let mut writer = writer.unwrap();
    writer.write(&rows).unwrap();
    let file = writer.finish().unwrap();
    let stored = StoredTile {
        path: object_store::path::Path::from("tile.parquet"),
        size_bytes: file.size_bytes,
        written: chrono::DateTime::default(),
        address: address.to_string(),
        digest: file.digest,
    };
    let accepted = |engine| {
        let maker = of_engine(engine);
        accept(&path, &maker, &stored, address.period, &rows.schema()).unwrap()
    };
    assert!(accepted(Some("55.2.0")).is_ok());
    for other in [None, Some("56.0.0")] {
        let refusal = Refusal::damaged("its footer names another tile");
        assert_eq!(accepted(other).unwrap_err(), refusal);
    }
}

/// What a file says it is, and its columns with their types and encodings.
fn form_of(path: &Path) -> (Option<String>, Vec<String>) {
    let metadata = ArrowReaderMetadata::load(&File::open(path).unwrap(), Default::default());
    let metadata = metadata.unwrap();
    let file = metadata.metadata().file_metadata();
    let pairs = file.key_value_metadata().into_iter().flatten();
    let stamp = pairs.clone().find(|pair| pair.key == STAMP);
    let stamp = stamp.and_then(|pair| pair.value.clone());
    let group = metadata.metadata().row_group(0);
    let columns = group.columns().iter().map(|column| {
        let descriptor = column.column_descr();
        let encodings: BTreeSet<String> = column
            .encodings()
            .map(|encoding| encoding.to_string())
            .collect();
        format!(
            "{} {} {:?} {} {encodings:?}",
            descriptor.name(),
            descriptor.physical_type(),
            descriptor.logical_type_ref(),
            column.compression(),
        )
    });
    (stamp, columns.collect())
}

/// Rows without a user and of two, one of whom has no value in most columns, as the tile that a tile builder would write.
fn write_every_type(folder: &Path) -> PathBuf {
    let rollup = TableName::new(SqlSchema::Rollups, "every_type");
    let day = NaiveDate::from_ymd_opt(2026, 10, 24).unwrap();
    let address = address_of(&rollup, day);
    let columns: [(&str, ArrayRef); 9] = [
        (
            USER_ID,
            Arc::new(StringArray::from(vec![None, Some("anna"), Some("zoë")])),
        ),
        ("a_count", Arc::new(Int64Array::from(vec![3, 0, 1]))),
        (
            "a_sum",
            Arc::new(
                Decimal128Array::from(vec![Some(12_30), None, Some(-5)])
                    .with_precision_and_scale(28, 2)
                    .unwrap(),
            ),
        ),
        (
            "a_day",
            Arc::new(Date32Array::from(vec![Some(20_750), None, Some(-1)])),
        ),
        (
            "an_instant",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1_792_800_000_123_456), None, Some(0)])
                    .with_timezone("UTC"),
            ),
        ),
        (
            "a_text",
            Arc::new(StringArray::from(vec![Some("Köln"), None, Some("")])),
        ),
        (
            "always",
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
        (
            "ever",
            Arc::new(BooleanArray::from(vec![Some(false), None, Some(true)])),
        ),
        (
            "a_double",
            Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-2.5)])),
        ),
    ];
    let columns = columns.map(|(name, values)| (name, values, true));
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let path = folder.join("tile.parquet");
    let writer = TileWriter::create(path, &maker(rollup), &address, rows.schema());
    let mut writer = writer.unwrap();
    writer.write(&rows).unwrap();
    let written = writer.finish().unwrap();
    let stored = folder.join(format!("{address}-{}.parquet", written.digest));
    fs::rename(&written.path, &stored).unwrap();
    stored
}

fn address_of(rollup: &TableName, day: NaiveDate) -> Address {
    let definition = Definition {
        rollup: rollup.clone(),
        models: vec![Fingerprint::of("SELECT")],
        sources: Vec::new(),
        references: vec!["open,yes".to_owned()],
        engine: None,
        before: DefinitionBefore::default(),
    };
    let days = SourceDays {
        by_day: [(day, Fingerprint::of("files"))].into(),
        ..SourceDays::default()
    };
    let number = day.to_epoch_days();
    Addresses::new(&definition, days)
        .of(Period::day(number))
        .unwrap()
}

/// A state has parts: what it is ordered by may be texts in a tile, and numbers in the newest files.
#[test]
fn texts_where_files_have_numbers_are_found_within_states() {
    let of = |data_type| Schema::new(vec![Field::new("last", data_type, true)]);
    let state = |order: DataType| {
        let parts = [("value", DataType::Utf8), ("order_id", order)];
        let parts = parts.map(|(name, part)| Field::new(name, part, true));
        DataType::List(Arc::new(Field::new(
            "item",
            DataType::Struct(parts.to_vec().into()),
            true,
        )))
    };
    let texts = Some(Refusal::Texts("last".to_owned()));
    for (stored, expected, refusal) in [
        (DataType::Utf8View, DataType::Int64, texts.clone()),
        (state(DataType::Utf8), state(DataType::Int64), texts),
        (state(DataType::Utf8), state(DataType::Utf8View), None),
    ] {
        assert_eq!(other_types(&of(stored), &of(expected)), refusal);
    }
    let numbers = other_types(&of(state(DataType::Int64)), &of(state(DataType::Utf8)));
    assert!(matches!(numbers, Some(Refusal::Damaged(_))), "{numbers:?}");
}
