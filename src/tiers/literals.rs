//! Literals that are compared with a dimension or a metric, in whatever model: `value_tier = 'hihg_value'`
//! is never true, and no row shows it.
//!
//! | column | a literal compared with it must be |
//! |---|---|
//! | `<dimension>`, `<dimension>_raw` of tiers, publish, previous, week_ago, month_ago | a value of the dimension |
//! | `from_tier`, `to_tier`, `tier` | a value of the dimension that a filter names, or else of any; of a warning, `raised` or `clear` |
//! | `dimension` | a dimension, or a warning |
//! | `metric` of `kpi_daily`, that of earlier dates too | one of its metrics, or there is a warning: earlier dates may have others |
//!
//! Columns are followed through aliases, CTEs, joins, filters and groups. `COALESCE(value_tier,
//! 'none')` may be compared with `'none'` as well.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result, TableReference};
use datafusion::logical_expr::expr::{AggregateFunction, InList, ScalarFunction};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, LogicalPlan, Operator};

use crate::ground::{Diagnostic, Problems, SqlSchema, did_you_mean};
use crate::models::{Model, Parameters};
use crate::tables::KPI_DAILY;

use super::{CLEAR, Dimensions, RAISED, WARNING};

/// The columns that hold a value of the dimension that another column names.
const OF_ANY: [&str; 3] = ["from_tier", "to_tier", "tier"];

/// The column that names a dimension.
const NAME: &str = "dimension";

/// The column that names a metric.
const METRIC: &str = "metric";

/// What dim_tier lists, and which metrics there are.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// The dimensions.
    pub dimensions: &'a Dimensions,
    /// The warnings.
    pub warnings: &'a [String],
    /// The metrics of `kpi_daily`; none where nobody can tell.
    pub metrics: Option<&'a BTreeSet<String>>,
}

impl Listed<'_> {
    /// Each literal of a model's own plan, which is analysed and not optimized, that is no value of what it is
    /// compared with, at its place.
    pub fn check(&self, model: &Model, plan: &LogicalPlan, parameters: &Parameters) -> Problems {
        let mut reader = Reader {
            listed: *self,
            strays: Vec::new(),
        };
        if let Err(error) = reader.read(plan) {
            tracing::debug!(model = %model.name, %error, "literals not examined");
            return Problems::default();
        }
        let problems = reader
            .strays
            .iter()
            .map(|stray| stray.explain(model, parameters));
        Problems(problems.collect())
    }

    fn names(&self) -> BTreeSet<String> {
        let names = self.dimensions.iter().map(|dimension| &dimension.name);
        let warnings = self.warnings.iter();
        let names = names.chain(warnings).cloned();
        names.chain([WARNING.to_owned()]).collect()
    }

    fn values(&self, dimensions: &BTreeSet<String>) -> BTreeSet<String> {
        let known = self.dimensions.iter();
        let known = known.filter(|dimension| dimensions.contains(&dimension.name));
        let values = known.flat_map(|dimension| &dimension.tiers);
        let values = values.map(|tier| tier.name.clone());
        let warnings = self.warnings.iter();
        let warnings = warnings.filter(|_| dimensions.contains(WARNING)).cloned();
        let mut listed = self.warnings.iter();
        let is_warning = listed.any(|warning| dimensions.contains(warning));
        let states = [RAISED, CLEAR].into_iter().filter(|_| is_warning);
        let states = states.map(str::to_owned);
        values.chain(warnings).chain(states).collect()
    }

    /// What a column of a table of the pack holds.
    fn column_of(&self, table: &TableReference, column: &str) -> Option<Holds> {
        let is_in = |schema: SqlSchema| table.schema() == Some(schema.as_str());
        let is_listing = is_in(SqlSchema::Publish) || is_in(SqlSchema::Reference);
        if is_listing && column == NAME {
            return Some(Holds::of(What::Name));
        }
        let has_metrics = is_in(SqlSchema::Publish) || is_in(SqlSchema::History);
        if has_metrics && table.table() == KPI_DAILY.name && column == METRIC {
            return self.metrics.map(|_| Holds::of(What::Metric));
        }
        if is_in(SqlSchema::Publish) && OF_ANY.contains(&column) {
            return Some(Holds::of(What::ValueOf(self.names())));
        }
        let schemas = [
            SqlSchema::Tiers,
            SqlSchema::Publish,
            SqlSchema::Previous,
            SqlSchema::WeekAgo,
            SqlSchema::MonthAgo,
        ];
        let is_shown = |name: &str| column == name || column.strip_suffix("_raw") == Some(name);
        let mut dimensions = self.dimensions.iter();
        let dimension = dimensions.find(|dimension| is_shown(&dimension.name))?;
        let name = BTreeSet::from([dimension.name.clone()]);
        schemas
            .into_iter()
            .any(is_in)
            .then(|| Holds::of(What::ValueOf(name)))
    }
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holds {
    what: What,
    /// Texts that SQL itself puts there.
    also: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// The name of a dimension.
    Name,
    /// A value of one of these.
    ValueOf(BTreeSet<String>),
    /// The name of a metric.
    Metric,
}

impl Holds {
    fn of(what: What) -> Self {
        Self {
            what,
            also: BTreeSet::new(),
        }
    }
}

/// A literal that is no value of what it is compared with.
#[derive(Debug, PartialEq, Eq)]
struct Stray {
    text: String,
    what: What,
    known: BTreeSet<String>,
}

impl Stray {
    fn explain(&self, model: &Model, parameters: &Parameters) -> Diagnostic {
        let Self { text, what, known } = self;
        let near = did_you_mean(text, known.iter().map(String::as_str));
        let message = match what {
            What::Metric => format!("`{text}` is not a metric of `kpi_daily`{near}"),
            What::Name => format!("`{text}` is not a dimension of dim_tier{near}"),
            What::ValueOf(dimensions) => match one_of(dimensions) {
                Some(dimension) => {
                    format!("`{text}` is not a value of `{dimension}` in dim_tier{near}")
                }
                None => format!("`{text}` is not a value of any dimension in dim_tier{near}"),
            },
        };
        let place = model.place_of_compared(text, parameters);
        let problem = Diagnostic::at(&model.file, place, message);
        if *what == What::Metric {
            let help =
                "write a metric of publish/kpi_daily.sql, unless only earlier dates have this one";
            return problem.help(help).as_warning();
        }
        let has_one = !matches!(what, What::ValueOf(dimensions) if dimensions.len() > 1);
        match has_one {
            true => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                problem.help(format!("it has {}", known.join(", ")))
            }
            false => problem,
        }
    }
}

fn one_of(dimensions: &BTreeSet<String>) -> Option<&String> {
    let mut dimensions = dimensions.iter();
    let first = dimensions.next();
    first.filter(|_| dimensions.next().is_none())
}

/// The columns of a plan with what they hold.
struct Columns {
    schema: DFSchema,
    holds: Vec<Option<Holds>>,
}

impl Columns {
    fn find(&self, column: &Column) -> Option<&Holds> {
        let index = self.schema.maybe_index_of_column(column)?;
        self.holds.get(index)?.as_ref()
    }
}

struct Reader<'a> {
    listed: Listed<'a>,
    strays: Vec<Stray>,
}

impl Reader<'_> {
    /// Looks at everything in a plan above the tables of the pack, and says what its columns hold.
    fn read(&mut self, plan: &LogicalPlan) -> Result<Vec<Option<Holds>>> {
        if let Some(table) = pack_table(plan) {
            let fields = plan.schema().fields().iter();
            return Ok(fields
                .map(|field| self.listed.column_of(&table, field.name()))
                .collect());
        }
        let mut below = Vec::new();
        for input in plan.inputs() {
            below.push(Columns {
                schema: input.schema().as_ref().clone(),
                holds: self.read(input)?,
            });
        }
        if let LogicalPlan::Filter(filter) = plan {
            self.narrow(&filter.predicate, &mut below);
        }
        for expression in plan.expressions() {
            self.examine(&expression, &below)?;
        }
        Ok(above(plan, &below))
    }

    /// A filter on the name of a dimension says whose values the columns beside it hold.
    fn narrow(&self, predicate: &Expr, below: &mut [Columns]) {
        for condition in split_conjunction(predicate) {
            let Some((column, names)) = equal_texts(condition) else {
                continue;
            };
            let is_name = below.iter().any(|columns| {
                let holds = columns.find(&column);
                holds.is_some_and(|holds| holds.what == What::Name)
            });
            if !is_name {
                continue;
            }
            for columns in below.iter_mut() {
                columns.narrow(&column, &names);
            }
        }
    }

    fn examine(&mut self, expression: &Expr, below: &[Columns]) -> Result<()> {
        expression.apply(|part| {
            if let Some(plan) = subquery(part) {
                self.read(plan)?;
            }
            let (sides, texts) = comparison(part);
            for side in sides {
                if let Some(holds) = holds(side, below) {
                    self.compare(&holds, texts.iter().copied());
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn compare<'t>(&mut self, holds: &Holds, texts: impl Iterator<Item = &'t str>) {
        let known = match &holds.what {
            What::Name => self.listed.names(),
            What::ValueOf(dimensions) => self.listed.values(dimensions),
            What::Metric => self.listed.metrics.cloned().unwrap_or_default(),
        };
        for text in texts {
            if known.contains(text) || holds.also.contains(text) {
                continue;
            }
            let stray = Stray {
                text: text.to_owned(),
                what: holds.what.clone(),
                known: known.clone(),
            };
            if !self.strays.contains(&stray) {
                self.strays.push(stray);
            }
        }
    }
}

impl Columns {
    /// Leaves of the dimensions whose values the columns of a table hold those that a filter on
    /// its name names.
    fn narrow(&mut self, name: &Column, names: &BTreeSet<String>) {
        for (index, holds) in self.holds.iter_mut().enumerate() {
            let (relation, _) = self.schema.qualified_field(index);
            if relation != name.relation.as_ref() {
                continue;
            }
            if let Some(Holds {
                what: What::ValueOf(dimensions),
                ..
            }) = holds
                && dimensions.len() > 1
            {
                dimensions.retain(|dimension| names.contains(dimension));
            }
        }
    }
}

/// The table of the pack that a node is; its own plan below is another model's.
fn pack_table(plan: &LogicalPlan) -> Option<TableReference> {
    let name = match plan {
        LogicalPlan::SubqueryAlias(alias) => &alias.alias,
        LogicalPlan::TableScan(scan) => &scan.table_name,
        _ => return None,
    };
    let schema = name.schema()?;
    let mut schemas = SqlSchema::ALL.iter();
    schemas
        .any(|known| known.as_str() == schema)
        .then(|| name.clone())
}

/// What the columns of a node hold, by those of its inputs.
fn above(plan: &LogicalPlan, below: &[Columns]) -> Vec<Option<Holds>> {
    let fields = plan.schema().fields().len();
    let passed = || {
        below
            .first()
            .map_or_else(Vec::new, |input| input.holds.clone())
    };
    let mut columns = match plan {
        LogicalPlan::Projection(projection) => {
            let expressions = projection.expr.iter();
            expressions.map(|value| holds(value, below)).collect()
        }
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.group_expr.iter();
            let groups = groups.map(|value| holds(value, below));
            let aggregates = aggregate.aggr_expr.iter();
            let aggregates = aggregates.map(|value| holds(picked(value)?, below));
            groups.chain(aggregates).collect()
        }
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => below
                .last()
                .map_or_else(Vec::new, |right| right.holds.clone()),
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => passed(),
            _ => below.iter().flat_map(|input| input.holds.clone()).collect(),
        },
        LogicalPlan::Union(_) => common(below),
        LogicalPlan::Window(_) => passed(),
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Repartition(_) => passed(),
        _ => Vec::new(),
    };
    // Nothing is known of columns that a node adds.
    columns.resize(fields, None);
    columns
}

/// What all inputs of a union hold.
fn common(below: &[Columns]) -> Vec<Option<Holds>> {
    let mut inputs = below.iter().map(|input| input.holds.clone());
    let first = inputs.next().unwrap_or_default();
    inputs.fold(first, |common, other| {
        let pairs = common.into_iter().zip(other);
        pairs
            .map(|(left, right)| left.filter(|left| right.as_ref() == Some(left)))
            .collect()
    })
}

/// The value of which an aggregate gives one.
fn picked(aggregate: &Expr) -> Option<&Expr> {
    match aggregate {
        Expr::Alias(alias) => picked(&alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let picks = ["min", "max", "first_value", "last_value"];
            params.args.first().filter(|_| picks.contains(&func.name()))
        }
        _ => None,
    }
}

/// What an expression over the columns of some inputs holds.
fn holds(expression: &Expr, below: &[Columns]) -> Option<Holds> {
    match expression {
        Expr::Column(column) => below.iter().find_map(|input| input.find(column)).cloned(),
        Expr::Alias(alias) => holds(&alias.expr, below),
        Expr::Cast(cast) => holds(&cast.expr, below),
        Expr::TryCast(cast) => holds(&cast.expr, below),
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "coalesce" => {
            let mut first = holds(args.first()?, below)?;
            let others = args[1..].iter().filter_map(text);
            first.also.extend(others.map(str::to_owned));
            Some(first)
        }
        _ => None,
    }
}

/// What an expression compares, and the texts it is compared with.
fn comparison(expression: &Expr) -> (Vec<&Expr>, Vec<&str>) {
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_equality(*op) => {
            let sides = [left.as_ref(), right.as_ref()];
            (sides.to_vec(), sides.into_iter().filter_map(text).collect())
        }
        Expr::InList(InList { expr, list, .. }) => {
            (vec![expr], list.iter().filter_map(text).collect())
        }
        Expr::Case(Case {
            expr: Some(operand),
            when_then_expr,
            ..
        }) => {
            let whens = when_then_expr.iter();
            (
                vec![operand],
                whens.filter_map(|(when, _)| text(when)).collect(),
            )
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "nullif" => (
            args.iter().take(1).collect(),
            args.iter().skip(1).filter_map(text).collect(),
        ),
        _ => (Vec::new(), Vec::new()),
    }
}

fn is_equality(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq | Operator::NotEq | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom
    )
}

/// The column that a condition compares with texts: `dimension = 'a'`, `dimension IN ('a', 'b')`.
fn equal_texts(condition: &Expr) -> Option<(Column, BTreeSet<String>)> {
    let is_denied = matches!(condition, Expr::InList(InList { negated: true, .. }));
    let is_equal =
        !matches!(condition, Expr::BinaryExpr(BinaryExpr { op, .. }) if *op != Operator::Eq);
    if is_denied || !is_equal || matches!(condition, Expr::Case(_) | Expr::ScalarFunction(_)) {
        return None;
    }
    let (sides, texts) = comparison(condition);
    let column = sides.into_iter().find_map(|side| match side {
        Expr::Column(column) => Some(column.clone()),
        _ => None,
    })?;
    (!texts.is_empty()).then(|| (column, texts.into_iter().map(str::to_owned).collect()))
}

/// A literal text.
fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        Expr::Cast(cast) => text(&cast.expr),
        Expr::Alias(alias) => text(&alias.expr),
        _ => None,
    }
}

fn subquery(expression: &Expr) -> Option<&LogicalPlan> {
    match expression {
        Expr::ScalarSubquery(subquery) => Some(&subquery.subquery),
        Expr::InSubquery(within) => Some(&within.subquery.subquery),
        Expr::Exists(exists) => Some(&exists.subquery.subquery),
        _ => None,
    }
}
