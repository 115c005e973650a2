//! What cut points alone change: users by their values under the old ones and under the new.
//!
//! 1. [`scored_models`]: the models that cut points have a part in; no other is compared.
//! 2. [`Scored::plan`]: their tables under each calibration.
//! 3. [`flows`]: for every score and dimension among them, how many users went from which value
//!    to which; and, where a snapshot is given, from which value that it shows.

use std::collections::BTreeSet;

use datafusion::common::JoinType;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{col, ident, lit};
use datafusion::prelude::DataFrame;
use serde::Serialize;

use crate::calibration::Calibration;
use crate::engine::{EngineError, chain, integers, texts};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::job::Workspace;
use crate::models::Parameters;
use crate::pack::cut_points::scored_models;
use crate::pack::{Catalog, Shape};
use crate::plan::CalibrationPlan;
use crate::publish::Publication;
use crate::tiers::Dimension;
use crate::tiles::USER_ID;

use super::context::Run;
use super::earlier::snapshot_of;
use super::error::NightError;
use super::scenario::Scenario;

/// How the columns of scores end.
const SCORE_SUFFIX: &str = "_score";

/// A column whose values depend on cut points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The column.
    pub name: String,
    /// How many users have another value under the new cut points.
    pub changed: u64,
    /// Its values, the unknown ones last.
    pub values: Vec<String>,
    /// Users by their values under the old and the new cut points.
    pub flows: Vec<ValueFlow>,
    /// The same of what is shown, as far as a snapshot shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownChange>,
}

/// What users see of new cut points: from the value that a snapshot shows of them to the raw one
/// under the new cut points. The first run by other cut points shows raw values at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownChange {
    /// The date of the snapshot.
    pub snapshot_date: String,
    /// How many users are shown with another value.
    pub changed: u64,
    /// Users of the snapshot by their values.
    pub flows: Vec<ValueFlow>,
}

/// Users with one value under the old cut points and one under the new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueFlow {
    /// The value under the old cut points; none for users without one.
    pub from: Option<String>,
    /// The value under the new ones.
    pub to: Option<String>,
    /// How many users.
    pub users: u64,
}

impl ValueChange {
    /// How many users there are.
    pub fn users(&self) -> u64 {
        self.flows.iter().map(|flow| flow.users).sum()
    }

    /// How many users have a value, or none, under the old cut points.
    pub fn old_users(&self, value: Option<&str>) -> u64 {
        let flows = self.flows.iter();
        let from = flows.filter(|flow| flow.from.as_deref() == value);
        from.map(|flow| flow.users).sum()
    }

    /// How many users have a value, or none, under the new cut points.
    pub fn new_users(&self, value: Option<&str>) -> u64 {
        let flows = self.flows.iter();
        let to = flows.filter(|flow| flow.to.as_deref() == value);
        to.map(|flow| flow.users).sum()
    }
}

/// What changes when cut points do.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// The scores.
    pub scores: Vec<ValueChange>,
    /// The dimensions that cut points have a part in.
    pub dimensions: Vec<ValueChange>,
    /// Those that they have no part in.
    pub other_dimensions: Vec<String>,
}

impl Comparison {
    /// What is to be said of a night that is the first to be scored by new cut points.
    fn remark(&self, [old, new]: [&str; 2]) -> String {
        let moved = self.dimensions.iter().filter(|change| change.changed > 0);
        let moved = moved.map(|change| format!("{} in {}", change.changed, change.name));
        let moved: Vec<String> = moved.collect();
        let moved = match moved.is_empty() {
            true => "nobody".to_owned(),
            false => moved.join(", "),
        };
        format!(
            "of tonight's moves by today's raw tiers these come of the cut points {new} in place of {old} alone: {moved}"
        )
    }
}

impl Run<'_> {
    /// How many users the cut points alone move, where the previous snapshot was scored by others
    /// of the same metrics.
    ///
    /// # Errors
    /// Queries that fail.
    pub(super) async fn moves_by_cut_points(
        &self,
        catalog: &mut Catalog<'_>,
        new: &Calibration,
    ) -> Result<Option<String>, NightError> {
        let before = self.scenario.previous;
        let Some(before) = before.filter(|before| before.cutpoints_id != new.id) else {
            return Ok(None);
        };
        let Workspace { output, layout, .. } = self.workspace;
        let old = match Calibration::read(output, layout, &before.cutpoints_id).await {
            Ok(old) => old,
            // No row depends on it.
            Err(error) => {
                let reason = chain(&error);
                return Ok(Some(format!(
                    "whom the cut points {} alone move cannot be told: {reason}",
                    new.id
                )));
            }
        };
        let metrics = |calibration: &Calibration| -> BTreeSet<String> {
            let metrics = calibration.metrics.iter();
            metrics.map(|points| points.metric.clone()).collect()
        };
        if metrics(&old) != metrics(new) {
            return Ok(None);
        }
        let comparison = Box::pin(compare(self, catalog, [&old, new], None)).await?;
        Ok(Some(comparison.remark([&old.id, &new.id])))
    }
}

/// The tables of the tiers under one calibration.
struct Scored {
    tables: Vec<(TableName, DataFrame)>,
    parameters: Parameters,
}

impl Scored {
    /// Plans the same night with the cut points of a calibration.
    async fn plan(
        run: &Run<'_>,
        catalog: &mut Catalog<'_>,
        calibration: &Calibration,
    ) -> Result<Self, NightError> {
        let cut_points = CalibrationPlan::Use(calibration.clone());
        let scenario = Scenario {
            cut_points: &cut_points,
            ..run.scenario
        };
        let run = Run { scenario, ..*run };
        let parameters = run.plan_tiers(catalog, calibration).await?;
        let mut tables = Vec::new();
        for model in scenario.project.graph.in_schema(SqlSchema::Tiers) {
            let rows = catalog.table(&model.name).await;
            let rows = rows.map_err(EngineError::during("comparing tiers"))?;
            tables.push((model.name.clone(), rows));
        }
        Ok(Self { tables, parameters })
    }

    /// The table of a name.
    fn table(&self, name: &TableName) -> Option<&DataFrame> {
        let mut tables = self.tables.iter();
        tables
            .find(|(known, _)| known == name)
            .map(|(_, rows)| rows)
    }

    /// The tables among `scored` and columns that hold scores.
    fn scores(&self, scored: &BTreeSet<&TableName>) -> Vec<(TableName, String)> {
        let tables = self.tables.iter().filter(|(name, _)| scored.contains(name));
        let columns = tables.flat_map(|(name, rows)| {
            let fields = rows.schema().fields().iter();
            let scores = fields.filter(|field| {
                field.name().ends_with(SCORE_SUFFIX) && field.data_type().is_integer()
            });
            scores.map(|field| (name.clone(), field.name().clone()))
        });
        columns.collect()
    }
}

/// Counts users by their values under the old and the new cut points: of every score, and of
/// every dimension that has a table of its name, as far as cut points have a part in them. Of the
/// dimensions also what changes against what `published` shows.
pub(crate) async fn compare(
    run: &Run<'_>,
    catalog: &mut Catalog<'_>,
    [old, new]: [&Calibration; 2],
    published: Option<&Publication>,
) -> Result<Comparison, NightError> {
    let both = Both {
        old: Scored::plan(run, catalog, old).await?,
        new: Scored::plan(run, catalog, new).await?,
    };
    let Run { job, scenario, .. } = run;
    let shape = Shape::read(catalog, scenario.project, job, &both.new.parameters).await?;
    let scored = scored_models(&run.scenario.project.graph, new);
    let published = match published {
        Some(published) => {
            let rows = snapshot_of(run.session, &run.workspace.output, published).await?;
            Some((published.snapshot_date, rows))
        }
        None => None,
    };
    let mut comparison = Comparison::default();
    for (table, column) in both.new.scores(&scored) {
        let values = (1..=5).map(|score| score.to_string());
        let change = both.change(&table, &column, values).await;
        let change = change.map_err(EngineError::during("comparing scores"))?;
        comparison.scores.extend(change);
    }
    for Dimension { name, tiers, .. } in shape.dimensions.iter() {
        let table = TableName::new(SqlSchema::Tiers, name);
        if !scored.contains(&table) {
            comparison.other_dimensions.extend(both.has(&table, name));
            continue;
        }
        let values = tiers.iter().map(|tier| tier.name.clone());
        let change = both.change(&table, name, values).await;
        let mut change = change.map_err(EngineError::during("comparing tiers"))?;
        if let (Some(change), Some((date, rows))) = (&mut change, &published) {
            let shown = both.shown(&table, change, rows).await;
            let shown = shown.map_err(EngineError::during("comparing with what is shown"))?;
            change.shown = shown.map(|flows| ShownChange::new(*date, flows));
        }
        comparison.dimensions.extend(change);
    }
    Ok(comparison)
}

/// The tables of the tiers under both calibrations.
struct Both {
    old: Scored,
    new: Scored,
}

impl Both {
    /// The tables of a name, where both have the column.
    fn tables(&self, name: &TableName, column: &str) -> Option<[&DataFrame; 2]> {
        let tables = [self.old.table(name)?, self.new.table(name)?];
        let has = |table: &&DataFrame| table.schema().has_column_with_unqualified_name(column);
        tables.iter().all(has).then_some(tables)
    }

    /// The column, where both have it.
    fn has(&self, name: &TableName, column: &str) -> Option<String> {
        self.tables(name, column).map(|_| column.to_owned())
    }

    /// Who has which of `values` under which calibration; none where a column is missing.
    async fn change(
        &self,
        name: &TableName,
        column: &str,
        values: impl Iterator<Item = String>,
    ) -> EngineResult<Option<ValueChange>> {
        let Some(tables) = self.tables(name, column) else {
            return Ok(None);
        };
        Ok(Some(in_order(column, values, flows(tables, column).await?)))
    }

    /// Who is shown with which value and has which under the new cut points, in the order of the
    /// values; none where the snapshot does not have the column.
    async fn shown(
        &self,
        table: &TableName,
        change: &ValueChange,
        snapshot: &DataFrame,
    ) -> EngineResult<Option<Vec<ValueFlow>>> {
        let column = &change.name;
        let has_column = snapshot.schema().has_column_with_unqualified_name(column);
        let Some(new) = self.new.table(table).filter(|_| has_column) else {
            return Ok(None);
        };
        let values = change.values.iter().cloned();
        let mut flows = in_order(column, values, flows([snapshot, new], column).await?).flows;
        // Whoever comes or goes is not shown otherwise.
        flows.retain(|flow| flow.from.is_some() && flow.to.is_some());
        Ok(Some(flows))
    }
}

impl ShownChange {
    fn new(snapshot_date: SnapshotDate, flows: Vec<ValueFlow>) -> Self {
        Self {
            snapshot_date: snapshot_date.to_string(),
            changed: changed(&flows),
            flows,
        }
    }
}

/// How many users have another value.
fn changed(flows: &[ValueFlow]) -> u64 {
    let changed = flows.iter().filter(|flow| flow.from != flow.to);
    changed.map(|flow| flow.users).sum()
}

/// Flows in the order of the values; values that were not known come after those that were.
fn in_order(
    name: &str,
    values: impl Iterator<Item = String>,
    mut flows: Vec<ValueFlow>,
) -> ValueChange {
    let mut values: Vec<String> = values.collect();
    flows.sort_by(|left, right| (&left.from, &left.to).cmp(&(&right.from, &right.to)));
    let seen = flows.iter().flat_map(|flow| [&flow.from, &flow.to]);
    for value in seen.flatten() {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    let position = |value: &Option<String>| {
        let value = value.as_ref();
        let position = value.and_then(|value| values.iter().position(|known| known == value));
        position.unwrap_or(values.len())
    };
    flows.sort_by_key(|flow| (position(&flow.from), position(&flow.to)));
    ValueChange {
        name: name.to_owned(),
        changed: changed(&flows),
        values,
        flows,
        shown: None,
    }
}

/// Users by their value in the first table and in the second. A user whom only one of them has
/// has no value in the other.
async fn flows([old, new]: [&DataFrame; 2], column: &str) -> EngineResult<Vec<ValueFlow>> {
    let side = |rows: &DataFrame, user: &str, value: &str| {
        let columns = [ident(USER_ID).alias(user), ident(column).alias(value)];
        rows.clone().select(columns)
    };
    let old = side(old, "old_user", "from_value")?;
    let new = side(new, "new_user", "to_value")?;
    let both = old.join(new, JoinType::Full, &["old_user"], &["new_user"], None)?;
    let counted = both.aggregate(
        vec![col("from_value"), col("to_value")],
        vec![count(lit(1)).alias("users")],
    )?;
    let mut flows = Vec::new();
    for batch in counted.collect().await? {
        let (from, to) = (texts(&batch, "from_value")?, texts(&batch, "to_value")?);
        let users = integers(&batch, "users")?;
        for ((from, to), users) in from.iter().zip(&to).zip(users.values()) {
            flows.push(ValueFlow {
                from: from.map(str::to_owned),
                to: to.map(str::to_owned),
                users: users.unsigned_abs(),
            });
        }
    }
    Ok(flows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(from: Option<&str>, to: Option<&str>, users: u64) -> ValueFlow {
        ValueFlow {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            users,
        }
    }

    #[test]
    fn users_are_added_up_by_old_and_by_new_value() {
        let flows = vec![
            flow(None, None, 4),
            flow(Some("new"), Some("low"), 1),
            flow(Some("low"), Some("high"), 2),
            flow(Some("high"), Some("high"), 3),
        ];
        let tiers = ["high", "low", "empty"].map(str::to_owned);
        let change = in_order("tier", tiers.into_iter(), flows);
        assert_eq!(change.values, ["high", "low", "empty", "new"]);
        assert_eq!(
            change.flows.first(),
            Some(&flow(Some("high"), Some("high"), 3))
        );
        assert_eq!(change.flows.last(), Some(&flow(None, None, 4)));
        assert_eq!((change.users(), change.changed), (10, 3));
        let users = |value| (change.old_users(value), change.new_users(value));
        assert_eq!(users(Some("high")), (3, 5));
        assert_eq!(users(Some("low")), (2, 1));
        assert_eq!(users(Some("empty")), (0, 0));
        assert_eq!(users(None), (4, 4));
    }
}
