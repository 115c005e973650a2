//! Which column of a file is a declared one: names are matched without regard to the case of
//! their letters, when no more than one fits.
//!
//! | declared | the file has | is |
//! |---|---|---|
//! | discount | `Discount` | that column |
//! | discount | `discount`, `Discount` | refused where SQL reads it |
//! | discount | `discount` twice | refused where SQL reads it |
//! | discount, Discount | `discount`, `Discount` | each its own |

use datafusion::arrow::datatypes::Schema;

/// The column of a file that a declared name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The one with this index.
    One(usize),
    /// None.
    Missing,
    /// Several, all of these.
    Ambiguous(String),
}

/// Looks for the column `name` in a file. `declared` has the names that are declared besides it.
pub(super) fn find(file: &Schema, name: &str, declared: impl Fn(&str) -> bool) -> Found {
    let names = file.fields().iter().map(|field| field.name().as_str());
    find_among(names, name, declared)
}

/// Looks for the column `name` among others.
pub(super) fn find_among<'a>(
    names: impl Iterator<Item = &'a str>,
    name: &str,
    declared: impl Fn(&str) -> bool,
) -> Found {
    let same = |found: &str| found.to_lowercase() == name.to_lowercase();
    let is_its_own = |found: &str| found != name && declared(found);
    let fitting: Vec<(usize, &str)> = names
        .enumerate()
        .filter(|(_, found)| same(found) && !is_its_own(found))
        .collect();
    match fitting.as_slice() {
        [] => Found::Missing,
        [(index, _)] => Found::One(*index),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, found)| *found).collect();
            Found::Ambiguous(listed(&names))
        }
    }
}

/// ```text
/// column `discount` twice
/// columns `discount` and `Discount`
/// ```
fn listed(names: &[&str]) -> String {
    match names {
        [first, second] if first == second => format!("column `{first}` twice"),
        names => {
            let quoted = names.iter().map(|name| format!("`{name}`"));
            format!("columns {}", quoted.collect::<Vec<_>>().join(" and "))
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn found(columns: &[&str], name: &str, declared: &[&str]) -> Found {
        let fields = columns
            .iter()
            .map(|name| Field::new(*name, DataType::Int64, true));
        let file = Schema::new(fields.collect::<Vec<_>>());
        find(&file, name, |name| declared.contains(&name))
    }

    #[test]
    fn case_is_disregarded_when_one_column_fits() {
        let declared = ["discount"];
        assert_eq!(
            found(&["a", "Discount"], "discount", &declared),
            Found::One(1)
        );
        assert_eq!(
            found(&["a", "discount"], "discount", &declared),
            Found::One(1)
        );
        assert_eq!(
            found(&["a", "discounts"], "discount", &declared),
            Found::Missing
        );
        // As a company with columns in German writes them.
        assert_eq!(found(&["STÜCK"], "stück", &["stück"]), Found::One(0));
    }

    #[test]
    fn several_columns_are_ambiguous_even_when_one_is_spelt_alike() {
        let ambiguous = |columns: &[&str]| match found(columns, "discount", &["discount"]) {
            Found::Ambiguous(columns) => columns,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            ambiguous(&["discount", "DISCOUNT"]),
            "columns `discount` and `DISCOUNT`"
        );
        assert_eq!(
            ambiguous(&["discount", "discount"]),
            "column `discount` twice"
        );
    }

    #[test]
    fn names_that_are_declared_apart_stay_apart() {
        let declared = ["id", "ID"];
        assert_eq!(found(&["ID", "id"], "id", &declared), Found::One(1));
        assert_eq!(found(&["ID", "id"], "ID", &declared), Found::One(0));
        assert_eq!(found(&["ID"], "id", &declared), Found::Missing);
    }
}
