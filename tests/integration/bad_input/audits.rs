//! What blocks publication once the rows are there; readers still see the night before.

use super::project::Project;

#[test]
fn tier_that_dim_tier_does_not_list_is_blocked() {
    let project = Project::new().publish("2026-03-05");
    let stage = "sql/tiers/lifecycle_stage.sql";
    let renamed = "END, 'loyal', 'loyalist') AS lifecycle_stage";
    let project = project
        .edit(stage, "    CASE", "    REPLACE(CASE")
        .edit(stage, "END AS lifecycle_stage", renamed)
        .append("job.toml", "\n[guards]\nmax_tier_share_change = 1.0\n");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    this run of 2026-03-06 published nothing; what it found:
    warning: rules changed since the previous snapshot, of 2026-03-05: those of lifecycle_stage
    error: an audit blocked publication; readers still see what was published before

    tiers_known: 1 offending row
    +-----------------+----------+-------+
    | dimension       | tier     | users |
    +-----------------+----------+-------+
    | lifecycle_stage | loyalist | 4     |
    +-----------------+----------+-------+
    every user needs exactly one value that dim_tier lists in every dimension; add the value there, or fix the tier model
    ");

    let shown = project.call(&["show", "job.toml"]);
    assert!(shown.stdout.contains("2026-03-05"), "{shown:?}");
}

#[test]
fn audit_of_ones_own_is_named_with_its_file() {
    let sql = "-- Nobody orders more than four times.\nSELECT user_id, orders_lifetime\nFROM publish.tier_snapshot\nWHERE orders_lifetime > 4\n";
    let project = Project::new().write("sql/audits/no_big_orders.sql", sql);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: an audit blocked publication; readers still see what was published before

    no_big_orders: 2 offending rows
    +-----------------+
    | orders_lifetime |
    +-----------------+
    | 5               |
    | 6               |
    +-----------------+
    the query is sql/audits/no_big_orders.sql
    ");
}

#[test]
fn audit_that_names_users_otherwise_shows_none() {
    let sql = "SELECT MAX(who) AS anyone, orders_lifetime, 'user ' || CAST(MIN(who) AS VARCHAR) AS label\nFROM (SELECT user_id AS who, orders_lifetime FROM publish.tier_snapshot)\nGROUP BY orders_lifetime\nORDER BY orders_lifetime\n";
    let project = Project::new().write("sql/audits/aliased.sql", sql);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: an audit blocked publication; readers still see what was published before

    aliased: 6 offending rows
    +-----------------+
    | orders_lifetime |
    +-----------------+
    | 1               |
    | 2               |
    | 3               |
    | 4               |
    | 5               |
    +-----------------+
    and 1 more
    the query is sql/audits/aliased.sql
    ");
}

#[test]
fn audit_that_cannot_be_computed_blocks() {
    let sql = "SELECT user_id FROM publish.tier_snapshot\nWHERE 1 / (orders_lifetime - orders_lifetime) = 1\n";
    let project = Project::new().write("sql/audits/ratio.sql", sql);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: audit ratio failed: `1 / (tier_snapshot.orders_lifetime - tier_snapshot.orders_lifetime)` in audits/ratio.sql:2 cannot be computed: a division by zero; divide by NULLIF(..., 0); readers still see what was published before
    ");
}

#[test]
fn users_with_two_rows_are_blocked() {
    let project = Project::new().edit(
        "sql/tiers/interaction_depth.sql",
        "FROM features.users",
        "FROM features.users CROSS JOIN (VALUES (1), (2)) AS twice (n)",
    );
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: 3 audits blocked publication; readers still see what was published before

    user_id_unique: 6 offending rows
    +------+
    | rows |
    +------+
    | 4    |
    | 4    |
    | 4    |
    | 4    |
    | 4    |
    +------+
    and 1 more
    a join in the SQL pack multiplies users or loses their ids; each feature and tier model must have one row per user

    actions_key: 1 offending row
    +----------------+---------------+
    | keys_with_null | keys_repeated |
    +----------------+---------------+
    | 0              | 5             |
    +----------------+---------------+
    each row of `actions` needs a key of its own, user_id, without NULL: a join in publish/actions.sql multiplies rows or finds nothing, or the key lacks a column

    revenue_of_users_reconciles: 1 offending row
    +------------------+-----------------+
    | revenue_of_users | revenue_of_days |
    +------------------+-----------------+
    | 840.00           | 210.00          |
    +------------------+-----------------+
    the query is sql/audits/revenue_of_users_reconciles.sql
    ");
}

#[test]
fn too_few_values_cannot_be_calibrated_on() {
    let project = Project::new().withhold("orders", 1).withhold("orders", 2);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: cannot calibrate `recency_days`: 4 scored users have 4 distinct values (0, 1, 2, 3); five are needed; wait for more history, or give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `recency_days = [1, 2, 4, 8]`
    ");
}

#[test]
fn column_that_readers_cannot_open_is_refused() {
    let project = Project::new().edit(
        "sql/publish/tier_snapshot.sql",
        "    users.user_id,\n",
        "    users.user_id,\n    [1] AS list,\n    NULL AS nothing,\n    1 AS \"Bad Name\",\n",
    );
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: table `tier_snapshot`: column `list` is BIGINT[], which not every reader opens; publish one column of a simple type for each part that readers need
    table `tier_snapshot`: column `nothing` is NULL, which not every reader opens; give it a type, such as CAST(NULL AS VARCHAR)
    table `tier_snapshot`: column name `Bad Name` is refused; start with a letter and use only lower-case letters, digits and underscores
    ");
}

/// Two days withheld are two users who were in the snapshot before, and one is new on D.
#[test]
fn night_that_lost_users_is_blocked() {
    let project = ["orders", "engagement"]
        .into_iter()
        .fold(Project::new().publish("2026-03-05"), |project, source| {
            project.withhold(source, 2).withhold(source, 3)
        })
        .append("job.toml", "\n[guards]\nmax_tier_share_change = 1.0\n");
    let refused = project.refused_run_with(&["--accept-removed-days"]);
    insta::assert_snapshot!(refused, @"
    exit code 3

    this run of 2026-03-06 published nothing; what it found:
    warning: source `engagement` lacks 2 days, 2026-03-02 to 2026-03-03, which earlier runs have read; what is missing counts as removed
    warning: source `orders` lacks 2 days, 2026-03-02 to 2026-03-03, which earlier runs have read; what is missing counts as removed
    warning: published dates to restate: 1, from 2026-03-05 on; `tierline backfill --affected` does so
    error: an audit blocked publication; readers still see what was published before

    users_within_bounds: 1 offending row
    +--------------+-----------+
    | users_before | users_now |
    +--------------+-----------+
    | 5            | 4         |
    +--------------+-----------+
    the number of users changed more than [guards] max_users_drop = 0.05 and max_users_growth = 1 allow; check that all partitions are complete, or raise the guard for this run
    ");

    let shown = project.call(&["show", "job.toml"]);
    assert!(shown.stdout.contains("2026-03-05"), "{shown:?}");
}

#[test]
fn night_that_gained_too_many_users_is_blocked() {
    let guards = "\n[guards]\nmax_users_growth = 0.1\nmax_tier_share_change = 1.0\n";
    let project = Project::new()
        .publish("2026-03-05")
        .append("job.toml", guards);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: an audit blocked publication; readers still see what was published before

    users_within_bounds: 1 offending row
    +--------------+-----------+
    | users_before | users_now |
    +--------------+-----------+
    | 5            | 6         |
    +--------------+-----------+
    the number of users changed more than [guards] max_users_drop = 0.05 and max_users_growth = 0.1 allow; check that all partitions are complete, or raise the guard for this run
    ");
}

#[test]
fn tier_whose_share_jumps_is_blocked() {
    let project = Project::new()
        .publish("2026-03-05")
        .append("job.toml", "\n[params]\ndeep_interactions_7d = 1\n");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    this run of 2026-03-06 published nothing; what it found:
    warning: rules changed since the previous snapshot, of 2026-03-05: those of interaction_depth, value_engagement
    error: an audit blocked publication; readers still see what was published before

    tier_shares_within_bounds: 2 offending rows
    +-------------------+----------+--------------+-----------+
    | dimension         | tier     | share_before | share_now |
    +-------------------+----------+--------------+-----------+
    | interaction_depth | deep     |              | 1.0       |
    | interaction_depth | moderate | 1.0          |           |
    +-------------------+----------+--------------+-----------+
    a tier's share of the users changed more than [guards] max_tier_share_change = 0.25 allows; since the previous snapshot the rules have changed (SQL, parameters, reference files or dimensions) of: interaction_depth, value_engagement; if that is meant, raise the guard for this run
    ");
    let guards = "\n[guards]\nmax_tier_share_change = 1.0\n";
    project.append("job.toml", guards).publish("2026-03-06");
}

/// On a first night nothing is there to compare with: the users of the features are.
#[test]
fn tier_model_that_loses_users_is_blocked_on_the_first_night() {
    let project = Project::new().edit(
        "sql/tiers/price_sensitivity.sql",
        "FROM features.users",
        "FROM features.users\nWHERE orders_lifetime > 2",
    );
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: 2 audits blocked publication; readers still see what was published before

    users_complete: 1 offending row
    +------------+-------------+
    | users_lost | users_added |
    +------------+-------------+
    | 2          | 0           |
    +------------+-------------+
    the snapshot has every user of features.users, and nobody else: a tier model or publish/tier_snapshot.sql leaves rows out; whoever is not to be there is left out in features/users.sql
    `tiers.price_sensitivity` has 4 rows for 6 users

    revenue_of_users_reconciles: 1 offending row
    +------------------+-----------------+
    | revenue_of_users | revenue_of_days |
    +------------------+-----------------+
    | 180.00           | 210.00          |
    +------------------+-----------------+
    the query is sql/audits/revenue_of_users_reconciles.sql
    ");
}

#[test]
fn snapshot_with_users_of_its_own_is_blocked() {
    let project = Project::new().edit(
        "sql/publish/tier_snapshot.sql",
        "FROM features.users AS users",
        "FROM (SELECT * REPLACE (user_id + 1 AS user_id) FROM features.users) AS users",
    );
    let said = project.refused_run();
    assert!(said.contains("users_complete: 1 offending row"), "{said}");
    assert!(said.contains("| 1          | 0           |"), "{said}");
}

#[test]
fn features_that_lose_users_of_the_day_are_blocked() {
    let project = Project::new().edit(
        "sql/features/users.sql",
        "ON COALESCE(purchases.user_id, interactions.user_id) = registrations.user_id",
        "ON COALESCE(purchases.user_id, interactions.user_id) = registrations.user_id\nWHERE purchases.orders_lifetime < 6",
    );
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: 2 audits blocked publication; readers still see what was published before

    revenue_of_users_reconciles: 1 offending row
    +------------------+-----------------+
    | revenue_of_users | revenue_of_days |
    +------------------+-----------------+
    | 150.00           | 210.00          |
    +------------------+-----------------+
    the query is sql/audits/revenue_of_users_reconciles.sql

    users_of_the_day: 1 offending row
    +---------------+
    | users_missing |
    +---------------+
    | 1             |
    +---------------+
    the query is sql/audits/users_of_the_day.sql
    ");
}

/// The night after an edit says so; its guard is a choice.
#[test]
fn tier_whose_share_jumps_by_new_cut_points_is_not_blocked() {
    let project = Project::new().publish("2026-03-05");
    let folder = project.path("output/calibrations");
    let first = std::fs::read_to_string(folder.join("2026-03-05-v1.json")).unwrap();
    let mut second: serde_json::Value = serde_json::from_str(&first).unwrap();
    // Of other contents; a record without one is taken as it is.
    second.as_object_mut().unwrap().remove("digest");
    let second = second
        .to_string()
        .replace("2026-03-05", "2026-03-06")
        .replace("\"0\"", "\"-1\"");
    std::fs::write(folder.join("2026-03-06-v1.json"), second).unwrap();
    project.publish("2026-03-06");
}
