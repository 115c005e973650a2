//! What fingerprints are made of for the parts of a job that rows depend on. Labels and their
//! order are written out, so that no name in Rust has a part in them.
//!
//! | of | labels, in their order |
//! |---|---|
//! | the columns of a source | `column` for each: `name`, `type` as a job file has it, `optional` |
//! | a source | `name`, `columns` |
//! | a dimension of the job's own | `ranked`, `tier` for each |
//! | a table of the job's own | `dated`, `key` for each column, `sorted by` for each column |
//! | a parameter | `type`, `value`, of a list for each text |

use crate::ground::{Fingerprint, FingerprintBuilder};

use super::{Column, OwnDimension, OwnTable, ParameterValue, Source};

/// The declared columns of a source. Their order counts: `SELECT *` keeps it.
pub fn of_columns(columns: &[Column]) -> Fingerprint {
    let columns = columns.iter().map(|column| {
        Fingerprint::builder()
            .part("name", &column.name)
            .part("type", &column.column_type.declared())
            .part("optional", truth(column.optional))
            .finish()
    });
    Fingerprint::builder().parts("column", columns).finish()
}

/// A source by its name and its declared columns.
pub fn of_source(name: &str, source: &Source) -> Fingerprint {
    Fingerprint::builder()
        .part("name", name)
        .nested("columns", &of_columns(&source.columns))
        .finish()
}

/// A dimension that the job declares.
pub fn of_dimension(dimension: &OwnDimension) -> Fingerprint {
    Fingerprint::builder()
        .part("ranked", truth(dimension.ranked))
        .parts("tier", &dimension.tiers)
        .finish()
}

/// A table that the job declares. Whether it may be empty decides no row.
pub fn of_table(table: &OwnTable) -> Fingerprint {
    Fingerprint::builder()
        .part("dated", truth(table.is_dated))
        .parts("key", &table.key)
        .parts("sorted by", &table.sorted_by)
        .finish()
}

/// A parameter's value. Decimals count with their zeros, which decide the type.
pub fn of_parameter(value: &ParameterValue) -> Fingerprint {
    let typed = |sql_type| Fingerprint::builder().part("type", sql_type);
    let one = |builder: FingerprintBuilder, value: &str| builder.part("value", value);
    let builder = match value {
        ParameterValue::Integer(value) => one(typed("BIGINT"), &value.to_string()),
        ParameterValue::Decimal(digits) => one(typed("DECIMAL"), digits),
        ParameterValue::Text(text) => one(typed("VARCHAR"), text),
        ParameterValue::Boolean(value) => one(typed("BOOLEAN"), truth(*value)),
        ParameterValue::Date(day) => one(typed("DATE"), &day.format("%Y-%m-%d").to_string()),
        ParameterValue::List(texts) => typed("VARCHAR LIST").parts("value", texts),
    };
    builder.finish()
}

fn truth(value: bool) -> &'static str {
    match value {
        true => "true",
        false => "false",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::ColumnType;

    /// A change of these makes every tile and every publication again: it needs another version
    /// number wherever they are a part.
    #[test]
    fn what_is_hashed_stays_what_it_was() {
        let column = |name: &str, column_type, optional| Column {
            name: name.to_owned(),
            column_type,
            optional,
        };
        let columns = [
            column("user_id", ColumnType::Id, false),
            column("amount", ColumnType::Decimal(12, 2), true),
        ];
        let dimension = OwnDimension {
            tiers: ["bronze", "gold"].map(str::to_owned).into(),
            ranked: true,
        };
        let table = OwnTable {
            key: ["user_id", "channel"].map(str::to_owned).into(),
            is_dated: true,
            sorted_by: vec!["priority".to_owned()],
            may_be_empty: true,
        };
        let text = |text: &str| ParameterValue::Text(text.to_owned());
        let list = ParameterValue::List(["a", "b"].map(str::to_owned).into());
        let found = [
            of_columns(&columns),
            of_dimension(&dimension),
            of_parameter(&ParameterValue::Integer(30)),
            of_parameter(&ParameterValue::Decimal("30.0".to_owned())),
            of_parameter(&text("30")),
            of_parameter(&list),
            of_table(&table),
        ];
        let found: Vec<&str> = found.iter().map(Fingerprint::short).collect();
        insta::assert_snapshot!(found.join("\n"), @"
        3d65e5ae415e
        113e51fd2726
        7f4c170c94a9
        02f6c933f60d
        493c9057bc40
        56c3d32af31f
        2db7b3841ca5
        ");
    }

    #[test]
    fn types_tell_equal_texts_apart() {
        let values = [
            ParameterValue::Integer(1),
            ParameterValue::Decimal("1".to_owned()),
            ParameterValue::Decimal("1.0".to_owned()),
            ParameterValue::Text("1".to_owned()),
            ParameterValue::List(vec!["1".to_owned()]),
        ];
        let distinct: std::collections::BTreeSet<_> = values.iter().map(of_parameter).collect();
        assert_eq!(distinct.len(), values.len());
    }
}
