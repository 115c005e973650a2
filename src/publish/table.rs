//! A published table as it is at one version: a Delta table at reader version 1 and writer
//! version 2, read and written through the job's own store.
//!
//! Opening a table costs one LIST of its log, and GETs for each commit since its last checkpoint.
//! A [`Table`] does not change; a commit hands back the next one.

use std::collections::BTreeSet;

use arrow::datatypes::Schema;
use deltalake_core::kernel::LogicalFileView;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaResult, DeltaTableError};
use object_store::path::Path;

use crate::drafts::{SNAPSHOT_DATE, contract, objects};
use crate::ground::SnapshotDate;
use crate::storage::Location;
use crate::tables::{self, Dating};

use super::PublishError;
use super::error::Source;
use super::place::Place;

/// The reader and writer version of every published table.
const PROTOCOL: (i32, i32) = (1, 2);

/// A published table at one of its versions.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) state: DeltaTableState,
    /// The columns that a commit may take from readers.
    pub(super) may_drop: BTreeSet<String>,
    /// Whether a commit leaves the columns as they are, though its rows have other ones.
    pub(super) keeps_columns: bool,
    /// Whether nothing was ever published in it, so that its columns bind nobody.
    pub(super) is_unbound: bool,
}

/// One file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Where the file is, from the root of the store.
    pub path: Path,
    /// As the log has it.
    pub size_bytes: u64,
    /// Its rows, where the log counts them: other programs need not.
    pub rows: Option<u64>,
}

impl Place {
    /// The table at `version`, or at its newest; none when there is no log to load.
    async fn state(&self, version: Option<i64>) -> DeltaResult<Option<DeltaTableState>> {
        let version = version.map(i64::cast_unsigned);
        // A missing log has no one error: a local folder that is not there says otherwise than
        // one that is empty. So a failure is looked into, and tried again in case another run
        // made the table just now.
        match DeltaTableState::try_new(self.log.as_ref(), version).await {
            Ok(state) => Ok(Some(state)),
            Err(_) if !self.log.is_delta_table_location().await? => Ok(None),
            Err(_) => Some(DeltaTableState::try_new(self.log.as_ref(), version).await).transpose(),
        }
    }

    /// Why the log cannot be read: a file that was cut short, or is gone, is named.
    async fn unreadable(&self, table: &str, source: DeltaTableError) -> PublishError {
        match self.damage().await {
            Some(damage) => damage,
            None => PublishError::Read {
                table: table.to_owned(),
                folder: self.url(),
                source: source.into(),
            },
        }
    }

    /// The same of a version that may have been cleaned up.
    async fn unreadable_at(
        &self,
        table: &str,
        version: Option<i64>,
        source: DeltaTableError,
    ) -> PublishError {
        if let Some(version) = version
            && let Ok(None) = self.entry(version).await
        {
            let table = table.to_owned();
            return PublishError::VersionGone { table, version };
        }
        self.unreadable(table, source).await
    }
}

impl Table {
    /// The newest version of a table; none when there is no such table.
    ///
    /// # Errors
    /// When the log cannot be read, or asks for more than every reader offers.
    pub async fn open(output: &Location, name: &str) -> Result<Option<Self>, PublishError> {
        Self::load(output, name, None).await
    }

    /// A table as it was at `version`; none when there is no such table.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the log does not reach back or up to that version.
    pub async fn open_at(
        output: &Location,
        name: &str,
        version: i64,
    ) -> Result<Option<Self>, PublishError> {
        Self::load(output, name, Some(version)).await
    }

    async fn load(
        output: &Location,
        name: &str,
        version: Option<i64>,
    ) -> Result<Option<Self>, PublishError> {
        let place = Place::of(output, name);
        let state = match place.state(version).await {
            Ok(Some(state)) => state,
            Ok(None) => return Ok(None),
            Err(source) => return Err(place.unreadable_at(name, version, source).await),
        };
        let table = Self {
            name: name.to_owned(),
            place,
            state,
            may_drop: BTreeSet::new(),
            keeps_columns: false,
            is_unbound: false,
        };
        table.check_protocol()?;
        Ok(Some(table))
    }

    /// Refuses a table that somebody upgraded: its files may be only half of the truth.
    fn check_protocol(&self) -> Result<(), PublishError> {
        let protocol = self.state.protocol();
        let (reader, writer) = (protocol.min_reader_version(), protocol.min_writer_version());
        if (reader, writer) == PROTOCOL {
            return Ok(());
        }
        Err(PublishError::Protocol {
            table: self.name.clone(),
            reader,
            writer,
        })
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version this is.
    pub fn version(&self) -> i64 {
        self.state.version().cast_signed()
    }

    /// The columns as readers see them, in their plain form.
    ///
    /// # Errors
    /// When the log holds types that Arrow does not know.
    pub fn schema(&self) -> Result<Schema, PublishError> {
        let schema: Schema = self
            .state
            .schema()
            .as_ref()
            .try_into_arrow()
            .map_err(|source| self.unreadable(source))?;
        Ok(contract::normalise(&schema))
    }

    /// Whether the table is partitioned by snapshot date.
    pub fn is_dated(&self) -> bool {
        !self.state.metadata().partition_columns().is_empty()
    }

    /// Whether it keeps the rows of one state alone, so that each publication replaces them all. Of
    /// a table that the job no longer declares its own layout says so.
    pub fn is_kept_whole(&self) -> bool {
        let ours = tables::find(&self.name).map(|table| table.dating);
        ours.map_or(!self.is_dated(), Dating::is_kept_whole)
    }

    /// What to ask [`files`](Self::files) for to get the rows of `date`: the date where the table is
    /// dated, and everything where it is not.
    pub fn partition_of(&self, date: SnapshotDate) -> Option<SnapshotDate> {
        self.is_dated().then_some(date)
    }

    /// Whether a publication has written a version after `version`, up to this one.
    ///
    /// # Errors
    /// A store that fails, and an entry that was cut short.
    pub(super) async fn was_published_after(&self, version: i64) -> Result<bool, PublishError> {
        for later in version + 1..=self.version() {
            let entry = self.place.log_entry(later).await?;
            if entry.is_some_and(|entry| entry.sequence().is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The files of a date, or of all dates.
    ///
    /// # Errors
    /// When the log's entries cannot be read.
    pub fn files(&self, date: Option<SnapshotDate>) -> Result<Vec<PublishedFile>, PublishError> {
        let entries = self.entries(date)?.into_iter();
        Ok(entries.map(|entry| self.published_file(&entry)).collect())
    }

    /// The files of all dates of a dated table, each with its date.
    ///
    /// # Errors
    /// When the log's entries cannot be read.
    pub fn files_by_date(&self) -> Result<Vec<(SnapshotDate, PublishedFile)>, PublishError> {
        let entries = self.entries(None)?.into_iter();
        let dated = entries.filter_map(|entry| {
            let date = entry.partition_values_map().remove(SNAPSHOT_DATE)??;
            Some((date.parse().ok()?, self.published_file(&entry)))
        });
        Ok(dated.collect())
    }

    /// What the log says about the files of a date, or of all dates.
    pub(super) fn entries(
        &self,
        date: Option<SnapshotDate>,
    ) -> Result<Vec<LogicalFileView>, PublishError> {
        let entries = self.state.snapshot().try_log_data();
        let entries = entries.map_err(|source| self.unreadable(source))?;
        let partition = date.map(|date| date.to_string());
        let wanted = |entry: &LogicalFileView| {
            let values = entry.partition_values_map();
            partition.is_none() || values.get(SNAPSHOT_DATE) == Some(&partition)
        };
        Ok(entries.into_iter().filter(wanted).collect())
    }

    fn published_file(&self, entry: &LogicalFileView) -> PublishedFile {
        PublishedFile {
            path: self.full_path(entry),
            size_bytes: entry.size().cast_unsigned(),
            rows: entry.num_records().map(|rows| rows as u64),
        }
    }

    pub(super) fn full_path(&self, entry: &LogicalFileView) -> Path {
        objects::below(&self.place.folder, &entry.object_store_path())
    }

    pub(super) fn unreadable(&self, source: impl Into<Source>) -> PublishError {
        PublishError::Read {
            table: self.name.clone(),
            folder: self.place.url(),
            source: source.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;
    use crate::drafts::Dating;
    use crate::drafts::testing::{date, draft, on_every_store, tiers};
    use crate::ground::{Classified, FailureKind};
    use crate::publish::testing::{log_path, provenance};

    on_every_store!(
        an_old_version_shows_the_files_of_its_time,
        a_version_that_never_was_is_an_error,
        an_upgraded_table_is_refused,
    );

    async fn an_old_version_shows_the_files_of_its_time(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let empty = Table::open_or_create(output, &spec).await.unwrap();
        let first = draft(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let first_path = first.files()[0].path.clone();
        let first = empty.replace(first, &provenance("a", 1)).await.unwrap();
        let second = draft(output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        first.replace(second, &provenance("b", 2)).await.unwrap();

        let then = Table::open_at(output, "tier_snapshot", 1)
            .await
            .unwrap()
            .unwrap();
        let [file] = &then.files(Some(date("2026-11-20"))).unwrap()[..] else {
            panic!("one file")
        };
        let found = (then.version(), &file.path, file.rows);
        assert_eq!(found, (1, &first_path, Some(1)));
        assert_eq!(
            output.store.head(&file.path).await.unwrap().size,
            file.size_bytes
        );
    }

    async fn a_version_that_never_was_is_an_error(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        Table::open_or_create(output, &spec).await.unwrap();
        let error = Table::open_at(output, "tier_snapshot", 7)
            .await
            .unwrap_err();
        assert!(error.to_string().starts_with(
            "version 7 of table `tier_snapshot`, which a publication names, cannot be opened: "
        ));
    }

    async fn an_upgraded_table_is_refused(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        Table::open_or_create(output, &spec).await.unwrap();
        let upgrade = serde_json::json!({"protocol": {
            "minReaderVersion": 3, "minWriterVersion": 7,
            "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"],
        }});
        let path = log_path(output, "tier_snapshot", 1);
        output
            .store
            .put(&path, upgrade.to_string().into())
            .await
            .unwrap();
        let error = Table::open(output, "tier_snapshot").await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        assert_eq!(
            error.to_string(),
            "table `tier_snapshot` is at reader version 3 and writer version 7, beyond the 1 and 2 that every reader opens; restore the table or publish to another output"
        );
    }
}
