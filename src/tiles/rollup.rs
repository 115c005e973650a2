//! A rollup: one SELECT ... GROUP BY user_id over one staging table, whose aggregates merge.
//!
//! What each [aggregate](super::aggregates) becomes is read from the analysed plan, a projection
//! over one aggregate. Anything else is refused at its place in the file, and so is
//! [what depends on the order of rows](super::order_free).

use std::ops::Range;
use std::sync::Arc;

use datafusion::DATAFUSION_VERSION;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, cast,
};
use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr, Spanned, Statement};

use crate::engine::{AggregateState, SumOverflow, within_bigint};
use crate::ground::{Diagnostic, Problems, TableName};
use crate::models::{Model, explain};

use super::aggregates::{Computed, computed};
use super::keys::{DAY, USER_ID};
use super::merging::Merge;
use super::order_free::Refusal;

const SHAPE_HELP: &str = "a rollup is one SELECT user_id, <aggregates> ... GROUP BY user_id over one staging table; move anything else to a feature model";

/// A column of a rollup besides its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupColumn {
    /// The column's name.
    pub name: String,
    /// How what tiles hold of it merges.
    pub merge: Merge,
    /// The type of its values, merged ones too.
    pub data_type: DataType,
}

impl RollupColumn {
    /// The type of what tiles hold of it.
    pub fn stored_type(&self) -> DataType {
        match self.merge.state() {
            Some(state) => state.data_type(),
            None => self.data_type.clone(),
        }
    }
}

/// A rollup whose merging is known.
#[derive(Debug, Clone)]
pub struct Rollup {
    /// The table, `rollups.<name>`.
    pub name: TableName,
    /// Its columns besides day and user, in the order of the SELECT.
    pub columns: Vec<RollupColumn>,
    /// The type of its user ids.
    pub user_id_type: DataType,
    /// The rows that it aggregates.
    input: LogicalPlan,
    user_id: Expr,
    aggregates: Vec<Aggregated>,
}

/// Rows of users with the columns' values, or with what tiles hold of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Values,
    Stored,
}

/// How one column is computed from the rows of a user.
#[derive(Debug, Clone)]
struct Aggregated {
    name: String,
    computed: Computed,
}

impl Aggregated {
    /// The aggregate, under the column's name.
    fn expression(&self, form: Form) -> Expr {
        let expression = match form {
            Form::Values => &self.computed.value,
            Form::Stored => &self.computed.stored,
        };
        expression.clone().alias(&self.name)
    }

    /// The column, above the aggregate.
    fn column(&self, form: Form) -> Expr {
        let column = Expr::Column(Column::new_unqualified(&self.name));
        match (&self.computed.overflow, self.computed.merge.state()) {
            (Some(overflow), _) => within_bigint(column, overflow.clone()).alias(&self.name),
            // Counts of the engine may be unsigned.
            (_, Some(state)) if form == Form::Values && *state.value_type() == DataType::UInt64 => {
                cast(column, DataType::Int64).alias(&self.name)
            }
            _ => column,
        }
    }
}

impl Rollup {
    /// Reads a rollup off the analysed plan of its model.
    ///
    /// # Errors
    /// Every expression that does not merge, and plans of another shape.
    pub fn derive(model: &Model, plan: &LogicalPlan) -> Result<Self, Problems> {
        let (projection, aggregate) =
            shape(model, plan).map_err(|problem| Problems(vec![problem]))?;
        let mut problems = Problems::default();
        let mut aggregates = Vec::new();
        for (index, expression) in projection.expr.iter().enumerate() {
            let name = projection.schema.field(index).name();
            if name == USER_ID {
                continue;
            }
            let place = || select_item_place(model, index);
            let behind = aggregate_behind(model, expression, aggregate, place);
            let computed = behind.and_then(|aggregated| {
                computed_in(model, name, &aggregated, aggregate.input.schema(), place)
            });
            if let Some(computed) = problems.keep(computed) {
                aggregates.push(Aggregated {
                    name: name.clone(),
                    computed,
                });
            }
        }
        problems.or_ok(())?;
        Self::build(model, aggregate, aggregates).map_err(|error| explain(&error, &model.file))
    }

    fn build(
        model: &Model,
        aggregate: &Aggregate,
        aggregates: Vec<Aggregated>,
    ) -> Result<Self, DataFusionError> {
        let input = aggregate.input.as_ref().clone();
        let user_id = aggregate.group_expr[0].clone();
        let mut rollup = Self {
            name: model.name.clone(),
            user_id_type: user_id.get_type(input.schema())?,
            aggregates,
            columns: Vec::new(),
            input,
            user_id,
        };
        let values = rollup.grouped(None, Vec::new(), Form::Values)?;
        let schema = Arc::clone(values.schema());
        let typed = rollup.aggregates.iter().enumerate();
        let typed = typed.map(|(index, aggregated)| RollupColumn {
            name: aggregated.name.clone(),
            merge: aggregated.computed.merge.clone(),
            data_type: schema.field(index + 1).data_type().clone(),
        });
        rollup.columns = typed.collect();
        Ok(rollup)
    }

    /// The version of the engine, where tiles hold what the engine alone can read.
    pub fn engine_version(&self) -> Option<&'static str> {
        let mut states = self
            .columns
            .iter()
            .filter_map(|column| column.merge.state());
        let is_of_engine = states.any(AggregateState::is_of_engine);
        is_of_engine.then_some(DATAFUSION_VERSION)
    }

    /// The rollup per business day: rows of (day, user_id, columns), one per day and user, of the
    /// days that pass `condition`.
    ///
    /// # Errors
    /// The engine's, when a plan cannot be built: a bug.
    pub fn daily(&self, condition: Option<Expr>) -> Result<LogicalPlan, DataFusionError> {
        self.grouped(condition, vec![self.day()?], Form::Values)
    }

    /// The same with what tiles hold in place of values.
    ///
    /// # Errors
    /// The engine's, when a plan cannot be built: a bug.
    pub(super) fn daily_stored(
        &self,
        condition: Option<Expr>,
    ) -> Result<LogicalPlan, DataFusionError> {
        self.grouped(condition, vec![self.day()?], Form::Stored)
    }

    /// What a tile of all days that pass `condition` holds: rows of (user_id, columns), one per user.
    ///
    /// # Errors
    /// The engine's, when a plan cannot be built: a bug.
    pub(super) fn stored(&self, condition: Option<Expr>) -> Result<LogicalPlan, DataFusionError> {
        self.grouped(condition, Vec::new(), Form::Stored)
    }

    fn day(&self) -> Result<Expr, DataFusionError> {
        let schema = self.input.schema();
        let day = schema.qualified_field_with_unqualified_name(DAY)?;
        Ok(Expr::Column(Column::from(day)).alias(DAY))
    }

    fn grouped(
        &self,
        condition: Option<Expr>,
        before_user: Vec<Expr>,
        form: Form,
    ) -> Result<LogicalPlan, DataFusionError> {
        let mut rows = LogicalPlanBuilder::from(self.input.clone());
        if let Some(condition) = condition {
            rows = rows.filter(condition)?;
        }
        let keys: Vec<Expr> = before_user
            .into_iter()
            .chain([self.user_id.clone().alias(USER_ID)])
            .collect();
        let groups = keys.iter().map(|key| key.clone().unalias_nested().data);
        let aggregates = self.aggregates.iter().map(|one| one.expression(form));
        let grouped = rows.aggregate(groups.collect::<Vec<_>>(), aggregates)?;
        let columns = self.aggregates.iter().map(|one| one.column(form));
        // What fails in a row is reported with the rollup.
        let rows = grouped.project(keys.into_iter().chain(columns))?;
        let name = TableReference::partial(self.name.schema.as_str(), self.name.name.as_str());
        rows.alias(name)?.build()
    }
}

/// The projection and the aggregate of a plan that is nothing else above its one input.
fn shape<'a>(
    model: &Model,
    plan: &'a LogicalPlan,
) -> Result<(&'a Projection, &'a Aggregate), Diagnostic> {
    let refused = |message: &str| {
        Err(Diagnostic::at(
            &model.file,
            model.head(),
            format!("`{}` {message}", model.name),
        )
        .help(SHAPE_HELP))
    };
    let LogicalPlan::Projection(projection) = plan else {
        return refused("does more than aggregate");
    };
    let LogicalPlan::Aggregate(aggregate) = projection.input.as_ref() else {
        return refused("does more than aggregate");
    };
    let groups_by_user = match aggregate.group_expr.as_slice() {
        [Expr::Column(column)] => column.name == USER_ID,
        _ => false,
    };
    if !groups_by_user {
        return refused("does not group by user_id alone");
    }
    let has_user = projection.schema.has_column_with_unqualified_name(USER_ID);
    if !has_user {
        return refused("does not select user_id");
    }
    let has_day = aggregate
        .input
        .schema()
        .has_column_with_unqualified_name(DAY);
    if !has_day {
        return refused("reads rows without the column day");
    }
    Ok((projection, aggregate))
}

/// The aggregate that a column of the projection shows as it is.
fn aggregate_behind(
    model: &Model,
    expression: &Expr,
    aggregate: &Aggregate,
    place: impl Fn() -> Range<usize>,
) -> Result<Expr, Diagnostic> {
    let groups = aggregate.group_expr.len();
    let shown = match expression.clone().unalias_nested().data {
        Expr::Column(column) => aggregate.schema.maybe_index_of_column(&column),
        _ => None,
    };
    shown
        .and_then(|index| index.checked_sub(groups))
        .and_then(|index| aggregate.aggr_expr.get(index))
        .cloned()
        .ok_or_else(|| {
            let message = "a rollup column must be one aggregate, without anything around it";
            Diagnostic::at(&model.file, place(), message)
                .help("select the aggregates one by one and compute with them in a feature model")
        })
}

fn computed_in(
    model: &Model,
    name: &str,
    aggregated: &Expr,
    input: &DFSchema,
    place: impl Fn() -> Range<usize>,
) -> Result<Computed, Diagnostic> {
    let Expr::AggregateFunction(call) = aggregated.clone().unalias_nested().data else {
        let message = format!("`{aggregated}` does not merge");
        return Err(Diagnostic::at(&model.file, place(), message).help(SHAPE_HELP));
    };
    let overflow = SumOverflow::of(&model.name.to_string(), name);
    let refused =
        |refusal: Refusal| Diagnostic::at(&model.file, place(), refusal.message).help(refusal.help);
    computed(call, overflow, input).map_err(refused)
}

/// Where the expression of a column is in the file.
fn select_item_place(model: &Model, index: usize) -> Range<usize> {
    let Statement::Query(query) = &model.statement else {
        return 0..0;
    };
    let SetExpr::Select(select) = query.body.as_ref() else {
        return 0..0;
    };
    let span = match select.projection.get(index) {
        Some(SelectItem::UnnamedExpr(expression)) => expression.span(),
        Some(SelectItem::ExprWithAlias { expr, .. }) => expr.span(),
        _ => return 0..0,
    };
    let file = &model.file;
    file.byte_at(span.start.line, span.start.column)..file.byte_at(span.end.line, span.end.column)
}
