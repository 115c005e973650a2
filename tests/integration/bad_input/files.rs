//! Partitions and Parquet files. What breaks the contract blocks publication (3); what is not
//! there yet is worth waiting for (4).

use super::lake::{LAST_DAY, Rows, file_of};
use super::project::Project;

#[test]
fn missing_column_is_told_with_those_that_are_there() {
    let project = Project::new()
        .deliver("orders", 3, &Rows::orders(3).without("amount"))
        .deliver("engagement", 4, &Rows::engagement(4).without("event_type"));
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn type_that_would_lose_digits_is_refused() {
    let project = Project::new().deliver("orders", 3, &Rows::orders(3).with_double("amount", 10.0));
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn files_of_one_source_must_agree_about_ids() {
    let rows = Rows::orders(3).with_text("user_id", "1003");
    let project = Project::new().deliver("orders", 3, &rows);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn sources_must_agree_about_user_ids() {
    let with_text_ids = |project: Project, day: u32| {
        let rows = Rows::engagement(day).with_text("user_id", "1001");
        project.deliver("engagement", day, &rows)
    };
    let project = (1..=LAST_DAY).fold(Project::new(), with_text_ids);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn files_that_are_not_whole_are_all_named() {
    let project = Project::new().write(&file_of("orders", 2), "user 1002 as text");
    let path = project.path(&file_of("orders", 4));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn file_with_damaged_pages_blocks_publication() {
    let project = Project::new();
    let path = project.path(&file_of("orders", 4));
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[4..200].fill(0xff);
    std::fs::write(&path, damaged).unwrap();
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn files_outside_partitions_are_refused() {
    let project = Project::new();
    let whole = project.path(&file_of("orders", 4));
    std::fs::copy(&whole, project.path("data/orders/all.parquet")).unwrap();
    std::fs::create_dir(project.path("data/orders/dt=04-03-2026")).unwrap();
    std::fs::copy(
        &whole,
        project.path("data/orders/dt=04-03-2026/part-0.parquet"),
    )
    .unwrap();
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn night_waits_for_the_partitions_of_its_day() {
    let project = Project::new()
        .withhold("orders", LAST_DAY)
        .withhold("engagement", LAST_DAY);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn value_that_cannot_be_cast_is_not_shown() {
    let project = Project::new().edit(
        "sql/features/users.sql",
        "    first_order_day,",
        "    first_order_day,\n    CAST(CAST(purchases.user_id AS VARCHAR) || 'x' AS BIGINT) AS bad,",
    );
    insta::assert_snapshot!(project.refused_run(), @"");
}
