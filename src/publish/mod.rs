//! Publishing: from drafts to what readers see.
//!
//! [`publish`] goes through these steps, and the order is the point:
//!
//! 1. Every table is opened, or made, and every draft admitted, before the first commit: whatever
//!    can be refused is refused while readers still see nothing new. The entries of all logs are
//!    prepared, down to their last byte, and the rows of `publications` are written aside.
//! 2. `publications` is looked at once more: a run that another overtook stops here.
//! 3. The first table is committed alone: of two runs at once only one gets past it, so that they
//!    do not each win some tables. The other tables that keep every date follow side by side.
//!    Each commit replaces the rows of the date, and the table's columns where they
//!    [evolve](schema_evolution).
//! 4. `tier_current`, `dim_tier` and tables of the job's own that keep one state follow, side by
//!    side.
//! 5. One commit to [`publications`] says which versions belong together. Only now the date is
//!    published, and [put on record](last_publication) as such.
//!
//! From the first commit to the last that is four requests after one another, some of which are
//! made for several tables at once. In between, a reader of the newest versions finds some
//! tables with the date and some without; one who opens the versions that a publication names
//! finds a set that belongs together at any time.
//!
//! A crash between 3 and 5 leaves tables with rows that no publication mentions. So does a run
//! that another overtakes, and it undoes its commits at once; [`repair`] does so for the one that
//! crashed, at the beginning of the next run.
//!
//! This module and [`drafts`](crate::drafts) are the only ones that know Delta Lake.

mod checkpoint;
mod commit;
mod create;
mod error;
mod expire;
mod last_publication;
mod log;
mod log_entry;
mod lost_files;
mod mark;
mod place;
pub mod publications;
mod reading;
mod repair;
mod retired;
mod run_record;
mod schema_evolution;
mod table;
mod unneeded;
mod views;
mod whole_files;
mod withdraw;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::future::{join_all, try_join_all};

use crate::audits::Cleared;
use crate::drafts::{ContractError, Draft, TableColumn};
use crate::storage::Location;

use self::commit::{Prepared, drop_files};
use self::retired::Retired;

pub use checkpoint::write_checkpoints;
pub use commit::{Committed, Provenance};
pub use error::PublishError;
pub use expire::expire;
pub use lost_files::{LostFiles, lost_files};
pub(crate) use mark::Mark;
pub(crate) use publications::spec as spec_of_publications;
pub use publications::{Publication, PublicationStatus, Publications, TableVersion};
#[cfg(feature = "cluster")]
pub(crate) use reading::{SnapshotFiles, snapshot_files};
pub(crate) use reading::{
    files_by_date, missing, published_dates, published_files, published_in_order,
    published_snapshot, published_table, published_tables, with_columns_of,
};
pub use repair::{ForeignCommit, Inspection, check_complete, inspect, repair};
pub use run_record::RunRecord;
pub use table::{PublishedFile, Table};
pub use unneeded::TableFolder;
pub use views::keep_views;
pub use withdraw::withdraw;

/// A date that is published.
#[derive(Debug)]
pub struct Published {
    /// The row of `publications`.
    pub publication: Publication,
    /// The tables as committed, `publications` among them: those that are due want a checkpoint.
    pub tables: Vec<Committed>,
}

/// Publishes the audited drafts of one date, all or none of them.
///
/// `publications` is what the run was based on, and `inspection` what it found of the tables.
/// Tables may lose no column but `may_drop`. Drafts that are certain never to be committed are
/// removed.
///
/// # Errors
/// - a guard or the contract refuses a draft, before anything is committed;
/// - [`PublishError::Conflict`] when another run was faster;
/// - a store that fails: running again finds out what is there, and puts it right.
pub async fn publish(
    output: &Location,
    (publications, inspection): (&Publications, &Inspection),
    cleared: Cleared,
    record: RunRecord,
    may_drop: &[TableColumn],
) -> Result<Published, PublishError> {
    Box::pin(commit_all(
        output,
        (publications, inspection),
        cleared.into_drafts(),
        record,
        may_drop,
    ))
    .await
}

/// The steps of [`publish`], once the audits are past.
async fn commit_all(
    output: &Location,
    (publications, inspection): (&Publications, &Inspection),
    drafts: Vec<Draft>,
    record: RunRecord,
    may_drop: &[TableColumn],
) -> Result<Published, PublishError> {
    let admitted = async {
        for draft in &drafts {
            check_recorded(draft, publications, &record)?;
        }
        let opened = open_all(output, (publications, inspection), &drafts);
        let tables = Box::pin(opened).await?;
        admit_all(tables, &drafts, &record, may_drop)
    };
    let admitted = async {
        let tables = admitted.await?;
        let retired = Retired::open(output, publications, &drafts, &record).await?;
        Ok((tables, retired))
    };
    let (tables, retired) = match admitted.await {
        Ok(admitted) => admitted,
        Err(refusal) => {
            drop_all(output, drafts).await;
            return Err(refusal);
        }
    };
    let provenance = Provenance {
        run_id: record.run_id.clone(),
        input_fingerprint: record.input_fingerprint.clone(),
        application: record.application.clone(),
        sequence: publications.next_sequence(),
    };
    let mut commits = Box::pin(prepare_all(output, tables, drafts, &provenance)).await?;
    match retired.prepare(&provenance).await {
        Ok(emptied) => commits.extend(emptied),
        Err(failure) => {
            join_all(commits.into_iter().map(Prepared::abandon)).await;
            return Err(failure);
        }
    }
    let publication = publication(record, provenance.sequence, &commits);
    let rows = (Vec::new(), publication);
    let committed = commit_prepared(output, publications, commits, rows, &provenance);
    Box::pin(committed).await
}

/// Commits to tables, then the publication that names their versions. Other rows of `publications` may come
/// with it, just before: those of dates that expire together.
async fn commit_prepared(
    output: &Location,
    publications: &Publications,
    commits: Vec<Prepared>,
    (before, publication): (Vec<Publication>, Publication),
    provenance: &Provenance,
) -> Result<Published, PublishError> {
    let rows = (&before[..], &publication);
    let last = match ready(output, publications, rows, provenance).await {
        Ok(last) => last,
        Err(refusal) => {
            join_all(commits.into_iter().map(Prepared::abandon)).await;
            return Err(refusal);
        }
    };
    let (mut tables, failure) = put_in_turn(in_turn(commits)).await;
    if let Some(failure) = failure {
        last.abandon().await;
        if !tables.is_empty() {
            repair::undo(output, publications).await;
        }
        return Err(failure);
    }
    tables.push(put_last(output, last, (publications, rows), &tables).await?);
    Ok(Published {
        publication,
        tables,
    })
}

/// The commit that publishes, once it is certain that nobody else has published.
async fn ready(
    output: &Location,
    publications: &Publications,
    rows: (&[Publication], &Publication),
    provenance: &Provenance,
) -> Result<Prepared, PublishError> {
    let last = publications.prepare(rows, provenance).await?;
    let is_next = async {
        publications.check_newest().await?;
        last_publication::take_back(output, publications).await
    };
    match is_next.await {
        Ok(()) => Ok(last),
        Err(refusal) => {
            last.abandon().await;
            Err(refusal)
        }
    }
}

/// The groups that are committed one after the other.
fn in_turn(commits: Vec<Prepared>) -> [Vec<Prepared>; 3] {
    let (whole, mut dated): (Vec<_>, Vec<_>) =
        commits.into_iter().partition(Prepared::is_kept_whole);
    let others = dated.split_off(dated.len().min(1));
    [dated, others, whole]
}

/// Commits one group after the other, each side by side. After one that fails, the groups after it
/// are given up. The tables that were committed to, and what failed.
async fn put_in_turn(groups: [Vec<Prepared>; 3]) -> (Vec<Committed>, Option<PublishError>) {
    let mut tables = Vec::new();
    let mut failure = None;
    for group in groups {
        if failure.is_some() {
            join_all(group.into_iter().map(Prepared::abandon)).await;
            continue;
        }
        for committed in join_all(group.into_iter().map(Prepared::put)).await {
            match committed {
                Ok(table) => tables.push(table),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
    }
    (tables, failure)
}

/// Commits the publication itself, and sees that it stays valid: the commits to `tables` are undone when
/// another run was faster, and put back where somebody has taken them for nobody's.
async fn put_last(
    output: &Location,
    last: Prepared,
    (publications, (before, publication)): (&Publications, (&[Publication], &Publication)),
    tables: &[Committed],
) -> Result<Committed, PublishError> {
    let last = last.put().await;
    match &last {
        Ok(committed) => {
            last_publication::keep(output, publication).await;
            views::keep(output, (publications, before), publication, committed).await;
            check_undisturbed(output, publications, tables).await;
        }
        Err(PublishError::Conflict { .. }) => repair::undo(output, publications).await,
        // Whatever is not certain is left to the next run: the publication may still arrive.
        Err(_) => {}
    }
    last
}

/// Repairs tables to which somebody committed while the run published: a repair that did not know
/// of the publication, or a run that lost to it.
async fn check_undisturbed(output: &Location, publications: &Publications, tables: &[Committed]) {
    let later = tables.iter().map(|committed| {
        let place = &committed.table.place;
        place.entry(committed.version + 1)
    });
    let later = join_all(later).await;
    if later
        .iter()
        .any(|entry| matches!(entry, Ok(Some(_)) | Err(_)))
    {
        repair::undo(output, publications).await;
    }
}

/// The tables, each ready to take its draft. What is wrong with the columns of any is said at once.
fn admit_all(
    tables: Vec<Table>,
    drafts: &[Draft],
    record: &RunRecord,
    may_drop: &[TableColumn],
) -> Result<Vec<Table>, PublishError> {
    let tables: Vec<Table> = tables
        .into_iter()
        .map(|table| match record.is_by_earlier_rules {
            true => table.keeping_columns(),
            false => table.allowing_drops(may_drop),
        })
        .collect();
    let mut problems = Vec::new();
    for (table, draft) in tables.iter().zip(drafts) {
        match table.admit(draft) {
            Ok(_) => {}
            Err(PublishError::Contract(error)) => problems.extend(error.problems),
            Err(refusal) => return Err(refusal),
        }
    }
    ContractError::unless_none(problems).map_err(|refused| PublishError::Columns { refused })?;
    Ok(tables)
}

/// The table of every draft, as publications say: a commit that none of them names is undone first.
async fn open_all(
    output: &Location,
    (publications, inspection): (&Publications, &Inspection),
    drafts: &[Draft],
) -> Result<Vec<Table>, PublishError> {
    let tables = open_drafted(output, publications, drafts).await?;
    let is_known = |table: &Table| table.version() == inspection.version(&table.name);
    if inspection.is_clean() && tables.iter().all(is_known) {
        return Ok(tables);
    }
    let repaired = repair(output, publications).await?;
    let tables = open_drafted(output, publications, drafts).await?;
    for table in &tables {
        let expected = repaired.version(&table.name);
        if table.version() != expected {
            return Err(PublishError::Conflict {
                table: table.name.clone(),
                expected,
                found: table.version(),
            });
        }
    }
    Ok(tables)
}

/// The table of every draft, made where it is not there yet.
async fn open_drafted(
    output: &Location,
    publications: &Publications,
    drafts: &[Draft],
) -> Result<Vec<Table>, PublishError> {
    let opened = drafts.iter().map(|draft| async {
        let mut table = Table::open_or_create(output, draft.spec()).await?;
        let is_recorded = |row: &Publication| row.tables.contains_key(&table.name);
        table.is_unbound = !publications.all().iter().any(is_recorded);
        Ok(table)
    });
    try_join_all(opened).await
}

/// Refuses a draft that the publication could not speak for.
fn check_recorded(
    draft: &Draft,
    publications: &Publications,
    record: &RunRecord,
) -> Result<(), PublishError> {
    let table = draft.spec().name();
    if !publications.has_table(table) {
        return Err(PublishError::Unrecorded {
            table: table.to_owned(),
        });
    }
    match draft.date() {
        Some(found) if found != record.snapshot_date => Err(PublishError::OtherDate {
            table: table.to_owned(),
            expected: record.snapshot_date,
            found,
        }),
        _ => Ok(()),
    }
}

/// The commit of every draft to its table.
async fn prepare_all(
    output: &Location,
    tables: Vec<Table>,
    drafts: Vec<Draft>,
    provenance: &Provenance,
) -> Result<Vec<Prepared>, PublishError> {
    let mut commits = Vec::new();
    let mut waiting = tables.into_iter().zip(drafts);
    while let Some((table, draft)) = waiting.next() {
        match table.prepare(draft, provenance).await {
            Ok(commit) => commits.push(commit),
            Err(refusal) => {
                join_all(commits.into_iter().map(Prepared::abandon)).await;
                drop_all(output, waiting.map(|(_, draft)| draft)).await;
                return Err(refusal);
            }
        }
    }
    Ok(commits)
}

async fn drop_all(output: &Location, drafts: impl IntoIterator<Item = Draft>) {
    for draft in drafts {
        drop_files(output, &draft).await;
    }
}

fn publication(record: RunRecord, sequence: i64, commits: &[Prepared]) -> Publication {
    Publication {
        snapshot_date: record.snapshot_date,
        status: PublicationStatus::Published,
        run_id: record.run_id,
        sequence,
        previous_snapshot_date: record.previous_snapshot_date,
        previous_run_id: record.previous_run_id,
        source_fingerprint: record.source_fingerprint,
        input_fingerprint: record.input_fingerprint,
        sql_fingerprint: record.sql_fingerprint,
        cutpoints_id: record.cutpoints_id,
        rules_fingerprint: record.rules_fingerprint,
        tier_rules: record.tier_rules,
        source_record: record.source_record,
        source_files: record.source_files,
        published_at: made_at(commits),
        tables: record
            .left_alone
            .into_iter()
            .chain(versions(commits))
            .collect(),
    }
}

/// A table at the version that it had when it was looked at; none where it is not there.
async fn undisturbed(
    output: &Location,
    inspection: &Inspection,
    name: &str,
) -> Result<Option<Table>, PublishError> {
    let Some(table) = Table::open(output, name).await? else {
        return Ok(None);
    };
    let (expected, found) = (inspection.version(name), table.version());
    match found == expected {
        true => Ok(Some(table)),
        false => Err(PublishError::Conflict {
            table: name.to_owned(),
            expected,
            found,
        }),
    }
}

/// When the last of the commits was made, as it says.
fn made_at(commits: &[Prepared]) -> Option<DateTime<Utc>> {
    commits.iter().filter_map(Prepared::made_at).max()
}

/// The versions that tables have once the commits are in.
fn versions(commits: &[Prepared]) -> BTreeMap<String, TableVersion> {
    let versions = commits.iter().map(|commit| {
        let published = TableVersion {
            version: commit.version(),
            rows: commit.rows(),
        };
        (commit.name().to_owned(), published)
    });
    versions.collect()
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::testing::{current, record, snapshot};
    use super::*;
    use crate::drafts::testing::{date, draft, objects, on_every_store, tiers};
    use crate::drafts::{Dating, TableSpec};
    use crate::ground::{Classified, FailureKind};

    on_every_store!(
        a_date_is_published_with_all_its_tables,
        tables_of_the_jobs_own_are_committed_before_the_publication,
        a_table_that_the_run_leaves_alone_has_no_version,
        a_refused_draft_leaves_everything_as_it_was,
        a_run_that_was_overtaken_commits_nothing,
        what_is_wrong_with_the_columns_of_all_tables_is_said_at_once,
    );

    /// Publishes drafts, as a run does that has just looked at the tables.
    async fn commit(
        output: &Location,
        publications: &Publications,
        drafts: Vec<Draft>,
        record: RunRecord,
        may_drop: &[TableColumn],
    ) -> Result<Published, PublishError> {
        let inspection = inspect(output, publications).await.unwrap();
        commit_all(
            output,
            (publications, &inspection),
            drafts,
            record,
            may_drop,
        )
        .await
    }

    async fn publish(
        output: &Location,
        day: &str,
        run_id: &str,
        users: &[(i64, &str)],
    ) -> Published {
        let publications = Publications::load(output).await.unwrap();
        let drafts = vec![draft(output, &snapshot(), day, users).await];
        let published = commit(output, &publications, drafts, record(day, run_id), &[]);
        published.await.unwrap()
    }

    async fn a_date_is_published_with_all_its_tables(output: &Location) {
        publish(output, "2026-11-19", "a", &[(1, "gold")]).await;
        let publications = Publications::load(output).await.unwrap();
        let rows = draft(output, &snapshot(), "2026-11-20", &[(1, "new"), (2, "new")]).await;
        let copy = rows.copy_as(output, &current()).await.unwrap();
        let drafts = vec![rows, copy];
        let published = commit(
            output,
            &publications,
            drafts,
            record("2026-11-20", "b"),
            &[],
        );
        let published = published.await.unwrap();
        let tables: Vec<_> = published.tables.iter().map(Committed::name).collect();
        assert_eq!(tables, ["tier_snapshot", "tier_current", "publications"]);

        let reloaded = Publications::load(output).await.unwrap();
        let newest = reloaded.newest_for(date("2026-11-20")).unwrap();
        assert_eq!((newest, newest.sequence), (&published.publication, 2));
        let expected = [("tier_current", 1, 2), ("tier_snapshot", 2, 2)];
        let expected = expected
            .map(|(table, version, rows)| (table.to_owned(), TableVersion { version, rows }));
        assert_eq!(newest.tables, expected.into());
        for table in ["tier_snapshot", "tier_current"] {
            let files = reloaded.files_of(newest, table).await.unwrap();
            assert_eq!(files.iter().filter_map(|file| file.rows).sum::<u64>(), 2);
        }
    }

    async fn tables_of_the_jobs_own_are_committed_before_the_publication(output: &Location) {
        let own = ["calls", "calls_today"].map(str::to_owned);
        let publications = Publications::load(output).await.unwrap().knowing(&own);
        let undated = tiers("calls_today", Dating::EveryDate).file_schema();
        let undated = Arc::new(TableSpec::new("calls_today", &undated, Dating::Undated).unwrap());
        let users = [(1, "new")];
        let mut drafts = Vec::new();
        for spec in [
            snapshot(),
            current(),
            undated,
            tiers("calls", Dating::EveryDate),
        ] {
            drafts.push(draft(output, &spec, "2026-11-20", &users).await);
        }
        let published = commit(
            output,
            &publications,
            drafts,
            record("2026-11-20", "a"),
            &[],
        );
        let published = published.await.unwrap();
        let tables: Vec<_> = published.tables.iter().map(Committed::name).collect();
        assert_eq!(
            tables,
            [
                "tier_snapshot",
                "calls",
                "tier_current",
                "calls_today",
                "publications"
            ]
        );
        let row = &published.publication;
        let named = own.iter().filter(|table| row.tables.contains_key(*table));
        assert_eq!(named.count(), 2);
    }

    async fn a_table_that_the_run_leaves_alone_has_no_version(output: &Location) {
        let published = publish(output, "2026-11-20", "a", &[(1, "gold")]).await;
        let publications = Publications::load(output).await.unwrap();
        assert_eq!(
            publications.all(),
            std::slice::from_ref(&published.publication)
        );
        assert_eq!(published.publication.tables.get("tier_current"), None);
        let files = publications.files_of(&published.publication, "tier_current");
        assert_eq!(files.await.unwrap(), []);
    }

    async fn a_refused_draft_leaves_everything_as_it_was(output: &Location) {
        publish(output, "2026-11-20", "a", &[(1, "gold")]).await;
        Table::open_or_create(output, &current()).await.unwrap();
        let before = objects(output).await;
        let publications = Publications::load(output).await.unwrap();
        let drafts = vec![
            draft(output, &snapshot(), "2026-11-20", &[(1, "new")]).await,
            draft(output, &current(), "2026-11-20", &[]).await,
        ];
        let refused = commit(
            output,
            &publications,
            drafts,
            record("2026-11-20", "b"),
            &[],
        );
        assert_eq!(refused.await.unwrap_err().kind(), FailureKind::Blocked);
        assert_eq!(objects(output).await, before);
    }

    async fn a_run_that_was_overtaken_commits_nothing(output: &Location) {
        let publications = Publications::load(output).await.unwrap();
        let inspection = inspect(output, &publications).await.unwrap();
        let drafts = vec![draft(output, &snapshot(), "2026-11-20", &[(1, "gold")]).await];
        publish(output, "2026-11-20", "a", &[(1, "new")]).await;
        let state = (&publications, &inspection);
        let late = commit_all(output, state, drafts, record("2026-11-20", "b"), &[]);
        let error = late.await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Conflict);
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(table.version(), 1);
    }

    async fn what_is_wrong_with_the_columns_of_all_tables_is_said_at_once(output: &Location) {
        let publications = Publications::load(output).await.unwrap();
        let rows = draft(output, &snapshot(), "2026-11-20", &[(1, "gold")]).await;
        let copy = rows.copy_as(output, &current()).await.unwrap();
        let first = commit(
            output,
            &publications,
            vec![rows, copy],
            record("2026-11-20", "a"),
            &[],
        );
        first.await.unwrap();
        let before = objects(output).await;

        let publications = Publications::load(output).await.unwrap();
        let narrow = async |spec: Arc<TableSpec>| {
            let schema = spec.schema().project(&[0, 1]).unwrap();
            let spec = TableSpec::new(spec.name(), &schema, spec.dating()).unwrap();
            let spec = Arc::new(spec.allowing_no_rows());
            let writer = crate::drafts::DraftWriter::open(output, &spec, date("2026-11-20"));
            writer.unwrap().finish().await.unwrap()
        };
        let drafts = async || vec![narrow(snapshot()).await, narrow(current()).await];
        let publish = async |may_drop: &[TableColumn]| {
            let record = record("2026-11-20", "b");
            commit(output, &publications, drafts().await, record, may_drop).await
        };
        let refused = publish(&[]).await.unwrap_err().to_string();
        let command = "give the same command once more with `--drop-columns tier_snapshot.tier,tier_current.tier`";
        assert!(refused.ends_with(command), "{refused}");
        assert_eq!(objects(output).await, before);

        let columns = ["tier_snapshot.tier", "tier_current.tier"];
        let published = publish(&columns.map(|column| column.parse().unwrap())).await;
        for table in &published.unwrap().tables[..2] {
            let table = table.reopened().await;
            assert!(table.schema().unwrap().field_with_name("tier").is_err());
        }
    }

    #[tokio::test]
    async fn drafts_that_a_publication_cannot_speak_for_are_refused() {
        let output = crate::drafts::testing::in_memory();
        let publications = Publications::load(&output).await.unwrap();
        let unknown = tiers("scratch", Dating::EveryDate);
        let drafts = [
            draft(&output, &unknown, "2026-11-20", &[(1, "gold")]).await,
            draft(&output, &snapshot(), "2026-11-19", &[(1, "gold")]).await,
        ];
        let mut messages = Vec::new();
        for draft in drafts {
            let refused = commit(
                &output,
                &publications,
                vec![draft],
                record("2026-11-20", "a"),
                &[],
            );
            messages.push(refused.await.unwrap_err().to_string());
        }
        let expected = [
            "table `scratch` is not among those that publications record; declare it in the job as [tables.scratch]",
            "the draft of table `tier_snapshot` is for 2026-11-19, not for 2026-11-20; draft it again",
        ];
        assert_eq!(messages, expected);
        assert_eq!(objects(&output).await, Vec::<String>::new());
    }
}
