//! Warnings: which are raised, and since when.
//!
//! | previous snapshot | today | `<warning>_since` |
//! |---|---|---|
//! | clear, or without the user | true | D |
//! | raised, since p | true | p |
//! | raised, since p | false, NULL, or without the user | NULL |
//!
//! A warning that the previous snapshot does not date begins with this one: it is raised since D, and
//! nobody's was raised or cleared tonight.

use datafusion::arrow::array::{BooleanArray, Date32Array, RecordBatch};
use datafusion::arrow::error::ArrowError;

use super::columns::{SINCE, column, date_column};
use super::shown::Day;

/// The two values of a warning where it is told like a dimension.
pub const RAISED: &str = "raised";
/// The other one.
pub const CLEAR: &str = "clear";

/// One warning of a settled batch.
#[derive(Debug, Clone)]
pub struct SettledWarning {
    /// The column's name.
    pub name: String,
    /// Since when the previous snapshot has it raised; NULL where it is clear, and for users whom
    /// that snapshot does not have.
    pub from_since: Date32Array,
    /// Since when it is raised; NULL where it is clear, and for users who are gone.
    pub to_since: Date32Array,
    /// Whether the previous snapshot dates it. Where it does not, nobody's was raised or cleared.
    pub is_in_previous: bool,
}

impl SettledWarning {
    /// A warning of today's users, who have it as `is_raised` says.
    pub(super) fn of(
        name: &str,
        is_raised: &BooleanArray,
        previous: Option<&RecordBatch>,
        today: Day,
    ) -> Result<Self, ArrowError> {
        let before = previous.map(|batch| since_before(name, batch));
        let before = before.transpose()?.flatten();
        let is_in_previous = before.is_some();
        let from_since = before.unwrap_or_else(|| Date32Array::new_null(is_raised.len()));
        let raised = is_raised.iter().map(|raised| raised == Some(true));
        let since = raised
            .zip(&from_since)
            .map(|(is_raised, since)| is_raised.then(|| since.unwrap_or(today)));
        Ok(Self {
            name: name.to_owned(),
            to_since: since.collect(),
            from_since,
            is_in_previous,
        })
    }

    /// The same of users who are gone, whose warnings are clear.
    pub(super) fn of_gone(name: &str, gone: &RecordBatch) -> Result<Self, ArrowError> {
        let rows = gone.num_rows();
        let before = since_before(name, gone)?;
        Ok(Self {
            name: name.to_owned(),
            is_in_previous: before.is_some(),
            from_since: before.unwrap_or_else(|| Date32Array::new_null(rows)),
            to_since: Date32Array::new_null(rows),
        })
    }
}

/// Since when the previous snapshot has a warning raised; none where it does not say.
fn since_before(name: &str, previous: &RecordBatch) -> Result<Option<Date32Array>, ArrowError> {
    let since = since_column(name);
    let is_there = column(previous, &since).is_ok();
    is_there.then(|| date_column(previous, &since)).transpose()
}

/// The column with the date since which a warning is raised.
pub(super) fn since_column(warning: &str) -> String {
    format!("{warning}{SINCE}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn previous(since: Vec<Option<Day>>) -> RecordBatch {
        let since = Arc::new(Date32Array::from(since)) as _;
        RecordBatch::try_from_iter_with_nullable([("late_since", since, true)]).unwrap()
    }

    fn dates(dates: &Date32Array) -> Vec<Option<Day>> {
        dates.iter().collect()
    }

    #[test]
    fn a_warning_keeps_its_date_until_it_is_cleared() {
        let today = BooleanArray::from(vec![Some(true), Some(true), Some(false), None]);
        let before = previous(vec![None, Some(3), Some(4), Some(5)]);
        let settled = SettledWarning::of("late", &today, Some(&before), 9).unwrap();
        assert_eq!(dates(&settled.to_since), [Some(9), Some(3), None, None]);
        assert_eq!(
            dates(&settled.from_since),
            [None, Some(3), Some(4), Some(5)]
        );
        assert!(settled.is_in_previous);
    }

    #[test]
    fn a_warning_that_was_not_dated_begins_tonight() {
        let today = BooleanArray::from(vec![Some(true), Some(false)]);
        let without = RecordBatch::try_from_iter([("late", Arc::new(today.clone()) as _)]).unwrap();
        for previous in [None, Some(&without)] {
            let settled = SettledWarning::of("late", &today, previous, 9).unwrap();
            assert_eq!(dates(&settled.to_since), [Some(9), None]);
            assert!(!settled.is_in_previous);
        }
    }

    #[test]
    fn users_who_are_gone_have_none() {
        let gone = SettledWarning::of_gone("late", &previous(vec![None, Some(3)])).unwrap();
        assert_eq!(dates(&gone.from_since), [None, Some(3)]);
        assert_eq!(dates(&gone.to_since), [None, None]);
    }
}
