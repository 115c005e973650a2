//! Values that a cast cannot read: the night says which model, column and value it was, and what
//! it says to write makes the night pass.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use super::lake::{LAST_DAY, Rows};
use super::project::Project;

const STAGING: &str = "sql/staging/orders.sql";
const SNAPSHOT: &str = "sql/publish/tier_snapshot.sql";

/// Orders with a column of texts, of which the first of the last day is `odd`.
fn with_texts(column: &'static str, usual: &str, odd: &str) -> Project {
    let declared = format!("\n[sources.orders.columns]\n{column} = \"VARCHAR\"\n");
    let project = Project::new().append("job.toml", &declared);
    (1..=LAST_DAY).fold(project, |project, day| {
        let mut texts = vec![usual.to_owned(); day as usize];
        if day == LAST_DAY {
            texts[0] = odd.to_owned();
        }
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        let rows = Rows::orders(day).without(column).and(column, texts);
        project.deliver("orders", day, &rows)
    })
}

/// Why the night ended, whatever it was at.
fn reason(project: &Project) -> String {
    let said = project.refused_run();
    assert!(said.starts_with("exit code 3\n"), "{said}");
    let reason = said.lines().find(|line| line.starts_with("error: "));
    let reason = reason.and_then(|line| line.split_once(" failed: "));
    let (_, reason) = reason.unwrap_or_else(|| panic!("{said}"));
    reason.to_owned()
}

#[test]
fn of_an_amount_in_staging() {
    let project = with_texts("amount", "10", "12,50 Euro und mehr").edit(
        STAGING,
        "    amount,   ",
        "    CAST(amount AS DECIMAL(18, 2)) AS amount,   ",
    );
    insta::assert_snapshot!(reason(&project), @r#"`orders.amount` in staging/orders.sql:18 holds '99,99 Aaaa aaa aaaa', which cannot be cast to BIGINT; write TRY_CAST(orders.amount AS BIGINT), which is NULL there, in a SELECT inside FROM, so that reject_reason can leave such rows out: see "Values that cannot be read" in sql/README.md; readers still see what was published before"#);
    let by_name = "FROM (\n    SELECT day, order_id, user_id, ordered_at, TRY_CAST(amount AS DECIMAL(18, 2)) AS amount, status, discount, channel, category\n    FROM sources.orders\n)";
    let project = project
        .edit(
            STAGING,
            "CAST(amount AS DECIMAL(18, 2)) AS amount",
            "amount",
        )
        .edit(STAGING, "FROM sources.orders", by_name);
    let finished = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(finished.stdout.contains("1 null_amount"), "{finished:?}");
}

#[test]
fn of_a_time_in_staging() {
    let project = with_texts("ordered_at", "2026-03-06 12:00:00", "yesterday").edit(
        STAGING,
        "    ordered_at,    ",
        "    CAST(ordered_at AS TIMESTAMP) AS ordered_at,    ",
    );
    insta::assert_snapshot!(reason(&project), @r#"`orders.ordered_at` in staging/orders.sql:6 holds 'aaaaaaaaa', which cannot be cast to TIMESTAMP; write TRY_CAST(orders.ordered_at AS TIMESTAMP), which is NULL there, in a SELECT inside FROM, so that reject_reason can leave such rows out: see "Values that cannot be read" in sql/README.md; readers still see what was published before"#);
}

/// Nobody has written this cast: a text is compared with a number.
#[test]
fn of_a_comparison() {
    let project = with_texts("channel", "7", "app").edit(
        STAGING,
        "        WHEN amount < 0 AND",
        "        WHEN channel < 0 THEN 'odd_channel'\n        WHEN amount < 0 AND",
    );
    insta::assert_snapshot!(reason(&project), @r#"`orders.channel` in staging/orders.sql:18 holds 'aaa', which cannot be cast to BIGINT; write TRY_CAST(orders.channel AS BIGINT), which is NULL there, in a SELECT inside FROM, so that reject_reason can leave such rows out: see "Values that cannot be read" in sql/README.md; readers still see what was published before"#);
    let project = project.edit(
        STAGING,
        "WHEN channel < 0",
        "WHEN TRY_CAST(orders.channel AS BIGINT) < 0",
    );
    project.publish("2026-03-06");
}

/// To cast such to whole numbers, as the comparison does, would leave good rows out.
#[test]
fn of_a_comparison_of_numbers_that_are_not_whole() {
    let project = with_texts("amount", "10", "12.50").edit(
        STAGING,
        "    amount,   ",
        "    CAST(amount AS DECIMAL(18, 2)) AS amount,   ",
    );
    insta::assert_snapshot!(reason(&project), @"`orders.amount` in staging/orders.sql:18 holds '99.99', which cannot be cast to BIGINT; write CAST(orders.amount AS DECIMAL(18, 2)), also where it is compared with a number; readers still see what was published before");
    let cast = "WHEN CAST(orders.amount AS DECIMAL(18, 2))";
    let project = project
        .edit(STAGING, "WHEN amount < 0", &format!("{cast} < 0"))
        .edit(STAGING, "WHEN amount >=", &format!("{cast} >="))
        .edit(
            STAGING,
            "OR amount <=",
            "OR CAST(orders.amount AS DECIMAL(18, 2)) <=",
        );
    let finished = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(!finished.stdout.contains("null_amount"), "{finished:?}");
}

#[test]
fn of_a_sum_in_a_rollup() {
    let project = with_texts("channel", "7", "app").edit(
        "sql/rollups/purchases.sql",
        "    user_id,\n",
        "    user_id,\n    SUM(CAST(channel AS BIGINT)) AS channels,\n",
    );
    insta::assert_snapshot!(reason(&project), @"`orders.channel` in rollups/purchases.sql:4 holds 'aaa', which cannot be cast to BIGINT; write TRY_CAST(orders.channel AS BIGINT), which is NULL there; readers still see what was published before");
    let project = project.edit(
        "sql/rollups/purchases.sql",
        "CAST(channel AS BIGINT)",
        "TRY_CAST(orders.channel AS BIGINT)",
    );
    project.publish("2026-03-06");
}

#[test]
fn of_the_snapshot() {
    let project = Project::new().edit(
        SNAPSHOT,
        "    users.first_order_day,",
        "    users.first_order_day,\n    CAST(interaction_depth.interaction_depth AS BIGINT) AS class_number,",
    );
    let reason = reason(&project);
    let place = "`interaction_depth.interaction_depth` in publish/tier_snapshot.sql:12 holds '";
    assert!(reason.starts_with(place), "{reason}");
    let help = "', which cannot be cast to BIGINT; write TRY_CAST(interaction_depth.interaction_depth AS BIGINT), which is NULL there";
    assert!(reason.contains(help), "{reason}");
    let project = project.edit(
        SNAPSHOT,
        "CAST(interaction_depth.interaction_depth AS BIGINT)",
        "TRY_CAST(interaction_depth.interaction_depth AS BIGINT)",
    );
    project.publish("2026-03-06");
}

#[test]
fn of_a_number_that_is_too_large() {
    let project = Project::new().edit(
        SNAPSHOT,
        "    users.first_order_day,",
        "    users.first_order_day,\n    CAST(users.orders_30d * 0 + 2000 AS TINYINT) AS few,",
    );
    insta::assert_snapshot!(reason(&project), @"`users.orders_30d * 0 + 2000` in publish/tier_snapshot.sql:12 holds '9999', which cannot be cast to TINYINT; write TRY_CAST(users.orders_30d * 0 + 2000 AS TINYINT), which is NULL there; readers still see what was published before");
}

/// Addresses and ids are not shown, whatever they are read as.
#[test]
fn values_that_may_be_of_users_are_not_shown() {
    let pattern = "'aaaaa@aaaaaaa.aaa', which";
    for (column, odd, seen) in [
        ("channel", "alice@example.com", pattern),
        ("order_id", "A77-oddid", "a value that"),
    ] {
        let project = with_texts(column, "7", odd).edit(
            "sql/rollups/purchases.sql",
            "    user_id,\n",
            &format!("    user_id,\n    SUM(CAST({column} AS BIGINT)) AS channels,\n"),
        );
        let reason = reason(&project);
        let told = format!("`orders.{column}` in rollups/purchases.sql:4 holds {seen} cannot");
        assert!(reason.contains(&told), "{reason}");
        assert!(
            !reason.contains("alice") && !reason.contains("oddid"),
            "{reason}"
        );
    }
}
