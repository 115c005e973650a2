//! Rules over scores, booleans and numbers, each as `check` reports it.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{TableProvider, ViewTable};

use crate::engine::{EngineLimits, Session};
use crate::ground::{SourceFile, SqlSchema, TableName};
use crate::models::{Model, Parameters, planner};
use crate::tiers::{Delay, Dimension, Dimensions, Tier};

use super::{Findings, TierModel, check};

const CUT_POINTS: [i64; 4] = [1_000_003, 2_000_003, 3_000_017, 4_000_037];

const RFM: &str = "
SELECT
    user_id,
    CASE WHEN orders = 0 THEN NULL WHEN orders < 2 THEN 1 WHEN orders < 4 THEN 2 WHEN orders < 6 THEN 3 WHEN orders < 8 THEN 4 ELSE 5 END AS r_score,
    CASE WHEN orders = 0 THEN NULL WHEN revenue < 2 THEN 1 WHEN revenue < 4 THEN 2 WHEN revenue < 6 THEN 3 WHEN revenue < 8 THEN 4 ELSE 5 END AS f_score,
    CASE WHEN orders = 0 THEN NULL WHEN refunds < 2 THEN 1 WHEN refunds < 4 THEN 2 WHEN refunds < 6 THEN 3 WHEN refunds < 8 THEN 4 ELSE 5 END AS m_score
FROM features.users";

/// What is found in the model `tiers.kind`, whose rows lie in a session with `features.users` and
/// `tiers.rfm`; dim_tier lists the kinds `a`, `b` and `c`.
fn found_in(sql: &str) -> String {
    let Findings { wrong, unreachable } = findings(sql, &["a", "b", "c"]);
    let problems = wrong.0.into_iter().chain(unreachable.0);
    let lines = problems.map(|problem| {
        let (file, place) = problem.place.unwrap();
        format!("{} [{}]", problem.message, &file.text[place])
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn findings(sql: &str, tiers: &[&str]) -> Findings {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let session = session();
        let rfm = model("rfm", RFM);
        let kind = model("kind", sql);
        let mut planned = Vec::new();
        for model in [&rfm, &kind] {
            let plan = planner::plan(&session.state(), model, &Parameters::default())
                .await
                .unwrap();
            register(
                &session,
                "tiers",
                &model.name.name,
                Arc::new(ViewTable::new(plan.clone(), None)),
            );
            planned.push(TierModel { model, plan });
        }
        check(&planned, &kinds(tiers), &CUT_POINTS)
    })
}

fn model(name: &str, sql: &str) -> Model {
    let file = SourceFile::new(format!("{name}.sql"), sql);
    Model::parse(TableName::new(SqlSchema::Tiers, name), file).unwrap()
}

fn kinds(tiers: &[&str]) -> Dimensions {
    let tiers = tiers.iter().map(|name| Tier {
        name: (*name).to_owned(),
        rank: None,
    });
    Dimensions(vec![Dimension {
        name: "kind".to_owned(),
        tiers: tiers.collect(),
        delay: Delay::None,
    }])
}

fn session() -> Session {
    let limits = EngineLimits::default();
    let session = Session::open(&limits, [], []).unwrap();
    let columns = [
        ("user_id", DataType::Int64, false),
        ("orders", DataType::Int64, false),
        ("revenue", DataType::Decimal128(18, 2), true),
        ("refunds", DataType::Decimal128(18, 2), true),
        ("channel", DataType::Utf8, true),
        ("is_member", DataType::Boolean, true),
        ("is_worker", DataType::Boolean, false),
    ];
    let fields =
        columns.map(|(name, data_type, is_nullable)| Field::new(name, data_type, is_nullable));
    let users = EmptyTable::new(Arc::new(Schema::new(fields.to_vec())));
    register(&session, "features", "users", Arc::new(users));
    session
}

fn register(session: &Session, folder: &str, name: &str, table: Arc<dyn TableProvider>) {
    let name = format!("{folder}.{name}").parse().unwrap();
    session.register(&name, table).unwrap();
}

/// `SELECT user_id, CASE ... END AS kind FROM ...`
fn case(branches: &str, from: &str) -> String {
    format!("SELECT user_id, CASE {branches} END AS kind FROM {from}")
}

#[test]
fn scores_are_covered_when_every_combination_is_taken() {
    let branches = "WHEN r_score IS NULL THEN 'a' WHEN r_score > 3 AND f_score > 3 THEN 'b'
        WHEN r_score <= 3 OR f_score <= 3 THEN 'c'";
    assert_eq!(found_in(&case(branches, "tiers.rfm")), "");
}

#[test]
fn scores_are_null_together() {
    let branches =
        "WHEN r_score IS NULL THEN 'a' WHEN f_score > 3 THEN 'b' WHEN f_score < 4 THEN 'c'";
    assert_eq!(found_in(&case(branches, "tiers.rfm")), "");
    let branches =
        "WHEN f_score > 3 THEN 'a' WHEN f_score < 4 THEN 'b' WHEN r_score IS NULL THEN 'c'
        WHEN f_score IS NULL THEN 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "tiers.rfm")), @"the branch for `c` is never reached: the branch on line 1 takes all that it asks for [f_score IS NULL THEN 'c']");
}

#[test]
fn hole_is_counted_and_shown() {
    let branches = "WHEN r_score IS NULL THEN 'a' WHEN r_score > 3 AND f_score > 3 THEN 'b' WHEN r_score < 3 THEN 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "tiers.rfm")), @"`kind` has no value for 11 of 26 combinations, such as r_score = 3, f_score = 1 [CASE]");
    let branches = "WHEN r_score > 3 THEN 'a' WHEN r_score < 3 THEN 'b' ELSE NULL";
    insta::assert_snapshot!(found_in(&case(branches, "tiers.rfm")), @"
    `kind` has no value for 2 of 6 combinations, such as r_score = 3 [CASE]
    no branch of `kind` gives `c`, which dim_tier lists [CASE]
    ");
}

#[test]
fn operand_of_a_case_is_compared_with_each_value() {
    let branches = "r_score WHEN 5 THEN 'a' WHEN 4 THEN 'b' WHEN 5 THEN 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "tiers.rfm")), @"
    `kind` has no value for 4 of 6 combinations, such as r_score = 1 [CASE]
    the branch for `c` is never reached: the branch on line 1 takes all that it asks for [5 THEN 'c']
    ");
}

#[test]
fn booleans_have_three_values_where_they_can_be_null() {
    let branches = |column| {
        format!("WHEN {column} THEN 'a' WHEN NOT {column} THEN 'b' WHEN {column} IS NULL THEN 'c'")
    };
    assert_eq!(
        found_in(&case(&branches("is_member"), "features.users")),
        ""
    );
    insta::assert_snapshot!(found_in(&case(&branches("is_worker"), "features.users")), @"the branch for `c` is never reached: its condition is never true [is_worker IS NULL THEN 'c']");
    insta::assert_snapshot!(found_in(&case("WHEN is_member THEN 'a' WHEN NOT is_member THEN 'b'", "features.users")), @"
    `kind` has no value for one of 3 combinations: is_member = NULL [CASE]
    no branch of `kind` gives `c`, which dim_tier lists [CASE]
    ");
}

#[test]
fn swapped_branches_are_never_reached() {
    let branches = "WHEN orders >= 1 THEN 'a' WHEN orders >= 3 THEN 'b' ELSE 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "features.users")), @"the branch for `b` is never reached: the branch on line 1 takes all that it asks for [orders >= 3 THEN 'b']");
    let branches = "WHEN orders >= 3 THEN 'a' WHEN orders < 3 THEN 'b' ELSE 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "features.users")), @"the branch for `c` is never reached: the branches before it take every combination ['c']");
    let branches = "WHEN channel IN ('app', 'web') THEN 'a' WHEN channel = 'web' THEN 'b' ELSE 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "features.users")), @"the branch for `b` is never reached: the branch on line 1 takes all that it asks for [channel = 'web' THEN 'b']");
}

#[test]
fn numbers_between_two_bounds_are_not_missed() {
    let branches = "WHEN revenue <= 1 THEN 'a' WHEN revenue >= 1.01 THEN 'b' ELSE 'c'";
    assert_eq!(found_in(&case(branches, "features.users")), "");
    let branches =
        "WHEN revenue < 1 OR revenue > 2 THEN 'a' WHEN revenue BETWEEN 1 AND 2 THEN 'b' ELSE 'c'";
    assert_eq!(found_in(&case(branches, "features.users")), "");
}

#[test]
fn what_cannot_be_listed_is_taken_to_vary_freely() {
    let branches =
        "WHEN revenue > refunds THEN 'a' WHEN revenue > 10 AND refunds < 5 THEN 'b' ELSE 'c'";
    assert_eq!(found_in(&case(branches, "features.users")), "");
    let branches =
        "WHEN revenue > refunds THEN 'a' WHEN revenue > refunds AND orders > 3 THEN 'b' ELSE 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "features.users")), @"the branch for `b` is never reached: the branch on line 1 takes all that it asks for [revenue > refunds AND orders > 3 THEN 'b']");
    let branches =
        "WHEN COALESCE(revenue > refunds, FALSE) THEN 'a' WHEN revenue > refunds THEN 'b' ELSE 'c'";
    insta::assert_snapshot!(found_in(&case(branches, "features.users")), @"the branch for `b` is never reached: the branch on line 1 takes all that it asks for [revenue > refunds THEN 'b']");
}

#[test]
fn holes_are_reported_only_when_combinations_are_exact() {
    let branches = "WHEN orders > 3 THEN 'a' WHEN orders < 3 THEN 'b' WHEN orders = 3 AND revenue > 1 THEN 'c'";
    assert_eq!(found_in(&case(branches, "features.users")), "");
    let branches = "WHEN r_score = 5 THEN 'a' WHEN r_score = 4 THEN 'b' WHEN r_score = 3 THEN 'c'";
    assert_eq!(found_in(&case(branches, "tiers.rfm WHERE r_score > 2")), "");
    let joined =
        "features.users AS users LEFT JOIN tiers.rfm AS rfm ON users.user_id = rfm.user_id";
    let sql = case(branches, joined).replace("SELECT user_id", "SELECT users.user_id");
    assert_eq!(found_in(&sql), "");
}

#[test]
fn columns_are_followed_through_ctes_and_joins() {
    let sql = "WITH sides AS (
            SELECT rfm.user_id, COALESCE(rfm.r_score + rfm.f_score >= 8, FALSE) AS is_high, users.is_worker AS works
            FROM features.users AS users INNER JOIN tiers.rfm AS rfm ON users.user_id = rfm.user_id
        )
        SELECT user_id, CASE WHEN is_high AND works THEN 'a' WHEN is_high THEN 'b' WHEN NOT is_high AND works THEN 'c' END AS kind
        FROM sides";
    insta::assert_snapshot!(found_in(sql), @"`kind` has no value for 20 of 52 combinations, such as r_score = 1, f_score = 1, is_worker = false [CASE]");
}

#[test]
fn users_joined_with_others_are_not_taken_for_the_same() {
    let sql = "SELECT mine.user_id, CASE WHEN mine.r_score > 3 THEN 'a' WHEN other.r_score > 3 THEN 'b' ELSE 'c' END AS kind
        FROM tiers.rfm AS mine INNER JOIN tiers.rfm AS other ON mine.r_score < other.f_score";
    assert_eq!(found_in(sql), "");
}

#[test]
fn columns_of_one_name_are_told_apart() {
    let sql = "SELECT mine.user_id, CASE WHEN mine.orders > 3 THEN 'a' WHEN other.orders > 3 THEN 'b' ELSE 'c' END AS kind
        FROM features.users AS mine FULL JOIN features.users AS other ON mine.orders = other.orders";
    assert_eq!(found_in(sql), "");
}

#[test]
fn all_126_combinations_of_three_scores_are_looked_at() {
    let high = |score: &str| format!("{score} > 3");
    let [r, f, m] = ["r_score", "f_score", "m_score"].map(high);
    let branches = format!(
        "WHEN r_score + f_score + m_score IS NULL THEN 'unscored'
        WHEN {m} AND {r} AND {f} THEN 'mrf' WHEN {m} AND {r} THEN 'mr' WHEN {m} AND {f} THEN 'mf' WHEN {m} THEN 'm'
        WHEN {r} AND {f} THEN 'rf' WHEN {r} THEN 'r' WHEN {f} THEN 'f' WHEN r_score = 1 AND f_score = 1 AND m_score = 1 THEN 'none'"
    );
    let tiers = ["unscored", "mrf", "mr", "mf", "m", "rf", "r", "f", "none"];
    let Findings { wrong, unreachable } = findings(&case(&branches, "tiers.rfm"), &tiers);
    assert_eq!(unreachable.0, []);
    let [hole] = wrong.0.as_slice() else {
        unreachable!("{wrong}")
    };
    assert_eq!(
        hole.message,
        "`kind` has no value for 26 of 126 combinations, such as r_score = 1, f_score = 1, m_score = 2"
    );
}

#[test]
fn values_agree_with_dim_tier() {
    let branches = "WHEN r_score > 3 THEN 'a' WHEN r_score > 2 THEN 'bb' ELSE 'a'";
    insta::assert_snapshot!(found_in(&case(branches, "tiers.rfm")), @"
    `kind` gives `bb`, which dim_tier does not list ['bb']
    no branch of `kind` gives `c`, which dim_tier lists [CASE]
    ");
}

#[test]
fn cut_points_are_proved_for_any_in_rising_order_alone() {
    let [first, second, ..] = CUT_POINTS;
    let branches =
        format!("WHEN orders <= {second} THEN 'a' WHEN orders <= {first} THEN 'b' ELSE 'c'");
    insta::assert_snapshot!(found_in(&case(&branches, "features.users")), @"the branch for `b` is never reached: the branch on line 1 takes all that it asks for [orders <= 1000003 THEN 'b']");
    let branches = format!("WHEN orders <= {first} THEN 'a' WHEN orders <= 30 THEN 'b' ELSE 'c'");
    assert_eq!(found_in(&case(&branches, "features.users")), "");
    let branches = format!(
        "WHEN orders <= {second} THEN 'a' WHEN orders <= {first} * 2 - 999000 THEN 'b' ELSE 'c'"
    );
    assert_eq!(found_in(&case(&branches, "features.users")), "");
}

#[test]
fn too_many_combinations_are_left_alone() {
    let compared = (1..=9)
        .map(|n| format!("orders + {n} > {n}0 AND revenue + {n} < {n}"))
        .collect::<Vec<_>>();
    let branches = format!(
        "WHEN {} THEN 'a' WHEN FALSE THEN 'b' ELSE 'c'",
        compared.join(" OR ")
    );
    assert_eq!(found_in(&case(&branches, "features.users")), "");
}
