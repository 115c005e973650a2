//! The history of a source: the days that are stored, and those that a retention rule has removed
//! and that earlier runs knew.
//!
//! | a day that earlier runs knew | is |
//! |---|---|
//! | has its files | stored |
//! | has its files and more | changed: late data |
//! | is gone, and is [past](Edges::is_past) | expired: it stays as it was known |
//! | is gone otherwise | vanished: late data once somebody confirms it |
//! | has lost files and got none, and is past | expired, and what is left of it is not read, where [older days have expired](Edges::is_at_work); otherwise somebody is to say what has removed them |
//! | has lost files and got others, and is [older](Edges::is_at_old_end) than all known days that are whole | somebody is to say whether the others are the day, or what came after it had expired |
//! | has lost files and got none otherwise | changed: late data, and a warning |
//! | has other files otherwise | changed: late data |
//! | was expired, and its files were put back | stored, as it was known |
//! | was expired, and other files have come | expired still, and they are not read |
//!
//! A day that no run knew is read, unless later ones have expired: tiles reach from the first day
//! to these, and nothing can be put between. It is left out, and that is reported.
//!
//! The log of a Delta table says what was removed on purpose: a partition of which anything is left
//! is stored or changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::ground::SnapshotDate;

use super::day_files::Relation;
use super::{InputFile, KnownDay, KnownDays, Manifest};

/// One source as a run finds it.
#[derive(Debug, Clone)]
pub struct SourceHistory {
    /// The files that may be read.
    pub manifest: Manifest,
    /// Every day with what its rows depend on, the expired ones too.
    pub days: KnownDays,
    /// Days whose rows a night would lose, and that have not expired as far as anybody can tell.
    pub doubts: BTreeMap<NaiveDate, Doubt>,
    /// Days whose files are not read: expired ones, and new ones before them.
    pub unread: BTreeMap<NaiveDate, Unread>,
}

/// What is doubtful about a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// It is gone.
    Vanished,
    /// It is among the oldest days, and has lost files: the first that a retention rule takes, or
    /// some that somebody has deleted.
    LostFiles,
    /// It is among the oldest days, and has other files than it had: late rows of a day that has
    /// expired, or the day rewritten.
    Replaced,
    /// The same of a Delta table where days have expired. Its log says that the files are the day,
    /// so that it is worth a look and no more.
    Rewritten,
    /// It is not among the oldest days, and has lost files and got none. Nobody asks, since a file
    /// that was delivered twice may have been taken out; its rows are gone, and that is reported.
    Reduced,
}

impl Doubt {
    /// Whether a night asks before it goes on.
    pub fn is_asked(self) -> bool {
        !matches!(self, Self::Rewritten | Self::Reduced)
    }
}

/// Files of a day, which are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Their keys, from the root of the store.
    pub names: Vec<String>,
    /// What they are.
    pub what: UnreadFiles,
}

/// What files are that are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadFiles {
    /// What is left of an expired day.
    Rest,
    /// Others than an expired day had.
    Others,
    /// Files of a day that no run has known, before days that have expired.
    OfNewDays,
}

/// What is known of how long a source keeps its files.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// How old files are when they are removed, where the job says so.
    pub keeps_days: Option<u32>,
    /// The last day that counts: a partition of the year 2099 makes no other day old.
    pub until: SnapshotDate,
    /// Whether somebody has said that files which are gone were removed on purpose, also those of
    /// days that look as if they expired.
    pub is_removal_accepted: bool,
}

impl SourceHistory {
    /// Holds what is delivered against what is known.
    pub fn of(delivered: Manifest, known: &KnownDays, retention: &Retention) -> Self {
        let mut stored = delivered.known_days();
        let edges = Edges::of(&stored, known, retention);
        let mut days = stored.clone();
        let (mut doubts, mut unread) = (BTreeMap::new(), BTreeMap::new());
        for (day, before) in known {
            let now = stored.get(day);
            let found = Found {
                day: *day,
                before,
                now,
                is_table: delivered.delta_version.is_some(),
            };
            match found.fate(&edges, retention) {
                Fate::Changed => {}
                Fate::Stored => {
                    let fingerprint = before.fingerprint.clone();
                    days.entry(*day)
                        .and_modify(|day| day.fingerprint = fingerprint);
                }
                Fate::Doubtful(doubt) => {
                    doubts.insert(*day, doubt);
                }
                Fate::Expired { is_rest } => {
                    days.insert(*day, expired(before, now.is_some()));
                    if now.is_some() {
                        let what = match is_rest {
                            true => UnreadFiles::Rest,
                            false => UnreadFiles::Others,
                        };
                        unread.insert(*day, Unread::of(&delivered, *day, what));
                    }
                }
            }
        }
        stored.retain(|day, _| !known.contains_key(day));
        let expired = days.iter().rfind(|(_, known)| known.is_expired);
        if let Some(last) = expired.map(|(day, _)| *day) {
            for (day, _) in stored.range(..last) {
                days.remove(day);
                unread.insert(*day, Unread::of(&delivered, *day, UnreadFiles::OfNewDays));
            }
        }
        let unread_days = unread.keys().copied().collect();
        Self {
            manifest: delivered.without(&unread_days),
            days,
            doubts,
            unread,
        }
    }

    /// A source that is delivered no more, of which tiles hold everything that is known.
    pub fn held(source: &str, known: &KnownDays) -> Self {
        let days = known.iter();
        let days = days.map(|(day, known)| (*day, expired(known, true)));
        Self {
            manifest: Manifest::empty(source),
            days: days.collect(),
            doubts: BTreeMap::new(),
            unread: BTreeMap::new(),
        }
    }

    /// What is visible on D.
    #[must_use]
    pub fn up_to(&self, date: SnapshotDate) -> Self {
        Self {
            manifest: self.manifest.up_to(date),
            days: until(&self.days, date),
            doubts: until(&self.doubts, date),
            unread: until(&self.unread, date),
        }
    }

    /// The days whose rows tiles alone hold.
    pub fn expired(&self) -> BTreeSet<NaiveDate> {
        let days = self.days.iter().filter(|(_, known)| known.is_expired);
        days.map(|(day, _)| *day).collect()
    }

    /// The days of some doubt.
    pub fn days_of(&self, doubt: Doubt) -> BTreeSet<NaiveDate> {
        let days = self.doubts.iter().filter(|(_, found)| **found == doubt);
        days.map(|(day, _)| *day).collect()
    }
}

fn until<T: Clone>(days: &BTreeMap<NaiveDate, T>, date: SnapshotDate) -> BTreeMap<NaiveDate, T> {
    let visible = days.range(..=date.day());
    visible.map(|(day, value)| (*day, value.clone())).collect()
}

/// A day as it was known. Its files are told apart one by one as long as some may be there.
fn expired(before: &KnownDay, has_files: bool) -> KnownDay {
    let mut known = before.clone();
    known.is_expired = true;
    known.files.each = known.files.each.filter(|_| has_files);
    known
}

impl Unread {
    fn of(delivered: &Manifest, day: NaiveDate, what: UnreadFiles) -> Self {
        let files = delivered.files.iter().filter(|file| file.day == day);
        let name = |file: &InputFile| file.object.location.to_string();
        Self {
            names: files.map(name).collect(),
            what,
        }
    }
}

/// How far retention has come.
struct Edges {
    /// The first day that it has not come to.
    intact: Option<NaiveDate>,
    /// The first of those that were known before.
    known_intact: Option<NaiveDate>,
    /// Days up to here may be gone, as the source keeps none as old.
    limit: Option<NaiveDate>,
    /// Days up to here are that much older than the newest one. A source that is delivered no more,
    /// or was delivered once, has nothing up to here, and is rewritten as ever.
    limit_from_newest: Option<NaiveDate>,
    /// The first day that has expired, or is gone although nothing older is left.
    first_gone: Option<NaiveDate>,
}

impl Edges {
    fn of(stored: &KnownDays, known: &KnownDays, retention: &Retention) -> Self {
        let until = retention.until.day();
        let newest_known = known.keys().next_back();
        let is_at_work = known.iter().any(|(day, known)| {
            let now = stored.get(day);
            known.is_expired && !now.is_some_and(|now| is_put_back(known, now))
        });
        // Where days have expired, one that nobody knew proves nothing but at the new end.
        let proves = |day: &NaiveDate| !is_at_work || Some(day) > newest_known;
        let mut intact = stored
            .range(..=until)
            .filter(|(day, now)| match known.get(*day) {
                Some(before) => is_intact(before, now),
                None => proves(day),
            })
            .map(|(day, _)| *day);
        let first = intact.clone().next();
        let known_intact = intact.find(|day| known.contains_key(day));
        let newest = |days: &KnownDays| days.range(..=until).next_back().map(|(day, _)| *day);
        let before = |day: NaiveDate| {
            let keeps = retention.keeps_days?;
            day.checked_sub_days(Days::new(keeps.into()))
        };
        let limit_from_newest = newest(stored).max(newest(known)).and_then(before);
        let gone = known
            .iter()
            .filter(|(day, before)| before.is_expired || !stored.contains_key(*day));
        let first_gone = gone.map(|(day, _)| *day).next();
        Self {
            intact: first,
            known_intact,
            limit: before(until),
            limit_from_newest,
            first_gone: first_gone.filter(|gone| first.is_some_and(|intact| *gone < intact)),
        }
    }

    /// Whether a day is older than every day that is whole, or than the source keeps them.
    fn is_past(&self, day: NaiveDate) -> bool {
        self.intact.is_some_and(|intact| day < intact) || self.is_beyond_limit(day)
    }

    /// The same, but that a source all of whose days are rewritten has no old end.
    fn is_at_old_end(&self, day: NaiveDate) -> bool {
        let is_beyond = self.limit_from_newest.is_some_and(|limit| day <= limit);
        self.known_intact.is_some_and(|intact| day < intact) || is_beyond
    }

    /// Whether a retention rule is known to be at work on days as old as this one.
    fn is_at_work(&self, day: NaiveDate) -> bool {
        self.first_gone.is_some() || self.is_beyond_limit(day)
    }

    fn is_beyond_limit(&self, day: NaiveDate) -> bool {
        self.limit.is_some_and(|limit| day <= limit)
    }
}

/// Whether a day has everything that it had. Days that were put back prove nothing.
fn is_intact(before: &KnownDay, now: &KnownDay) -> bool {
    let relation = before.files.relation(&now.files);
    !before.is_expired && matches!(relation, Relation::Same | Relation::More)
}

/// Whether an expired day is there again as it was.
fn is_put_back(before: &KnownDay, now: &KnownDay) -> bool {
    let is_same = before.files.relation(&now.files) == Relation::Same;
    is_same || before.files.are_restored_in(&now.files)
}

/// A day that was known, and what is there of it.
struct Found<'a> {
    day: NaiveDate,
    before: &'a KnownDay,
    now: Option<&'a KnownDay>,
    is_table: bool,
}

/// What has become of a day.
enum Fate {
    Stored,
    Changed,
    Expired { is_rest: bool },
    Doubtful(Doubt),
}

impl Found<'_> {
    fn fate(&self, edges: &Edges, retention: &Retention) -> Fate {
        let is_past = edges.is_past(self.day);
        let Some(now) = self.now else {
            return match self.before.is_expired || is_past {
                true => Fate::Expired { is_rest: false },
                false => Fate::Doubtful(Doubt::Vanished),
            };
        };
        let relation = self.before.files.relation(&now.files);
        if self.before.is_expired {
            return self.fate_of_expired(relation, now, retention);
        }
        let is_at_work = is_past && edges.is_at_work(self.day);
        match relation {
            Relation::Same => Fate::Stored,
            Relation::More => Fate::Changed,
            Relation::Fewer if self.is_table => Fate::Changed,
            Relation::Fewer if !is_past => Fate::Doubtful(Doubt::Reduced),
            Relation::Fewer if retention.is_removal_accepted => Fate::Changed,
            Relation::Fewer if is_at_work => Fate::Expired { is_rest: true },
            Relation::Fewer => Fate::Doubtful(Doubt::LostFiles),
            Relation::Overwritten | Relation::Others => {
                let is_overwritten = relation == Relation::Overwritten;
                match edges.is_at_old_end(self.day) && (is_at_work || !is_overwritten) {
                    true => self.fate_of_replaced(is_at_work),
                    false => Fate::Changed,
                }
            }
        }
    }

    /// The log of a table says that the files are the day.
    fn fate_of_replaced(&self, is_at_work: bool) -> Fate {
        match (self.is_table, is_at_work) {
            (true, true) => Fate::Doubtful(Doubt::Rewritten),
            (true, false) => Fate::Changed,
            (false, _) => Fate::Doubtful(Doubt::Replaced),
        }
    }

    fn fate_of_expired(&self, relation: Relation, now: &KnownDay, retention: &Retention) -> Fate {
        // Of a day that was gone altogether nothing is left.
        let is_rest = relation == Relation::Fewer && self.before.files.each.is_some();
        if is_put_back(self.before, now) {
            Fate::Stored
        } else if is_rest && retention.is_removal_accepted {
            Fate::Changed
        } else {
            Fate::Expired { is_rest }
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;
    use crate::inputs::PathValues;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 7, number).unwrap()
    }

    /// Files of days of July, by their names. One whose name has an ETag after a colon was written
    /// again, or put back.
    fn delivered(files: &[(u32, &str)]) -> Manifest {
        let files = files.iter().map(|(number, name)| {
            let (name, e_tag) = name.split_once(':').unwrap_or((name, "1"));
            InputFile {
                day: day(*number),
                object: ObjectMeta {
                    location: Path::from(format!("dt={}/{name}", day(*number))),
                    last_modified: chrono::DateTime::UNIX_EPOCH,
                    size: name.len() as u64,
                    e_tag: Some(e_tag.to_owned()),
                    version: None,
                },
                values: PathValues::default(),
                is_on_disk: false,
            }
        });
        Manifest {
            source: "orders".to_owned(),
            files: files.collect(),
            ..Manifest::default()
        }
    }

    fn known(files: &[(u32, &str)]) -> KnownDays {
        delivered(files).known_days()
    }

    /// The same source as a Delta table.
    fn table(files: &[(u32, &str)]) -> Manifest {
        Manifest {
            delta_version: Some(1),
            ..delivered(files)
        }
    }

    fn retention(keeps_days: Option<u32>) -> Retention {
        retention_on(31, keeps_days)
    }

    fn retention_on(until: u32, keeps_days: Option<u32>) -> Retention {
        Retention {
            keeps_days,
            until: SnapshotDate::on(day(until)),
            is_removal_accepted: false,
        }
    }

    fn of(delivered: Manifest, known: &KnownDays) -> SourceHistory {
        SourceHistory::of(delivered, known, &retention(None))
    }

    fn accepting(delivered: Manifest, known: &KnownDays) -> SourceHistory {
        let retention = Retention {
            is_removal_accepted: true,
            ..retention(None)
        };
        SourceHistory::of(delivered, known, &retention)
    }

    fn numbers<'a>(days: impl IntoIterator<Item = &'a NaiveDate>) -> Vec<u32> {
        days.into_iter().map(chrono::Datelike::day).collect()
    }

    /// Expired, doubtful and unread days.
    fn found(history: &SourceHistory) -> [Vec<u32>; 3] {
        [
            numbers(&history.expired()),
            numbers(history.doubts.keys()),
            numbers(history.unread.keys()),
        ]
    }

    const NONE: [Vec<u32>; 3] = [Vec::new(), Vec::new(), Vec::new()];

    const FIVE: [(u32, &str); 5] = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")];

    /// Two files a day.
    const TWICE: [(u32, &str); 6] = [(1, "a"), (1, "b"), (2, "c"), (2, "d"), (3, "e"), (3, "f")];

    /// The first day of [`TWICE`] has expired.
    fn first_of_twice_expired() -> KnownDays {
        of(delivered(&TWICE[2..]), &known(&TWICE)).days
    }

    #[test]
    fn days_that_are_older_than_all_that_is_left_have_expired() {
        let history = of(delivered(&[(3, "c"), (4, "d")]), &known(&FIVE[..4]));
        assert_eq!(found(&history), [vec![1, 2], vec![], vec![]]);
        assert_eq!(history.days.len(), 4);
        let expired = &history.days[&day(1)];
        assert_eq!(expired.fingerprint, known(&FIVE)[&day(1)].fingerprint);
        assert_eq!(expired.files.each, None);
        let emptied = of(table(&[(3, "c"), (4, "d")]), &known(&FIVE[..4]));
        assert_eq!(found(&emptied), [vec![1, 2], vec![], vec![]]);
    }

    #[test]
    fn a_day_in_the_middle_has_vanished_unless_the_source_keeps_it_no_longer() {
        let left = || delivered(&[(1, "a"), (3, "c"), (5, "e")]);
        let vanished = of(left(), &known(&FIVE));
        assert_eq!(found(&vanished), [vec![], vec![2, 4], vec![]]);
        assert_eq!(vanished.days_of(Doubt::Vanished).len(), 2);
        assert_eq!(vanished.days.len(), 3);
        let expired = SourceHistory::of(left(), &known(&FIVE), &retention_on(5, Some(3)));
        assert_eq!(found(&expired), [vec![2], vec![4], vec![]]);
    }

    #[test]
    fn a_partition_of_days_to_come_makes_no_day_old() {
        let mut files = FIVE.to_vec();
        files.remove(1);
        files.push((31, "wrong clock"));
        let retention = retention_on(5, Some(3));
        let history = SourceHistory::of(delivered(&files), &known(&FIVE), &retention);
        assert_eq!(found(&history), [vec![2], vec![], vec![]]);
        files.remove(1);
        let history = SourceHistory::of(delivered(&files), &known(&FIVE), &retention);
        assert_eq!(found(&history), [vec![2], vec![3], vec![]]);
        let history = SourceHistory::of(delivered(&files[3..]), &known(&FIVE), &retention);
        assert_eq!(found(&history), [vec![1, 2], vec![3, 4, 5], vec![]]);
    }

    #[test]
    fn the_newest_day_that_is_gone_has_vanished() {
        let history = of(delivered(&FIVE[..4]), &known(&FIVE));
        assert_eq!(found(&history), [vec![], vec![5], vec![]]);
    }

    #[test]
    fn a_source_that_is_empty_all_at_once_has_vanished() {
        let history = of(delivered(&[]), &known(&FIVE));
        assert_eq!(found(&history), [vec![], vec![1, 2, 3, 4, 5], vec![]]);
        let keeps = retention_on(5, Some(2));
        let history = SourceHistory::of(delivered(&[]), &known(&FIVE), &keeps);
        assert_eq!(found(&history), [vec![1, 2, 3], vec![4, 5], vec![]]);
    }

    /// Its newest day is no measure of how old it is: D is.
    #[test]
    fn a_source_that_was_delivered_once_expires_as_others_do() {
        for (until, expired, vanished) in [(20, vec![], vec![1]), (21, vec![1], vec![])] {
            let keeps = retention_on(until, Some(20));
            let history = SourceHistory::of(delivered(&[]), &known(&FIVE[..1]), &keeps);
            assert_eq!(found(&history), [expired, vanished, vec![]]);
        }
        let keeps = retention_on(21, Some(20));
        let history = SourceHistory::of(delivered(&TWICE[1..2]), &known(&TWICE[..2]), &keeps);
        assert_eq!(found(&history), [vec![1], vec![], vec![1]]);
        // Written anew, in place or under other names, it is a change as ever.
        for anew in [(1, "a:2"), (1, "z")] {
            let history = SourceHistory::of(delivered(&[anew]), &known(&FIVE[..1]), &keeps);
            assert_eq!(found(&history), NONE);
        }
    }

    #[test]
    fn a_day_that_nobody_knew_before_expired_ones_is_not_read() {
        let late = [(2, "late"), (5, "e"), (6, "f")];
        let days = [(1, "a"), (3, "c"), (4, "d"), (5, "e")];
        // Days 1 to 3 have expired.
        let expired = of(delivered(&days[2..]), &known(&days));
        assert_eq!(found(&expired), [vec![1, 3], vec![], vec![]]);
        // Day 4 expires as it comes; so do later ones while it stays.
        let history = of(delivered(&late), &expired.days);
        assert_eq!(found(&history), [vec![1, 3, 4], vec![], vec![2]]);
        assert_eq!(history.unread[&day(2)].what, UnreadFiles::OfNewDays);
        assert_eq!(history.unread[&day(2)].names, ["dt=2026-07-02/late"]);
        assert_eq!(numbers(&history.manifest.days()), [5, 6]);
        assert_eq!(numbers(history.days.keys()), [1, 3, 4, 5, 6]);
        let history = of(delivered(&[late[0], late[2]]), &history.days);
        assert_eq!(found(&history), [vec![1, 3, 4, 5], vec![], vec![2]]);
        // It may be older than everything that was ever known.
        let older = of(delivered(&[(1, "z"), (5, "e")]), &known_from_2());
        assert_eq!(found(&older), [vec![2, 3, 4], vec![], vec![1]]);
    }

    /// Days 2 to 5, of which the second and the third have expired.
    fn known_from_2() -> KnownDays {
        of(delivered(&FIVE[3..]), &known(&FIVE[1..])).days
    }

    #[test]
    fn a_day_that_nobody_knew_after_expired_ones_is_read() {
        let mut before = known_from_2();
        before.remove(&day(4));
        let history = of(delivered(&[(4, "late"), (5, "e")]), &before);
        assert_eq!(found(&history), [vec![2, 3], vec![], vec![]]);
        assert_eq!(numbers(&history.manifest.days()), [4, 5]);
        // Nothing that was known is left, and a new day is there.
        let history = of(delivered(&[(6, "f")]), &known_from_2());
        assert_eq!(found(&history), [vec![2, 3, 4, 5], vec![], vec![]]);
        // All of what had expired is put back, so that nothing is in its way.
        let back = [(1, "z"), (2, "b:2"), (3, "c:2"), (4, "d"), (5, "e")];
        let history = of(delivered(&back), &known_from_2());
        assert_eq!(found(&history), NONE);
        assert_eq!(numbers(&history.manifest.days()), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_oldest_day_that_has_lost_a_file_is_asked_about_while_nothing_has_expired() {
        let history = of(delivered(&TWICE[1..]), &known(&TWICE));
        assert_eq!(found(&history), [vec![], vec![1], vec![]]);
        assert_eq!(history.doubts[&day(1)], Doubt::LostFiles);
        let accepted = accepting(delivered(&TWICE[1..]), &known(&TWICE));
        assert_eq!(found(&accepted), NONE);
        assert_eq!(accepted.days[&day(1)], known(&TWICE[1..])[&day(1)]);
    }

    #[test]
    fn a_day_that_has_lost_a_file_behind_expired_ones_is_about_to_expire() {
        let expired = first_of_twice_expired();
        let left = || delivered(&TWICE[3..]);
        let history = of(left(), &expired);
        assert_eq!(found(&history), [vec![1, 2], vec![], vec![2]]);
        assert_eq!(history.unread[&day(2)].what, UnreadFiles::Rest);
        assert_eq!(history.unread[&day(2)].names, ["dt=2026-07-02/d"]);
        assert_eq!(history.manifest.days(), BTreeSet::from([day(3)]));
        // The night after, and once somebody says that the file was removed on purpose.
        let again = of(left(), &history.days);
        assert_eq!(found(&again), found(&history));
        let accepted = accepting(left(), &history.days);
        assert_eq!(found(&accepted), [vec![1], vec![], vec![]]);
        assert_eq!(accepted.days[&day(2)], known(&TWICE[3..])[&day(2)]);
    }

    #[test]
    fn a_day_that_is_older_than_the_source_keeps_it_expires_file_by_file() {
        let keeps = retention(Some(2));
        let history = SourceHistory::of(delivered(&TWICE[1..]), &known(&TWICE), &keeps);
        assert_eq!(found(&history), [vec![1], vec![], vec![1]]);
    }

    #[test]
    fn a_partition_of_a_delta_table_of_which_something_is_left_is_a_change() {
        for before in [known(&TWICE), first_of_twice_expired()] {
            let history = of(table(&TWICE[3..]), &before);
            assert_eq!(found(&history), [vec![1], vec![], vec![]]);
            assert_eq!(history.days[&day(2)], known(&TWICE[3..])[&day(2)]);
        }
    }

    #[test]
    fn a_day_in_the_middle_that_has_lost_a_file_is_a_change_that_is_told() {
        let mut left = TWICE.to_vec();
        left.remove(3);
        let history = of(delivered(&left), &known(&TWICE));
        assert_eq!(history.days[&day(2)], known(&left)[&day(2)]);
        assert_eq!(history.doubts, BTreeMap::from([(day(2), Doubt::Reduced)]));
        assert!(!Doubt::Reduced.is_asked());
        assert_eq!(found(&of(table(&left), &known(&TWICE))), NONE);
    }

    #[test]
    fn days_that_are_written_anew_in_fewer_files_are_a_change() {
        let one = [(1, "a"), (1, "b"), (2, "cd"), (3, "e"), (3, "f")];
        let all = [(1, "ab"), (2, "cd"), (3, "ef"), (4, "g")];
        for (anew, days) in [(&one[..], 3), (&all[..], 4)] {
            let history = of(delivered(anew), &known(&TWICE));
            assert_eq!(found(&history), NONE);
            assert_eq!(history.manifest.days().len(), days);
        }
    }

    #[test]
    fn other_files_of_the_oldest_day_are_asked_about() {
        let mut files = FIVE.to_vec();
        files[0] = (1, "scrap");
        let history = of(delivered(&files), &known(&FIVE));
        assert_eq!(found(&history), [vec![], vec![1], vec![]]);
        assert_eq!(history.doubts[&day(1)], Doubt::Replaced);
        assert_eq!(found(&of(table(&files), &known(&FIVE))), NONE);
        // It is there, and was corrected.
        files[0] = (1, "a:2");
        assert_eq!(found(&of(delivered(&files), &known(&FIVE))), NONE);
    }

    #[test]
    fn other_files_of_a_stored_day_are_a_change() {
        let history = of(delivered(&[(1, "a:2"), (2, "b")]), &known(&FIVE[..2]));
        assert_eq!(found(&history), NONE);
        assert_ne!(history.days, known(&FIVE[..2]));
    }

    #[test]
    fn other_files_of_a_day_at_the_edge_of_expired_ones_are_asked_about() {
        let expired = of(delivered(&FIVE[1..]), &known(&FIVE)).days;
        let scrap = [(2, "scrap"), (3, "c"), (4, "d"), (5, "e")];
        let history = of(delivered(&scrap), &expired);
        assert_eq!(found(&history), [vec![1], vec![2], vec![]]);
        assert_eq!(history.doubts[&day(2)], Doubt::Replaced);
        assert_eq!(history.days[&day(2)], known(&scrap)[&day(2)]);
        // Of a table the log says so; a day whose files are all there has got late data.
        let history = of(table(&scrap), &expired);
        assert_eq!(history.doubts[&day(2)], Doubt::Rewritten);
        let mut late = FIVE[1..].to_vec();
        late.insert(0, (2, "late"));
        let history = of(delivered(&late), &expired);
        assert_eq!(found(&history), [vec![1], vec![], vec![]]);
    }

    #[test]
    fn what_comes_into_an_expired_day_is_not_read_unless_it_is_the_day_itself() {
        let once = of(delivered(&FIVE[2..3]), &known(&FIVE[..3]));
        let again = of(delivered(&[(1, "other"), (3, "c")]), &once.days);
        assert_eq!(found(&again), [vec![1, 2], vec![], vec![1]]);
        assert_eq!(again.unread[&day(1)].what, UnreadFiles::Others);
        let restored = of(delivered(&[(2, "b:2"), (3, "c")]), &once.days);
        assert_eq!(found(&restored), [vec![1], vec![], vec![]]);
        assert!(restored.manifest.days().contains(&day(2)));
    }

    #[test]
    fn a_day_that_was_put_back_is_the_day_that_it_was() {
        let before = known(&FIVE[..3]);
        let expired = of(delivered(&FIVE[2..3]), &before).days;
        let back = || delivered(&[(1, "a:2"), (2, "b:2"), (3, "c")]);
        let restored = of(back(), &expired);
        let again = of(back(), &restored.days);
        for history in [&restored, &again] {
            assert_eq!(found(history), NONE);
            for (day, known) in &before {
                assert_eq!(history.days[day].fingerprint, known.fingerprint);
            }
        }
        let changed = of(delivered(&[(1, "a:2"), (2, "b:3"), (3, "c")]), &again.days);
        assert_eq!(found(&changed), NONE);
        assert_ne!(
            changed.days[&day(2)].fingerprint,
            before[&day(2)].fingerprint
        );
    }

    #[test]
    fn restored_days_leave_the_other_expired_ones_as_they_are() {
        let once = of(delivered(&[(4, "d")]), &known(&FIVE[..4]));
        let history = of(delivered(&[(1, "a:2"), (4, "d")]), &once.days);
        assert_eq!(found(&history), [vec![2, 3], vec![], vec![]]);
    }

    #[test]
    fn records_of_an_older_tierline_go_by_counts() {
        let mut before = known(&TWICE);
        for known in before.values_mut() {
            known.files.each = None;
            known.files.places = None;
        }
        let history = of(delivered(&TWICE), &before);
        assert_eq!(found(&history), NONE);
        let history = of(delivered(&TWICE[1..]), &before);
        assert_eq!(history.doubts[&day(1)], Doubt::LostFiles);
        let history = of(delivered(&TWICE[2..]), &before);
        let restored = [
            (1, "a:2"),
            (1, "b:2"),
            (2, "c"),
            (2, "d"),
            (3, "e"),
            (3, "f"),
        ];
        assert_eq!(found(&of(delivered(&restored), &history.days)), NONE);
    }
}
