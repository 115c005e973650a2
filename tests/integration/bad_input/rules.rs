//! Rules that do not cover: holes, branches that nothing reaches, values that nobody can have.

use super::project::Project;

const CLASS: &str = "sql/tiers/rfm_class.sql";
const RFM: &str = "sql/tiers/rfm.sql";
const DEPTH: &str = "sql/tiers/interaction_depth.sql";
const QUADRANTS: &str = "sql/tiers/value_engagement.sql";
const TIERS: &str = "sql/reference/dim_tier.csv";

/// The branches of rfm_class, with the last one spelt out instead of ELSE.
fn without_else() -> Project {
    Project::new().edit(
        CLASS,
        "ELSE 'general_winback'",
        "WHEN NOT (r_score > $high_score OR f_score > $high_score) THEN 'general_winback'",
    )
}

#[test]
fn classes_cover_all_combinations_without_an_else() {
    let checked = without_else().call(&["check", "job.toml"]);
    assert_eq!(checked.exit_code, 0, "{checked:?}");
}

#[test]
fn removed_branch_leaves_a_hole() {
    let branch = "        WHEN f_score > $high_score THEN 'general_retain'\n";
    let project = without_else().edit(CLASS, branch, "");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `rfm_class` has no value for 18 of 126 combinations, such as r_score = 3, f_score = 4, m_score = 1
     --> sql/tiers/rfm_class.sql:4:5
      |
    4 |     CASE
      |     ^^^^
      |
      = help: add a WHEN for them, or an ELSE: every user needs a value

    error: no branch of `rfm_class` gives `general_retain`, which dim_tier lists
     --> sql/tiers/rfm_class.sql:4:5
      |
    4 |     CASE
      |     ^^^^
      |
      = help: add a WHEN that gives it, or take it out of dim_tier

    2 problems
    ");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 2

    error: `rfm_class` has no value for 18 of 126 combinations, such as r_score = 3, f_score = 4, m_score = 1
     --> sql/tiers/rfm_class.sql:4:5
      |
    4 |     CASE
      |     ^^^^
      |
      = help: add a WHEN for them, or an ELSE: every user needs a value
    ");
}

#[test]
fn swapped_branches_name_the_line_that_takes_all() {
    let project = Project::new()
        .edit(
            CLASS,
            "WHEN m_score > $high_score THEN 'important_winback'",
            "WHEN FALSE THEN 'important_winback'",
        )
        .edit(
            CLASS,
            "m_score > $high_score AND r_score > $high_score AND f_score > $high_score",
            "m_score > $high_score",
        )
        .edit(
            RFM,
            "orders_365d <= $orders_365d_cut_1 THEN 1",
            "orders_365d <= $orders_365d_cut_2 THEN 1",
        )
        .edit(
            RFM,
            "orders_365d <= $orders_365d_cut_2 THEN 2",
            "orders_365d <= $orders_365d_cut_1 THEN 2",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the branch for `2` is never reached: the branches on lines 16, 17 already match everything it matches
      --> sql/tiers/rfm.sql:18:18
       |
    18 |             WHEN orders_365d <= $orders_365d_cut_1 THEN 2
       |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: the first match wins: put the narrower condition first, or take the branch out

    error: the branch for `important_develop` is never reached: the branch on line 6 takes all that it asks for
     --> sql/tiers/rfm_class.sql:7:14
      |
    7 |         WHEN m_score > $high_score AND r_score > $high_score THEN 'important_develop'
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: the first match wins: put the narrower condition first, or take the branch out

    error: the branch for `important_retain` is never reached: the branch on line 6 takes all that it asks for
     --> sql/tiers/rfm_class.sql:8:14
      |
    8 |         WHEN m_score > $high_score AND f_score > $high_score THEN 'important_retain'
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: the first match wins: put the narrower condition first, or take the branch out

    error: the branch for `important_winback` is never reached: its condition is never true
     --> sql/tiers/rfm_class.sql:9:14
      |
    9 |         WHEN FALSE THEN 'important_winback'
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: the first match wins: put the narrower condition first, or take the branch out

    4 problems
    ");
}

#[test]
fn values_and_dim_tier_must_agree() {
    let project = Project::new()
        .edit(
            QUADRANTS,
            "THEN 'low_value_high_engagement'",
            "THEN 'low_value_high_engagemnt'",
        )
        .edit(DEPTH, "ELSE 'light'", "ELSE 'faint'")
        .append(TIERS, "rfm_class,legend,,Legend,x,Applaud,x\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `interaction_depth` gives `faint`, which dim_tier does not list
     --> sql/tiers/interaction_depth.sql:8:14
      |
    8 |         ELSE 'faint'
      |              ^^^^^^^
      |
      = help: list it in reference/dim_tier.csv, or in the job where it has [dimensions.interaction_depth]; or give one of: deep, moderate, occasional, light

    error: `value_engagement` gives `low_value_high_engagemnt`, which dim_tier does not list
      --> sql/tiers/value_engagement.sql:17:38
       |
    17 |         WHEN is_high_engagement THEN 'low_value_high_engagemnt'
       |                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `low_value_high_engagement`?

    error: no branch of `interaction_depth` gives `light`, which dim_tier lists
     --> sql/tiers/interaction_depth.sql:4:5
      |
    4 |     CASE
      |     ^^^^
      |
      = help: add a WHEN that gives it, or take it out of dim_tier

    error: no branch of `rfm_class` gives `legend`, which dim_tier lists
     --> sql/tiers/rfm_class.sql:4:5
      |
    4 |     CASE
      |     ^^^^
      |
      = help: add a WHEN that gives it, or take it out of dim_tier

    4 problems
    ");
}

#[test]
fn conditions_are_followed_through_other_models() {
    let project = Project::new()
        .edit(
            QUADRANTS,
            "        ELSE 'low_value_low_engagement'\n",
            "        WHEN NOT is_high_value AND depth = 'light' THEN 'low_value_low_engagement'\n",
        )
        .edit(
            QUADRANTS,
            "AS is_high_engagement",
            "AS is_high_engagement,\n        depth.interaction_depth AS depth",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `value_engagement` has no value for 73 of 504 combinations, such as r_score = 5, f_score = 1, m_score = 1, interaction_depth = 'occasional'
      --> sql/tiers/value_engagement.sql:15:5
       |
    15 |     CASE
       |     ^^^^
       |
       = help: add a WHEN for them, or an ELSE: every user needs a value
    ");
}

#[test]
fn parameter_that_merges_two_tiers_stops_no_run() {
    let project = Project::new().append("job.toml", "\n[params]\ndeep_interactions_7d = 1\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the branch for `moderate` is never reached: the branch on line 5 takes all that it asks for
     --> sql/tiers/interaction_depth.sql:6:14
      |
    6 |         WHEN interactions_7d >= 1 THEN 'moderate'
      |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: the first match wins: put the narrower condition first, or take the branch out
    ");
    project.publish("2026-03-06");
}

#[test]
fn rules_are_told_beside_what_is_broken() {
    let snapshot = "sql/publish/tier_snapshot.sql";
    let project = Project::new()
        .edit(DEPTH, "THEN 'moderate'", "THEN 'modrate'")
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "orders_lifetime = 0",
            "orders_liftime = 0",
        )
        .edit(snapshot, "FROM features.users AS users", "FROM");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: unknown table: `INNER` is not a full table name; write folder and name, such as features.users
       --> sql/publish/tier_snapshot.sql:118:1
        |
    118 | INNER JOIN tiers.rfm AS rfm
        | ^^^^^

    error: unknown column `orders_liftime`
      --> sql/tiers/lifecycle_stage.sql:13:14
       |
    13 |         WHEN orders_liftime = 0 THEN 'prospect'
       |              ^^^^^^^^^^^^^^
       |
       = help: did you mean `orders_lifetime`?

    error: `interaction_depth` gives `modrate`, which dim_tier does not list
     --> sql/tiers/interaction_depth.sql:6:40
      |
    6 |         WHEN interactions_7d >= 1 THEN 'modrate'
      |                                        ^^^^^^^^^
      |
      = help: did you mean `moderate`?

    note: not checked until the problems above are fixed: `tiers.warnings`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    3 problems
    ");
}

/// A literal that nothing equals is never true, and no row shows it: in a tier, behind a CTE and
/// another name, in the matrix of one dimension, in a list and as a parameter.
#[test]
fn literals_that_are_no_value_of_their_dimension_are_refused() {
    let matrix = "SELECT SUM(users) FILTER (WHERE to_tier = 'newcomer') AS came\nFROM publish.tier_migration_matrix\nWHERE dimension = 'lifecycle_stage' AND from_tier IN ('silent', 'high_value')\nHAVING came < 0\n";
    let renamed = "WITH users AS (SELECT value_tier AS band FROM publish.tier_snapshot)\nSELECT CASE band WHEN 'hihg_value' THEN 1 END AS one FROM users WHERE band IS NULL\n";
    let project = Project::new()
        .edit(
            "sql/tiers/warnings.sql",
            "IN ('new', 'active', 'loyal')",
            "IN ('new', 'aktive', 'loyal')",
        )
        .write("sql/audits/matrix.sql", matrix)
        .write("sql/audits/renamed.sql", renamed)
        .write(
            "sql/audits/raw.sql",
            "SELECT 1 AS one FROM previous.tier_snapshot WHERE value_tier_raw = $worst AND FALSE\n",
        )
        .write(
            "sql/audits/named.sql",
            "SELECT 1 AS one FROM publish.tier_summary WHERE dimension = 'value_teir' AND FALSE\n",
        )
        .append("sql/parameters.toml", "worst = \"low_valeu\"\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `high_value` is not a value of `lifecycle_stage` in dim_tier
     --> sql/audits/matrix.sql:3:65
      |
    3 | WHERE dimension = 'lifecycle_stage' AND from_tier IN ('silent', 'high_value')
      |                                                                 ^^^^^^^^^^^^
      |
      = help: it has active, churned, loyal, new, prospect, silent

    error: `newcomer` is not a value of `lifecycle_stage` in dim_tier
     --> sql/audits/matrix.sql:1:43
      |
    1 | SELECT SUM(users) FILTER (WHERE to_tier = 'newcomer') AS came
      |                                           ^^^^^^^^^^
      |
      = help: it has active, churned, loyal, new, prospect, silent

    error: `value_teir` is not a dimension of dim_tier; did you mean `value_tier`?
     --> sql/audits/named.sql:1:61
      |
    1 | SELECT 1 AS one FROM publish.tier_summary WHERE dimension = 'value_teir' AND FALSE
      |                                                             ^^^^^^^^^^^^
      |
      = help: it has customer_layer, decline_warning, engagement_style, falling_warning, fatigue_warning, interaction_depth, lifecycle_stage, low_ltv_to_cac, need_type, overdue_warning, participation_level, peak_order, price_sensitivity, rfm_class, silent_warning, spend_warning, value_engagement, value_tier, warning

    error: `low_valeu` is not a value of `value_tier` in dim_tier; did you mean `low_value`?
     --> sql/audits/raw.sql:1:68
      |
    1 | SELECT 1 AS one FROM previous.tier_snapshot WHERE value_tier_raw = $worst AND FALSE
      |                                                                    ^^^^^^
      |
      = help: it has active, high_potential, high_value, low_value, no_orders, silent

    error: `aktive` is not a value of `lifecycle_stage` in dim_tier; did you mean `active`?
     --> sql/tiers/warnings.sql:6:38
      |
    6 |     stage.lifecycle_stage IN ('new', 'aktive', 'loyal')
      |                                      ^^^^^^^^
      |
      = help: it has active, churned, loyal, new, prospect, silent

    error: `hihg_value` is not a value of `value_tier` in dim_tier; did you mean `high_value`?
     --> sql/audits/renamed.sql:2:23
      |
    2 | SELECT CASE band WHEN 'hihg_value' THEN 1 END AS one FROM users WHERE band IS NULL
      |                       ^^^^^^^^^^^^
      |
      = help: it has active, high_potential, high_value, low_value, no_orders, silent

    6 problems
    ");
}

/// What SQL itself puts in place of a value may be compared with.
#[test]
fn literals_that_can_be_there_are_none_to_refuse() {
    let sql = "SELECT 1 AS one FROM publish.tier_snapshot\nWHERE COALESCE(value_tier, 'none') = 'none' AND need_type <> 'none' AND lifecycle_stage LIKE 'si%'\n";
    let matrix =
        "SELECT 1 AS one FROM publish.tier_migration_matrix WHERE to_tier = 'deep' AND FALSE\n";
    let project = Project::new()
        .write("sql/audits/coalesced.sql", sql)
        .write("sql/audits/matrix.sql", matrix);
    let checked = project.call(&["check", "job.toml"]);
    assert_eq!(checked.exit_code, 0, "{checked:?}");
}
