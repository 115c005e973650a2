//! Whatever the tiles that a history is parted into, what is merged from them is what the engine
//! computes over the rows: random histories, random tilings, every aggregate.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};
use futures::TryStreamExt;
use proptest::prelude::*;

use super::*;
use crate::engine::{EngineLimits, Session};
use crate::ground::{Fingerprint, SourceFile, SqlSchema, TableName};
use crate::models::planner;
use crate::models::{Model, Parameters};
use crate::tiles::file::{Maker, TileFile, TileWriter};
use crate::tiles::merge_inputs::{MergedColumn, MergedRollup, TileRows};
use crate::tiles::period::{Period, day_of};
use crate::tiles::{
    Addresses, Definition, DefinitionBefore, MergedTiles, Rollup, SourceDays, USER_ID, Window,
    windows,
};

/// Columns of a rollup, and the same as the engine computes it over rows.
const COLUMNS: [(&str, &str, &str); 25] = [
    ("rows", "COUNT(*)", "COUNT(*)"),
    (
        "paid",
        "SUM(amount) FILTER (WHERE is_paid)",
        "SUM(amount) FILTER (WHERE is_paid)",
    ),
    ("points", "SUM(points)", "SUM(points)"),
    ("days", "COUNT(DISTINCT day)", "COUNT(DISTINCT day)"),
    (
        "texts",
        "COUNT(DISTINCT content)",
        "COUNT(DISTINCT content)",
    ),
    (
        "paid_points",
        "COUNT(DISTINCT points) FILTER (WHERE is_paid)",
        "COUNT(DISTINCT points) FILTER (WHERE is_paid)",
    ),
    (
        "about",
        "APPROX_DISTINCT(content)",
        "CAST(APPROX_DISTINCT(content) AS BIGINT)",
    ),
    (
        "about_points",
        "APPROX_DISTINCT(points)",
        "CAST(APPROX_DISTINCT(points) AS BIGINT)",
    ),
    ("smallest", "MIN(amount)", "MIN(amount)"),
    (
        "largest",
        "MAX(CAST(amount AS DOUBLE))",
        "MAX(CAST(amount AS DOUBLE))",
    ),
    ("every", "BOOL_AND(is_paid)", "BOOL_AND(is_paid)"),
    ("any", "BOOL_OR(is_paid)", "BOOL_OR(is_paid)"),
    ("bits_and", "BIT_AND(points)", "BIT_AND(points)"),
    ("bits_or", "BIT_OR(points)", "BIT_OR(points)"),
    ("bits_xor", "BIT_XOR(points)", "BIT_XOR(points)"),
    ("average", "AVG(amount)", "AVG(amount)"),
    (
        "average_points",
        "AVG(points) FILTER (WHERE is_paid)",
        "AVG(points) FILTER (WHERE is_paid)",
    ),
    (
        "latest",
        "LAST_VALUE(content ORDER BY day, seconds, content)",
        "LAST_VALUE(content ORDER BY day, seconds, content)",
    ),
    (
        "newest",
        "LAST_VALUE(content ORDER BY seconds, id)",
        "LAST_VALUE(content ORDER BY seconds, id)",
    ),
    (
        "newest_known",
        "LAST_VALUE(content ORDER BY seconds DESC NULLS LAST, id) IGNORE NULLS",
        "LAST_VALUE(content ORDER BY seconds DESC NULLS LAST, id) FILTER (WHERE content IS NOT NULL)",
    ),
    (
        "newest_of_all",
        "LAST_VALUE(content ORDER BY day, seconds, content) RESPECT NULLS",
        "LAST_VALUE(content ORDER BY day, seconds, content)",
    ),
    (
        "newest_paid",
        "LAST_VALUE(amount ORDER BY seconds, id) FILTER (WHERE is_paid)",
        "LAST_VALUE(amount ORDER BY seconds, id) FILTER (WHERE is_paid)",
    ),
    (
        "oldest",
        "FIRST_VALUE(amount ORDER BY seconds NULLS FIRST, id)",
        "FIRST_VALUE(amount ORDER BY seconds NULLS FIRST, id)",
    ),
    (
        "last_three",
        "last_n_distinct(content, 3 ORDER BY seconds NULLS FIRST, id)",
        "last_n_distinct(content, 3 ORDER BY seconds NULLS FIRST, id)",
    ),
    (
        "last_paid",
        "last_n_distinct(points, 2 ORDER BY day, points) FILTER (WHERE is_paid)",
        "last_n_distinct(points, 2 ORDER BY day, points) FILTER (WHERE is_paid)",
    ),
];

/// Those that the engine computes in DOUBLE, and so not to the last digit.
const NEARLY: [(&str, &str, &str); 5] = [
    ("spread", "VAR_POP(amount)", "VAR_POP(amount)"),
    ("sample", "VAR(points)", "VAR(points)"),
    ("deviation", "STDDEV_POP(points)", "STDDEV_POP(points)"),
    (
        "sample_deviation",
        "STDDEV(amount) FILTER (WHERE is_paid)",
        "STDDEV(amount) FILTER (WHERE is_paid)",
    ),
    (
        "paid_average",
        "AVG(CAST(amount AS DOUBLE))",
        "AVG(CAST(amount AS DOUBLE))",
    ),
];

/// Columns of which a tile holds a state in a form of ours, or bits.
const STATES: [(&str, &str, &str); 7] = [
    ("average", "AVG(amount)", ""),
    ("spread", "VAR_POP(amount)", ""),
    ("contents", "COUNT(DISTINCT content)", ""),
    ("newest", "LAST_VALUE(content ORDER BY seconds, id)", ""),
    ("oldest", "FIRST_VALUE(amount ORDER BY seconds, id)", ""),
    (
        "three",
        "last_n_distinct(content, 3 ORDER BY seconds, id)",
        "",
    ),
    ("bits", "BIT_OR(points)", ""),
];

/// How these become values, by name.
pub(in crate::tiles) async fn merges_of_states() -> Vec<(String, Merge)> {
    let history = History::of(&[], &STATES).await;
    let columns = history.rollup.columns.iter();
    let merges = columns.map(|column| (column.name.clone(), column.merge.finished()));
    merges.collect()
}

/// A tile of these columns: a user with everything, one with nothing, and rows of none.
pub(in crate::tiles) async fn tile_of_states(folder: &std::path::Path) -> PathBuf {
    let row = |user, seconds, amount, points, content: Option<&str>| Row {
        day: 3,
        user,
        seconds,
        amount,
        points,
        content: content.map(str::to_owned),
        is_paid: None,
    };
    let rows = [
        row(Some(7), Some(3), Some(1_230), Some(6), Some("soap")),
        row(Some(7), Some(1), Some(-5), Some(1), Some("comb")),
        row(Some(7), Some(2), Some(10_000), Some(8), Some("soap")),
        row(Some(8), None, None, None, None),
        row(None, Some(5), Some(100), None, Some("towel")),
    ];
    let mut history = History::of(&rows, &STATES).await;
    let tile = history.tile((3, 3), &mut Vec::new()).await;
    let address = addresses(&history.rollup).of(Period::day(3)).unwrap();
    let stored = folder.join(format!("{address}-{}.parquet", tile.digest));
    std::fs::copy(tile.path, &stored).unwrap();
    stored
}

#[derive(Debug, Clone)]
struct Row {
    day: i32,
    user: Option<i64>,
    seconds: Option<i64>,
    amount: Option<i128>,
    points: Option<i64>,
    content: Option<String>,
    is_paid: Option<bool>,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..DAYS,
        prop::option::weighted(0.95, 0..4_i64),
        prop::option::weighted(0.9, 0..6_i64),
        prop::option::weighted(0.9, -10_000..10_000_i128),
        prop::option::weighted(0.9, -40..40_i64),
        prop::option::weighted(0.9, "[a-e]"),
        prop::option::weighted(0.9, any::<bool>()),
    );
    let row = row.prop_map(
        |(day, user, seconds, amount, points, content, is_paid)| Row {
            day,
            user,
            seconds,
            amount,
            points,
            content,
            is_paid,
        },
    );
    prop::collection::vec(row, 1..60)
}

/// How many days a history has, from day 0 on.
const DAYS: i32 = 9;

/// What becomes of each range of days that a tile is asked of: parted in two or not.
fn choices() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(0.7), 16)
}

struct History {
    session: Session,
    rollup: Rollup,
    folder: tempfile::TempDir,
    made: usize,
}

impl History {
    async fn of(rows: &[Row], columns: &[(&str, &str, &str)]) -> Self {
        let limits = EngineLimits {
            threads: NonZeroUsize::MIN.saturating_add(1),
            ..EngineLimits::default()
        };
        let session = Session::open(&limits, [], []).unwrap();
        let table = table(rows);
        session
            .register(&TableName::new(SqlSchema::Staging, "orders"), table)
            .unwrap();
        let columns = columns
            .iter()
            .map(|(name, sql, _)| format!("{sql} AS {name}"));
        let columns: Vec<String> = columns.collect();
        let rollup = rollup(&session, &columns.join(",\n")).await.unwrap();
        Self {
            session,
            rollup,
            folder: tempfile::tempdir().unwrap(),
            made: 0,
        }
    }

    /// A tile of some days, from the rows or from tiles of parts of them.
    async fn tile(&mut self, days: (i32, i32), choices: &mut Vec<bool>) -> TileFile {
        let (first, last) = days;
        let is_parted = first < last && choices.pop().unwrap_or(false);
        if !is_parted {
            let within = col("day").between(date(first), date(last));
            let rows = self.rollup.stored(Some(within)).unwrap();
            let rows = LogicalPlanBuilder::from(rows);
            let rows = rows.sort([col(USER_ID).sort(true, true)]).unwrap();
            return self.write(rows.build().unwrap(), last).await;
        }
        let middle = first + (last - first) / 2;
        let later = Box::pin(self.tile((middle + 1, last), choices)).await;
        let earlier = Box::pin(self.tile((first, middle), choices)).await;
        let merged = self.merged(vec![later, earlier]);
        self.write(merged, last).await
    }

    fn merged(&self, tiles: Vec<TileFile>) -> LogicalPlan {
        let columns = self.rollup.columns.iter().map(|column| MergedColumn {
            name: column.name.clone(),
            source: column.name.clone(),
            window: None,
            merge: column.merge.clone(),
            data_type: column.stored_type(),
        });
        let merged = MergedRollup {
            name: "orders".to_owned(),
            columns: columns.collect(),
            rows: vec![TileRows {
                windows: Vec::new(),
                tiles,
            }],
        };
        let table = MergedTiles::new(vec![merged], self.rollup.user_id_type.clone());
        let table = self.session.read(Arc::new(table)).unwrap();
        table.into_unoptimized_plan()
    }

    async fn write(&mut self, rows: LogicalPlan, last: i32) -> TileFile {
        self.made += 1;
        let path: PathBuf = self.folder.path().join(format!("{}.parquet", self.made));
        let columns = self.rollup.columns.iter();
        let columns = columns.map(|column| Field::new(&column.name, column.stored_type(), true));
        let user = Field::new(USER_ID, self.rollup.user_id_type.clone(), true);
        let schema = Arc::new(Schema::new(
            std::iter::once(user).chain(columns).collect::<Vec<_>>(),
        ));
        let maker = Maker {
            rollup: self.rollup.name.clone(),
            engine: self.rollup.engine_version(),
        };
        let address = addresses(&self.rollup).of(Period::day(last)).unwrap();
        let mut writer = TileWriter::create(path, &maker, &address, Arc::clone(&schema)).unwrap();
        let mut batches = self.session.execute(rows).await.unwrap();
        while let Some(batch) = batches.try_next().await.unwrap() {
            let columns = schema.fields().iter().map(|field| {
                cast(
                    batch.column_by_name(field.name()).unwrap(),
                    field.data_type(),
                )
                .unwrap()
            });
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap()
    }

    /// The values of all days, merged from tiles of these ranges, by user.
    async fn of_tiles(&mut self, choices: &[bool]) -> BTreeMap<String, Vec<String>> {
        let mut choices = choices.to_vec();
        let third = DAYS / 3;
        let ranges = match choices.pop() {
            Some(true) => vec![
                (third, 2 * third - 1),
                (0, third - 1),
                (2 * third, DAYS - 1),
            ],
            _ => vec![(0, DAYS - 1)],
        };
        let mut tiles = Vec::new();
        for range in ranges {
            tiles.push(self.tile(range, &mut choices).await);
        }
        let rows = TileRows {
            windows: vec![Window::Lifetime],
            tiles,
        };
        let table = windows::over("orders", &self.rollup, &[Window::Lifetime], &[rows]);
        let rows = self.session.read(Arc::new(table)).unwrap();
        by_user(&rows.collect().await.unwrap())
    }

    /// The values as the engine computes them over the rows, by user.
    async fn of_rows(&self, columns: &[(&str, &str, &str)]) -> BTreeMap<String, Vec<String>> {
        let columns = columns
            .iter()
            .map(|(name, _, sql)| format!("{sql} AS {name}"));
        let columns: Vec<String> = columns.collect();
        let sql = format!(
            "SELECT user_id, {} FROM staging.orders GROUP BY user_id",
            columns.join(", ")
        );
        let rows = self.session.sql(&sql).await.unwrap();
        by_user(&rows.collect().await.unwrap())
    }

    /// The values of each day that SQL sees when it reads the rollup by its name, and as the
    /// engine computes them, by day and user.
    async fn by_day(&self, columns: &[(&str, &str, &str)]) -> [Vec<String>; 2] {
        let daily = self.rollup.daily(None).unwrap();
        let by_name = self.session.plan(daily).collect().await.unwrap();
        let columns = columns
            .iter()
            .map(|(name, _, sql)| format!("{sql} AS {name}"));
        let columns: Vec<String> = columns.collect();
        let sql = format!(
            "SELECT day, user_id, {} FROM staging.orders GROUP BY day, user_id",
            columns.join(", ")
        );
        let direct = self.session.sql(&sql).await.unwrap();
        let direct = direct.collect().await.unwrap();
        [by_name, direct].map(|batches| {
            let mut rows: Vec<String> = batches.iter().flat_map(texts).collect();
            rows.sort();
            rows
        })
    }
}

fn texts(batch: &RecordBatch) -> Vec<String> {
    let rows = (0..batch.num_rows()).map(|row| {
        let values = batch.columns().iter();
        let values = values.map(|values| array_value_to_string(values, row).unwrap());
        values.collect::<Vec<_>>().join(" | ")
    });
    rows.collect()
}

async fn rollup(session: &Session, columns: &str) -> Result<Rollup, crate::ground::Problems> {
    let sql = format!("SELECT user_id, {columns} FROM staging.orders GROUP BY user_id");
    let name = TableName::new(SqlSchema::Rollups, "orders");
    let model = Model::parse(name, SourceFile::new("rollups/orders.sql", &*sql)).unwrap();
    let plan = planner::plan(&session.state(), &model, &Parameters::default()).await?;
    Rollup::derive(&model, &plan)
}

fn addresses(rollup: &Rollup) -> Addresses {
    let definition = Definition {
        rollup: rollup.name.clone(),
        models: Vec::new(),
        sources: Vec::new(),
        references: Vec::new(),
        engine: None,
        before: DefinitionBefore::default(),
    };
    let of_day = |day| (day_of(day), Fingerprint::of("files"));
    let days = SourceDays {
        by_day: (0..DAYS).map(of_day).collect(),
        ..SourceDays::default()
    };
    Addresses::new(&definition, days)
}

fn table(rows: &[Row]) -> Arc<MemTable> {
    let amounts: Decimal128Array = rows.iter().map(|row| row.amount).collect();
    let contents: StringArray = rows.iter().map(|row| row.content.as_deref()).collect();
    let columns: [(&str, datafusion::arrow::array::ArrayRef); 8] = [
        (
            "day",
            Arc::new(Date32Array::from_iter_values(
                rows.iter().map(|row| row.day),
            )),
        ),
        (
            "user_id",
            Arc::new(rows.iter().map(|row| row.user).collect::<Int64Array>()),
        ),
        (
            "id",
            Arc::new(Int64Array::from_iter_values(0..rows.len() as i64)),
        ),
        (
            "seconds",
            Arc::new(rows.iter().map(|row| row.seconds).collect::<Int64Array>()),
        ),
        (
            "amount",
            Arc::new(amounts.with_precision_and_scale(18, 2).unwrap()),
        ),
        (
            "points",
            Arc::new(rows.iter().map(|row| row.points).collect::<Int64Array>()),
        ),
        ("content", Arc::new(contents)),
        (
            "is_paid",
            Arc::new(rows.iter().map(|row| row.is_paid).collect::<BooleanArray>()),
        ),
    ];
    let columns = columns.map(|(name, values)| (name, values, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())
}

fn date(day: i32) -> Expr {
    lit(ScalarValue::Date32(Some(day)))
}

fn by_user(batches: &[RecordBatch]) -> BTreeMap<String, Vec<String>> {
    let mut users = BTreeMap::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter();
            let mut values = values.map(|values| match values.is_null(row) {
                true => "NULL".to_owned(),
                false => array_value_to_string(values, row).unwrap(),
            });
            users.insert(values.next().unwrap(), values.collect());
        }
    }
    users
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn windows_are_what_the_engine_computes_over_the_rows(rows in rows(), choices in choices()) {
        run(async {
            let mut history = History::of(&rows, &COLUMNS).await;
            let merged = history.of_tiles(&choices).await;
            let direct = history.of_rows(&COLUMNS).await;
            for (user, values) in &direct {
                for ((column, found), expected) in COLUMNS.iter().zip(&merged[user]).zip(values) {
                    assert_eq!(found, expected, "{} of user {user}", column.0);
                }
            }
            assert_eq!(merged.len(), direct.len());
            let [by_name, direct] = history.by_day(&COLUMNS).await;
            assert_eq!(by_name, direct);
        });
    }

    #[test]
    fn variances_are_nearly_so_and_the_same_whatever_the_tiles(
        rows in rows(),
        choices in [choices(), choices()],
    ) {
        run(async {
            let mut history = History::of(&rows, &NEARLY).await;
            let merged = history.of_tiles(&choices[0]).await;
            assert_eq!(merged, history.of_tiles(&choices[1]).await);
            for (user, values) in history.of_rows(&NEARLY).await {
                for ((column, found), expected) in NEARLY.iter().zip(&merged[&user]).zip(&values) {
                    let [found, expected] = [found, expected].map(|text| text.parse().unwrap_or(-1.0_f64));
                    let is_near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
                    assert!(is_near, "{} of user {user}: {found}, not {expected}", column.0);
                }
            }
        });
    }
}

/// What the last few are, row by row.
#[test]
fn the_last_few_are_the_newest_of_each_value() {
    let row = |day, seconds, content: &str| Row {
        day,
        user: Some(1),
        seconds: Some(seconds),
        amount: None,
        points: None,
        content: Some(content.to_owned()),
        is_paid: None,
    };
    let rows = [
        row(0, 1, "soap"),
        row(0, 2, "comb"),
        row(3, 3, "soap"),
        row(4, 4, "towel"),
        row(7, 5, "towel"),
        row(8, 0, "brush"),
    ];
    let columns = [
        (
            "three",
            "last_n_distinct(content, 3 ORDER BY seconds, content)",
            "",
        ),
        (
            "two",
            "last_n_distinct(content, 2 ORDER BY day DESC, content)",
            "",
        ),
        (
            "none",
            "last_n_distinct(points, 2 ORDER BY day, points)",
            "",
        ),
    ];
    let found = run(async {
        let mut history = History::of(&rows, &columns).await;
        history.of_tiles(&[true; 12]).await
    });
    assert_eq!(found["1"], ["[towel, soap, comb]", "[soap, comb]", "NULL"]);
}

/// In a query of any model, grouped or not, and over rows before.
#[test]
fn the_last_few_are_a_function_of_sql() {
    let found = run(async {
        let history = History::of(&[], &[("n", "COUNT(*)", "")]).await;
        let from =
            "FROM (VALUES (1, 'a', 1), (2, 'b', 1), (3, 'a', 2), (4, NULL, 2)) AS t(k, x, g)";
        let mut found = Vec::new();
        for sql in [
            format!("SELECT last_n_distinct(x, 2 ORDER BY k, x) {from}"),
            format!("SELECT last_n_distinct(x, 1 ORDER BY k DESC, x) {from}"),
            format!("SELECT last_n_distinct(x, 2 ORDER BY k, x) {from} WHERE k > 3"),
            format!(
                "SELECT MAX(y) FROM (SELECT g, last_n_distinct(x, 2 ORDER BY k, x) AS y {from} GROUP BY g) AS u"
            ),
            format!("SELECT last_n_distinct(x, 2) {from}"),
            format!("SELECT last_n_distinct(x, 0 ORDER BY k) {from}"),
        ] {
            let rows = match history.session.sql(&sql).await {
                Ok(rows) => rows.collect().await,
                Err(error) => Err(error),
            };
            found.push(match rows {
                Ok(rows) => array_value_to_string(rows[0].column(0), 0).unwrap(),
                Err(error) => error.strip_backtrace(),
            });
        }
        found
    });
    insta::assert_snapshot!(found.join("\n"), @"
    [a, b]
    [a]

    [b, a]
    Error during planning: last_n_distinct without an ORDER BY
    Error during planning: how many values last_n_distinct gives is not a number from 1 to 100
    ");
}

/// What a tile holds of these has been the value before there were states, and stays it.
#[test]
fn what_tiles_held_before_they_hold_as_it_was() {
    let found = run(async {
        let columns = [
            ("a", "COUNT(DISTINCT day)", ""),
            ("b", "SUM(points)", ""),
            (
                "c",
                "LAST_VALUE(content ORDER BY day, seconds, content)",
                "",
            ),
            (
                "d",
                "LAST_VALUE(content ORDER BY day, content) RESPECT NULLS",
                "",
            ),
            ("e", "MIN(DISTINCT amount) FILTER (WHERE is_paid)", ""),
        ];
        let history = History::of(&[], &columns).await;
        let columns = history.rollup.columns.iter();
        let stored = columns.map(|column| format!("{:?} {}", column.merge, column.stored_type()));
        stored.collect::<Vec<_>>()
    });
    insta::assert_snapshot!(found.join("\n"), @"
    Count Int64
    Sum Int64
    Last Utf8
    Last Utf8
    Min Decimal128(18, 2)
    ");
}

#[test]
fn the_engine_is_named_where_states_are_its_own() {
    run(async {
        let history = History::of(&[], &[("n", "AVG(points)", "")]).await;
        assert_eq!(history.rollup.engine_version(), None);
        let history = History::of(&[], &[("n", "APPROX_DISTINCT(points)", "")]).await;
        let version = history.rollup.engine_version();
        assert_eq!(version, Some(datafusion::DATAFUSION_VERSION));
    });
}

/// What is said of columns that are refused, with what to write instead, in the order of their SQL.
fn refusals(columns: &[&str]) -> String {
    let found = run(async {
        let history = History::of(&[], &[("n", "COUNT(*)", "")]).await;
        let mut found = BTreeSet::new();
        for sql in columns {
            let problems = match rollup(&history.session, &format!("{sql} AS x")).await {
                Ok(_) => "may be used".to_owned(),
                Err(problems) => problems.to_string(),
            };
            let lines = problems.lines().map(str::trim);
            let lines: Vec<&str> = lines
                .filter(|line| line.contains("error:") || line.contains("= help:"))
                .collect();
            found.insert(format!("{sql}\n    {}", lines.join("\n    ")));
        }
        found
    });
    found.into_iter().collect::<Vec<_>>().join("\n")
}

/// Aggregates that have no state to merge, or none that is smaller than the rows.
const WITHOUT_STATE: [&str; 11] = [
    "MEDIAN(amount)",
    "APPROX_MEDIAN(amount)",
    "ARRAY_AGG(content ORDER BY seconds, content)",
    "STRING_AGG(content, ',')",
    "ANY_VALUE(content)",
    "NTH_VALUE(content, 2 ORDER BY seconds, content)",
    "CORR(amount, points)",
    "SUM(DISTINCT points)",
    "AVG(DISTINCT points)",
    "BIT_XOR(DISTINCT points)",
    "COUNT(DISTINCT points, content)",
];

#[test]
fn what_does_not_merge_is_refused() {
    insta::assert_snapshot!(refusals(&WITHOUT_STATE), @"
    ANY_VALUE(content)
        error: ANY_VALUE leaves it to chance which row counts
        = help: write MIN(x), or LAST_VALUE(x ORDER BY ..., x)
    APPROX_MEDIAN(amount)
        error: APPROX_MEDIAN depends on the order of rows
        = help: write MEDIAN or PERCENTILE_CONT in a feature model, which may read staging directly
    ARRAY_AGG(content ORDER BY seconds, content)
        error: ARRAY_AGG keeps every row of a user, so that tiles would be as large as the sources
        = help: write last_n_distinct(x, 3 ORDER BY ..., x) for the last few values, or move it to a feature model, which may read staging directly
    AVG(DISTINCT points)
        error: AVG over distinct values does not merge from day to day
        = help: rollups may use COUNT, SUM, MIN, MAX, AVG, VAR, VAR_POP, STDDEV, STDDEV_POP, BOOL_AND, BOOL_OR, BIT_AND, BIT_OR, BIT_XOR, COUNT(DISTINCT x), APPROX_DISTINCT, and with an ORDER BY that decides FIRST_VALUE, LAST_VALUE and last_n_distinct; move others to a feature model, which may read staging directly
    BIT_XOR(DISTINCT points)
        error: BIT_XOR over distinct values does not merge from day to day
        = help: rollups may use COUNT, SUM, MIN, MAX, AVG, VAR, VAR_POP, STDDEV, STDDEV_POP, BOOL_AND, BOOL_OR, BIT_AND, BIT_OR, BIT_XOR, COUNT(DISTINCT x), APPROX_DISTINCT, and with an ORDER BY that decides FIRST_VALUE, LAST_VALUE and last_n_distinct; move others to a feature model, which may read staging directly
    CORR(amount, points)
        error: CORR computes with DOUBLE, so that it depends on the order of rows
        = help: sum x, y, x * y and the squares as DECIMAL, and compute with the sums in a feature model
    COUNT(DISTINCT points, content)
        error: COUNT over several distinct values does not merge from day to day
        = help: count one value: concat_ws('|', x, y) makes one of several texts
    MEDIAN(amount)
        error: MEDIAN does not merge from day to day
        = help: rollups may use COUNT, SUM, MIN, MAX, AVG, VAR, VAR_POP, STDDEV, STDDEV_POP, BOOL_AND, BOOL_OR, BIT_AND, BIT_OR, BIT_XOR, COUNT(DISTINCT x), APPROX_DISTINCT, and with an ORDER BY that decides FIRST_VALUE, LAST_VALUE and last_n_distinct; move others to a feature model, which may read staging directly
    NTH_VALUE(content, 2 ORDER BY seconds, content)
        error: NTH_VALUE keeps every row of a user, so that tiles would be as large as the sources
        = help: write last_n_distinct(x, 3 ORDER BY ..., x) for the last few values, or move it to a feature model, which may read staging directly
    STRING_AGG(content, ',')
        error: STRING_AGG keeps every row of a user, so that tiles would be as large as the sources
        = help: write last_n_distinct(x, 3 ORDER BY ..., x) for the last few values, or move it to a feature model, which may read staging directly
    SUM(DISTINCT points)
        error: SUM over distinct values does not merge from day to day
        = help: rollups may use COUNT, SUM, MIN, MAX, AVG, VAR, VAR_POP, STDDEV, STDDEV_POP, BOOL_AND, BOOL_OR, BIT_AND, BIT_OR, BIT_XOR, COUNT(DISTINCT x), APPROX_DISTINCT, and with an ORDER BY that decides FIRST_VALUE, LAST_VALUE and last_n_distinct; move others to a feature model, which may read staging directly
    ");
}

/// Numbers whose sums depend on the order of rows, or outgrow what holds them.
const INEXACT: [&str; 5] = [
    "SUM(CAST(amount AS DOUBLE))",
    "AVG(CAST(content AS DOUBLE))",
    "AVG(CAST(amount AS DECIMAL(30, 2)))",
    "STDDEV(CAST(content AS FLOAT))",
    "VAR_POP(amount / 2.5e0)",
];

#[test]
fn sums_that_no_state_holds_are_refused() {
    insta::assert_snapshot!(refusals(&INEXACT), @"
    AVG(CAST(amount AS DECIMAL(30, 2)))
        error: an AVG of DECIMAL(30, 2) may outgrow 38 digits
        = help: write AVG(CAST(... AS DECIMAL(28, 2)))
    AVG(CAST(content AS DOUBLE))
        error: AVG of DOUBLE depends on the order of rows
        = help: write AVG(CAST(... AS DECIMAL(18, 2))), with as many digits as you need
    STDDEV(CAST(content AS FLOAT))
        error: STDDEV of DOUBLE depends on the order of rows
        = help: write STDDEV(CAST(... AS DECIMAL(18, 2))), with as many digits as you need
    SUM(CAST(amount AS DOUBLE))
        error: SUM of DOUBLE depends on the order of rows
        = help: write SUM(CAST(... AS DECIMAL(18, 2))), with as many digits as you need
    VAR_POP(amount / 2.5e0)
        error: VAR_POP of DOUBLE depends on the order of rows
        = help: write VAR_POP(CAST(... AS DECIMAL(18, 2))), with as many digits as you need
    ");
}

/// Orders that leave it to chance which rows count, and numbers of values that nobody knows.
const WITH_TIES: [&str; 7] = [
    "LAST_VALUE(content)",
    "LAST_VALUE(content ORDER BY seconds)",
    "FIRST_VALUE(content ORDER BY day, seconds)",
    "last_n_distinct(content, 3)",
    "last_n_distinct(content, 3 ORDER BY seconds)",
    "last_n_distinct(content, 0 ORDER BY seconds, content)",
    "last_n_distinct(content, points ORDER BY seconds, content)",
];

#[test]
fn orders_that_leave_ties_are_refused() {
    insta::assert_snapshot!(refusals(&WITH_TIES), @"
    FIRST_VALUE(content ORDER BY day, seconds)
        error: this FIRST_VALUE leaves it to chance which of several rows counts
        = help: write FIRST_VALUE(content ORDER BY day, seconds, content): a tie-breaker last, the value itself or an id, so that rows of the same time have an order
    LAST_VALUE(content ORDER BY seconds)
        error: this LAST_VALUE leaves it to chance which of several rows counts
        = help: write LAST_VALUE(content ORDER BY seconds, content): a tie-breaker last, the value itself or an id, so that rows of the same time have an order
    LAST_VALUE(content)
        error: this LAST_VALUE leaves it to chance which of several rows counts
        = help: write LAST_VALUE(content ORDER BY ..., content): a tie-breaker last, the value itself or an id, so that rows of the same time have an order
    last_n_distinct(content, 0 ORDER BY seconds, content)
        error: how many values last_n_distinct gives is not a number from 1 to 100
        = help: write last_n_distinct(x, 3 ORDER BY ..., x), or a parameter in place of 3
    last_n_distinct(content, 3 ORDER BY seconds)
        error: this last_n_distinct leaves it to chance which of several rows counts
        = help: write last_n_distinct(content, 3 ORDER BY seconds, content): a tie-breaker last, the value itself or an id, so that rows of the same time have an order
    last_n_distinct(content, 3)
        error: this last_n_distinct leaves it to chance which of several rows counts
        = help: write last_n_distinct(content, 3 ORDER BY ..., content): a tie-breaker last, the value itself or an id, so that rows of the same time have an order
    last_n_distinct(content, points ORDER BY seconds, content)
        error: how many values last_n_distinct gives is not a number from 1 to 100
        = help: write last_n_distinct(x, 3 ORDER BY ..., x), or a parameter in place of 3
    ");
}
