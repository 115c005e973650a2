//! The drafts of every table, in the order in which one needs another: the
//! [snapshot](super::snapshot) and what follows from it, `dim_tier` and `tier_current`, the
//! [marts](super::marts).

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::DataFrame;

use crate::drafts::{Draft, discard};
use crate::engine::EngineError;
use crate::ground::{SqlSchema, TableName};
use crate::migration::Moves;
use crate::pack::{Catalog, column_comments};
use crate::publish::RunRecord;
use crate::tables::{ALERTS, DIM_TIER, TIER_SNAPSHOT};

use super::alerts::{Alert, alerts_of};
use super::context::Run;
#[cfg(feature = "cluster")]
use super::elsewhere::ranges::RangesElsewhere;
use super::error::NightError;
use super::marts::{self, register_before};
use super::snapshot::{Drafting, Specs};
use super::tiers::Tiers;

/// What a night is about to publish.
pub(super) struct Drafted {
    pub drafts: Vec<Draft>,
    pub moves: Moves,
    pub alerts: Vec<Alert>,
    pub remarks: Vec<String>,
}

impl Run<'_> {
    /// Writes the drafts of every table. `previous` are the rows of the previous snapshot, and
    /// `record` is what the night puts on record. When that fails, no draft is left.
    pub(super) async fn write_drafts(
        &self,
        catalog: &Catalog<'_>,
        tiers: &Tiers,
        previous: Option<&DataFrame>,
        record: &RunRecord,
    ) -> Result<Drafted, NightError> {
        let mut drafts = Vec::new();
        let written = async {
            let (moves, remarks) = self
                .write_into(&mut drafts, catalog, tiers, previous, record)
                .await?;
            Ok((moves, self.alerts().await?, remarks))
        };
        match Box::pin(written).await {
            Ok((moves, alerts, remarks)) => Ok(Drafted {
                drafts,
                moves,
                alerts,
                remarks,
            }),
            Err(error) => {
                discard(&self.workspace.output, drafts).await;
                Err(error)
            }
        }
    }

    async fn write_into(
        &self,
        drafts: &mut Vec<Draft>,
        catalog: &Catalog<'_>,
        tiers: &Tiers,
        previous: Option<&DataFrame>,
        record: &RunRecord,
    ) -> Result<(Moves, Vec<String>), NightError> {
        let Tiers {
            parameters, shape, ..
        } = tiers;
        let settlement = self.settlement(tiers, &record.run_id);
        let rows = settlement.rows(catalog, previous).await?;
        let comments = column_comments(self.scenario.project, shape);
        let specs = Specs::new(&rows.schema(), &shape.dim_tier.schema(), &comments)?;
        let drafting = Drafting {
            session: self.session,
            output: &self.workspace.output,
            plan: self.plan,
            snapshot_date: self.scenario.date,
            previous_snapshot_date: record.previous_snapshot_date,
            dimensions: &shape.dimensions,
            #[cfg(feature = "cluster")]
            elsewhere: RangesElsewhere::of(self, catalog, tiers, &record.run_id).await?,
        };
        let (moves, mut remarks) = Box::pin(drafting.write(rows, &specs, drafts)).await?;
        self.write_other_drafts(&drafting, &specs, drafts, &shape.dim_tier)
            .await?;
        register_before(self, previous).await?;
        remarks.extend(marts::write(self, &drafting, catalog, parameters, drafts).await?);
        Ok((moves, remarks))
    }

    /// The alerts, from their draft; a pack may do without.
    async fn alerts(&self) -> Result<Vec<Alert>, NightError> {
        let model = TableName::new(SqlSchema::Publish, ALERTS.name);
        if self.scenario.project.graph.model(&model).is_none() {
            return Ok(Vec::new());
        }
        let rows = self.session.rows(&model).await;
        let rows = rows.map_err(EngineError::during("reading alerts"))?;
        Ok(alerts_of(&rows).map_err(EngineError::during("reading alerts"))?)
    }

    /// `dim_tier`, and `tier_current` unless a later date is published already.
    async fn write_other_drafts(
        &self,
        drafting: &Drafting<'_>,
        specs: &Specs,
        drafts: &mut Vec<Draft>,
        dim_tier: &RecordBatch,
    ) -> Result<(), NightError> {
        if self.leaves_dim_tier() {
            let rows = MemTable::try_new(dim_tier.schema(), vec![vec![dim_tier.clone()]]);
            let name = TableName::new(SqlSchema::Publish, DIM_TIER.name);
            rows.and_then(|rows| self.session.register(&name, Arc::new(rows)))
                .map_err(EngineError::during("reading dim_tier"))?;
        } else {
            drafting
                .write_rows(&specs.dim_tier, std::slice::from_ref(dim_tier), drafts)
                .await?;
        }
        let is_newest = self.plan.is_newest();
        let snapshot = drafts
            .iter()
            .find(|draft| draft.spec().name() == TIER_SNAPSHOT.name);
        if let Some(snapshot) = snapshot.filter(|_| is_newest) {
            let output = &self.workspace.output;
            let current = snapshot.copy_as(output, &specs.current).await?;
            drafts.push(current);
        }
        Ok(())
    }
}
