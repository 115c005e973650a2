//! Columns whose names differ from the declared ones in case alone, and several for one name.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array};

use super::lake::{LAST_DAY, Rows};
use super::project::Project;

const RUN: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];

fn discounts(count: usize) -> ArrayRef {
    let discounts = Decimal128Array::from(vec![1_00; count]);
    Arc::new(discounts.with_precision_and_scale(18, 2).unwrap())
}

fn shown(project: &Project) -> String {
    let finished = project.call(&RUN);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let shown = project.call(&["show", "job.toml"]).stdout;
    // The run's name is made of its files, and so of how they are written.
    shown
        .lines()
        .filter(|line| !line.starts_with("run "))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Required and optional columns, that of the users too, each in the file of one day.
#[test]
fn column_in_another_case_is_the_column() {
    let with_discounts = |day: u32| Rows::orders(day).and("discount", discounts(day as usize));
    let deliver = |project: Project, day| project.deliver("orders", day, &with_discounts(day));
    let usual = (1..=LAST_DAY).fold(Project::new(), deliver);
    let spelt = (1..=LAST_DAY).fold(Project::new(), deliver);
    let spelt = spelt
        .deliver(
            "orders",
            2,
            &with_discounts(2).renamed("discount", "Discount"),
        )
        .deliver("orders", 3, &with_discounts(3).renamed("amount", "AMOUNT"))
        .deliver(
            "orders",
            4,
            &with_discounts(4)
                .renamed("user_id", "userId")
                .renamed("userId", "User_ID"),
        )
        .deliver(
            "engagement",
            5,
            &Rows::engagement(5).renamed("event_type", "Event_Type"),
        );
    assert_eq!(shown(&spelt), shown(&usual));
}

#[test]
fn two_columns_for_one_name_are_refused() {
    let both = Rows::orders(3)
        .and("discount", discounts(3))
        .and("Discount", discounts(3));
    let project = Project::new().deliver("orders", 3, &both);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: file://[PROJECT]/data/orders/dt=2026-03-03/part-0.parquet of source `orders` has columns `discount` and `Discount`, so which is column `discount` cannot be told
     |
     = help: deliver one of them
    ");
}

#[test]
fn column_that_is_there_twice_is_refused() {
    let amount = Decimal128Array::from(vec![99_00; 3]);
    let amount = amount.with_precision_and_scale(18, 2).unwrap();
    let twice = Rows::orders(3).and("amount", Arc::new(amount));
    let project = Project::new().deliver("orders", 3, &twice);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: file://[PROJECT]/data/orders/dt=2026-03-03/part-0.parquet of source `orders` has column `amount` twice, so which is column `amount` cannot be told
     |
     = help: deliver one of them
    ");
}

/// No SQL of the pack reads it.
#[test]
fn columns_that_nobody_reads_may_be_there_twice() {
    let twice = Rows::orders(3)
        .and("note", discounts(3))
        .and("Note", discounts(3))
        .and("note", discounts(3));
    Project::new()
        .deliver("orders", 3, &twice)
        .publish("2026-03-06");
}
