//! Which tiles a night reads, and which it must make first, from what, and why.
//!
//! 1. The [`cover`](super::cover) of the wanted windows.
//! 2. Each day of the windows that have a beginning gets a tile of its own, from the day's files.
//! 3. Each period of the cover that is not stored is merged from the tiles within it that are
//!    there by then; only days without any are read from the sources.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ground::{SnapshotDate, TableName};

use super::address::{Address, Addresses, Change};
use super::cover::{Part, cover, recent_from, until_before};
use super::period::{Period, blocks, day_number, day_of};
use super::store::{StoredTile, StoredTiles};
use super::window::Window;

/// The tiles of one rollup for one night.
#[derive(Debug, Clone)]
pub struct TilePlan {
    /// The rollup's table, `rollups.<name>`.
    pub rollup: TableName,
    /// The tiles that the night's windows are merged from.
    pub cover: Vec<CoverTile>,
    /// Tiles to make, each after those it is made from.
    pub builds: Vec<TileBuild>,
    /// Stored tiles that the night reads, for the windows or to make others.
    pub reused: BTreeMap<Address, StoredTile>,
}

/// A tile of the cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverTile {
    /// The tile, by what its rows depend on.
    pub address: Address,
    /// The windows that contain all of its days.
    pub windows: Vec<Window>,
}

/// A tile to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileBuild {
    /// The tile, by what its rows depend on.
    pub address: Address,
    /// Why it is not there.
    pub change: Change,
    /// Tiles that it is merged from.
    pub tiles: Vec<Address>,
    /// Days that are read from the sources.
    pub days: BTreeSet<NaiveDate>,
    /// All days before this one are read from the sources too.
    pub before: Option<NaiveDate>,
}

impl TilePlan {
    /// Plans the tiles for `windows` of a rollup as of D.
    pub fn make(
        rollup: &TableName,
        windows: &BTreeSet<Window>,
        snapshot_date: SnapshotDate,
        addresses: &Addresses,
        stored: &StoredTiles,
    ) -> Self {
        let mut planning = Planning {
            addresses,
            stored,
            builds: Vec::new(),
            planned: BTreeSet::new(),
        };
        planning.recent_days(windows, snapshot_date);
        let parts = cover(windows, snapshot_date);
        let mut wanted: Vec<Period> = parts.iter().map(|part| part.period).collect();
        wanted.sort();
        for period in wanted {
            planning.ensure(period);
        }
        let cover = parts.into_iter().filter_map(|Part { period, windows }| {
            let address = addresses.of(period)?;
            Some(CoverTile { address, windows })
        });
        let cover: Vec<CoverTile> = cover.collect();
        let builds = planning.builds;
        let read = cover.iter().map(|tile| &tile.address);
        let merged = builds.iter().flat_map(|build| &build.tiles);
        let reused = read.chain(merged).filter_map(|address| {
            let tile = stored.get(address)?;
            Some((address.clone(), tile.clone()))
        });
        Self {
            rollup: rollup.clone(),
            reused: reused.collect(),
            cover,
            builds,
        }
    }

    /// The days that would have to be read from the sources and cannot be.
    pub fn out_of_reach(&self, addresses: &Addresses) -> BTreeSet<NaiveDate> {
        let builds = self.builds.iter();
        let days = builds.flat_map(|build| build.days.intersection(addresses.unreadable()));
        days.copied().collect()
    }

    /// The days that are read from the sources.
    pub fn source_days(&self) -> BTreeSet<NaiveDate> {
        let days = self.builds.iter().flat_map(|build| &build.days);
        days.copied().collect()
    }

    /// Bytes of stored tiles that are read.
    pub fn reused_bytes(&self) -> u64 {
        self.reused.values().map(|tile| tile.size_bytes).sum()
    }

    /// How many of the stored tiles that are read are no part of the windows: others are made from them.
    pub fn reused_to_make_others(&self) -> usize {
        let cover: BTreeSet<&Address> = self.cover.iter().map(|tile| &tile.address).collect();
        let reused = self.reused.keys();
        reused.filter(|address| !cover.contains(address)).count()
    }

    /// How many tiles are made, by reason.
    pub fn builds_by_change(&self) -> BTreeMap<Change, usize> {
        let mut counts = BTreeMap::new();
        for build in &self.builds {
            *counts.entry(build.change).or_insert(0) += 1;
        }
        counts
    }
}

struct Planning<'a> {
    addresses: &'a Addresses,
    stored: &'a StoredTiles,
    builds: Vec<TileBuild>,
    planned: BTreeSet<Address>,
}

impl Planning<'_> {
    /// A tile for each recent day that has files.
    fn recent_days(&mut self, windows: &BTreeSet<Window>, snapshot_date: SnapshotDate) {
        let Some(from) = recent_from(windows, snapshot_date) else {
            return;
        };
        let days = self
            .addresses
            .days_in(from, day_number(snapshot_date.day()));
        for day in days {
            // A day that only a longer tile holds has none of its own, and no night can make it.
            if self.addresses.is_readable(day) {
                self.ensure(Period::day(day_number(day)));
            }
        }
    }

    /// Plans a period's tile unless it is there or planned already.
    fn ensure(&mut self, period: Period) {
        let Some(address) = self.addresses.of(period) else {
            return;
        };
        if self.is_there(&address) {
            return;
        }
        let mut inputs = Inputs::default();
        match period {
            Period::Block { .. } => self.add_parts(period, &mut inputs),
            Period::Until { last } => self.add_until(last, &mut inputs),
        }
        self.planned.insert(address.clone());
        self.builds.push(TileBuild {
            change: self.stored.change_to(&address, self.addresses),
            address,
            tiles: inputs.tiles,
            days: inputs.days,
            before: inputs.before,
        });
    }

    fn is_there(&self, address: &Address) -> bool {
        self.stored.get(address).is_some() || self.planned.contains(address)
    }

    /// What a period that has no tile is made from.
    fn add_parts(&self, period: Period, inputs: &mut Inputs) {
        match period.halves() {
            Some(halves) => halves.into_iter().for_each(|half| self.add(half, inputs)),
            None => {
                let days = self.addresses.days_in(period.last(), period.last());
                inputs.days.extend(days);
            }
        }
    }

    /// A period: its tile where there is one, else its parts.
    fn add(&self, period: Period, inputs: &mut Inputs) {
        match self.addresses.of(period) {
            None => {}
            Some(address) if self.is_there(&address) => inputs.tiles.push(address),
            Some(_) => self.add_parts(period, inputs),
        }
    }

    /// Everything up to a day: the newest `until` tile before it that is there, and the days
    /// since.
    fn add_until(&self, last: i32, inputs: &mut Inputs) {
        let Some(first_file) = self.addresses.first_day() else {
            return;
        };
        let first_day = day_number(first_file);
        let mut earlier = until_before(last);
        while earlier.last() >= first_day {
            let there = self
                .addresses
                .of(earlier)
                .filter(|address| self.is_there(address));
            if let Some(address) = there {
                inputs.tiles.push(address);
                return self.add_days(earlier.last() + 1, last, inputs);
            }
            earlier = until_before(earlier.last());
        }
        // Days after `last` are other tiles', though they have no files either.
        let before = first_file.min(day_of(last + 1));
        inputs.before = Some(before).filter(|_| self.addresses.depends_on_all_days());
        self.add_days(first_day, last, inputs);
    }

    fn add_days(&self, first: i32, last: i32, inputs: &mut Inputs) {
        for block in blocks(first, last) {
            self.add(block, inputs);
        }
    }
}

#[derive(Default)]
struct Inputs {
    tiles: Vec<Address>,
    days: BTreeSet<NaiveDate>,
    before: Option<NaiveDate>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ground::{Fingerprint, SqlSchema};
    use crate::tiles::{Definition, DefinitionBefore, SourceDays};

    const WINDOWS: [&str; 8] = [
        "d0",
        "d3",
        "7d",
        "30d",
        "prev_60d",
        "365d",
        "before_today",
        "lifetime",
    ];

    /// The addresses on a day when all days from `first` on have files, of which those before
    /// `stored_from` have expired.
    fn addresses(first: i32, stored_from: i32, today: i32) -> Addresses {
        let rollup = TableName::new(SqlSchema::Rollups, "purchases");
        let definition = Definition {
            rollup,
            models: Vec::new(),
            sources: Vec::new(),
            references: Vec::new(),
            engine: None,
            before: DefinitionBefore::default(),
        };
        let of_day = |number| (day_of(number), Fingerprint::of(&day_of(number).to_string()));
        let by_day: BTreeMap<_, _> = (first..=today).map(of_day).collect();
        let days = SourceDays {
            by_day,
            unreadable: (first..stored_from).map(day_of).collect(),
            ..SourceDays::default()
        };
        Addresses::new(&definition, days)
    }

    fn windows() -> BTreeSet<Window> {
        let windows = WINDOWS.iter();
        windows.map(|window| window.parse().unwrap()).collect()
    }

    /// Night after night over years, while raw files are kept for 400 days: everything that a
    /// night needs of older days it finds in the tiles of earlier nights.
    #[test]
    fn nights_over_years_never_need_expired_days() {
        const KEPT: i32 = 400;
        for history in [0, 30, 399] {
            let (first, begin) = (20_000 - history, 20_000);
            let mut stored = StoredTiles::default();
            // Some nights are left out.
            for today in (begin..begin + 1_300).filter(|today| today % 11 != 3) {
                let addresses = addresses(first, first.max(today - KEPT), today);
                let rollup = TableName::new(SqlSchema::Rollups, "purchases");
                let date = SnapshotDate::on(day_of(today));
                let plan = TilePlan::make(&rollup, &windows(), date, &addresses, &stored);
                let missed = plan.out_of_reach(&addresses);
                assert!(missed.is_empty(), "night {today} needs {missed:?}");
                for build in &plan.builds {
                    stored.remember(&build.address);
                }
            }
        }
    }

    #[test]
    fn tiles_of_the_format_before_are_used_where_nothing_else_gives_their_days() {
        let addresses = addresses(20_000, 20_008, 20_020);
        let mut stored = StoredTiles::default();
        for day in 20_000..=20_020 {
            let address = addresses.of(Period::day(day)).unwrap();
            stored.remember_as(&addresses.name_before(&address));
        }
        let stored = stored.found_by(&addresses);
        let rollup = TableName::new(SqlSchema::Rollups, "purchases");
        let date = SnapshotDate::on(day_of(20_020));
        let plan = TilePlan::make(&rollup, &windows(), date, &addresses, &stored);
        assert!(plan.out_of_reach(&addresses).is_empty());
        let merged = plan.builds.iter().flat_map(|build| build.tiles.iter());
        let expired = merged.filter(|address| address.period.last() < 20_008);
        assert!(expired.count() > 0);
        let mut readable = plan.reused.keys().map(|address| address.period.last());
        assert!(readable.all(|day| day < 20_008), "{:?}", plan.reused);
        let of_days = plan.builds.iter();
        let of_days = of_days.filter(|build| build.address.period.is_day());
        let changes: BTreeSet<Change> = of_days.map(|build| build.change).collect();
        assert_eq!(changes, BTreeSet::from([Change::Format]));
    }

    #[test]
    fn expired_days_without_tiles_are_out_of_reach() {
        let addresses = addresses(20_000, 20_010, 20_020);
        let rollup = TableName::new(SqlSchema::Rollups, "purchases");
        let date = SnapshotDate::on(day_of(20_020));
        let plan = TilePlan::make(
            &rollup,
            &windows(),
            date,
            &addresses,
            &StoredTiles::default(),
        );
        let missed = plan.out_of_reach(&addresses);
        assert_eq!(missed.len(), 10, "{missed:?}");
    }
}
