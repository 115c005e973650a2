//! Every aggregate that merges, night after night through tiles, beside what the engine computes over
//! the rows of staging: an audit of the pack compares the two, and blocks a night where they differ.

use std::path::Path;

use tempfile::TempDir;

use super::pack;
use crate::support::command::{Finished, Tierline};

/// Columns of the rollup, and the same over rows.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("a1", "AVG(duration_seconds)", "AVG(duration_seconds)"),
    (
        "a2",
        "COUNT(DISTINCT content_id)",
        "COUNT(DISTINCT content_id)",
    ),
    (
        "a3",
        "APPROX_DISTINCT(event_type)",
        "CAST(APPROX_DISTINCT(event_type) AS BIGINT)",
    ),
    (
        "a4",
        "APPROX_DISTINCT(content_id) FILTER (WHERE style = 'reader')",
        "CAST(APPROX_DISTINCT(content_id) FILTER (WHERE style = 'reader') AS BIGINT)",
    ),
    ("a5", "BIT_OR(content_id)", "BIT_OR(content_id)"),
    ("a6", "BIT_AND(content_id)", "BIT_AND(content_id)"),
    ("a7", "BIT_XOR(content_id)", "BIT_XOR(content_id)"),
    (
        "a8",
        "FIRST_VALUE(channel ORDER BY occurred_at, event_type, channel)",
        "FIRST_VALUE(channel ORDER BY occurred_at, event_type, channel)",
    ),
    (
        "a9",
        "LAST_VALUE(content_id ORDER BY occurred_at, content_id) IGNORE NULLS",
        "LAST_VALUE(content_id ORDER BY occurred_at, content_id) FILTER (WHERE content_id IS NOT NULL)",
    ),
    ("b1", "ROUND(x, 6)", "ROUND(STDDEV(duration_seconds), 6)"),
    ("b2", "ROUND(x, 6)", "ROUND(VAR_POP(duration_seconds), 6)"),
    (
        "b3",
        "ARRAY_TO_STRING(x, '|')",
        "ARRAY_TO_STRING(last_n_distinct(event_type, 4 ORDER BY occurred_at, event_type), '|')",
    ),
];

/// What the rollup has in place of what is computed above it.
fn of_rollup(name: &str, column: &str) -> String {
    match name {
        "b1" => "STDDEV(duration_seconds)".to_owned(),
        "b2" => "VAR_POP(duration_seconds)".to_owned(),
        "b3" => "last_n_distinct(event_type, 4 ORDER BY occurred_at, event_type)".to_owned(),
        _ => column.to_owned(),
    }
}

fn rollup() -> String {
    let columns = COLUMNS.map(|(name, column, _)| format!("{} AS {name}", of_rollup(name, column)));
    format!(
        "SELECT user_id, COUNT(*) AS events,\n{}\nFROM staging.engagement\nGROUP BY user_id\n",
        columns.join(",\n")
    )
}

/// Rows of users for whom a window is not what the rows of its days give.
fn audit(window: &str, condition: &str) -> String {
    let direct = COLUMNS.map(|(name, _, sql)| format!("{sql} AS {name}"));
    let differs = COLUMNS.map(|(name, column, _)| {
        let merged = format!("merged.{name}_{window}");
        let merged = match name.starts_with('b') {
            true => column.replace('x', &merged),
            false => merged,
        };
        format!("{merged} IS DISTINCT FROM direct.{name}")
    });
    format!(
        "WITH direct AS (\n    SELECT user_id, COUNT(*) AS events, {}\n    FROM staging.engagement\n    WHERE {condition}\n    GROUP BY user_id\n)\n\
         SELECT COALESCE(direct.user_id, merged.user_id) AS user_id\nFROM direct\n\
         FULL JOIN windows('rollups.habits', '{window}') AS merged ON direct.user_id = merged.user_id\n\
         WHERE direct.events IS DISTINCT FROM merged.events_{window} OR {}\n",
        direct.join(", "),
        differs.join(" OR ")
    )
}

/// A demo without nights, with a rollup of all aggregates and an audit for each window.
fn demo(folder: &Path) {
    let sizes = ["--users", "150", "--days", "90", "--nights", "0"];
    let demo = Tierline::new().args(["demo"]).args([folder]);
    let made = demo.args(sizes).run();
    assert_eq!(made.exit_code, 0, "{made:?}");
    let sql = folder.join("sql");
    pack::write(&sql, &[]);
    std::fs::write(sql.join("rollups/habits.sql"), rollup()).unwrap();
    for (window, condition) in [
        ("lifetime", "TRUE"),
        ("30d", "day > $snapshot_date - 30"),
        (
            "prev_15d",
            "day > $snapshot_date - 30 AND day <= $snapshot_date - 15",
        ),
        ("d1", "day = $snapshot_date - 1"),
    ] {
        let audit = audit(window, condition);
        std::fs::write(sql.join(format!("audits/habits_{window}.sql")), audit).unwrap();
    }
    let job = folder.join("jobs/demo.toml");
    let text = std::fs::read_to_string(&job).unwrap();
    let text = text.replacen("output =", "sql = \"../sql\"\noutput =", 1);
    // So few users do not order every day.
    let text = text.replace("data/orders\"", "data/orders\"\nincomplete = \"warn\"");
    std::fs::write(&job, text).unwrap();
}

fn run(folder: &Path, date: &str) -> Finished {
    let job = folder.join("jobs/demo.toml");
    let call = Tierline::new().args(["run"]).args([job]);
    call.args(["--date", date]).run()
}

#[test]
fn windows_of_every_aggregate_are_what_the_rows_of_their_days_give() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo(folder);
    for date in ["2026-10-20", "2026-10-21", "2026-10-29", "2026-10-31"] {
        let finished = run(folder, date);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
    }
    // A file that comes late moves the tiles of its day alone, and nothing else.
    let engagement = folder.join("data/engagement");
    let [from, to] = ["2026-10-12", "2026-10-25"].map(|day| engagement.join(format!("dt={day}")));
    let file = std::fs::read_dir(from)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::copy(file, to.join("late.parquet")).unwrap();
    let finished = run(folder, "2026-10-31");
    assert_eq!(finished.exit_code, 0, "{finished:?}");

    // The audits look: with another number of values they object.
    let path = folder.join("sql/audits/habits_30d.sql");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "last_n_distinct(event_type, 4",
        "last_n_distinct(event_type, 5",
    );
    std::fs::write(&path, text).unwrap();
    let finished = run(folder, "2026-10-31");
    assert_eq!(finished.exit_code, 3, "{finished:?}");
    assert!(finished.stderr.contains("habits_30d"), "{finished:?}");
}
