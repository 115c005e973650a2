//! Ids as files have them when a writer knows no whole number beside a missing one.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, UInt64Array};

use super::lake::{LAST_DAY, Rows, file_of};
use super::project::Project;

const NIGHT: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];
const ORDERS: &str = "sql/staging/orders.sql";
const AS_TEXTS: &str = "\n[sources.orders.columns]\nuser_id = \"VARCHAR\"\n\n[sources.engagement.columns]\nuser_id = \"VARCHAR\"\n";

/// The last day's orders with these ids, of which there are six; all sources have texts as ids.
fn with_ids(ids: ArrayRef) -> Project {
    let project = Project::new().append("job.toml", AS_TEXTS);
    let rows = Rows::orders(LAST_DAY).with("user_id", ids);
    rows.write(&project.path(&file_of("orders", LAST_DAY)));
    project
}

/// It was a user of that name.
#[test]
fn no_number_is_no_user() {
    let ids = [1006.0, f64::NAN, 1006.0, 1006.0, 1006.0, 1006.0];
    let project = with_ids(Arc::new(Float64Array::from(ids.to_vec())));
    let finished = project.call(&NIGHT);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(finished.stdout.contains("1 null_user_id"), "{finished:?}");
}

/// It was a user `9.007199254740992e15`, and several ids may have become that one.
#[test]
fn number_that_may_be_another_is_refused_by_column() {
    let ids = [
        1006.0,
        9_007_199_254_740_992.0,
        1006.0,
        1006.0,
        1006.0,
        1006.0,
    ];
    let project = with_ids(Arc::new(Float64Array::from(ids.to_vec())));
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 3

    error: column `user_id` of `file://[PROJECT]/data/orders/dt=2026-03-06/part-0.parquet` of source `orders` has a floating-point number so large that other whole numbers are the same one, so that it may not be the one that was meant; deliver whole numbers or texts, or, to take it as it is, declare user_id = "DOUBLE" under the columns of the source and write CAST(CAST(user_id AS DECIMAL(38, 0)) AS VARCHAR) AS user_id in staging SQL
    "#);
    let project = project
        .edit(
            "job.toml",
            "[sources.orders.columns]\nuser_id = \"VARCHAR\"",
            "[sources.orders.columns]\nuser_id = \"DOUBLE\"",
        )
        .edit(
            ORDERS,
            "    user_id,",
            "    CAST(CAST(user_id AS DECIMAL(38, 0)) AS VARCHAR) AS user_id,",
        );
    project.publish("2026-03-06");
}

/// A tile has the texts of the day before within a state, which the newest order is found by.
#[test]
fn numbers_may_follow_on_texts_that_a_state_is_ordered_by() {
    let project = Project::new().publish("2026-03-05");
    let numbers = Int64Array::from_iter_values(1..=6);
    let rows = Rows::orders(LAST_DAY).with("order_id", Arc::new(numbers));
    rows.write(&project.path(&file_of("orders", LAST_DAY)));
    let finished = project.call(&NIGHT);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(!finished.stdout.contains("made again"), "{finished:?}");
}

#[test]
fn number_beyond_bigint_is_refused_with_a_type_that_ids_can_have() {
    let ids = [u64::MAX, 1006, 1006, 1006, 1006, 1006];
    let project = Project::new();
    let rows = Rows::orders(LAST_DAY).with("user_id", Arc::new(UInt64Array::from(ids.to_vec())));
    rows.write(&project.path(&file_of("orders", LAST_DAY)));
    let said = project.refused_run();
    let told = "column `user_id` of `file://[PROJECT]/data/orders/dt=2026-03-06/part-0.parquet` of source `orders` has a number beyond 9223372036854775807; declare it as VARCHAR, alike in all sources\n";
    assert!(said.contains(told), "{said}");
    project.append("job.toml", AS_TEXTS).publish("2026-03-06");
}
