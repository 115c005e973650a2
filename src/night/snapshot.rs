//! Drafts from the [settled rows](super::settled), in one pass over them.
//!
//! 1. The users of each range are [written](super::users_of_range) by a task of their own.
//! 2. The files of all ranges are the draft, in the order of users, and what was counted adds up.
//! 3. The matrices and the summary follow from that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinError;
use tracing::Instrument;

use crate::drafts::{ContractError, Draft, DraftError, DraftWriter, TableSpec, discard};
use crate::engine::{EngineError, Session, caught};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::migration::{Migration, Moves};
use crate::plan::Plan;
use crate::publish::published_files;
use crate::storage::Location;
use crate::tables::{
    DIM_TIER, PublishedTable, TIER_CURRENT, TIER_MIGRATION, TIER_MIGRATION_MATRIX, TIER_SNAPSHOT,
    TIER_SUMMARY, dated,
};
use crate::tiers::Dimensions;
use crate::tiles::USER_ID;

use super::earlier::earlier_rows;
#[cfg(feature = "cluster")]
use super::elsewhere::range_files::EmptyRange;
#[cfg(feature = "cluster")]
use super::elsewhere::ranges::{HERE, RangesElsewhere};
use super::error::NightError;
#[cfg(feature = "cluster")]
use super::settled::SettledRange;
use super::settled::{STAGE, SettledRows};
use super::users_of_range::{UsersOfRange, WrittenUsers};

/// What drafts are written with.
pub(super) struct Drafting<'a> {
    pub session: &'a Session,
    pub output: &'a Location,
    pub plan: &'a Plan,
    pub snapshot_date: SnapshotDate,
    pub previous_snapshot_date: Option<SnapshotDate>,
    pub dimensions: &'a Dimensions,
    /// Who computes the ranges of users in place of this machine; none where it does so itself.
    #[cfg(feature = "cluster")]
    pub elsewhere: Option<RangesElsewhere>,
}

/// The tables that a night publishes, with their columns; `raw` are the snapshot's before it is
/// settled.
pub(crate) struct Specs {
    pub snapshot: Arc<TableSpec>,
    pub current: Arc<TableSpec>,
    pub migration: Arc<TableSpec>,
    pub matrix: Arc<TableSpec>,
    pub summary: Arc<TableSpec>,
    pub dim_tier: Arc<TableSpec>,
}

impl Specs {
    /// The tables of a night whose raw snapshot and `dim_tier` have these columns.
    ///
    /// # Errors
    /// Columns that some reader would not open.
    pub(crate) fn new(
        settled: &Schema,
        dim_tier: &Schema,
        comments: &BTreeMap<String, String>,
    ) -> Result<Self, NightError> {
        let user_id = plain_type(settled, USER_ID);
        let snapshot = TableSpec::of(&TIER_SNAPSHOT, &dated(settled));
        let (snapshot, dim_tier) = both(snapshot, TableSpec::of(&DIM_TIER, dim_tier))?;
        let current = TableSpec::of(&TIER_CURRENT, &dated(settled))?;
        let of_migration = |table: &PublishedTable| {
            let spec = TableSpec::of(table, &dated(&table.schema(&user_id)))?;
            Ok::<_, ContractError>(Arc::new(spec))
        };
        Ok(Self {
            snapshot: Arc::new(snapshot.with_comments(comments.clone())),
            current: Arc::new(current.with_comments(comments.clone())),
            migration: of_migration(&TIER_MIGRATION)?,
            matrix: of_migration(&TIER_MIGRATION_MATRIX)?,
            summary: of_migration(&TIER_SUMMARY)?,
            dim_tier: Arc::new(dim_tier.with_comments(comments.clone())),
        })
    }

    /// All of them.
    pub(crate) fn all(self) -> impl Iterator<Item = Arc<TableSpec>> {
        let Self {
            snapshot,
            current,
            migration,
            matrix,
            summary,
            dim_tier,
        } = self;
        [snapshot, current, migration, matrix, summary, dim_tier].into_iter()
    }
}

/// Both tables, or what is wrong with either.
fn both(
    first: Result<TableSpec, ContractError>,
    second: Result<TableSpec, ContractError>,
) -> Result<(TableSpec, TableSpec), ContractError> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(mut first), Err(second)) => {
            first.problems.extend(second.problems);
            Err(first)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// The type of a column as it will be published: text is plain text.
pub(super) fn plain_type(schema: &Schema, column: &str) -> DataType {
    match schema.field_with_name(column).map(Field::data_type) {
        Ok(DataType::Int64) => DataType::Int64,
        _ => DataType::Utf8,
    }
}

impl Drafting<'_> {
    /// Writes the snapshot and its migration. Returns how many users moved, and what is to be said
    /// of the rows. When it fails, `drafts` has what is to be [discarded](discard).
    pub(super) async fn write(
        &self,
        rows: SettledRows,
        specs: &Specs,
        drafts: &mut Vec<Draft>,
    ) -> Result<(Moves, Vec<String>), NightError> {
        let user_id = plain_type(&rows.schema(), USER_ID);
        let WrittenUsers {
            snapshot,
            moves,
            migration,
            earlier,
            settling,
        } = self.write_users(rows, specs, &user_id).await?;
        drafts.extend([snapshot, moves]);
        for draft in drafts.iter() {
            self.register_draft(draft)?;
        }
        let arrow = EngineError::during("adding up the tiers");
        let matrix = migration.matrix(&earlier).map_err(&arrow)?;
        let summary = migration.summary().map_err(&arrow)?;
        for (spec, rows) in [(&specs.matrix, matrix), (&specs.summary, summary)] {
            self.write_rows(spec, &[rows], drafts).await?;
        }
        Ok((migration.moves(), settling.remarks()))
    }

    /// Writes the users of each range side by side. When one of them cannot be written, no draft is left.
    async fn write_users(
        &self,
        rows: SettledRows,
        specs: &Specs,
        user_id: &DataType,
    ) -> Result<WrittenUsers, NightError> {
        let earlier = earlier_rows(self.session, self.output, self.plan, self.dimensions).await?;
        let (previous_date, date) = (self.previous_snapshot_date, self.snapshot_date);
        let migration = || Migration::new(previous_date, date, self.dimensions, user_id);
        let ranges = rows.in_ranges().await?;
        #[cfg(feature = "cluster")]
        if let Some(elsewhere) = self.elsewhere_for(&ranges) {
            let earlier = earlier.iter();
            let matrices = || earlier.clone().map(|rows| rows.matrices(self.dimensions));
            let empty = |range: &SettledRange| EmptyRange {
                output: self.output,
                date,
                snapshot: &specs.snapshot,
                moves: &specs.migration,
                migration: migration(),
                earlier: matrices().collect(),
                settling: range.settling(),
            };
            let empty = ranges.iter().map(empty);
            let written = elsewhere.write(empty).await?.into_iter();
            return self
                .all_of(written.map(|range| Ok(Some(range))).collect())
                .await;
        }
        let side_by_side = ranges.len().min(self.session.threads());
        let has_failed = Arc::new(AtomicBool::new(false));
        let mut writing = Vec::new();
        for rows in ranges {
            let open = |spec| DraftWriter::open_beside(side_by_side, self.output, spec, date);
            let users = UsersOfRange {
                rows,
                earlier: earlier.clone(),
                dimensions: self.dimensions.clone(),
                migration: migration(),
                snapshot: open(&specs.snapshot)?,
                moves: open(&specs.migration)?,
                output: self.output.clone(),
                has_failed: Arc::clone(&has_failed),
            };
            writing.push(caught(users.write().in_current_span()));
        }
        let writing = writing.into_iter().map(|users| async {
            let ended = SpawnedTask::spawn(users).join().await;
            let lost = |error: JoinError| DraftError::Task {
                source: error.into(),
            };
            let ended = ended.map_err(|error| NightError::from(lost(error)));
            let written = ended.and_then(|ended| ended?);
            let has_written = matches!(written, Ok(Some(_)));
            has_failed.fetch_or(!has_written, Ordering::Relaxed);
            written
        });
        let writing = stream::iter(writing).buffered(side_by_side);
        self.all_of(writing.collect().await).await
    }

    /// Who computes these ranges in place of this machine.
    #[cfg(feature = "cluster")]
    fn elsewhere_for(&self, ranges: &[SettledRange]) -> Option<&RangesElsewhere> {
        let elsewhere = self.elsewhere.as_ref()?;
        let mut all = ranges.iter();
        if ranges.len() > 1 && all.all(SettledRange::depends_on_its_users_alone) {
            return Some(elsewhere);
        }
        tracing::warn!(
            "{HERE}: the snapshot needs users of several ranges at once, or files besides tiles"
        );
        None
    }

    /// Those of all ranges; where one has failed, what the others have written goes.
    async fn all_of(
        &self,
        ranges: Vec<Result<Option<WrittenUsers>, NightError>>,
    ) -> Result<WrittenUsers, NightError> {
        let is_whole = ranges.iter().all(|range| matches!(range, Ok(Some(_))));
        let mut failed = None;
        let written = ranges.into_iter().filter_map(|range| match range {
            Ok(written) => written,
            Err(error) => {
                failed.get_or_insert(error);
                None
            }
        });
        let all = written.reduce(|mut all, next| {
            all.add(next);
            all
        });
        match all {
            Some(all) if is_whole => Ok(all),
            all => {
                let left = all.map(|all| vec![all.snapshot, all.moves]);
                discard(self.output, left.unwrap_or_default()).await;
                Err(failed.unwrap_or_else(not_written))
            }
        }
    }

    /// Writes rows that are already there, and makes them readable.
    pub(super) async fn write_rows(
        &self,
        spec: &Arc<TableSpec>,
        rows: &[RecordBatch],
        drafts: &mut Vec<Draft>,
    ) -> Result<(), NightError> {
        let mut writer = DraftWriter::open(self.output, spec, self.snapshot_date)?;
        for batch in rows {
            if let Err(error) = writer.write(batch).await {
                writer.abandon().await;
                return Err(error.into());
            }
        }
        let draft = writer.finish().await?;
        let registered = self.register_draft(&draft);
        // Handed over even so, to be discarded.
        drafts.push(draft);
        registered
    }

    /// As [`write_rows`](Self::write_rows), of rows as they are computed.
    pub(super) async fn write_stream(
        &self,
        spec: &Arc<TableSpec>,
        mut rows: SendableRecordBatchStream,
        computing: impl Fn(DataFusionError) -> EngineError,
        drafts: &mut Vec<Draft>,
    ) -> Result<(), NightError> {
        let mut writer = DraftWriter::open(self.output, spec, self.snapshot_date)?;
        let written = async {
            while let Some(batch) = rows.try_next().await.map_err(&computing)? {
                writer.write(&batch).await?;
            }
            Ok::<_, NightError>(())
        };
        if let Err(error) = written.await {
            writer.abandon().await;
            return Err(error);
        }
        let draft = writer.finish().await?;
        let registered = self.register_draft(&draft);
        drafts.push(draft);
        registered
    }

    /// Makes a draft readable for marts and audits, under its published name.
    fn register_draft(&self, draft: &Draft) -> Result<(), NightError> {
        let files = draft
            .files()
            .iter()
            .map(|file| (file.path.clone(), file.size_bytes));
        let spec = draft.spec();
        let table = published_files(self.output, files, spec.file_schema(), draft.date());
        let first = spec.sort_columns().first();
        let sorted_by = first.and_then(|column| table.schema().index_of(column).ok());
        let table = match sorted_by {
            Some(index) => table.sorted_by(index),
            None => table,
        };
        let name = TableName::new(SqlSchema::Publish, spec.name());
        let registered = self.session.register(&name, Arc::new(table));
        Ok(registered.map_err(EngineError::during("reading drafts back"))?)
    }
}

/// The error for ranges that were given up without one of their own: a bug.
fn not_written() -> NightError {
    let lost = DataFusionError::Internal("a range of users was not written".to_owned());
    EngineError::during(STAGE)(lost).into()
}
