//! A retention rule removes raw files of old days, as it does everywhere: nothing that was known is
//! lost by it, and nothing else that is gone passes for it.

use chrono::NaiveDate;
use tierline::ground::{Classified, FailureKind};

use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables;
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order, user};
use crate::naive::history::History;
use crate::support::command::{Finished, Tierline};

/// How many days the lake has before D.
pub(super) const DAYS: i64 = 60;

/// The tables in which every date keeps its rows.
const DATED: [&str; 5] = [
    "tier_snapshot",
    "tier_migration",
    "tier_migration_matrix",
    "tier_summary",
    "kpi_daily",
];

/// The rows of D - `days`: a regular every day, and somebody else on each of the first two.
pub(super) fn day(days: i64) -> History {
    let mut history = History {
        events: vec![event("1", days, "open")],
        orders: vec![order("1", days, 10_00)],
        ..History::default()
    };
    match DAYS - days {
        0 => history.orders.push(order("2", days, 500_00)),
        1 => history.orders.push(order("3", days, 300_00)),
        _ => {}
    }
    for (number, order) in (0..).zip(&mut history.orders) {
        order.order_id = format!("{}{number}", 1_000 + days);
    }
    history
}

/// Two jobs over the same deliveries, in lakes of their own.
pub(super) struct Pair {
    /// Whose raw files expire.
    pub(super) aging: Nights,
    /// Whose raw files stay.
    pub(super) whole: Nights,
}

impl Pair {
    /// Everything up to D - 4 is delivered, and that night is published.
    pub(super) async fn new() -> Self {
        let [aging, whole] =
            [(); 2].map(|()| Nights::over(&History::default(), &Delivery::default()));
        let pair = Self { aging, whole };
        for nights in pair.both() {
            nights.calibrate_by_hand(days_ago(DAYS), &hand_given_cut_points());
        }
        for days in (4..=DAYS).rev() {
            pair.deliver(&day(days), "part");
        }
        pair.publish(4).await;
        pair
    }

    pub(super) fn both(&self) -> [&Nights; 2] {
        [&self.aging, &self.whole]
    }

    pub(super) fn deliver(&self, history: &History, file_name: &'static str) {
        for nights in self.both() {
            let delivery = Delivery {
                file_name,
                ..Delivery::default()
            };
            nights.deliver(history, &delivery);
        }
    }

    /// The oldest days of the aging lake, up to D - `last`, expire.
    pub(super) fn expire(&self, last: i64) {
        for days in last..=DAYS {
            for source in ["orders", "engagement"] {
                self.aging.expire(source, days_ago(days));
            }
        }
    }

    pub(super) async fn publish(&self, days: i64) {
        for nights in self.both() {
            assert_eq!(nights.status_of(days_ago(days)).await, "published");
        }
    }

    /// Publishes D - `days` in the other lake, and anew in the aging one.
    pub(super) async fn publish_again(&self, days: i64) {
        let night = days_ago(days);
        assert_eq!(self.aging.status_of(night).await, "replaced");
        assert_eq!(self.whole.status_of(night).await, "published");
    }

    /// Delivers and publishes D - `days`.
    pub(super) async fn night(&self, days: i64) {
        self.deliver(&day(days), "part");
        self.publish(days).await;
        self.assert_same(days).await;
    }

    /// Delivers and publishes D - `days`, whose KPIs lack expired days, which is told.
    pub(super) async fn night_of_fewer_kpis(&self, days: i64) {
        self.deliver(&day(days), "part");
        let report = self.aging.run(days_ago(days)).await.unwrap();
        let told = report.warnings.iter();
        let told = told.filter(|warning| warning.starts_with("`publish.kpi_daily` reads "));
        assert_eq!(told.count(), 1, "{:?}", report.warnings);
    }

    pub(super) async fn assert_same(&self, days: i64) {
        let night = days_ago(days);
        for table in DATED {
            let rows = tables::rows(&self.aging.output(), night, table).await;
            let expected = tables::rows(&self.whole.output(), night, table).await;
            let [rows, expected] = [rows, expected].map(tables::of_any_run);
            assert_same_rows(&format!("{table} of {night}"), &rows, &expected);
        }
    }
}

pub(super) fn call(nights: &Nights, command: &str, arguments: &[&str]) -> Finished {
    let job = nights.job_file();
    let call = Tierline::new().args([command, job.to_str().unwrap()]);
    call.args(arguments).run()
}

pub(super) fn run(nights: &Nights, days: i64, arguments: &[&str]) -> Finished {
    let date = days_ago(days).to_string();
    call(nights, "run", &[&["--date", &date], arguments].concat())
}

pub(super) fn plan(nights: &Nights, days: i64) -> String {
    let planned = call(nights, "plan", &["--date", &days_ago(days).to_string()]);
    assert_eq!(planned.exit_code, 0, "{planned:?}");
    planned.stdout
}

pub(super) const NOTHING: &str = "no published date is affected; nothing done\n";

#[tokio::test]
async fn expired_days_stay_known_and_are_no_late_data() {
    let pair = Pair::new().await;
    for days in (0..4).rev() {
        pair.expire(DAYS - 3 + days);
        pair.night(days).await;
    }
    let nights = &pair.aging;
    let users = tables::rows(&nights.output(), days_ago(0), "tier_snapshot").await;
    assert_eq!(users.len(), 3);

    let held = format!(
        "orders: 4 days, {} to {}, are held in tiles alone, since the raw files have expired",
        days_ago(DAYS),
        days_ago(DAYS - 3)
    );
    assert!(plan(nights, 0).contains(&held), "{}", plan(nights, 0));
    let again = run(nights, 0, &["--output", "json"]);
    let result: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(result["status"], "already_published", "{again:?}");
    assert_eq!(result["held_in_tiles"][1]["source"], "orders");
    let until = days_ago(DAYS - 3).to_string();
    assert_eq!(result["held_in_tiles"][1]["until"], until.as_str());
    let restated = call(nights, "backfill", &["--affected"]);
    assert_eq!(
        (restated.exit_code, &*restated.stdout),
        (0, NOTHING),
        "{restated:?}"
    );
}

#[tokio::test]
async fn late_data_after_an_expiry_restates_what_it_affects() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 1);
    pair.night(3).await;
    pair.night(2).await;
    let mut late = order("4", 5, 70_00);
    late.order_id = "9000".to_owned();
    let late = History {
        orders: vec![late],
        ..History::default()
    };
    pair.deliver(&late, "late");
    for nights in pair.both() {
        let restated = call(nights, "backfill", &["--affected"]);
        assert_eq!(
            (restated.exit_code, &*restated.stderr),
            (0, ""),
            "{restated:?}"
        );
        assert_eq!(
            restated.stdout.matches("replaced").count(),
            3,
            "{restated:?}"
        );
    }
    for days in 2..=4 {
        pair.assert_same(days).await;
    }
}

#[tokio::test]
async fn day_in_the_middle_that_is_gone_blocks_until_it_is_confirmed() {
    let pair = Pair::new().await;
    let nights = &pair.aging;
    nights.expire("orders", days_ago(20));
    pair.deliver(&day(3), "part");

    let lacks = format!(
        "source `orders` lacks {}, which earlier runs have read",
        days_ago(20)
    );
    let blocked = run(nights, 3, &[]);
    assert_eq!(blocked.exit_code, 3, "{blocked:?}");
    assert!(blocked.stderr.contains(&lacks), "{blocked:?}");
    assert!(
        blocked.stderr.contains("--accept-removed-days"),
        "{blocked:?}"
    );
    assert!(
        blocked.stderr.contains("keeps = \"400 days\""),
        "{blocked:?}"
    );
    assert!(plan(nights, 3).contains("a run would be refused: "));
    let blocked = call(nights, "backfill", &["--affected"]);
    assert_eq!(blocked.exit_code, 3, "{blocked:?}");
    assert!(blocked.stderr.contains(&lacks), "{blocked:?}");

    let confirmed = run(nights, 3, &["--accept-removed-days"]);
    assert_eq!(confirmed.exit_code, 0, "{confirmed:?}");
    // From here on it is late data: what was published with it is restated without.
    let restated = call(nights, "backfill", &["--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    assert_eq!(
        restated.stdout.matches("replaced").count(),
        2,
        "{restated:?}"
    );
    pair.whole.expire("orders", days_ago(20));
    for days in [4, 3] {
        let of_whole = pair.whole.run_without_removed(days_ago(days));
        of_whole.await.unwrap();
        pair.assert_same(days).await;
    }
}

#[tokio::test]
async fn a_job_may_say_how_long_raw_files_are_kept() {
    let mut pair = Pair::new().await;
    let source =
        |name, more| format!("[sources.{name}]\nurl = \"lake/{name}\"\nrequired = false\n{more}");
    let keeps = "keeps = \"50 days\"\n";
    pair.aging
        .set_sources(source("orders", keeps) + &source("engagement", keeps) + &source("users", ""));
    // Not the oldest day, but older than 50 days.
    pair.aging.expire("orders", days_ago(DAYS - 1));
    pair.night(3).await;
    assert!(
        plan(&pair.aging, 3).contains("orders: 1 day, "),
        "{}",
        plan(&pair.aging, 3)
    );
}

/// An order of the first user but one, in a file of its own.
pub(super) fn order_of(days: i64, order_id: &str) -> History {
    let mut order = order("3", days, 20_00);
    order.order_id = order_id.to_owned();
    History {
        orders: vec![order],
        ..History::default()
    }
}

/// The aging lake and the other, whose days D - `days` have a second file each.
async fn pair_with_second_files(days: &[i64]) -> Pair {
    let pair = Pair::new().await;
    for days in days {
        pair.deliver(&order_of(*days, &format!("910{days}")), "more");
    }
    for nights in pair.both() {
        assert_eq!(nights.status_of(days_ago(4)).await, "replaced");
    }
    pair
}

fn remove_file(nights: &Nights, days: i64, name: &str) {
    let file = format!("orders/dt={}/{name}-0.parquet", days_ago(days));
    std::fs::remove_file(nights.lake().join(file)).unwrap();
}

/// A retention rule begins with the oldest day, and so does whoever deletes what is old.
#[tokio::test]
async fn the_oldest_day_that_has_lost_a_file_is_asked_about() {
    let mut pair = pair_with_second_files(&[DAYS]).await;
    remove_file(&pair.aging, DAYS, "more");
    pair.deliver(&day(3), "part");
    let asked = run(&pair.aging, 3, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    let doubt = format!(
        "source `orders` has lost files of {}, the oldest it has, and nobody knows whether these have expired; restore them, say how long",
        days_ago(DAYS)
    );
    assert!(asked.stderr.contains(&doubt), "{asked:?}");
    let asked = call(&pair.aging, "backfill", &["--affected"]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");

    // Somebody has deleted it, and says so: the same as if it had never been there.
    let deleted = pair.aging.copied();
    let confirmed = run(&deleted, 3, &["--accept-removed-days"]);
    assert_eq!(confirmed.exit_code, 0, "{confirmed:?}");
    let twin = pair.whole.copied();
    remove_file(&twin, DAYS, "more");
    twin.run_without_removed(days_ago(3)).await.unwrap();
    for table in ["tier_snapshot", "tier_summary"] {
        let rows = tables::rows(&deleted.output(), days_ago(3), table).await;
        let expected = tables::rows(&twin.output(), days_ago(3), table).await;
        let [rows, expected] = [rows, expected].map(tables::of_any_run);
        assert_same_rows(table, &rows, &expected);
    }

    // It is a rule, and the job says which.
    let source =
        |name, more| format!("[sources.{name}]\nurl = \"lake/{name}\"\nrequired = false\n{more}");
    pair.aging.set_sources(
        source("orders", "keeps = \"55 days\"\n")
            + &source("engagement", "")
            + &source("users", ""),
    );
    pair.publish(3).await;
    pair.assert_same(3).await;
}

#[tokio::test]
async fn a_day_that_expires_file_by_file_behind_others_is_told_and_held_in_tiles() {
    let pair = pair_with_second_files(&[DAYS - 2]).await;
    pair.expire(DAYS - 1);
    remove_file(&pair.aging, DAYS - 2, "part");
    pair.night(3).await;
    let told = format!(
        "source `orders` has lost files of {}, as days that expire do: their tiles are used, and what is left is not read: ",
        days_ago(DAYS - 2)
    );
    let said = plan(&pair.aging, 3);
    assert!(said.contains(&told), "{said}");
    assert!(
        said.contains("more-0.parquet; where files were removed on purpose"),
        "{said}"
    );
    let restated = call(&pair.aging, "backfill", &["--affected"]);
    assert_eq!(&*restated.stdout, NOTHING, "{restated:?}");
    // The rest goes too.
    remove_file(&pair.aging, DAYS - 2, "more");
    pair.night(2).await;
}

/// The other remedy that the warning names.
#[tokio::test]
async fn a_file_that_was_removed_on_purpose_as_others_expire_is_taken_so_once_it_is_said() {
    let pair = pair_with_second_files(&[DAYS - 2]).await;
    pair.expire(DAYS - 1);
    remove_file(&pair.aging, DAYS - 2, "part");
    pair.deliver(&day(3), "part");
    let help = "; where files were removed on purpose, say so once with --accept-removed-days";
    let said = plan(&pair.aging, 3);
    assert!(said.contains(help), "{said}");
    let accepted = run(&pair.aging, 3, &["--accept-removed-days"]);
    assert_eq!(accepted.exit_code, 0, "{accepted:?}");
    assert!(!accepted.stdout.contains(help), "{accepted:?}");
    pair.deliver(&day(2), "part");
    let said = plan(&pair.aging, 2);
    assert!(!said.contains(help), "{said}");
}

/// The flag answers what the night has asked: it took the rows of a day that was expiring, too.
#[tokio::test]
async fn accepting_that_a_day_was_removed_takes_no_other_day() {
    let pair = pair_with_second_files(&[DAYS - 2]).await;
    pair.expire(DAYS - 1);
    remove_file(&pair.aging, DAYS - 2, "part");
    pair.night(3).await;

    for nights in pair.both() {
        remove_file(nights, 20, "part");
    }
    pair.deliver(&day(2), "part");
    let asked = run(&pair.aging, 2, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    for nights in pair.both() {
        let accepted = run(nights, 2, &["--accept-removed-days"]);
        assert_eq!(accepted.exit_code, 0, "{accepted:?}");
    }
    pair.assert_same(2).await;
}

/// Neither old enough to have expired, nor gone altogether.
#[tokio::test]
async fn a_day_in_the_middle_that_has_lost_a_file_is_told() {
    let pair = pair_with_second_files(&[20]).await;
    remove_file(&pair.aging, 20, "more");
    pair.deliver(&day(3), "part");
    let told = format!(
        "source `orders` has lost files of {} and got none in their place",
        days_ago(20)
    );
    let said = plan(&pair.aging, 3);
    assert!(said.contains(&told), "{said}");
    let ran = run(&pair.aging, 3, &[]);
    assert_eq!(ran.exit_code, 0, "{ran:?}");
    assert!(ran.stdout.contains(&told), "{ran:?}");
}

#[tokio::test]
async fn a_scrap_that_comes_as_a_day_expires_is_not_taken_for_the_day() {
    let pair = Pair::new().await;
    let scrap = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    // The first day of all that expires.
    let first = Pair::new().await.aging;
    first.expire("orders", days_ago(DAYS));
    first.deliver(&order_of(DAYS, "9100"), &scrap);
    let asked = run(&first, 4, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    assert!(
        asked.stderr.contains("source `orders` has other files of "),
        "{asked:?}"
    );

    pair.expire(DAYS - 1);
    pair.night(3).await;
    pair.expire(DAYS - 2);
    pair.aging.deliver(&order_of(DAYS - 2, "9200"), &scrap);
    pair.deliver(&day(2), "part");
    let asked = run(&pair.aging, 2, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    let expired = days_ago(DAYS - 2);
    let doubt = format!(
        "source `orders` has other files of {expired} than earlier runs have read, the oldest it has: "
    );
    let files = format!(
        "/lake/orders/dt={expired}/late-0.parquet; they are late rows of what has expired, or all of it rewritten; remove them if it has expired"
    );
    for said in [&doubt, &files] {
        assert!(asked.stderr.contains(said), "{asked:?}");
    }
    // It is said once, and nothing that this run has not done or that would be refused, too.
    assert!(!asked.stdout.contains("other files of"), "{asked:?}");
    assert!(!asked.stdout.contains("backfill"), "{asked:?}");

    remove_file(&pair.aging, DAYS - 2, "late");
    pair.publish(2).await;
    pair.assert_same(2).await;
    // Once the day is known to have expired, what comes is left aside and told by name.
    pair.aging.deliver(&order_of(DAYS - 2, "9200"), &scrap);
    pair.night(1).await;
    let said = plan(&pair.aging, 1);
    assert!(said.contains("late-0.parquet; restore all files"), "{said}");
}

/// The files that a date depends on are the same before and after a day expires.
#[tokio::test]
async fn an_expiry_is_on_record_once_any_date_was_published_after_it() {
    let mut pair = Pair::new().await;
    pair.expire(DAYS);
    for nights in [&mut pair.aging, &mut pair.whole] {
        nights.sections = "[params]\ndeep_interactions_7d = 2\n".to_owned();
        assert_eq!(nights.status_of(days_ago(4)).await, "replaced");
    }
    let scrap = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    pair.aging.deliver(&order_of(DAYS, "9200"), &scrap);
    pair.night(3).await;
    let said = plan(&pair.aging, 3);
    assert!(said.contains("late-0.parquet; restore all files"), "{said}");
}

#[tokio::test]
async fn a_day_that_is_put_back_between_expired_ones_is_the_day_that_it_was() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 3);
    pair.night(3).await;
    // With other inodes and times, as from a backup.
    let back = Delivery::default();
    pair.aging.deliver(&day(DAYS - 1), &back);
    pair.night(2).await;
    pair.night(1).await;
    let held = format!(
        "orders: 3 days, {} to {}, are",
        days_ago(DAYS),
        days_ago(DAYS - 3)
    );
    assert!(
        plan(&pair.aging, 1).contains(&held),
        "{}",
        plan(&pair.aging, 1)
    );
    let restated = call(&pair.aging, "backfill", &["--affected"]);
    assert_eq!(&*restated.stdout, NOTHING, "{restated:?}");
}

#[tokio::test]
async fn a_partition_of_a_wrong_clock_makes_no_day_old() {
    let mut pair = Pair::new().await;
    let source =
        |name, more| format!("[sources.{name}]\nurl = \"lake/{name}\"\nrequired = false\n{more}");
    let keeps = "keeps = \"400 days\"\n";
    pair.aging
        .set_sources(source("orders", keeps) + &source("engagement", keeps) + &source("users", ""));
    pair.deliver(&order_of(-26_000, "9300"), "part");
    pair.night(3).await;
    pair.aging.expire("orders", days_ago(20));
    pair.deliver(&day(2), "part");
    let asked = run(&pair.aging, 2, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    assert!(asked.stderr.contains("source `orders` lacks "), "{asked:?}");
}

/// Another count of orders: the old tiles do not fit.
pub(super) const EDIT: Edit = Edit {
    file: "rollups/purchases.sql",
    from: "COUNT(*) FILTER (WHERE is_counting) AS orders",
    to: "COUNT(*) FILTER (WHERE is_counting AND amount > 20) AS orders",
};

#[tokio::test]
async fn sql_that_old_tiles_do_not_fit_is_refused_and_may_be_put_back() {
    let mut pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.aging.edit_pack(&[EDIT]);
    pair.deliver(&day(3), "part");

    let refused = run(&pair.aging, 3, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let needs = format!(
        "`rollups.purchases` needs 5 days, {} to {}, of which the raw files have expired, and the stored tiles were made by other SQL or parameters; restore the raw files of these days, put the SQL and the parameters back, or go on with --accept-shorter-history",
        days_ago(DAYS),
        days_ago(DAYS - 4)
    );
    assert!(refused.stderr.contains(&needs), "{refused:?}");
    assert!(plan(&pair.aging, 3).contains(&needs));

    pair.aging.edit_pack(&[]);
    pair.publish(3).await;
    pair.assert_same(3).await;
}

/// Days that have expired are given up for an edit of the pack.
pub(super) async fn pair_that_gave_up_history() -> Pair {
    let mut pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.aging.edit_pack(&[EDIT]);
    pair.deliver(&day(3), "part");
    let given_up = run(&pair.aging, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
    pair
}

#[tokio::test]
async fn history_that_is_given_up_stays_so_and_published_dates_keep_theirs() {
    let pair = pair_that_gave_up_history().await;
    let nights = &pair.aging;
    let start = days_ago(DAYS - 5);
    let told = format!("`rollups.purchases` knows nothing of expired days before {start}");
    assert!(plan(nights, 3).contains(&told), "{}", plan(nights, 3));

    // The night after needs no flag, and what was published before is not affected.
    pair.deliver(&day(2), "part");
    let next = run(nights, 2, &[]);
    assert_eq!(next.exit_code, 0, "{next:?}");
    let restated = call(nights, "backfill", &["--affected"]);
    assert_eq!(&*restated.stdout, NOTHING, "{restated:?}");

    // Late data restates each date with the history it had.
    let mut late = order("4", 10, 70_00);
    late.order_id = "9000".to_owned();
    let late = History {
        orders: vec![late],
        ..History::default()
    };
    pair.deliver(&late, "late");
    let left = call(nights, "backfill", &["--affected", "--rules", "today"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    // The tiles that the nights since have made are of other days.
    let reason = format!(
        "{} left as it is: `rollups.purchases` needs 5 days, {} to {}, of which the raw files have expired, and the stored tiles were made by other SQL or parameters",
        days_ago(4),
        days_ago(DAYS),
        days_ago(DAYS - 4)
    );
    assert!(left.stdout.contains(&reason), "{left:?}");
    assert_eq!(left.stdout.matches("replaced").count(), 2, "{left:?}");
    let restated = call(nights, "backfill", &["--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    assert_eq!(
        restated.stdout.matches("replaced").count(),
        3,
        "{restated:?}"
    );
    assert_eq!(pair.whole.status_of(days_ago(4)).await, "replaced");
    pair.assert_same(4).await;
}

/// What was given up for a later date is not given up for those before it.
#[tokio::test]
async fn published_dates_keep_their_history_whatever_was_given_up_for_later_ones() {
    let mut pair = Pair::new().await;
    pair.night(3).await;
    pair.expire(DAYS - 4);
    pair.aging.edit_pack(&[EDIT]);
    pair.deliver(&day(2), "part");
    let nights = &pair.aging;
    let given_up = run(nights, 2, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
    let before = tables::rows(&nights.output(), days_ago(3), "tier_snapshot").await;

    let again = run(nights, 2, &[]);
    assert!(again.stdout.contains("already published"), "{again:?}");
    let refused = run(nights, 3, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let needs = "`rollups.purchases` needs 5 days, ";
    assert!(refused.stderr.contains(needs), "{refused:?}");
    let [from, to] = [4, 2].map(|days| days_ago(days).to_string());
    let left = call(nights, "backfill", &["--from", &from, "--to", &to]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    assert_eq!(
        left.stdout.matches(" left as it is: ").count(),
        2,
        "{left:?}"
    );
    assert!(
        left.stdout.contains(&format!("{to} already published")),
        "{left:?}"
    );
    let after = tables::rows(&nights.output(), days_ago(3), "tier_snapshot").await;
    assert_eq!(before, after);

    // Neither does a date without a publication, unless the one before it did.
    let withdrawn = call(nights, "withdraw", &["--date", &to, "--yes"]);
    assert_eq!(withdrawn.exit_code, 0, "{withdrawn:?}");
    let refused = run(nights, 2, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let given_up = run(nights, 2, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");

    // The old SQL has tiles of all days.
    pair.aging.edit_pack(&[]);
    pair.publish_again(2).await;
    pair.assert_same(2).await;
}

#[tokio::test]
async fn history_that_was_given_up_is_seen_again_once_its_files_are_put_back() {
    let mut pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.aging.edit_pack(&[EDIT]);
    pair.whole.edit_pack(&[EDIT]);
    pair.deliver(&day(3), "part");
    let given_up = run(&pair.aging, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
    for days in DAYS - 4..=DAYS {
        pair.aging.deliver(&day(days), &Delivery::default());
    }
    pair.publish_again(3).await;
    pair.assert_same(3).await;
    assert_eq!(pair.aging.status_of(days_ago(3)).await, "already_published");
}

#[tokio::test]
async fn tiles_of_expired_days_that_are_deleted_are_missed_and_never_made_poorer() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.deliver(&day(3), "part");
    let nights = &pair.aging;
    let told = "stored tiles, ";
    assert!(plan(nights, 3).contains(told), "{}", plan(nights, 3));
    nights.remove_tiles();

    let refused = run(nights, 3, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    assert!(
        refused.stderr.contains("and it has no tiles"),
        "{refused:?}"
    );
    let given_up = run(nights, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");

    // What was published before cannot be had again, and is left; the rest goes on.
    let mut late = order("4", 10, 70_00);
    late.order_id = "9000".to_owned();
    let late = History {
        orders: vec![late],
        ..History::default()
    };
    pair.deliver(&late, "late");
    let before = tables::rows(&nights.output(), days_ago(4), "tier_snapshot").await;
    let left = call(nights, "backfill", &["--affected", "--output", "json"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    let result: serde_json::Value = serde_json::from_str(&left.stdout).unwrap();
    assert_eq!(result["status"], "blocked", "{left:?}");
    assert_eq!(result["left"][0]["snapshot_date"], days_ago(4).to_string());
    assert_eq!(
        result["nights"][0]["snapshot_date"],
        days_ago(3).to_string()
    );
    assert_eq!(result["nights"][0]["status"], "replaced");
    let after = tables::rows(&nights.output(), days_ago(4), "tier_snapshot").await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_damaged_tile_of_expired_days_is_neither_used_nor_thrown_away() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.deliver(&day(3), "part");
    // Every tile of the first days, whichever of them the night asks for.
    let last = format!("purchases/{}", days_ago(DAYS - 5));
    let tiles = pair.aging.tiles().into_iter();
    let tiles = tiles.filter(|(name, _)| name.starts_with("purchases/") && *name < last);
    let tiles: Vec<_> = tiles
        .map(|(_, path)| (std::fs::read(&path).unwrap(), path))
        .collect();
    for (good, path) in &tiles {
        let mut damaged = good.clone();
        damaged[10] ^= 1;
        std::fs::write(path, damaged).unwrap();
    }
    let refused = pair.aging.run(days_ago(3)).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked, "{refused}");
    assert!(
        refused.to_string().contains("`rollups.purchases` needs "),
        "{refused}"
    );
    assert!(tiles.iter().any(|(_, path)| path.is_file()));

    for (good, path) in tiles {
        std::fs::write(path, good).unwrap();
    }
    pair.publish(3).await;
    pair.assert_same(3).await;
}

#[tokio::test]
async fn a_source_that_is_declared_later_or_no_more_affects_no_published_date() {
    let mut pair = Pair::new().await;
    let nights = &mut pair.aging;
    let declared = nights.job_text();
    assert!(declared.contains("[sources.users]"));
    let source = |name| super::job::source(name, &format!("lake/{name}"));
    let without_users = ["orders", "engagement"].map(source).concat();
    nights.set_sources(without_users.clone());
    let nothing = |nights: &Nights| {
        let restated = call(nights, "backfill", &["--affected"]);
        assert_eq!(&*restated.stdout, NOTHING, "{restated:?}");
    };
    nothing(nights);
    let coupons = "[sources.coupons]\nurl = \"lake/coupons\"\nrequired = false\n[sources.coupons.columns]\nuser_id = \"BIGINT\"\n";
    nights.set_sources(without_users + coupons);
    nothing(nights);
}

#[tokio::test]
async fn a_record_that_is_gone_is_missed() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 1);
    pair.deliver(&day(3), "part");
    let nights = &pair.aging;
    std::fs::remove_dir_all(nights.output_folder().join("sources")).unwrap();
    let refused = run(nights, 3, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("the record of source days `file://"),
        "{refused:?}"
    );
    let given_up = run(nights, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
}

#[tokio::test]
async fn an_audit_of_expired_days_is_passed_over_and_told() {
    let mut pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.aging.edit_pack(&[]);
    let audit = pair.aging.pack_folder().join("audits/all_revenue.sql");
    let sql = "-- All revenue was delivered.\nSELECT of_orders.revenue FROM (SELECT SUM(amount) AS revenue FROM staging.orders WHERE is_counting) AS of_orders\nCROSS JOIN (SELECT SUM(revenue_lifetime) AS revenue FROM publish.tier_snapshot) AS of_users\nWHERE of_orders.revenue <> of_users.revenue\n";
    std::fs::write(audit, sql).unwrap();
    pair.deliver(&day(3), "part");
    let told = run(&pair.aging, 3, &[]);
    assert_eq!(told.exit_code, 0, "{told:?}");
    let passed_over = "warning: `audits.all_revenue` reads 5 days, ";
    assert!(told.stdout.contains(passed_over), "{told:?}");
    assert!(
        told.stdout.contains("have expired: it is passed over"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_feature_that_reads_staging_of_expired_days_is_asked_about_once() {
    let mut pair = Pair::new().await;
    let nights = &mut pair.aging;
    nights.edit_pack(&[]);
    let feature = nights.pack_folder().join("features/statuses.sql");
    let all = "-- Orders of any status.\nSELECT user_id, COUNT(*) AS statuses FROM staging.orders GROUP BY user_id\n";
    let recent = "-- Orders of any status.\nSELECT user_id, COUNT(*) AS statuses FROM staging.orders WHERE day > $snapshot_date - 30 GROUP BY user_id\n";
    std::fs::write(&feature, recent).unwrap();
    assert_eq!(nights.status_of(days_ago(4)).await, "replaced");
    for (expired, days) in [(DAYS - 4, 3), (DAYS - 8, 2)] {
        pair.expire(expired);
        pair.deliver(&day(days), "part");
        let nights = &pair.aging;
        if days == 3 {
            // Recent days are all there.
            assert_eq!(nights.status_of(days_ago(3)).await, "published");
            std::fs::write(&feature, all).unwrap();
        }
    }
    let nights = &pair.aging;
    let refused = run(nights, 2, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let needs = "`features.statuses` needs 9 days, ";
    assert!(refused.stderr.contains(needs), "{refused:?}");
    assert!(
        refused.stderr.contains("read them through windows(..)"),
        "{refused:?}"
    );
    let accepted = run(nights, 2, &["--accept-shorter-history"]);
    assert_eq!(accepted.exit_code, 0, "{accepted:?}");
    pair.expire(DAYS - 10);
    pair.deliver(&day(1), "part");
    let next = run(&pair.aging, 1, &[]);
    assert_eq!(next.exit_code, 0, "{next:?}");
}

/// A night of before the first that ran asks for days that no tile has.
#[tokio::test]
async fn an_old_date_that_was_never_published_is_had_where_tiles_give_it() {
    let pair = Pair::new().await;
    pair.expire(10);
    let date: NaiveDate = days_ago(5);
    let of_aging = pair.aging.run(date).await;
    assert_eq!(of_aging.unwrap().status.to_string(), "published");
    assert_eq!(pair.whole.status_of(date).await, "published");
    pair.assert_same(5).await;
}

/// Of every day, D's own too, tiles alone are left.
#[tokio::test]
async fn a_date_all_of_whose_days_have_expired_can_still_be_published() {
    let pair = Pair::new().await;
    pair.deliver(&day(3), "part");
    pair.deliver(&day(2), "part");
    pair.publish(2).await;
    pair.expire(3);
    pair.publish(3).await;
    for table in ["tier_snapshot", "tier_migration", "tier_summary"] {
        let night = days_ago(3);
        let rows = tables::rows(&pair.aging.output(), night, table).await;
        let expected = tables::rows(&pair.whole.output(), night, table).await;
        let [rows, expected] = [rows, expected].map(tables::of_any_run);
        assert_same_rows(table, &rows, &expected);
    }
}

/// The KPIs read orders of the last 30 days from staging: what they were published from is gone.
#[tokio::test]
async fn a_published_date_whose_kpis_would_be_poorer_is_left_as_it_is() {
    let pair = Pair::new().await;
    pair.night(3).await;
    pair.expire(20);
    pair.night_of_fewer_kpis(2).await;
    let mut late = order("4", 10, 70_00);
    late.order_id = "9000".to_owned();
    let late = History {
        orders: vec![late],
        ..History::default()
    };
    pair.deliver(&late, "late");
    let left = call(&pair.aging, "backfill", &["--affected"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    let told = " left as it is: `publish.kpi_daily` needs ";
    assert_eq!(left.stdout.matches(told).count(), 2, "{left:?}");
    // The last one never had them.
    assert_eq!(left.stdout.matches("replaced").count(), 1, "{left:?}");
}

/// What a day of orders holds depends on all files of the users.
const ACROSS_DAYS: &[Edit] = &[
    Edit {
        file: "staging/orders.sql",
        from: "status IN ('paid', 'completed')",
        to: "registered_id IS NOT NULL AND status IN ('paid', 'completed')",
    },
    Edit {
        file: "staging/orders.sql",
        from: "FROM sources.orders",
        to: "FROM sources.orders \
             LEFT JOIN (SELECT DISTINCT user_id AS registered_id FROM sources.users) AS registered \
             ON user_id = registered_id",
    },
];

#[tokio::test]
async fn a_source_that_is_read_across_days_is_needed_whole() {
    let mut pair = Pair::new().await;
    pair.aging.edit_pack(ACROSS_DAYS);
    for days in [50, 10] {
        let registered = History {
            users: vec![user("1", days, None)],
            ..History::default()
        };
        pair.deliver(&registered, "part");
    }
    assert_eq!(pair.aging.status_of(days_ago(4)).await, "replaced");
    pair.aging.expire("users", days_ago(50));
    pair.deliver(&day(3), "part");
    let refused = run(&pair.aging, 3, &[]);
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let needs = format!(
        "`rollups.purchases` needs {}, of which the raw files have expired, and its staging reads the source across days",
        days_ago(50)
    );
    assert!(refused.stderr.contains(&needs), "{refused:?}");
    let help = "; restore the raw files of these days, read the source day by day, or go on with";
    assert!(refused.stderr.contains(help), "{refused:?}");
    let mut by_day = pair.aging.clone();
    by_day.edit_pack(&[]);
    assert!(!plan(&by_day, 3).contains("would be refused"));
    pair.aging.edit_pack(ACROSS_DAYS);
    let given_up = run(&pair.aging, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
}
