//! The rows of several dates as one table, with the date of each; of actions, what is still to be done.
//!
//! | the newest list | of the user's rows stays |
//! |---|---|
//! | has the user for a contact | the row of that list |
//! | does not have the user | the newest that still holds on the day after its date |
//! | leaves the user alone | the newest answer to a complaint that still holds; if there is none, the row that leaves the user alone |

use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, JoinType, ident, lit};
use datafusion::prelude::DataFrame;

use crate::ground::{Diagnostic, Problems, SnapshotDate, counted};
use crate::overview::Opened;
use crate::publish::Publication;
use crate::tables::{ACTIONS, ANSWER, Dating, SNAPSHOT_DATE, STOP_LIST, Tables};
use crate::tiles::USER_ID;

/// Columns that no table has: the user to be left alone, and the place of a row among those of its user.
const LEFT_ALONE: &str = "(user left alone)";
const PLACE: &str = "(place of row)";

/// The publications that recorded rows of a table, of the dates from one to another. A date that has expired
/// still has rows of tables that name no user.
///
/// # Errors
/// A date after the other, and a table that does not keep every date.
pub(super) fn publications_from<'a>(
    opened: &'a Opened,
    tables: &Tables,
    table: &str,
    (from, to): (SnapshotDate, SnapshotDate),
) -> Result<Vec<&'a Publication>, Problems> {
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
        return Err(keeps_no_dates(table));
    }
    let dates = opened.publications.dates_with_sums();
    let recorded = dates.range(from..=to).filter_map(|date| {
        let last = opened.publications.last_of(*date)?;
        let recorded = last.tables.get(table)?;
        (!last.is_expired() || recorded.rows > 0).then_some(last)
    });
    Ok(recorded.collect())
}

pub(super) fn keeps_no_dates(table: &str) -> Problems {
    let message = format!("--from: `{table}` does not keep every date");
    Problems(vec![Diagnostic::new(message).help("leave --from out")])
}

/// That some of the days are not published, and so not in the export.
pub(super) fn missing_days(
    exported: usize,
    (from, to): (SnapshotDate, SnapshotDate),
) -> Option<Diagnostic> {
    let all = to.days_since_epoch() - from.days_since_epoch() + 1;
    let missing = usize::try_from(all).unwrap_or_default() - exported;
    let (are, of_them) = match missing {
        0 => return None,
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let missing = counted(missing, "day");
    let message = format!(
        "{missing} from {from} to {to} {are} not published, and nothing of {of_them} is exported"
    );
    Some(Diagnostic::new(message).as_warning())
}

/// Whether a table lists what is to be done about users.
pub(super) fn is_actions(table: &str) -> bool {
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
        .select(vec![ident(USER_ID).alias(LEFT_ALONE)])?;
    let is_open = is_newest.or(is_left_alone.clone().is_not_true().and(holds));
    let may_stay = ident(LEFT_ALONE).is_null();
    let may_stay = may_stay.or(ident("action").in_list(vec![lit(STOP_LIST), lit(ANSWER)], false));
    let place = row_number()
        .partition_by(vec![ident(USER_ID)])
        .order_by(vec![
            is_left_alone.sort(true, false),
            ident(SNAPSHOT_DATE).sort(false, false),
        ])
        .build()?;
    let (user, left_alone_user) = (&[USER_ID], &[LEFT_ALONE]);
    lists
        .filter(is_open)?
        .join(left_alone, JoinType::Left, user, left_alone_user, None)?
        .filter(may_stay)?
        .window(vec![place.alias(PLACE)])?
        .filter(ident(PLACE).eq(lit(1_u64)))?
        .select(columns)
}
