//! Whatever happens to raw files and rules in whatever order, a lake whose old files expire ends with
//! the rows of a lake that keeps everything.
//!
//! A case is a history and a list of steps. Two jobs see the same deliveries, late files, rewritten
//! files and edits; in the lake of one the oldest days expire after a night, and the other, which
//! keeps them, forgets every tile before each of its nights. Where the one is refused, since tiles
//! do not give what the rules ask for, nothing must have changed, and the other does not run.
//! Seeds of failures are kept beside those of the other properties.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tierline::ground::SnapshotDate;
use tierline::run::{
    Accepted, BackfillNight, HistoryError, NightRules, RulesChoice, RunError, Status,
};
use tokio::runtime::Runtime;

use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::property::config;
use super::tables;
use crate::naive::fixtures::hand_given_cut_points;
use crate::naive::history::{Event, History, Order};

/// How many cases an ordinary test run compares.
const CASES: u32 = 4;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn a_lake_whose_files_expire_publishes_what_one_that_keeps_them_does(case in cases()) {
        RUNTIME.block_on(Box::pin(compare(&case)));
    }
}

#[derive(Debug, Clone)]
struct Case {
    /// Delivered before the first night.
    history: Vec<FileChoice>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// So many days pass, the day's files come, the night runs, and then days older than some
    /// expire.
    Night {
        days: i64,
        files: Vec<FileChoice>,
        keeps: Option<i64>,
    },
    /// A file comes into a day that is stored still, or takes the place of one.
    Late(FileChoice),
    /// The job gets another pack.
    Edit(&'static [Edit]),
    /// The job sets `deep_interactions_7d`.
    Set(i64),
    /// The dates that late data affects are restated.
    Restate(bool),
    /// A published date runs again.
    Again(usize),
}

#[derive(Debug, Clone)]
struct FileChoice {
    is_orders: bool,
    days_ago: i64,
    name: &'static str,
    rows: Vec<(u8, i64, &'static str)>,
}

/// Packs that change features and tiers, and one that changes what tiles hold.
const PACKS: &[&[Edit]] = &[
    &[],
    &[Edit {
        file: "tiers/lifecycle_stage.sql",
        from: "$loyal_orders",
        to: "($loyal_orders + 1)",
    }],
    &[Edit {
        file: "features/purchases.sql",
        from: "'365d'",
        to: "'prev_30d', '90d', '365d'",
    }],
    &[Edit {
        file: "rollups/purchases.sql",
        from: "COUNT(*) FILTER (WHERE is_counting) AS orders",
        to: "COUNT(*) FILTER (WHERE is_counting AND amount > 20) AS orders",
    }],
];

fn cases() -> impl Strategy<Value = Case> {
    (vec(file(0..120_i64), 4..=20), vec(step(), 3..=10))
        .prop_map(|(history, steps)| Case { history, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let days = prop_oneof![4 => Just(1), 1 => 2..40_i64];
    let keeps = prop_oneof![1 => Just(None), 2 => (0..100_i64).prop_map(Some)];
    prop_oneof![
        5 => (days, vec(file(Just(0)), 0..=2), keeps)
            .prop_map(|(days, files, keeps)| Step::Night { days, files, keeps }),
        3 => file(0..60_i64).prop_map(Step::Late),
        1 => select(PACKS).prop_map(Step::Edit),
        1 => (1..=4_i64).prop_map(Step::Set),
        3 => prop::bool::weighted(0.2).prop_map(Step::Restate),
        1 => any::<usize>().prop_map(Step::Again),
    ]
}

fn file(days_ago: impl Strategy<Value = i64>) -> impl Strategy<Value = FileChoice> {
    let row = (
        1..=6_u8,
        select(&[10_00, 25_00, 100_00, 50_000_00]),
        select(&["open", "click", "view", "post", "complaint"]),
    );
    let rows = vec(row, 1..=3);
    (any::<bool>(), days_ago, select(&["part", "late"]), rows).prop_map(
        |(is_orders, days_ago, name, rows)| FileChoice {
            is_orders,
            days_ago,
            name,
            rows,
        },
    )
}

async fn compare(case: &Case) {
    let mut play = Play::new();
    for file in &case.history {
        play.deliver(file);
    }
    play.night().await;
    for step in &case.steps {
        play.step(step).await;
    }
    play.restate(RulesChoice::Published).await;
}

struct Play {
    aging: Nights,
    whole: Nights,
    today: NaiveDate,
    orders_so_far: u32,
    /// Days with files in the lake that ages, by source.
    stored: BTreeMap<&'static str, BTreeSet<NaiveDate>>,
    published: BTreeSet<NaiveDate>,
}

impl Play {
    fn new() -> Self {
        let nights = || Nights::over(&History::default(), &Delivery::default());
        let play = Self {
            aging: nights(),
            whole: nights(),
            today: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
            orders_so_far: 0,
            stored: BTreeMap::new(),
            published: BTreeSet::new(),
        };
        for nights in [&play.aging, &play.whole] {
            let long_ago = play.today - TimeDelta::days(1_000);
            nights.calibrate_by_hand(long_ago, &hand_given_cut_points());
        }
        play
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Night { days, files, keeps } => {
                self.today += TimeDelta::days(*days);
                for file in files {
                    self.deliver(file);
                }
                let is_published = self.night().await;
                if let Some(keeps) = keeps.filter(|_| is_published) {
                    self.expire(keeps);
                }
            }
            Step::Late(file) => self.deliver_late(file),
            Step::Edit(edits) => {
                self.aging.edit_pack(edits);
                self.whole.edit_pack(edits);
            }
            Step::Set(deep_interactions) => {
                let sections = format!("[params]\ndeep_interactions_7d = {deep_interactions}\n");
                self.aging.sections.clone_from(&sections);
                self.whole.sections = sections;
            }
            Step::Restate(by_todays) => {
                let rules = match by_todays {
                    true => RulesChoice::Today,
                    false => RulesChoice::Published,
                };
                self.restate(rules).await;
            }
            Step::Again(place) => {
                let count = self.published.len();
                let date = place
                    .checked_rem(count)
                    .and_then(|place| self.published.iter().nth(place));
                if let Some(date) = date.copied() {
                    self.run(date, [&NightRules::Today; 2]).await;
                }
            }
        }
    }

    /// Into a day that is stored: retention has not come to it.
    fn deliver_late(&mut self, file: &FileChoice) {
        let stored = self.stored.get(source_of(file));
        let edge = stored.and_then(|days| days.first()).copied();
        let day = self.today - TimeDelta::days(file.days_ago);
        if edge.is_some_and(|edge| edge < day) {
            self.deliver(file);
        }
    }

    fn deliver(&mut self, file: &FileChoice) {
        let day = self.today - TimeDelta::days(file.days_ago);
        let mut rows = History::default();
        for (user, amount_cents, event_type) in &file.rows {
            let user_id = user.to_string();
            if file.is_orders {
                self.orders_so_far += 1;
                rows.orders.push(Order {
                    order_id: self.orders_so_far.to_string(),
                    user_id,
                    day,
                    amount_cents: *amount_cents,
                    status: "paid".to_owned(),
                    discount_cents: None,
                });
            } else {
                rows.events.push(Event {
                    user_id,
                    day,
                    event_type: (*event_type).to_owned(),
                });
            }
        }
        let delivery = Delivery {
            file_name: file.name,
            ..Delivery::default()
        };
        self.aging.deliver(&rows, &delivery);
        self.whole.deliver(&rows, &delivery);
        self.stored.entry(source_of(file)).or_default().insert(day);
    }

    /// All but the newest days of a source, so that what is gone is older than what is left.
    fn expire(&mut self, keeps: i64) {
        let limit = self.today - TimeDelta::days(keeps);
        for (source, days) in &mut self.stored {
            let newest = days.last().copied();
            let gone: Vec<NaiveDate> = days.range(..limit).copied().collect();
            for day in gone.into_iter().filter(|day| Some(*day) != newest) {
                self.aging.expire(source, day);
                days.remove(&day);
            }
        }
    }

    async fn night(&mut self) -> bool {
        self.run(self.today, [&NightRules::Today; 2]).await
    }

    async fn restate(&mut self, choice: RulesChoice) {
        let plan = self.aging.affected(choice).await.unwrap();
        let of_whole = self.whole.affected(choice).await.unwrap();
        let of_whole: BTreeMap<SnapshotDate, NightRules> = of_whole
            .nights
            .into_iter()
            .map(|night| (night.date, night.rules))
            .collect();
        for BackfillNight { date, rules, .. } in plan.nights {
            let twin = of_whole.get(&date).unwrap_or(&rules);
            self.run(date.day(), [&rules, twin]).await;
        }
    }

    /// Runs a date in both lakes, the other's only where the first is not refused, and compares.
    async fn run(&mut self, date: NaiveDate, rules: [&NightRules; 2]) -> bool {
        let accepted = Accepted::default();
        let report = match Box::pin(self.aging.run_by(date, rules[0], accepted)).await {
            Ok(report) => report,
            Err(RunError::History(HistoryError::OutOfReach { .. })) => return false,
            // Nobody is there yet.
            Err(refused) => {
                self.whole.remove_tiles();
                let also = self.whole.run_by(date, rules[1], accepted).await;
                let also = also.unwrap_err();
                assert_eq!(refused.to_string(), also.to_string());
                return false;
            }
        };
        self.whole.remove_tiles();
        let twin = self.whole.run_by(date, rules[1], accepted).await.unwrap();
        // Both were refused the same nights, so both have the same to do.
        assert_eq!(report.status, twin.status, "{date}");
        self.published.insert(date);
        if report.status != Status::AlreadyPublished {
            self.compare(date).await;
        }
        true
    }

    async fn compare(&self, date: NaiveDate) {
        for table in ["tier_snapshot", "tier_migration", "tier_summary"] {
            let rows = tables::newest_rows(&self.aging.output(), date, table).await;
            let of_whole = tables::newest_rows(&self.whole.output(), date, table).await;
            let [rows, of_whole] = [rows, of_whole].map(tables::of_any_run);
            assert_same_rows(&format!("{table} of {date}"), &rows, &of_whole);
        }
    }
}

fn source_of(file: &FileChoice) -> &'static str {
    match file.is_orders {
        true => "orders",
        false => "engagement",
    }
}
