//! Cut points given by hand.

use super::project::Project;

fn with_calibration(keys: &str) -> Project {
    Project::new().append("job.toml", &format!("\n[calibration]\n{keys}"))
}

#[test]
fn lists_that_are_no_cut_points_are_told_at_once() {
    let project = with_calibration(
        "id = \"2026-03-06-v1\"\nrecency_days = [7, 30, 30, 180]\norders_365d = [1, 2, 4]\n\
         revenue_365d = [\"fifty\", 200, 500, 2000]\nidd = \"2026-03-06-v1\"\n",
    );
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: `id` pins a calibration, and other keys give cut points by hand
      --> job.toml:13:1
       |
    13 | id = "2026-03-06-v1"
       | ^^
       |
       = help: keep one of the two

    error: the cut points of `recency_days` do not increase: 30 comes after 30
      --> job.toml:14:1
       |
    14 | recency_days = [7, 30, 30, 180]
       | ^^^^^^^^^^^^
       |
       = help: give four numbers, each greater than the one before it, such as [7, 30, 90, 180] or ["50.00", "200.00", "500.00", "2000.00"]

    error: `orders_365d` has 3 cut points, not four
      --> job.toml:15:1
       |
    15 | orders_365d = [1, 2, 4]
       | ^^^^^^^^^^^
       |
       = help: give four numbers, each greater than the one before it, such as [7, 30, 90, 180] or ["50.00", "200.00", "500.00", "2000.00"]

    error: cut point "fifty" of `revenue_365d` is not an exact number
      --> job.toml:16:1
       |
    16 | revenue_365d = ["fifty", 200, 500, 2000]
       | ^^^^^^^^^^^^
       |
       = help: give four numbers, each greater than the one before it, such as [7, 30, 90, 180] or ["50.00", "200.00", "500.00", "2000.00"]

    error: `idd` is not a list of cut points; did you mean `id`?
      --> job.toml:17:1
       |
    17 | idd = "2026-03-06-v1"
       | ^^^
       |
       = help: give four numbers, each greater than the one before it, such as [7, 30, 90, 180] or ["50.00", "200.00", "500.00", "2000.00"]

    5 problems
    "#);
}

#[test]
fn id_is_a_text() {
    insta::assert_snapshot!(with_calibration("id = 5\n").check(), @r#"
    exit code 2

    error: `id` is not the id of a calibration
      --> job.toml:13:1
       |
    13 | id = 5
       | ^^
       |
       = help: give a text such as "2026-11-20-v1"
    "#);
}

#[test]
fn metrics_must_be_those_of_the_model_and_all_of_them() {
    let project = with_calibration(
        "recency_day = [7, 30, 90, 180]\norders_365d = [1, 2, 4, 7.5]\nvisits = [1, 2, 3, 4]\n",
    );
    let checked = project.check();
    insta::assert_snapshot!(checked, @"
    exit code 2

    error: [calibration] gives cut points of an unknown metric `recency_day`; did you mean `recency_days`?
      --> job.toml:13:1
       |
    13 | recency_day = [7, 30, 90, 180]
       | ^^^^^^^^^^^
       |
       = help: the metrics are the columns of the calibration model: recency_days, orders_365d, revenue_365d

    error: [calibration] gives cut points of an unknown metric `visits`
      --> job.toml:15:1
       |
    15 | visits = [1, 2, 3, 4]
       | ^^^^^^
       |
       = help: the metrics are the columns of the calibration model: recency_days, orders_365d, revenue_365d

    error: [calibration] gives no cut points of `recency_days`, `revenue_365d`
      --> job.toml:12:2
       |
    12 | [calibration]
       |  ^^^^^^^^^^^
       |
       = help: give those of every metric, such as recency_days = [1, 2, 4, 8], or of none

    error: cut point 7.5 of `orders_365d` is not a value that the metric can take
      --> job.toml:14:1
       |
    14 | orders_365d = [1, 2, 4, 7.5]
       | ^^^^^^^^^^^
       |
       = help: its values are whole numbers of at most 19 digits

    4 problems
    ");
    assert_eq!(project.refused_run(), checked);
    // Before any tile is made.
    assert!(!project.path("output").exists());
}

/// A number that no DECIMAL holds with two digits behind the point was once said to lie between
/// two values.
#[test]
fn cut_point_with_too_many_digits_is_told_how_many_there_may_be() {
    let long = "9".repeat(38);
    let project = with_calibration(&format!(
        "recency_days = [7, 30, 90, 180]\norders_365d = [1, 2, 4, 7]\n\
         revenue_365d = [1, 2, 3, \"{long}\"]\n",
    ));
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: cut point 99999999999999999999999999999999999999 of `revenue_365d` has more digits than its values
      --> job.toml:15:1
       |
    15 | revenue_365d = [1, 2, 3, "99999999999999999999999999999999999999"]
       | ^^^^^^^^^^^^
       |
       = help: its values have at most 28 digits, 2 of them behind the point
    "#);
}

#[test]
fn calibrating_needs_the_partitions_that_a_run_needs() {
    let project = Project::new().withhold("orders", 6);
    let finished = project.call(&["calibrate", "job.toml", "--date", "2026-03-06"]);
    insta::assert_snapshot!(project.said(&finished), @"
    exit code 4

    error: inputs not ready: source `orders` has no files in file://[PROJECT]/data/orders/dt=2026-03-06 for 2026-03-06; run again when the partition is there, or set required = false for the source
    ");
}
