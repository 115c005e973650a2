//! Marts as a pack has them: tables that SQL computes from what a night has drafted, and from what
//! was published before, be they tierline's or the job's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::logical_expr::ident;
use datafusion::prelude::DataFrame;

use crate::drafts::TableSpec;
use crate::engine::{EngineError, Session, empty};
use crate::ground::{
    Diagnostic, Problems, SnapshotDate, SqlSchema, TableName, did_you_mean, sql_type,
};
use crate::models::{Model, Parameters};
use crate::publish::Publications;
use crate::tables::{self, Maker, PublishedTable, dated};
use crate::tiles::USER_ID;

use super::{Catalog, PackError, Project};

/// Of how many published dates before D the KPIs and the actions are at hand.
pub(crate) const HISTORY_DATES: usize = 28;

/// The marts of a pack, each after what it reads.
pub(crate) fn models(project: &Project) -> impl Iterator<Item = (&Model, &PublishedTable)> {
    let published = project.graph.in_schema(SqlSchema::Publish);
    published.filter_map(|model| {
        let table = project.tables.find(&model.name.name)?;
        (table.maker == Maker::Mart).then_some((model, table))
    })
}

/// The columns of a mart that SQL may rely on, the date in front. Its user ids are those of the snapshot.
///
/// # Errors
/// A snapshot without users: a bug.
pub(crate) fn schema_of(
    mart: &PublishedTable,
    snapshot: &Schema,
) -> datafusion::error::Result<SchemaRef> {
    let user_id = snapshot.field_with_name(USER_ID)?.data_type();
    Ok(Arc::new(dated(&mart.schema(user_id))))
}

/// Plans a mart, in the order of its rows where it has one, and checks it against its columns.
///
/// # Errors
/// Every problem of the model.
pub(crate) async fn plan(
    catalog: &Catalog<'_>,
    (model, table): (&Model, &PublishedTable),
    parameters: &Parameters,
) -> Result<(DataFrame, Arc<TableSpec>), PackError> {
    let plan = catalog.plan_by_name(model, parameters).await?;
    let rows = catalog.session.plan(plan);
    check_declared(model, table, rows.schema().as_arrow())?;
    let spec = match table.dating.is_partitioned() {
        true => TableSpec::of(table, &dated(rows.schema().as_arrow()))?,
        false => TableSpec::of(table, rows.schema().as_arrow())?,
    };
    check_columns(model, table, spec.schema())?;
    let spec = spec.with_comments(model.column_comments());
    let spec = match (table.description, model.heading()) {
        ("", Some(heading)) => spec.with_description(&heading),
        _ => spec,
    };
    let order = table
        .sorted_by
        .iter()
        .map(|column| ident(*column).sort(true, true));
    let order: Vec<_> = order.collect();
    let rows = match order.is_empty() {
        true => rows,
        false => rows
            .sort(order)
            .map_err(EngineError::during("planning marts"))?,
    };
    Ok((rows, Arc::new(spec)))
}

/// Refuses a key and an order of the job's own by columns that are not selected.
fn check_declared(model: &Model, table: &PublishedTable, found: &Schema) -> Result<(), Problems> {
    let is_listed = |name: &str| table.columns.iter().any(|column| column.name == name);
    let named: BTreeSet<&str> = table.key.iter().chain(table.sorted_by).copied().collect();
    let unknown = named
        .into_iter()
        .filter(|column| !is_listed(column) && found.index_of(column).is_err());
    let problem = |column: &str| {
        let key = match table.key.contains(&column) {
            true => "key",
            false => "sorted_by",
        };
        let known = found.fields().iter().map(|field| field.name().as_str());
        let near = did_you_mean(column, known);
        let message = format!(
            "`{}` selects no column `{column}`, which `{key}` of the table names{near}",
            model.name
        );
        let help = format!(
            "select it, or correct `{key}` of [tables.{}] in the job",
            table.name
        );
        Diagnostic::at(&model.file, model.head(), message).help(help)
    };
    Problems(unknown.map(problem).collect()).or_ok(())
}

fn check_columns(model: &Model, table: &PublishedTable, found: &Schema) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for expected in table.columns {
        let found = found
            .field_with_name(expected.name)
            .map(Field::data_type)
            .ok();
        // None is the type of the job's user ids, which the key of the snapshot settles.
        let wanted = expected.column_type.arrow();
        if found.is_some_and(|found| wanted.is_none_or(|wanted| wanted == *found)) {
            continue;
        }
        let its = match found {
            Some(found) => format!("; it is {}", sql_type(found)),
            None => String::new(),
        };
        let message = format!(
            "`{}` needs a column `{}` of type {}{its}",
            model.name, expected.name, expected.column_type
        );
        let place = match found {
            Some(_) => model.place_of_alias(expected.name),
            None => model.head(),
        };
        problems.push(
            Diagnostic::at(&model.file, place, message)
                .help("tierline shows it and compares it from night to night"),
        );
    }
    problems.or_ok(())
}

/// Registers tables of the right columns and no rows in place of what was published before.
pub(crate) fn register_nothing_before(
    session: &Session,
    snapshot: &SchemaRef,
) -> datafusion::error::Result<()> {
    for (folder, table) in tables::earlier() {
        let schema = match table.maker {
            Maker::Mart => schema_of(table, snapshot)?,
            _ => Arc::clone(snapshot),
        };
        session.register(&TableName::new(folder, table.name), empty(schema))?;
    }
    Ok(())
}

/// The last dates before D whose KPIs and actions are at hand. Of those whose users have expired the
/// KPIs are left.
pub(crate) fn dates_of_history(
    publications: &Publications,
    snapshot_date: SnapshotDate,
) -> impl Iterator<Item = SnapshotDate> + use<> {
    let dates = publications.dates_with_sums();
    let before: Vec<SnapshotDate> = dates.range(..snapshot_date).copied().collect();
    before.into_iter().rev().take(HISTORY_DATES)
}
