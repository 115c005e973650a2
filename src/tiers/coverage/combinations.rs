//! Every combination of the values of some columns, as rows that conditions are evaluated on.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, ScalarValue};
use datafusion::logical_expr::Expr;

use crate::models::computable;

/// More combinations than this are not looked at.
const LIMIT: usize = 200_000;

/// Columns that depend on each other, with all rows they can have together.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// The columns.
    pub(super) columns: Vec<(Column, FieldRef)>,
    /// Their values together.
    pub(super) rows: Vec<Vec<ScalarValue>>,
}

/// The cross product of some axes.
#[derive(Debug)]
pub(super) struct Combinations {
    schema: DFSchemaRef,
    batch: RecordBatch,
}

impl Combinations {
    /// Every combination, the last axis changing fastest; none when there are too many.
    pub(super) fn of(axes: &[Axis]) -> Result<Option<Self>> {
        let mut sizes = axes.iter().map(|axis| axis.rows.len());
        let size = sizes.try_fold(1_usize, |size, rows| size.checked_mul(rows));
        let Some(size) = size.filter(|size| *size <= LIMIT) else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        let mut repeats = size;
        for axis in axes {
            let rows = axis.rows.len();
            repeats /= rows.max(1);
            let of_row = |row: usize| (row / repeats % rows) as u64;
            let picked = UInt64Array::from_iter_values((0..size).map(of_row));
            for (index, (column, field)) in axis.columns.iter().enumerate() {
                let values = axis.rows.iter().map(|row| row[index].clone());
                arrays.push(take(&array_of(values, field.data_type())?, &picked, None)?);
                let field = field.as_ref().clone().with_nullable(true);
                fields.push((column.relation.clone(), Arc::new(field)));
            }
        }
        let schema = DFSchema::new_with_metadata(fields, Default::default())?;
        let rows = RecordBatchOptions::new().with_row_count(Some(size));
        let batch = RecordBatch::try_new_with_options(Arc::clone(schema.inner()), arrays, &rows)?;
        Ok(Some(Self {
            schema: Arc::new(schema),
            batch,
        }))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.batch.num_rows()
    }

    /// For which combinations a condition is true.
    pub(super) fn holding(&self, condition: &Expr) -> Result<BooleanArray> {
        let evaluated = computable(condition, &self.schema)?;
        let holds = evaluated.evaluate(&self.batch)?.into_array(self.count())?;
        let holds = datafusion::arrow::compute::cast(&holds, &DataType::Boolean)?;
        Ok(holds.as_boolean().clone())
    }

    /// A combination in words, such as `r_score = 4, interaction_depth = 'deep'`.
    pub(super) fn shown(&self, row: usize) -> Result<String> {
        let fields = self.batch.schema();
        let mut shown = Vec::new();
        for (field, values) in fields.fields().iter().zip(self.batch.columns()) {
            let value = ScalarValue::try_from_array(values, row)?;
            let value = match value.try_as_str() {
                Some(Some(text)) => format!("'{text}'"),
                _ => value.to_string(),
            };
            shown.push(format!("{} = {value}", field.name()));
        }
        Ok(shown.join(", "))
    }
}

fn array_of(values: impl Iterator<Item = ScalarValue>, data_type: &DataType) -> Result<ArrayRef> {
    let typed = values.map(|value| value.cast_to(data_type));
    ScalarValue::iter_to_array(typed.collect::<Result<Vec<_>>>()?)
}
