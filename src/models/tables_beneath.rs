//! How many tables lie beneath the models of a graph: few enough that each is planned within seconds.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::Statement;

use crate::ground::{Diagnostic, Problems, SqlSchema};

use super::Model;
use super::limits::tables_read;

/// The most tables that a model reads when the models that it names are written out, too, down to
/// sources and references: a chain of models of which each joins the one before it twice doubles
/// with every link.
const MOST_TABLES_BENEATH: u64 = 1_000;

/// Counts the tables beneath each model of a graph, which are in planning order. Of models that
/// read each other the first is reported.
pub(super) fn check_tables_beneath(models: &[Model]) -> Result<(), Problems> {
    let mut beneath: BTreeMap<String, u64> = BTreeMap::new();
    let mut problems = Problems::default();
    for model in models {
        let Statement::Query(query) = &model.statement else {
            continue;
        };
        let tables = tables_read(query, &beneath);
        if tables > MOST_TABLES_BENEATH {
            problems.push(too_many_beneath(model, &beneath));
        }
        // What is published is read back from storage, and reported once.
        let is_one = model.name.schema == SqlSchema::Publish || tables > MOST_TABLES_BENEATH;
        let counted = if is_one { 1 } else { tables.max(1) };
        beneath.insert(model.name.to_string(), counted);
    }
    problems.or_ok(())
}

/// Points at the table that has the most beneath it.
fn too_many_beneath(model: &Model, beneath: &BTreeMap<String, u64>) -> Diagnostic {
    let tables_of = |table: &str| beneath.get(table).copied().unwrap_or(1);
    let mut reads = model.reads.iter();
    let first = reads.next();
    let widest = reads.fold(first, |widest, read| match widest {
        Some(before)
            if tables_of(&before.table.to_string()) >= tables_of(&read.table.to_string()) =>
        {
            Some(before)
        }
        _ => Some(read),
    });
    let place = widest.map_or_else(|| model.head(), |read| read.place.clone());
    let message = format!(
        "`{}` reads more than {MOST_TABLES_BENEATH} tables, models written out wherever they are named",
        model.name
    );
    Diagnostic::at(&model.file, place, message).help(
        "read each model once: select from it all that is needed, instead of joining it again",
    )
}
