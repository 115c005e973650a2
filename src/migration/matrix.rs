//! The migration matrix of one dimension: what users add up to, from each value to each other one.
//!
//! Only cells that have users are kept: a dimension may have thousands of values, and most pairs of
//! them nobody goes between.

use std::collections::BTreeMap;
use std::num::ParseIntError;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, Date32Array, Decimal128Builder, Int64Builder, RecordBatch, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::tables::{REVENUE_TYPE, TIER_MIGRATION_MATRIX};
use crate::tiers::Dimension;

use super::period::Period;

/// Cells by from and to, each 0 for absent users and 1 + its number for a value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DimensionMatrix {
    values: Vec<String>,
    rows: Vec<BTreeMap<usize, Sums>>,
}

/// What adds up over users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "SumsText", try_from = "SumsText")]
pub(super) struct Sums {
    pub users: i64,
    pub revenue: i128,
    pub orders: i64,
    pub interactions: i64,
}

/// Sums as another process is told of them, short. The revenue is a text: JSON has no room for it.
type SumsText = (i64, String, i64, i64);

impl From<Sums> for SumsText {
    fn from(sums: Sums) -> Self {
        let revenue = sums.revenue.to_string();
        (sums.users, revenue, sums.orders, sums.interactions)
    }
}

impl TryFrom<SumsText> for Sums {
    type Error = ParseIntError;

    fn try_from((users, revenue, orders, interactions): SumsText) -> Result<Self, Self::Error> {
        Ok(Self {
            users,
            revenue: revenue.parse()?,
            orders,
            interactions,
        })
    }
}

impl Sums {
    pub(super) fn add(&mut self, other: Self) {
        self.users += other.users;
        self.revenue += other.revenue;
        self.orders += other.orders;
        self.interactions += other.interactions;
    }
}

/// One value of a dimension: who has it, and who came and went.
#[derive(Debug)]
pub(super) struct ValueCounts<'a> {
    pub value: &'a str,
    pub today: Sums,
    pub entered: i64,
    pub left: i64,
}

impl DimensionMatrix {
    /// An empty matrix, its values in the order of the dimension.
    pub(super) fn new(dimension: &Dimension) -> Self {
        let values: Vec<String> = dimension
            .tiers
            .iter()
            .map(|tier| tier.name.clone())
            .collect();
        Self {
            rows: vec![BTreeMap::new(); values.len() + 1],
            values,
        }
    }

    /// Counts users who went from one value to another, or stayed, by the numbers of
    /// [`know`](Self::know).
    pub(super) fn add(&mut self, from: Option<u32>, to: Option<u32>, sums: Sums) {
        let position = |number: Option<u32>| number.map_or(0, |number| number as usize + 1);
        let row = &mut self.rows[position(from)];
        row.entry(position(to)).or_default().add(sums);
    }

    /// Makes room for the values met so far, each at its number; those that the dimension does
    /// not list are counted like others, for an audit to refuse.
    pub(super) fn know(&mut self, values: &StringArray) {
        for number in self.values.len()..values.len() {
            self.values.push(values.value(number).to_owned());
            self.rows.push(BTreeMap::new());
        }
    }

    /// Adds what other users add up to.
    pub(super) fn add_all(&mut self, others: &Self) {
        let numbered = others.values.iter().enumerate();
        let numbers = numbered.map(|(number, value)| self.number_of(value, number));
        let numbers: Vec<usize> = numbers.collect();
        let position = |position: usize| match position.checked_sub(1) {
            Some(number) => numbers[number] + 1,
            None => 0,
        };
        for (from, row) in others.rows.iter().enumerate() {
            for (to, cell) in row {
                let row = &mut self.rows[position(from)];
                row.entry(position(*to)).or_default().add(*cell);
            }
        }
    }

    /// The number of a value, mostly that of others, which is given one where it has not been met.
    fn number_of(&mut self, value: &str, others: usize) -> usize {
        if self.values.get(others).is_some_and(|known| known == value) {
            return others;
        }
        let known = self.values.iter().position(|known| known == value);
        known.unwrap_or_else(|| {
            self.values.push(value.to_owned());
            self.rows.push(BTreeMap::new());
            self.values.len() - 1
        })
    }

    /// Everybody who has a value today.
    pub(super) fn total(&self) -> Sums {
        let today = self.today();
        today[1..].iter().fold(Sums::default(), |mut total, value| {
            total.add(*value);
            total
        })
    }

    /// The values that somebody has today or had before, each with its [`ValueCounts`].
    pub(super) fn counts_by_value(&self) -> impl Iterator<Item = ValueCounts<'_>> {
        let today = self.today().into_iter().enumerate().skip(1);
        let all = today.map(|(value, today)| self.counts_of(value, today));
        all.filter(|counts| counts.today.users > 0 || counts.left > 0)
    }

    fn counts_of(&self, value: usize, today: Sums) -> ValueCounts<'_> {
        let row = &self.rows[value];
        let stayed = row.get(&value).map_or(0, |cell| cell.users);
        let before: i64 = row.values().map(|cell| cell.users).sum();
        ValueCounts {
            value: self.value(value).unwrap_or_default(),
            today,
            entered: today.users - stayed,
            left: before - stayed,
        }
    }

    /// Those who have each value today, wherever they came from.
    fn today(&self) -> Vec<Sums> {
        let mut today = vec![Sums::default(); self.rows.len()];
        for (to, cell) in self.rows.iter().flatten() {
            today[*to].add(*cell);
        }
        today
    }

    /// The cells that have users: from, to, and what they add up to.
    pub(super) fn cells(&self) -> impl Iterator<Item = (Option<&str>, Option<&str>, Sums)> {
        let cells = self.positions();
        cells.map(|(from, to, cell)| (self.value(from), self.value(to), cell))
    }

    /// The same by the numbers of the values.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (Option<usize>, Option<usize>, Sums)> {
        let number = |position: usize| position.checked_sub(1);
        let cells = self.positions();
        cells.map(move |(from, to, cell)| (number(from), number(to), cell))
    }

    fn positions(&self) -> impl Iterator<Item = (usize, usize, Sums)> {
        let rows = self.rows.iter().enumerate();
        let cells =
            rows.flat_map(|(from, row)| row.iter().map(move |(to, cell)| (from, *to, *cell)));
        cells.filter(|(_, _, cell)| cell.users > 0)
    }

    /// These cells as rows.
    pub(super) fn rows(
        &self,
        period: Period,
        earlier_date: i32,
        dimension: &str,
    ) -> Result<RecordBatch, ArrowError> {
        let mut periods = StringBuilder::new();
        let mut names = StringBuilder::new();
        let (mut froms, mut tos) = (StringBuilder::new(), StringBuilder::new());
        let mut users = Int64Builder::new();
        let mut revenue = Decimal128Builder::new().with_data_type(REVENUE_TYPE);
        for (from, to, cell) in self.cells() {
            periods.append_value(period.as_str());
            names.append_value(dimension);
            froms.append_option(from);
            tos.append_option(to);
            users.append_value(cell.users);
            revenue.append_value(cell.revenue);
        }
        let periods = periods.finish();
        let dates = Date32Array::from_value(earlier_date, periods.len());
        RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(periods),
                Arc::new(dates),
                Arc::new(names.finish()),
                Arc::new(froms.finish()),
                Arc::new(tos.finish()),
                Arc::new(users.finish()),
                Arc::new(revenue.finish()),
            ],
        )
    }

    fn value(&self, position: usize) -> Option<&str> {
        self.values
            .get(position.checked_sub(1)?)
            .map(String::as_str)
    }
}

/// The columns besides the date; none is a user's id.
pub(super) fn schema() -> SchemaRef {
    TIER_MIGRATION_MATRIX.schema(&DataType::Null)
}
