//! One way to write a value, so that two computations compare as text, column by column.
//!
//! | value | text |
//! |---|---|
//! | integer, boolean, text | `12`, `true`, `loyal` |
//! | date | `2026-11-20` |
//! | money | `12.30` |
//! | ratio | `0.333333` |
//! | NULL | `NULL` |

use std::fmt::Display;

use super::ratio::Ratio;

/// The values of one published row by column name, in the order of the contract.
pub(crate) type Columns = Vec<(&'static str, String)>;

pub(crate) const NULL: &str = "NULL";

pub(crate) fn or_null(value: Option<impl Display>) -> String {
    value.map_or_else(|| NULL.to_owned(), |value| value.to_string())
}

pub(crate) fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

pub(crate) fn money_or_null(cents: Option<i64>) -> String {
    or_null(cents.map(money))
}

pub(crate) fn ratio_or_null(ratio: Option<Ratio>) -> String {
    or_null(ratio.map(|ratio| number(ratio.as_f64())))
}

pub(crate) fn number(value: f64) -> String {
    format!("{value:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::snapshot_date;

    #[test]
    fn values_are_written_as_the_table_says() {
        assert_eq!(or_null(Some(snapshot_date())), "2026-11-20");
        assert_eq!(or_null(None::<i64>), "NULL");
        assert_eq!(money(12_30), "12.30");
        assert_eq!(money(5), "0.05");
        assert_eq!(money(-1_05), "-1.05");
        assert_eq!(ratio_or_null(Ratio::of(1, 3)), "0.333333");
    }
}
