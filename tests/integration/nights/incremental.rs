//! However files arrive, a night that uses stored tiles publishes the rows of a night that has
//! none.
//!
//! A case is a lake and a list of steps: nights, and between them files that come late, change or
//! disappear, edits of the SQL, tiles that are lost or damaged. After every night each column of
//! each row is compared with that of a twin, the same job publishing elsewhere, whose tiles are
//! removed before each of its nights. Where the SQL says what the naive computation says, both are
//! compared with that too.
//!
//! Steps name what they change by numbers that are taken modulo what is there, so any part of a
//! list of steps is one too, and a failure shrinks to the steps it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{NaiveDate, TimeDelta};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tierline::ground::{Classified, FailureKind};
use tokio::runtime::Runtime;

use super::expected::{assert_same_night, assert_same_rows, expected_since, published};
use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::pack::Edit;
use super::property::config;
use super::tables;
use crate::naive::fixtures::{NOON, hand_given_cut_points};
use crate::naive::history::{Event, History, Order, User};
use crate::naive::matrix::earlier_snapshots;
use crate::naive::parameters::Rules;
use crate::naive::snapshot::{Snapshot, snapshot};

/// How many cases an ordinary test run compares.
const CASES: u32 = 2;

const BLOCKED: FailureKind = FailureKind::Blocked;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

proptest! {
    #![proptest_config(config(CASES))]

    #[test]
    fn nights_with_stored_tiles_publish_what_nights_without_any_do(case in cases()) {
        RUNTIME.block_on(Box::pin(compare(&case)));
    }
}

/// A lake before its first night, and what happens from then on.
#[derive(Debug, Clone)]
struct Case {
    ids: Ids,
    bad_rows: bool,
    first_night: NaiveDate,
    /// Delivered before the first night.
    history: Vec<FileChoice>,
    /// After the first night; the last of them is followed by a night of its own.
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// So many days pass, the day's files come, and the night runs.
    Night { days: i64, files: Vec<FileChoice> },
    /// An earlier night runs again.
    Again { night: usize },
    /// A file comes into a day before the newest night, or takes the place of one.
    Deliver(FileChoice),
    /// One of the files gets other rows.
    Rewrite { file: usize, rows: Vec<RowChoice> },
    /// One of the files is taken away.
    Remove { file: usize },
    /// The job gets another pack.
    Edit(Pack),
    /// The job sets `loyal_orders`.
    Set(i64),
    /// Tiles are removed: every one whose place, modulo 64, is a bit of this.
    Lose(u64),
    /// A tile is no longer what it was.
    Damage { tile: usize, damage: Damage },
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    CutTo { bytes: usize },
    Flip { byte: usize },
    Overwrite { with: usize },
}

/// A file, before there are dates and users.
#[derive(Debug, Clone)]
struct FileChoice {
    source: Source,
    /// Before the newest night.
    days_ago: i64,
    /// How many days before the day of its partition its rows happened.
    days_late: i64,
    name: &'static str,
    rows: Vec<RowChoice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Orders,
    Engagement,
    Users,
}

/// A row of any source.
#[derive(Debug, Clone)]
struct RowChoice {
    user: u8,
    amount_cents: i64,
    discount_cents: Option<i64>,
    status: &'static str,
    event_type: &'static str,
}

/// What is edited in the built-in pack.
type Pack = &'static [Edit];

/// Either side of where windows begin and end, and of the longest blocks.
const EDGES: &[i64] = &[
    0, 1, 2, 3, 6, 7, 14, 15, 29, 30, 31, 59, 60, 61, 89, 90, 91, 364, 365, 366, 397,
];

/// Every day is that of the row's own time, whatever its partition.
const BY_TIME: Pack = &[
    Edit {
        file: "staging/orders.sql",
        from: "    day,  ",
        to: "    CAST(ordered_at AS DATE) AS day,  ",
    },
    Edit {
        file: "staging/engagement.sql",
        from: "    events.day,  ",
        to: "    CAST(events.occurred_at AS DATE) AS day,  ",
    },
];

/// Packs whose rows are those of the built-in one.
const SAME_ROWS: &[Pack] = &[
    &[],
    &[Edit {
        file: "rollups/interactions.sql",
        from: "COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
        to: "COUNT(occurred_at) FILTER (WHERE NOT is_touch) AS events,",
    }],
    &[Edit {
        file: "staging/orders.sql",
        from: "'paid', 'completed'",
        to: "'completed', 'paid'",
    }],
    &[Edit {
        file: "features/purchases.sql",
        from: "'365d'",
        to: "'prev_30d', '90d', 'd3', '365d'",
    }],
];

/// Packs with rows of their own.
const OTHER_ROWS: &[Pack] = &[
    &[Edit {
        file: "rollups/purchases.sql",
        from: "COUNT(*) FILTER (WHERE is_counting) AS orders",
        to: "COUNT(*) FILTER (WHERE is_counting AND amount > 10) AS orders",
    }],
    &[Edit {
        file: "rollups/purchases.sql",
        from: "COUNT(*) FILTER (WHERE is_counting) AS orders",
        to: "COUNT(DISTINCT day) FILTER (WHERE is_counting AND amount > $loyal_orders) AS orders",
    }],
    &[Edit {
        file: "staging/orders.sql",
        from: "'paid', 'completed'",
        to: "'paid'",
    }],
    &[Edit {
        file: "reference/event_types.csv",
        from: "view,false,false",
        to: "view,false,true",
    }],
    // What a tile holds depends on the night.
    &[Edit {
        file: "rollups/purchases.sql",
        from: "COUNT(*) FILTER (WHERE is_counting) AS orders",
        to: "COUNT(*) FILTER (WHERE is_counting AND day > $snapshot_date - 10) AS orders",
    }],
    // What a day holds depends on all files of another source.
    &[
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
    ],
];

fn cases() -> impl Strategy<Value = Case> {
    (
        select(&[Ids::BigInt, Ids::Varchar]),
        any::<bool>(),
        0..400_i64,
        vec(file(days_ago()), 1..=24),
        vec(step(), 2..=10),
    )
        .prop_map(|(ids, bad_rows, offset, history, steps)| Case {
            ids,
            bad_rows,
            first_night: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + TimeDelta::days(offset),
            history,
            steps,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let days = prop_oneof![4 => Just(1), 1 => 2..40_i64];
    let packs = prop_oneof![
        2 => select(SAME_ROWS),
        2 => Just(BY_TIME),
        1 => select(OTHER_ROWS),
    ];
    let damage = prop_oneof![
        any::<usize>().prop_map(|bytes| Damage::CutTo { bytes }),
        any::<usize>().prop_map(|byte| Damage::Flip { byte }),
        any::<usize>().prop_map(|with| Damage::Overwrite { with }),
    ];
    prop_oneof![
        6 => (days, vec(file(Just(0)), 0..=2)).prop_map(|(days, files)| Step::Night { days, files }),
        1 => any::<usize>().prop_map(|night| Step::Again { night }),
        4 => file(days_ago()).prop_map(Step::Deliver),
        1 => (any::<usize>(), rows()).prop_map(|(file, rows)| Step::Rewrite { file, rows }),
        1 => any::<usize>().prop_map(|file| Step::Remove { file }),
        2 => packs.prop_map(Step::Edit),
        1 => (1..=4_i64).prop_map(Step::Set),
        2 => any::<u64>().prop_map(Step::Lose),
        2 => (any::<usize>(), damage).prop_map(|(tile, damage)| Step::Damage { tile, damage }),
    ]
}

fn file(days_ago: impl Strategy<Value = i64>) -> impl Strategy<Value = FileChoice> {
    let source = prop_oneof![
        4 => Just(Source::Orders),
        4 => Just(Source::Engagement),
        1 => Just(Source::Users),
    ];
    let days_late = prop_oneof![4 => Just(0), 1 => 1..40_i64, 1 => Just(-1)];
    let name = select(&["part", "late", "more"]);
    (source, days_ago, days_late, name, rows()).prop_map(
        |(source, days_ago, days_late, name, rows)| FileChoice {
            source,
            days_ago,
            days_late,
            name,
            rows,
        },
    )
}

fn days_ago() -> impl Strategy<Value = i64> {
    prop_oneof![2 => select(EDGES), 2 => 0..100_i64, 1 => 100..450_i64]
}

fn rows() -> impl Strategy<Value = Vec<RowChoice>> {
    let row = (
        1..=6_u8,
        select(&[10_00, 25_00, 100_00, 0, 2_50, 50_000_00]),
        select(&[None, Some(0), Some(5_00)]),
        select(&["paid", "completed", "refunded"]),
        select(&["open", "click", "view", "post", "complaint", "hologram"]),
    );
    let row = row.prop_map(
        |(user, amount_cents, discount_cents, status, event_type)| RowChoice {
            user,
            amount_cents,
            discount_cents,
            status,
            event_type,
        },
    );
    vec(row, 1..=4)
}

async fn compare(case: &Case) {
    let mut play = Play::new(case);
    for file in &case.history {
        play.deliver(file);
    }
    play.night().await;
    for step in &case.steps {
        play.step(step).await;
    }
    play.night().await;
}

/// A case being played.
struct Play {
    nights: Nights,
    delivery: Delivery,
    today: NaiveDate,
    pack: Pack,
    loyal_orders: i64,
    files: BTreeMap<FileKey, StoredFile>,
    orders_so_far: u32,
    published: BTreeSet<NaiveDate>,
    /// The packs that nights were published by.
    packs: BTreeMap<NaiveDate, Pack>,
    /// The snapshots by the naive computation, as long as it says the same as the SQL.
    naive: Option<BTreeMap<NaiveDate, Snapshot>>,
}

type FileKey = (Source, NaiveDate, &'static str);

/// The rows of a file, on the days of their own times.
struct StoredFile {
    days_late: i64,
    rows: History,
}

impl Play {
    fn new(case: &Case) -> Self {
        let delivery = Delivery {
            ids: case.ids,
            bad_rows: case.bad_rows,
            ..Delivery::default()
        };
        let nights = Nights::over(&History::default(), &delivery);
        for nights in [&nights, &twin_of(&nights)] {
            nights.calibrate_by_hand(case.first_night, &hand_given_cut_points());
        }
        Self {
            nights,
            delivery,
            today: case.first_night,
            pack: &[],
            loyal_orders: 3,
            files: BTreeMap::new(),
            orders_so_far: 0,
            published: BTreeSet::new(),
            packs: BTreeMap::new(),
            naive: Some(BTreeMap::new()),
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Night { days, files } => {
                self.today += TimeDelta::days(*days);
                for file in files {
                    self.deliver(file);
                }
                self.night().await;
            }
            Step::Again { night } => {
                if let Some(night) = nth(self.published.iter(), *night) {
                    self.run(*night).await;
                }
            }
            Step::Deliver(file) => self.deliver(file),
            Step::Rewrite { file, rows } => self.rewrite(*file, rows),
            Step::Remove { file } => self.remove(*file),
            Step::Edit(edits) => {
                self.pack = edits;
                self.nights.edit_pack(edits);
            }
            Step::Set(loyal_orders) => {
                self.loyal_orders = *loyal_orders;
                self.nights.sections = format!("[params]\nloyal_orders = {loyal_orders}\n");
            }
            Step::Lose(places) => self.lose_tiles(*places),
            Step::Damage { tile, damage } => self.damage(*tile, *damage),
        }
    }

    fn deliver(&mut self, file: &FileChoice) {
        let day = self.today - TimeDelta::days(file.days_ago);
        // Users are dated by their partition alone.
        let days_late = match file.source {
            Source::Users => 0,
            _ => file.days_late,
        };
        self.write((file.source, day, file.name), days_late, &file.rows);
    }

    fn rewrite(&mut self, file: usize, rows: &[RowChoice]) {
        if let Some((key, stored)) = nth(self.files.iter(), file) {
            self.write(*key, stored.days_late, rows);
        }
    }

    /// Of the oldest day of a source no file goes: that would be retention, which the twin, having
    /// no tiles, cannot make up for.
    fn remove(&mut self, file: usize) {
        if let Some((key, _)) = nth(self.files.iter(), file) {
            let key = *key;
            let days = self.files.keys().filter(|(source, ..)| *source == key.0);
            if days.map(|(_, day, _)| day).min() == Some(&key.1) {
                return;
            }
            self.files.remove(&key);
            let (source, day, name) = key;
            let path = format!("{}/dt={day}/{name}-0.parquet", source.folder());
            std::fs::remove_file(self.nights.lake().join(path)).unwrap();
        }
    }

    fn write(&mut self, key: FileKey, days_late: i64, choices: &[RowChoice]) {
        let (source, day, name) = key;
        self.files.remove(&key);
        let day = day - TimeDelta::days(days_late);
        let mut rows = History::default();
        for choice in choices {
            let user_id = choice.user.to_string();
            match source {
                Source::Orders => {
                    self.orders_so_far += 1;
                    rows.orders.push(Order {
                        order_id: self.orders_so_far.to_string(),
                        user_id,
                        day,
                        time: NOON,
                        amount_cents: choice.amount_cents,
                        status: choice.status.to_owned(),
                        discount_cents: choice.discount_cents,
                        channel: None,
                        category: None,
                    });
                }
                Source::Engagement => rows.events.push(Event {
                    user_id,
                    day,
                    time: NOON,
                    event_type: choice.event_type.to_owned(),
                    content_id: None,
                }),
                Source::Users => rows.users.push(User {
                    user_id,
                    day,
                    acquisition_cost_cents: choice.discount_cents,
                }),
            }
        }
        let delivery = Delivery {
            file_name: name,
            days_late,
            ..self.delivery.clone()
        };
        self.nights.deliver(&rows, &delivery);
        self.files.insert(key, StoredFile { days_late, rows });
    }

    fn lose_tiles(&self, places: u64) {
        for (place, tile) in self.nights.tiles().into_values().enumerate() {
            if places & (1 << (place % 64)) != 0 {
                std::fs::remove_file(tile).unwrap();
            }
        }
    }

    fn damage(&self, tile: usize, damage: Damage) {
        let tiles = self.nights.tiles();
        let Some((_, path)) = nth(tiles.iter(), tile) else {
            return;
        };
        let mut bytes = std::fs::read(path).unwrap();
        if bytes.is_empty() {
            return;
        }
        match damage {
            Damage::CutTo { bytes: length } => bytes.truncate(length % bytes.len()),
            Damage::Flip { byte } => {
                let at = byte % bytes.len();
                bytes[at] ^= 1;
            }
            Damage::Overwrite { with } => {
                let (_, other) = nth(tiles.iter(), with).unwrap();
                bytes = std::fs::read(other).unwrap();
            }
        }
        std::fs::write(path, bytes).unwrap();
    }

    async fn night(&mut self) {
        self.run(self.today).await;
    }

    /// Runs a night and the twin's, and compares.
    async fn run(&mut self, night: NaiveDate) {
        let twin = twin_of(&self.nights);
        twin.remove_tiles();
        let outcomes = (
            self.nights.run_without_removed(night).await,
            twin.run_without_removed(night).await,
        );
        let (report, of_twin) = match outcomes {
            (Ok(report), Ok(of_twin)) => (report, of_twin),
            // Nobody is there yet, or any more.
            (Err(refused), Err(also)) if self.seen_on(night).visible_on(night).is_empty() => {
                assert_eq!((refused.kind(), also.kind()), (BLOCKED, BLOCKED));
                return;
            }
            (left, right) => panic!("{night} ended as {left:?}, its twin as {right:?}"),
        };
        assert_eq!(report.status, of_twin.status);
        assert_eq!(report.run_id, of_twin.run_id);
        self.published.insert(night);
        let mut names = vec!["tier_snapshot", "tier_migration", "tier_migration_matrix"];
        if self.published.last() == Some(&night) {
            names.push("tier_current");
        }
        for name in names {
            let rows = tables::rows(&self.nights.output(), night, name).await;
            let of_twin = tables::rows(&twin.output(), night, name).await;
            assert_same_rows(&format!("{name} of {night}"), &rows, &of_twin);
        }
        self.compare_with_naive(night).await;
    }

    async fn compare_with_naive(&mut self, night: NaiveDate) {
        let is_same = self.pack == BY_TIME || SAME_ROWS.contains(&self.pack);
        let mut rules = Rules::with_cut_points(hand_given_cut_points());
        rules.parameters.loyal_orders = self.loyal_orders;
        rules.parameters.new_orders_below = self.loyal_orders;
        let seen = self.seen_on(night);
        let Some(snapshots) = self.naive.as_mut().filter(|_| is_same) else {
            // The nights to come follow on this one.
            self.naive = None;
            return;
        };
        let previous = snapshots.range(..night).next_back();
        rules.are_new =
            previous.is_some_and(|(date, _)| !rules_of(self.packs[date]).eq(rules_of(self.pack)));
        let previous = previous.map(|(_, snapshot)| snapshot);
        let current = snapshot(&seen, night, &rules, previous);
        let rows = expected_since(previous, earlier_snapshots(snapshots, &current), &current);
        snapshots.insert(night, current);
        self.packs.insert(night, self.pack);
        assert_same_night(night, &published(&self.nights.output(), night).await, &rows);
    }

    /// The rows of the files that are visible on a night, on the days that staging gives them.
    fn seen_on(&self, night: NaiveDate) -> History {
        let mut seen = History::default();
        for ((_, day, _), file) in &self.files {
            if *day > night {
                continue;
            }
            let mut rows = file.rows.clone();
            if self.pack != BY_TIME {
                rows.orders.iter_mut().for_each(|order| order.day = *day);
                rows.events.iter_mut().for_each(|event| event.day = *day);
            }
            seen.orders.extend(rows.orders);
            seen.events.extend(rows.events);
            seen.users.extend(rows.users);
        }
        seen
    }
}

/// The edits that are behind the dimensions with grace or hold. They read no count of events, passive
/// ones included, and no window that is only listed.
fn rules_of(pack: Pack) -> impl Iterator<Item = &'static Edit> {
    pack.iter().filter(|edit| edit.file.starts_with("staging/"))
}

impl Source {
    fn folder(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Engagement => "engagement",
            Self::Users => "users",
        }
    }
}

/// The same job, for nights without stored tiles.
fn twin_of(nights: &Nights) -> Nights {
    nights.publishing_to("twin")
}

/// One of some items, counted round and round.
fn nth<I: ExactSizeIterator>(mut items: I, number: usize) -> Option<I::Item> {
    let place = number.checked_rem(items.len())?;
    items.nth(place)
}
