//! What the engine can analyse and yet not compute, such as EXISTS in a SELECT list: found by
//! planning each model as a night plans it, over tables without rows in place of what it reads.

use std::collections::BTreeSet;

use datafusion::error::DataFusionError;

use crate::engine::over_no_rows;
use crate::ground::{Problems, TableName};
use crate::models::{Parameters, explain};

use super::catalog::Catalog;
use super::project::Project;

/// Plans every model down to what is executed. Of models that read each other the first is reported.
///
/// # Errors
/// Every model that no night can compute.
pub(crate) async fn check(
    catalog: &Catalog<'_>,
    project: &Project,
    parameters: &Parameters,
) -> Result<(), Problems> {
    let state = catalog.session.state();
    let mut problems = Problems::default();
    let mut failing: BTreeSet<&TableName> = BTreeSet::new();
    for model in project.graph.models() {
        if !catalog.has_planned(model) {
            continue;
        }
        let mut read = model.reads.iter().map(|read| &read.table);
        if read.any(|table| failing.contains(table)) {
            failing.insert(&model.name);
            continue;
        }
        // What cannot be analysed is reported elsewhere.
        let Ok(plan) = catalog.plan(model, parameters).await else {
            continue;
        };
        let planned = match over_no_rows(plan) {
            Ok(plan) => state.create_physical_plan(&plan).await,
            Err(error) => Err(error),
        };
        if let Err(error) = planned {
            failing.insert(&model.name);
            if is_of_statement(&error) {
                problems.extend(explain(&error, &model.file));
            }
        }
    }
    problems.or_ok(())
}

/// Whether a statement is at fault, what it computes of literals included. The values of reference
/// files, which planning may compute with as well, are reported where they are read.
fn is_of_statement(error: &DataFusionError) -> bool {
    let is_of_literals = matches!(
        error,
        DataFusionError::Context(what, _) if what.contains("simplify_expressions")
    );
    is_of_literals
        || !matches!(
            error.find_root(),
            DataFusionError::ArrowError(..) | DataFusionError::External(_)
        )
}
