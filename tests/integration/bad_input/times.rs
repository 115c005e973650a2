//! Times that files have as text, as days and as numbers: one way to write each in staging.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, StringArray};

use super::lake::{LAST_DAY, Rows};
use super::project::Project;

const STAGING: &str = "sql/staging/orders.sql";
const SELECTED: &str = "    ordered_at,    ";

/// Orders whose times are of another type, and the type declared for them.
fn with_times(declared: &str, times: impl Fn(u32) -> ArrayRef) -> Project {
    let columns = format!("\n[sources.orders.columns]\nordered_at = \"{declared}\"\n");
    let project = Project::new().append("job.toml", &columns);
    (1..=LAST_DAY).fold(project, |project, day| {
        let rows = Rows::orders(day).with("ordered_at", times(day));
        project.deliver("orders", day, &rows)
    })
}

fn texts(day: u32) -> ArrayRef {
    let time = format!("2026-03-{day:02}T20:00:00+08:00");
    Arc::new(StringArray::from(vec![time; day as usize]))
}

#[test]
fn times_of_another_type_are_told_how_to_be_written() {
    insta::assert_snapshot!(with_times("VARCHAR", texts).check().lines().take(9).collect::<Vec<_>>().join("\n"), @"
    exit code 2

    error: `ordered_at` of `staging.orders` is VARCHAR; it must be TIMESTAMP
     --> sql/staging/orders.sql:6:5
      |
    6 |     ordered_at,                                       -- UTC
      |     ^^^^^^^^^^
      |
      = help: write CAST(... AS TIMESTAMP) for text such as 2026-11-20T08:00:00+08:00 and for a DATE, and to_timestamp_seconds(...) or to_timestamp_millis(...) for a number; what has no offset is in UTC
    ");
}

#[test]
fn times_as_text_days_and_numbers_are_read_as_the_help_says() {
    type Times<'a> = &'a dyn Fn(u32) -> ArrayRef;
    let days = |day: u32| -> ArrayRef {
        // 28 February 2026 is the day 20,512.
        Arc::new(Date32Array::from(vec![20_512 + day as i32; day as usize]))
    };
    let seconds = |day: u32| -> ArrayRef {
        let noon = i64::from(20_512 + day as i32) * 86_400 + 43_200;
        Arc::new(Int64Array::from(vec![noon; day as usize]))
    };
    let cases: [(&str, Times<'_>, &str); 3] = [
        ("VARCHAR", &texts, "CAST(ordered_at AS TIMESTAMP)"),
        ("DATE", &days, "CAST(ordered_at AS TIMESTAMP)"),
        ("BIGINT", &seconds, "to_timestamp_seconds(ordered_at)"),
    ];
    for (declared, times, written) in cases {
        let project = with_times(declared, times);
        let select = format!("    {written} AS ordered_at,    ");
        let project = project.edit(STAGING, SELECTED, &select);
        let checked = project.call(&["check", "job.toml"]);
        assert_eq!(checked.exit_code, 0, "{checked:?}");
        let finished = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        let said = project.said(&finished);
        // No time lies outside its partition's day.
        assert!(!said.contains("warning: orders"), "{said}");
    }
}

/// One time in a day cannot be read: its row is left out, and is in the sample of rejected rows.
#[test]
fn times_that_cannot_be_read_are_left_out_by_try_cast() {
    let times = |day: u32| -> ArrayRef {
        let mut times = vec![format!("2026-03-{day:02} 12:00:00"); day as usize];
        if day == LAST_DAY {
            times[0] = "yesterday".to_owned();
        }
        Arc::new(StringArray::from(times))
    };
    let read = "FROM (\n    SELECT day, order_id, user_id, TRY_CAST(ordered_at AS TIMESTAMP) AS ordered_at, amount, status, discount, channel, category\n    FROM sources.orders\n)";
    let project = with_times("VARCHAR", times).edit(STAGING, "FROM sources.orders", read);
    let finished = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let said = project.said(&finished);
    assert!(said.contains("1 null_time"), "{said}");
}
