//! What blocks publication once the rows are there; readers still see the night before.

use super::project::Project;

#[test]
fn tier_that_dim_tier_does_not_list_is_blocked() {
    let project = Project::new().publish("2026-03-05");
    let project = project
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "THEN 'loyal'",
            "THEN 'loyalist'",
        )
        .append("job.toml", "\n[guards]\nmax_tier_share_change = 1.0\n");
    insta::assert_snapshot!(project.refused_run(), @"");

    let shown = project.call(&["show", "job.toml"]);
    assert!(shown.stdout.contains("2026-03-05"), "{shown:?}");
}

#[test]
fn audit_of_ones_own_is_named_with_its_file() {
    let sql = "-- Nobody orders more than four times.\nSELECT user_id, orders_lifetime\nFROM publish.tier_snapshot\nWHERE orders_lifetime > 4\n";
    let project = Project::new().write("sql/audits/no_big_orders.sql", sql);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn audit_that_names_users_otherwise_shows_none() {
    let sql = "SELECT MAX(who) AS anyone, orders_lifetime, 'user ' || CAST(MIN(who) AS VARCHAR) AS label\nFROM (SELECT user_id AS who, orders_lifetime FROM publish.tier_snapshot)\nGROUP BY orders_lifetime\nORDER BY orders_lifetime\n";
    let project = Project::new().write("sql/audits/aliased.sql", sql);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn audit_that_cannot_be_computed_blocks() {
    let sql = "SELECT user_id FROM publish.tier_snapshot\nWHERE 1 / (orders_lifetime - orders_lifetime) = 1\n";
    let project = Project::new().write("sql/audits/ratio.sql", sql);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn users_with_two_rows_are_blocked() {
    let project = Project::new().edit(
        "sql/tiers/interaction_depth.sql",
        "FROM features.users",
        "FROM features.users CROSS JOIN (VALUES (1), (2)) AS twice (n)",
    );
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn too_few_values_cannot_be_calibrated_on() {
    let project = Project::new().withhold("orders", 1).withhold("orders", 2);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn column_that_readers_cannot_open_is_refused() {
    let project = Project::new().edit(
        "sql/publish/tier_snapshot.sql",
        "    users.user_id,\n",
        "    users.user_id,\n    [1] AS list,\n    NULL AS nothing,\n    1 AS \"Bad Name\",\n",
    );
    insta::assert_snapshot!(project.refused_run(), @"");
}
