//! One commit: the files of a draft take the place of those that readers see.
//!
//! 1. `admit` refuses a draft that must not replace anything, and tells how the table's columns
//!    [grow](super::growth) with it.
//! 2. `swap` lists the files to remove and to add, and the columns as they are then.
//! 3. `commit` puts all of it into the log as the next version, in one conditional request. It is
//!    not retried: a version that another run took first is that run's.
//! 4. `settle` finds out what became of a commit that did not answer with success, since a store
//!    may do as asked and still answer with an error. The files of a draft are its own, so the
//!    table holds exactly them and the draft's columns, or the commit is not in.

use std::collections::BTreeSet;
use std::sync::Arc;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::state::DeltaTableState;
use object_store::path::Path;

use super::PublishError;
use super::table::Table;
use crate::config::storage::Location;
use crate::drafts::{Draft, Growth, SNAPSHOT_DATE};
use crate::ground::SnapshotDate;

/// Where a commit comes from, as its entry in the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The run.
    pub run_id: String,
    /// Everything the run read.
    pub input_fingerprint: String,
    /// The job, such as `tierline/nightly`.
    pub application: String,
    /// Counts the publications of the job.
    pub sequence: i64,
}

impl Table {
    /// Replaces the rows of the draft's date, or all rows where the table keeps one state, and
    /// returns the table as it is then. Nothing to remove and nothing to add, neither rows nor
    /// columns, is no commit.
    ///
    /// A draft that is certain never to be committed is removed.
    ///
    /// # Errors
    /// - [`PublishError::EmptyReplacement`] and the other guards: nothing was tried.
    /// - [`PublishError::Conflict`]: another run committed since this table was opened.
    /// - [`PublishError::Commit`]: the store failed, and readers see what they saw.
    /// - [`PublishError::Unconfirmed`]: the store failed and cannot be asked what readers see.
    pub async fn replace(
        &self,
        draft: Draft,
        provenance: &Provenance,
    ) -> Result<Self, PublishError> {
        let admitted = self.admit(&draft);
        let actions = match admitted.and_then(|growth| self.swap(&draft, &growth)) {
            Ok(actions) => actions,
            Err(refusal) => {
                drop_files(&self.place.output, &draft).await;
                return Err(refusal);
            }
        };
        if actions.is_empty() {
            return Ok(self.clone());
        }
        match self
            .commit(actions, replaced_date(&draft), provenance)
            .await
        {
            Ok(state) => Ok(Self {
                state,
                ..self.clone()
            }),
            Err(failure) => self.settle(draft, failure).await,
        }
    }

    /// How the columns grow with a draft. Refuses one of another table, in another layout or with
    /// columns that the table's cannot become, and one without rows for a table that may not be
    /// empty.
    pub(super) fn admit(&self, draft: &Draft) -> Result<Growth, PublishError> {
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
        let growth = self.growth(spec)?;
        if draft.rows() == 0 && !spec.may_be_empty() {
            return Err(PublishError::EmptyReplacement {
                table: self.name.clone(),
            });
        }
        Ok(growth)
    }

    fn swap(&self, draft: &Draft, growth: &Growth) -> Result<Vec<Action>, PublishError> {
        let metadata = self.grown(growth, draft.spec())?;
        let published = self.entries(replaced_date(draft))?;
        let removals = published
            .iter()
            .map(|entry| entry.remove_action(true).into());
        let additions = draft.additions().map(|add| add.clone().into());
        let metadata = metadata.map(Action::from).into_iter();
        Ok(metadata.chain(removals).chain(additions).collect())
    }

    async fn commit(
        &self,
        actions: Vec<Action>,
        replaced: Option<SnapshotDate>,
        provenance: &Provenance,
    ) -> Result<DeltaTableState, DeltaTableError> {
        let columns = self.state.metadata().partition_columns();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Overwrite,
            partition_by: (!columns.is_empty()).then(|| columns.to_vec()),
            predicate: replaced.map(|date| format!("{SNAPSHOT_DATE} = '{date}'")),
        };
        let commit = CommitBuilder::from(properties(provenance))
            .with_actions(actions)
            .build(Some(&self.state), Arc::clone(&self.place.log), operation);
        Ok(commit.await?.snapshot)
    }

    /// What became of a commit that failed with `failure`.
    async fn settle(&self, draft: Draft, failure: DeltaTableError) -> Result<Self, PublishError> {
        let Ok(Some(newest)) = Self::open(&self.place.output, &self.name).await else {
            return Err(PublishError::Unconfirmed {
                table: self.name.clone(),
                source: failure.into(),
            });
        };
        let committed: BTreeSet<Path> =
            draft.files().iter().map(|file| file.path.clone()).collect();
        let has_columns = newest.growth(draft.spec());
        let has_columns = has_columns.is_ok_and(|growth| growth.is_none());
        if has_columns && newest.paths(replaced_date(&draft))? == committed {
            return Ok(newest);
        }
        if newest.version() > self.version() {
            drop_files(&self.place.output, &draft).await;
            return Err(PublishError::Conflict {
                table: self.name.clone(),
                expected: self.version(),
                found: newest.version(),
            });
        }
        // The files stay: a request that timed out may still arrive, and then readers need them.
        Err(PublishError::Commit {
            table: self.name.clone(),
            version: self.version(),
            source: failure.into(),
        })
    }
}

/// Removes a draft that is certain never to be committed.
pub(super) async fn drop_files(output: &Location, draft: &Draft) {
    if let Err(error) = draft.discard(output).await {
        let table = draft.spec().name();
        tracing::warn!(table.name = table, %error, "files of a refused draft are left");
    }
}

/// The date whose rows a draft replaces; none when it replaces every row.
fn replaced_date(draft: &Draft) -> Option<SnapshotDate> {
    draft.spec().dating().replaced_by(draft.date())
}

fn properties(provenance: &Provenance) -> CommitProperties {
    let origin = [
        ("runId", &provenance.run_id),
        ("inputFingerprint", &provenance.input_fingerprint),
    ];
    let origin = origin.map(|(key, value)| (key.to_owned(), value.as_str().into()));
    let transaction = Transaction::new(&provenance.application, provenance.sequence);
    CommitProperties::default()
        .with_metadata(origin)
        .with_application_transaction(transaction)
        .with_max_retries(0)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false))
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
        files.iter().map(|file| file.rows).collect()
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
        assert_eq!((file.rows, table.version()), (2, 2));
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
            "table `tier_snapshot`: column `tier` (Utf8) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_snapshot.tier`"
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
    async fn a_commit_that_is_not_in_leaves_the_table_and_the_files() {
        let (output, result) = replaced_despite(Fault::NotStored).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unexpected);
        assert_eq!(
            error.to_string(),
            "cannot commit to table `tier_snapshot`; readers still see version 1; run it again"
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
            "cannot tell whether the commit to table `tier_snapshot` is in, since the table cannot be read any more; run it again once the store answers"
        );
    }
}
