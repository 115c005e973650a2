//! The worked example of sql/README.md, edit by edit: the last three contents that a user browsed,
//! from the rollup to columns of the snapshot, beside what the delivered rows say.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use tierline::storage::{Location, RetryPolicy, Stores};

use super::pack::{self, Edit};
use super::tables;
use crate::support::command::{Finished, Tierline};

const LAST_CONTENTS: [Edit; 4] = [
    Edit {
        file: "rollups/interactions.sql",
        from: "    COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
        to: "    last_n_distinct(content_id, 3 ORDER BY occurred_at, content_id) FILTER (WHERE style = 'reader') AS contents,\n    COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
    },
    Edit {
        file: "features/interactions.sql",
        from: "    events_lifetime,",
        to: "    contents_lifetime,\n    contents_30d,\n    events_lifetime,",
    },
    Edit {
        file: "features/users.sql",
        from: "    interactions.first_event_day,",
        to: "    interactions.contents_lifetime,\n    interactions.contents_30d,\n    interactions.first_event_day,",
    },
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    users.first_event_day,",
        to: "    CAST(users.contents_lifetime[1] AS VARCHAR) AS last_content,\n    CAST(users.contents_lifetime[2] AS VARCHAR) AS second_last_content,\n    CAST(users.contents_lifetime[3] AS VARCHAR) AS third_last_content,\n    array_to_string(users.contents_30d, ' ') AS last_contents_30d,\n    users.first_event_day,",
    },
];

/// The edits are those that sql/README.md tells an analyst to make.
#[test]
fn the_page_says_what_is_done_here() {
    let page = include_str!("../../../sql/README.md");
    for Edit { file, to, .. } in &LAST_CONTENTS {
        let is_of_lifetime = |line: &&str| !line.contains("_30d");
        for line in to.lines().filter(is_of_lifetime) {
            let line = line.trim().trim_end_matches(',');
            let is_new = line.contains("content");
            let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let is_told = plain(page).contains(&plain(line));
            assert!(!is_new || is_told, "{file}: `{line}`");
        }
    }
}

#[tokio::test]
async fn the_last_three_contents_go_from_the_rollup_to_the_snapshot() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo(folder, &LAST_CONTENTS);
    for night in ["2026-10-30", "2026-10-31"] {
        let finished = tierline(folder, "run", &["--date", night]);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        let expected = expected(folder, night);
        let date = night.parse().unwrap();
        let output = location(&folder.join("output"));
        let snapshot = tables::rows(&output, date, "tier_snapshot").await;
        assert!(snapshot.len() > 190, "{}", snapshot.len());
        let columns = ["last_content", "second_last_content", "third_last_content"];
        for row in &snapshot {
            let found = columns.map(|column| row[column].clone());
            let found: Vec<String> = found.into_iter().filter(|id| id != "NULL").collect();
            let expected = expected.get(&row["user_id"]).cloned().unwrap_or_default();
            assert_eq!(found, expected, "user {}", row["user_id"]);
        }
        let of_30_days = snapshot.iter().map(|row| &row["last_contents_30d"]);
        let known = of_30_days.filter(|contents| *contents != "NULL").count();
        assert!(known > 20, "{known}");
    }
}

/// A demo without nights, with an edited copy of the built-in pack.
fn demo(folder: &Path, edits: &[Edit]) {
    let sizes = ["--users", "200", "--days", "60", "--nights", "0"];
    let demo = Tierline::new().args(["demo"]).args([folder]);
    let made = demo.args(sizes).run();
    assert_eq!(made.exit_code, 0, "{made:?}");
    pack::write(&folder.join("sql"), edits);
    let job = folder.join("jobs/demo.toml");
    let text = std::fs::read_to_string(&job).unwrap();
    let text = text.replacen("output =", "sql = \"../sql\"\noutput =", 1);
    std::fs::write(&job, text).unwrap();
}

fn tierline(folder: &Path, command: &str, arguments: &[&str]) -> Finished {
    let job = folder.join("jobs/demo.toml");
    let call = Tierline::new().args([command]).args([job]);
    call.args(arguments).run()
}

fn location(folder: &Path) -> Location {
    let mut stores = Stores::new(RetryPolicy::default());
    let opened = stores.open(folder.to_str().unwrap(), Path::new(""));
    opened.unwrap()
}

/// The last three contents browsed up to a date, the newest first, by user.
fn expected(folder: &Path, date: &str) -> BTreeMap<String, Vec<String>> {
    let mut browsed: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("data/engagement")).unwrap() {
        let day = entry.unwrap().path();
        let name = day.file_name().unwrap().to_str().unwrap().to_owned();
        if name.trim_start_matches("dt=") > date {
            continue;
        }
        for file in std::fs::read_dir(&day).unwrap() {
            let file = File::open(file.unwrap().path()).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            for batch in reader.build().unwrap() {
                browse(&batch.unwrap(), &mut browsed);
            }
        }
    }
    let newest = browsed.into_iter().map(|(user, contents)| {
        let mut contents: Vec<(i64, i64)> = contents
            .into_iter()
            .map(|(content, instant)| (instant, content))
            .collect();
        contents.sort_unstable_by(|left, right| right.cmp(left));
        let ids = contents.iter().map(|(_, content)| content.to_string());
        (user, ids.take(3).collect())
    });
    newest.collect()
}

/// Remembers when each content was browsed last.
fn browse(batch: &RecordBatch, browsed: &mut BTreeMap<String, BTreeMap<i64, i64>>) {
    let column = |name: &str, of: DataType| cast(batch.column_by_name(name).unwrap(), &of).unwrap();
    let users = column("user_id", DataType::Utf8);
    let kinds = column("event_type", DataType::Utf8);
    let contents = column("content_id", DataType::Int64);
    let instants = column(
        "occurred_at",
        DataType::Timestamp(TimeUnit::Microsecond, None),
    );
    for row in 0..batch.num_rows() {
        let is_browsing = ["view", "brand_story"].contains(&kinds.as_string::<i32>().value(row));
        if !is_browsing || contents.is_null(row) || users.is_null(row) {
            continue;
        }
        let user = users.as_string::<i32>().value(row).to_owned();
        let content = contents.as_primitive::<Int64Type>().value(row);
        let instant = instants
            .as_primitive::<TimestampMicrosecondType>()
            .value(row);
        let newest = browsed
            .entry(user)
            .or_default()
            .entry(content)
            .or_insert(instant);
        *newest = instant.max(*newest);
    }
}
