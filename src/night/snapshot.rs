//! The drafts of a night, in one pass over today's rows.
//!
//! 1. Today's raw rows come [beside](super::beside) the previous snapshot's, in user order.
//! 2. Each batch is settled, written to the snapshot, and its moves to the migration.
//! 3. Users of the previous snapshot who are gone today go to the migration as they are met.
//! 4. The matrix and the summary follow, from what added up on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::{Expr, col};
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use crate::drafts::{ContractError, Draft, DraftWriter, TableSpec, WriterAhead};
use crate::engine::{EngineError, Session, reading_whole_files, stream_ahead_of};
use crate::ground::{Folder, SnapshotDate, TableName};
use crate::migration::{self, Measures, Migration, Moves};
use crate::publish::published_files;
use crate::storage::Location;
use crate::tables::{
    DIM_TIER, PublishedTable, TIER_CURRENT, TIER_MIGRATION, TIER_MIGRATION_MATRIX, TIER_SNAPSHOT,
    TIER_SUMMARY, dated,
};
use crate::tiers::{Dimensions, Settled, Settling};
use crate::tiles::USER_ID;

use super::beside::{Beside, Previous};
use super::error::NightError;

/// What the engine was doing when it failed.
const STAGE: &str = "writing the snapshot";

/// The night whose drafts are written.
pub(super) struct Night<'a> {
    pub session: &'a Session,
    pub output: &'a Location,
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

impl Night<'_> {
    /// Writes the snapshot and its migration, and tells how many users moved. `raw` is today's rows
    /// as SQL gives them. When it fails, `drafts` has what is to be [discarded](discard).
    pub(super) async fn write(
        &self,
        raw: DataFrame,
        settling: &mut Settling,
        specs: &Specs,
        drafts: &mut Vec<Draft>,
    ) -> Result<Moves, NightError> {
        let user_id = plain_type(&settling.schema(), USER_ID);
        let mut migration = Migration::new(
            self.previous_snapshot_date,
            self.snapshot_date,
            self.dimensions,
            &user_id,
        );
        let mut moves = DraftWriter::open(self.output, &specs.migration, self.snapshot_date)?;
        let snapshot = self
            .write_snapshot(raw, settling, specs, &mut migration, &mut moves)
            .await;
        let snapshot = match snapshot {
            Ok(snapshot) => snapshot,
            Err(error) => {
                abandon(moves).await;
                return Err(error);
            }
        };
        drafts.push(snapshot);
        drafts.push(moves.finish().await?);
        for draft in drafts.iter() {
            self.register_draft(draft)?;
        }
        let arrow = EngineError::during("adding up the tiers");
        let matrix = migration.matrix().map_err(&arrow)?;
        let summary = migration.summary().map_err(&arrow)?;
        for (spec, rows) in [(&specs.matrix, matrix), (&specs.summary, summary)] {
            self.write_rows(spec, &[rows], drafts).await?;
        }
        Ok(migration.moves())
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
                abandon(writer).await;
                return Err(error.into());
            }
        }
        let draft = writer.finish().await?;
        let registered = self.register_draft(&draft);
        // Handed over even so, to be discarded.
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
        let name = TableName::new(Folder::Publish, spec.name());
        let registered = self.session.register(&name, Arc::new(table));
        Ok(registered.map_err(EngineError::during("reading drafts back"))?)
    }

    async fn write_snapshot(
        &self,
        raw: DataFrame,
        settling: &mut Settling,
        specs: &Specs,
        migration: &mut Migration,
        moves: &mut DraftWriter,
    ) -> Result<Draft, NightError> {
        let writer = DraftWriter::open(self.output, &specs.snapshot, self.snapshot_date)?;
        let snapshot = WriterAhead::start(writer);
        let written = self
            .write_users(raw, settling, migration, &snapshot, moves)
            .await;
        match written {
            Ok(()) => Ok(snapshot.finish().await?),
            Err(error) => {
                snapshot.abandon().await;
                Err(error)
            }
        }
    }

    /// Writes today's users, and the moves of today's and of the previous snapshot's.
    async fn write_users(
        &self,
        raw: DataFrame,
        settling: &mut Settling,
        migration: &mut Migration,
        snapshot: &WriterAhead,
        moves: &mut DraftWriter,
    ) -> Result<(), NightError> {
        let engine = EngineError::during(STAGE);
        let sorted = raw.sort(vec![col(USER_ID).sort(true, true)]);
        let mut today = stream_ahead_of(sorted.map_err(&engine)?, TIER_SNAPSHOT.name)
            .await
            .map_err(&engine)?;
        let mut previous = self.previous().await.map_err(&engine)?;
        while let Some(batch) = today.try_next().await.map_err(&engine)? {
            let beside = match &mut previous {
                Some(previous) => Some(previous.beside(&batch).await.map_err(&engine)?),
                None => None,
            };
            let (previous, gone) = match beside {
                Some(Beside { previous, gone }) => (Some(previous), gone),
                None => (None, Vec::new()),
            };
            let settled = settling
                .settle(&batch, previous.as_ref())
                .map_err(EngineError::during(STAGE))?;
            if !snapshot.write(settled.rows.clone()).await {
                // Completing the draft tells why.
                return Ok(());
            }
            for gone in &gone {
                self.write_gone(gone, settling, migration, moves).await?;
            }
            let observed = observe(migration, &settled);
            moves
                .write(&observed.map_err(EngineError::during(STAGE))?)
                .await?;
        }
        if let Some(previous) = &mut previous {
            while let Some(gone) = previous.rest().await.map_err(&engine)? {
                self.write_gone(&gone, settling, migration, moves).await?;
            }
        }
        Ok(())
    }

    /// The previous snapshot in user order; none before the first.
    async fn previous(&self) -> datafusion::error::Result<Option<Previous>> {
        if self.previous_snapshot_date.is_none() {
            return Ok(None);
        }
        let table = TableName::new(Folder::Previous, TIER_SNAPSHOT.name);
        let rows = self.session.table(&table).await?;
        let columns = Settling::previous_columns(self.dimensions, rows.schema().as_arrow());
        let names = [USER_ID, migration::REVENUE].into_iter();
        let names = names.chain(columns.iter().map(String::as_str));
        let rows = rows
            .select(names.map(col).collect::<Vec<Expr>>())?
            .sort(vec![col(USER_ID).sort(true, true)])?;
        let rows = stream_ahead_of(reading_whole_files(rows), "previous tier_snapshot").await?;
        Ok(Some(Previous::open(rows)))
    }

    /// Counts users whom the previous snapshot had and today's has not.
    async fn write_gone(
        &self,
        gone: &RecordBatch,
        settling: &mut Settling,
        migration: &mut Migration,
        moves: &mut DraftWriter,
    ) -> Result<(), NightError> {
        let arrow = EngineError::during("counting users who are gone");
        let observed = observe_gone(settling, migration, gone).map_err(&arrow)?;
        Ok(moves.write(&observed).await?)
    }
}

/// Counts a batch of today's rows into the migration.
fn observe(migration: &mut Migration, settled: &Settled) -> Result<RecordBatch, ArrowError> {
    let measures = Measures::of(&settled.rows)?;
    let user_id = column(&settled.rows, USER_ID)?;
    migration.observe(user_id, &measures, &settled.dimensions)
}

fn observe_gone(
    settling: &mut Settling,
    migration: &mut Migration,
    gone: &RecordBatch,
) -> Result<RecordBatch, ArrowError> {
    let settled = settling.gone(gone)?;
    let measures = Measures::of_gone(gone)?;
    migration.observe(column(gone, USER_ID)?, &measures, &settled)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    Ok(batch.column(batch.schema_ref().index_of(name)?))
}

async fn abandon(writer: DraftWriter) {
    if let Err(error) = writer.abandon().await {
        tracing::warn!(%error, "files of an abandoned draft are left");
    }
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
