//! The table `publications`: which versions of the published tables belong together.
//!
//! | snapshot_date | sequence | run_id | tier_snapshot_version | |
//! |---|---|---|---|---|
//! | 2026-11-19 | 1 | a | 1 | |
//! | 2026-11-20 | 2 | b | 2 | |
//! | 2026-11-19 | 3 | c | 3 | the 19th restated: from here on this row is the valid one for it |
//!
//! A date is published once its row is here, whatever the other tables have already; of several
//! rows for a date the one with the largest sequence is valid. That may say that the date was
//! withdrawn: then its versions are those in which the date has no rows. Each publication rewrites all rows
//! as one small file, so that reading them costs one GET however long the history. Since the
//! commit is based on the version that the run started from, of two runs at once only one can
//! publish.

mod columns;
mod own;
mod publication;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;

use crate::drafts::{Dating, Draft, DraftError, DraftWriter, TableSpec};
use crate::ground::SnapshotDate;
use crate::storage::Location;
use crate::tables::{OUR_NAMES, TIER_SNAPSHOT};

use self::rows::read_all;
use super::commit::Prepared;
use super::place::Place;
use super::{Provenance, PublishError, PublishedFile, Table};

pub(super) use publication::PUBLICATIONS;
pub use publication::{Publication, PublicationStatus, TableVersion};

/// What readers are told of the table.
const DESCRIPTION: &str = "What is published: one row for each time that a date was, with the versions of all tables that belong together and what they were made from. Of several rows of a date the one with the largest sequence holds.";

/// How long ago `week_ago` is.
const WEEK: Days = Days::new(7);

/// How long ago `month_ago` is: four weeks, so that the days of the week are the same.
const MONTH: Days = Days::new(28);

/// The table that every publication writes.
const SNAPSHOT: &str = TIER_SNAPSHOT.name;

/// Every publication so far, as of one version of the table.
#[derive(Debug, Clone)]
pub struct Publications {
    output: Location,
    table: Option<Table>,
    by_sequence: Vec<Publication>,
    /// Where the last row of each date is: a long history is asked for each of its dates.
    last_rows: BTreeMap<SnapshotDate, usize>,
    /// Until when published dates stay as they are.
    final_until: Option<SnapshotDate>,
    /// The tables of the job's own, which no publication may have named yet.
    own: BTreeSet<String>,
}

impl Publications {
    /// Reads all publications below `output`; there are none where nothing was published.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn load(output: &Location) -> Result<Self, PublishError> {
        let table = Table::open(output, PUBLICATIONS).await?;
        let mut publications = Vec::new();
        if let Some(table) = &table {
            let files = table.files(None)?;
            publications = match own::is_as_written(table, &files) {
                true => read_all(table, &files).await?,
                false => own::read_rewritten(table, &files).await?,
            };
            own::check_not_set_back(table, &mut publications).await?;
        }
        Ok(Self::of(output, table, publications))
    }

    pub(super) fn of(output: &Location, table: Option<Table>, mut rows: Vec<Publication>) -> Self {
        rows.sort_by_key(|publication| publication.sequence);
        let numbered = rows.iter().enumerate();
        let last_rows = numbered.map(|(number, row)| (row.snapshot_date, number));
        let last_rows: BTreeMap<_, _> = last_rows.collect();
        let is_expired = |(_, row): &(&SnapshotDate, &usize)| rows[**row].is_expired();
        let last_expired = last_rows.iter().rev().find(is_expired);
        let final_until = last_expired.map(|(date, _)| SnapshotDate::on(date.day() + MONTH));
        Self {
            output: output.clone(),
            table,
            last_rows,
            final_until,
            by_sequence: rows,
            own: BTreeSet::new(),
        }
    }

    /// The same publications, of a job that has these tables of its own: a run that died may have
    /// left rows in one that no publication names yet.
    #[must_use]
    pub fn knowing<'a>(mut self, own: impl IntoIterator<Item = &'a String>) -> Self {
        self.own.extend(own.into_iter().cloned());
        self
    }

    /// The tables that runs commit to: tierline's, the job's own, and whatever was published before.
    pub(super) fn tables(&self) -> BTreeSet<&str> {
        let recorded = self.by_sequence.iter().flat_map(|row| row.tables.keys());
        let named = recorded.chain(&self.own).map(String::as_str);
        named.chain(OUR_NAMES).collect()
    }

    /// Whether runs of the job commit to a table.
    pub(super) fn has_table(&self, name: &str) -> bool {
        OUR_NAMES.contains(&name) || self.own.contains(name)
    }

    /// The tables of the job's own.
    pub(super) fn own(&self) -> &BTreeSet<String> {
        &self.own
    }

    /// Every publication, the newest last.
    pub fn all(&self) -> &[Publication] {
        &self.by_sequence
    }

    /// The valid publication of a date; none when it was never published, was withdrawn, or has expired.
    pub fn newest_for(&self, date: SnapshotDate) -> Option<&Publication> {
        self.last_of(date).filter(|last| last.is_published())
    }

    /// The last row about a date, which may say that it was withdrawn, or has expired.
    pub fn last_of(&self, date: SnapshotDate) -> Option<&Publication> {
        let row = self.last_rows.get(&date);
        row.and_then(|row| self.by_sequence.get(*row))
    }

    /// The valid publication of the last published date before `date`.
    pub fn previous_to(&self, date: SnapshotDate) -> Option<&Publication> {
        let earlier = self.last_rows.range(..date).rev();
        earlier
            .filter_map(|(earlier, _)| self.newest_for(*earlier))
            .next()
    }

    /// The valid publication of the date a week before.
    pub fn week_before(&self, date: SnapshotDate) -> Option<&Publication> {
        self.newest_for(SnapshotDate::on(date.day() - WEEK))
    }

    /// The valid publication of the date 28 days before.
    pub fn month_before(&self, date: SnapshotDate) -> Option<&Publication> {
        self.newest_for(SnapshotDate::on(date.day() - MONTH))
    }

    /// Until when published dates stay as they are, whatever becomes of their inputs: rows follow on
    /// snapshots of up to four weeks before, and some of these have expired.
    pub fn final_until(&self) -> Option<SnapshotDate> {
        self.final_until
    }

    /// Whether a date stays as it is for that reason.
    pub fn is_final(&self, date: SnapshotDate) -> bool {
        self.final_until.is_some_and(|until| date <= until)
    }

    /// The last date published.
    pub fn latest_date(&self) -> Option<SnapshotDate> {
        Some(self.published().next_back()?.snapshot_date)
    }

    /// Every date that is published; not those that were withdrawn.
    pub fn dates(&self) -> BTreeSet<SnapshotDate> {
        let published = self.published();
        published.map(|published| published.snapshot_date).collect()
    }

    /// Every date whose sums are in the tables: those that are published, and those of which only the
    /// users have expired.
    pub fn dates_with_sums(&self) -> BTreeSet<SnapshotDate> {
        let last = self.last_rows.values();
        let last = last.filter_map(|row| self.by_sequence.get(*row));
        let has_sums = last.filter(|last| !last.is_withdrawn());
        has_sums.map(|last| last.snapshot_date).collect()
    }

    /// The valid publication of every date that has one, in the order of dates.
    pub fn published(&self) -> impl DoubleEndedIterator<Item = &Publication> {
        let dates = self.last_rows.keys();
        dates.filter_map(|date| self.newest_for(*date))
    }

    /// The publications that no later one of the same date or a later date has overtaken, the
    /// newest last: together they know everything that runs have known. Nearly always it is one.
    /// Withdrawals and expiries know nothing of their own; the publications before them still do.
    pub fn not_overtaken(&self) -> Vec<&Publication> {
        let mut latest = None;
        let published = self.by_sequence.iter().filter(|row| row.is_published());
        let mut found: Vec<&Publication> = published
            .rev()
            .filter(|publication| {
                let is_later = latest.is_none_or(|latest| publication.snapshot_date > latest);
                if is_later {
                    latest = Some(publication.snapshot_date);
                }
                is_later
            })
            .collect();
        found.reverse();
        found
    }

    /// The sequence of the next publication.
    pub fn next_sequence(&self) -> i64 {
        let newest = self.by_sequence.last();
        newest.map_or(0, |publication| publication.sequence) + 1
    }

    /// The files of a table as a publication recorded them: of its date, or all where the table
    /// is not dated. There are none when the run left the table alone.
    ///
    /// This goes by the recorded version, never by the newest: a run that did not get as far as
    /// its publication may have replaced the same date since.
    ///
    /// # Errors
    /// When the table cannot be read at that version.
    pub async fn files_of(
        &self,
        publication: &Publication,
        table: &str,
    ) -> Result<Vec<PublishedFile>, PublishError> {
        match self.recorded(publication, table).await? {
            None => Ok(Vec::new()),
            Some(recorded) => recorded.files(recorded.partition_of(publication.snapshot_date)),
        }
    }

    /// When a publication was made. Of one by an older tierline the log of the table that every one of
    /// them writes says so; none where that entry was cleaned up, or does not say.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn published_at(
        &self,
        publication: &Publication,
    ) -> Result<Option<DateTime<Utc>>, PublishError> {
        if let Some(time) = publication.published_at {
            return Ok(Some(time));
        }
        let Some(written) = publication.tables.get(SNAPSHOT) else {
            return Ok(None);
        };
        let place = Place::of(&self.output, SNAPSHOT);
        let entry = place.log_entry(written.version).await?;
        let entry = entry.filter(|entry| entry.run_id() == Some(publication.run_id.as_str()));
        Ok(entry.and_then(|entry| entry.made_at()))
    }

    /// A table as a publication recorded it; none when the run left it alone.
    async fn recorded(
        &self,
        publication: &Publication,
        table: &str,
    ) -> Result<Option<Table>, PublishError> {
        let Some(recorded) = publication.tables.get(table) else {
            return Ok(None);
        };
        let found = Table::open_at(&self.output, table, recorded.version).await?;
        found.map(Some).ok_or_else(|| PublishError::Missing {
            table: table.to_owned(),
            date: publication.snapshot_date,
            version: recorded.version,
        })
    }

    /// Whether the table is still as it was loaded, so that a run which another overtook can stop
    /// before it commits anything. It is asked by key, as a listing may lag behind.
    ///
    /// # Errors
    /// [`PublishError::Conflict`] when it is not.
    pub(super) async fn check_newest(&self) -> Result<(), PublishError> {
        let place = Place::of(&self.output, PUBLICATIONS);
        let next = self.version() + 1;
        match place.log_entry(next).await? {
            Some(_) => self.check_version(next),
            None => Ok(()),
        }
    }

    /// A table that is not there and one that has no rows yet are the same here.
    fn version(&self) -> i64 {
        self.table.as_ref().map_or(0, Table::version)
    }

    fn check_version(&self, found: i64) -> Result<(), PublishError> {
        let expected = self.version();
        if found == expected {
            return Ok(());
        }
        Err(PublishError::Conflict {
            table: PUBLICATIONS.to_owned(),
            expected,
            found,
        })
    }

    /// Prepares the commit of one more publication, and of others before it; its rows are written.
    ///
    /// # Errors
    /// [`PublishError::Conflict`] when another run published since this was loaded, and a store
    /// that fails.
    pub(super) async fn prepare(
        &self,
        (before, publication): (&[Publication], &Publication),
        provenance: &Provenance,
    ) -> Result<Prepared, PublishError> {
        let date = publication.snapshot_date;
        let newest = std::slice::from_ref(publication);
        let by_sequence = [&self.by_sequence[..], before, newest].concat();
        let tables = columns::tables_of(&by_sequence);
        let spec = Arc::new(spec(&tables)?);
        let table = match &self.table {
            Some(table) => table.clone(),
            None => Table::open_or_create(&self.output, &spec).await?,
        };
        self.check_version(table.version())?;
        check_known(&table, &spec)?;
        let draft = draft(&self.output, &spec, date, &by_sequence, &tables).await?;
        table.prepare(draft, provenance).await
    }

    /// The table itself, once there is one.
    pub fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }
}

/// Refuses a table with columns of a later tierline, which would be lost.
fn check_known(table: &Table, spec: &TableSpec) -> Result<(), PublishError> {
    let (found, known) = (table.schema()?, spec.schema());
    let names = found.fields().iter().map(|field| field.name().as_str());
    let unknown: Vec<&str> = names
        .filter(|name| known.field_with_name(name).is_err())
        .collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(PublishError::LaterForm {
            columns: unknown.join(", "),
        }),
    }
}

/// The table as it is published beside these.
///
/// # Errors
/// Names that no column may have.
pub(crate) fn spec(tables: &[&str]) -> Result<TableSpec, PublishError> {
    let spec = TableSpec::new(PUBLICATIONS, &columns::schema(tables), Dating::Undated)?;
    let spec = spec.with_comments(columns::comments(tables));
    Ok(spec.with_description(DESCRIPTION))
}

async fn draft(
    output: &Location,
    spec: &Arc<TableSpec>,
    date: SnapshotDate,
    publications: &[Publication],
    tables: &[&str],
) -> Result<Draft, DraftError> {
    let rows = columns::encode(publications, tables).map_err(|source| DraftError::Values {
        table: PUBLICATIONS.to_owned(),
        source,
    })?;
    let schema = rows.schema();
    let rows = RecordBatchStreamAdapter::new(schema, stream::iter([Ok(rows)]));
    let writer = DraftWriter::open(output, spec, date)?;
    writer.write_all(Box::pin(rows)).await
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    use super::*;
    use crate::drafts::testing::{date, on_every_store};
    use crate::ground::{Classified, FailureKind};
    use crate::publish::testing::provenance;
    use crate::storage::Traffic;

    on_every_store!(
        nothing_is_published_at_first,
        publications_survive_reloading,
        the_newest_row_of_a_date_holds,
        a_withdrawal_knows_nothing_of_its_own,
        only_one_of_two_runs_publishes,
        the_first_publication_conflicts_with_another_first,
        a_table_written_by_a_shorter_list_grows,
        a_table_written_by_a_longer_list_loses_nothing,
        a_table_with_columns_of_a_later_tierline_is_left_alone,
        a_withdrawn_date_is_not_published,
    );

    fn publication(day: &str, run_id: &str, sequence: i64) -> Publication {
        let recorded = TableVersion {
            version: sequence,
            rows: 1_000,
        };
        Publication {
            snapshot_date: date(day),
            status: PublicationStatus::Published,
            run_id: run_id.to_owned(),
            sequence,
            previous_snapshot_date: None,
            previous_run_id: None,
            source_fingerprint: "feed".to_owned(),
            input_fingerprint: "f00d".to_owned(),
            sql_fingerprint: "beef".to_owned(),
            cutpoints_id: "2026-11-01-v1".to_owned(),
            rules_fingerprint: None,
            tier_rules: Some(r#"{"value_tier":"0a1b"}"#.to_owned()),
            source_record: Some("5eed".to_owned()),
            source_files: None,
            published_at: DateTime::from_timestamp_millis(1_795_000_000_123),
            tables: [("tier_snapshot".to_owned(), recorded)].into(),
        }
    }

    /// Nobody waits for it as long as no date looks at all others.
    #[test]
    fn a_long_history_is_asked_for_each_of_its_dates() {
        let output = crate::drafts::testing::in_memory();
        let first = date("1900-01-01").day();
        let days: Vec<_> = first.iter_days().take(40_000).collect();
        let numbered = (1..).zip(&days);
        let rows = numbered.map(|(sequence, day)| publication(&day.to_string(), "a", sequence));
        let publications = Publications::of(&output, None, rows.collect());
        for pair in days.windows(2) {
            let [day, next] = [pair[0], pair[1]].map(SnapshotDate::on);
            let previous = publications.previous_to(next).unwrap();
            assert_eq!(previous.snapshot_date, day);
            assert_eq!(publications.newest_for(day).unwrap().snapshot_date, day);
        }
    }

    async fn append(publications: &Publications, day: &str, run_id: &str) -> Publications {
        let row = publication(day, run_id, publications.next_sequence());
        append_row(publications, row).await.unwrap()
    }

    async fn append_row(
        publications: &Publications,
        row: Publication,
    ) -> Result<Publications, PublishError> {
        let provenance = provenance(&row.run_id, row.sequence);
        let commit = publications.prepare((&[], &row), &provenance).await?;
        commit.put().await?;
        Publications::load(&publications.output).await
    }

    /// Spark writes INT96, which is read as nanoseconds without a zone.
    #[test]
    fn times_are_read_in_whatever_unit_they_were_written_anew() {
        let rows = [publication("2026-11-20", "a", 1)];
        let written = columns::encode(&rows, &["tier_snapshot"]).unwrap();
        let index = written.schema().index_of("published_at").unwrap();
        for other in [TimeUnit::Nanosecond, TimeUnit::Millisecond] {
            let data_type = DataType::Timestamp(other, None);
            let mut fields = written.schema().fields().to_vec();
            fields[index] = Arc::new(Field::new("published_at", data_type.clone(), true));
            let mut columns = written.columns().to_vec();
            columns[index] = cast(&columns[index], &data_type).unwrap();
            let anew = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
            assert_eq!(columns::decode(&anew).unwrap(), rows, "{other:?}");
        }
    }

    async fn nothing_is_published_at_first(output: &Location) {
        let publications = Publications::load(output).await.unwrap();
        assert_eq!(publications.all(), []);
        assert_eq!(publications.latest_date(), None);
        assert_eq!(publications.next_sequence(), 1);
        assert_eq!(publications.previous_to(date("2026-11-20")), None);
    }

    async fn publications_survive_reloading(output: &Location) {
        let none = Publications::load(output).await.unwrap();
        let mut first = publication("2026-11-19", "a", 1);
        first.previous_snapshot_date = Some(date("2026-11-18"));
        first.previous_run_id = Some("before".to_owned());
        let one = append_row(&none, first.clone()).await.unwrap();
        append(&one, "2026-11-20", "b").await;
        let reloaded = Publications::load(output).await.unwrap();
        assert_eq!(reloaded.all(), [first, publication("2026-11-20", "b", 2)]);
        assert_eq!(reloaded.table().unwrap().files(None).unwrap().len(), 1);
        assert_eq!(reloaded.next_sequence(), 3);
    }

    async fn the_newest_row_of_a_date_holds(output: &Location) {
        let mut publications = Publications::load(output).await.unwrap();
        for (day, run_id) in [
            ("2026-11-19", "a"),
            ("2026-11-20", "b"),
            ("2026-11-19", "c"),
        ] {
            publications = append(&publications, day, run_id).await;
        }
        let run_of = |found: Option<&Publication>| found.map(|row| row.run_id.clone());
        assert_eq!(
            run_of(publications.newest_for(date("2026-11-19"))),
            Some("c".to_owned())
        );
        assert_eq!(
            run_of(publications.previous_to(date("2026-11-20"))),
            Some("c".to_owned())
        );
        assert_eq!(
            run_of(publications.previous_to(date("2026-12-01"))),
            Some("b".to_owned())
        );
        assert_eq!(run_of(publications.previous_to(date("2026-11-19"))), None);
        assert_eq!(publications.latest_date(), Some(date("2026-11-20")));
        let dates = [date("2026-11-19"), date("2026-11-20")];
        assert_eq!(publications.dates(), dates.into());
    }

    async fn a_withdrawn_date_is_not_published(output: &Location) {
        let none = Publications::load(output).await.unwrap();
        let one = append(&none, "2026-11-19", "a").await;
        let two = append(&one, "2026-11-20", "b").await;
        let withdrawal = Publication {
            status: PublicationStatus::Withdrawn,
            ..publication("2026-11-20", "c", 3)
        };
        let withdrawn = append_row(&two, withdrawal.clone()).await.unwrap();
        assert_eq!(withdrawn.newest_for(date("2026-11-20")), None);
        assert_eq!(withdrawn.last_of(date("2026-11-20")), Some(&withdrawal));
        assert_eq!(withdrawn.latest_date(), Some(date("2026-11-19")));
        assert_eq!(withdrawn.next_sequence(), 4);
        let previous = withdrawn.previous_to(date("2026-11-21")).unwrap();
        assert_eq!(previous.run_id, "a");
        let again = append(&withdrawn, "2026-11-20", "d").await;
        assert_eq!(again.newest_for(date("2026-11-20")).unwrap().run_id, "d");
    }

    /// Its record of source days was that of the date it withdraws, taken for the newest.
    async fn a_withdrawal_knows_nothing_of_its_own(output: &Location) {
        let none = Publications::load(output).await.unwrap();
        let first = append(&none, "2026-11-19", "a").await;
        let second = append(&first, "2026-11-20", "b").await;
        let withdrawn = Publication {
            status: PublicationStatus::Withdrawn,
            ..publication("2026-11-19", "a-withdrawn", 3)
        };
        let third = append_row(&second, withdrawn).await.unwrap();
        let known = third.not_overtaken();
        let runs: Vec<&str> = known.iter().map(|row| row.run_id.as_str()).collect();
        assert_eq!(runs, ["b"]);
    }

    async fn only_one_of_two_runs_publishes(output: &Location) {
        let none = Publications::load(output).await.unwrap();
        let shared = append(&none, "2026-11-19", "a").await;
        append(&shared, "2026-11-20", "b").await;
        let late = publication("2026-11-20", "c", shared.next_sequence());
        let error = append_row(&shared, late).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Conflict);
        assert_eq!(
            shared.check_newest().await.unwrap_err().kind(),
            FailureKind::Conflict
        );
        let newest = Publications::load(output).await.unwrap();
        assert_eq!(newest.all().last().unwrap().run_id, "b");
    }

    async fn the_first_publication_conflicts_with_another_first(output: &Location) {
        let none = Publications::load(output).await.unwrap();
        none.check_newest().await.unwrap();
        append(&none, "2026-11-20", "a").await;
        let late = publication("2026-11-20", "b", 1);
        let error = append_row(&none, late).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Conflict);
    }

    /// Publishes as a release whose list of tables is `tables`.
    async fn publish_with_list(output: &Location, row: &Publication, tables: &[&str]) {
        let rows = std::slice::from_ref(row);
        let spec = Arc::new(spec(tables).unwrap());
        let table = Table::open_or_create(output, &spec).await.unwrap();
        let draft = draft(output, &spec, row.snapshot_date, rows, tables).await;
        let provenance = provenance(&row.run_id, row.sequence);
        table.replace(draft.unwrap(), &provenance).await.unwrap();
    }

    fn columns_of(publications: &Publications) -> Vec<String> {
        let schema = publications.table().unwrap().schema().unwrap();
        let names = schema.fields().iter().map(|field| field.name().clone());
        names.collect()
    }

    async fn a_table_written_by_a_shorter_list_grows(output: &Location) {
        let first = publication("2026-11-19", "a", 1);
        publish_with_list(output, &first, &["tier_snapshot"]).await;
        let old = Publications::load(output).await.unwrap();
        assert_eq!(old.all(), std::slice::from_ref(&first));
        assert_eq!(columns_of(&old).len(), 15 + 2);

        let mut second = publication("2026-11-20", "b", 2);
        let recorded = TableVersion {
            version: 4,
            rows: 7,
        };
        second.tables.insert("dim_tier".to_owned(), recorded);
        append_row(&old, second.clone()).await.unwrap();
        let reloaded = Publications::load(output).await.unwrap();
        assert_eq!(reloaded.all(), [first, second]);
        assert_eq!(
            columns_of(&reloaded).len(),
            15 + 2 * crate::tables::OUR_NAMES.len()
        );
        assert_eq!(reloaded.table().unwrap().version(), 2);
    }

    async fn a_table_with_columns_of_a_later_tierline_is_left_alone(output: &Location) {
        let mut fields = columns::schema(&["tier_snapshot"]).fields().to_vec();
        fields.push(Arc::new(Field::new("approved_by", DataType::Utf8, true)));
        let spec = TableSpec::new(PUBLICATIONS, &Schema::new(fields), Dating::Undated);
        let table = Table::open_or_create(output, &Arc::new(spec.unwrap())).await;
        table.unwrap();
        let none = Publications::load(output).await.unwrap();
        let refused = append_row(&none, publication("2026-11-20", "a", 1)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Blocked);
        assert!(refused.to_string().contains("approved_by"), "{refused}");
    }

    async fn a_table_written_by_a_longer_list_loses_nothing(output: &Location) {
        let recorded = TableVersion {
            version: 4,
            rows: 7,
        };
        let mut first = publication("2026-11-19", "a", 1);
        first.tables.insert("forecast".to_owned(), recorded);
        let longer = [&crate::tables::OUR_NAMES[..], &["forecast"]].concat();
        publish_with_list(output, &first, &longer).await;

        let newer = Publications::load(output).await.unwrap();
        append(&newer, "2026-11-20", "b").await;
        let reloaded = Publications::load(output).await.unwrap();
        assert_eq!(reloaded.all(), [first, publication("2026-11-20", "b", 2)]);
    }

    #[tokio::test]
    async fn reading_them_costs_one_get_beside_the_log() {
        let output = crate::drafts::testing::in_memory();
        let mut publications = Publications::load(&output).await.unwrap();
        for run_id in ["a", "b", "c"] {
            publications = append(&publications, "2026-11-20", run_id).await;
        }
        let traffic = Arc::new(Traffic::default());
        let counting = crate::storage::CountingStore::new(output.store, Arc::clone(&traffic));
        let output = crate::drafts::testing::on_store(Arc::new(counting));
        Table::open(&output, PUBLICATIONS).await.unwrap();
        let for_the_log = traffic.totals().gets;
        Publications::load(&output).await.unwrap();
        assert_eq!(traffic.totals().gets, 2 * for_the_log + 1);
    }
}
