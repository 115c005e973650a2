//! Columns that are published and not selected any more, and dimensions that were not published.

use super::project::Project;

const RUN: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];

/// A night published, and then a column of the snapshot taken out of the SQL.
fn without_recency() -> Project {
    Project::new().publish("2026-03-05").edit(
        "sql/publish/tier_snapshot.sql",
        "    users.events_lifetime,\n",
        "",
    )
}

#[test]
fn missing_column_is_refused_with_the_command_that_drops_it() {
    let project = without_recency();
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: table `tier_snapshot`: column `events_lifetime` (BIGINT) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_snapshot.events_lifetime`
    table `tier_current`: column `events_lifetime` (BIGINT) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_current.events_lifetime`
    to drop what is missing, give the same command once more with `--drop-columns tier_snapshot.events_lifetime,tier_current.events_lifetime`
    ");

    let may_drop = "tier_snapshot.events_lifetime,tier_current.events_lifetime";
    let finished = project.call(&[&RUN[..], &["--drop-columns", may_drop]].concat());
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let shown = project.call(&["show", "job.toml"]);
    assert!(shown.stdout.contains("2026-03-06"), "{shown:?}");
}

#[test]
fn backfill_drops_columns_too() {
    let project = without_recency();
    let nights = [
        "backfill",
        "job.toml",
        "--from",
        "2026-03-05",
        "--to",
        "2026-03-06",
    ];
    let refused = project.call(&nights);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let may_drop = "tier_snapshot.events_lifetime,tier_current.events_lifetime";
    let finished = project.call(&[&nights[..], &["--drop-columns", may_drop]].concat());
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}

#[test]
fn unknown_names_to_drop_suggest_the_nearest() {
    let project = Project::new().publish("2026-03-05");
    let dropping =
        |columns| project.said(&project.call(&[&RUN[..], &["--drop-columns", columns]].concat()));
    insta::assert_snapshot!(dropping("tier_snapshot.events_lifetim,tier_snapshots.events_lifetime"), @"
    exit code 2

    error: --drop-columns names an unknown column `events_lifetim` of `tier_snapshot`; did you mean `events_lifetime`?

    error: --drop-columns names an unknown table `tier_snapshots`; did you mean `tier_snapshot`?
     |
     = help: the published tables are tier_snapshot, tier_migration, tier_migration_matrix, tier_current, dim_tier, tier_summary, kpi_daily, alerts, actions, dim_metric

    2 problems
    ");
    insta::assert_snapshot!(dropping("events_lifetime"), @"
    exit code 2

    error: invalid value 'events_lifetime' for '--drop-columns <TABLE.COLUMN,...>': a column is named with its table, as in `tier_snapshot.segment`

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(dropping("tier_snapshot.events_lifetime"), @"
    exit code 3

    error: table `tier_snapshot`: column `events_lifetime` is to be dropped and still selected; take it out of the SQL, or out of `--drop-columns`
    ");
}

/// The guards would take the tiers of a new dimension for ones whose share jumped.
#[test]
fn new_dimension_is_compared_with_nothing() {
    let project = Project::new()
        .publish("2026-03-05")
        .edit(
            "sql/publish/tier_snapshot.sql",
            "    value_engagement.value_engagement,\n",
            "    value_engagement.value_engagement,\n    'once' AS purchase_habit,\n",
        )
        .append(
            "sql/reference/dim_tier.csv",
            "purchase_habit,once,,Once,Once,Again.,x\n",
        )
        .publish("2026-03-06");
    let shown = project.call(&["show", "job.toml", "--dimension", "purchase_habit"]);
    let told =
        "purchase_habit since 2026-03-05: new in this snapshot, so there are no moves to show";
    assert!(shown.stdout.contains(told), "{shown:?}");
}
