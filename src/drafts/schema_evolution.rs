//! Schema evolution: how the columns of a published table change with a draft.
//!
//! | the table | the draft | |
//! |---|---|---|
//! | | `segment` VARCHAR | added: rows published before read NULL |
//! | `segment` VARCHAR | | refused, unless the run may drop the column |
//! | `segment` VARCHAR | `segment` BIGINT | refused: older files hold the old type |
//! | dropped `segment` VARCHAR | `segment` VARCHAR | added: rows published before have their old values |
//! | dropped `segment` VARCHAR | `segment` BIGINT | refused: older files hold the old type |

use std::collections::BTreeSet;
use std::str::FromStr;

use arrow::datatypes::{Field, FieldRef, Schema};

use super::contract::{ContractError, ContractProblem};
use crate::tiles::USER_ID;

/// A column of a published table, as people name it: `tier_snapshot.segment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The table's name, without a schema.
    pub table: String,
    /// The column's name, as the table has it.
    pub column: String,
}

/// A text that names no column of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a column is named with its table, as in `tier_snapshot.segment`")]
pub struct TableColumnError;

impl FromStr for TableColumn {
    type Err = TableColumnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (table, column) = text.trim().split_once('.').ok_or(TableColumnError)?;
        if table.is_empty() || column.is_empty() || column.contains('.') {
            return Err(TableColumnError);
        }
        Ok(Self {
            table: table.to_owned(),
            column: column.to_owned(),
        })
    }
}

/// The columns of a published table, in their plain form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedColumns {
    /// Those that readers see.
    pub shown: Schema,
    /// Those that were dropped, and that older files may hold.
    pub dropped: Schema,
}

/// What a publication changes about the columns of its table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SchemaEvolution {
    /// Columns that readers get.
    pub added: Vec<FieldRef>,
    /// Columns that readers lose.
    pub dropped: Vec<FieldRef>,
}

impl SchemaEvolution {
    /// From the columns that a table has to those of a draft; `may_drop` names the columns that
    /// readers may lose. The order of columns does not matter, since readers find them by name.
    ///
    /// # Errors
    /// Every column that readers would lose unasked, or could not read in older files.
    pub(crate) fn between(
        table: &str,
        published: &PublishedColumns,
        drafted: &Schema,
        may_drop: &BTreeSet<String>,
    ) -> Result<Self, ContractError> {
        let mut evolution = Self::default();
        let mut problems = Vec::new();
        for known in published.shown.fields() {
            let found = drafted.field_with_name(known.name()).ok();
            let is_dropped = may_drop.contains(known.name());
            match found {
                None if is_dropped => evolution.dropped.push(FieldRef::clone(known)),
                None => problems.push(lost(table, known)),
                Some(found) if found.data_type() != known.data_type() => {
                    problems.push(retyped(table, known, found));
                }
                Some(_) if is_dropped => problems.push(still_selected(table, known)),
                Some(_) => {}
            }
        }
        for found in drafted.fields() {
            if published.shown.field_with_name(found.name()).is_ok() {
                continue;
            }
            match published.dropped.field_with_name(found.name()) {
                Ok(before) if before.data_type() != found.data_type() => {
                    problems.push(returned(table, before, found));
                }
                _ => evolution.added.push(FieldRef::clone(found)),
            }
        }
        ContractError::unless_none(problems).map(|()| evolution)
    }

    /// As [`between`](Self::between), for rows as they were published at an earlier time: columns
    /// that came since are NULL in them, and those that were dropped since stay dropped.
    ///
    /// # Errors
    /// Every column whose type is not that of its time.
    pub(crate) fn of_earlier_rows(
        table: &str,
        published: &PublishedColumns,
        drafted: &Schema,
    ) -> Result<Self, ContractError> {
        let mut evolution = Self::default();
        let mut problems = Vec::new();
        for found in drafted.fields() {
            let shown = published.shown.field_with_name(found.name());
            let dropped = published.dropped.field_with_name(found.name());
            match shown.or(dropped) {
                Ok(known) if known.data_type() != found.data_type() => {
                    problems.push(retyped(table, known, found));
                }
                Ok(_) => {}
                Err(_) => evolution.added.push(FieldRef::clone(found)),
            }
        }
        ContractError::unless_none(problems).map(|()| evolution)
    }

    /// Whether the columns stay as they are.
    pub(crate) fn is_none(&self) -> bool {
        self.added.is_empty() && self.dropped.is_empty()
    }
}

fn lost(table: &str, known: &Field) -> ContractProblem {
    ContractProblem::Lost {
        table: table.to_owned(),
        column: known.name().clone(),
        expected: known.data_type().clone(),
    }
}

fn retyped(table: &str, known: &Field, found: &Field) -> ContractProblem {
    if known.name() == USER_ID {
        return ContractProblem::user_ids(table, known.data_type(), found.data_type());
    }
    ContractProblem::RetypedInFiles {
        table: table.to_owned(),
        column: known.name().clone(),
        expected: known.data_type().clone(),
        found: found.data_type().clone(),
    }
}

fn returned(table: &str, before: &Field, found: &Field) -> ContractProblem {
    ContractProblem::Returned {
        table: table.to_owned(),
        column: before.name().clone(),
        expected: before.data_type().clone(),
        found: found.data_type().clone(),
    }
}

fn still_selected(table: &str, known: &Field) -> ContractProblem {
    ContractProblem::StillSelected {
        table: table.to_owned(),
        column: known.name().clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType::{self, Boolean, Int64, Utf8};

    use super::*;

    fn schema(columns: &[(&str, DataType)]) -> Schema {
        let fields = columns.iter();
        let fields = fields.map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
        Schema::new(fields.collect::<Vec<_>>())
    }

    /// From a table with columns `users` and `share`, and `old` dropped.
    fn evolution(
        drafted: &[(&str, DataType)],
        may_drop: &[&str],
    ) -> Result<SchemaEvolution, String> {
        let published = PublishedColumns {
            shown: schema(&[("users", Int64), ("share", Utf8)]),
            dropped: schema(&[("old", Int64)]),
        };
        let may_drop = may_drop.iter().map(|column| (*column).to_owned()).collect();
        let evolution = SchemaEvolution::between("kpis", &published, &schema(drafted), &may_drop);
        evolution.map_err(|error| error.to_string())
    }

    fn names(fields: &[FieldRef]) -> Vec<&str> {
        fields.iter().map(|field| field.name().as_str()).collect()
    }

    #[test]
    fn the_order_of_columns_is_no_evolution() {
        let evolution = evolution(&[("share", Utf8), ("users", Int64)], &[]).unwrap();
        assert!(evolution.is_none());
    }

    #[test]
    fn new_columns_are_added_and_dropped_ones_come_back_as_they_were() {
        let drafted = [
            ("churned", Boolean),
            ("users", Int64),
            ("old", Int64),
            ("share", Utf8),
        ];
        let evolution = evolution(&drafted, &[]).unwrap();
        assert_eq!(names(&evolution.added), ["churned", "old"]);
        assert_eq!(names(&evolution.dropped), Vec::<&str>::new());
    }

    #[test]
    fn rows_of_an_earlier_time_leave_the_columns_as_they_are() {
        let published = PublishedColumns {
            shown: schema(&[("users", Int64), ("share", Utf8)]),
            dropped: schema(&[("old", Int64)]),
        };
        let evolution =
            |drafted| SchemaEvolution::of_earlier_rows("kpis", &published, &schema(drafted));
        assert!(
            evolution(&[("users", Int64), ("old", Int64)])
                .unwrap()
                .is_none()
        );
        let unknown = evolution(&[("users", Int64), ("lost", Utf8)]).unwrap();
        assert_eq!(names(&unknown.added), ["lost"]);
        evolution(&[("users", Utf8)]).unwrap_err();
    }

    #[test]
    fn columns_are_dropped_when_the_run_may() {
        let evolution = evolution(&[("users", Int64)], &["share"]).unwrap();
        assert_eq!(names(&evolution.dropped), ["share"]);
        assert_eq!(names(&evolution.added), Vec::<&str>::new());
    }

    #[test]
    fn whatever_readers_could_not_follow_is_refused_at_once() {
        let drafted = [("users", Utf8), ("old", Utf8)];
        insta::assert_snapshot!(evolution(&drafted, &[]).unwrap_err(), @"
        table `kpis`: column `users` is BIGINT to readers and in older files and would become VARCHAR; cast it back, or give it a new name and drop the old one with `--drop-columns kpis.users`
        table `kpis`: column `share` (VARCHAR) is missing, and readers rely on it; select it again, or run it again with `--drop-columns kpis.share`
        table `kpis`: column `old` was BIGINT when it was dropped, older files still have it with that type, and it would now return as VARCHAR; cast it to what it was, or give it a new name
        ");
    }

    #[test]
    fn columns_that_are_missing_share_one_command() {
        insta::assert_snapshot!(evolution(&[], &[]).unwrap_err(), @"
        table `kpis`: column `users` (BIGINT) is missing, and readers rely on it; select it again, or run it again with `--drop-columns kpis.users`
        table `kpis`: column `share` (VARCHAR) is missing, and readers rely on it; select it again, or run it again with `--drop-columns kpis.share`
        ");
    }

    #[test]
    fn permission_to_drop_is_not_permission_to_retype_or_to_keep() {
        let drafted = [("users", Utf8), ("share", Utf8)];
        insta::assert_snapshot!(evolution(&drafted, &["users", "share"]).unwrap_err(), @"
        table `kpis`: column `users` is BIGINT to readers and in older files and would become VARCHAR; cast it back, or give it a new name and drop the old one with `--drop-columns kpis.users`
        table `kpis`: column `share` is to be dropped and still selected; take it out of the SQL, or out of `--drop-columns`
        ");
    }

    #[test]
    fn a_column_is_named_with_its_table() {
        let named = TableColumn {
            table: "kpis".to_owned(),
            column: "users".to_owned(),
        };
        assert_eq!("kpis.users".parse(), Ok(named));
        for text in ["users", ".users", "kpis.", "a.kpis.users", ""] {
            assert_eq!(text.parse::<TableColumn>(), Err(TableColumnError), "{text}");
        }
    }
}
