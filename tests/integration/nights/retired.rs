//! A pack that loses a mart: the table keeps its other dates, and has no rows that no publication
//! names.

use super::example::{history, last_night, night_before};
use super::job::Nights;
use super::lake::Delivery;
use super::tables::{dates, newest_rows, publication};

#[tokio::test]
async fn a_table_that_is_published_no_longer_loses_the_dates_that_are_published_anew() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.edit_pack(&[]);
    nights.run(night_before()).await.unwrap();
    nights.run(last_night()).await.unwrap();
    let output = nights.output();
    let before = newest_rows(&output, night_before(), "kpi_daily").await;
    for mart in ["kpi_daily", "alerts"] {
        std::fs::remove_file(nights.pack_folder().join(format!("publish/{mart}.sql"))).unwrap();
    }
    let told = format!(
        "table `kpi_daily` is published no longer, since the SQL pack has no `publish/kpi_daily.sql`: it has rows of dates until {}, and none of {}",
        night_before(),
        last_night()
    );
    let planned = nights.plan(last_night()).await.unwrap().plan().to_string();
    assert!(
        planned.contains(&format!("  warning: {told}\n")),
        "{planned}"
    );
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "replaced");
    assert!(report.warnings.contains(&told), "{report:?}");

    let found = dates(&output).await;
    assert_eq!(found["kpi_daily"], [night_before()].into());
    assert!(!found["alerts"].contains(&last_night()));
    assert_eq!(
        newest_rows(&output, night_before(), "kpi_daily").await,
        before
    );
    assert_eq!(
        publication(&output, last_night()).await.tables["kpi_daily"].rows,
        0
    );
    // Everything is as publications say, the next day too.
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    let next = last_night().succ_opt().unwrap();
    assert_eq!(nights.status_of(next).await, "published");
    nights.withdraw(night_before()).await;
    assert!(dates(&output).await["kpi_daily"].is_empty());
    let report = nights.run(next).await.unwrap();
    assert!(report.repaired.is_empty(), "{report:?}");
}
