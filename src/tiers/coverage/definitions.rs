//! The columns of a plan, each as an expression over the tables of the pack that the model reads.
//!
//! | plan | a column above it is |
//! |---|---|
//! | a table of the pack | the table's column |
//! | projection, CTE, alias, sort | what it was below, put in place |
//! | filter, limit | the same, but rows are missing |
//! | join on user_id | the same from both sides, where the join cannot make it NULL |
//! | any other join | the same from the left alone |
//! | aggregate, union, window, ... | unknown |

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result, TableReference};
use datafusion::logical_expr::{Case, Expr, Join, LogicalPlan};

use crate::engine::equal_keys;
use crate::ground::SqlSchema;
use crate::tiles::USER_ID;

/// What a column of a plan is.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    /// The column over the tables of the pack.
    pub(super) value: Expr,
    /// The CASE that it is, as this model writes it.
    pub(super) written: Option<Case>,
}

/// The columns of a plan, in order, with the fields of everything they are made of.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    /// Every column of the plan.
    pub(super) columns: Vec<(Column, Definition)>,
    /// The columns of tables, and the unknown ones.
    pub(super) fields: HashMap<Column, FieldRef>,
    /// Whether every row of the tables is there.
    pub(super) has_all_rows: bool,
}

impl Definitions {
    /// Reads an analysed plan that is not optimized.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Self> {
        let mut definitions = Self {
            has_all_rows: true,
            ..Self::default()
        };
        definitions.columns = definitions.read(plan)?;
        Ok(definitions)
    }

    fn read(&mut self, plan: &LogicalPlan) -> Result<Columns> {
        match plan {
            LogicalPlan::SubqueryAlias(alias) => match pack_table(&alias.alias) {
                Some(table) => Ok(self.table(&table, &alias.schema)),
                None => {
                    let below = self.read(&alias.input)?;
                    let definitions = below.into_iter().map(|(_, definition)| definition);
                    Ok(alias
                        .schema
                        .columns()
                        .into_iter()
                        .zip(definitions)
                        .collect())
                }
            },
            LogicalPlan::TableScan(scan) => match pack_table(&scan.table_name) {
                Some(table) => Ok(self.table(&table, &scan.projected_schema)),
                None => Ok(self.unknown(plan.schema())),
            },
            LogicalPlan::Projection(projection) => {
                let below = self.read(&projection.input)?;
                let below: HashMap<Column, Definition> = below.into_iter().collect();
                let values = projection.expr.iter().map(|value| defined(value, &below));
                let values = values.collect::<Result<Vec<_>>>()?;
                Ok(projection
                    .schema
                    .columns()
                    .into_iter()
                    .zip(values)
                    .collect())
            }
            LogicalPlan::Sort(sort) => self.read(&sort.input),
            LogicalPlan::Filter(filter) => {
                self.has_all_rows = false;
                self.read(&filter.input)
            }
            LogicalPlan::Limit(limit) => {
                self.has_all_rows = false;
                self.read(&limit.input)
            }
            LogicalPlan::Join(join) => self.join(join),
            other => Ok(self.unknown(other.schema())),
        }
    }

    fn table(&mut self, table: &TableReference, schema: &DFSchema) -> Columns {
        let columns = schema.iter().map(|(relation, field)| {
            let column = Column::new(Some(table.clone()), field.name());
            self.fields.insert(column.clone(), Arc::clone(field));
            (
                Column::new(relation.cloned(), field.name()),
                of_column(column),
            )
        });
        columns.collect()
    }

    /// Columns of which nothing is known but their type. Each gets a relation of its own, lest it
    /// be taken for another.
    fn unknown(&mut self, schema: &DFSchema) -> Columns {
        let mut columns = Vec::new();
        for (relation, field) in schema.iter() {
            let own = TableReference::bare(format!("unknown {}", self.fields.len()));
            let column = Column::new(Some(own), field.name());
            self.fields.insert(column.clone(), Arc::clone(field));
            let name = Column::new(relation.cloned(), field.name());
            columns.push((name, of_column(column)));
        }
        columns
    }

    fn join(&mut self, join: &Join) -> Result<Columns> {
        let left = self.read(&join.left)?;
        let right = self.read(&join.right)?;
        let is_by_user = is_by_user(join, &left, &right);
        let (keeps_left, keeps_right) = match join.join_type {
            JoinType::Inner => (true, is_by_user),
            JoinType::Left => (true, false),
            JoinType::Right => (false, true),
            JoinType::Full => (false, false),
            _ => return Ok(self.unknown(&join.schema)),
        };
        self.has_all_rows &= is_by_user || join.join_type != JoinType::Inner;
        let unknown = self.unknown(&join.schema);
        let (unknown_left, unknown_right) = unknown.split_at(left.len());
        let of_left = if keeps_left {
            left
        } else {
            unknown_left.to_vec()
        };
        let of_right = if keeps_right {
            right
        } else {
            unknown_right.to_vec()
        };
        Ok(of_left.into_iter().chain(of_right).collect())
    }
}

type Columns = Vec<(Column, Definition)>;

fn of_column(column: Column) -> Definition {
    Definition {
        value: Expr::Column(column),
        written: None,
    }
}

/// The name of a table of the pack, without the catalog.
pub(super) fn pack_table(name: &TableReference) -> Option<TableReference> {
    let schema = name.schema()?;
    let is_schema = SqlSchema::ALL.iter().any(|known| known.as_str() == schema);
    is_schema.then(|| TableReference::partial(schema, name.table()))
}

/// What a projection makes of the columns below it.
fn defined(value: &Expr, below: &HashMap<Column, Definition>) -> Result<Definition> {
    let value = value.clone().unalias_nested().data;
    if let Expr::Column(column) = &value
        && let Some(definition) = below.get(column)
    {
        return Ok(definition.clone());
    }
    let written = match &value {
        Expr::Case(case) => Some(case.clone()),
        _ => None,
    };
    let value = replaced(&value, |node| match node {
        Expr::Column(column) => below.get(column).map(|definition| definition.value.clone()),
        _ => None,
    })?;
    Ok(Definition { value, written })
}

/// The expression with other parts in place of some, from the outside in.
pub(super) fn replaced(
    expression: &Expr,
    replacement: impl Fn(&Expr) -> Option<Expr>,
) -> Result<Expr> {
    let replaced = expression.clone().transform_down(|node| {
        Ok(match replacement(&node) {
            Some(other) => Transformed::new(other, true, TreeNodeRecursion::Jump),
            None => Transformed::no(node),
        })
    })?;
    Ok(replaced.data)
}

/// Whether both sides of a join are rows of the same user.
fn is_by_user(join: &Join, left: &Columns, right: &Columns) -> bool {
    let is_user = |key: &Expr, columns: &Columns| {
        let Expr::Column(key) = key else {
            return false;
        };
        let found = columns.iter().find(|(column, _)| column == key);
        let value = found.map(|(_, definition)| &definition.value);
        matches!(value, Some(Expr::Column(column)) if is_user_of_pack(column))
    };
    equal_keys(join)
        .is_some_and(|(of_left, of_right)| is_user(of_left, left) && is_user(of_right, right))
}

fn is_user_of_pack(column: &Column) -> bool {
    let is_of_pack = column.relation.as_ref().and_then(pack_table).is_some();
    column.name == USER_ID && is_of_pack
}
