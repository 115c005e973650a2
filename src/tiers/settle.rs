//! Settling: a batch of today's raw rows beside the previous snapshot's, turned into the rows of
//! the snapshot.
//!
//! The batch is a left join on user_id: today's columns under their names, the previous ones
//! under `previous_<name>`. For each dimension the snapshot gets, in place of the raw column:
//!
//! | column | |
//! |---|---|
//! | `<dimension>` | the shown value |
//! | `<dimension>_raw` | today's value; for dimensions that the job gives a grace |
//! | `<dimension>_since` | the snapshot date on which the shown value last changed |
//! | `<dimension>_pending_since` | since when a lower value waits; likewise |

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Date32Builder, RecordBatch, StringArray, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::ground::SnapshotDate;

use super::{Dimension, Dimensions, Shown};

/// In front of the columns of the previous snapshot.
pub const PREVIOUS_PREFIX: &str = "previous_";

/// Settles batches of one snapshot.
#[derive(Debug, Clone)]
pub struct Settling {
    dimensions: Dimensions,
    snapshot_date: SnapshotDate,
    has_previous: bool,
    schema: SchemaRef,
}

/// A settled batch.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The rows of the snapshot.
    pub rows: RecordBatch,
    /// Each dimension's values before and now, row by row.
    pub dimensions: Vec<SettledDimension>,
}

/// One dimension of a settled batch.
#[derive(Debug, Clone)]
pub struct SettledDimension {
    /// What the previous snapshot showed; NULL for users it did not have.
    pub from: StringArray,
    /// Since when.
    pub from_since: Date32Array,
    /// What is shown now.
    pub to: StringArray,
}

impl Settling {
    /// Settles rows of `raw` columns against a previous snapshot, if there is one.
    pub fn new(
        raw: &Schema,
        dimensions: Dimensions,
        snapshot_date: SnapshotDate,
        has_previous: bool,
    ) -> Self {
        let fields = raw
            .fields()
            .iter()
            .flat_map(|field| settled_fields(field, &dimensions));
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            dimensions,
            snapshot_date,
            has_previous,
        }
    }

    /// The columns of the snapshot that this produces.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns of the previous snapshot that a batch must bring, without their prefix.
    pub fn previous_columns(dimensions: &Dimensions) -> Vec<String> {
        let of_dimension = |dimension: &Dimension| {
            let pending = dimension
                .has_raw
                .then(|| format!("{}_pending_since", dimension.name));
            [dimension.name.clone(), format!("{}_since", dimension.name)]
                .into_iter()
                .chain(pending)
        };
        dimensions.iter().flat_map(of_dimension).collect()
    }

    /// What the columns that settling adds for a dimension mean.
    pub fn column_comments(dimension: &Dimension) -> Vec<(String, String)> {
        let Dimension {
            name, grace_days, ..
        } = dimension;
        let since = format!("the snapshot date on which the shown {name} last changed");
        let raw = format!("{name} as of today alone; a lower value shows after {grace_days} days");
        let pending_since = format!("since when a lower {name} waits to show");
        vec![
            (format!("{name}_since"), since),
            (format!("{name}_raw"), raw),
            (format!("{name}_pending_since"), pending_since),
        ]
    }

    /// Settles one batch.
    ///
    /// # Errors
    /// Arrow's, when a column is missing or of another type: a bug.
    pub fn settle(&self, batch: &RecordBatch) -> Result<Settled, ArrowError> {
        let mut settled: BTreeMap<&str, DimensionColumns> = BTreeMap::new();
        for dimension in self.dimensions.iter() {
            settled.insert(&dimension.name, self.settle_dimension(batch, dimension)?);
        }
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            match settled.get(field.name().as_str()) {
                Some(dimension) => columns.extend(dimension.columns()),
                None if field.name().starts_with(PREVIOUS_PREFIX) => {}
                None => columns.push(Arc::clone(column)),
            }
        }
        let in_order = self
            .dimensions
            .iter()
            .filter_map(|dimension| settled.remove(dimension.name.as_str()));
        Ok(Settled {
            dimensions: in_order.map(|columns| columns.moved).collect(),
            rows: RecordBatch::try_new(self.schema(), columns)?,
        })
    }

    fn settle_dimension(
        &self,
        batch: &RecordBatch,
        dimension: &Dimension,
    ) -> Result<DimensionColumns, ArrowError> {
        let raw = text_column(batch, &dimension.name)?;
        let previous = self.previous(batch, dimension)?;
        let today = self.snapshot_date.day();
        let mut shown = StringBuilder::new();
        let mut since = Date32Builder::new();
        let mut pending_since = Date32Builder::new();
        for row in 0..batch.num_rows() {
            if raw.is_null(row) {
                shown.append_null();
                since.append_null();
                pending_since.append_null();
                continue;
            }
            let raw = raw.value(row);
            let standing = match previous.shown(row) {
                None => Shown::first(raw, today),
                Some(before) => {
                    let is_demotion = dimension.is_demotion(before.tier, raw);
                    before.next(raw, is_demotion, dimension.grace_days, today)
                }
            };
            shown.append_value(standing.tier);
            since.append_value(standing.since.to_epoch_days());
            pending_since.append_option(standing.pending_since.map(|day| day.to_epoch_days()));
        }
        let shown = shown.finish();
        Ok(DimensionColumns {
            has_raw: dimension.has_raw,
            raw,
            since: since.finish(),
            pending_since: pending_since.finish(),
            moved: SettledDimension {
                from: previous.tier,
                from_since: previous.since,
                to: shown,
            },
        })
    }

    fn previous(&self, batch: &RecordBatch, dimension: &Dimension) -> Result<Previous, ArrowError> {
        if !self.has_previous {
            return Ok(Previous::nothing(batch.num_rows()));
        }
        let name = |suffix: &str| format!("{PREVIOUS_PREFIX}{}{suffix}", dimension.name);
        let pending_since = match dimension.has_raw {
            false => Date32Array::new_null(batch.num_rows()),
            true => date_column(batch, &name("_pending_since"))?,
        };
        Ok(Previous {
            tier: text_column(batch, &name(""))?,
            since: date_column(batch, &name("_since"))?,
            pending_since,
        })
    }
}

/// The previous snapshot's columns of one dimension.
struct Previous {
    tier: StringArray,
    since: Date32Array,
    pending_since: Date32Array,
}

impl Previous {
    fn nothing(rows: usize) -> Self {
        Self {
            tier: StringArray::new_null(rows),
            since: Date32Array::new_null(rows),
            pending_since: Date32Array::new_null(rows),
        }
    }

    fn shown(&self, row: usize) -> Option<Shown<'_>> {
        let day = |dates: &Date32Array| {
            let days = dates.is_valid(row).then(|| dates.value(row))?;
            NaiveDate::from_epoch_days(days)
        };
        Some(Shown {
            tier: self.tier.is_valid(row).then(|| self.tier.value(row))?,
            since: day(&self.since)?,
            pending_since: day(&self.pending_since),
        })
    }
}

/// The columns that stand in the snapshot for one dimension.
struct DimensionColumns {
    has_raw: bool,
    raw: StringArray,
    since: Date32Array,
    pending_since: Date32Array,
    moved: SettledDimension,
}

impl DimensionColumns {
    fn columns(&self) -> Vec<ArrayRef> {
        let shown: ArrayRef = Arc::new(self.moved.to.clone());
        let since: ArrayRef = Arc::new(self.since.clone());
        if !self.has_raw {
            return vec![shown, since];
        }
        vec![
            shown,
            Arc::new(self.raw.clone()),
            since,
            Arc::new(self.pending_since.clone()),
        ]
    }
}

/// The fields that replace a raw field, in the order of [`DimensionColumns::columns`].
fn settled_fields(field: &FieldRef, dimensions: &Dimensions) -> Vec<Field> {
    let name = field.name();
    let Some(dimension) = dimensions.iter().find(|dimension| dimension.name == *name) else {
        return vec![field.as_ref().clone()];
    };
    let text = |name: String| Field::new(name, DataType::Utf8, true);
    let date = |name: String| Field::new(name, DataType::Date32, true);
    if !dimension.has_raw {
        return vec![text(name.clone()), date(format!("{name}_since"))];
    }
    vec![
        text(name.clone()),
        text(format!("{name}_raw")),
        date(format!("{name}_since")),
        date(format!("{name}_pending_since")),
    ]
}

fn text_column(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    let column = batch.column(batch.schema().index_of(name)?);
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn date_column(batch: &RecordBatch, name: &str) -> Result<Date32Array, ArrowError> {
    let column = batch.column(batch.schema().index_of(name)?);
    Ok(cast(column, &DataType::Date32)?
        .as_primitive::<Date32Type>()
        .clone())
}
