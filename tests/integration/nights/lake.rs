//! A history as a company delivers it: partitions of Parquet files, one folder per source and day.
//!
//! The same rows can be delivered in many ways, and none of them may matter: [`Delivery`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive::fixtures::NOON;
use crate::naive::history::{Event, History, Order, User};

/// The type of every id column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    BigInt,
    /// Narrower than the contract; widened without loss.
    Integer,
    Varchar,
}

/// What a delivery is free to choose.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) ids: Ids,
    /// A day's rows are dealt out to so many files, some of which may get none.
    pub(crate) files_per_day: usize,
    /// The day after one with rows has a file even when it has no rows.
    pub(crate) empty_files: bool,
    /// Whether timestamps say that they are UTC.
    pub(crate) zoned: bool,
    /// Every day with rows also has rows that staging must leave out.
    pub(crate) bad_rows: bool,
    /// How the files are called.
    pub(crate) file_name: &'static str,
    /// Rows lie in the partition so many days after the day of their own timestamp.
    pub(crate) days_late: i64,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            ids: Ids::BigInt,
            files_per_day: 1,
            empty_files: false,
            zoned: true,
            bad_rows: false,
            file_name: "part",
            days_late: 0,
        }
    }
}

/// Every way to deliver ids of some types.
pub(crate) fn deliveries(ids: &'static [Ids]) -> impl Strategy<Value = Delivery> {
    let choices = (select(ids), 1..=3_usize, any::<[bool; 3]>());
    choices.prop_map(
        |(ids, files_per_day, [empty_files, zoned, bad_rows])| Delivery {
            ids,
            files_per_day,
            empty_files,
            zoned,
            bad_rows,
            file_name: "part",
            days_late: 0,
        },
    )
}

impl Delivery {
    /// Writes all three sources below `lake`.
    pub(crate) fn write(&self, history: &History, lake: &Path) {
        let orders = self.orders(&history.orders);
        self.write_source(lake, "orders", orders, order_columns);
        let events = self.events(&history.events);
        self.write_source(lake, "engagement", events, event_columns);
        let users = self.users(&history.users);
        self.write_source(lake, "users", users, user_columns);
    }

    fn orders(&self, orders: &[Order]) -> Rows<OrderRow> {
        let mut rows = by_day(
            orders
                .iter()
                .map(|order| (self.partition(order.day), OrderRow::from(order))),
        );
        for (day, rows) in rows.iter_mut().filter(|_| self.bad_rows) {
            let good = || OrderRow {
                order_id: format!("90000{}", rows.len()),
                user_id: Some("999".to_owned()),
                ordered_at: Some(noon(*day)),
                amount_cents: Some(1_000_000),
                status: "paid".to_owned(),
                discount_cents: None,
                channel: None,
                category: None,
            };
            let bad = [
                OrderRow {
                    user_id: None,
                    ..good()
                },
                OrderRow {
                    ordered_at: None,
                    ..good()
                },
                OrderRow {
                    amount_cents: None,
                    ..good()
                },
                OrderRow {
                    amount_cents: Some(-1),
                    ..good()
                },
            ];
            rows.extend(bad);
        }
        rows
    }

    fn events(&self, events: &[Event]) -> Rows<EventRow> {
        let mut rows = by_day(
            events
                .iter()
                .map(|event| (self.partition(event.day), EventRow::from(event))),
        );
        for (day, rows) in rows.iter_mut().filter(|_| self.bad_rows) {
            let event_type = "click".to_owned();
            rows.push(EventRow {
                user_id: None,
                occurred_at: Some(noon(*day)),
                event_type: event_type.clone(),
                content_id: None,
            });
            rows.push(EventRow {
                user_id: Some("999".to_owned()),
                occurred_at: None,
                event_type,
                content_id: None,
            });
        }
        rows
    }

    fn users(&self, users: &[User]) -> Rows<UserRow> {
        let mut rows = by_day(
            users
                .iter()
                .map(|user| (self.partition(user.day), UserRow::from(user))),
        );
        for (day, rows) in rows.iter_mut().filter(|_| self.bad_rows) {
            rows.push(UserRow {
                user_id: None,
                registered_at: noon(*day),
                acquisition_cost_cents: Some(1),
            });
        }
        rows
    }

    fn write_source<T: Clone>(
        &self,
        lake: &Path,
        source: &str,
        rows: Rows<T>,
        columns: fn(&Self, &[T]) -> Columns,
    ) {
        for day in self.days(&rows) {
            let rows = rows.get(&day).map_or(&[][..], Vec::as_slice);
            for file in 0..self.files_per_day {
                let dealt = rows.iter().skip(file).step_by(self.files_per_day);
                let dealt: Vec<T> = dealt.cloned().collect();
                let path = lake.join(format!(
                    "{source}/dt={day}/{}-{file}.parquet",
                    self.file_name
                ));
                write_file(&path, columns(self, &dealt));
            }
        }
    }

    fn partition(&self, day: NaiveDate) -> NaiveDate {
        day + TimeDelta::days(self.days_late)
    }

    fn days<T>(&self, rows: &Rows<T>) -> BTreeSet<NaiveDate> {
        let mut days: BTreeSet<NaiveDate> = rows.keys().copied().collect();
        if self.empty_files {
            days.extend(rows.keys().map(|day| *day + TimeDelta::days(1)));
        }
        days
    }

    fn ids(&self, ids: impl Iterator<Item = Option<String>>) -> ArrayRef {
        let number = |id: String| id.parse::<i32>().unwrap();
        match self.ids {
            Ids::BigInt => Arc::new(
                ids.map(|id| id.map(number).map(i64::from))
                    .collect::<Int64Array>(),
            ),
            Ids::Integer => Arc::new(ids.map(|id| id.map(number)).collect::<Int32Array>()),
            Ids::Varchar => Arc::new(ids.collect::<StringArray>()),
        }
    }

    fn instants(&self, instants: impl Iterator<Item = Option<i64>>) -> ArrayRef {
        let instants: TimestampMicrosecondArray = instants.collect();
        match self.zoned {
            true => Arc::new(instants.with_timezone("UTC")),
            false => Arc::new(instants),
        }
    }
}

type Rows<T> = BTreeMap<NaiveDate, Vec<T>>;
type Columns = Vec<(&'static str, ArrayRef)>;

fn by_day<T>(rows: impl Iterator<Item = (NaiveDate, T)>) -> Rows<T> {
    let mut by_day = Rows::new();
    for (day, row) in rows {
        by_day.entry(day).or_insert_with(Vec::new).push(row);
    }
    by_day
}

/// Microseconds since the epoch.
fn noon(day: NaiveDate) -> i64 {
    micros(day.and_time(NOON))
}

/// Microseconds since the epoch.
fn micros(instant: NaiveDateTime) -> i64 {
    instant.and_utc().timestamp_micros()
}

#[derive(Clone)]
struct OrderRow {
    order_id: String,
    user_id: Option<String>,
    ordered_at: Option<i64>,
    amount_cents: Option<i64>,
    status: String,
    discount_cents: Option<i64>,
    channel: Option<String>,
    category: Option<String>,
}

impl From<&Order> for OrderRow {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.order_id.clone(),
            user_id: Some(order.user_id.clone()),
            ordered_at: Some(micros(order.day.and_time(order.time))),
            amount_cents: Some(order.amount_cents),
            status: order.status.clone(),
            discount_cents: order.discount_cents,
            channel: order.channel.clone(),
            category: order.category.clone(),
        }
    }
}

#[derive(Clone)]
struct EventRow {
    user_id: Option<String>,
    occurred_at: Option<i64>,
    event_type: String,
    content_id: Option<String>,
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        Self {
            user_id: Some(event.user_id.clone()),
            occurred_at: Some(micros(event.at())),
            event_type: event.event_type.clone(),
            content_id: event.content_id.clone(),
        }
    }
}

#[derive(Clone)]
struct UserRow {
    user_id: Option<String>,
    registered_at: i64,
    acquisition_cost_cents: Option<i64>,
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            user_id: Some(user.user_id.clone()),
            registered_at: noon(user.day),
            acquisition_cost_cents: user.acquisition_cost_cents,
        }
    }
}

fn order_columns(delivery: &Delivery, rows: &[OrderRow]) -> Columns {
    let order_ids = rows.iter().map(|row| Some(row.order_id.clone()));
    let user_ids = rows.iter().map(|row| row.user_id.clone());
    vec![
        ("order_id", delivery.ids(order_ids)),
        ("user_id", delivery.ids(user_ids)),
        (
            "ordered_at",
            delivery.instants(rows.iter().map(|row| row.ordered_at)),
        ),
        ("amount", money(rows.iter().map(|row| row.amount_cents))),
        ("status", texts(rows.iter().map(|row| row.status.as_str()))),
        ("discount", money(rows.iter().map(|row| row.discount_cents))),
        (
            "channel",
            texts_or_null(rows.iter().map(|row| row.channel.as_deref())),
        ),
        (
            "category",
            texts_or_null(rows.iter().map(|row| row.category.as_deref())),
        ),
    ]
}

fn event_columns(delivery: &Delivery, rows: &[EventRow]) -> Columns {
    let user_ids = rows.iter().map(|row| row.user_id.clone());
    vec![
        ("user_id", delivery.ids(user_ids)),
        (
            "occurred_at",
            delivery.instants(rows.iter().map(|row| row.occurred_at)),
        ),
        (
            "event_type",
            texts(rows.iter().map(|row| row.event_type.as_str())),
        ),
        (
            "content_id",
            delivery.ids(rows.iter().map(|row| row.content_id.clone())),
        ),
    ]
}

fn user_columns(delivery: &Delivery, rows: &[UserRow]) -> Columns {
    let user_ids = rows.iter().map(|row| row.user_id.clone());
    let registered = rows.iter().map(|row| Some(row.registered_at));
    vec![
        ("user_id", delivery.ids(user_ids)),
        ("registered_at", delivery.instants(registered)),
        (
            "acquisition_cost",
            money(rows.iter().map(|row| row.acquisition_cost_cents)),
        ),
    ]
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

fn texts_or_null<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(texts.collect::<StringArray>())
}

fn money(cents: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let unscaled: Decimal128Array = cents.map(|cents| cents.map(i128::from)).collect();
    Arc::new(unscaled.with_precision_and_scale(18, 2).unwrap())
}

fn write_file(path: &Path, columns: Columns) {
    let columns = columns
        .into_iter()
        .map(|(name, values)| (name, values, true));
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}
