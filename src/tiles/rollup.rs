//! A rollup: one SELECT ... GROUP BY user_id over one staging table, whose aggregates merge.
//!
//! How each aggregate merges is read from the analysed plan, a projection over one aggregate:
//!
//! | column of the rollup | two days of it merge by |
//! |---|---|
//! | `COUNT(x)`, `COUNT(*)`, `SUM(x)` | `SUM` |
//! | `COUNT(DISTINCT day)` | `SUM`, since periods share no day |
//! | `MIN`, `MAX`, `BOOL_AND`, `BOOL_OR` | themselves |
//! | `LAST_VALUE(x ORDER BY day, .., x)` | the value of the later one that has the user, NULL or not |
//!
//! each but the last with or without `FILTER`. Anything else is refused at its place in the file,
//! and so is what depends on the order of rows: sums of DOUBLE, orders that leave rows to chance.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection,
};
use datafusion::sql::sqlparser::ast::{SelectItem, SetExpr, Spanned, Statement};

use crate::engine::{SumOverflow, widened, within_bigint};
use crate::ground::{Diagnostic, Problems, TableName};
use crate::models::Model;
use crate::models::planner::explain;

use super::keys::{DAY, USER_ID};
use super::merging::Merge;
use super::order_free::{Refusal, by_chance};

const SHAPE_HELP: &str = "a rollup is one SELECT user_id, <aggregates> ... GROUP BY user_id over one staging table; move anything else to a feature model";

/// A column of a rollup besides its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupColumn {
    /// The column's name.
    pub name: String,
    /// How its values merge.
    pub merge: Merge,
    /// The type of its values, merged ones too.
    pub data_type: DataType,
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

/// How one column is computed from the rows of a user.
#[derive(Debug, Clone)]
struct Aggregated {
    /// The aggregate, under the column's name.
    expression: Expr,
    /// For a sum of BIGINT, which is one of DECIMAL here: what it is to say when it is too large.
    overflow: Option<SumOverflow>,
}

impl Aggregated {
    fn new(
        rollup: &TableName,
        name: &str,
        aggregated: &Expr,
        input: &DFSchema,
    ) -> Result<Self, DataFusionError> {
        let expression = aggregated.clone().unalias_nested().data;
        let is_bigint = expression.get_type(input)? == DataType::Int64;
        let (expression, overflow) = match expression {
            Expr::AggregateFunction(call) if is_bigint && call.func.name() == "sum" => {
                let overflow = SumOverflow::of(&rollup.to_string(), name);
                (widened(call), Some(overflow))
            }
            other => (other, None),
        };
        Ok(Self {
            expression: expression.alias(name),
            overflow,
        })
    }

    /// The column, above the aggregate.
    fn column(&self) -> Expr {
        let name = self.expression.schema_name().to_string();
        let column = Expr::Column(Column::new_unqualified(name.clone()));
        match &self.overflow {
            Some(overflow) => within_bigint(column, overflow.clone()).alias(name),
            None => column,
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
        let mut columns = Vec::new();
        for (index, expression) in projection.expr.iter().enumerate() {
            let name = projection.schema.field(index).name();
            if name == USER_ID {
                continue;
            }
            let place = || select_item_place(model, index);
            if let Some(aggregated) =
                problems.keep(aggregate_behind(model, expression, aggregate, place))
                && let Some(merge) = problems.keep(merge_of(
                    model,
                    &aggregated,
                    aggregate.input.schema(),
                    place,
                ))
            {
                columns.push((name.clone(), merge, aggregated));
            }
        }
        problems.or_ok(())?;
        Self::build(model, aggregate, columns).map_err(|error| explain(&error, &model.file))
    }

    fn build(
        model: &Model,
        aggregate: &Aggregate,
        columns: Vec<(String, Merge, Expr)>,
    ) -> Result<Self, DataFusionError> {
        let input = aggregate.input.as_ref().clone();
        let user_id = aggregate.group_expr[0].clone();
        let aggregated = |(name, _, aggregated): &(String, Merge, Expr)| {
            Aggregated::new(&model.name, name, aggregated, input.schema())
        };
        let aggregates = columns.iter().map(aggregated).collect::<Result<_, _>>()?;
        let mut rollup = Self {
            name: model.name.clone(),
            user_id_type: user_id.get_type(input.schema())?,
            aggregates,
            columns: Vec::new(),
            input,
            user_id,
        };
        let schema = Arc::clone(rollup.of_rows(None)?.schema());
        let typed = columns.into_iter().enumerate();
        let typed = typed.map(|(index, (name, merge, _))| RollupColumn {
            data_type: schema.field(index + 1).data_type().clone(),
            name,
            merge,
        });
        rollup.columns = typed.collect();
        Ok(rollup)
    }

    /// The rollup per business day: rows of (day, user_id, columns), one per day and user, of the
    /// days that pass `condition`.
    ///
    /// # Errors
    /// The engine's, when a plan cannot be built: a bug.
    pub fn daily(&self, condition: Option<Expr>) -> Result<LogicalPlan, DataFusionError> {
        let day = self
            .input
            .schema()
            .qualified_field_with_unqualified_name(DAY)?;
        let day = Expr::Column(Column::from(day));
        self.grouped(condition, vec![day.alias(DAY)])
    }

    /// The rollup over all days that pass `condition`: rows of (user_id, columns), one per user.
    ///
    /// # Errors
    /// The engine's, when a plan cannot be built: a bug.
    pub fn of_rows(&self, condition: Option<Expr>) -> Result<LogicalPlan, DataFusionError> {
        self.grouped(condition, Vec::new())
    }

    fn grouped(
        &self,
        condition: Option<Expr>,
        before_user: Vec<Expr>,
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
        let aggregates = self.aggregates.iter().map(|one| one.expression.clone());
        let grouped = rows.aggregate(groups.collect::<Vec<_>>(), aggregates)?;
        let columns = self.aggregates.iter().map(Aggregated::column);
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

fn merge_of(
    model: &Model,
    aggregated: &Expr,
    input: &DFSchema,
    place: impl Fn() -> Range<usize>,
) -> Result<Merge, Diagnostic> {
    let Expr::AggregateFunction(call) = aggregated.clone().unalias_nested().data else {
        let message = format!("`{aggregated}` does not merge");
        return Err(Diagnostic::at(&model.file, place(), message).help(SHAPE_HELP));
    };
    let refused =
        |refusal: Refusal| Diagnostic::at(&model.file, place(), refusal.message).help(refusal.help);
    let merge = match call.func.name() {
        "count" if !call.params.distinct || counts_days(&call) => Some(Merge::Count),
        "sum" if !call.params.distinct => Some(Merge::Sum),
        "min" => Some(Merge::Min),
        "max" => Some(Merge::Max),
        "bool_and" => Some(Merge::And),
        "bool_or" => Some(Merge::Or),
        "last_value" if !call.params.distinct => Some(Merge::Last),
        _ => None,
    };
    let merge = merge.ok_or_else(|| {
        let distinct = if call.params.distinct { " over distinct values" } else { "" };
        let name = call.func.name().to_uppercase();
        let message = format!("{name}{distinct} does not merge from day to day");
        Diagnostic::at(&model.file, place(), message).help(
            "rollups may use COUNT, SUM, MIN, MAX, BOOL_AND, BOOL_OR and COUNT(DISTINCT day), each with or without FILTER, and LAST_VALUE(x ORDER BY day, ..., x); move others to a feature model, which may read staging directly",
        )
    })?;
    match by_chance(&call, merge, input) {
        Some(refusal) => Err(refused(refusal)),
        None => Ok(merge),
    }
}

fn counts_days(call: &AggregateFunction) -> bool {
    matches!(call.params.args.as_slice(), [Expr::Column(column)] if column.name == DAY)
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
