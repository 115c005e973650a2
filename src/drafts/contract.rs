//! The contract of a published table: what every BI reader opens, checked before any write.
//!
//! The writer below would coerce most of what is refused here, silently and not always without
//! loss. So a schema first takes its plain form ([`normalise`], which changes no value) and then
//! has to hold nothing but these:
//!
//! | in SQL | in Arrow |
//! |---|---|
//! | `BOOLEAN` | Boolean |
//! | `TINYINT`, `SMALLINT`, `INT`, `BIGINT` | Int8, Int16, Int32, Int64 |
//! | `REAL`, `DOUBLE` | Float32, Float64 |
//! | `DECIMAL(p, s)` | Decimal128, with 0 <= s <= p <= 38 |
//! | `DATE` | Date32 |
//! | an instant | Timestamp in microseconds, UTC |
//! | `VARCHAR` | Utf8 |

use std::collections::BTreeMap;
use std::fmt;

use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};

use crate::ground::{is_plain_name, sql_type};
use crate::tables::{Dating, SNAPSHOT_DATE};

/// The one time zone of published instants.
const UTC: &str = "UTC";

/// The widest decimal that every reader holds.
const MAXIMUM_PRECISION: u8 = 38;

/// Everything about a schema that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractError {
    /// Every problem, in the order of the columns.
    pub problems: Vec<ContractProblem>,
}

/// One thing about a table or column that breaks the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractProblem {
    /// A table's name that a reader cannot use unquoted.
    #[error(
        "table name `{table}` is refused; start with a letter and use only lower-case letters, digits and underscores"
    )]
    TableName { table: String },
    /// A column's name that a reader cannot use unquoted.
    #[error(
        "table `{table}`: column name `{column}` is refused; start with a letter and use only lower-case letters, digits and underscores"
    )]
    ColumnName {
        table: String,
        /// The column as named.
        column: String,
    },
    /// Two columns of one name.
    #[error(
        "table `{table}`: more than one column is named `{column}`; rename or drop all but one: an attribute of [sources.users.profile], say, may not be called as a column of the pack"
    )]
    Duplicate {
        table: String,
        /// The name in question.
        column: String,
    },
    /// A type that some reader does not open.
    #[error(
        "table `{table}`: column `{column}` is {}, which not every reader opens; {remedy}",
        sql_type(found)
    )]
    Type {
        table: String,
        column: String,
        /// Its type in Arrow.
        found: DataType,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A dated table without a date.
    #[error("table `{table}` is dated, so it needs a column `snapshot_date` of type DATE; add it")]
    NoDate { table: String },
    /// Nothing to store.
    #[error("table `{table}` has no columns to store; select at least one")]
    NoColumns { table: String },
    /// An order by a column that is not there.
    #[error(
        "table `{table}` cannot be sorted by `{column}`, which its files do not hold; sort by a column they hold"
    )]
    NoSortColumn { table: String, column: String },
    /// A column of rows that the table does not have.
    #[error(
        "table `{table}`: column `{column}` ({}) is not among the table's columns; drop it",
        sql_type(found)
    )]
    Added {
        table: String,
        column: String,
        /// Its type in Arrow.
        found: DataType,
    },
    /// A column that the table has and the rows lack.
    #[error(
        "table `{table}`: column `{column}` ({}) is missing, and readers rely on it; select it again",
        sql_type(expected)
    )]
    Removed {
        table: String,
        column: String,
        /// The type the table has.
        expected: DataType,
    },
    /// A column whose type drifted.
    #[error(
        "table `{table}`: column `{column}` is {} to readers and would become {}; cast it back",
        sql_type(expected),
        sql_type(found)
    )]
    Retyped {
        table: String,
        column: String,
        /// The type the table has.
        expected: DataType,
        /// The type the rows have.
        found: DataType,
    },
    /// A column that is published and not drafted any more.
    #[error(
        "table `{table}`: column `{column}` ({}) is missing, and readers rely on it; select it again, or run it again with `--drop-columns {table}.{column}`",
        sql_type(expected)
    )]
    Lost {
        table: String,
        column: String,
        /// The type the table has.
        expected: DataType,
    },
    /// A column that is published with another type.
    #[error(
        "table `{table}`: column `{column}` is {} to readers and in older files and would become {}; cast it back, or give it a new name and drop the old one with `--drop-columns {table}.{column}`",
        sql_type(expected),
        sql_type(found)
    )]
    RetypedInFiles {
        table: String,
        column: String,
        /// The type the table has.
        expected: DataType,
        /// The type the draft has.
        found: DataType,
    },
    /// User ids that are published as numbers and drafted as texts, or the other way round.
    #[error(
        "table `{table}`: `user_id` is {published} to readers and in older files and would become {found}, which makes everybody another user; write CAST(user_id AS {published}) AS user_id in the files of sql/staging/, and * REPLACE (CAST(user_id AS {published}) AS user_id) for * in users.sql, or publish to a new folder, `output` in the job file, and make its dates with `tierline backfill`"
    )]
    UserIds {
        table: String,
        /// The SQL type that the table has.
        published: &'static str,
        /// The SQL type that the draft has.
        found: &'static str,
    },
    /// A column that was dropped and comes back with another type.
    #[error(
        "table `{table}`: column `{column}` was {} when it was dropped, older files still have it with that type, and it would now return as {}; cast it to what it was, or give it a new name",
        sql_type(expected),
        sql_type(found)
    )]
    Returned {
        table: String,
        column: String,
        /// The type that older files hold.
        expected: DataType,
        /// The type the draft has.
        found: DataType,
    },
    /// A column that is to be dropped, and drafted all the same.
    #[error(
        "table `{table}`: column `{column}` is to be dropped and still selected; take it out of the SQL, or out of `--drop-columns`"
    )]
    StillSelected { table: String, column: String },
}

impl fmt::Display for ContractError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl ContractError {
    /// The columns that readers would lose, as `--drop-columns` takes them.
    pub fn lost_columns(&self) -> Vec<String> {
        self.problems.iter().filter_map(lost_column).collect()
    }
}

impl ContractProblem {
    /// User ids of `published` type that would become ids of the type `found`.
    pub fn user_ids(table: &str, published: &DataType, found: &DataType) -> Self {
        let name = |data_type: &DataType| match data_type {
            DataType::Int64 => "BIGINT",
            _ => "VARCHAR",
        };
        Self::UserIds {
            table: table.to_owned(),
            published: name(published),
            found: name(found),
        }
    }
}

/// The column that readers would lose, as `--drop-columns` takes it.
fn lost_column(problem: &ContractProblem) -> Option<String> {
    match problem {
        ContractProblem::Lost { table, column, .. } => Some(format!("{table}.{column}")),
        _ => None,
    }
}

impl std::error::Error for ContractError {}

impl ContractError {
    /// Success without problems, or the error that carries them.
    pub(crate) fn unless_none(problems: Vec<ContractProblem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }
}

/// The plain form of a schema: the same columns with the same values, in the types that files
/// hold.
///
/// | from | to | because |
/// |---|---|---|
/// | Utf8View, LargeUtf8, dictionaries of strings | Utf8 | the engine picks them for speed, a file has one kind of string |
/// | microseconds in `+00:00` and other names of UTC | microseconds in `UTC` | the instants are the same |
/// | NOT NULL | nullable | inferred from SQL, so it would drift with every edit; audits guard keys |
/// | metadata of the engine | none | readers know only Delta's own |
pub(crate) fn normalise(schema: &Schema) -> Schema {
    let fields = schema.fields().iter();
    let plain = fields.map(|field| Field::new(field.name(), plain_type(field.data_type()), true));
    Schema::new(plain.collect::<Fields>())
}

fn plain_type(found: &DataType) -> DataType {
    match found {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, values) if values.is_string() => DataType::Utf8,
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(zone) => instant(),
        other => other.clone(),
    }
}

fn is_utc(zone: &str) -> bool {
    ["UTC", "Etc/UTC", "Z", "+00:00", "+00", "+0000"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(zone))
}

/// The type of published instants.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

/// Checks names and types of a schema in its plain form.
///
/// # Errors
/// All problems at once, each with the table, the column, the type found and the remedy.
pub(crate) fn check(table: &str, schema: &Schema, dating: Dating) -> Result<(), ContractError> {
    let mut problems = Vec::new();
    if !is_plain_name(table) {
        problems.push(ContractProblem::TableName {
            table: table.to_owned(),
        });
    }
    problems.extend(duplicates(table, schema));
    for field in schema.fields() {
        problems.extend(name_problem(table, field, schema));
        problems.extend(type_problem(table, field));
    }
    problems.extend(layout_problem(table, schema, dating));
    ContractError::unless_none(problems)
}

fn duplicates(table: &str, schema: &Schema) -> Vec<ContractProblem> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for field in schema.fields() {
        *uses.entry(field.name()).or_default() += 1;
    }
    let repeated = uses.into_iter().filter(|(_, count)| *count > 1);
    let problems = repeated.map(|(column, _)| ContractProblem::Duplicate {
        table: table.to_owned(),
        column: column.to_owned(),
    });
    problems.collect()
}

/// The engine gives the second of two columns of one name another one, `name:1`.
fn name_problem(table: &str, field: &Field, schema: &Schema) -> Option<ContractProblem> {
    let refused = !is_plain_name(field.name());
    refused.then(|| {
        let table = table.to_owned();
        match field.name().split_once(':') {
            Some((name, _)) if schema.field_with_name(name).is_ok() => ContractProblem::Duplicate {
                table,
                column: name.to_owned(),
            },
            _ => ContractProblem::ColumnName {
                table,
                column: field.name().clone(),
            },
        }
    })
}

fn type_problem(table: &str, field: &Field) -> Option<ContractProblem> {
    let found = field.data_type();
    remedy(found).map(|remedy| ContractProblem::Type {
        table: table.to_owned(),
        column: field.name().clone(),
        found: found.clone(),
        remedy,
    })
}

/// What to do about a type, or nothing when every reader opens it.
fn remedy(found: &DataType) -> Option<&'static str> {
    use DataType::*;
    match found {
        Boolean | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Date32 | Utf8 => None,
        instants if *instants == instant() => None,
        Decimal128(precision, scale) if is_readable_decimal(*precision, *scale) => None,
        UInt8 | UInt16 => Some("cast it to INT"),
        UInt32 | UInt64 => Some("cast it to BIGINT"),
        Null => Some("give it a type, such as CAST(NULL AS VARCHAR)"),
        Timestamp(_, _) => Some(
            "cast it to DATE, or write arrow_cast(.., 'Timestamp(Microsecond, Some(\"UTC\"))')",
        ),
        Date64 => Some("cast it to DATE"),
        Float16 => Some("cast it to REAL"),
        Decimal32(_, _) | Decimal64(_, _) | Decimal128(_, _) | Decimal256(_, _) => {
            Some("cast it to DECIMAL(p, s) with 0 <= s <= p <= 38")
        }
        Time32(_) | Time64(_) | Duration(_) | Interval(_) => {
            Some("publish a number of seconds or days as BIGINT")
        }
        Binary | FixedSizeBinary(_) | LargeBinary | BinaryView => {
            Some("publish text, such as encode(.., 'hex')")
        }
        _ => Some("publish one column of a simple type for each part that readers need"),
    }
}

fn is_readable_decimal(precision: u8, scale: i8) -> bool {
    precision <= MAXIMUM_PRECISION && u8::try_from(scale).is_ok_and(|scale| scale <= precision)
}

/// What is wrong with the partitioning of a table, if anything.
fn layout_problem(table: &str, schema: &Schema, dating: Dating) -> Option<ContractProblem> {
    let table = || table.to_owned();
    let date = schema.field_with_name(SNAPSHOT_DATE).ok();
    let is_dated = date.is_some_and(|field| *field.data_type() == DataType::Date32);
    if dating.is_partitioned() && !is_dated {
        return Some(ContractProblem::NoDate { table: table() });
    }
    let in_files = schema.fields().len() - usize::from(dating.is_partitioned());
    (in_files == 0).then(|| ContractProblem::NoColumns { table: table() })
}

/// Checks that files of `schema` can be sorted by `columns`.
///
/// # Errors
/// Every column that the files lack.
pub(crate) fn check_order(
    table: &str,
    schema: &Schema,
    columns: &[&str],
) -> Result<(), ContractError> {
    let unknown = columns
        .iter()
        .filter(|column| schema.index_of(column).is_err());
    let problems = unknown.map(|column| ContractProblem::NoSortColumn {
        table: table.to_owned(),
        column: (*column).to_owned(),
    });
    ContractError::unless_none(problems.collect())
}

/// Compares the columns that rows have with the columns their table has, both in plain form. The
/// order of columns does not matter, since readers find them by name. How a table's own columns may
/// change is up to [`SchemaEvolution`](super::SchemaEvolution).
///
/// # Errors
/// Every added, removed or retyped column, with both types.
pub(crate) fn exactly(table: &str, expected: &Schema, found: &Schema) -> Result<(), ContractError> {
    let known = expected.fields().iter();
    let mut problems: Vec<ContractProblem> = known
        .filter_map(|field| drift(table, field, found.field_with_name(field.name()).ok()))
        .collect();
    problems.extend(duplicates(table, found));
    let unknown = found.fields().iter();
    problems.extend(
        unknown
            .filter(|field| expected.field_with_name(field.name()).is_err())
            .map(|field| ContractProblem::Added {
                table: table.to_owned(),
                column: field.name().clone(),
                found: field.data_type().clone(),
            }),
    );
    ContractError::unless_none(problems)
}

/// What became of the column `expected`, when something did.
fn drift(table: &str, expected: &Field, found: Option<&Field>) -> Option<ContractProblem> {
    let Some(found) = found else {
        return Some(ContractProblem::Removed {
            table: table.to_owned(),
            column: expected.name().clone(),
            expected: expected.data_type().clone(),
        });
    };
    let retyped = expected.data_type() != found.data_type();
    retyped.then(|| ContractProblem::Retyped {
        table: table.to_owned(),
        column: expected.name().clone(),
        expected: expected.data_type().clone(),
        found: found.data_type().clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        let fields = columns.iter();
        let fields = fields.map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
        Schema::new(fields.collect::<Vec<_>>())
    }

    fn messages(columns: &[(&str, DataType)]) -> Vec<String> {
        let schema = normalise(&schema(columns));
        match check("kpis", &schema, Dating::Undated) {
            Ok(()) => Vec::new(),
            Err(error) => error.to_string().lines().map(str::to_owned).collect(),
        }
    }

    fn zoned(unit: TimeUnit, zone: &str) -> DataType {
        DataType::Timestamp(unit, Some(zone.into()))
    }

    #[test]
    fn types_that_every_reader_opens_pass() {
        let columns = [
            ("a", DataType::Boolean),
            ("b", DataType::Int8),
            ("c", DataType::Int16),
            ("d", DataType::Int32),
            ("e", DataType::Int64),
            ("f", DataType::Float32),
            ("g", DataType::Float64),
            ("h", DataType::Date32),
            ("i", DataType::Utf8),
            ("j", DataType::Decimal128(38, 38)),
            ("k_2", zoned(TimeUnit::Microsecond, "UTC")),
        ];
        assert_eq!(messages(&columns), Vec::<String>::new());
    }

    #[test]
    fn strings_and_names_of_utc_take_one_form_and_pass() {
        let dictionary = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
        let found = schema(&[
            ("a", DataType::Utf8View),
            ("b", DataType::LargeUtf8),
            ("c", dictionary),
            ("d", zoned(TimeUnit::Microsecond, "+00:00")),
        ]);
        let plain = schema(&[
            ("a", DataType::Utf8),
            ("b", DataType::Utf8),
            ("c", DataType::Utf8),
            ("d", zoned(TimeUnit::Microsecond, "UTC")),
        ]);
        assert_eq!(normalise(&found), plain);
        assert_eq!(check("kpis", &plain, Dating::Undated), Ok(()));
    }

    #[test]
    fn all_problems_are_reported_at_once_with_their_remedies() {
        let columns = [
            ("Users", DataType::Int64),
            ("rank", DataType::UInt64),
            ("rank", DataType::Int64),
            ("reason", DataType::Null),
        ];
        let expected = [
            "table `kpis`: more than one column is named `rank`; rename or drop all but one: an attribute of [sources.users.profile], say, may not be called as a column of the pack",
            "table `kpis`: column name `Users` is refused; start with a letter and use only lower-case letters, digits and underscores",
            "table `kpis`: column `rank` is BIGINT UNSIGNED, which not every reader opens; cast it to BIGINT",
            "table `kpis`: column `reason` is NULL, which not every reader opens; give it a type, such as CAST(NULL AS VARCHAR)",
        ];
        assert_eq!(messages(&columns), expected);
    }

    #[test]
    fn types_that_some_reader_does_not_open_are_refused() {
        let item = || Field::new("item", DataType::Int64, true);
        let refused = [
            DataType::UInt8,
            DataType::Float16,
            DataType::Date64,
            DataType::Binary,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Duration(TimeUnit::Second),
            DataType::Interval(arrow::datatypes::IntervalUnit::DayTime),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            zoned(TimeUnit::Nanosecond, "UTC"),
            zoned(TimeUnit::Microsecond, "Asia/Shanghai"),
            DataType::Decimal256(38, 2),
            DataType::Decimal128(10, -2),
            DataType::Decimal128(2, 10),
            DataType::new_list(DataType::Int64, true),
            DataType::Struct(vec![item()].into()),
            DataType::Dictionary(DataType::Int32.into(), DataType::Int64.into()),
        ];
        for data_type in refused {
            let found = messages(&[("a", data_type.clone())]);
            assert_eq!(found.len(), 1, "{data_type} gives {found:?}");
        }
    }

    #[test]
    fn names_that_need_quotes_are_refused() {
        for name in ["", "1st", "_id", "naïve", "total users", "userID", "a-b"] {
            assert_eq!(messages(&[(name, DataType::Int64)]).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_dated_table_needs_its_date_and_something_else() {
        let undated = schema(&[("user_id", DataType::Int64)]);
        let error = check("kpis", &undated, Dating::EveryDate).unwrap_err();
        assert_eq!(
            error.to_string(),
            "table `kpis` is dated, so it needs a column `snapshot_date` of type DATE; add it"
        );
        let bare = schema(&[("snapshot_date", DataType::Date32)]);
        assert!(check("kpis", &bare, Dating::NewestDate).is_err());
    }

    #[test]
    fn drift_names_both_types() {
        let published = schema(&[
            ("users", DataType::Int64),
            ("share", DataType::Decimal128(9, 6)),
        ]);
        let drafted = schema(&[
            ("share", DataType::Decimal128(19, 6)),
            ("churned", DataType::Int64),
        ]);
        let error = exactly("kpis", &published, &drafted).unwrap_err();
        let expected = [
            "table `kpis`: column `users` (BIGINT) is missing, and readers rely on it; select it again",
            "table `kpis`: column `share` is DECIMAL(9, 6) to readers and would become DECIMAL(19, 6); cast it back",
            "table `kpis`: column `churned` (BIGINT) is not among the table's columns; drop it",
        ];
        assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_order_of_columns_is_no_drift() {
        let published = schema(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
        let drafted = schema(&[("b", DataType::Utf8), ("a", DataType::Int64)]);
        assert_eq!(exactly("kpis", &published, &drafted), Ok(()));
    }
}
