//! The audits of a night, over its drafts as they lie in storage: those built in, which count the
//! users of every tier once for all, and those of the SQL pack.

use datafusion::common::TableReference;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};

use crate::audits::built_in::{self, Compared, USERS_COMPLETE};
use crate::audits::{self, Audit, Blocked, Cleared, Verdict};
use crate::drafts::{Draft, discard};
use crate::engine::EngineError;
use crate::ground::{SqlSchema, TableName, counted};
use crate::pack::{Catalog, marts};
use crate::tiers::Dimensions;

use super::context::Run;
use super::error::NightError;
use super::tiers::Tiers;

impl Run<'_> {
    /// Runs every audit. When one does not pass, no draft is left.
    pub(super) async fn audit(
        &self,
        catalog: &mut Catalog<'_>,
        tiers: &Tiers,
        drafts: Vec<Draft>,
        warnings: &mut Vec<String>,
    ) -> Result<Cleared, NightError> {
        let output = &self.workspace.output;
        let planned = self.plan_audits(catalog, tiers, warnings);
        let audits = match planned.await {
            Ok(audits) => audits,
            Err(error) => {
                discard(output, drafts).await;
                return Err(error);
            }
        };
        match audits::run(self.session, audits, drafts).await {
            Ok(Verdict::Cleared(cleared)) => Ok(cleared),
            Ok(Verdict::Blocked(mut blocked, drafts)) => {
                discard(output, drafts).await;
                self.explain_lost_users(catalog, &mut blocked).await;
                Err(blocked.into())
            }
            Err((source, drafts)) => {
                discard(output, drafts).await;
                Err(EngineError::during("auditing")(*source).into())
            }
        }
    }

    async fn plan_audits(
        &self,
        catalog: &mut Catalog<'_>,
        tiers: &Tiers,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Audit>, NightError> {
        let compared = self.scenario.previous.map(|before| Compared {
            other_cut_points: tiers.scoring.other_cut_points(before),
            other_rules: tiers.scoring.other_rules(before),
        });
        self.count_users_by_tier(&tiers.shape.dimensions)
            .await
            .map_err(EngineError::during("counting users for audits"))?;
        let mut audits = Vec::new();
        let has_users = self.scenario.project.graph.model(&users()).is_some();
        let volumes = self.volumes();
        warnings.extend(self.remarks_on_volumes(&volumes).await?);
        let of_snapshot = built_in::audits(&self.job.guards, compared.as_ref(), &volumes.known);
        let marts = marts::models(self.scenario.project).map(|(_, table)| table);
        let published = marts.filter(|table| self.publishes(table));
        let of_keys = published.map(built_in::key_is_unique);
        for built_in in of_snapshot.into_iter().chain(of_keys) {
            if built_in.name == USERS_COMPLETE && !has_users {
                continue;
            }
            let planned = self.session.sql(&built_in.sql).await;
            audits.push(Audit {
                name: built_in.name.into_owned(),
                help: built_in.help,
                plan: planned
                    .map_err(EngineError::during("planning audits"))?
                    .into_unoptimized_plan(),
            });
        }
        for model in self.scenario.project.graph.in_schema(SqlSchema::Audits) {
            let plan = catalog.plan(model, &tiers.parameters).await?;
            if let Some(remark) = self.plan.remark_on_scan(self.session, model, &plan)? {
                warnings.push(remark);
                continue;
            }
            audits.push(Audit {
                name: model.name.name.clone(),
                help: format!("the query is {}", model.file.name),
                plan: named(plan, &model.name).map_err(EngineError::during("planning audits"))?,
            });
        }
        Ok(audits)
    }

    /// Says which tier models have other users than features.users, where users were lost. They are
    /// counted only then.
    async fn explain_lost_users(&self, catalog: &Catalog<'_>, blocked: &mut Blocked) {
        let mut failed = blocked.failed.iter_mut();
        let Some(lost) = failed.find(|audit| audit.name == USERS_COMPLETE) else {
            return;
        };
        let Ok(users) = count(catalog, &users()).await else {
            return;
        };
        for model in self.scenario.project.graph.in_schema(SqlSchema::Tiers) {
            if let Ok(rows) = count(catalog, &model.name).await
                && rows != users
            {
                lost.help.push_str(&format!(
                    "\n`{}` has {} for {}",
                    model.name,
                    counted(rows, "row"),
                    counted(users, "user")
                ));
            }
        }
    }

    /// Counts the users of each tier, today and before, for all audits that ask.
    async fn count_users_by_tier(&self, dimensions: &Dimensions) -> datafusion::error::Result<()> {
        let plan = self.plan;
        let earlier = [
            (SqlSchema::Previous, self.scenario.previous.is_some()),
            (SqlSchema::WeekAgo, plan.week_ago().is_some()),
            (SqlSchema::MonthAgo, plan.month_ago().is_some()),
        ];
        let published = earlier
            .into_iter()
            .filter(|(_, is_published)| *is_published);
        let earlier: Vec<SqlSchema> = published.map(|(schema, _)| schema).collect();
        let counted = self
            .session
            .sql(&built_in::counted(dimensions, &earlier))
            .await?;
        let name = TableName::new(SqlSchema::Audits, built_in::COUNTED);
        self.session
            .register(&name, counted.cache().await?.into_view())
    }
}

/// The plan below the audit's name, so that what fails in it can say where.
fn named(plan: LogicalPlan, audit: &TableName) -> datafusion::error::Result<LogicalPlan> {
    let name = TableReference::partial(audit.schema.as_str(), audit.name.as_str());
    LogicalPlanBuilder::from(plan).alias(name)?.build()
}

/// The model of all users.
fn users() -> TableName {
    TableName::new(SqlSchema::Features, "users")
}

async fn count(catalog: &Catalog<'_>, table: &TableName) -> datafusion::error::Result<usize> {
    catalog.table(table).await?.count().await
}
