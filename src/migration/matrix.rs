//! The migration matrix of one dimension: users and revenue from each value to each other one.

use std::sync::Arc;

use datafusion::arrow::array::{Decimal128Builder, Int64Builder, RecordBatch, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::tiers::Dimension;

/// Precision and scale of summed revenue.
const PRECISION: u8 = 38;
const SCALE: i8 = 2;

/// The type of summed revenue.
pub const REVENUE_TYPE: DataType = DataType::Decimal128(PRECISION, SCALE);

/// Cells by from and to, each 0 for absent users and 1 + position for a value.
#[derive(Debug)]
pub(super) struct DimensionMatrix {
    values: Vec<String>,
    cells: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    users: i64,
    revenue: i128,
}

impl DimensionMatrix {
    /// An empty matrix, its values in the order of the dimension.
    pub(super) fn new(dimension: &Dimension) -> Self {
        let values: Vec<String> = dimension
            .tiers
            .iter()
            .map(|tier| tier.name.clone())
            .collect();
        let size = values.len() + 1;
        Self {
            cells: vec![vec![Cell::default(); size]; size],
            values,
        }
    }

    /// Counts one user.
    pub(super) fn add(&mut self, from: Option<&str>, to: Option<&str>, revenue: i128) {
        let (from, to) = (self.position(from), self.position(to));
        let cell = &mut self.cells[from][to];
        cell.users += 1;
        cell.revenue += revenue;
    }

    /// The position of a value; one that the dimension does not know is added, for an audit to
    /// refuse.
    fn position(&mut self, value: Option<&str>) -> usize {
        let Some(value) = value else {
            return 0;
        };
        if let Some(known) = self.values.iter().position(|known| known == value) {
            return known + 1;
        }
        self.values.push(value.to_owned());
        for row in &mut self.cells {
            row.push(Cell::default());
        }
        self.cells
            .push(vec![Cell::default(); self.values.len() + 1]);
        self.values.len()
    }

    /// The cells that have users.
    pub(super) fn rows(&self, dimension: &str) -> Result<RecordBatch, ArrowError> {
        let mut names = StringBuilder::new();
        let (mut froms, mut tos) = (StringBuilder::new(), StringBuilder::new());
        let mut users = Int64Builder::new();
        let mut revenue = Decimal128Builder::new().with_precision_and_scale(PRECISION, SCALE)?;
        for (from, row) in self.cells.iter().enumerate() {
            for (to, cell) in row.iter().enumerate().filter(|(_, cell)| cell.users > 0) {
                names.append_value(dimension);
                froms.append_option(self.value(from));
                tos.append_option(self.value(to));
                users.append_value(cell.users);
                revenue.append_value(cell.revenue);
            }
        }
        RecordBatch::try_new(
            schema(),
            vec![
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

pub(super) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("dimension"),
        text("from_tier"),
        text("to_tier"),
        Field::new("users", DataType::Int64, true),
        Field::new(super::REVENUE, REVENUE_TYPE, true),
    ]))
}
