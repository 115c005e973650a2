//! What a cluster reads of the sources on a first night, which has many days to read: it counts rejected rows and
//! makes tiles. Those are the ones that one machine makes, to the byte.

use std::collections::BTreeSet;

use tierline::ground::{Classified, FailureKind};

use super::processes::{Cluster, wait_until};
use super::{assert_same, both, nights_over};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order};
use crate::naive::history::{History, Order};
use crate::nights::job::Nights;
use crate::nights::lake::{Delivery, Ids};
use crate::nights::pack::Edit;
use crate::nights::ranges::published;
use crate::support::command::Tierline;

/// Days with rows: more than a query makes tiles of.
const DAYS: i64 = 140;

/// Users who come for long, some more often than others.
fn long_history() -> History {
    let mut history = History::default();
    for days in 0..DAYS {
        for user in (0..23).filter(|user| days % (user + 3) == *user) {
            let id = format!("user-{user}");
            history.orders.push(Order {
                order_id: (days * 100 + user).to_string(),
                ..order(&id, days, 10_01 + user * 137)
            });
            history.events.push(event(&id, days, "click"));
        }
    }
    history
}

fn names(nights: &Nights) -> BTreeSet<String> {
    nights.tiles().into_keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_of_a_first_night_are_those_of_one_machine() {
    let mut cluster = Cluster::start(2, Vec::new());
    let delivery = Delivery {
        ids: Ids::Varchar,
        files_per_day: 2,
        bad_rows: true,
        ..Delivery::default()
    };
    let one = Nights::over(&long_history(), &delivery);
    one.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    let here = one.run(days_ago(0)).await.unwrap();
    for is_one_killed in [false, true] {
        let output = if is_one_killed { "killed" } else { "many" };
        let many = both(&one, &cluster).publishing_to(output);
        many.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
        let (before, rejects_before) = (cluster.tiles_done(), cluster.rejects_done());
        let night = {
            let many = many.clone();
            let runtime = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(many.run(days_ago(0))))
        };
        if is_one_killed {
            wait_until("tiles are made", || cluster.tiles_done() > before);
            cluster.kill_executor(0);
        }
        let there = night.await.unwrap().unwrap();
        assert!(cluster.tiles_done() > before, "tiles are made elsewhere");
        assert_eq!(names(&many), names(&one));
        assert_same(&one, &many, 1).await;
        assert_eq!(
            (there.tiles_built, there.tiles_reused),
            (here.tiles_built, here.tiles_reused)
        );
        assert!(cluster.rejects_done() > rejects_before);
        assert!(!here.rejected.is_empty());
        assert_eq!(there.rejected, here.rejected);
        assert_eq!(there.warnings, here.warnings);
    }
}

/// A night after it makes its few tiles by itself, and merges those that others have made.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_night_makes_its_tiles_itself() {
    let cluster = Cluster::start(1, Vec::new());
    let one = nights_over(&long_history(), Ids::Varchar);
    let many = both(&one, &cluster);
    for nights in [&one, &many] {
        nights.calibrate_by_hand(days_ago(1), &hand_given_cut_points());
        nights.run(days_ago(1)).await.unwrap();
    }
    let before = cluster.tiles_done();
    assert!(before > 0, "tiles are made elsewhere");
    one.run(days_ago(0)).await.unwrap();
    many.run(days_ago(0)).await.unwrap();
    assert_eq!(cluster.tiles_done(), before);
    assert_eq!(names(&many), names(&one));
    let expected = published(&one, 2).await;
    assert_eq!(published(&many, 2).await, expected);
}

/// A cast that the rows of one day do not survive.
const A_CAST_THAT_FAILS: &[Edit] = &[Edit {
    file: "rollups/purchases.sql",
    from: "COUNT(*) FILTER (WHERE is_counting) AS orders",
    to: "COUNT(CAST(CASE WHEN day = DATE '2026-11-20' THEN user_id ELSE '1' END AS BIGINT)) FILTER (WHERE is_counting) AS orders",
}];

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_no_tile_can_be_made_of_are_told_as_on_one_machine() {
    let cluster = Cluster::start(1, Vec::new());
    let mut one = nights_over(&long_history(), Ids::Varchar);
    one.edit_pack(A_CAST_THAT_FAILS);
    let many = both(&one, &cluster);
    let mut told = BTreeSet::new();
    for nights in [&one, &many] {
        let error = nights.run(days_ago(0)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        told.insert(error.to_string());
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(cluster.failures(), 0);
}

/// It counts users on this machine, and has their tiles made.
#[test]
fn a_calibration_has_its_tiles_made_and_is_that_of_one_machine() {
    let cluster = Cluster::start(1, Vec::new());
    let one = nights_over(&long_history(), Ids::Varchar);
    let many = both(&one, &cluster);
    let calibrated = [one, many].map(|nights| {
        let (job, date) = (nights.job_file(), days_ago(0).to_string());
        let call = ["calibrate", job.to_str().unwrap(), "--date", &date];
        let call = Tierline::new()
            .args(call)
            .args(["--yes", "--output", "json"]);
        let finished = call.run();
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        let proposal: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        proposal
    });
    assert_eq!(calibrated[0], calibrated[1]);
    assert!(cluster.tiles_done() > 0, "tiles are made elsewhere");
    assert_eq!(cluster.ranges_done(), 0);
}
