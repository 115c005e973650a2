use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::JoinType;
use datafusion::prelude::DataFrame;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::merge_inputs::{MergedColumn, MergedRollup, TileRows};
use super::super::merged::MergedTiles;
use super::super::merging::Merge;
use super::*;
use crate::engine::{EngineLimits, Session, planned_in_ranges};

/// A tile with a page for each few users, each of whom has a count of 1.
fn tile(folder: &TempDir, name: &str, users: ArrayRef, page_rows: usize) -> TileFile {
    let path = folder.path().join(name);
    let rows = users.len();
    let ones: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
    let columns = [(USER_ID, users, true), ("orders", ones, true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_data_page_row_count_limit(page_rows)
        .set_write_batch_size(page_rows)
        .set_max_row_group_row_count(Some(5 * page_rows))
        .set_dictionary_enabled(false)
        .build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    TileFile {
        size_bytes: path.metadata().unwrap().len(),
        path,
        digest: String::new(),
        rows: rows as u64,
        stored: None,
        last_day: 0,
    }
}

fn texts(users: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(users))
}

fn text(text: &str) -> UserId {
    UserId::Text(text.to_owned())
}

/// The rows of a tile that a range opens.
fn selected(tile: &TileFile, range: &UserRange) -> Option<usize> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let file = File::open(&tile.path).unwrap();
    let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
    let rows = range.rows_in(metadata.metadata());
    rows.map(|rows| rows.row_count())
}

#[test]
fn a_range_reads_its_own_pages() {
    let folder = TempDir::new().unwrap();
    let users = (0..100).map(|user| Some(format!("u{user:03}")));
    let tile = tile(&folder, "tile", texts(users), 4);
    let range = |from: Option<&str>, before: Option<&str>| UserRange {
        from: from.map(text),
        before: before.map(text),
    };
    assert_eq!(selected(&tile, &range(None, None)), None);
    assert_eq!(selected(&tile, &range(None, Some("u000"))), Some(0));
    assert_eq!(selected(&tile, &range(None, Some("u001"))), Some(4));
    assert_eq!(
        selected(&tile, &range(Some("u030"), Some("u041"))),
        Some(16)
    );
    assert_eq!(selected(&tile, &range(Some("u098"), None)), Some(4));
    assert_eq!(selected(&tile, &range(Some("v"), None)), Some(0));
}

#[test]
fn ranges_have_about_the_same_number_of_rows() {
    let folder = TempDir::new().unwrap();
    let users = (0..1000).map(|user| Some(format!("u{user:04}")));
    let few = texts((0..10).map(|user| Some(format!("x{user}"))));
    let tiles = |page_rows| {
        [
            tile(&folder, "many", texts(users.clone()), page_rows),
            tile(&folder, "few", Arc::clone(&few), page_rows),
        ]
    };
    let exact = ["u0253", "u0505", "u0758"].map(text);
    assert_eq!(UserRanges::cut(&tiles(1000), 4).unwrap().splits, exact);
    // By pages of ten users.
    let by_page = ["u0260", "u0510", "u0760"].map(text);
    assert_eq!(UserRanges::cut(&tiles(10), 4).unwrap().splits, by_page);
    assert_eq!(
        UserRanges::cut(&tiles(10), 1).unwrap(),
        UserRanges::default()
    );
    assert_eq!(UserRanges::cut(&[], 4).unwrap(), UserRanges::default());
}

#[test]
fn there_are_no_more_ranges_than_users() {
    let folder = TempDir::new().unwrap();
    let users = texts([None, Some("a".to_owned()), Some("b".to_owned())]);
    let ranges = UserRanges::cut(&[tile(&folder, "tile", users, 10)], 64).unwrap();
    assert_eq!(ranges.count(), 2, "{ranges:?}");
    let conditions = ranges
        .iter()
        .map(|range| range.condition().unwrap().to_string());
    let conditions: Vec<String> = conditions.collect();
    assert_eq!(
        conditions,
        [
            "user_id < Utf8(\"b\") OR user_id IS NULL",
            "user_id >= Utf8(\"b\")"
        ]
    );
}

/// A table of tiles, in ranges of its users.
fn table(tiles: &[TileFile], user_id_type: DataType, ranges: UserRanges) -> MergedTiles {
    let rollup = MergedRollup {
        name: "tile".to_owned(),
        columns: vec![MergedColumn {
            name: "orders".to_owned(),
            source: "orders".to_owned(),
            window: None,
            merge: Merge::Count,
            data_type: DataType::Int64,
        }],
        rows: vec![TileRows {
            windows: Vec::new(),
            tiles: tiles.to_vec(),
        }],
    };
    MergedTiles::new(vec![rollup], user_id_type).in_ranges(Arc::new(ranges))
}

/// The merged rows of tiles, range after range.
async fn merged(tiles: &[TileFile], user_id_type: DataType, count: usize) -> Vec<String> {
    let ranges = UserRanges::cut(tiles, count).unwrap();
    let table = table(tiles, user_id_type, ranges);
    let session = Session::open(&EngineLimits::default(), [], []).unwrap();
    let rows = session.read(Arc::new(table)).unwrap();
    let partitions = rows.collect_partitioned().await.unwrap();
    let batches = partitions.iter().flatten();
    let rows = batches.flat_map(|batch| {
        (0..batch.num_rows()).map(move |row| {
            let value = |column: usize| array_value_to_string(batch.column(column), row).unwrap();
            format!("{} {}", value(0), value(1))
        })
    });
    rows.collect()
}

/// Ranges of another column that is called user_id are none of users, and the first rows of all users are not
/// those of each range.
#[tokio::test]
async fn only_what_keeps_to_its_users_is_computed_in_ranges() {
    let folder = TempDir::new().unwrap();
    let users = Arc::new(Int64Array::from_iter_values(0..40));
    let tiles = [tile(&folder, "tile", users, 10)];
    let ranges = UserRanges::cut(&tiles, 4).unwrap();
    let split_points = ranges.split_points(&DataType::Int64).unwrap();
    let table: Arc<dyn TableProvider> = Arc::new(table(&tiles, DataType::Int64, ranges));
    for threads in [1, 2, 16] {
        let limits = EngineLimits {
            threads: threads.try_into().unwrap(),
            ..EngineLimits::default()
        };
        let session = Session::open(&limits, [], []).unwrap();
        let users = session.read(Arc::clone(&table)).unwrap();
        let others = users.clone().select(vec![
            ident("orders").alias(USER_ID),
            ident(USER_ID).alias("orders"),
        ]);
        let joined = users.clone().join(
            users
                .clone()
                .select(vec![ident(USER_ID).alias("other")])
                .unwrap(),
            JoinType::Inner,
            &[USER_ID],
            &["other"],
            None,
        );
        let in_order = |rows: DataFrame| rows.sort(vec![ident(USER_ID).sort(true, true)]).unwrap();
        let first = in_order(users.clone()).limit(0, Some(3)).unwrap();
        for (rows, expected) in [
            (users, 4),
            (joined.unwrap(), 4),
            (others.unwrap(), 1),
            (first, 1),
        ] {
            let planned = planned_in_ranges(in_order(rows), "users", &split_points).await;
            assert_eq!(planned.unwrap().len(), expected, "{threads} threads");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the number of ranges, they are the users of one merge, in its order.
    #[test]
    fn ranges_together_are_all_users(
        tiles in prop::collection::vec(
            prop::collection::btree_set(prop::option::of("[ab]{0,2}(common-beginning-of-ids)?[ab]{0,3}"), 0..60),
            1..4,
        ),
        count in prop::sample::select(vec![2, 3, 7, 64]),
        page_rows in 1..12_usize,
    ) {
        let folder = TempDir::new().unwrap();
        let tiles: Vec<TileFile> = tiles.into_iter().enumerate().map(|(index, users)| {
            tile(&folder, &index.to_string(), texts(users), page_rows)
        }).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let [one, many] = [1, count].map(|count| {
            runtime.block_on(merged(&tiles, DataType::Utf8View, count))
        });
        prop_assert_eq!(one, many);
    }

    #[test]
    fn ranges_of_numbers_together_are_all_users(
        tiles in prop::collection::vec(
            prop::collection::btree_set(prop::option::of(-50..50_i64), 0..60),
            1..4,
        ),
        count in prop::sample::select(vec![2, 3, 7, 64]),
        page_rows in 1..12_usize,
    ) {
        let folder = TempDir::new().unwrap();
        let tiles: Vec<TileFile> = tiles.into_iter().enumerate().map(|(index, users)| {
            let users = Arc::new(Int64Array::from_iter(users));
            tile(&folder, &index.to_string(), users, page_rows)
        }).collect();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let [one, many] = [1, count].map(|count| {
            runtime.block_on(merged(&tiles, DataType::Int64, count))
        });
        prop_assert_eq!(one, many);
    }
}
