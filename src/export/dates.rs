//! The rows of several dates as one table, with the date of each; of actions, what is still to be done.
//!
//! | the user's rows in the lists of these dates | of them stays |
//! |---|---|
//! | the newest list has the user for a contact | that row |
//! | it has not got the user | the newest row that still holds on the day after the newest date |
//! | it leaves the user alone | the newest such row that is more urgent than to leave alone; without one, that to leave alone |

use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, JoinType, ident, lit};
use datafusion::prelude::DataFrame;

use crate::ground::{Diagnostic, Problems, SnapshotDate, counted};
use crate::overview::Opened;
use crate::tables::{ACTIONS, Dating, SNAPSHOT_DATE, STOP_LIST, Tables};
use crate::tiles::USER_ID;

/// What users to be left alone are called beside those of all lists, and the priority of that.
const LEFT_ALONE: &str = "left_alone_user";
const LEFT_ALONE_PRIORITY: &str = "left_alone_priority";

/// The dates from one to another of which rows are published.
///
/// # Errors
/// A date after the other, and a table that does not keep every date.
pub(super) fn dates_from(
    opened: &Opened,
    tables: &Tables,
    table: &str,
    (from, to): (SnapshotDate, SnapshotDate),
) -> Result<Vec<SnapshotDate>, Problems> {
    let refused =
        |message: String, help: &str| Err(Problems(vec![Diagnostic::new(message).help(help)]));
    if from > to {
        return refused(
            format!("--from {from} is after {to}, the date that is exported"),
            "give an earlier one, or leave --from out",
        );
    }
    let found = tables.find(table);
    if found.is_some_and(|table| table.dating != Dating::EveryDate) {
        return refused(
            format!("--from: `{table}` does not keep every date"),
            "leave --from out",
        );
    }
    let dates = opened.publications.dates();
    Ok(dates.range(from..=to).copied().collect())
}

/// That some of the days are not published, and so not in the export.
pub(super) fn missing_days(
    dates: &[SnapshotDate],
    (from, to): (SnapshotDate, SnapshotDate),
) -> Option<Diagnostic> {
    let all = to.days_since_epoch() - from.days_since_epoch() + 1;
    let missing = usize::try_from(all).unwrap_or_default() - dates.len();
    (missing > 0).then(|| {
        let (are, of_them) = match missing {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let missing = counted(missing, "day");
        let message = format!(
            "{missing} from {from} to {to} {are} not published, and nothing of {of_them} is exported"
        );
        Diagnostic::new(message).as_warning()
    })
}

/// Whether a table lists what is to be done about users.
pub(super) fn lists_users(table: &str) -> bool {
    table == ACTIONS.name
}

/// Of the lists of several dates, one that has each user once.
pub(super) fn still_to_do(lists: DataFrame, newest: SnapshotDate) -> EngineResult<DataFrame> {
    let fields = lists.schema().fields().iter();
    let columns: Vec<Expr> = fields.map(|field| ident(field.name())).collect();
    let date = |days| lit(ScalarValue::Date32(Some(days)));
    let newest = newest.days_since_epoch();
    let is_newest = ident(SNAPSHOT_DATE).eq(date(newest));
    let is_left_alone = ident("action").eq(lit(STOP_LIST));
    let expires_on = ident("expires_on");
    let holds = expires_on.clone().is_null();
    // A list is there on the morning after its date.
    let holds = holds.or(expires_on.gt(date(newest + 1)));

    let left_alone = lists
        .clone()
        .filter(is_newest.clone().and(is_left_alone.clone()))?
        .select(vec![
            ident(USER_ID).alias(LEFT_ALONE),
            ident("priority").alias(LEFT_ALONE_PRIORITY),
        ])?;
    let is_open = is_newest.or(is_left_alone.clone().is_not_true().and(holds));
    let priority = ident(LEFT_ALONE_PRIORITY);
    let may_stay = priority.clone().is_null();
    let may_stay = may_stay.or(ident("priority").lt_eq(priority));
    let (user, left_alone_user) = (&[USER_ID], &[LEFT_ALONE]);
    lists
        .filter(is_open)?
        .join(left_alone, JoinType::Left, user, left_alone_user, None)?
        .filter(may_stay)?
        .distinct_on(
            vec![ident(USER_ID)],
            columns,
            Some(vec![
                ident(USER_ID).sort(true, false),
                is_left_alone.sort(true, false),
                ident(SNAPSHOT_DATE).sort(false, false),
            ]),
        )
}
