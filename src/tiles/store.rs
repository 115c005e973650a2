//! Stored tiles: found by one LIST, taken only when every byte is as it was written.
//!
//! ```text
//! tiles/purchases/2026-10-24.8d-5f0c21d7-9a44be10-0d3f6a7c81e2b945-77c0a1d05b92fe38.parquet
//!                 address                                          digest of the bytes
//! ```
//!
//! There is no index and no lock: a tile is there when an object has its address. Two runs may
//! make the same tile at once and both are right. An object whose bytes are not those of its
//! digest, or that says inside that it is another tile, is as good as none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::ground::Layout;
use crate::storage::{Location, StorageError};

use super::address::{Address, Addresses, Change};
use super::period::Period;

const EXTENSION: &str = ".parquet";

/// An object that has the name of a tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTile {
    /// Its key, from the root of the store.
    pub path: Path,
    /// As listed.
    pub size_bytes: u64,
    /// When it was written, by the clock of the store.
    pub written: DateTime<Utc>,
    /// The address that its name gives, and its stamp.
    pub address: String,
    /// The digest that its name gives.
    pub digest: String,
}

impl StoredTile {
    /// The tile that an object is by its name; none where it has no name of a tile.
    pub fn of_object(object: ObjectMeta) -> Option<Self> {
        let (address, digest) = object.location.filename().and_then(split_name)?;
        Some(Self {
            address: address.to_owned(),
            digest: digest.to_owned(),
            size_bytes: object.size,
            written: object.last_modified,
            path: object.location.clone(),
        })
    }

    /// The days whose rows it has; none where its name says nothing of them.
    pub fn period(&self) -> Option<Period> {
        period_of(&self.address)
    }

    /// The same, as an object of the store.
    pub fn into_object(self) -> ObjectMeta {
        ObjectMeta {
            location: self.path,
            last_modified: self.written,
            size: self.size_bytes,
            e_tag: None,
            version: None,
        }
    }
}

/// The stored tiles of one rollup, by address.
#[derive(Debug, Clone, Default)]
pub struct StoredTiles {
    tiles: BTreeMap<String, StoredTile>,
}

impl StoredTiles {
    /// Lists the tiles of a rollup.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn list(
        output: &Location,
        layout: &Layout,
        rollup: &str,
    ) -> Result<Self, StorageError> {
        let folder = layout.tiles(rollup);
        let objects: Vec<_> = output
            .store
            .list(Some(&folder))
            .try_collect()
            .await
            .map_err(|error| output.failure("list", &folder, error))?;
        let tiles = objects.into_iter().filter_map(StoredTile::of_object);
        let tiles = tiles.map(|tile| (tile.address.clone(), tile));
        Ok(Self {
            tiles: tiles.collect(),
        })
    }

    /// The same tiles, those of the format before under the addresses that they would have now, as
    /// far as they hold days that can be read no more. All others are made again: what is read from
    /// a file may be read better by now.
    #[must_use]
    pub fn found_by(mut self, addresses: &Addresses) -> Self {
        let irreplaceable = self.addresses_holding_any(addresses.unreadable());
        let before =
            irreplaceable.filter_map(|name| Some((name.to_owned(), addresses.of_before(name)?)));
        for (before, now) in before.collect::<Vec<_>>() {
            if let Some(tile) = self.tiles.remove(&before) {
                self.tiles.entry(now).or_insert(tile);
            }
        }
        self
    }

    /// The tile with this address.
    pub fn get(&self, address: &Address) -> Option<&StoredTile> {
        self.tiles.get(&address.to_string())
    }

    /// The tiles whose days hold any of `days`. Where no raw file holds these days any more, the
    /// tiles are all that is left of them.
    pub fn holding_any(&self, days: &BTreeSet<NaiveDate>) -> impl Iterator<Item = &StoredTile> {
        let holding = self.addresses_holding_any(days);
        holding.filter_map(|address| self.tiles.get(address))
    }

    /// The tiles that nobody reads who goes by these addresses, and that can be made again.
    pub fn unneeded_by(&self, addresses: &Addresses) -> impl Iterator<Item = &StoredTile> {
        self.tiles.values().filter(|tile| {
            tile.period().is_some_and(|period| {
                let wanted = addresses.of(period).map(|address| address.to_string());
                let is_wanted = wanted.as_ref() == Some(&tile.address);
                !is_wanted && !period.holds_any(addresses.unreadable())
            })
        })
    }

    /// The addresses of the tiles that hold any of `days`.
    pub fn addresses_holding_any(&self, days: &BTreeSet<NaiveDate>) -> impl Iterator<Item = &str> {
        let holds =
            |address: &&str| period_of(address).is_some_and(|period| period.holds_any(days));
        self.addresses().filter(holds)
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn tiles(&self) -> impl Iterator<Item = &StoredTile> {
        self.tiles.values()
    }

    /// Notes a tile that was made.
    #[cfg(test)]
    pub(super) fn remember(&mut self, address: &Address) {
        self.remember_as(&address.to_string());
    }

    /// Notes a tile of a name.
    #[cfg(test)]
    pub(super) fn remember_as(&mut self, name: &str) {
        let tile = StoredTile {
            path: Path::from(name),
            size_bytes: 1,
            written: DateTime::default(),
            address: name.to_owned(),
            digest: String::new(),
        };
        self.add(tile);
    }

    /// The addresses of all tiles.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.tiles.keys().map(String::as_str)
    }

    /// Notes a tile that was stored since.
    #[cfg(any(test, feature = "cluster"))]
    pub fn add(&mut self, tile: StoredTile) {
        self.tiles.insert(tile.address.clone(), tile);
    }

    /// Forgets a tile that turned out to be damaged.
    pub fn forget(&mut self, address: &Address) {
        self.tiles.remove(&address.to_string());
    }

    /// What changed since a tile of the same period was stored.
    pub fn change_to(&self, address: &Address, addresses: &Addresses) -> Change {
        let of_period = format!("{}-", address.period);
        let same_period = self
            .tiles
            .range(of_period.clone()..)
            .take_while(|(name, _)| name.starts_with(&of_period));
        // The least surprising change of several: a tile from before the SQL was edited does
        // not hide that a file has changed since.
        let changes = same_period.map(|(name, _)| match addresses.of_before(name) {
            Some(now) if now == address.to_string() => Change::Format,
            Some(now) => address.change_from(&now),
            None => address.change_from(name),
        });
        changes
            .filter(|change| *change != Change::New)
            .min()
            .unwrap_or(Change::New)
    }
}

/// The days of an address.
fn period_of(address: &str) -> Option<Period> {
    address.rsplitn(4, '-').nth(3).and_then(Period::parse)
}

/// The object of a tile.
pub(super) fn path_of(layout: &Layout, rollup: &str, address: &Address, digest: &str) -> Path {
    let name = format!("{address}-{digest}{EXTENSION}");
    layout.tiles(rollup).join(name)
}

/// The address and the digest in an object's name.
fn split_name(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(EXTENSION)?.rsplit_once('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::{Fingerprint, SqlSchema, TableName};
    use crate::tiles::address::{Definition, DefinitionBefore, SourceDays};
    use crate::tiles::period::day_of;

    /// Of the days from 0 on, each with its files, some of which are gone.
    fn addresses(statement: &str, days: &[&str], gone: &[i32]) -> Addresses {
        let definition = Definition {
            rollup: TableName::new(SqlSchema::Rollups, "purchases"),
            models: vec![Fingerprint::of(statement)],
            sources: Vec::new(),
            references: Vec::new(),
            engine: None,
            before: DefinitionBefore::default(),
        };
        let by_day = (0..).zip(days);
        let by_day = by_day.map(|(day, files)| (day_of(day), Fingerprint::of(files)));
        let days = SourceDays {
            by_day: by_day.collect(),
            unreadable: gone.iter().map(|day| day_of(*day)).collect(),
            ..SourceDays::default()
        };
        Addresses::new(&definition, days)
    }

    #[test]
    fn tiles_of_other_files_are_unneeded_but_for_those_of_days_that_are_gone() {
        let mut stored = StoredTiles::default();
        let mut remember = |addresses: &Addresses, periods: &[Period]| {
            let tiles = periods.iter().filter_map(|period| addresses.of(*period));
            tiles.for_each(|tile| stored.remember(&tile));
        };
        let [first, second] = [Period::day(0), Period::day(1)];
        let both = Period::Until { last: 1 };
        remember(
            &addresses("SELECT", &["a", "b"], &[]),
            &[first, second, both],
        );
        remember(&addresses("SELECT", &["a", "B"], &[]), &[second, both]);
        let unneeded = |addresses: &Addresses| {
            let unneeded = stored.unneeded_by(addresses);
            let periods = unneeded.map(|tile| tile.period().unwrap());
            periods.collect::<BTreeSet<_>>()
        };
        let today = |gone: &[i32]| addresses("SELECT", &["a", "B"], gone);
        assert_eq!(unneeded(&today(&[])), [second, both].into());
        assert_eq!(unneeded(&today(&[0])), [second].into());
        assert_eq!(unneeded(&today(&[0, 1])), [].into());
        let edited = addresses("SELECT 1", &["a", "B"], &[]);
        assert_eq!(unneeded(&edited), [first, second, both].into());
    }
}
