//! Undoing what no publication names: one commit that gives a table the files and the columns that
//! publications say.

use std::collections::BTreeSet;

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
        for date in self.touched(&newest) {
            if let Some(wanted) = Wanted::of(output, publications, self.table, date).await? {
                actions.extend(newest.restoring(date, &wanted).await?);
            } else {
                actions.extend(newest.without(date)?);
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
        let files = self.unfinished.iter().flat_map(|entry| {
            let added = entry.of_kind("add");
            added.chain(entry.of_kind("remove"))
        });
        files
            .map(|file| {
                let day = file["partitionValues"][SNAPSHOT_DATE].as_str();
                day.and_then(|day| day.parse().ok())
            })
            .collect()
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

impl<'a> Wanted<'a> {
    /// None where nothing was published.
    async fn of(
        output: &Location,
        publications: &'a Publications,
        table: &str,
        date: Option<SnapshotDate>,
    ) -> Result<Option<Self>, PublishError> {
        let publication = match date {
            Some(date) => publications.last_of(date),
            None => Accounts::of(table, publications).last_publication(),
        };
        let Some(publication) = publication else {
            return Ok(None);
        };
        let Some(recorded) = publication.tables.get(table) else {
            return Ok(None);
        };
        let published = Table::open_at(output, table, recorded.version).await?;
        let files = published.map(|published| published.entries(date));
        Ok(files.transpose()?.map(|files| Self { publication, files }))
    }
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
