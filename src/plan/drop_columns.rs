//! The columns that a run may take from readers, as `--drop-columns` names them.

use crate::drafts::TableColumn;
use crate::ground::{Diagnostic, Problems, did_you_mean};
use crate::publish::Table;
use crate::storage::Location;
use crate::tables::Tables;

use super::error::PlanError;

/// Refuses `columns` that the tables below `output` never had. One that is gone already is no
/// mistake: the command may run again, for the next night or after a failure.
///
/// # Errors
/// Every column that no published table has or had, and tables that cannot be read.
pub(super) async fn check_drops(
    output: &Location,
    tables: &Tables,
    columns: &[TableColumn],
) -> Result<(), PlanError> {
    let mut problems = Problems::default();
    for named in columns {
        if let Some(problem) = unknown(output, tables, named).await? {
            problems.push(problem);
        }
    }
    Ok(problems.or_ok(())?)
}

/// What is wrong with the name of a column, if anything.
async fn unknown(
    output: &Location,
    tables: &Tables,
    named: &TableColumn,
) -> Result<Option<Diagnostic>, PlanError> {
    let TableColumn { table, column } = named;
    if tables.find(table).is_none() {
        let near = did_you_mean(table, tables.names());
        let message = format!("--drop-columns names an unknown table `{table}`{near}");
        let help = format!(
            "the published tables are {}",
            tables.names().collect::<Vec<_>>().join(", ")
        );
        return Ok(Some(Diagnostic::new(message).help(help)));
    }
    let Some(opened) = Table::open(output, table).await? else {
        let message =
            format!("--drop-columns names table `{table}`, of which nothing is published yet");
        return Ok(Some(Diagnostic::new(message).help("leave it out")));
    };
    let columns = opened.columns()?;
    let fields = [&columns.shown, &columns.dropped].into_iter();
    let names: Vec<&String> = fields
        .flat_map(|schema| schema.fields())
        .map(|field| field.name())
        .collect();
    if names.contains(&column) {
        return Ok(None);
    }
    let near = did_you_mean(column, names.into_iter().map(String::as_str));
    let message = format!("--drop-columns names an unknown column `{column}` of `{table}`{near}");
    Ok(Some(Diagnostic::new(message)))
}
