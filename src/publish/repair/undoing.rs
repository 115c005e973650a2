//! Undoing what no publication names: one commit that gives a table the files and the columns that
//! publications say.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use deltalake_core::kernel::{Action, LogicalFileView};
use deltalake_core::protocol::DeltaOperation;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::drafts::SNAPSHOT_DATE;
use crate::ground::SnapshotDate;
use crate::publish::PublishError;
use crate::publish::commit::{Committed, Origin};
use crate::publish::log_entry::LogEntry;
use crate::publish::publications::{Publication, Publications};
use crate::publish::table::Table;
use crate::storage::Location;

use super::unnamed::{Accounts, Log, RESTORED};

impl Log<'_> {
    /// Commits the state that publications say.
    pub(super) async fn restore(
        &self,
        output: &Location,
        publications: &Publications,
    ) -> Result<Option<Committed>, PublishError> {
        let Some(newest) = Table::open(output, self.table).await? else {
            return Ok(None);
        };
        let mut actions = Vec::new();
        if let Some(metadata) = self.restored_columns(output, publications, &newest).await? {
            actions.push(metadata);
        }
        let mut intact = Versions::of(output, self.table);
        for date in self.touched(&newest) {
            match self.wanted(publications, date, &mut intact).await? {
                Some(wanted) => actions.extend(newest.restoring(date, &wanted).await?),
                None => actions.extend(newest.without(date)?),
            }
        }
        let entry = newest.entry_of(
            actions,
            DeltaOperation::Restore {
                version: None,
                datetime: None,
            },
            marked(publications),
        );
        let committed = newest.prepared(Some(entry.await?), 0).put().await?;
        tracing::info!(
            table.name = self.table,
            table.version = committed.version(),
            "undid commits that were never published"
        );
        Ok(Some(committed))
    }

    /// The dates that unfinished commits wrote; none stands for the whole table.
    fn touched(&self, table: &Table) -> BTreeSet<Option<SnapshotDate>> {
        if table.is_kept_whole() {
            return BTreeSet::from([None]);
        }
        self.unfinished.iter().flat_map(dates_of).collect()
    }

    /// What readers should find for a date, or in the whole table; none where nothing was published.
    async fn wanted<'p>(
        &self,
        publications: &'p Publications,
        date: Option<SnapshotDate>,
        versions: &mut Versions<'_>,
    ) -> Result<Option<Wanted<'p>>, PublishError> {
        let Some((publication, recorded)) = self.published(publications, date) else {
            return Ok(None);
        };
        let intact = versions.open(self.intact_version(date, recorded)).await?;
        let files = intact.map(|intact| intact.entries(date)).transpose()?;
        Ok(files.map(|files| Wanted { publication, files }))
    }

    /// The last publication of a date, or of the whole table, that wrote it, and the version.
    fn published<'p>(
        &self,
        publications: &'p Publications,
        date: Option<SnapshotDate>,
    ) -> Option<(&'p Publication, i64)> {
        let publication = match date {
            Some(date) => publications.last_of(date),
            None => Accounts::of(self.table, publications).last_publication(),
        };
        let publication = publication?;
        let recorded = publication.tables.get(self.table)?;
        Some((publication, recorded.version))
    }

    /// The last version that still has the rows which a publication recorded, or those of the same
    /// date in other files: other programs may have put files together since, and vacuumed those
    /// of then.
    fn intact_version(&self, date: Option<SnapshotDate>, recorded: i64) -> i64 {
        let later = self
            .unfinished
            .iter()
            .filter(|entry| entry.version > recorded);
        let touching =
            later.filter(|entry| date.is_none() || dates_of(entry).any(|touched| touched == date));
        let first = touching.map(|entry| entry.version).min();
        first.map_or(recorded, |first| first - 1)
    }

    /// The columns as the last publication has them, when unfinished commits changed them.
    async fn restored_columns(
        &self,
        output: &Location,
        publications: &Publications,
        newest: &Table,
    ) -> Result<Option<Action>, PublishError> {
        let is_changed = |entry: &LogEntry| entry.of_kind("metaData").next().is_some();
        if !self.unfinished.iter().any(is_changed) {
            return Ok(None);
        }
        let accounts = Accounts::of(self.table, publications);
        let Some(version) = accounts.last_recorded() else {
            return Ok(None);
        };
        let Some(published) = Table::open_at(output, self.table, version).await? else {
            return Ok(None);
        };
        let metadata = published.state.metadata();
        let is_other = metadata != newest.state.metadata();
        Ok(is_other.then(|| metadata.clone().into()))
    }
}

/// What readers of the newest version should find for a date, or in the whole table.
pub(in crate::publish) struct Wanted<'a> {
    /// The publication that says so.
    pub(in crate::publish) publication: &'a Publication,
    pub(in crate::publish) files: Vec<LogicalFileView>,
}

/// Versions of a table, each opened once.
struct Versions<'a> {
    output: &'a Location,
    table: &'a str,
    opened: BTreeMap<i64, Option<Table>>,
}

impl<'a> Versions<'a> {
    fn of(output: &'a Location, table: &'a str) -> Self {
        Self {
            output,
            table,
            opened: BTreeMap::new(),
        }
    }

    async fn open(&mut self, version: i64) -> Result<Option<&Table>, PublishError> {
        let opened = match self.opened.entry(version) {
            Entry::Occupied(opened) => opened.into_mut(),
            Entry::Vacant(unopened) => {
                unopened.insert(Table::open_at(self.output, self.table, version).await?)
            }
        };
        Ok(opened.as_ref())
    }
}

/// The dates whose files an entry adds or removes.
fn dates_of(entry: &LogEntry) -> impl Iterator<Item = Option<SnapshotDate>> {
    let files = entry.of_kind("add").chain(entry.of_kind("remove"));
    files.map(|file| {
        let day = file["partitionValues"][SNAPSHOT_DATE].as_str();
        day.and_then(|day| day.parse().ok())
    })
}

fn marked(publications: &Publications) -> Origin {
    let restored = publications.next_sequence() - 1;
    Origin::marked(RESTORED, restored.into())
}

impl Table {
    /// The removals after which a date has no files.
    fn without(&self, date: Option<SnapshotDate>) -> Result<Vec<Action>, PublishError> {
        let found = self.entries(date)?;
        let removals = found.iter().map(|file| file.remove_action(true).into());
        Ok(removals.collect())
    }

    /// The removals and additions after which a date has the wanted files. One that is gone from
    /// storage ends it, before anything is marked as put right.
    pub(in crate::publish) async fn restoring(
        &self,
        date: Option<SnapshotDate>,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Action>, PublishError> {
        let Wanted {
            publication,
            files: wanted,
        } = wanted;
        let found = self.entries(date)?;
        let paths_of = |files: &[LogicalFileView]| -> BTreeSet<Path> {
            files.iter().map(|file| self.full_path(file)).collect()
        };
        let (wanted_paths, found_paths) = (paths_of(wanted), paths_of(&found));
        for path in wanted_paths.difference(&found_paths) {
            if !self.has_object(path).await? {
                return Err(PublishError::FileGone {
                    table: self.name.clone(),
                    path: self.place.output.url_of(path),
                    date: publication.snapshot_date,
                });
            }
        }
        let excess = found
            .iter()
            .filter(|file| !wanted_paths.contains(&self.full_path(file)));
        let lacking = wanted
            .iter()
            .filter(|file| !found_paths.contains(&self.full_path(file)));
        let removals = excess.map(|file| file.remove_action(true).into());
        #[expect(
            deprecated,
            reason = "nothing else gives back what the log said of a file"
        )]
        let additions = lacking.map(|file| file.add_action().into());
        Ok(removals.chain(additions).collect())
    }

    async fn has_object(&self, path: &Path) -> Result<bool, PublishError> {
        match self.place.output.store.head(path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(self.place.output.failure("read", path, source).into()),
        }
    }
}
