//! Why a condition leaves no row: a column is compared with a text that it never has, such as the label
//! of a channel in the place of its name.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, ident};

use crate::engine::{Session, all_rows, optional_texts};
use crate::ground::{Diagnostic, Problems, SourceFile, TableName, shown};
use crate::tiles::USER_ID;

/// A column with more values than that is none of names.
const MOST_VALUES: usize = 20;

/// A column that a condition compares with a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Comparison {
    column: String,
    text: String,
}

/// What the topmost condition of a plan compares: `column = 'text'` and `column IN ('text', ..)`. Users are left
/// out.
pub(super) fn comparisons(plan: &LogicalPlan) -> EngineResult<BTreeSet<Comparison>> {
    let mut found = BTreeSet::new();
    plan.apply(|node| {
        let LogicalPlan::Filter(filter) = node else {
            return Ok(TreeNodeRecursion::Continue);
        };
        filter.predicate.apply(|expression| {
            found.extend(compared(expression));
            Ok(TreeNodeRecursion::Continue)
        })?;
        // Those below belong to the rows that are chosen from.
        Ok(TreeNodeRecursion::Stop)
    })?;
    Ok(found)
}

fn compared(expression: &Expr) -> Vec<Comparison> {
    let of = |column: &Expr, text: &Expr| {
        let text = text_of(text)?.to_owned();
        let column = column_of(column)?.to_owned();
        (column != USER_ID).then_some(Comparison { column, text })
    };
    match expression {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let (left, right) = (&binary.left, &binary.right);
            of(left, right)
                .or_else(|| of(right, left))
                .into_iter()
                .collect()
        }
        Expr::InList(list) if !list.negated => {
            let texts = list.list.iter();
            texts.filter_map(|text| of(&list.expr, text)).collect()
        }
        _ => Vec::new(),
    }
}

fn column_of(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) => column_of(&cast.expr),
        _ => None,
    }
}

fn text_of(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        Expr::Cast(cast) => text_of(&cast.expr),
        _ => None,
    }
}

/// A warning for each text that its column never has, with what it has where that is not too much.
///
/// # Errors
/// A table that cannot be read.
pub(super) async fn never_met(
    session: &Session,
    table: &TableName,
    comparisons: &BTreeSet<Comparison>,
    condition: &SourceFile,
) -> EngineResult<Problems> {
    let mut warnings = Problems::default();
    let columns: BTreeSet<&str> = comparisons.iter().map(|one| &*one.column).collect();
    for column in columns {
        let values = values_of(session, table, column).await?;
        if values.is_empty() || values.len() > MOST_VALUES {
            continue;
        }
        let of_column = comparisons.iter().filter(|one| one.column == column);
        let never = of_column.filter(|one| !values.contains(&one.text));
        for Comparison { text, .. } in never {
            let message = format!("no row has `{column}` = '{}'", shown(text));
            let quoted = format!("'{text}'");
            let problem = match condition.text.find(&quoted) {
                Some(start) => Diagnostic::at(condition, start..start + quoted.len(), message),
                None => Diagnostic::new(message),
            };
            let values: Vec<String> = values.iter().map(|value| shown(value)).collect();
            let help = format!("it is one of {}", values.join(", "));
            warnings.push(problem.help(help).as_warning());
        }
    }
    Ok(warnings)
}

/// What a column has, in order, one value more than [`MOST_VALUES`] at most.
async fn values_of(
    session: &Session,
    table: &TableName,
    column: &str,
) -> EngineResult<Vec<String>> {
    let rows = session.table(table).await?;
    let values = rows.select(vec![ident(column)])?.distinct()?;
    let values = values.sort(vec![ident(column).sort(true, false)])?;
    let values = all_rows(values.limit(0, Some(MOST_VALUES + 1))?).await?;
    let values = optional_texts(&values, column)?;
    Ok(values.into_iter().flatten().collect())
}
