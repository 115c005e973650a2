//! The audits of a night, over its drafts as they lie in storage: those built in, which count the
//! users of every tier once for all, and those of the SQL pack.

use crate::audits::{self, Audit, Cleared, Verdict, built_in};
use crate::drafts::Draft;
use crate::ground::{Folder, TableName};
use crate::models::Parameters;
use crate::tiers::Dimensions;

use super::catalog::register;
use super::context::Run;
use super::snapshot::discard;
use super::{Catalog, RunError};

impl Run<'_> {
    /// Runs every audit. When one does not pass, no draft is left.
    pub(super) async fn audit(
        &self,
        catalog: &mut Catalog<'_>,
        parameters: &Parameters,
        dimensions: &Dimensions,
        drafts: Vec<Draft>,
        warnings: &mut Vec<String>,
    ) -> Result<Cleared, RunError> {
        let output = &self.workspace.output;
        let planned = self.plan_audits(catalog, parameters, dimensions, warnings);
        let audits = match planned.await {
            Ok(audits) => audits,
            Err(error) => {
                discard(output, drafts).await;
                return Err(error);
            }
        };
        match audits::run(self.context, audits, drafts).await {
            Ok(Verdict::Cleared(cleared)) => Ok(cleared),
            Ok(Verdict::Blocked(blocked, drafts)) => {
                discard(output, drafts).await;
                Err(blocked.into())
            }
            Err((source, drafts)) => {
                discard(output, drafts).await;
                Err(RunError::engine("auditing")(*source))
            }
        }
    }

    async fn plan_audits(
        &self,
        catalog: &mut Catalog<'_>,
        parameters: &Parameters,
        dimensions: &Dimensions,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Audit>, RunError> {
        let has_previous = self.plan.previous.is_some();
        self.count_users_by_tier(dimensions)
            .await
            .map_err(RunError::engine("counting users for audits"))?;
        let mut audits = Vec::new();
        for built_in in built_in::audits(&self.job.guards, has_previous) {
            let planned = self.context.sql(&built_in.sql).await;
            audits.push(Audit {
                name: built_in.name.to_owned(),
                help: built_in.help.to_owned(),
                plan: planned
                    .map_err(RunError::engine("planning audits"))?
                    .into_unoptimized_plan(),
            });
        }
        for model in self.project.graph.in_folder(Folder::Audits) {
            let plan = catalog.plan(model, parameters).await?;
            if let Some(remark) = self.remark_on_scan(model, &plan).await? {
                warnings.push(remark);
                continue;
            }
            audits.push(Audit {
                name: model.name.name.clone(),
                help: format!("the query is {}", model.file.name),
                plan,
            });
        }
        Ok(audits)
    }

    /// Counts the users of each tier, today and before, for all audits that ask.
    async fn count_users_by_tier(&self, dimensions: &Dimensions) -> datafusion::error::Result<()> {
        let counted = self.context.sql(&built_in::counted(dimensions)).await?;
        let name = TableName::new(Folder::Audits, built_in::COUNTED);
        register(self.context, &name, counted.cache().await?.into_view())
    }
}
