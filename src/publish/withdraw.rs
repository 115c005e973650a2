//! Taking a published date back.
//!
//! It is a publication like any other, in the same order of commits: the dated tables lose the rows
//! of the date, `tier_current`, `dim_tier` and tables of the job's own that keep one state go to the
//! newest date that is left, and the row in `publications` says `withdrawn`. Its files stay where they are, so the versions from before it can still be
//! read.

use futures::future::try_join_all;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use uuid::Uuid;

use deltalake_core::kernel::{Action, LogicalFileView};

use super::commit::{Origin, Prepared, Provenance};
use super::repair::Wanted;
use super::table::Table;
use super::{
    Inspection, Publication, PublicationStatus, Publications, PublishError, Published,
    TableVersion, commit_prepared, inspect, made_at, repair, undisturbed, versions,
};
use crate::drafts::{SNAPSHOT_DATE, objects};
use crate::storage::Location;
use crate::tables::{DIM_METRIC, DIM_TIER, TIER_CURRENT, TIER_SNAPSHOT};

/// The tables that follow from the newest snapshot.
const SNAPSHOT: &str = TIER_SNAPSHOT.name;
const CURRENT: &str = TIER_CURRENT.name;

/// Tables of what values are called: they say nothing of users, and old dates need them as well.
const LABELS: [&str; 2] = [DIM_TIER.name, DIM_METRIC.name];

/// Takes back what `withdrawn` has published. The id of the run that does so is made from the
/// number of its publication.
///
/// # Errors
/// - [`PublishError::Conflict`] when another run published or committed since `publications` were
///   loaded and `inspection` was made: somebody may have thought about it for long;
/// - a store that fails: running again finds out what is there, and puts it right.
pub async fn withdraw(
    output: &Location,
    (publications, inspection): (&Publications, &Inspection),
    withdrawn: &Publication,
    application: &str,
) -> Result<Published, PublishError> {
    let repaired = match inspection.is_clean() {
        true => inspection.clone(),
        false => put_right(output, publications, withdrawn).await?,
    };
    let sequence = publications.next_sequence();
    let provenance = Provenance {
        run_id: format!("{}-withdrawn-{sequence}", withdrawn.snapshot_date),
        input_fingerprint: withdrawn.input_fingerprint.clone(),
        application: application.to_owned(),
        sequence,
    };
    let withdrawal = Withdrawal {
        output,
        publications,
        inspection: &repaired,
        withdrawn,
        provenance: &provenance,
    };
    let commits = Box::pin(withdrawal.prepare_all()).await?;
    let publication = Publication {
        status: PublicationStatus::Withdrawn,
        run_id: provenance.run_id.clone(),
        sequence,
        published_at: made_at(&commits),
        tables: versions(&commits),
        ..withdrawn.clone()
    };
    let rows = (Vec::new(), publication);
    let committed = commit_prepared(output, publications, commits, rows, &provenance);
    Box::pin(committed).await
}

/// Undoes commits that no publication names, before a date is withdrawn. Where a published file of
/// that very date is gone they stay: withdrawing it is the way out, and the next run undoes them.
async fn put_right(
    output: &Location,
    publications: &Publications,
    withdrawn: &Publication,
) -> Result<Inspection, PublishError> {
    match repair(output, publications).await {
        Err(PublishError::FileGone { date, .. }) if date == withdrawn.snapshot_date => {
            inspect(output, publications).await
        }
        repaired => repaired,
    }
}

struct Withdrawal<'a> {
    output: &'a Location,
    publications: &'a Publications,
    /// The versions that the tables have, unless somebody commits in the meantime.
    inspection: &'a Inspection,
    withdrawn: &'a Publication,
    provenance: &'a Provenance,
}

impl Withdrawal<'_> {
    /// A commit for every table that the date has rows in, be it that its last run no longer made
    /// the table, and for those that keep one state when the date is the newest.
    async fn prepare_all(&self) -> Result<Vec<Prepared>, PublishError> {
        let recorded = self.inspection.recorded().map(|(table, _)| table);
        let others = recorded.filter(|table| *table != CURRENT && !LABELS.contains(table));
        let opened = try_join_all(others.map(|table| self.present(table))).await?;
        let (whole, dated): (Vec<Table>, Vec<Table>) =
            opened.into_iter().partition(Table::is_kept_whole);
        let date = self.withdrawn.snapshot_date;
        let emptied = dated
            .iter()
            .map(|table| table.without_date(date, self.provenance));
        let mut commits = try_join_all(emptied).await?;
        // The snapshot first: of two at once only one gets past it.
        commits.sort_by_key(|commit| commit.name() != SNAPSHOT);
        if self.publications.latest_date() == Some(self.withdrawn.snapshot_date) {
            commits.extend(self.gone_back().await?);
            for labels in LABELS {
                commits.extend(self.labels_gone_back(labels).await?);
            }
            for table in whole {
                commits.extend(self.state_gone_back(table).await?);
            }
        }
        Ok(commits)
    }

    /// A table that publications record, at the version that it had when it was looked at.
    async fn present(&self, table: &str) -> Result<Table, PublishError> {
        let opened = self.undisturbed(table).await?;
        opened.ok_or_else(|| self.missing(table, self.withdrawn))
    }

    /// A table at the version that it had when it was looked at.
    async fn undisturbed(&self, name: &str) -> Result<Option<Table>, PublishError> {
        undisturbed(self.output, self.inspection, name).await
    }

    /// `tier_current` with the rows of the newest date that is left; none when there never was one.
    async fn gone_back(&self) -> Result<Option<Prepared>, PublishError> {
        let Some(current) = self.undisturbed(CURRENT).await? else {
            return Ok(None);
        };
        let gone = current.entries(None)?;
        let removals = gone.iter().map(|file| file.remove_action(true).into());
        let mut actions: Vec<Action> = removals.collect();
        let mut rows = 0;
        if let Some(left) = self.publications.previous_to(self.withdrawn.snapshot_date) {
            for file in self.snapshot_of(left).await? {
                actions.push(self.copied(&current, left, &file).await?);
                rows += file.num_records().unwrap_or_default() as u64;
            }
        }
        self.prepared(current, actions, None, rows).await.map(Some)
    }

    /// Labels with the rows that the newest date that is left published. Where that published none, or a
    /// vacuum has removed the rows since, they stay as they are until the next night.
    async fn labels_gone_back(&self, name: &str) -> Result<Option<Prepared>, PublishError> {
        let (Some((left, recorded)), Some(labels)) =
            (self.left_with(name), self.undisturbed(name).await?)
        else {
            return Ok(None);
        };
        let actions = match self.state_of(&labels, left, recorded).await {
            Ok(actions) => actions,
            Err(gone @ (PublishError::FileGone { .. } | PublishError::VersionGone { .. })) => {
                tracing::warn!(error = %gone, table.name = name, "the table stays as it is until the next night");
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        let prepared = self.prepared(labels, actions, None, recorded.rows);
        prepared.await.map(Some)
    }

    /// A table of the job's own that keeps one state, with the rows that the newest date that is
    /// left published. Where it published none, or a vacuum has removed them since, the table has no
    /// rows until the next night: those of the withdrawn date are to go in any case. One that the
    /// date did not publish stays as it is.
    async fn state_gone_back(&self, table: Table) -> Result<Option<Prepared>, PublishError> {
        if !self.withdrawn.tables.contains_key(&table.name) {
            return Ok(None);
        }
        let restored = match self.left_with(&table.name) {
            Some((left, recorded)) => match self.state_of(&table, left, recorded).await {
                Ok(actions) => Some((actions, recorded.rows)),
                Err(PublishError::FileGone { .. } | PublishError::VersionGone { .. }) => None,
                Err(failure) => return Err(failure),
            },
            None => None,
        };
        let (actions, rows) = match restored {
            Some(restored) => restored,
            None => {
                tracing::warn!(
                    table.name = table.name,
                    "the table has no rows until the next night"
                );
                let gone = table.entries(None)?;
                let removals = gone.iter().map(|file| file.remove_action(true).into());
                (removals.collect(), 0)
            }
        };
        self.prepared(table, actions, None, rows).await.map(Some)
    }

    /// The newest date that is left, where it has published a table.
    fn left_with(&self, table: &str) -> Option<(&Publication, &TableVersion)> {
        let left = self
            .publications
            .previous_to(self.withdrawn.snapshot_date)?;
        Some((left, left.tables.get(table)?))
    }

    /// What gives a table the files that a publication recorded.
    async fn state_of(
        &self,
        table: &Table,
        left: &Publication,
        recorded: &TableVersion,
    ) -> Result<Vec<Action>, PublishError> {
        let then = Table::open_at(self.output, &table.name, recorded.version).await?;
        let then = then.ok_or_else(|| self.missing(&table.name, left))?;
        let wanted = Wanted {
            publication: left,
            files: then.entries(None)?,
        };
        table.restoring(None, &wanted).await
    }

    /// The files of the snapshot that a publication recorded. Where every table is as publications
    /// say, they are those of the newest version: other programs may have put the rows into other
    /// files, and a vacuum may have removed those of before.
    async fn snapshot_of(&self, left: &Publication) -> Result<Vec<LogicalFileView>, PublishError> {
        let missing = || self.missing(SNAPSHOT, left);
        let recorded = left.tables.get(SNAPSHOT).ok_or_else(missing)?;
        let table = match self.inspection.is_clean() {
            true => self.undisturbed(SNAPSHOT).await?,
            false => Table::open_at(self.output, SNAPSHOT, recorded.version).await?,
        };
        table.ok_or_else(missing)?.entries(Some(left.snapshot_date))
    }

    /// A file of the snapshot, copied for `tier_current`, as its log will name it.
    async fn copied(
        &self,
        current: &Table,
        left: &Publication,
        file: &LogicalFileView,
    ) -> Result<Action, PublishError> {
        #[expect(
            deprecated,
            reason = "nothing else gives back what the log said of a file"
        )]
        let mut add = file.add_action();
        let snapshots = objects::table_folder(self.output, SNAPSHOT);
        let from = objects::below(&snapshots, &file.object_store_path());
        let partition = from
            .parts()
            .find(|part| part.as_ref().starts_with(SNAPSHOT_DATE));
        let name = from.filename().unwrap_or_default();
        let inner = partition.into_iter().collect::<Path>();
        let inner = inner.join(Uuid::new_v4().to_string()).join(name);
        let to = objects::below(&current.place.folder, &inner);
        match self.output.store.copy(&from, &to).await {
            Ok(()) => {}
            Err(object_store::Error::NotFound { .. }) => {
                return Err(PublishError::FileNeeded {
                    table: SNAPSHOT.to_owned(),
                    path: self.output.url_of(&from),
                    date: left.snapshot_date,
                });
            }
            Err(source) => return Err(self.output.failure("copy", &from, source).into()),
        }
        add.path = inner.to_string();
        Ok(add.into())
    }

    async fn prepared(
        &self,
        table: Table,
        actions: Vec<Action>,
        predicate: Option<String>,
        rows: u64,
    ) -> Result<Prepared, PublishError> {
        if actions.is_empty() {
            return Ok(table.prepared(None, rows));
        }
        let operation = table.overwriting(predicate);
        let entry = table.entry_of(actions, operation, Origin::of(self.provenance));
        let entry = entry.await?;
        Ok(table.prepared(Some(entry), rows))
    }

    fn missing(&self, table: &str, publication: &Publication) -> PublishError {
        let recorded = publication.tables.get(table);
        PublishError::Missing {
            table: table.to_owned(),
            date: publication.snapshot_date,
            version: recorded.map_or(0, |recorded| recorded.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;
    use crate::drafts::testing::{date, draft, on_every_store};
    use crate::publish::testing::{self, crash, load, provenance};

    on_every_store!(
        the_newest_date_is_taken_back,
        an_older_date_leaves_current_alone,
        the_only_date_leaves_nothing,
        a_withdrawn_date_is_published_again,
        a_withdrawal_that_was_overtaken_changes_nothing,
        a_withdrawal_sees_a_commit_that_was_made_while_it_was_thought_about,
        a_date_whose_file_is_gone_is_withdrawn_and_published_again,
    );

    /// Publishes a date with so many users.
    async fn publish(output: &Location, day: &str, users: i64) {
        let users: Vec<(i64, &str)> = (0..users).map(|user| (user, "new")).collect();
        testing::publish(output, day, &users).await;
    }

    /// Readers find these rows, and publications say the same.
    async fn assert_found(output: &Location, snapshot: &[(&str, u64)], current: &[(&str, u64)]) {
        testing::assert_found(output, snapshot, current).await;
        let publications = load(output).await;
        assert!(inspect(output, &publications).await.unwrap().is_clean());
    }

    async fn take_back(
        output: &Location,
        publications: &Publications,
        day: &str,
    ) -> Result<Published, PublishError> {
        let inspection = inspect(output, publications).await.unwrap();
        let withdrawn = publications.newest_for(date(day)).unwrap();
        let state = (publications, &inspection);
        withdraw(output, state, withdrawn, "tierline/nightly").await
    }

    async fn the_newest_date_is_taken_back(output: &Location) {
        publish(output, "2026-11-19", 1).await;
        publish(output, "2026-12-31", 2).await;
        let taken = take_back(output, &load(output).await, "2026-12-31")
            .await
            .unwrap();
        let row = &taken.publication;
        assert_eq!(
            (row.run_id.as_str(), row.sequence),
            ("2026-12-31-withdrawn-3", 3)
        );
        assert_eq!(
            (row.tables[SNAPSHOT].rows, row.tables[CURRENT].rows),
            (0, 1)
        );
        assert_found(output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
        let publications = load(output).await;
        assert_eq!(publications.latest_date(), Some(date("2026-11-19")));
        assert_eq!(publications.all().last(), Some(row));
    }

    async fn an_older_date_leaves_current_alone(output: &Location) {
        publish(output, "2026-11-19", 1).await;
        publish(output, "2026-11-20", 2).await;
        take_back(output, &load(output).await, "2026-11-19")
            .await
            .unwrap();
        assert_found(output, &[("2026-11-20", 2)], &[("2026-11-20", 2)]).await;
    }

    async fn the_only_date_leaves_nothing(output: &Location) {
        publish(output, "2026-11-19", 1).await;
        take_back(output, &load(output).await, "2026-11-19")
            .await
            .unwrap();
        assert_found(output, &[], &[]).await;
        publish(output, "2026-11-18", 2).await;
        assert_found(output, &[("2026-11-18", 2)], &[("2026-11-18", 2)]).await;
    }

    async fn a_withdrawn_date_is_published_again(output: &Location) {
        publish(output, "2026-11-19", 1).await;
        publish(output, "2026-11-20", 2).await;
        take_back(output, &load(output).await, "2026-11-20")
            .await
            .unwrap();
        publish(output, "2026-11-20", 3).await;
        assert_found(
            output,
            &[("2026-11-19", 1), ("2026-11-20", 3)],
            &[("2026-11-20", 3)],
        )
        .await;
    }

    async fn a_withdrawal_that_was_overtaken_changes_nothing(output: &Location) {
        publish(output, "2026-11-19", 1).await;
        let slow = load(output).await;
        let inspection = inspect(output, &slow).await.unwrap();
        publish(output, "2026-11-20", 2).await;
        let withdrawn = slow.newest_for(date("2026-11-19")).unwrap();
        let state = (&slow, &inspection);
        let overtaken = withdraw(output, state, withdrawn, "tierline/nightly").await;
        assert!(matches!(overtaken, Err(PublishError::Conflict { .. })));
        assert_found(
            output,
            &[("2026-11-19", 1), ("2026-11-20", 2)],
            &[("2026-11-20", 2)],
        )
        .await;
    }

    async fn a_withdrawal_sees_a_commit_that_was_made_while_it_was_thought_about(
        output: &Location,
    ) {
        publish(output, "2026-11-19", 1).await;
        let publications = load(output).await;
        let inspection = inspect(output, &publications).await.unwrap();
        let withdrawn = publications.newest_for(date("2026-11-19")).unwrap();
        crash(output, "2026-11-20", &[(1, "new"), (2, "new")]).await;
        let state = (&publications, &inspection);
        let overtaken = withdraw(output, state, withdrawn, "tierline/nightly").await;
        assert!(matches!(overtaken, Err(PublishError::Conflict { .. })));
        assert_eq!(load(output).await.all(), publications.all());
        // Once more it knows of the commit, which it undoes.
        take_back(output, &publications, "2026-11-19")
            .await
            .unwrap();
        assert_found(output, &[], &[]).await;
    }

    async fn a_date_whose_file_is_gone_is_withdrawn_and_published_again(output: &Location) {
        publish(output, "2026-11-18", 1).await;
        publish(output, "2026-11-19", 1).await;
        let publications = load(output).await;
        let holds = publications.newest_for(date("2026-11-18")).unwrap();
        let files = publications.files_of(holds, SNAPSHOT).await.unwrap();
        let table = Table::open(output, SNAPSHOT).await.unwrap().unwrap();
        let spec = testing::snapshot();
        let restated = draft(output, &spec, "2026-11-18", &[(1, "new"), (2, "new")]).await;
        let dead = table.replace(restated, &provenance("dead", 1)).await;
        dead.unwrap();
        output.store.delete(&files[0].path).await.unwrap();
        take_back(output, &publications, "2026-11-18")
            .await
            .unwrap();
        publish(output, "2026-11-18", 3).await;
        assert_found(
            output,
            &[("2026-11-18", 3), ("2026-11-19", 1)],
            &[("2026-11-19", 1)],
        )
        .await;
    }
}
