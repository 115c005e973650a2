//! The history of a source: the days that are stored, and those that a retention rule has removed
//! and that earlier runs knew.
//!
//! | a day that earlier runs knew | is |
//! |---|---|
//! | has its files | stored |
//! | is gone, or has lost files and got none, and is older than all days that are whole, or than the source keeps them | expired: it stays as it was known, and what is left of it is not read |
//! | was expired, and other files have come | expired still |
//! | has other files | changed: late data |
//! | is gone otherwise | vanished: late data once somebody confirms it |

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use crate::ground::SnapshotDate;

use super::{KnownDay, KnownDays, Manifest};

/// One source as a run finds it.
#[derive(Debug, Clone)]
pub struct SourceHistory {
    /// The files that may be read.
    pub manifest: Manifest,
    /// Every day with what its rows depend on, the expired ones too.
    pub days: KnownDays,
    /// Days that are gone, and are not expired.
    pub vanished: BTreeSet<NaiveDate>,
    /// Expired days that have files, which are not read.
    pub unread: BTreeSet<NaiveDate>,
}

impl SourceHistory {
    /// Holds what is delivered against what is known; `keeps_days` says how old raw files are when
    /// a retention rule removes them.
    pub fn of(delivered: Manifest, known: &KnownDays, keeps_days: Option<u32>) -> Self {
        let stored = delivered.known_days();
        let newest = stored.keys().chain(known.keys()).next_back().copied();
        let newest = newest.max(stored.keys().next_back().copied());
        let edge = stored
            .iter()
            .find(|(day, now)| known.get(*day).is_none_or(|before| is_whole(before, now)))
            .map(|(day, _)| *day);
        let is_past = |day: NaiveDate| {
            let limit = newest
                .zip(keeps_days)
                .and_then(|(newest, keeps)| newest.checked_sub_days(Days::new(keeps.into())));
            edge.is_some_and(|edge| day < edge) || limit.is_some_and(|limit| day <= limit)
        };
        let mut days = stored.clone();
        let (mut vanished, mut unread) = (BTreeSet::new(), BTreeSet::new());
        for (day, before) in known {
            let now = stored.get(day);
            let is_there = now.is_some_and(|now| is_same(before, now));
            let is_expired = !is_there
                && match now {
                    _ if before.is_expired => true,
                    None => is_past(*day),
                    Some(now) => has_shrunk(before, now) && is_past(*day),
                };
            if is_expired {
                let known = KnownDay {
                    is_expired: true,
                    ..before.clone()
                };
                days.insert(*day, known);
                unread.extend(now.map(|_| *day));
            } else if now.is_none() {
                vanished.insert(*day);
            }
        }
        Self {
            manifest: delivered.without(&unread),
            days,
            vanished,
            unread,
        }
    }

    /// A source that is delivered no more, of which tiles hold everything that is known.
    pub fn held(source: &str, known: &KnownDays) -> Self {
        let expired = known.iter().map(|(day, known)| {
            let known = KnownDay {
                is_expired: true,
                ..known.clone()
            };
            (*day, known)
        });
        Self {
            manifest: Manifest::empty(source),
            days: expired.collect(),
            vanished: BTreeSet::new(),
            unread: BTreeSet::new(),
        }
    }

    /// What is visible on D.
    #[must_use]
    pub fn up_to(&self, date: SnapshotDate) -> Self {
        let is_visible = |day: &NaiveDate| *day <= date.day();
        let visible = |days: &BTreeSet<NaiveDate>| {
            let days = days.iter().copied();
            days.filter(is_visible).collect()
        };
        let days = self.days.iter().filter(|(day, _)| is_visible(day));
        Self {
            manifest: self.manifest.up_to(date),
            days: days.map(|(day, known)| (*day, known.clone())).collect(),
            vanished: visible(&self.vanished),
            unread: visible(&self.unread),
        }
    }

    /// The days whose rows tiles alone hold.
    pub fn expired(&self) -> BTreeSet<NaiveDate> {
        let days = self.days.iter().filter(|(_, known)| known.is_expired);
        days.map(|(day, _)| *day).collect()
    }
}

/// Whether a day has the rows that it had. The same files that were put back have other ids in
/// some stores.
fn is_same(before: &KnownDay, now: &KnownDay) -> bool {
    let is_restored = (before.files, before.bytes) == (now.files, now.bytes);
    before.fingerprint == now.fingerprint || (before.is_expired && is_restored)
}

/// Whether a day is one that retention has not come to. Days that were put back prove nothing.
fn is_whole(before: &KnownDay, now: &KnownDay) -> bool {
    !before.is_expired && !has_shrunk(before, now)
}

/// Whether a day has lost files and got none. A day that was written anew in fewer files has newer
/// ones.
fn has_shrunk(before: &KnownDay, now: &KnownDay) -> bool {
    now.files < before.files && now.newest <= before.newest
}

#[cfg(test)]
mod tests {
    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;
    use crate::inputs::{InputFile, PathValues};

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 7, number).unwrap()
    }

    /// Files of days of July, with the ETag of each.
    fn delivered(files: &[(u32, &str)]) -> Manifest {
        let files = (0_u64..)
            .zip(files)
            .map(|(place, (number, e_tag))| InputFile {
                day: day(*number),
                object: ObjectMeta {
                    location: Path::from(format!("dt={}/{place}-{e_tag}", day(*number))),
                    last_modified: chrono::DateTime::UNIX_EPOCH,
                    size: e_tag.len() as u64,
                    e_tag: Some((*e_tag).to_owned()),
                    version: None,
                },
                values: PathValues::default(),
                is_on_disk: false,
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

    fn numbers(days: &BTreeSet<NaiveDate>) -> Vec<u32> {
        let days = days.iter();
        days.map(chrono::Datelike::day).collect()
    }

    /// Expired, vanished and unread days.
    fn found(history: &SourceHistory) -> [Vec<u32>; 3] {
        [
            numbers(&history.expired()),
            numbers(&history.vanished),
            numbers(&history.unread),
        ]
    }

    const NONE: [Vec<u32>; 3] = [Vec::new(), Vec::new(), Vec::new()];

    const FIVE: [(u32, &str); 5] = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")];

    #[test]
    fn days_that_are_older_than_all_that_is_left_have_expired() {
        let history = SourceHistory::of(delivered(&[(3, "c"), (4, "d")]), &known(&FIVE[..4]), None);
        assert_eq!(found(&history), [vec![1, 2], vec![], vec![]]);
        assert_eq!(history.days.len(), 4);
        assert_eq!(
            history.days[&day(1)].fingerprint,
            known(&FIVE)[&day(1)].fingerprint
        );
    }

    #[test]
    fn a_day_in_the_middle_has_vanished_unless_the_source_keeps_it_no_longer() {
        let left = || delivered(&[(1, "a"), (3, "c"), (5, "e")]);
        let vanished = SourceHistory::of(left(), &known(&FIVE), None);
        assert_eq!(found(&vanished), [vec![], vec![2, 4], vec![]]);
        assert_eq!(vanished.days.len(), 3);
        let expired = SourceHistory::of(left(), &known(&FIVE), Some(3));
        assert_eq!(found(&expired), [vec![2], vec![4], vec![]]);
    }

    #[test]
    fn the_newest_day_that_is_gone_has_vanished() {
        let history = SourceHistory::of(delivered(&FIVE[..4]), &known(&FIVE), None);
        assert_eq!(found(&history), [vec![], vec![5], vec![]]);
    }

    #[test]
    fn a_source_that_is_empty_all_at_once_has_vanished() {
        let history = SourceHistory::of(delivered(&[]), &known(&FIVE), None);
        assert_eq!(found(&history), [vec![], vec![1, 2, 3, 4, 5], vec![]]);
        let history = SourceHistory::of(delivered(&[]), &known(&FIVE), Some(2));
        assert_eq!(found(&history), [vec![1, 2, 3], vec![4, 5], vec![]]);
    }

    #[test]
    fn a_day_at_the_edge_that_has_lost_some_of_its_files_has_expired() {
        let before = known(&[(1, "a"), (2, "b"), (2, "c"), (3, "d")]);
        // Files of one place have one name.
        let mut left = delivered(&[(1, "a"), (2, "b"), (2, "c"), (3, "d")]);
        left.files.remove(2);
        left.files.remove(0);
        let history = SourceHistory::of(left, &before, None);
        assert_eq!(found(&history), [vec![1, 2], vec![], vec![2]]);
        assert_eq!(history.manifest.days(), BTreeSet::from([day(3)]));
    }

    #[test]
    fn days_that_are_written_anew_in_fewer_files_are_a_change() {
        let before = known(&[(1, "a"), (1, "b"), (2, "c"), (2, "d")]);
        let mut anew = delivered(&[(1, "ab"), (2, "cd")]);
        for file in &mut anew.files {
            file.object.last_modified += chrono::TimeDelta::days(1);
        }
        let history = SourceHistory::of(anew, &before, None);
        assert_eq!(found(&history), NONE);
        assert_eq!(history.manifest.days(), BTreeSet::from([day(1), day(2)]));
    }

    #[test]
    fn other_files_of_a_stored_day_are_a_change() {
        let history = SourceHistory::of(delivered(&[(1, "x"), (2, "b")]), &known(&FIVE[..2]), None);
        assert_eq!(found(&history), NONE);
        assert_ne!(history.days, known(&FIVE[..2]));
    }

    #[test]
    fn what_comes_into_an_expired_day_is_not_read_unless_it_is_the_day_itself() {
        let once = SourceHistory::of(delivered(&[(3, "c")]), &known(&FIVE[..3]), None);
        let again = SourceHistory::of(delivered(&[(1, "other"), (3, "c")]), &once.days, None);
        assert_eq!(found(&again), [vec![1, 2], vec![], vec![1]]);
        let restored = SourceHistory::of(delivered(&[(2, "B"), (3, "c")]), &once.days, None);
        assert_eq!(found(&restored), [vec![1], vec![], vec![]]);
        assert!(restored.manifest.days().contains(&day(2)));
    }

    #[test]
    fn restored_days_leave_the_other_expired_ones_as_they_are() {
        let once = SourceHistory::of(delivered(&[(4, "d")]), &known(&FIVE[..4]), None);
        let mut left = delivered(&[(1, "a"), (4, "d")]);
        left.files[1].object.location = Path::from("dt=2026-07-04/0-d");
        let history = SourceHistory::of(left, &once.days, None);
        assert_eq!(found(&history), [vec![2, 3], vec![], vec![]]);
    }
}
