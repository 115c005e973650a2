//! On random small histories, delivered in any way and computed in any number of ranges of users, the
//! pipeline and the naive computation agree on every row of every night. A test run tries the same cases each time; `PROPTEST_CASES` and
//! `PROPTEST_RNG_SEED` ask for others. A failure shrinks and prints the case, and its seed is kept
//! in `tests/proptest-regressions/`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tierline::ground::{Classified, FailureKind};
use tokio::runtime::Runtime;

use super::expected::{
    assert_same_marts, assert_same_night, assert_same_rows, current, expected_since, published,
};
use super::job::{Nights, calibration_id};
use super::lake::{Delivery, Ids, deliveries};
use crate::naive::calibration::{Calibration, calibrate};
use crate::naive::histories::{Case, cases};
use crate::naive::kpis::Published;
use crate::naive::matrix::earlier_snapshots;
use crate::naive::parameters::Rules;
use crate::naive::snapshot::{Snapshot, snapshots};

/// How many cases an ordinary test run compares, for each kind of ids.
const CASES: u32 = 3;

/// In how many ranges the nights of a case are computed, in turn.
const RANGES: [Option<usize>; 4] = [None, Some(2), Some(7), Some(64)];

/// The seed of the cases of an ordinary test run.
const SEED: u64 = 20_261_126;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// So many cases, the same in every run of the tests, unless `PROPTEST_CASES` or
/// `PROPTEST_RNG_SEED` asks for others.
pub(crate) fn config(usual: u32) -> Config {
    let is_set = |name| std::env::var_os(name).is_some();
    let mut config = Config {
        max_shrink_iters: 200,
        ..Config::default()
    };
    if !is_set("PROPTEST_CASES") {
        config.cases = usual;
        if !is_set("PROPTEST_RNG_SEED") {
            config.rng_seed = RngSeed::Fixed(SEED);
        }
    }
    config
}

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn every_published_row_is_the_naive_one_with_numbers_as_ids(
        (case, delivery) in (cases(), deliveries(&[Ids::BigInt, Ids::Integer]))
    ) {
        RUNTIME.block_on(Box::pin(compare(&case, &delivery)));
    }

    #[test]
    fn every_published_row_is_the_naive_one_with_text_as_ids(
        (case, delivery) in (cases(), deliveries(&[Ids::Varchar]))
    ) {
        RUNTIME.block_on(Box::pin(compare(&case, &delivery)));
    }
}

async fn compare(case: &Case, delivery: &Delivery) {
    let mut nights = Nights::over(&case.history, delivery);
    let (empty, with_users): (Vec<NaiveDate>, Vec<NaiveDate>) = case
        .nights
        .iter()
        .partition(|night| case.history.visible_on(**night).is_empty());
    let Some(first) = with_users.first() else {
        return;
    };
    let calibration = calibration(&nights, case, *first);
    let cut_points = calibration.as_ref().map(|known| &known.cut_points);
    let rules = Rules::with_cut_points(cut_points.unwrap_or(&case.cut_points).clone());
    for night in empty {
        let refused = nights.run(night).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Blocked, "{refused}");
    }
    let snapshots = snapshots(&case.history, &with_users, &rules);
    for ((night, snapshot), ranges) in snapshots.iter().zip(RANGES.into_iter().cycle()) {
        nights.ranges = ranges;
        let report = nights.run(*night).await.unwrap();
        assert_eq!(report.cutpoints_id, Some(calibration_id(*first)));
        let previous = snapshot.previous_snapshot_date.map(|date| date.to_string());
        assert_eq!(report.previous_snapshot_date, previous);
        let output = nights.output();
        let earlier = earlier_snapshots(&snapshots, snapshot);
        let expected = expected_since(previous_of(&snapshots, snapshot), earlier, snapshot);
        let published = published(&output, *night).await;
        assert_same_night(*night, &published, &expected);
        let known = Published {
            history: &case.history,
            snapshots: &snapshots,
            calibration: calibration.as_ref(),
        };
        assert_same_marts(&output, &known, *night).await;
        let current = current(&output, *night).await;
        assert_same_rows("tier_current", &current, &expected.snapshot);
    }
}

/// That of the first night where it can be calibrated, which the pipeline must find by itself;
/// otherwise the cut points of the case are given by hand.
fn calibration(nights: &Nights, case: &Case, first: NaiveDate) -> Option<Calibration> {
    let calibration = calibrate(&case.history, first).ok();
    if calibration.is_none() {
        nights.calibrate_by_hand(first, &case.cut_points);
    }
    calibration
}

fn previous_of<'a>(
    snapshots: &'a BTreeMap<NaiveDate, Snapshot>,
    snapshot: &Snapshot,
) -> Option<&'a Snapshot> {
    snapshots.get(&snapshot.previous_snapshot_date?)
}
