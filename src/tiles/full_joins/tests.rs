//! Random SELECTs over merged tiles give the rows that they give over plain tables of the same
//! rows, in which nothing can be fused.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use parquet::arrow::ArrowWriter;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::engine::{EngineLimits, Session};
use crate::ground::{SqlSchema, TableName};
use crate::tiles::file::TileFile;
use crate::tiles::merge_inputs::{MergedColumn, MergedRollup};
use crate::tiles::{Merge, TileRows};

/// Three rollups, or windows of rollups.
const TABLES: [&str; 3] = ["a", "b", "c"];

/// What a side may compute from the columns of its table.
const COMPUTED: [&str; 30] = [
    "n",
    "s",
    "t",
    "user_id",
    "7",
    "'x'",
    "TRUE",
    "NULL",
    "COALESCE(n, 0)",
    "COALESCE(s, 0)",
    "COALESCE(t, 'none')",
    "COALESCE(s, n)",
    "CASE WHEN n > 1 THEN 'many' ELSE 'few' END",
    "CASE WHEN t IS NULL THEN 1 END",
    "n + 1",
    "n * s",
    "10 / NULLIF(n, 0)",
    "s IS NULL",
    "n IS NOT NULL",
    "user_id IS NULL",
    "NULLIF(n, 1)",
    "n BETWEEN 1 AND 2",
    "n IN (1, 2)",
    "NOT (n > 1)",
    "n > 1 OR s IS NULL",
    "CAST(n AS VARCHAR) || '!'",
    "GREATEST(n, s, 1)",
    "n < (SELECT MAX(v.m) FROM (VALUES (1), (2)) AS v(m))",
    "COALESCE(s, (SELECT MAX(v.m) FROM (VALUES (1)) AS v(m) WHERE v.m > 1), 5)",
    "(SELECT MAX(v.m) FROM (VALUES (1), (2)) AS v(m) WHERE v.m = n)",
];

/// What a join may compute from a column of one of its sides.
const OVER_A_SIDE: [&str; 5] = [
    "{}",
    "{} IS NULL",
    "COALESCE(CAST({} AS VARCHAR), '?')",
    "CASE WHEN {} IS NOT NULL THEN 1 ELSE 0 END",
    "42",
];

/// The keys of a join.
const KEYS: [&str; 5] = [
    "l.user_id = r.user_id",
    "l.user_id = r.user_id",
    "l.user_id = r.user_id",
    "r.user_id = l.user_id",
    "l.user_id + 1 = r.user_id",
];

/// What a join asks for besides: of either side, or of both.
const CONDITIONS: [&str; 12] = [
    "",
    "",
    "",
    "",
    " AND l.user_id > 2",
    " AND r.user_id > 2",
    " AND l.p1 IS NULL",
    " AND r.p1 IS NOT NULL",
    " AND l.user_id + r.user_id > 4",
    " AND (l.p1 IS NULL OR r.p0 IS NULL)",
    " AND CAST(l.p0 AS VARCHAR) < CAST(r.p1 AS VARCHAR)",
    " AND CAST(NULL AS BOOLEAN)",
];

/// Users who are among others, or are not.
const LOOKUPS: [&str; 6] = [
    "EXISTS (SELECT 1 FROM {right} AS r WHERE r.user_id = l.user_id{condition})",
    "NOT EXISTS (SELECT 1 FROM {right} AS r WHERE r.user_id = l.user_id{condition})",
    "l.user_id IN (SELECT r.user_id FROM {right} AS r WHERE r.user_id IS NOT NULL{condition})",
    "l.user_id NOT IN (SELECT r.user_id FROM {right} AS r WHERE r.user_id IS NOT NULL)",
    "l.p0 IS NULL OR EXISTS (SELECT 1 FROM {right} AS r WHERE r.user_id = l.user_id{condition})",
    "l.p1 IS NULL OR l.user_id IN (SELECT r.user_id FROM {right} AS r)",
];

#[derive(Debug, Clone)]
struct Row {
    n: i64,
    s: Option<i64>,
    t: Option<&'static str>,
}

type Rows = std::collections::BTreeMap<i64, Row>;

/// The rows of each table.
fn rows() -> impl Strategy<Value = Vec<Rows>> {
    let row = (
        0..4_i64,
        option::of(0..3_i64),
        option::of(select(vec!["p", "q"])),
    );
    let row = row.prop_map(|(n, s, t)| Row { n, s, t });
    vec(btree_map(0..6_i64, row, 0..5), TABLES.len())
}

/// A parenthesised SELECT of user_id, p0 and p1.
fn selects() -> impl Strategy<Value = String> {
    let of_table = (
        select(&TABLES[..]),
        select(&COMPUTED[..]),
        select(&COMPUTED[..]),
    );
    let of_table = of_table.prop_map(|(table, p0, p1)| {
        format!("(SELECT user_id, {p0} AS p0, {p1} AS p1 FROM rollups.{table})")
    });
    of_table.prop_recursive(3, 8, 2, |inner| {
        let join = select(vec!["FULL", "FULL", "LEFT", "RIGHT", "INNER"]);
        let key = select(vec![
            "COALESCE(l.user_id, r.user_id)",
            "COALESCE(l.user_id, r.user_id)",
            "COALESCE(r.user_id, l.user_id)",
            "l.user_id",
            "r.user_id",
        ]);
        let values = vec((select(&OVER_A_SIDE[..]), select(vec!["l", "r"]), 0..2_usize), 2);
        let filter = select(vec!["", "", " WHERE l.p0 IS NULL", " WHERE r.user_id IS NOT NULL"]);
        let joined = (
            inner.clone(),
            inner.clone(),
            join,
            (key, any::<bool>()),
            (select(&KEYS[..]), select(&CONDITIONS[..])),
            values,
            filter,
        );
        let joined = joined.prop_map(
            |(left, right, join, (key, is_grouped), (keys, condition), values, filter)| {
                let values = values.into_iter().enumerate().map(|(index, (over, side, of))| {
                    let value = over.replace("{}", &format!("{side}.p{of}"));
                    match is_grouped {
                        true => format!(", MAX(CAST({value} AS VARCHAR)) AS p{index}"),
                        false => format!(", {value} AS p{index}"),
                    }
                });
                let values: String = values.collect();
                let group = if is_grouped { format!(" GROUP BY {key}") } else { String::new() };
                format!(
                    "(SELECT {key} AS user_id{values} FROM {left} AS l {join} JOIN {right} AS r ON {keys}{condition}{filter}{group})"
                )
            },
        );
        let looked_up = (inner.clone(), inner, select(&LOOKUPS[..]), select(&CONDITIONS[..]));
        let looked_up = looked_up.prop_map(|(left, right, lookup, condition)| {
            let lookup = lookup.replace("{right}", &right).replace("{condition}", condition);
            format!("(SELECT l.user_id, l.p0, l.p1 FROM {left} AS l WHERE {lookup})")
        });
        prop_oneof![3 => joined, 1 => looked_up]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn what_is_fused_gives_the_rows_of_what_is_not(tables in rows(), select in selects()) {
        let fused = answer(&tables, &select, merged);
        let plain = answer(&tables, &select, in_memory);
        prop_assert_eq!(fused, plain, "{}", select);
    }
}

#[test]
fn what_a_side_computes_is_null_for_users_whom_it_lacks() {
    let row = |n| Row {
        n,
        s: None,
        t: None,
    };
    let tables = [
        Rows::from([(1, row(3))]),
        Rows::from([(1, row(1)), (2, row(2))]),
        Rows::from([(3, row(0))]),
    ];
    let select = "(SELECT COALESCE(l.user_id, r.user_id, x.user_id) AS user_id, l.p0, l.p1, l.p0 IS NULL AS p2
        FROM (SELECT user_id, TRUE AS p0, COALESCE(s, 0) AS p1 FROM rollups.a) AS l
        FULL JOIN rollups.b AS r ON l.user_id = r.user_id
        FULL JOIN rollups.c AS x ON COALESCE(l.user_id, r.user_id) = x.user_id)";
    let expected = ["1|true|0|false", "2|||true", "3|||true"];
    assert_eq!(answer(&tables, select, merged), expected);
    assert_eq!(answer(&tables, select, in_memory), expected);
}

/// The engine took columns away from below the join, and the condition read others.
#[test]
fn condition_of_the_kept_side_reads_its_own_column() {
    let row = |n, s| Row {
        n,
        s: Some(s),
        t: None,
    };
    let tables = [
        Rows::from([(1, row(5, 0)), (2, row(6, 0))]),
        Rows::from([(1, row(0, 7)), (2, row(2, 8)), (3, row(2, 9))]),
        Rows::new(),
    ];
    for (join, first) in [("RIGHT", "1||7"), ("FULL", "1|5|7")] {
        let select = format!(
            "(SELECT COALESCE(c.user_id, b.user_id) AS user_id, MAX(b.n) AS n, MAX(c.s) AS s
            FROM rollups.a AS b {join} JOIN rollups.b AS c ON b.user_id = c.user_id AND c.n > 1
            GROUP BY COALESCE(c.user_id, b.user_id))"
        );
        let expected = [first, "2|6|8", "3||9"];
        assert_eq!(answer(&tables, &select, merged), expected, "{join}");
        assert_eq!(answer(&tables, &select, in_memory), expected, "{join}");
    }
}

/// The engine moved the filter below the join by the name of its column, to the other side's `p0`.
#[test]
fn filter_on_the_side_without_a_row_keeps_the_row_of_the_other() {
    let row = |n| Row {
        n,
        s: None,
        t: None,
    };
    let tables = [
        Rows::from([(3, row(2))]),
        Rows::new(),
        Rows::from([(3, row(0))]),
    ];
    let select = "(SELECT COALESCE(l.user_id, r.user_id) AS user_id, l.p0 AS p0, r.p0 AS p1
        FROM (SELECT user_id, n AS p0 FROM rollups.a) AS l
        RIGHT JOIN (
            SELECT l.user_id, l.p0 FROM (SELECT user_id, NULLIF(n, 1) AS p0 FROM rollups.a) AS l
            LEFT JOIN rollups.c AS r ON l.user_id = r.user_id WHERE r.user_id IS NOT NULL
        ) AS r ON l.user_id + 1 = r.user_id
        WHERE l.p0 IS NULL)";
    assert_eq!(answer(&tables, select, merged), ["3||2"]);
    assert_eq!(answer(&tables, select, in_memory), ["3||2"]);
}

#[test]
fn joins_of_different_rollups_are_one_scan() {
    let tables = vec![Rows::new(); 3];
    let folder = tempfile::tempdir().unwrap();
    let session = session_over(&tables, folder.path(), merged);
    let sql = "SELECT COALESCE(l.user_id, r.user_id) AS user_id, l.yes, r.n
        FROM (SELECT user_id, TRUE AS yes FROM rollups.a) AS l
        FULL JOIN rollups.b AS r ON l.user_id = r.user_id";
    let plan = runtime().block_on(async {
        let rows = session.sql(sql).await.unwrap();
        rows.into_optimized_plan().unwrap().to_string()
    });
    assert!(!plan.contains("Join"), "{plan}");
}

/// The models of the pack are such joins; one of them asks which tier is the highest.
#[test]
fn joins_with_oneself_are_one_scan_though_one_side_asks_a_subquery() {
    let folder = tempfile::tempdir().unwrap();
    let session = session_over(&vec![Rows::new(); 3], folder.path(), merged);
    let sql = "SELECT l.user_id, l.n, r.is_largest
        FROM rollups.a AS l
        INNER JOIN (
            SELECT user_id, n = (SELECT MAX(v.m) FROM (VALUES (1), (2)) AS v(m)) AS is_largest
            FROM rollups.a
        ) AS r ON l.user_id = r.user_id";
    let plan = runtime().block_on(async {
        let rows = session.sql(sql).await.unwrap();
        rows.into_optimized_plan().unwrap().to_string()
    });
    assert!(!plan.contains("Join"), "{plan}");
}

#[test]
fn users_that_are_null_meet_nobody_in_a_join() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = batch(
        &[None, Some(1)],
        &[
            Row {
                n: 1,
                s: None,
                t: None,
            },
            Row {
                n: 2,
                s: None,
                t: None,
            },
        ],
    );
    let rollups = ["a", "b"].map(|name| rollup(name, &nobody, folder.path()));
    let table = MergedTiles::new(rollups.to_vec(), DataType::Int64);
    let session = open_session();
    session
        .register(&"rollups.ab".parse().unwrap(), Arc::new(table))
        .unwrap();
    let found = run(&session, "SELECT user_id, \"a.n\", \"b.n\" FROM rollups.ab");
    assert_eq!(found, ["1|2|2", "|1|", "||1"]);
}

fn answer(
    tables: &[Rows],
    select: &str,
    provider: fn(&str, &RecordBatch, &Path) -> Arc<dyn TableProvider>,
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    run(&session_over(tables, folder.path(), provider), select)
}

fn session_over(
    tables: &[Rows],
    folder: &Path,
    provider: fn(&str, &RecordBatch, &Path) -> Arc<dyn TableProvider>,
) -> Session {
    let session = open_session();
    for (name, rows) in TABLES.iter().zip(tables) {
        let users: Vec<Option<i64>> = rows.keys().copied().map(Some).collect();
        let rows: Vec<Row> = rows.values().cloned().collect();
        let table = provider(name, &batch(&users, &rows), folder);
        let name = TableName::new(SqlSchema::Rollups, *name);
        session.register(&name, table).unwrap();
    }
    session
}

fn open_session() -> Session {
    let limits = EngineLimits {
        threads: NonZeroUsize::MIN.saturating_add(1),
        ..EngineLimits::default()
    };
    Session::open(&limits, [], [fuse_full_joins()]).unwrap()
}

fn batch(users: &[Option<i64>], rows: &[Row]) -> RecordBatch {
    let users: ArrayRef = Arc::new(Int64Array::from(users.to_vec()));
    let n: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.n)).collect::<Int64Array>());
    let s: ArrayRef = Arc::new(rows.iter().map(|row| row.s).collect::<Int64Array>());
    let t: ArrayRef = Arc::new(rows.iter().map(|row| row.t).collect::<StringArray>());
    let columns = [("user_id", users), ("n", n), ("s", s), ("t", t)];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, values)| (name, values, true)))
        .unwrap()
}

/// The rows as the one tile of a rollup.
fn merged(name: &str, rows: &RecordBatch, folder: &Path) -> Arc<dyn TableProvider> {
    Arc::new(MergedTiles::new(
        vec![rollup(name, rows, folder)],
        DataType::Int64,
    ))
}

fn in_memory(_name: &str, rows: &RecordBatch, _folder: &Path) -> Arc<dyn TableProvider> {
    Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows.clone()]]).unwrap())
}

fn rollup(name: &str, rows: &RecordBatch, folder: &Path) -> MergedRollup {
    let path = folder.join(name);
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    let tile = TileFile {
        path,
        size_bytes: 0,
        digest: String::new(),
        rows: rows.num_rows() as u64,
        stored: None,
        last_day: 0,
    };
    let column = |name: &str, merge, data_type| MergedColumn {
        name: name.to_owned(),
        source: name.to_owned(),
        window: None,
        merge,
        data_type,
    };
    MergedRollup {
        name: name.to_owned(),
        columns: vec![
            column("n", Merge::Count, DataType::Int64),
            column("s", Merge::Sum, DataType::Int64),
            column("t", Merge::Max, DataType::Utf8),
        ],
        rows: vec![TileRows {
            windows: Vec::new(),
            tiles: vec![tile],
        }],
    }
}

/// The rows of a SELECT as texts, in order.
fn run(session: &Session, select: &str) -> Vec<String> {
    let sql = format!("SELECT * FROM ({select}) AS answer");
    let batches = runtime().block_on(async {
        let rows = session.sql(&sql).await.unwrap();
        rows.collect().await.unwrap()
    });
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let columns = batch.columns().iter();
            let values = columns.map(|column| array_value_to_string(column, row).unwrap());
            rows.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    rows.sort();
    rows
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}
