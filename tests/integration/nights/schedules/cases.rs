//! Random cases: what is there before the first night, and what happens from then on.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::nights::pack::Edit;

#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The sources that are Delta tables in the lake that ages.
    pub(super) tables: &'static [&'static str],
    /// Delivered before the first night.
    pub(super) history: Vec<FileChoice>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// So many days pass, the day's files come, and the night runs.
    Night {
        days: i64,
        files: Vec<FileChoice>,
        expiry: Option<Expiry>,
    },
    /// A file comes into a day that is stored still, or takes the place of one.
    Late(FileChoice),
    /// A file takes the place of all files of such a day.
    Overwrite(FileChoice),
    /// The files of such a day are rewritten as one.
    Compact(usize),
    /// One of several files of such a day is taken out.
    Delete(usize),
    /// Delta tables lose the files that no version needs, or get a checkpoint.
    Tidy(Tidy),
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
pub(super) struct Expiry {
    /// Days that are older than so many.
    pub(super) keeps: i64,
    /// And a file of the day after these. Not of a Delta table, from which nothing goes by itself.
    pub(super) begins_next: bool,
}

/// What keeps a Delta table small.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tidy {
    Vacuum,
    Checkpoint {
        /// Whether the commits that it holds are removed.
        cleans_log: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct FileChoice {
    pub(super) is_orders: bool,
    pub(super) days_ago: i64,
    pub(super) name: &'static str,
    pub(super) rows: Vec<(u8, i64, &'static str)>,
}

impl FileChoice {
    pub(super) fn source(&self) -> &'static str {
        match self.is_orders {
            true => "orders",
            false => "engagement",
        }
    }
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

/// Cases in which some sources are Delta tables.
pub(super) fn cases(tables: &'static [&'static [&'static str]]) -> impl Strategy<Value = Case> {
    let steps = (one_of_each().prop_shuffle(), vec(step(), 0..=4)).prop_map(|(mut all, more)| {
        all.extend(more);
        all
    });
    let history = vec(file(0..120_i64), 4..=20);
    (select(tables), history, steps).prop_map(|(tables, history, steps)| Case {
        tables,
        history,
        steps,
    })
}

/// Every kind of step, and nights to show what came of them.
fn one_of_each() -> impl Strategy<Value = Vec<Step>> {
    let nights = [(); 3].map(|()| night(expiry().prop_map(Some)));
    let files = (late(), late(), overwrite(), compact(), delete());
    let tables = (tidy(), tidy());
    let rules = (edit(), set(), restate());
    let runs = (again(), withdraw(), crash(), crash());
    (nights, files, tables, rules, runs).prop_map(|(nights, files, tables, rules, runs)| {
        let mut steps = Vec::from(nights);
        steps.extend([files.0, files.1, files.2, files.3, files.4]);
        steps.extend([tables.0, tables.1]);
        steps.extend([rules.0, rules.1, rules.2]);
        steps.extend([runs.0, runs.1, runs.2, runs.3]);
        steps
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => night(prop::option::weighted(0.6, expiry())),
        3 => late(),
        1 => overwrite(),
        1 => compact(),
        1 => delete(),
        1 => tidy(),
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

fn overwrite() -> impl Strategy<Value = Step> {
    file(0..60_i64).prop_map(Step::Overwrite)
}

fn compact() -> impl Strategy<Value = Step> {
    any::<usize>().prop_map(Step::Compact)
}

fn delete() -> impl Strategy<Value = Step> {
    any::<usize>().prop_map(Step::Delete)
}

fn tidy() -> impl Strategy<Value = Step> {
    let checkpoint = any::<bool>().prop_map(|cleans_log| Tidy::Checkpoint { cleans_log });
    prop_oneof![Just(Tidy::Vacuum), checkpoint].prop_map(Step::Tidy)
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
