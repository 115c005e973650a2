//! Published tables whose columns change: a new column and a new dimension, grace switched on
//! later, and columns that go.

use tierline::ground::{Classified, FailureKind};
use tierline::night::Status;
use tierline::publish::Table;

use super::crash::die_unpublished;
use super::example::{history, last_night, night_before, rules};
use super::expected::{
    NightRows, assert_same_night, assert_same_rows, expected, newest, newest_current, published,
};
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::{Row, columns, newest_rows, rows, versions};
use crate::naive::dimensions::Dimension;
use crate::naive::fixtures::{days_ago, event};
use crate::naive::history::History;
use crate::naive::parameters::Rules;
use crate::naive::snapshot::{Snapshot, snapshot};
use crate::naive::text;

/// A column, a dimension, and an audit that looks for the column in the snapshot before.
const GROWN: &[Edit] = &[
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    -- interaction\n",
        to: "    2 * users.orders_365d AS orders_doubled,  -- a column in the middle\n",
    },
    HABIT,
    HABITS,
    Edit {
        file: "audits/first_order_before_last.sql",
        from: "WHERE",
        to: "WHERE user_id IN (SELECT user_id FROM previous.tier_snapshot
                    WHERE orders_doubled < 0) OR",
    },
];

/// The same without the column.
const SHRUNK: &[Edit] = &[HABIT, HABITS];

const HABIT: Edit = Edit {
    file: "publish/tier_snapshot.sql",
    from: "    value_engagement.value_engagement,\n",
    to: "    value_engagement.value_engagement,
    CASE WHEN users.orders_365d > 1 THEN 'repeat' ELSE 'once' END AS purchase_habit,\n",
};

const HABITS: Edit = Edit {
    file: "reference/dim_tier.csv",
    from: "rfm_class,important_value",
    to: "purchase_habit,repeat,1,Repeat,Repeat,More.,x
purchase_habit,once,0,Once,Once,Again.,x
rfm_class,important_value",
};

/// The column, but of another type.
const RETYPED: &[Edit] = &[
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    -- interaction\n",
        to: "    'many' AS orders_doubled,\n",
    },
    HABIT,
    HABITS,
];

const NEW_COLUMNS: [&str; 3] = ["orders_doubled", "purchase_habit", "purchase_habit_since"];

const LATER_GRACE: &str = "[grace_days]\nvalue_tier = 7\ninteraction_depth = 3\n";

/// The example, and a user whose only interaction is too old for "moderate" on D.
fn seen_before() -> History {
    let mut history = history();
    history.events.push(event("5", 7, "click"));
    history.events.push(event("1", 40, "view"));
    history
}

/// The same without a day, and so without the user whom only that day knew.
fn seen_last() -> History {
    let mut history = seen_before();
    history.events.retain(|event| event.day != days_ago(20));
    history
}

/// The night before D with the built-in pack, and D with the pack that has more.
async fn grown_nights() -> Nights {
    let mut nights = Nights::over(&seen_before(), &Delivery::default());
    assert_eq!(nights.status_of(night_before()).await, "published");
    let gone = format!("engagement/dt={}", days_ago(20));
    std::fs::remove_dir_all(nights.lake().join(gone)).unwrap();
    nights.edit_pack(GROWN);
    nights.sections = LATER_GRACE.to_owned();
    let report = nights.run_without_removed(last_night()).await.unwrap();
    assert_eq!(report.status, Status::Published);
    nights
}

fn rules_with_later_grace() -> Rules {
    let history = seen_before();
    let calibration = crate::naive::calibration::calibrate(&history, night_before());
    let mut rules = Rules {
        cut_points: calibration.unwrap().cut_points,
        ..rules(night_before())
    };
    rules.grace_days.insert(Dimension::InteractionDepth, 3);
    rules
}

/// The snapshots of the night before D, when there was less grace, of D and of the night after.
fn naive_snapshots() -> [Snapshot; 3] {
    let later = rules_with_later_grace();
    let mut first = later.clone();
    first.grace_days.remove(&Dimension::InteractionDepth);
    let before = snapshot(&seen_before(), night_before(), &first, None);
    let last = snapshot(&seen_last(), last_night(), &later, Some(&before));
    let after = snapshot(&seen_last(), days_ago(-1), &later, Some(&last));
    [before, last, after]
}

/// Takes what is new out of the rows of a night, and returns it: the new columns of each user, and
/// the rows of the new dimension.
fn split(night: &mut NightRows) -> (Vec<Row>, Vec<Row>, Vec<Row>, Vec<Row>) {
    let take_columns = |row: &mut Row| {
        let mut taken = row.clone();
        taken.retain(|name, _| NEW_COLUMNS.contains(&name.as_str()));
        row.retain(|name, _| !taken.contains_key(name));
        taken
    };
    let take_rows = |rows: &mut Vec<Row>| {
        let is_new = |row: &mut Row| row["dimension"] == "purchase_habit";
        rows.extract_if(.., is_new).collect::<Vec<_>>()
    };
    (
        night.snapshot.iter_mut().map(take_columns).collect(),
        take_rows(&mut night.migration),
        take_rows(&mut night.matrix),
        take_rows(&mut night.summary),
    )
}

#[tokio::test]
async fn new_columns_are_published_with_the_night_and_older_dates_read_null() {
    let nights = grown_nights().await;
    let output = nights.output();
    let [before, last, _] = naive_snapshots();

    let mut night = published(&output, last_night()).await;
    let (new, moves, cells, summary) = split(&mut night);
    assert_same_night(last_night(), &night, &expected(Some(&before), &last));
    assert!(!summary.is_empty());
    assert!(
        summary.iter().all(|row| row["entered"] == "0"),
        "{summary:?}"
    );
    let waits = |row: &&Row| row["interaction_depth_pending_since"] != text::NULL;
    assert_eq!(night.snapshot.iter().filter(waits).count(), 1);
    assert_eq!(new.len(), last.rows.len());
    for row in new {
        let is_repeat = row["orders_doubled"].parse::<i64>().unwrap() > 2;
        let habit = if is_repeat { "repeat" } else { "once" };
        assert_eq!(row["purchase_habit"], habit);
        assert_eq!(row["purchase_habit_since"], last_night().to_string());
    }
    assert_eq!((moves, cells), (Vec::new(), Vec::new()));
    let mut current = NightRows {
        snapshot: newest_current(&output, last_night()).await,
        ..night
    };
    split(&mut current);
    let expected_current = expected(Some(&before), &last).snapshot;
    assert_same_rows("tier_current", &current.snapshot, &expected_current);

    let mut older = newest(&output, night_before()).await;
    let (new, _, _, _) = split(&mut older);
    assert!(
        new.iter()
            .flat_map(Row::values)
            .all(|value| value == text::NULL)
    );
    assert_eq!(new.len(), before.rows.len());
    for row in &mut older.snapshot {
        for later in ["interaction_depth_raw", "interaction_depth_pending_since"] {
            assert_eq!(row.remove(later).unwrap(), text::NULL);
        }
    }
    assert_same_night(night_before(), &older, &expected(None, &before));
    let recorded = published(&output, night_before()).await;
    assert_same_night(night_before(), &recorded, &expected(None, &before));
}

#[tokio::test]
async fn new_dimension_has_moves_from_its_second_night_on() {
    let nights = grown_nights().await;
    assert_eq!(nights.status_of(days_ago(-1)).await, "published");
    let [_, last, after] = naive_snapshots();

    let mut night = published(&nights.output(), days_ago(-1)).await;
    let (new, moves, cells, summary) = split(&mut night);
    assert_same_night(days_ago(-1), &night, &expected(Some(&last), &after));
    let users = |row: &Row| row["users"].parse::<usize>().unwrap();
    assert_eq!(summary.iter().map(users).sum::<usize>(), after.rows.len());
    for row in new {
        assert_eq!(row["purchase_habit_since"], last_night().to_string());
    }
    assert_eq!(moves, Vec::new());
    let users: i64 = cells
        .iter()
        .map(|cell| cell["users"].parse::<i64>().unwrap())
        .sum();
    assert_eq!(users as usize, last.rows.len());
}

#[tokio::test]
async fn column_that_goes_is_refused_until_the_run_may_drop_it() {
    let mut nights = grown_nights().await;
    let output = nights.output();
    let before = versions(&output).await;
    nights.edit_pack(SHRUNK);

    let refused = nights.run(last_night()).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked);
    insta::assert_snapshot!(refused, @"
    table `tier_snapshot`: column `orders_doubled` (BIGINT) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_snapshot.orders_doubled`
    table `tier_current`: column `orders_doubled` (BIGINT) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_current.orders_doubled`
    to drop what is missing, give the same command once more with `--drop-columns tier_snapshot.orders_doubled,tier_current.orders_doubled`
    ");
    assert_eq!(versions(&output).await, before);

    let may_drop = [
        "tier_snapshot.orders_doubled",
        "tier_current.orders_doubled",
    ];
    let planned = nights.plan(last_night()).await.unwrap();
    let planned = planned.dropping(&may_drop).await.unwrap();
    assert_eq!(planned.execute().await.unwrap().status, Status::Replaced);
    for table in ["tier_snapshot", "tier_current"] {
        let opened = Table::open(&output, table).await.unwrap().unwrap();
        assert!(!columns(&opened).contains("orders_doubled"), "{table}");
        for row in newest_rows(&output, last_night(), table).await {
            assert!(!row.contains_key("orders_doubled"), "{table}");
        }
    }

    // The same command again, and the nights after it: there is nothing left to drop.
    let next = nights.plan(days_ago(-1)).await.unwrap();
    let next = next.dropping(&may_drop).await.unwrap();
    assert_eq!(next.execute().await.unwrap().status, Status::Published);
    assert!(
        !rows(&output, days_ago(-1), "tier_snapshot")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn column_of_another_type_is_refused_now_and_after_it_was_dropped() {
    let mut nights = grown_nights().await;
    let may_drop = [
        "tier_snapshot.orders_doubled",
        "tier_current.orders_doubled",
    ];
    nights.edit_pack(RETYPED);
    let planned = nights.plan(last_night()).await.unwrap();
    let planned = planned.dropping(&may_drop).await.unwrap();
    let refused = planned.execute().await.unwrap_err().to_string();
    let told =
        "column `orders_doubled` is BIGINT to readers and in older files and would become VARCHAR";
    assert!(refused.contains(told), "{refused}");

    nights.edit_pack(SHRUNK);
    let planned = nights.plan(last_night()).await.unwrap();
    let planned = planned.dropping(&may_drop).await.unwrap();
    planned.execute().await.unwrap();
    nights.edit_pack(RETYPED);
    let refused = nights.run(last_night()).await.unwrap_err().to_string();
    let told = "column `orders_doubled` was BIGINT when it was dropped";
    assert!(refused.contains(told), "{refused}");

    nights.edit_pack(GROWN);
    assert_eq!(nights.status_of(last_night()).await, "replaced");
}

/// Nobody ever read the column: the run that brought it died before it published.
#[tokio::test]
async fn column_of_a_night_that_died_binds_nobody() {
    let mut nights = Nights::over(&seen_before(), &Delivery::default());
    assert_eq!(nights.status_of(night_before()).await, "published");
    nights.edit_pack(GROWN);
    die_unpublished(&nights, last_night()).await;
    let other_type = nights.copied();

    nights.edit_pack(&[]);
    assert_eq!(nights.status_of(last_night()).await, "published");
    for table in ["tier_snapshot", "tier_current"] {
        let opened = Table::open(&nights.output(), table).await.unwrap().unwrap();
        assert!(!columns(&opened).contains("orders_doubled"), "{table}");
    }

    let mut nights = other_type;
    nights.edit_pack(RETYPED);
    assert_eq!(nights.status_of(last_night()).await, "published");
    let rows = rows(&nights.output(), last_night(), "tier_snapshot").await;
    assert!(rows.iter().all(|row| row["orders_doubled"] == "many"));
}

/// As above, but nothing at all was published yet.
#[tokio::test]
async fn columns_of_a_first_night_that_died_bind_nobody() {
    let mut nights = Nights::over(&seen_before(), &Delivery::default());
    nights.edit_pack(GROWN);
    die_unpublished(&nights, last_night()).await;
    nights.edit_pack(&[]);
    assert_eq!(nights.status_of(last_night()).await, "published");
    let opened = Table::open(&nights.output(), "tier_snapshot").await;
    assert!(!columns(&opened.unwrap().unwrap()).contains("orders_doubled"));
}
