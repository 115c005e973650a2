//! One commit: the files of a draft take the place of those that readers see.
//!
//! 1. `admit` refuses a draft that must not replace anything, and says how the table's columns
//!    change with it: [schema evolution](super::schema_evolution).
//! 2. `prepare` lists the files to remove and to add, and the columns as they are then: the entry
//!    of the next version, down to its last byte. Nothing is asked of the store for it.
//! 3. `put` writes the entry, in one conditional request. It is not retried: a version that
//!    another run took first is that run's.
//! 4. `settle` finds out what became of an entry whose request did not answer with success, since
//!    a store may do as asked and still answer with an error. It reads the entry back by its key,
//!    as a listing may lag behind: those are our bytes, or those of another run, or none so far.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use deltalake_core::DeltaResult;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::logstore::CommitOrBytes;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde_json::Value;
use uuid::Uuid;

use crate::drafts::{Draft, SNAPSHOT_DATE, SchemaEvolution};
use crate::ground::SnapshotDate;
use crate::storage::Location;

use super::PublishError;
use super::log_entry::{ACTION_COUNT, LogEntry, RUN_ID, parse};
use super::table::Table;

/// Where a commit comes from, as its entry in the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The run that commits.
    pub run_id: String,
    /// Everything the run read.
    pub input_fingerprint: String,
    /// The job, such as `tierline/nightly`.
    pub application: String,
    /// Counts the publications of the job.
    pub sequence: i64,
}

/// A commit that only waits to be put into the log.
#[derive(Debug)]
pub(super) struct Prepared {
    table: Table,
    /// The entry of the next version; none when there is nothing to change.
    entry: Option<Bytes>,
    /// The draft whose files it adds.
    draft: Option<Draft>,
    /// The rows that the publication records.
    rows: u64,
}

/// A table as a commit left it.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The table as it was before.
    pub(super) table: Table,
    /// The version that the commit has made.
    pub(super) version: i64,
}

impl Committed {
    /// The table's name.
    pub fn name(&self) -> &str {
        self.table.name()
    }

    /// The version that the commit made, or the one that there was when nothing changed.
    pub fn version(&self) -> i64 {
        self.version
    }
}

impl Table {
    /// Prepares to replace the rows of the draft's date, or all rows where the table keeps one
    /// state. Nothing to remove and nothing to add, neither rows nor columns, is no commit.
    ///
    /// # Errors
    /// [`PublishError::EmptyReplacement`] and the other guards.
    pub(super) async fn prepare(
        &self,
        draft: Draft,
        provenance: &Provenance,
    ) -> Result<Prepared, PublishError> {
        let swapped = self
            .admit(&draft)
            .and_then(|evolution| self.swap(&draft, &evolution));
        let entry = match swapped {
            Ok(actions) => self.replacing(actions, &draft, provenance).await,
            Err(refusal) => Err(refusal),
        };
        match entry {
            Ok(entry) => Ok(Prepared {
                table: self.clone(),
                entry,
                rows: draft.rows(),
                draft: Some(draft),
            }),
            Err(refusal) => {
                drop_files(&self.place.output, &draft).await;
                Err(refusal)
            }
        }
    }

    /// How the columns change with a draft. Refuses one of another table, in another layout or with
    /// columns that the table's cannot become, and one without rows for a table that may not be
    /// empty.
    pub(super) fn admit(&self, draft: &Draft) -> Result<SchemaEvolution, PublishError> {
        let spec = draft.spec();
        if spec.name() != self.name {
            return Err(PublishError::OtherTable {
                table: self.name.clone(),
                found: spec.name().to_owned(),
            });
        }
        if spec.dating().is_partitioned() != self.is_dated() {
            return Err(PublishError::OtherLayout {
                table: self.name.clone(),
            });
        }
        let evolution = self.schema_evolution(spec)?;
        if draft.rows() == 0 && !spec.may_be_empty() {
            return Err(PublishError::EmptyReplacement {
                table: self.name.clone(),
            });
        }
        Ok(evolution)
    }

    fn swap(
        &self,
        draft: &Draft,
        evolution: &SchemaEvolution,
    ) -> Result<Vec<Action>, PublishError> {
        let metadata = self.evolved(evolution, draft.spec())?;
        let published = self.entries(replaced_date(draft))?;
        let removals = published
            .iter()
            .map(|entry| entry.remove_action(true).into());
        let additions = draft.additions().map(|add| add.clone().into());
        let metadata = metadata.map(Action::from).into_iter();
        Ok(metadata.chain(removals).chain(additions).collect())
    }

    /// The entry of a commit that replaces rows; none when there is nothing to do.
    async fn replacing(
        &self,
        actions: Vec<Action>,
        draft: &Draft,
        provenance: &Provenance,
    ) -> Result<Option<Bytes>, PublishError> {
        if actions.is_empty() {
            return Ok(None);
        }
        let predicate = replaced_date(draft).map(|date| format!("{SNAPSHOT_DATE} = '{date}'"));
        let entry = self.entry_of(actions, self.overwriting(predicate), Origin::of(provenance));
        entry.await.map(Some)
    }

    /// What a commit that replaces rows does, all of them unless there is a predicate.
    pub(super) fn overwriting(&self, predicate: Option<String>) -> DeltaOperation {
        let columns = self.state.metadata().partition_columns();
        DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: (!columns.is_empty()).then(|| columns.to_vec()),
            predicate,
        }
    }

    /// The bytes of a log entry.
    pub(super) async fn entry_of(
        &self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        origin: Origin,
    ) -> Result<Bytes, PublishError> {
        let properties = origin.properties(actions.len());
        let entry = self.entry_bytes(actions, operation, properties).await;
        entry.map_err(|source| self.unreadable(source))
    }

    async fn entry_bytes(
        &self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        properties: CommitProperties,
    ) -> DeltaResult<Bytes> {
        let commit = CommitBuilder::from(properties).with_actions(actions).build(
            Some(&self.state),
            Arc::clone(&self.place.log),
            operation,
        );
        let prepared = commit.into_prepared_commit_future().await?;
        match prepared.commit_or_bytes() {
            CommitOrBytes::LogBytes(bytes) => Ok(bytes.clone()),
            CommitOrBytes::TmpCommit(path) => Err(deltalake_core::DeltaTableError::Generic(
                format!("the log store wants to rename {path}"),
            )),
        }
    }

    /// A commit of this entry, if any, which adds the files of no draft.
    pub(super) fn prepared(&self, entry: Option<Bytes>, rows: u64) -> Prepared {
        Prepared {
            table: self.clone(),
            entry,
            draft: None,
            rows,
        }
    }
}

impl Prepared {
    /// The table's name.
    pub(super) fn name(&self) -> &str {
        self.table.name()
    }

    /// When it was made, as its entry says.
    pub(super) fn made_at(&self) -> Option<DateTime<Utc>> {
        let entry = LogEntry {
            version: self.version(),
            actions: parse(self.entry.as_ref()?)?,
        };
        entry.made_at()
    }

    /// Whether the table keeps the rows of one state alone.
    pub(super) fn is_kept_whole(&self) -> bool {
        self.table.is_kept_whole()
    }

    /// The version that the table has once this is in.
    pub(super) fn version(&self) -> i64 {
        self.table.version() + i64::from(self.entry.is_some())
    }

    /// The rows that the publication records: those of its date, or of a table that is kept whole
    /// all.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Removes the files of a commit that will not be put into the log.
    pub(super) async fn abandon(self) {
        if let Some(draft) = &self.draft {
            drop_files(&self.table.place.output, draft).await;
        }
    }

    /// Puts the entry into the log. A draft that is certain never to be committed is removed.
    ///
    /// # Errors
    /// - [`PublishError::Conflict`]: another run committed since the table was opened.
    /// - [`PublishError::Commit`]: the store failed, and the entry is not there so far.
    /// - [`PublishError::Unconfirmed`]: the store failed and cannot be asked what is there.
    pub(super) async fn put(self) -> Result<Committed, PublishError> {
        let version = self.version();
        let committed = Committed {
            table: self.table.clone(),
            version,
        };
        let Some(entry) = &self.entry else {
            return Ok(committed);
        };
        let log = &self.table.place.log;
        let bytes = CommitOrBytes::LogBytes(entry.clone());
        let put = log.write_commit_entry(version.cast_unsigned(), bytes, Uuid::new_v4());
        match put.await {
            Ok(()) => Ok(committed),
            Err(failure) => {
                let entry = entry.clone();
                self.settle(&entry, failure).await?;
                Ok(committed)
            }
        }
    }

    /// What became of an entry whose request ended with `failure`.
    async fn settle(self, entry: &Bytes, failure: TransactionError) -> Result<(), PublishError> {
        let (table, version) = (self.name().to_owned(), self.version());
        match self.table.place.entry(version).await {
            Ok(Some(found)) if found == *entry => Ok(()),
            Ok(Some(_)) => {
                let expected = self.table.version();
                self.abandon().await;
                Err(PublishError::Conflict {
                    table,
                    expected,
                    found: version,
                })
            }
            // The files stay: a request that timed out may still arrive, and then readers need
            // them.
            Ok(None) => Err(PublishError::Commit {
                table,
                version,
                source: failure.into(),
            }),
            Err(_) => Err(PublishError::Unconfirmed {
                table,
                version,
                source: failure.into(),
            }),
        }
    }
}

/// Removes a draft that is certain never to be committed.
pub(super) async fn drop_files(output: &Location, draft: &Draft) {
    if let Err(error) = draft.discard(output).await {
        let table = draft.spec().name();
        tracing::warn!(table.name = table, %error, "could not delete the files of a refused draft");
    }
}

/// The date whose rows a draft replaces; none when it replaces every row.
fn replaced_date(draft: &Draft) -> Option<SnapshotDate> {
    draft.spec().dating().replaced_by(draft.date())
}

/// What an entry says of itself besides its operation.
pub(super) struct Origin {
    metadata: Vec<(String, Value)>,
    transaction: Option<Transaction>,
}

impl Origin {
    /// Where a publication comes from.
    pub(super) fn of(provenance: &Provenance) -> Self {
        let origin = [
            (RUN_ID, &provenance.run_id),
            ("inputFingerprint", &provenance.input_fingerprint),
        ];
        let origin = origin.map(|(key, value)| (key.to_owned(), value.as_str().into()));
        Self {
            metadata: origin.into(),
            transaction: Some(Transaction::new(
                &provenance.application,
                provenance.sequence,
            )),
        }
    }

    /// Nothing but a mark.
    pub(super) fn marked(key: &str, value: Value) -> Self {
        Self {
            metadata: vec![(key.to_owned(), value)],
            transaction: None,
        }
    }

    /// As commit properties of an entry with so many actions of its own. The first line of the
    /// entry says how many there are in all, so that one which was cut at the end of a line is
    /// known.
    fn properties(self, actions: usize) -> CommitProperties {
        let lines = 1 + actions + usize::from(self.transaction.is_some());
        let count = (ACTION_COUNT.to_owned(), lines.into());
        let properties =
            CommitProperties::default().with_metadata(self.metadata.into_iter().chain([count]));
        match self.transaction {
            Some(transaction) => properties.with_application_transaction(transaction),
            None => properties,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::testing::{date, draft, objects, on_every_store, tiers};
    use crate::drafts::{Dating, DraftWriter, TableSpec};
    use crate::ground::{Classified, FailureKind};
    use crate::publish::testing::{Fault, action, faulty, log_entry, provenance};

    on_every_store!(
        replacing_a_date_leaves_the_others_alone,
        the_newest_date_replaces_every_other,
        an_undated_table_is_replaced_whole,
        a_commit_says_where_it_comes_from,
        of_two_runs_at_once_one_commits_and_the_other_conflicts,
        a_draft_without_rows_is_refused,
        a_draft_without_rows_empties_a_table_that_may_be_empty,
        a_draft_with_other_columns_is_refused,
        a_draft_of_another_table_is_refused,
        a_draft_in_another_layout_is_refused,
    );

    /// Rows of a date, as the table's log counts them.
    fn rows_on(table: &Table, day: &str) -> Vec<u64> {
        let files = table.files(Some(date(day))).unwrap();
        files.iter().map(|file| file.rows.unwrap()).collect()
    }

    async fn with_rows(
        output: &Location,
        spec: &Arc<TableSpec>,
        day: &str,
        users: &[(i64, &str)],
    ) -> Table {
        let table = Table::open_or_create(output, spec).await.unwrap();
        let draft = draft(output, spec, day, users).await;
        table.replace(draft, &provenance("a", 1)).await.unwrap()
    }

    async fn replacing_a_date_leaves_the_others_alone(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        with_rows(output, &spec, "2026-11-19", &[(1, "gold")]).await;
        let before = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let after = with_rows(output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        assert_eq!((before.version(), after.version()), (2, 3));
        assert_eq!(rows_on(&after, "2026-11-19"), [1]);
        assert_eq!(rows_on(&after, "2026-11-20"), [2]);
        let [old] = &before.files(Some(date("2026-11-20"))).unwrap()[..] else {
            panic!("one file")
        };
        assert!(!after.paths(None).unwrap().contains(&old.path));
        let reopened = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(reopened.paths(None).unwrap(), after.paths(None).unwrap());
    }

    async fn the_newest_date_replaces_every_other(output: &Location) {
        let spec = tiers("tier_current", Dating::NewestDate);
        with_rows(output, &spec, "2026-11-19", &[(1, "gold")]).await;
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        assert_eq!(rows_on(&table, "2026-11-20"), [2]);
        assert_eq!(table.files(None).unwrap().len(), 1);
    }

    async fn an_undated_table_is_replaced_whole(output: &Location) {
        let schema = tiers("dim_tier", Dating::EveryDate).file_schema();
        let spec = Arc::new(TableSpec::new("dim_tier", &schema, Dating::Undated).unwrap());
        with_rows(output, &spec, "2026-11-19", &[(1, "gold")]).await;
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        let [file] = &table.files(None).unwrap()[..] else {
            panic!("one file")
        };
        assert_eq!((file.rows, table.version()), (Some(2), 2));
        let entry = log_entry(output, "dim_tier", 2).await;
        let parameters = &action(&entry, "commitInfo")["operationParameters"];
        assert_eq!(parameters, &serde_json::json!({"mode": "Overwrite"}));
    }

    async fn a_commit_says_where_it_comes_from(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let draft = draft(output, &spec, "2026-11-20", &[(2, "new")]).await;
        table.replace(draft, &provenance("run-b", 7)).await.unwrap();

        let entry = log_entry(output, "tier_snapshot", 2).await;
        let origin = action(&entry, "commitInfo");
        assert_eq!(
            (&origin["runId"], &origin["inputFingerprint"]),
            (&"run-b".into(), &"f00d".into())
        );
        assert_eq!(
            origin["operationParameters"],
            serde_json::json!({
                "mode": "Overwrite",
                "partitionBy": "[\"snapshot_date\"]",
                "predicate": "snapshot_date = '2026-11-20'",
            })
        );
        let transaction = action(&entry, "txn");
        assert_eq!(
            (&transaction["appId"], &transaction["version"]),
            (&"tierline/nightly".into(), &7.into())
        );
        let day = serde_json::json!({"snapshot_date": "2026-11-20"});
        assert_eq!(action(&entry, "remove")["partitionValues"], day);
        let added = action(&entry, "add");
        assert_eq!(added["partitionValues"], day);
        let statistics: serde_json::Value =
            serde_json::from_str(added["stats"].as_str().unwrap()).unwrap();
        assert_eq!(
            statistics,
            serde_json::json!({
                "numRecords": 1,
                "minValues": {"user_id": 2, "tier": "new"},
                "maxValues": {"user_id": 2, "tier": "new"},
                "nullCount": {"user_id": 0, "tier": 0},
            })
        );
    }

    async fn of_two_runs_at_once_one_commits_and_the_other_conflicts(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(output, &spec, "2026-11-19", &[(1, "gold")]).await;
        let ours = draft(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let theirs = draft(output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        let drafted = [ours.files()[0].path.clone(), theirs.files()[0].path.clone()];
        let (ours_provenance, theirs_provenance) = (provenance("a", 2), provenance("b", 2));
        let (ours, theirs) = futures::join!(
            table.replace(ours, &ours_provenance),
            table.replace(theirs, &theirs_provenance),
        );
        let (winner, loser) = match (ours, theirs) {
            (Ok(winner), Err(loser)) => (winner, loser),
            (Err(loser), Ok(winner)) => (winner, loser),
            other => panic!("one of each, not {other:?}"),
        };
        assert_eq!(loser.kind(), FailureKind::Conflict);
        assert_eq!(
            loser.to_string(),
            "another run committed to table `tier_snapshot` first: version 2 is newer than version 1, which this run was based on; run it again"
        );
        let newest = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(newest.version(), 2);
        assert_eq!(newest.paths(None).unwrap(), winner.paths(None).unwrap());
        let stored = objects(output).await;
        let stored = drafted.iter().filter(|path| {
            let name = path.filename().unwrap();
            stored.iter().any(|object| object.ends_with(name))
        });
        assert_eq!(stored.count(), 1, "the loser's file is removed");
    }

    async fn a_draft_without_rows_is_refused(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let empty = draft(output, &spec, "2026-11-20", &[]).await;
        let error = table.replace(empty, &provenance("b", 2)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        assert_eq!(
            error.to_string(),
            "the draft of table `tier_snapshot` has no rows and would replace what is published; check the inputs and the SQL"
        );
    }

    async fn a_draft_without_rows_empties_a_table_that_may_be_empty(output: &Location) {
        let spec = tiers("tier_migration", Dating::EveryDate);
        let spec = Arc::new(TableSpec::clone(&spec).allowing_no_rows());
        let filled = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let emptied = with_rows(output, &spec, "2026-11-20", &[]).await;
        assert_eq!((filled.version(), emptied.version()), (1, 2));
        assert_eq!(rows_on(&emptied, "2026-11-20"), Vec::<u64>::new());
        let unchanged = with_rows(output, &spec, "2026-11-20", &[]).await;
        assert_eq!(unchanged.version(), 2, "nothing for nothing is no commit");
    }

    async fn a_draft_with_other_columns_is_refused(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let fields = spec.schema().project(&[0, 1]).unwrap();
        let narrow = TableSpec::new("tier_snapshot", &fields, Dating::EveryDate).unwrap();
        let writer = DraftWriter::open(output, &Arc::new(narrow), date("2026-11-20"));
        let draft = writer.unwrap().finish().await.unwrap();
        let error = table.replace(draft, &provenance("b", 2)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        assert_eq!(
            error.to_string(),
            "table `tier_snapshot`: column `tier` (VARCHAR) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_snapshot.tier`"
        );
    }

    async fn a_draft_of_another_table_is_refused(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let other = tiers("tier_current", Dating::NewestDate);
        let draft = draft(output, &other, "2026-11-20", &[(1, "gold")]).await;
        let error = table.replace(draft, &provenance("b", 2)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "a draft of table `tier_current` cannot be committed to table `tier_snapshot`; copy it first"
        );
        assert_eq!(rows_on(&table, "2026-11-20"), [1]);
    }

    async fn a_draft_in_another_layout_is_refused(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let undated = TableSpec::new("tier_snapshot", spec.schema(), Dating::Undated).unwrap();
        let writer = DraftWriter::open(output, &Arc::new(undated), date("2026-11-20"));
        let draft = writer.unwrap().finish().await.unwrap();
        let error = table.replace(draft, &provenance("b", 2)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "table `tier_snapshot` and its draft differ in whether they are partitioned by snapshot_date; publish to another table"
        );
    }

    /// Replaces one row by two, through a store that treats the commit as `fault` says.
    async fn replaced_despite(fault: Fault) -> (Location, Result<Table, PublishError>) {
        let (store, output) = faulty();
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(&output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let draft = draft(&output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        store.arm(fault);
        let result = table.replace(draft, &provenance("b", 2)).await;
        (output, result)
    }

    #[tokio::test]
    async fn a_commit_that_is_in_is_a_success_whatever_the_store_says() {
        for fault in [Fault::AnswerLost, Fault::AskedTwice] {
            let (output, result) = replaced_despite(fault).await;
            let table = result.unwrap();
            assert_eq!(
                (table.version(), rows_on(&table, "2026-11-20")),
                (2, vec![2])
            );
            let newest = Table::open(&output, "tier_snapshot")
                .await
                .unwrap()
                .unwrap();
            assert_eq!(newest.version(), 2);
        }
    }

    #[tokio::test]
    async fn a_commit_that_no_listing_shows_yet_is_found_by_its_key() {
        let (store, output) = faulty();
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let table = with_rows(&output, &spec, "2026-11-20", &[(1, "gold")]).await;
        let draft = draft(&output, &spec, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        let prepared = table.prepare(draft, &provenance("b", 2)).await.unwrap();
        store.arm(Fault::AnswerLost);
        store.forget(usize::MAX);
        assert_eq!(prepared.put().await.unwrap().version(), 2);
    }

    #[tokio::test]
    async fn a_commit_that_is_not_in_leaves_the_table_and_the_files() {
        let (output, result) = replaced_despite(Fault::NotStored).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unexpected);
        assert_eq!(
            error.to_string(),
            "cannot tell whether version 2 of table `tier_snapshot` will be there: the store failed to write it and does not have it now, but a request that timed out may still arrive; run it again, it goes by what is there then"
        );
        let table = Table::open(&output, "tier_snapshot")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (table.version(), rows_on(&table, "2026-11-20")),
            (1, vec![1])
        );
        let stored = objects(&output).await;
        let files = stored.iter().filter(|object| object.ends_with(".parquet"));
        assert_eq!(
            files.count(),
            2,
            "a request that timed out may still arrive"
        );
    }

    #[tokio::test]
    async fn a_commit_that_nobody_can_look_up_is_reported_as_such() {
        let (_output, result) = replaced_despite(Fault::GoneDark).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unexpected);
        assert_eq!(
            error.to_string(),
            "cannot tell whether version 2 of table `tier_snapshot` is there, since the table cannot be read any more; run it again once the store answers, it goes by what is there then"
        );
    }
}
