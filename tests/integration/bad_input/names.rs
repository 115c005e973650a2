//! SQL that names what is not there, reads against the flow, or mixes types.

use super::project::Project;

const DEPTH: &str = "sql/tiers/interaction_depth.sql";
const PURCHASES: &str = "sql/rollups/purchases.sql";

#[test]
fn unknown_table_suggests_the_nearest() {
    let project = Project::new()
        .edit(DEPTH, "FROM features.users", "FROM features.usrs")
        .edit("sql/tiers/rfm_class.sql", "FROM tiers.rfm", "FROM tier.rfm")
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "FROM features.users",
            "FROM users",
        );
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn unknown_column_suggests_the_nearest() {
    let project = Project::new()
        .edit(DEPTH, "WHEN interactions_30d", "WHEN interaction_30d")
        .edit(
            "sql/tiers/rfm_class.sql",
            "FROM tiers.rfm",
            "FROM tiers.rfm AS scores",
        )
        .edit(
            "sql/tiers/rfm_class.sql",
            "rfm_total IS",
            "rfm.rfm_total IS",
        );
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn unknown_parameter_suggests_the_nearest() {
    let project = Project::new().edit(DEPTH, "$deep_interactions_7d", "$deep_interactions");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn unknown_function_suggests_the_nearest() {
    let sql = "SELECT user_id, lowr(rfm_class) AS label FROM tiers.rfm_class";
    let project = Project::new().write("sql/tiers/label.sql", sql);
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn windows_are_checked_one_by_one() {
    let call = "windows('rollups.purchases', '30days', 'lifetime', 'lifetime')";
    let unknown = "windows('rollups.purchase', '30d')";
    let project = Project::new()
        .write(
            "sql/features/a.sql",
            &format!("SELECT user_id\nFROM {call}"),
        )
        .write(
            "sql/features/c.sql",
            "SELECT user_id\nFROM windows('rollups.purchases')",
        );
    insta::assert_snapshot!(project.check(), @"");

    let project = Project::new().write(
        "sql/features/b.sql",
        &format!("SELECT user_id\nFROM {unknown}"),
    );
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn types_that_do_not_fit_are_named_as_sql_has_them() {
    let select = |expression: &str| {
        format!("SELECT\n    user_id,\n    {expression} AS x\nFROM tiers.rfm_class")
    };
    let project = Project::new()
        .write("sql/tiers/a.sql", &select("rfm_class + DATE '2026-01-01'"))
        .write("sql/tiers/b.sql", &select("NOT rfm_class"))
        .write("sql/tiers/c.sql", &select("SUM(rfm_class) OVER ()"))
        .write("sql/tiers/d.sql", &select("user_id LIKE 3"))
        .write("sql/tiers/e.sql", &select("CAST(user_id AS NUMBR)"))
        .write("sql/tiers/f.sql", "SELECT user_id, user_id FROM tiers.rfm");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn rollup_refuses_what_does_not_merge() {
    let project = Project::new()
        .edit(
            PURCHASES,
            "SUM(amount) FILTER (WHERE is_counting)",
            "AVG(amount)",
        )
        .edit(
            PURCHASES,
            "MAX(amount) FILTER (WHERE is_counting)",
            "COALESCE(MAX(amount), 0)",
        )
        .edit(
            "sql/rollups/interactions.sql",
            "    COUNT(*) AS events,",
            "    COUNT(DISTINCT content_id) AS contents,\n    COUNT(*) AS events,",
        );
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn rollup_groups_one_table_by_user() {
    let project = Project::new().edit(PURCHASES, "GROUP BY user_id", "GROUP BY user_id, channel");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn data_flows_one_way() {
    let two_tables = "FROM staging.orders\nINNER JOIN staging.users ON TRUE";
    let project = Project::new()
        .write("sql/tiers/a.sql", "SELECT user_id FROM staging.orders")
        .edit(PURCHASES, "FROM staging.orders", two_tables);
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn circle_is_told_from_model_to_model() {
    let project = Project::new()
        .write("sql/tiers/a.sql", "SELECT user_id FROM tiers.b")
        .write("sql/tiers/b.sql", "SELECT user_id FROM tiers.c")
        .write("sql/tiers/c.sql", "SELECT user_id FROM tiers.a");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn problems_of_several_files_are_told_at_once() {
    let project = Project::new()
        .write("sql/audits/unfinished.sql", "SELECT")
        .edit(DEPTH, "interactions_7d >= 1", "interactions_8d >= 1")
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "$churned_days",
            "$churnd_days",
        )
        .append("job.toml", "\n[params]\nloyal_order = 4\n");
    insta::assert_snapshot!(project.check(), @"");

    let project = project.edit("job.toml", "\n[params]\nloyal_order = 4\n", "");
    insta::assert_snapshot!(project.check(), @"");
}
