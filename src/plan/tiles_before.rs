//! How tiles were named before their SQL was [written out by hand](crate::models::Model::fingerprint):
//! by the SQL as the parser prints it, and by the columns as Rust did.
//!
//! Of days that have expired there are no other tiles, so these are found under their old names.
//! All others are made again, once. This is needed for as long as an output may hold expired days in
//! tiles of then.

use crate::ground::{Problems, SqlSchema, TableName};
use crate::job::{Column, ColumnType, Job};
use crate::models::Parameters;
use crate::models::planner::bind;
use crate::pack::Project;
use crate::tiles::DefinitionBefore;

/// What defined the rows of a rollup that reads these tables.
///
/// # Errors
/// Parameters that nothing declares.
pub(super) fn definition_before<'a>(
    job: &Job,
    project: &Project,
    tables: impl Iterator<Item = &'a TableName>,
    parameters: &Parameters,
) -> Result<DefinitionBefore, Problems> {
    let mut before = DefinitionBefore::default();
    for table in tables {
        if let Some(model) = project.graph.model(table) {
            before.statements.push(bind(model, parameters)?.to_string());
        }
        if let Some(source) = job.sources.get(&table.name)
            && table.schema == SqlSchema::Sources
        {
            let columns = printed(&source.columns);
            before.columns.push(format!("{table} {columns}"));
        }
    }
    Ok(before)
}

fn printed(columns: &[Column]) -> String {
    let columns = columns.iter().map(|column| {
        let column_type = match column.column_type {
            ColumnType::Id => "Id".to_owned(),
            ColumnType::BigInt => "BigInt".to_owned(),
            ColumnType::Varchar => "Varchar".to_owned(),
            ColumnType::Decimal(precision, scale) => format!("Decimal({precision}, {scale})"),
            ColumnType::Double => "Double".to_owned(),
            ColumnType::Boolean => "Boolean".to_owned(),
            ColumnType::Date => "Date".to_owned(),
            ColumnType::Timestamp => "Timestamp".to_owned(),
        };
        format!(
            "Column {{ name: {:?}, column_type: {column_type}, optional: {} }}",
            column.name, column.optional
        )
    });
    let columns: Vec<String> = columns.collect();
    format!("[{}]", columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_printed_as_they_were() {
        let column = |name: &str, column_type, optional| Column {
            name: name.to_owned(),
            column_type,
            optional,
        };
        let columns = [
            column("user_id", ColumnType::Id, false),
            column("the \"amount\"", ColumnType::Decimal(12, 2), true),
        ];
        assert_eq!(
            printed(&columns),
            r#"[Column { name: "user_id", column_type: Id, optional: false }, Column { name: "the \"amount\"", column_type: Decimal(12, 2), optional: true }]"#
        );
    }
}
