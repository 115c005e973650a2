//! Drafts from the [settled rows](super::settled), in one pass over them.
//!
//! 1. Each batch is written to the snapshot, and its moves to the migration.
//! 2. Users of the previous snapshot who are gone today go to the migration as they are met.
//! 3. Today's users are counted against [earlier] snapshots as well.
//! 4. The matrices and the summary follow, from what added up on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use crate::drafts::{BackgroundWriter, ContractError, Draft, DraftWriter, TableSpec};
use crate::engine::{EngineError, Session};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::migration::{Matrices, Measures, Migration, Moves};
use crate::plan::Plan;
use crate::publish::published_files;
use crate::storage::Location;
use crate::tables::{
    DIM_TIER, PublishedTable, TIER_CURRENT, TIER_MIGRATION, TIER_MIGRATION_MATRIX, TIER_SNAPSHOT,
    TIER_SUMMARY, dated,
};
use crate::tiers::{Dimensions, Settled};
use crate::tiles::USER_ID;

use super::earlier::{self, EarlierSnapshot};
use super::error::NightError;
use super::settled::{STAGE, SettledRows, SettledUsers};

/// What drafts are written with.
pub(super) struct Drafting<'a> {
    pub session: &'a Session,
    pub output: &'a Location,
    pub plan: &'a Plan,
    pub snapshot_date: SnapshotDate,
    pub previous_snapshot_date: Option<SnapshotDate>,
    pub dimensions: &'a Dimensions,
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
fn plain_type(schema: &Schema, column: &str) -> DataType {
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
        let mut migration = Migration::new(
            self.previous_snapshot_date,
            self.snapshot_date,
            self.dimensions,
            &user_id,
        );
        let mut moves = DraftWriter::open(self.output, &specs.migration, self.snapshot_date)?;
        let written = self
            .write_snapshot(rows, specs, &mut migration, &mut moves)
            .await;
        let (snapshot, earlier, told) = match written {
            Ok(written) => written,
            Err(error) => {
                moves.abandon().await;
                return Err(error);
            }
        };
        drafts.push(snapshot);
        drafts.push(moves.finish().await?);
        for draft in drafts.iter() {
            self.register_draft(draft)?;
        }
        let arrow = EngineError::during("adding up the tiers");
        let matrix = migration.matrix(&earlier).map_err(&arrow)?;
        let summary = migration.summary().map_err(&arrow)?;
        for (spec, rows) in [(&specs.matrix, matrix), (&specs.summary, summary)] {
            self.write_rows(spec, &[rows], drafts).await?;
        }
        Ok((migration.moves(), told))
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

    async fn write_snapshot(
        &self,
        rows: SettledRows,
        specs: &Specs,
        migration: &mut Migration,
        moves: &mut DraftWriter,
    ) -> Result<(Draft, Vec<Matrices>, Vec<String>), NightError> {
        let earlier = earlier::open(self.session, self.output, self.plan, self.dimensions).await?;
        let writer = DraftWriter::open(self.output, &specs.snapshot, self.snapshot_date)?;
        let snapshot = BackgroundWriter::start(writer);
        match write_users(rows, earlier, migration, &snapshot, moves).await {
            Ok((earlier, told)) => Ok((snapshot.finish().await?, earlier, told)),
            Err(error) => {
                snapshot.abandon().await;
                Err(error)
            }
        }
    }
}

/// Writes today's users, and the moves of today's and of the previous snapshot's. Returns the
/// matrices since earlier snapshots, and what is to be said of the users.
async fn write_users(
    rows: SettledRows,
    mut earlier: Vec<EarlierSnapshot>,
    migration: &mut Migration,
    snapshot: &BackgroundWriter,
    moves: &mut DraftWriter,
) -> Result<(Vec<Matrices>, Vec<String>), NightError> {
    let mut rows = rows.stream().await?;
    while let Some(SettledUsers { today, gone }) = rows.next().await? {
        if let Some(today) = &today
            && !snapshot.write(today.rows.clone()).await
        {
            // Completing the draft says why.
            break;
        }
        for gone in &gone {
            let observed = observe_gone(migration, gone);
            let observed = observed.map_err(EngineError::during("counting users who are gone"))?;
            moves.write(&observed).await?;
        }
        if let Some(today) = &today {
            let observed = observe(migration, today).map_err(EngineError::during(STAGE))?;
            moves.write(&observed).await?;
            for earlier in &mut earlier {
                earlier.observe(&mut rows, today).await?;
            }
        }
    }
    let mut matrices = Vec::new();
    for earlier in earlier {
        matrices.push(earlier.finish(&mut rows).await?);
    }
    Ok((matrices, rows.remarks()))
}

/// Counts a batch of today's rows into the migration.
fn observe(migration: &mut Migration, settled: &Settled) -> Result<RecordBatch, ArrowError> {
    let measures = Measures::of(&settled.rows)?;
    let user_id = column(&settled.rows, USER_ID)?;
    migration.observe(user_id, &measures, settled)
}

/// Counts users who were in the previous snapshot and are absent from today's.
fn observe_gone(migration: &mut Migration, gone: &Settled) -> Result<RecordBatch, ArrowError> {
    let measures = Measures::of_gone(&gone.rows)?;
    let user_id = column(&gone.rows, USER_ID)?;
    migration.observe(user_id, &measures, gone)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    Ok(batch.column(batch.schema_ref().index_of(name)?))
}

/// Removes drafts that will not be committed.
pub(super) async fn discard(output: &Location, drafts: Vec<Draft>) {
    for draft in drafts {
        if let Err(error) = draft.discard(output).await {
            let table = draft.spec().name();
            tracing::warn!(table.name = table, %error, "files of a discarded draft are left");
        }
    }
}
