//! Whatever happens to raw files, rules and runs in whatever order, a lake whose old files expire ends
//! with the rows of a lake that keeps everything, and no table has rows that no publication names.
//!
//! A case is a history and a list of steps, with every kind of step in it. Two jobs see the same
//! deliveries, late files, files written anew, compactions, edits and withdrawals; in the lake of
//! one the oldest days expire after a night, and its runs may die between two commits. The other
//! keeps its files and forgets every tile before each of its nights. Where the one is refused,
//! since tiles do not give what the rules ask for, nothing must have changed, and the other does not
//! run. The seed is fixed, so that every run of the tests tries the same cases; `PROPTEST_CASES` and
//! `PROPTEST_RNG_SEED` ask for others. Seeds of failures are kept beside those of the other
//! properties.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed};
use tierline::ground::SnapshotDate;
use tierline::run::{
    Accepted, BackfillNight, HistoryError, NightRules, Report, RulesChoice, RunError, Status,
};
use tokio::runtime::Runtime;

use super::crash::run_dying;
use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::property::config;
use super::tables;
use crate::naive::fixtures::hand_given_cut_points;
use crate::naive::history::{Event, History, Order};

/// How many cases an ordinary test run compares.
const CASES: u32 = 3;

/// The seed of these.
const SEED: u64 = 20_261_126;

/// Tables of which each date keeps its rows, and that are the same whether files are left or not.
const COMPARED: [&str; 3] = ["tier_snapshot", "tier_migration", "tier_summary"];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

proptest! {
    #![proptest_config(seeded())]

    #[test]
    fn a_lake_whose_files_expire_publishes_what_one_that_keeps_them_does(case in cases()) {
        RUNTIME.block_on(Box::pin(compare(&case)));
    }
}

/// The usual cases, unless the environment asks for others.
fn seeded() -> Config {
    let asked = ["PROPTEST_CASES", "PROPTEST_RNG_SEED"];
    let mut config = config(CASES);
    if asked.iter().all(|name| std::env::var_os(name).is_none()) {
        config.rng_seed = RngSeed::Fixed(SEED);
    }
    config
}

#[derive(Debug, Clone)]
struct Case {
    /// Delivered before the first night.
    history: Vec<FileChoice>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// So many days pass, the day's files come, and the night runs.
    Night {
        days: i64,
        files: Vec<FileChoice>,
        expiry: Option<Expiry>,
    },
    /// A file comes into a day that is stored still, or takes the place of one.
    Late(FileChoice),
    /// The files of a day that is stored still are written anew as one.
    Compact(usize),
    /// The job gets another pack.
    Edit(&'static [Edit]),
    /// The job sets `deep_interactions_7d`.
    Set(i64),
    /// The dates that late data affects are restated.
    Restate(bool),
    /// A date that is or was published runs again.
    Again(usize),
    /// A published date is taken back.
    Withdraw(usize),
    /// A night, tonight's or an earlier one, begins and dies after so many commits.
    Crash { commits: i64, place: usize },
}

/// What a retention rule takes after a night.
#[derive(Debug, Clone)]
struct Expiry {
    /// Days that are older than so many.
    keeps: i64,
    /// And a file of the day after these.
    begins_next: bool,
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
    let steps = (one_of_each().prop_shuffle(), vec(step(), 0..=4)).prop_map(|(mut all, more)| {
        all.extend(more);
        all
    });
    (vec(file(0..120_i64), 4..=20), steps).prop_map(|(history, steps)| Case { history, steps })
}

/// Every kind of step, and nights to show what came of them.
fn one_of_each() -> impl Strategy<Value = Vec<Step>> {
    let nights = [(); 3].map(|()| night(expiry().prop_map(Some)));
    let files = (late(), late(), compact());
    let rules = (edit(), set(), restate());
    let runs = (again(), withdraw(), crash(), crash());
    (nights, files, rules, runs).prop_map(|(nights, files, rules, runs)| {
        let mut steps = Vec::from(nights);
        steps.extend([files.0, files.1, files.2]);
        steps.extend([rules.0, rules.1, rules.2]);
        steps.extend([runs.0, runs.1, runs.2, runs.3]);
        steps
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => night(prop::option::weighted(0.6, expiry())),
        3 => late(),
        1 => compact(),
        1 => edit(),
        1 => set(),
        3 => restate(),
        1 => again(),
        1 => withdraw(),
        2 => crash(),
    ]
}

fn night(expiry: impl Strategy<Value = Option<Expiry>>) -> impl Strategy<Value = Step> {
    let days = prop_oneof![4 => Just(1), 1 => 2..40_i64];
    (days, vec(file(Just(0)), 0..=2), expiry).prop_map(|(days, files, expiry)| Step::Night {
        days,
        files,
        expiry,
    })
}

fn expiry() -> impl Strategy<Value = Expiry> {
    (0..100_i64, any::<bool>()).prop_map(|(keeps, begins_next)| Expiry { keeps, begins_next })
}

fn late() -> impl Strategy<Value = Step> {
    file(0..60_i64).prop_map(Step::Late)
}

fn compact() -> impl Strategy<Value = Step> {
    any::<usize>().prop_map(Step::Compact)
}

fn edit() -> impl Strategy<Value = Step> {
    select(PACKS).prop_map(Step::Edit)
}

fn set() -> impl Strategy<Value = Step> {
    (1..=4_i64).prop_map(Step::Set)
}

fn restate() -> impl Strategy<Value = Step> {
    prop::bool::weighted(0.2).prop_map(Step::Restate)
}

fn again() -> impl Strategy<Value = Step> {
    any::<usize>().prop_map(Step::Again)
}

fn withdraw() -> impl Strategy<Value = Step> {
    any::<usize>().prop_map(Step::Withdraw)
}

fn crash() -> impl Strategy<Value = Step> {
    (0..10_i64, any::<usize>()).prop_map(|(commits, place)| Step::Crash { commits, place })
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
    play.compare_all().await;
}

/// The rows of a file, and what it is called.
type Files = BTreeMap<&'static str, History>;

struct Play {
    aging: Nights,
    whole: Nights,
    today: NaiveDate,
    orders_so_far: u32,
    /// The files of each day, by source, in the lake that keeps them.
    files: BTreeMap<(&'static str, NaiveDate), Files>,
    /// Days with all of their files in the lake that ages, by source.
    stored: BTreeMap<&'static str, BTreeSet<NaiveDate>>,
    /// Sources of which days have expired after a night had read them.
    expired: BTreeSet<&'static str>,
    published: BTreeSet<NaiveDate>,
    withdrawn: BTreeSet<NaiveDate>,
}

impl Play {
    fn new() -> Self {
        let nights = || Nights::over(&History::default(), &Delivery::default());
        let play = Self {
            aging: nights(),
            whole: nights(),
            today: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
            orders_so_far: 0,
            files: BTreeMap::new(),
            stored: BTreeMap::new(),
            expired: BTreeSet::new(),
            published: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
        };
        for nights in play.both() {
            let long_ago = play.today - TimeDelta::days(1_000);
            nights.calibrate_by_hand(long_ago, &hand_given_cut_points());
        }
        play
    }

    fn both(&self) -> [&Nights; 2] {
        [&self.aging, &self.whole]
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Night {
                days,
                files,
                expiry,
            } => {
                self.today += TimeDelta::days(*days);
                for file in files {
                    self.deliver(file);
                }
                let is_published = self.night().await;
                if let Some(expiry) = expiry.as_ref().filter(|_| is_published) {
                    self.expire(expiry);
                }
            }
            Step::Late(file) => self.deliver_late(file),
            Step::Compact(place) => self.compact(*place),
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
                let dates = self.published.union(&self.withdrawn);
                if let Some(date) = nth(dates.copied(), *place) {
                    self.run(date, [&NightRules::Today; 2]).await;
                }
            }
            Step::Withdraw(place) => self.withdraw(*place).await,
            Step::Crash { commits, place } => self.crash(*commits, *place).await,
        }
    }

    /// Into a day that retention has not come to.
    fn deliver_late(&mut self, file: &FileChoice) {
        let day = self.today - TimeDelta::days(file.days_ago);
        if self.is_behind_edge(source_of(file), day) {
            self.deliver(file);
        }
    }

    /// Whether an older day has all of its files.
    fn is_behind_edge(&self, source: &str, day: NaiveDate) -> bool {
        let stored = self.stored.get(source);
        let edge = stored.and_then(|days| days.first()).copied();
        edge.is_some_and(|edge| edge < day)
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
        self.write(source_of(file), day, file.name, rows);
    }

    fn write(
        &mut self,
        source: &'static str,
        day: NaiveDate,
        file_name: &'static str,
        rows: History,
    ) {
        let delivery = Delivery {
            file_name,
            ..Delivery::default()
        };
        for nights in self.both() {
            nights.deliver(&rows, &delivery);
        }
        let files = self.files.entry((source, day)).or_default();
        files.insert(file_name, rows);
        self.stored.entry(source).or_default().insert(day);
    }

    /// The same rows in one file, as jobs that fight small files do.
    fn compact(&mut self, place: usize) {
        let stored = self.files.keys().copied();
        let behind_edge = stored.filter(|(source, day)| self.is_behind_edge(source, *day));
        let is_whole =
            |(source, day): &(&'static str, NaiveDate)| self.stored[source].contains(day);
        let Some((source, day)) = nth(behind_edge.filter(is_whole), place) else {
            return;
        };
        for nights in self.both() {
            nights.expire(source, day);
        }
        let files = self.files.remove(&(source, day)).unwrap();
        let mut all = History::default();
        for rows in files.into_values() {
            all.orders.extend(rows.orders);
            all.events.extend(rows.events);
        }
        self.write(source, day, "compact", all);
    }

    /// All but the newest days of a source, so that what is gone is older than what is left.
    fn expire(&mut self, expiry: &Expiry) {
        let limit = self.today - TimeDelta::days(expiry.keeps);
        for (source, days) in &mut self.stored {
            let newest = days.last().copied();
            let gone: Vec<NaiveDate> = days.range(..limit).copied().collect();
            for day in gone.into_iter().filter(|day| Some(*day) != newest) {
                self.aging.expire(source, day);
                days.remove(&day);
                self.expired.insert(*source);
            }
            let next = days
                .first()
                .copied()
                .filter(|_| self.expired.contains(source));
            let next = next.filter(|day| expiry.begins_next && Some(*day) != newest);
            let files = next.and_then(|day| self.files.get(&(*source, day)));
            if let Some((day, files)) = next.zip(files)
                && let (2.., Some(name)) = (files.len(), files.keys().next())
            {
                let file = format!("{source}/dt={day}/{name}-0.parquet");
                std::fs::remove_file(self.aging.lake().join(file)).unwrap();
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

    async fn withdraw(&mut self, place: usize) {
        let Some(date) = nth(self.published.iter().copied(), place) else {
            return;
        };
        for nights in self.both() {
            nights.withdraw(date).await;
        }
        self.published.remove(&date);
        self.withdrawn.insert(date);
        self.assert_named().await;
    }

    /// A run that dies has published nothing, and the next run of any date undoes what it left.
    async fn crash(&mut self, commits: i64, place: usize) {
        let dates = self.published.iter().copied().chain([self.today]);
        let Some(date) = nth(dates, place) else {
            return;
        };
        let died = Box::pin(run_dying(commits, &self.aging, date)).await;
        if let Ok(report) = died {
            self.whole.remove_tiles();
            let twin = self.whole.run(date).await.unwrap();
            self.published(date, &report, &twin).await;
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
        self.published(date, &report, &twin).await;
        true
    }

    async fn published(&mut self, date: NaiveDate, report: &Report, twin: &Report) {
        // Both were refused the same nights, so both have the same to do.
        assert_eq!(done(report), done(twin), "{date}");
        self.published.insert(date);
        self.withdrawn.remove(&date);
        if report.status != Status::AlreadyPublished {
            self.compare(date).await;
        }
        self.assert_named().await;
    }

    async fn compare(&self, date: NaiveDate) {
        for table in COMPARED {
            let rows = tables::newest_rows(&self.aging.output(), date, table).await;
            let of_whole = tables::newest_rows(&self.whole.output(), date, table).await;
            let [rows, of_whole] = [rows, of_whole].map(tables::of_any_run);
            assert_same_rows(&format!("{table} of {date}"), &rows, &of_whole);
        }
    }

    /// Every date, and each as its publication says.
    async fn compare_all(&self) {
        for date in &self.published {
            self.compare(*date).await;
            for table in COMPARED {
                let output = self.aging.output();
                let named = tables::rows(&output, *date, table).await;
                let found = tables::newest_rows(&output, *date, table).await;
                assert_same_rows(&format!("{table} of {date}"), &found, &named);
            }
        }
    }

    /// No table has rows of a date that no publication names.
    async fn assert_named(&self) {
        for (table, dates) in tables::dates(&self.aging.output()).await {
            let unnamed: Vec<_> = dates.difference(&self.published).collect();
            assert!(unnamed.is_empty(), "{table} has {unnamed:?}");
        }
    }
}

/// What was done, whatever a run that died had left to put right.
fn done(report: &Report) -> Status {
    match report.status {
        Status::Repaired => Status::AlreadyPublished,
        status => status,
    }
}

/// One of some; none of none.
fn nth<T>(some: impl Iterator<Item = T>, place: usize) -> Option<T> {
    let mut some: Vec<T> = some.collect();
    let place = place.checked_rem(some.len())?;
    Some(some.swap_remove(place))
}

fn source_of(file: &FileChoice) -> &'static str {
    match file.is_orders {
        true => "orders",
        false => "engagement",
    }
}
