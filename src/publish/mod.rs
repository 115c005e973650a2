//! Publishing: from drafts to what readers see.
//!
//! [`publish`] goes through these steps, and the order is the point:
//!
//! 1. Every table is opened, or made, and every draft admitted, before the first commit: whatever
//!    can be refused is refused while readers still see nothing new.
//! 2. `publications` is looked at once more: a run that another overtook stops here.
//! 3. One commit per table, in the order of the drafts, replaces the rows of the date
//!    ([`Table::replace`]), and with them the table's columns where they [grow](growth).
//! 4. One commit to [`publications`] says which versions belong together. Only now the date is
//!    published.
//!
//! A crash between 3 and 4 leaves tables with rows that no publication mentions. Readers who go by
//! `publications` still find the versions before, whole, and the next run replaces those rows.
//!
//! This module and [`drafts`](crate::drafts) are the only ones that know Delta Lake.

mod checkpoint;
mod commit;
mod create;
mod error;
mod growth;
pub mod publications;
mod table;

use std::collections::BTreeMap;

use self::commit::drop_files;
use crate::audits::Cleared;
use crate::config::storage::Location;
use crate::drafts::{ContractError, Draft, TableColumn};
use crate::ground::SnapshotDate;

pub use commit::Provenance;
pub use error::PublishError;
pub use publications::{PUBLISHED_TABLES, Publication, Publications, TableVersion};
pub use table::{PublishedFile, Table};

/// What a run puts on record beside its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The date to publish.
    pub snapshot_date: SnapshotDate,
    /// The date that movements were counted from; none for the first.
    pub previous_snapshot_date: Option<SnapshotDate>,
    /// The run that had published that date.
    pub previous_run_id: Option<String>,
    /// The run.
    pub run_id: String,
    /// The job, such as `tierline/nightly`.
    pub application: String,
    /// Everything the run read.
    pub input_fingerprint: String,
    /// The source files among it.
    pub source_fingerprint: String,
    /// The SQL the run was made with.
    pub sql_fingerprint: String,
    /// The cut points the run was made with.
    pub cutpoints_id: String,
    /// The record of all rules the run was made by.
    pub rules_fingerprint: Option<String>,
    /// Whether the rules are those of an earlier run and not the job's own: then the tables' columns
    /// stay as they are.
    pub is_by_earlier_rules: bool,
    /// Tables that the run leaves alone, as what it replaces had recorded them.
    pub left_alone: BTreeMap<String, TableVersion>,
}

/// A date that is published.
#[derive(Debug)]
pub struct Published {
    /// The row of `publications`.
    pub publication: Publication,
    /// The tables as committed, `publications` among them: those that are due want a checkpoint.
    pub tables: Vec<Table>,
}

/// Publishes the audited drafts of one date, all or none of them.
///
/// `publications` is what the run was based on. Tables may lose no column but `may_drop`. Drafts
/// that are certain never to be committed are removed.
///
/// # Errors
/// - a guard or the contract refuses a draft, before anything is committed;
/// - [`PublishError::Conflict`] when another run was faster;
/// - a store that fails, after which the date is not published; running again puts it right.
pub async fn publish(
    output: &Location,
    publications: &Publications,
    cleared: Cleared,
    record: RunRecord,
    may_drop: &[TableColumn],
) -> Result<Published, PublishError> {
    Box::pin(commit_all(
        output,
        publications,
        cleared.into_drafts(),
        record,
        may_drop,
    ))
    .await
}

/// The steps of [`publish`], once the audits are past.
async fn commit_all(
    output: &Location,
    publications: &Publications,
    drafts: Vec<Draft>,
    record: RunRecord,
    may_drop: &[TableColumn],
) -> Result<Published, PublishError> {
    let tables = match admit_all(output, publications, &drafts, &record, may_drop).await {
        Ok(tables) => tables,
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
    let committed = replace_all(output, tables, drafts, &provenance).await?;
    let publication = publication(record, provenance.sequence, &committed);
    let appended = publications
        .append(publication.clone(), &provenance)
        .await?;
    let tables = committed.into_iter().map(|(table, _)| table);
    Ok(Published {
        publication,
        tables: tables.chain(appended.table().cloned()).collect(),
    })
}

/// The table of every draft, each ready to take it. What is wrong with the columns of any is said
/// at once.
async fn admit_all(
    output: &Location,
    publications: &Publications,
    drafts: &[Draft],
    record: &RunRecord,
    may_drop: &[TableColumn],
) -> Result<Vec<Table>, PublishError> {
    let mut tables = Vec::new();
    let mut problems = Vec::new();
    for draft in drafts {
        check_recorded(draft, record)?;
        let table = Table::open_or_create(output, draft.spec()).await?;
        let table = match record.is_by_earlier_rules {
            true => table.keeping_columns(),
            false => table.allowing_drops(may_drop),
        };
        match table.admit(draft) {
            Ok(_) => tables.push(table),
            Err(PublishError::Contract(error)) => problems.extend(error.problems),
            Err(refusal) => return Err(refusal),
        }
    }
    let date = record.snapshot_date;
    ContractError::unless_none(problems)
        .map_err(|refused| PublishError::Columns { date, refused })?;
    publications.check_newest().await?;
    Ok(tables)
}

/// Refuses a draft that the publication could not speak for.
fn check_recorded(draft: &Draft, record: &RunRecord) -> Result<(), PublishError> {
    let table = draft.spec().name();
    if !PUBLISHED_TABLES.contains(&table) {
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

/// Commits every draft to its table; the drafts after one that fails are removed.
async fn replace_all(
    output: &Location,
    tables: Vec<Table>,
    drafts: Vec<Draft>,
    provenance: &Provenance,
) -> Result<Vec<(Table, u64)>, PublishError> {
    let mut committed = Vec::new();
    let mut waiting = tables.into_iter().zip(drafts);
    while let Some((table, draft)) = waiting.next() {
        let rows = draft.rows();
        match table.replace(draft, provenance).await {
            Ok(table) => committed.push((table, rows)),
            Err(failure) => {
                drop_all(output, waiting.map(|(_, draft)| draft)).await;
                return Err(failure);
            }
        }
    }
    Ok(committed)
}

async fn drop_all(output: &Location, drafts: impl IntoIterator<Item = Draft>) {
    for draft in drafts {
        drop_files(output, &draft).await;
    }
}

fn publication(record: RunRecord, sequence: i64, committed: &[(Table, u64)]) -> Publication {
    let versions = committed.iter().map(|(table, rows)| {
        let published = TableVersion {
            version: table.version(),
            rows: *rows,
        };
        (table.name().to_owned(), published)
    });
    Publication {
        snapshot_date: record.snapshot_date,
        run_id: record.run_id,
        sequence,
        previous_snapshot_date: record.previous_snapshot_date,
        previous_run_id: record.previous_run_id,
        source_fingerprint: record.source_fingerprint,
        input_fingerprint: record.input_fingerprint,
        sql_fingerprint: record.sql_fingerprint,
        cutpoints_id: record.cutpoints_id,
        rules_fingerprint: record.rules_fingerprint,
        tables: record.left_alone.into_iter().chain(versions).collect(),
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::drafts::testing::{date, draft, objects, on_every_store, tiers};
    use crate::drafts::{Dating, TableSpec};
    use crate::ground::{Classified, FailureKind};

    on_every_store!(
        a_date_is_published_with_all_its_tables,
        a_table_that_the_run_leaves_alone_has_no_version,
        a_refused_draft_leaves_everything_as_it_was,
        a_run_that_was_overtaken_commits_nothing,
        an_attempt_that_was_not_published_is_not_read,
        what_is_wrong_with_the_columns_of_all_tables_is_said_at_once,
    );

    fn snapshot() -> Arc<TableSpec> {
        tiers("tier_snapshot", Dating::EveryDate)
    }

    fn current() -> Arc<TableSpec> {
        tiers("tier_current", Dating::NewestDate)
    }

    fn record(day: &str, run_id: &str) -> RunRecord {
        RunRecord {
            snapshot_date: date(day),
            previous_snapshot_date: None,
            previous_run_id: None,
            source_fingerprint: "feed".to_owned(),
            run_id: run_id.to_owned(),
            application: "tierline/nightly".to_owned(),
            input_fingerprint: "f00d".to_owned(),
            sql_fingerprint: "beef".to_owned(),
            cutpoints_id: "2026-11-01-v1".to_owned(),
            rules_fingerprint: None,
            is_by_earlier_rules: false,
            left_alone: BTreeMap::new(),
        }
    }

    async fn publish(
        output: &Location,
        day: &str,
        run_id: &str,
        users: &[(i64, &str)],
    ) -> Published {
        let publications = Publications::load(output).await.unwrap();
        let drafts = vec![draft(output, &snapshot(), day, users).await];
        let published = commit_all(output, &publications, drafts, record(day, run_id), &[]);
        published.await.unwrap()
    }

    async fn a_date_is_published_with_all_its_tables(output: &Location) {
        publish(output, "2026-11-19", "a", &[(1, "gold")]).await;
        let publications = Publications::load(output).await.unwrap();
        let rows = draft(output, &snapshot(), "2026-11-20", &[(1, "new"), (2, "new")]).await;
        let copy = rows.copy_as(output, &current()).await.unwrap();
        let drafts = vec![rows, copy];
        let published = commit_all(
            output,
            &publications,
            drafts,
            record("2026-11-20", "b"),
            &[],
        );
        let published = published.await.unwrap();
        let tables: Vec<_> = published.tables.iter().map(Table::name).collect();
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
            assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 2);
        }
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
        let refused = commit_all(
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
        let drafts = vec![draft(output, &snapshot(), "2026-11-20", &[(1, "gold")]).await];
        publish(output, "2026-11-20", "a", &[(1, "new")]).await;
        let late = commit_all(
            output,
            &publications,
            drafts,
            record("2026-11-20", "b"),
            &[],
        );
        let error = late.await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Conflict);
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(table.version(), 1);
    }

    async fn an_attempt_that_was_not_published_is_not_read(output: &Location) {
        publish(output, "2026-11-19", "a", &[(1, "gold")]).await;
        // A restatement of the 19th that crashed before it published, then an ordinary night.
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        let crashed = draft(output, &snapshot(), "2026-11-19", &[(1, "new"), (2, "new")]).await;
        let provenance = testing::provenance("b", 2);
        table.replace(crashed, &provenance).await.unwrap();
        publish(output, "2026-11-20", "c", &[(1, "gold")]).await;

        let publications = Publications::load(output).await.unwrap();
        let holds = publications.newest_for(date("2026-11-19")).unwrap();
        let files = publications.files_of(holds, "tier_snapshot").await.unwrap();
        assert_eq!(files.iter().map(|file| file.rows).collect::<Vec<_>>(), [1]);
        assert!(
            !publications
                .is_newest_state(holds, "tier_snapshot")
                .await
                .unwrap()
        );
        let last = publications.newest_for(date("2026-11-20")).unwrap();
        assert!(
            publications
                .is_newest_state(last, "tier_snapshot")
                .await
                .unwrap()
        );
    }

    async fn what_is_wrong_with_the_columns_of_all_tables_is_said_at_once(output: &Location) {
        let publications = Publications::load(output).await.unwrap();
        let rows = draft(output, &snapshot(), "2026-11-20", &[(1, "gold")]).await;
        let copy = rows.copy_as(output, &current()).await.unwrap();
        let first = commit_all(
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
            commit_all(output, &publications, drafts().await, record, may_drop).await
        };
        let refused = publish(&[]).await.unwrap_err().to_string();
        let command =
            "`tierline run --date 2026-11-20 --drop-columns tier_snapshot.tier,tier_current.tier`";
        assert!(refused.ends_with(command), "{refused}");
        assert_eq!(objects(output).await, before);

        let columns = ["tier_snapshot.tier", "tier_current.tier"];
        let published = publish(&columns.map(|column| column.parse().unwrap())).await;
        for table in &published.unwrap().tables[..2] {
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
            let refused = commit_all(
                &output,
                &publications,
                vec![draft],
                record("2026-11-20", "a"),
                &[],
            );
            messages.push(refused.await.unwrap_err().to_string());
        }
        let expected = [
            "table `scratch` is not among those that publications record; add it to `PUBLISHED_TABLES`",
            "the draft of table `tier_snapshot` is for 2026-11-19, not for 2026-11-20; draft it again",
        ];
        assert_eq!(messages, expected);
        assert_eq!(objects(&output).await, Vec::<String>::new());
    }
}
