//! Commits that no publication names, found and undone.
//!
//! A run that dies between its commits, or loses to another, leaves rows in tables that nobody
//! published. Every run begins by looking for such commits, whatever their date:
//!
//! 1. [`inspect`] goes by keys alone: the newest version that publications account for is there
//!    and whole, and the next is not there. That is two small requests a table, whatever the
//!    history.
//! 2. Where there is more, [`repair`] reads the entries that no publication names, and restores
//!    the dates which they touched: in a dated table the files that the date's last publication
//!    recorded, in `tier_current` and `dim_tier` those of the last publication that wrote them,
//!    and the columns as publications have them. It is one commit of removals and additions; no
//!    file is written, since tierline never deletes a file that was once published. The files
//!    that are no longer named are left to a vacuum.
//! 3. The entry says which publication it restored, so that the next run knows it again. It counts
//!    unless a later publication wrote an earlier version.
//!
//! Another run may be at work. Whoever writes one side reads the other afterwards: a repair looks
//! once more at `publications` when it is in, and a run that has published looks once more at its
//! tables, and repairs them. So the last of the two to write sees both, and restores what the
//! publications say. A repair that dies is one more commit that no publication names.
//!
//! | tier_snapshot | |
//! |---|---|
//! | version 7 | publication 12 |
//! | version 8 | nobody's: it rewrote the 5th |
//! | version 9 | restores publication 12: the files of the 5th as of version 6 |

use std::collections::{BTreeMap, BTreeSet};

use deltalake_core::kernel::Action;
use deltalake_core::kernel::LogicalFileView;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::protocol::DeltaOperation;
use futures::future::try_join_all;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::log::LogEntry;
use super::publications::{PUBLISHED_TABLES, Publication, Publications, is_kept_whole};
use super::table::{Place, Table};
use super::{PublishError, TableVersion};
use crate::config::storage::Location;
use crate::drafts::SNAPSHOT_DATE;
use crate::ground::SnapshotDate;

/// Where an entry says which publication it restored.
const RESTORED: &str = "restoredPublication";

/// How often a repair that another commit overtook is tried again.
const ATTEMPTS: usize = 5;

/// How the logs of the published tables relate to `publications`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The newest version of each table that is there.
    versions: BTreeMap<String, i64>,
    /// The tables with commits that no publication names.
    unfinished: BTreeSet<String>,
}

impl Inspection {
    /// The tables with commits that no publication names.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        self.unfinished.iter().map(String::as_str)
    }

    /// Whether every table is as publications say.
    pub fn is_clean(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// The newest version of a table; a table that is not there and one without rows are the same
    /// here.
    pub fn version(&self, table: &str) -> i64 {
        self.versions.get(table).copied().unwrap_or_default()
    }
}

/// Looks for commits that no publication names.
///
/// # Errors
/// A store that fails, an entry that was cut short, and a version that a publication records and
/// that is not there.
pub async fn inspect(
    output: &Location,
    publications: &Publications,
) -> Result<Inspection, PublishError> {
    let logs = read_logs(output, publications).await?;
    let mut inspection = Inspection::default();
    for log in logs {
        if !log.unfinished.is_empty() {
            inspection.unfinished.insert(log.table.to_owned());
        }
        if let Some(newest) = log.newest {
            inspection.versions.insert(log.table.to_owned(), newest);
        }
    }
    Ok(inspection)
}

/// Finds commits that no publication names and undoes them.
///
/// # Errors
/// As [`inspect`]; and [`PublishError::Conflict`] when another run published or kept committing
/// meanwhile. What it has published is in the tables then.
pub async fn repair(
    output: &Location,
    publications: &Publications,
) -> Result<Inspection, PublishError> {
    let repaired = Box::pin(repair_by(output, publications)).await;
    if let Err(PublishError::Conflict { .. }) = &repaired {
        // What was taken for nobody's may have been published just before it was undone.
        undo(output).await;
    }
    repaired
}

/// As [`repair`], which goes by these publications alone.
async fn repair_by(
    output: &Location,
    publications: &Publications,
) -> Result<Inspection, PublishError> {
    let mut last_conflict = None;
    for _ in 0..ATTEMPTS {
        let inspection = Box::pin(inspect(output, publications)).await?;
        if inspection.is_clean() {
            return Ok(inspection);
        }
        // What looks like nobody's may have been published since these were loaded.
        publications.check_newest().await?;
        match Box::pin(repair_once(output, publications)).await {
            Ok(()) => last_conflict = None,
            Err(conflict @ PublishError::Conflict { .. }) => last_conflict = Some(conflict),
            Err(failure) => return Err(failure),
        }
        publications.check_newest().await?;
    }
    match last_conflict {
        Some(conflict) => Err(conflict),
        None => inspect(output, publications).await,
    }
}

/// Undoes what a run has committed that did not publish, by the publications as they are now.
/// What cannot be undone is undone by the next run, so a failure is told and no more.
pub(super) async fn undo(output: &Location) {
    for _ in 0..ATTEMPTS {
        let repaired = match Publications::load(output).await {
            Ok(publications) => Box::pin(repair_by(output, &publications)).await.map(|_| ()),
            Err(failure) => Err(failure),
        };
        match repaired {
            Ok(()) => return,
            Err(PublishError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "tables have rows that are not published; the next run removes them");
                return;
            }
        }
    }
}

async fn repair_once(output: &Location, publications: &Publications) -> Result<(), PublishError> {
    let logs = read_logs(output, publications).await?;
    let unfinished = logs.iter().filter(|log| !log.unfinished.is_empty());
    let restored = unfinished.map(|log| log.restore(output, publications));
    try_join_all(restored).await?;
    Ok(())
}

async fn read_logs<'a>(
    output: &Location,
    publications: &'a Publications,
) -> Result<Vec<Log<'a>>, PublishError> {
    let recorded = publications.all().iter().flat_map(|row| row.tables.keys());
    let mut tables: BTreeSet<&str> = recorded.map(String::as_str).collect();
    tables.extend(PUBLISHED_TABLES);
    let logs = tables
        .into_iter()
        .map(|table| Log::read(output, table, publications));
    try_join_all(logs).await
}

/// The log of one table, as far as it matters here.
struct Log<'a> {
    table: &'a str,
    /// The newest version; none when the table is not there.
    newest: Option<i64>,
    /// The entries that no publication names and no repair has dealt with.
    unfinished: Vec<LogEntry>,
}

impl<'a> Log<'a> {
    async fn read(
        output: &Location,
        table: &'a str,
        publications: &Publications,
    ) -> Result<Self, PublishError> {
        let place = Place::of(output, table);
        let accounts = Accounts::of(table, publications);
        let last = accounts.last_recorded();
        let (known, next) = futures::join!(
            place.log_entry(last.unwrap_or_default()),
            place.log_entry(last.unwrap_or_default() + 1),
        );
        if let (None, Some(publication)) = (known?, accounts.last_publication()) {
            return Err(PublishError::Missing {
                table: table.to_owned(),
                date: publication.snapshot_date,
                version: last.unwrap_or_default(),
            });
        }
        // Nothing is at version 1 where nothing is at version 0.
        let mut later = Vec::new();
        let mut next = next?;
        while let Some(entry) = next {
            next = place.log_entry(entry.version + 1).await?;
            later.push(entry);
        }
        let newest = later.last().map(|entry| entry.version).or(last);
        let mut unfinished = match later.iter().rposition(|entry| accounts.is_settled(entry)) {
            Some(settled) => later.split_off(settled + 1),
            None => {
                let mut holes = accounts.read_holes(&place).await?;
                holes.append(&mut later);
                holes
            }
        };
        unfinished.sort_by_key(|entry| entry.version);
        Ok(Self {
            table,
            newest,
            unfinished,
        })
    }

    /// Commits the state that publications say.
    async fn restore(
        &self,
        output: &Location,
        publications: &Publications,
    ) -> Result<(), PublishError> {
        let Some(newest) = Table::open(output, self.table).await? else {
            return Ok(());
        };
        let mut actions = Vec::new();
        if let Some(metadata) = self.restored_columns(output, publications, &newest).await? {
            actions.push(metadata);
        }
        for date in self.touched() {
            let wanted = wanted(output, publications, self.table, date).await?;
            actions.extend(newest.restoring(date, &wanted).await?);
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
        Ok(())
    }

    /// The dates that unfinished commits wrote; none stands for the whole table.
    fn touched(&self) -> BTreeSet<Option<SnapshotDate>> {
        if is_kept_whole(self.table) {
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

/// Which versions of a table publications account for.
struct Accounts<'a> {
    /// The publications that wrote the table, in order; not those that left it as it was before.
    recorded: Vec<(&'a Publication, TableVersion)>,
}

impl<'a> Accounts<'a> {
    fn of(table: &str, publications: &'a Publications) -> Self {
        let mut recorded: Vec<(&Publication, TableVersion)> = Vec::new();
        for publication in publications.all() {
            let Some(found) = publication.tables.get(table) else {
                continue;
            };
            let last = recorded.last().map(|(_, last)| last.version);
            if last.is_none_or(|last| last < found.version) {
                recorded.push((publication, *found));
            }
        }
        Self { recorded }
    }

    fn last_publication(&self) -> Option<&'a Publication> {
        self.recorded.last().map(|(publication, _)| *publication)
    }

    /// The version that the last publication wrote, or found.
    fn last_recorded(&self) -> Option<i64> {
        self.recorded.last().map(|(_, recorded)| recorded.version)
    }

    /// Whether an entry is a repair, and no later publication wrote an earlier version.
    fn is_settled(&self, entry: &LogEntry) -> bool {
        let Some(restored) = restored_publication(entry) else {
            return false;
        };
        let mut later = self.recorded.iter();
        !later.any(|(publication, recorded)| {
            publication.sequence > restored && recorded.version < entry.version
        })
    }

    /// The entries below the last recorded version that nobody accounts for, the newest first,
    /// down to a repair. There are none but after crashes.
    async fn read_holes(&self, place: &Place) -> Result<Vec<LogEntry>, PublishError> {
        let recorded = self.recorded.iter().map(|(_, recorded)| recorded.version);
        let recorded: BTreeSet<i64> = recorded.collect();
        let last = recorded.last().copied().unwrap_or_default();
        let holes = (1..last)
            .rev()
            .filter(|version| !recorded.contains(version));
        let mut entries = Vec::new();
        for version in holes {
            // A publication that changed nothing records the version of a repair as its own.
            if let Some(above) = place.log_entry(version + 1).await?
                && self.is_settled(&above)
            {
                break;
            }
            let Some(entry) = place.log_entry(version).await? else {
                break;
            };
            if self.is_settled(&entry) {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The sequence of the last publication that an entry restored; none when it is no repair.
fn restored_publication(entry: &LogEntry) -> Option<i64> {
    entry.of_kind("commitInfo").next()?[RESTORED].as_i64()
}

fn marked(publications: &Publications) -> CommitProperties {
    let restored = publications.next_sequence() - 1;
    CommitProperties::default().with_metadata([(RESTORED.to_owned(), restored.into())])
}

/// The files that readers of the newest version should find for a date, or in the whole table.
async fn wanted(
    output: &Location,
    publications: &Publications,
    table: &str,
    date: Option<SnapshotDate>,
) -> Result<Vec<LogicalFileView>, PublishError> {
    let publication = match date {
        Some(date) => publications.last_of(date),
        None => Accounts::of(table, publications).last_publication(),
    };
    let Some(recorded) = publication.and_then(|publication| publication.tables.get(table)) else {
        return Ok(Vec::new());
    };
    match Table::open_at(output, table, recorded.version).await? {
        Some(published) => published.entries(date),
        None => Ok(Vec::new()),
    }
}

impl Table {
    /// The removals and additions after which a date has the wanted files. When one of these is
    /// gone from storage the date stays as it is: those files that are there are better than none.
    async fn restoring(
        &self,
        date: Option<SnapshotDate>,
        wanted: &[LogicalFileView],
    ) -> Result<Vec<Action>, PublishError> {
        let found = self.entries(date)?;
        let paths_of = |files: &[LogicalFileView]| -> BTreeSet<Path> {
            files.iter().map(|file| self.full_path(file)).collect()
        };
        let (wanted_paths, found_paths) = (paths_of(wanted), paths_of(&found));
        for path in wanted_paths.difference(&found_paths) {
            if !self.has_object(path).await? {
                tracing::warn!(table.name = self.name, file = %path, "a published file is gone from storage; its date stays as it is");
                return Ok(Vec::new());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::drafts::testing::{date, draft, on_every_store, tiers};
    use crate::drafts::{Dating, Draft, TableSpec};
    use crate::publish::testing::{Fault, faulty, provenance};
    use crate::publish::{Published, RunRecord, commit_all};

    on_every_store!(
        a_date_that_was_never_published_is_removed,
        a_published_date_gets_its_files_back,
        the_newest_date_gets_its_files_back,
        a_first_attempt_is_removed_and_its_columns_bind_nobody,
        columns_of_an_attempt_are_taken_back,
        a_repair_is_known_again,
        a_repair_that_a_publication_overtook_is_repaired,
        an_attempt_below_later_publications_is_found,
        a_run_that_was_overtaken_undoes_its_commits,
        a_run_that_publishes_puts_back_what_a_repair_took_from_it,
    );

    const TABLES: [&str; 2] = ["tier_snapshot", "tier_current"];

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
            tier_rules: None,
            is_by_earlier_rules: false,
            left_alone: std::collections::BTreeMap::new(),
        }
    }

    async fn load(output: &Location) -> Publications {
        Publications::load(output).await.unwrap()
    }

    /// Drafts of a date for both tables.
    async fn drafts(output: &Location, day: &str, users: &[(i64, &str)]) -> Vec<Draft> {
        let rows = draft(output, &snapshot(), day, users).await;
        let copy = rows.copy_as(output, &current()).await.unwrap();
        vec![rows, copy]
    }

    async fn publish_by(
        output: &Location,
        publications: &Publications,
        day: &str,
        users: &[(i64, &str)],
    ) -> Result<Published, PublishError> {
        let inspection = inspect(output, publications).await.unwrap();
        let drafts = drafts(output, day, users).await;
        let state = (publications, &inspection);
        Box::pin(commit_all(output, state, drafts, record(day, "run"), &[])).await
    }

    async fn publish(output: &Location, day: &str, users: &[(i64, &str)]) -> Published {
        let publications = load(output).await;
        publish_by(output, &publications, day, users).await.unwrap()
    }

    /// A run that commits to both tables, and no further.
    async fn crash(output: &Location, day: &str, users: &[(i64, &str)]) {
        for draft in drafts(output, day, users).await {
            let table = Table::open_or_create(output, draft.spec()).await.unwrap();
            table.replace(draft, &provenance("dead", 9)).await.unwrap();
        }
    }

    /// The rows of each date as a reader of the newest version finds them.
    async fn found(output: &Location, table: &str) -> Vec<(String, u64)> {
        let table = Table::open(output, table).await.unwrap().unwrap();
        let entries = table.entries(None).unwrap();
        let mut dates: Vec<(String, u64)> = entries
            .iter()
            .map(|entry| {
                let day = entry.partition_values_map().remove(SNAPSHOT_DATE);
                let rows = entry.num_records().unwrap() as u64;
                (day.flatten().unwrap(), rows)
            })
            .collect();
        dates.sort();
        dates
    }

    fn rows(dates: &[(&str, u64)]) -> Vec<(String, u64)> {
        let dates = dates.iter();
        dates
            .map(|(day, rows)| ((*day).to_owned(), *rows))
            .collect()
    }

    async fn assert_found(output: &Location, snapshot: &[(&str, u64)], current: &[(&str, u64)]) {
        assert_eq!(found(output, "tier_snapshot").await, rows(snapshot));
        assert_eq!(found(output, "tier_current").await, rows(current));
    }

    async fn repaired(output: &Location) {
        let publications = load(output).await;
        let before = inspect(output, &publications).await.unwrap();
        assert!(before.unfinished().eq(["tier_current", "tier_snapshot"]));
        let after = repair(output, &publications).await.unwrap();
        assert!(after.is_clean());
        assert_eq!(inspect(output, &publications).await.unwrap(), after);
    }

    async fn a_date_that_was_never_published_is_removed(output: &Location) {
        publish(output, "2026-11-19", &[(1, "gold")]).await;
        crash(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
        assert_found(
            output,
            &[("2026-11-19", 1), ("2026-11-20", 2)],
            &[("2026-11-20", 2)],
        )
        .await;
        repaired(output).await;
        assert_found(output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
    }

    async fn a_published_date_gets_its_files_back(output: &Location) {
        publish(output, "2026-11-18", &[(1, "gold")]).await;
        publish(output, "2026-11-19", &[(1, "gold")]).await;
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        let restated = draft(output, &snapshot(), "2026-11-18", &[(1, "new"), (2, "new")]).await;
        table
            .replace(restated, &provenance("dead", 9))
            .await
            .unwrap();
        let publications = load(output).await;
        repair(output, &publications).await.unwrap();
        assert_found(
            output,
            &[("2026-11-18", 1), ("2026-11-19", 1)],
            &[("2026-11-19", 1)],
        )
        .await;
        let holds = publications.newest_for(date("2026-11-18")).unwrap();
        let recorded = publications.files_of(holds, "tier_snapshot").await.unwrap();
        let newest = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(newest.files(Some(date("2026-11-18"))).unwrap(), recorded);
    }

    async fn the_newest_date_gets_its_files_back(output: &Location) {
        publish(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
        // A run of the day before that knew nothing of the 20th.
        crash(output, "2026-11-19", &[(1, "gold")]).await;
        repaired(output).await;
        assert_found(output, &[("2026-11-20", 2)], &[("2026-11-20", 2)]).await;
    }

    async fn a_first_attempt_is_removed_and_its_columns_bind_nobody(output: &Location) {
        let schema = snapshot().schema().project(&[0, 1]).unwrap();
        for (name, dating) in [
            ("tier_snapshot", Dating::EveryDate),
            ("tier_current", Dating::NewestDate),
        ] {
            let spec = Arc::new(TableSpec::new(name, &schema, dating).unwrap());
            Table::open_or_create(output, &spec).await.unwrap();
        }
        let publications = load(output).await;
        assert!(inspect(output, &publications).await.unwrap().is_clean());
        let wide = tiers("tier_snapshot", Dating::EveryDate);
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        let dead = draft(output, &wide, "2026-11-20", &[(1, "gold")]).await;
        table.replace(dead, &provenance("dead", 1)).await.unwrap();

        publish(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
        assert_found(output, &[("2026-11-19", 2)], &[("2026-11-19", 2)]).await;
        for table in TABLES {
            let table = Table::open(output, table).await.unwrap().unwrap();
            assert_eq!(table.schema().unwrap(), **wide.schema());
        }
    }

    async fn columns_of_an_attempt_are_taken_back(output: &Location) {
        let narrow = snapshot().schema().project(&[0, 1]).unwrap();
        let narrow = TableSpec::new("tier_snapshot", &narrow, Dating::EveryDate).unwrap();
        let narrow = Arc::new(narrow.allowing_no_rows());
        let publish_narrow = async |day: &str| {
            let publications = load(output).await;
            let writer = crate::drafts::DraftWriter::open(output, &narrow, date(day)).unwrap();
            let drafts = vec![writer.finish().await.unwrap()];
            let inspection = inspect(output, &publications).await.unwrap();
            let state = (&publications, &inspection);
            Box::pin(commit_all(output, state, drafts, record(day, "run"), &[])).await
        };
        publish_narrow("2026-11-19").await.unwrap();
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        let wide = draft(output, &snapshot(), "2026-11-20", &[(1, "gold")]).await;
        table.replace(wide, &provenance("dead", 9)).await.unwrap();

        publish_narrow("2026-11-20").await.unwrap();
        let table = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(table.schema().unwrap(), **narrow.schema());
        assert_eq!(found(output, "tier_snapshot").await, []);
    }

    async fn a_repair_is_known_again(output: &Location) {
        publish(output, "2026-11-19", &[(1, "gold")]).await;
        crash(output, "2026-11-20", &[(1, "gold")]).await;
        repaired(output).await;
        let publications = load(output).await;
        let version = inspect(output, &publications).await.unwrap();
        let again = repair(output, &publications).await.unwrap();
        assert_eq!(version, again);
        assert_eq!(again.version("tier_snapshot"), 3);
        // The next publication follows on it, and nothing is looked into any more.
        publish(output, "2026-11-20", &[(1, "gold")]).await;
        let clean = inspect(output, &load(output).await).await.unwrap();
        assert!(clean.is_clean());
        assert_eq!(clean.version("tier_snapshot"), 4);
    }

    async fn a_repair_that_a_publication_overtook_is_repaired(output: &Location) {
        publish(output, "2026-11-19", &[(1, "gold")]).await;
        let slow = load(output).await;
        // A run has committed to its tables when another repairs them, and then publishes.
        let inspection = inspect(output, &slow).await.unwrap();
        let drafts = drafts(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
        let tables = crate::publish::open_drafted(output, &slow, &drafts)
            .await
            .unwrap();
        let by = provenance("slow", slow.next_sequence());
        let commits = crate::publish::prepare_all(output, tables, drafts, &by)
            .await
            .unwrap();
        let row = crate::publish::publication(record("2026-11-20", "slow"), by.sequence, &commits);
        let last = slow.prepare(row, &by).await.unwrap();
        for commit in commits {
            commit.put().await.unwrap();
        }
        assert!(inspection.is_clean());
        repair(output, &slow).await.unwrap();
        assert_found(output, &[("2026-11-19", 1)], &[("2026-11-19", 1)]).await;
        last.put().await.unwrap();

        repaired(output).await;
        assert_found(
            output,
            &[("2026-11-19", 1), ("2026-11-20", 2)],
            &[("2026-11-20", 2)],
        )
        .await;
    }

    /// As releases left them that did not look for them.
    async fn an_attempt_below_later_publications_is_found(output: &Location) {
        publish(output, "2026-11-18", &[(1, "gold")]).await;
        crash(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
        let publications = load(output).await;
        let drafts = drafts(output, "2026-11-20", &[(1, "gold")]).await;
        let tables = crate::publish::open_drafted(output, &publications, &drafts).await;
        let by = provenance("old", 2);
        let commits = crate::publish::prepare_all(output, tables.unwrap(), drafts, &by).await;
        let commits = commits.unwrap();
        let row = crate::publish::publication(record("2026-11-20", "old"), 2, &commits);
        let last = publications.prepare(row, &by).await.unwrap();
        for commit in commits {
            commit.put().await.unwrap();
        }
        last.put().await.unwrap();

        repaired(output).await;
        assert_found(
            output,
            &[("2026-11-18", 1), ("2026-11-20", 1)],
            &[("2026-11-20", 1)],
        )
        .await;
        publish(output, "2026-11-21", &[(1, "gold")]).await;
        assert!(
            inspect(output, &load(output).await)
                .await
                .unwrap()
                .is_clean()
        );
    }

    async fn a_run_that_was_overtaken_undoes_its_commits(output: &Location) {
        publish(output, "2026-11-18", &[(1, "gold")]).await;
        let slow = load(output).await;
        let drafts = drafts(output, "2026-11-19", &[(1, "gold"), (2, "new")]).await;
        let tables = crate::publish::open_drafted(output, &slow, &drafts).await;
        let by = provenance("slow", slow.next_sequence());
        let commits = crate::publish::prepare_all(output, tables.unwrap(), drafts, &by).await;
        // Another run publishes between the last look and the first commit.
        let row = Publication {
            snapshot_date: date("2026-11-20"),
            ..slow.all()[0].clone()
        };
        let row = Publication { sequence: 2, ..row };
        let other = slow.prepare(row, &provenance("fast", 2)).await.unwrap();
        let slow_row = crate::publish::publication(
            record("2026-11-19", "slow"),
            by.sequence,
            commits.as_ref().unwrap(),
        );
        let last = slow.prepare(slow_row, &by).await.unwrap();
        let [snapshots, others, whole] = crate::publish::in_turn(commits.unwrap());
        other.put().await.unwrap();
        let (tables, failure) = crate::publish::put_in_turn([snapshots, others, whole]).await;
        assert!(failure.is_none());
        let overtaken = crate::publish::put_last(output, last, &tables).await;
        assert!(matches!(overtaken, Err(PublishError::Conflict { .. })));
        let publications = load(output).await;
        assert!(inspect(output, &publications).await.unwrap().is_clean());
        assert_eq!(
            found(output, "tier_snapshot").await,
            rows(&[("2026-11-18", 1)])
        );
    }

    async fn a_run_that_publishes_puts_back_what_a_repair_took_from_it(output: &Location) {
        publish(output, "2026-11-19", &[(1, "gold")]).await;
        let slow = load(output).await;
        let drafts = drafts(output, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
        let tables = crate::publish::open_drafted(output, &slow, &drafts).await;
        let by = provenance("slow", slow.next_sequence());
        let commits = crate::publish::prepare_all(output, tables.unwrap(), drafts, &by).await;
        let commits = commits.unwrap();
        let row = crate::publish::publication(record("2026-11-20", "slow"), by.sequence, &commits);
        let last = slow.prepare(row, &by).await.unwrap();
        let (tables, failure) = crate::publish::put_in_turn(crate::publish::in_turn(commits)).await;
        assert!(failure.is_none());
        repair(output, &slow).await.unwrap();
        crate::publish::put_last(output, last, &tables)
            .await
            .unwrap();
        assert_found(
            output,
            &[("2026-11-19", 1), ("2026-11-20", 2)],
            &[("2026-11-20", 2)],
        )
        .await;
    }

    /// The repair was on its way when the run whose commits it undoes published, and that run had
    /// seen nothing of it.
    #[tokio::test]
    async fn a_repair_that_hits_what_was_published_just_before_is_taken_back() {
        let (store, output) = faulty();
        publish(&output, "2026-11-19", &[(1, "gold")]).await;
        let publications = load(&output).await;
        store.arm_for("publications", Fault::Late);
        let users = [(1, "gold"), (2, "new")];
        let error = publish_by(&output, &publications, "2026-11-20", &users).await;
        assert!(error.unwrap_err().is_uncertain());
        store.arm_for("tier_snapshot", Fault::AfterLate);
        let overtaken = repair(&output, &publications).await.unwrap_err();
        assert!(matches!(overtaken, PublishError::Conflict { .. }));
        assert_found(
            &output,
            &[("2026-11-19", 1), ("2026-11-20", 2)],
            &[("2026-11-20", 2)],
        )
        .await;
    }

    #[tokio::test]
    async fn a_publication_that_arrives_late_is_taken_as_it_is() {
        let (store, output) = faulty();
        publish(&output, "2026-11-19", &[(1, "gold")]).await;
        store.arm_for("publications", Fault::Late);
        let publications = load(&output).await;
        let users = [(1, "gold"), (2, "new")];
        let error = publish_by(&output, &publications, "2026-11-20", &users).await;
        assert!(error.unwrap_err().is_uncertain());
        // Another run comes first, and finds nothing published.
        repaired(&output).await;
        store.arrive().await;
        repaired(&output).await;
        assert_found(
            &output,
            &[("2026-11-19", 1), ("2026-11-20", 2)],
            &[("2026-11-20", 2)],
        )
        .await;
    }

    #[tokio::test]
    async fn a_commit_that_was_cut_short_is_named() {
        let output = crate::drafts::testing::in_memory();
        publish(&output, "2026-11-19", &[(1, "gold")]).await;
        let path = crate::publish::testing::log_path(&output, "tier_snapshot", 1);
        let entry = output
            .store
            .get(&path)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let publications = load(&output).await;
        for length in [0, entry.len() - 5] {
            let cut = entry.slice(..length);
            output.store.put(&path, cut.into()).await.unwrap();
            let inspected = inspect(&output, &publications)
                .await
                .unwrap_err()
                .to_string();
            let opened = Table::open(&output, "tier_snapshot").await;
            assert_eq!(opened.unwrap_err().to_string(), inspected);
            let how = match length {
                0 => "is empty".to_owned(),
                length => format!("ends after {length} bytes"),
            };
            let name = format!("{path}`, a commit of table `tier_snapshot`, {how}: a power cut");
            assert!(inspected.contains(&name), "{inspected}");
        }
    }
}
