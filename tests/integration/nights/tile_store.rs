//! Which tiles a night makes and which it finds, and that nothing but the right bytes under the
//! right name are ever used.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::NaiveDate;
use object_store::ObjectStoreExt;
use tierline::ground::{Classified, FailureKind};
use tierline::night::Status;
use tierline::tiles::{Address, Change, TilePlan};

use super::bucket::Bucket;
use super::example::{
    history, history_with_late, last_night, late, night_before, rows_of_last, rules,
};
use super::expected::{assert_same_night, assert_same_rows, published};
use super::job::{Nights, Planned};
use super::lake::{Delivery, Ids};
use super::pack::Edit;
use super::tables;
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order};
use crate::naive::history::History;
use crate::naive::parameters::Rules;
use crate::support::s3_server::BUCKET;

/// Every day is that of the order's own time, whatever its partition.
const ORDERS_BY_TIME: Edit = Edit {
    file: "staging/orders.sql",
    from: "    day,  ",
    to: "    CAST(ordered_at AS DATE) AS day,  ",
};

/// The night before D, published, and no tile but its own.
async fn first_night() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    assert_eq!(nights.status_of(night_before()).await, "published");
    nights
}

async fn two_nights() -> Nights {
    let nights = first_night().await;
    assert_eq!(nights.status_of(last_night()).await, "published");
    nights
}

/// D after the night before it, each seeing the whole history.
async fn assert_last_night_is_right(nights: &Nights) {
    let both = [night_before(), last_night()].map(|night| (night, history()));
    let both = both.each_ref().map(|(night, seen)| (*night, seen));
    let expected = rows_of_last(&both, &rules(night_before()));
    let published = published(&nights.output(), last_night()).await;
    assert_same_night(last_night(), &published, &expected);
}

/// The same rows as a run without tiles, to the last column.
async fn assert_same_as_twin(nights: &Nights, twin: &Nights, night: NaiveDate) {
    for table in ["tier_snapshot", "tier_migration", "tier_migration_matrix"] {
        let rows = tables::rows(&nights.output(), night, table).await;
        let of_twin = tables::rows(&twin.output(), night, table).await;
        assert_same_rows(&format!("{table} of {night}"), &rows, &of_twin);
    }
}

/// The tiles of one rollup in a planned night.
fn tiles_of<'a>(planned: &'a Planned, rollup: &str) -> &'a TilePlan {
    let mut tiles = planned.plan().tiles.iter().map(|tiles| &tiles.plan);
    tiles.find(|tiles| tiles.rollup.name == rollup).unwrap()
}

/// The addresses of the tiles that a planned night makes.
fn built(tiles: &TilePlan) -> BTreeSet<&Address> {
    tiles.builds.iter().map(|build| &build.address).collect()
}

fn holds(address: &Address, day: NaiveDate) -> bool {
    let (period, day) = (address.period, day.to_epoch_days());
    period.first().is_none_or(|first| first <= day) && day <= period.last()
}

fn names(nights: &Nights) -> BTreeSet<String> {
    nights.tiles().into_keys().collect()
}

/// Overwrites a file with as many bytes that mean nothing, so that its listing stays the same.
fn spoil(path: &Path) {
    let metadata = std::fs::metadata(path).unwrap();
    let garbage = vec![b'x'; metadata.len().try_into().unwrap()];
    std::fs::write(path, garbage).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(metadata.modified().unwrap()).unwrap();
}

/// The days whose orders `kpi_daily` reads as they are, for how much the order value varies.
const ORDER_DAYS: i64 = 30;

/// Every file of a source but those of the last `days` days.
fn spoil_older_files(nights: &Nights, source: &str, days: i64) {
    let first_kept = format!("dt={}", days_ago(days - 1));
    for day in std::fs::read_dir(nights.lake().join(source)).unwrap() {
        let day = day.unwrap();
        if day.file_name().to_str().unwrap() >= first_kept.as_str() {
            continue;
        }
        for file in std::fs::read_dir(day.path()).unwrap() {
            spoil(&file.unwrap().path());
        }
    }
}

#[tokio::test]
async fn night_makes_the_tiles_of_its_day_and_uses_those_of_the_night_before() {
    let nights = Nights::over(&history(), &Delivery::default());
    let first = nights.run(night_before()).await.unwrap();
    let before = names(&nights);
    assert_eq!(first.tiles_reused, 0);
    assert_eq!(first.tiles_built, before.len() as u64);

    let planned = nights.plan(last_night()).await.unwrap();
    let second = planned.execute().await.unwrap();

    let after = names(&nights);
    assert!(before.is_subset(&after));
    assert_eq!(second.tiles_built, (after.len() - before.len()) as u64);
    assert!(second.tiles_reused > 0);
    for rollup in ["purchases", "interactions", "registrations"] {
        let tiles = tiles_of(&planned, rollup);
        let mut days = tiles.source_days().into_iter();
        assert!(days.all(|day| day == last_night()), "{rollup}");
    }
    assert_last_night_is_right(&nights).await;
}

#[tokio::test]
async fn no_source_file_is_opened_again_but_for_the_kpis() {
    let nights = first_night().await;
    spoil_older_files(&nights, "orders", ORDER_DAYS);
    spoil_older_files(&nights, "engagement", 1);

    nights.run(last_night()).await.unwrap();

    assert_last_night_is_right(&nights).await;
}

/// What the test above relies on: that a file it spoils is missed when it is needed.
#[tokio::test]
async fn without_tiles_the_older_days_are_opened() {
    let nights = first_night().await;
    spoil_older_files(&nights, "orders", ORDER_DAYS);
    nights.remove_tiles();

    let refused = nights.run(last_night()).await.unwrap_err();

    assert_eq!(refused.kind(), FailureKind::Blocked, "{refused}");
}

#[tokio::test]
async fn late_file_moves_the_tiles_that_hold_its_day_and_no_other() {
    let nights = two_nights().await;
    let before = names(&nights);
    let late_day = late().orders[0].day;
    nights.deliver(
        &late(),
        &Delivery {
            file_name: "late",
            ..Delivery::default()
        },
    );

    let planned = nights.plan(last_night()).await.unwrap();
    let report = planned.execute().await.unwrap();

    let purchases = tiles_of(&planned, "purchases");
    assert!(!purchases.builds.is_empty());
    for build in &purchases.builds {
        assert!(holds(&build.address, late_day), "{}", build.address);
        assert_eq!(build.change, Change::Files, "{}", build.address);
    }
    for tile in &purchases.cover {
        let is_made = built(purchases).contains(&tile.address);
        assert_eq!(is_made, holds(&tile.address, late_day), "{}", tile.address);
    }
    assert_eq!(purchases.source_days(), BTreeSet::from([late_day]));
    for rollup in ["interactions", "registrations"] {
        assert_eq!(built(tiles_of(&planned, rollup)), BTreeSet::new());
    }
    let after = names(&nights);
    assert!(before.is_subset(&after));
    let new: BTreeSet<String> = after.difference(&before).cloned().collect();
    assert_eq!(new.len() as u64, report.tiles_built);
    for build in built(purchases) {
        let prefix = format!("purchases/{build}-");
        assert!(new.iter().any(|name| name.starts_with(&prefix)), "{prefix}");
    }
    let both = [
        (night_before(), &history()),
        (last_night(), &history_with_late()),
    ];
    let expected = rows_of_last(&both, &rules(night_before()));
    let published = published(&nights.output(), last_night()).await;
    assert_same_night(last_night(), &published, &expected);
}

#[tokio::test]
async fn edited_features_and_tiers_make_no_tile() {
    let mut nights = two_nights().await;
    let before = names(&nights);
    nights.edit_pack(&[
        Edit {
            file: "features/purchases.sql",
            from: "    orders_30d,  ",
            to: "    orders_365d AS orders_30d,  ",
        },
        Edit {
            file: "tiers/lifecycle_stage.sql",
            from: "'silent'",
            to: "'active'",
        },
    ]);

    let report = nights.run(last_night()).await.unwrap();

    assert_eq!(report.status, Status::Replaced);
    assert_eq!(report.tiles_built, 0);
    assert_eq!(names(&nights), before);
}

#[tokio::test]
async fn edited_rollup_makes_all_its_tiles_anew_and_no_other() {
    let mut nights = two_nights().await;
    nights.edit_pack(&[Edit {
        file: "rollups/purchases.sql",
        from: "MAX(amount)",
        to: "MIN(amount)",
    }]);

    let planned = nights.plan(last_night()).await.unwrap();
    let report = planned.execute().await.unwrap();

    let purchases = tiles_of(&planned, "purchases");
    assert!(purchases.reused.is_empty());
    let made = built(purchases);
    assert!(
        purchases
            .cover
            .iter()
            .all(|tile| made.contains(&tile.address))
    );
    assert_eq!(report.tiles_built, made.len() as u64);
    for build in &purchases.builds {
        assert_eq!(build.change, Change::Sql, "{}", build.address);
    }
    for rollup in ["interactions", "registrations"] {
        assert_eq!(built(tiles_of(&planned, rollup)), BTreeSet::new());
    }
    let twin = nights.publishing_to("twin");
    twin.run(night_before()).await.unwrap();
    twin.run(last_night()).await.unwrap();
    let largest = |row: &tables::Row| row["largest_order_lifetime"].clone();
    let rows = tables::rows(&nights.output(), last_night(), "tier_snapshot").await;
    let of_twin = tables::rows(&twin.output(), last_night(), "tier_snapshot").await;
    assert_eq!(
        rows.iter().map(largest).collect::<Vec<_>>(),
        of_twin.iter().map(largest).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn edited_reference_makes_the_tiles_of_its_rollup_anew_and_no_other() {
    let mut nights = two_nights().await;
    nights.edit_pack(&[Edit {
        file: "reference/event_types.csv",
        from: "view,false,false",
        to: "view,false,true",
    }]);

    let planned = nights.plan(last_night()).await.unwrap();
    planned.execute().await.unwrap();

    let interactions = tiles_of(&planned, "interactions");
    assert!(interactions.reused.is_empty());
    for build in &interactions.builds {
        assert_eq!(build.change, Change::Reference, "{}", build.address);
    }
    for rollup in ["purchases", "registrations"] {
        assert_eq!(built(tiles_of(&planned, rollup)), BTreeSet::new());
    }
}

/// Nothing but what the statements say is part of a tile's name.
#[tokio::test]
async fn remark_in_a_rollup_makes_no_tile() {
    let mut nights = two_nights().await;
    nights.edit_pack(&[Edit {
        file: "rollups/purchases.sql",
        from: "SELECT",
        to: "-- As agreed with finance.\nSELECT",
    }]);

    let report = nights.run(last_night()).await.unwrap();

    assert_eq!(report.tiles_built, 0);
}

/// What can lie where a tile should.
#[derive(Debug, Clone, Copy)]
enum Damage {
    CutShort,
    OneBitFlipped,
    BytesOfAnother,
    /// The digest in the name is that of the bytes, too.
    NameAndBytesOfAnother,
}

impl Damage {
    /// What the warning says of it.
    fn told(self) -> &'static str {
        match self {
            Self::NameAndBytesOfAnother => "its footer names another tile",
            _ => "its bytes are not those that were written",
        }
    }
}

/// Two tiles of purchases that D reads: names of their objects.
fn two_tiles_in_use(planned: &Planned) -> [String; 2] {
    let reused = tiles_of(planned, "purchases").reused.values();
    let mut names = reused.map(|tile| format!("purchases/{}", tile.path.filename().unwrap()));
    [names.next().unwrap(), names.next().unwrap()]
}

#[tokio::test]
async fn damaged_tile_is_warned_about_and_made_anew() {
    for damage in [
        Damage::CutShort,
        Damage::OneBitFlipped,
        Damage::BytesOfAnother,
        Damage::NameAndBytesOfAnother,
    ] {
        let nights = first_night().await;
        let [name, other] = two_tiles_in_use(&nights.plan(last_night()).await.unwrap());
        let tiles = nights.tiles();
        let whole = std::fs::read(&tiles[&name]).unwrap();
        let foreign = std::fs::read(&tiles[&other]).unwrap();
        let mut damaged = tiles[&name].clone();
        match damage {
            Damage::CutShort => std::fs::write(&damaged, &whole[..whole.len() / 2]).unwrap(),
            Damage::OneBitFlipped => {
                let mut bytes = whole.clone();
                bytes[whole.len() / 2] ^= 1;
                std::fs::write(&damaged, bytes).unwrap();
            }
            Damage::BytesOfAnother => std::fs::write(&damaged, foreign).unwrap(),
            Damage::NameAndBytesOfAnother => {
                let (address, _) = name.rsplit_once('-').unwrap();
                let (_, digest) = other.rsplit_once('-').unwrap();
                damaged = nights
                    .output_folder()
                    .join(format!("tiles/{address}-{digest}"));
                std::fs::remove_file(&tiles[&name]).unwrap();
                std::fs::write(&damaged, foreign).unwrap();
            }
        }

        let report = nights.run(last_night()).await.unwrap();

        let path = damaged.canonicalize().unwrap_or(damaged);
        let warning = format!(
            "tile file://{} was made again: {}",
            path.display(),
            damage.told()
        );
        assert_eq!(report.warnings, [warning], "{damage:?}");
        assert_eq!(std::fs::read(&tiles[&name]).unwrap(), whole, "{damage:?}");
        assert!(damaged_is_gone(&nights, &name), "{damage:?}");
        assert_last_night_is_right(&nights).await;
    }
}

#[tokio::test]
async fn tile_damaged_in_a_bucket_is_made_anew() {
    let bucket = Bucket::with_history_of(60, 1).await;
    bucket.run(night_before());
    let plan = bucket.plan(last_night()).await;
    let purchases = plan.tiles.iter().map(|tiles| &tiles.plan);
    let mut purchases = purchases.filter(|tiles| tiles.rollup.name == "purchases");
    let used = &purchases.next().unwrap().reused;
    let tile = used.values().next().unwrap().path.clone();
    let store = bucket.server.store();
    let whole = store.get(&tile).await.unwrap().bytes().await.unwrap();
    let cut_short = whole.slice(..whole.len() / 2);
    store.put(&tile, cut_short.into()).await.unwrap();

    let report = bucket.run(last_night());

    let told = "was made again: its bytes are not those that were written";
    let warning = format!("tile s3://{BUCKET}/{tile} {told}");
    assert_eq!(report["warnings"], serde_json::json!([warning]));
    let again = store.get(&tile).await.unwrap().bytes().await.unwrap();
    assert_eq!(again, whole);
}

/// Whether the tile is the only one of its address.
fn damaged_is_gone(nights: &Nights, name: &str) -> bool {
    let (address, _) = name.rsplit_once('-').unwrap();
    let names = names(nights);
    let of_address = names.iter().filter(|name| name.starts_with(address));
    of_address.eq([name])
}

/// Tiles may be deleted at any time, between the plan of a night and its execution too.
#[tokio::test]
async fn tile_that_is_gone_since_the_plan_is_made_anew() {
    let nights = first_night().await;
    let planned = nights.plan(last_night()).await.unwrap();
    nights.remove_tiles();

    planned.execute().await.unwrap();

    assert_last_night_is_right(&nights).await;
}

/// One of two runs publishes; the other has made the same tiles, conflicts, and runs again.
#[tokio::test]
async fn two_runs_at_once_may_make_the_same_tiles() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(5)).await.unwrap();
    nights.remove_tiles();
    let earlier = nights.plan(night_before()).await.unwrap();
    let later = nights.plan(last_night()).await.unwrap();

    let outcomes = tokio::join!(earlier.execute(), later.execute());

    let outcomes = [outcomes.0, outcomes.1];
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
    for conflict in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(conflict.kind(), FailureKind::Conflict, "{conflict}");
    }
    for night in [night_before(), last_night()] {
        let report = nights.run(night).await.unwrap();
        assert_eq!(report.tiles_built, 0);
        assert!(
            !report
                .warnings
                .iter()
                .any(|warning| warning.contains("tile "))
        );
        let seen = history();
        let runs = [days_ago(5), night_before(), last_night()];
        let runs = runs.iter().filter(|run| **run <= night);
        let runs: Vec<_> = runs.map(|run| (*run, &seen)).collect();
        let expected = rows_of_last(&runs, &rules(days_ago(5)));
        let published = published(&nights.output(), night).await;
        assert_same_night(night, &published, &expected);
    }
}

/// One order, 40 days old and delivered today.
fn one_late_order() -> History {
    let mut order = order("1", 40, 10_00);
    order.order_id = "1".to_owned();
    History {
        orders: vec![order],
        ..History::default()
    }
}

/// The order was counted by the tile of its day and by the tile of all days up to a year ago,
/// which took in everything before the first partition.
#[tokio::test]
async fn row_before_the_first_partition_is_counted_once() {
    let delivery = Delivery {
        days_late: 40,
        ..Delivery::default()
    };
    let mut nights = Nights::over(&one_late_order(), &delivery);
    nights.calibrate_by_hand(last_night(), &hand_given_cut_points());
    nights.edit_pack(&[ORDERS_BY_TIME]);

    nights.run(last_night()).await.unwrap();

    let rows = tables::rows(&nights.output(), last_night(), "tier_snapshot").await;
    assert_eq!(rows.len(), 1);
    let expected = [
        ("orders_lifetime", "1"),
        ("revenue_lifetime", "10.00"),
        ("orders_365d", "1"),
        ("orders_30d", "0"),
        ("first_order_day", "2026-10-11"),
        ("last_order_day", "2026-10-11"),
    ];
    for (name, text) in expected {
        assert_eq!(rows[0][name], text, "{name}");
    }
}

/// Orders that lie in the partition of the day on which they were delivered, a week late.
#[tokio::test]
async fn rows_of_other_days_than_their_partition_are_exact_night_after_night() {
    let delivery = Delivery {
        days_late: 7,
        ..Delivery::default()
    };
    let mut nights = Nights::over(&History::default(), &delivery);
    let orders = History {
        orders: history().orders,
        ..History::default()
    };
    let others = History {
        orders: Vec::new(),
        ..history()
    };
    nights.deliver(&orders, &delivery);
    nights.deliver(&others, &Delivery::default());
    nights.edit_pack(&[ORDERS_BY_TIME]);
    let twin = nights.publishing_to("twin");
    let first = days_ago(2);
    for nights in [&nights, &twin] {
        nights.calibrate_by_hand(first, &hand_given_cut_points());
    }
    for night in [first, night_before(), last_night(), days_ago(-7)] {
        nights.run(night).await.unwrap();
        twin.remove_tiles();
        twin.run(night).await.unwrap();
        assert_same_as_twin(&nights, &twin, night).await;
    }

    // The order of D itself came a week later, and no night before saw it.
    let mut seen = history();
    seen.orders.retain(|order| order.day <= days_ago(9));
    let rules = Rules::with_cut_points(hand_given_cut_points());
    let expected = rows_of_last(&[(first, &seen)], &rules);
    let published = published(&nights.output(), first).await;
    assert_same_night(first, &published, &expected);
}

#[tokio::test]
async fn other_user_ids_than_published_are_refused_before_any_tile_is_made() {
    let nights = first_night().await;
    let day = days_ago(-1);
    let mut today = history();
    today.orders.iter_mut().for_each(|order| order.day = day);
    today.events.iter_mut().for_each(|event| event.day = day);
    today.users.iter_mut().for_each(|user| user.day = day);
    for source in ["orders", "engagement"] {
        let path = nights.lake().join(format!("{source}/dt={}", last_night()));
        std::fs::remove_dir_all(path).unwrap();
    }
    nights.deliver(
        &today,
        &Delivery {
            ids: Ids::Varchar,
            ..Delivery::default()
        },
    );

    let refused = nights.run(day).await.unwrap_err();

    assert_eq!(refused.kind(), FailureKind::Blocked);
    assert_eq!(
        refused.to_string(),
        "table `tier_snapshot`: `user_id` is BIGINT to readers and in older files and would become VARCHAR, which makes everybody another user; write CAST(user_id AS BIGINT) AS user_id in the files of sql/staging/, and * REPLACE (CAST(user_id AS BIGINT) AS user_id) for * in users.sql, or publish to a new folder, `output` in the job file, and make its dates with `tierline backfill`"
    );
}
