//! What one source holds for one business day.
//!
//! In: the rows of the day, or the lives that began on it. Out: a [`Partition`] with the columns
//! below.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::{Datelike, NaiveDate};

use super::SampleError;
use super::columns::Columns;
use super::lives::Life;
use super::rows::{Event, Order};
use super::spec::UserIds;

/// Rows of one source that share a business day.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) table: &'static str,
    pub(super) date: NaiveDate,
    pub(super) rows: RecordBatch,
}

pub(super) fn orders(
    date: NaiveDate,
    orders: &[Order],
    user_ids: UserIds,
) -> Result<Partition, SampleError> {
    let columns = Columns::of(orders)
        .numbered("order_id", ids_before(date))
        .user_id(user_ids, |order| order.user)
        .instant("ordered_at", |order| order.ordered_at_micros)
        .money("amount", |order| order.amount_cents)
        .optional_money("discount", |order| order.discount_cents)
        .text("status", |order| order.status)
        .text("channel", |order| order.channel.name())
        .text("category", |order| order.category);
    partition("orders", date, columns.into_batch())
}

pub(super) fn engagement(
    date: NaiveDate,
    events: &[Event<'_>],
    user_ids: UserIds,
) -> Result<Partition, SampleError> {
    let columns = Columns::of(events)
        .user_id(user_ids, |event| event.user)
        .instant("occurred_at", |event| event.occurred_at_micros)
        .text("event_type", |event| event.event_type.name())
        .optional_int("duration_seconds", |event| event.duration_seconds)
        .optional_bigint("content_id", |event| event.content_id)
        .text("channel", |event| event.channel.name())
        .optional_text("campaign_id", |event| event.campaign_id);
    partition("engagement", date, columns.into_batch())
}

pub(super) fn users(
    date: NaiveDate,
    newcomers: &[Life],
    user_ids: UserIds,
) -> Result<Partition, SampleError> {
    let columns = Columns::of(newcomers)
        .user_id(user_ids, |life| life.user)
        .instant("registered_at", |life| life.registered_at_micros)
        .money("acquisition_cost", |life| life.acquisition_cents)
        .text("city", |life| life.city);
    partition("users", date, columns.into_batch())
}

fn partition(
    table: &'static str,
    date: NaiveDate,
    rows: Result<RecordBatch, ArrowError>,
) -> Result<Partition, SampleError> {
    match rows {
        Ok(rows) => Ok(Partition { table, date, rows }),
        Err(source) => Err(SampleError::Columns {
            table,
            date,
            source,
        }),
    }
}

/// Order ids begin with the date, so that they are unique and ascend: the first of 2026-11-20 is
/// 2026112000000001.
fn ids_before(date: NaiveDate) -> i64 {
    const IDS_PER_DAY: i64 = 100_000_000;
    let year_and_month = i64::from(date.year()) * 100 + i64::from(date.month());
    (year_and_month * 100 + i64::from(date.day())) * IDS_PER_DAY
}
