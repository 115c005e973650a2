//! Whatever happens to raw files, rules and runs in whatever order, a lake whose old files expire ends
//! with the rows of a lake that keeps everything, and no table has rows that no publication names.
//!
//! A case is a history and a list of steps, with every kind of step in it. Two jobs see the same
//! deliveries, late files, files rewritten, compactions, edits and withdrawals; in the lake of
//! one the oldest days expire after a night, and its runs may die between two commits. The other
//! keeps its files and forgets every tile before each of its nights. Sources of the one may be Delta
//! tables, where a retention rule is a DELETE, and a vacuum may come at any time; those of the other
//! are always folders of files, so that a table also gives what folders of the same rows give. Where
//! the one is refused, since tiles do not give what the rules ask for, nothing must have changed, and
//! the other does not run.

mod cases;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;
use tierline::backfill::{BackfillNight, NightRules, RulesChoice};
use tierline::ground::SnapshotDate;
use tierline::night::{NightError, Report, Status};
use tierline::plan::{Accepted, HistoryError};
use tokio::runtime::Runtime;

use self::cases::{Case, Expiry, FileChoice, Step, cases};
use self::table::DeltaSource;
use super::crash::run_dying;
use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::property::config;
use super::tables;
use crate::naive::fixtures::{NOON, hand_given_cut_points};
use crate::naive::history::{Event, History, Order};

/// How many cases an ordinary test run compares, where all sources are folders.
const FOLDER_CASES: u32 = 2;

/// And where some are Delta tables.
const TABLE_CASES: u32 = 1;

/// Tables of which each date keeps its rows, and that are the same whether files are left or not.
const COMPARED: [&str; 3] = ["tier_snapshot", "tier_migration", "tier_summary"];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

proptest! {
    #![proptest_config(config(FOLDER_CASES))]

    #[test]
    fn a_lake_whose_files_expire_publishes_what_one_that_keeps_them_does(case in cases(&[&[]])) {
        RUNTIME.block_on(Box::pin(compare(&case)));
    }
}

proptest! {
    #![proptest_config(config(TABLE_CASES))]

    #[test]
    fn delta_tables_whose_rows_expire_publish_what_folders_that_keep_them_do(
        case in cases(&[&["orders"], &["orders", "engagement"]])
    ) {
        RUNTIME.block_on(Box::pin(compare(&case)));
    }
}

async fn compare(case: &Case) {
    let mut play = Play::new(case.tables);
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
    /// The sources of the lake that ages that are Delta tables.
    tables: BTreeMap<&'static str, DeltaSource>,
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
    fn new(tables: &[&'static str]) -> Self {
        let nights = || Nights::over(&History::default(), &Delivery::default());
        let aging = nights();
        let tables = tables.iter();
        let play = Self {
            tables: tables
                .map(|source| (*source, DeltaSource::new(source, &aging.lake())))
                .collect(),
            aging,
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
            Step::Overwrite(file) => self.overwrite(file),
            Step::Compact(place) => self.compact(*place),
            Step::Delete(place) => self.delete(*place),
            Step::Tidy(tidy) => {
                for table in self.tables.values() {
                    table.tidy(*tidy).await;
                }
            }
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
        if self.is_open(file.source(), self.day_of(file)) {
            self.deliver(file);
        }
    }

    fn day_of(&self, file: &FileChoice) -> NaiveDate {
        self.today - TimeDelta::days(file.days_ago)
    }

    /// Whether files of a day may change: an older day has all of its files, or a log says that what
    /// is there is the day.
    fn is_open(&self, source: &str, day: NaiveDate) -> bool {
        let stored = self.stored.get(source);
        let edge = stored.and_then(|days| days.first()).copied();
        let is_told = self.tables.contains_key(source) && self.expired.contains(source);
        edge.is_some_and(|edge| edge < day || (is_told && edge == day))
    }

    fn deliver(&mut self, file: &FileChoice) {
        let rows = self.rows_of(file);
        self.write(file.source(), self.day_of(file), file.name, rows);
    }

    fn rows_of(&mut self, file: &FileChoice) -> History {
        let day = self.day_of(file);
        let mut rows = History::default();
        for (user, amount_cents, event_type) in &file.rows {
            let user_id = user.to_string();
            if file.is_orders {
                self.orders_so_far += 1;
                rows.orders.push(Order {
                    order_id: self.orders_so_far.to_string(),
                    user_id,
                    day,
                    time: NOON,
                    amount_cents: *amount_cents,
                    status: "paid".to_owned(),
                    discount_cents: None,
                    channel: None,
                    category: None,
                });
            } else {
                rows.events.push(Event {
                    user_id,
                    day,
                    time: NOON,
                    event_type: (*event_type).to_owned(),
                    content_id: None,
                });
            }
        }
        rows
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
        self.whole.deliver(&rows, &delivery);
        match self.tables.get_mut(source) {
            Some(table) => table.append(day, file_name, &rows),
            None => self.aging.deliver(&rows, &delivery),
        }
        let files = self.files.entry((source, day)).or_default();
        files.insert(file_name, rows);
        self.stored.entry(source).or_default().insert(day);
    }

    /// A day is delivered once more, and counts as delivered last.
    fn overwrite(&mut self, file: &FileChoice) {
        let (source, day) = (file.source(), self.day_of(file));
        if self.changeable_days().contains(&(source, day)) {
            let rows = self.rows_of(file);
            self.replace(source, day, file.name, rows, DeltaSource::overwrite);
        }
    }

    /// The same rows in one file, as jobs that fight small files do.
    fn compact(&mut self, place: usize) {
        let Some((source, day)) = nth(self.changeable_days().into_iter(), place) else {
            return;
        };
        let mut all = History::default();
        for rows in self.files[&(source, day)].values() {
            all.orders.extend(rows.orders.iter().cloned());
            all.events.extend(rows.events.iter().cloned());
        }
        self.replace(source, day, "compact", all, DeltaSource::optimize);
    }

    /// Days with all of their files, which may change.
    fn changeable_days(&self) -> Vec<(&'static str, NaiveDate)> {
        let days = self.files.keys().copied();
        let days = days.filter(|(source, day)| self.is_open(source, *day));
        let is_whole =
            |(source, day): &(&'static str, NaiveDate)| self.stored[source].contains(day);
        days.filter(is_whole).collect()
    }

    /// One file in the place of all of a day.
    fn replace(
        &mut self,
        source: &'static str,
        day: NaiveDate,
        file_name: &'static str,
        rows: History,
        in_table: fn(&mut DeltaSource, NaiveDate, &'static str, &History),
    ) {
        let delivery = Delivery {
            file_name,
            ..Delivery::default()
        };
        self.whole.expire(source, day);
        self.whole.deliver(&rows, &delivery);
        match self.tables.get_mut(source) {
            Some(table) => in_table(table, day, file_name, &rows),
            None => {
                self.aging.expire(source, day);
                self.aging.deliver(&rows, &delivery);
            }
        }
        self.files
            .insert((source, day), Files::from([(file_name, rows)]));
    }

    /// One of several files of a day, with its rows.
    fn delete(&mut self, place: usize) {
        let days = self.changeable_days().into_iter();
        let several = days.filter(|day| self.files[day].len() > 1);
        let Some((source, day)) = nth(several, place) else {
            return;
        };
        let files = self.files.entry((source, day)).or_default();
        let Some((name, _)) = files.pop_first() else {
            return;
        };
        remove_file(&self.whole, source, day, name);
        match self.tables.get_mut(source) {
            Some(table) => table.delete_file(day, name),
            None => remove_file(&self.aging, source, day, name),
        }
    }

    /// All but the newest days of a source, so that what is gone is older than what is left.
    fn expire(&mut self, expiry: &Expiry) {
        let limit = self.today - TimeDelta::days(expiry.keeps);
        for (source, days) in &mut self.stored {
            let newest = days.last().copied();
            let gone: Vec<NaiveDate> = days.range(..limit).copied().collect();
            let mut table = self.tables.get_mut(source);
            for day in gone.into_iter().filter(|day| Some(*day) != newest) {
                match &mut table {
                    Some(table) => table.delete_day(day),
                    None => self.aging.expire(source, day),
                }
                days.remove(&day);
                self.expired.insert(*source);
            }
            let next = days
                .first()
                .copied()
                .filter(|_| self.expired.contains(source));
            let begins_next = expiry.begins_next && table.is_none();
            let next = next.filter(|day| begins_next && Some(*day) != newest);
            let files = next.and_then(|day| self.files.get(&(*source, day)));
            if let Some((day, files)) = next.zip(files)
                && let (2.., Some(name)) = (files.len(), files.keys().next())
            {
                remove_file(&self.aging, source, day, name);
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
            Err(NightError::History(HistoryError::OutOfReach { .. })) => return false,
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

fn remove_file(nights: &Nights, source: &str, day: NaiveDate, name: &str) {
    let file = format!("{source}/dt={day}/{name}-0.parquet");
    std::fs::remove_file(nights.lake().join(file)).unwrap();
}
