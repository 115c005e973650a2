//! Settling: a batch of today's raw rows and the previous snapshot's, turned into the rows of
//! the snapshot.
//!
//! Both batches have the same users, row by row; the previous one has NULL for users whom the
//! previous snapshot did not have. For each dimension the snapshot gets, in place of the raw column:
//!
//! | column | |
//! |---|---|
//! | `<dimension>` | the shown value |
//! | `<dimension>_raw` | today's value; for dimensions that the job gives a grace |
//! | `<dimension>_since` | the snapshot date on which the shown value last changed |
//! | `<dimension>_pending_since` | since when a lower value waits; likewise |
//!
//! A dimension that the previous snapshot does not have begins with this one: its raw values show
//! at once, and nobody moved in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Date32Builder, RecordBatch, StringArray, UInt32Array,
    UInt32Builder,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::ground::{SnapshotDate, counted};

use super::grace::GraceState;
use super::grace_limits::{AtOnce, GraceLimits};
use super::numbering::Numbering;
use super::{Dimension, Dimensions};

/// Settles batches of one snapshot.
#[derive(Debug, Clone)]
pub struct Settling {
    dimensions: Vec<NumberedDimension>,
    snapshot_date: SnapshotDate,
    schema: SchemaRef,
    limits: GraceLimits,
}

#[derive(Debug, Clone)]
struct NumberedDimension {
    dimension: Dimension,
    numbering: Numbering,
    /// Why nobody's grace goes on tonight.
    without_grace: Option<AtOnce>,
    /// The number of the value of users who can have no score.
    unscored: Option<u32>,
    /// The users who were shown a lower value at once, whom grace would have kept in the higher one.
    at_once: BTreeMap<AtOnce, u64>,
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
    /// The values, each at its number: those of `dim_tier` first, in its order.
    pub values: StringArray,
    /// The number of what the previous snapshot showed; NULL for users it did not have.
    pub from: UInt32Array,
    /// Since when.
    pub from_since: Date32Array,
    /// The number of what is shown now.
    pub to: UInt32Array,
    /// Whether the previous snapshot has the dimension. Where it does not, nobody moved.
    pub is_in_previous: bool,
}

impl Settling {
    /// Settles rows of `raw` columns.
    pub fn new(raw: &Schema, dimensions: &Dimensions, snapshot_date: SnapshotDate) -> Self {
        let fields = raw
            .fields()
            .iter()
            .flat_map(|field| settled_fields(field, dimensions));
        let numbered = dimensions.iter().map(NumberedDimension::of);
        Self {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            dimensions: numbered.collect(),
            snapshot_date,
            limits: GraceLimits::default(),
        }
    }

    /// The same, with grace that goes no further than these limits.
    #[must_use]
    pub fn within(mut self, limits: GraceLimits) -> Self {
        for numbered in &mut self.dimensions {
            numbered.limit(&limits, self.snapshot_date);
        }
        self.limits = limits;
        self
    }

    /// What is to be said of the users settled so far who were shown a lower value at once: how
    /// many, and why.
    pub fn remarks(&self) -> Vec<String> {
        let numbered = self.dimensions.iter();
        let remarks = numbered.flat_map(|numbered| {
            let counts = numbered.at_once.iter();
            counts.map(|(reason, users)| self.limits.remark(&numbered.dimension, *reason, *users))
        });
        remarks.collect()
    }

    /// The columns of the snapshot that this produces.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns that batches of the previous snapshot must bring: those that it has, for the
    /// dimensions that it has.
    pub fn previous_columns(dimensions: &Dimensions, previous: &Schema) -> Vec<String> {
        let of_dimension = |dimension: &Dimension| {
            // Grace that was switched on later had nobody waiting.
            let pending = format!("{}_pending_since", dimension.name);
            let is_there = previous.field_with_name(&pending).is_ok();
            let pending = (dimension.has_raw && is_there).then_some(pending);
            [dimension.name.clone(), format!("{}_since", dimension.name)]
                .into_iter()
                .chain(pending)
        };
        let known = dimensions.in_snapshot(previous);
        known.iter().flat_map(of_dimension).collect()
    }

    /// What the columns that settling adds for a dimension mean.
    pub fn column_comments(dimension: &Dimension) -> Vec<(String, String)> {
        let Dimension {
            name, grace_days, ..
        } = dimension;
        let since = format!("the snapshot date on which the shown {name} last changed");
        let grace = counted(*grace_days, "day");
        let raw =
            format!("{name} from today's data, before grace; a lower value shows after {grace}");
        let pending_since = format!("the date since which a lower {name} has been pending");
        vec![
            (format!("{name}_since"), since),
            (format!("{name}_raw"), raw),
            (format!("{name}_pending_since"), pending_since),
        ]
    }

    /// Settles one batch, if there is a previous snapshot with what it has of the same users.
    ///
    /// # Errors
    /// Arrow's, when a column is missing or of another type: a bug.
    pub fn settle(
        &mut self,
        raw: &RecordBatch,
        previous: Option<&RecordBatch>,
    ) -> Result<Settled, ArrowError> {
        let today = self.snapshot_date.days_since_epoch();
        let mut columns = BTreeMap::new();
        let mut dimensions = Vec::new();
        for numbered in &mut self.dimensions {
            let (of_dimension, settled) = numbered.settle(raw, previous, today)?;
            columns.insert(numbered.dimension.name.clone(), of_dimension);
            dimensions.push(settled);
        }
        let mut rows: Vec<ArrayRef> = Vec::new();
        for (field, column) in raw.schema().fields().iter().zip(raw.columns()) {
            match columns.remove(field.name()) {
                Some(of_dimension) => rows.extend(of_dimension.in_order()),
                None => rows.push(Arc::clone(column)),
            }
        }
        Ok(Settled {
            rows: RecordBatch::try_new(self.schema(), rows)?,
            dimensions,
        })
    }

    /// The dimensions of users who were in the previous snapshot and are absent from today's.
    ///
    /// # Errors
    /// Arrow's, when a column is missing or of another type: a bug.
    pub fn gone(&mut self, batch: &RecordBatch) -> Result<Vec<SettledDimension>, ArrowError> {
        let dimensions = self.dimensions.iter_mut();
        dimensions.map(|numbered| numbered.gone(batch)).collect()
    }
}

impl NumberedDimension {
    fn of(dimension: &Dimension) -> Self {
        Self {
            dimension: dimension.clone(),
            numbering: Numbering::of(dimension),
            without_grace: None,
            unscored: None,
            at_once: BTreeMap::new(),
        }
    }

    fn limit(&mut self, limits: &GraceLimits, date: SnapshotDate) {
        self.without_grace = limits.of_all(&self.dimension, date);
        let unscored = limits.unscored.get(&self.dimension.name);
        let mut numbers = (0..).zip(&self.dimension.tiers);
        self.unscored = numbers
            .find(|(_, tier)| Some(&tier.name) == unscored)
            .map(|(number, _)| number);
    }

    /// The state of a user whose value today is `raw`, and why a lower one shows before its grace
    /// is over, if it does.
    fn next_state(
        &self,
        raw: u32,
        previous: Option<GraceState<u32>>,
        today: i32,
    ) -> (GraceState<u32>, Option<AtOnce>) {
        let Some(before) = previous else {
            return (GraceState::first(raw, today), None);
        };
        let is_demotion = self.numbering.is_demotion(before.tier, raw);
        let waiting = before.next(raw, is_demotion, self.dimension.grace_days, today);
        let unscored = (self.unscored == Some(raw)).then_some(AtOnce::Unscored);
        match self.without_grace.or(unscored) {
            Some(reason) if waiting.tier != raw => {
                (before.next(raw, false, 0, today), Some(reason))
            }
            _ => (waiting, None),
        }
    }

    /// What the snapshot shows of the dimension, and how it came to that.
    fn settle(
        &mut self,
        batch: &RecordBatch,
        previous: Option<&RecordBatch>,
        today: i32,
    ) -> Result<(DimensionColumns, SettledDimension), ArrowError> {
        let raw_values = column(batch, &self.dimension.name)?;
        let raw = self.numbering.encode(raw_values)?;
        let raw_text = cast(raw_values, &DataType::Utf8)?;
        let previous = match previous {
            Some(previous) => Previous::of(previous, &self.dimension, &mut self.numbering)?,
            None => None,
        };
        let is_in_previous = previous.is_some();
        let previous = previous.unwrap_or_else(|| Previous::nothing(batch.num_rows()));
        let mut shown = UInt32Builder::with_capacity(raw.len());
        let mut since = Date32Builder::with_capacity(raw.len());
        let mut pending_since = Date32Builder::with_capacity(raw.len());
        for (row, raw) in raw.iter().enumerate() {
            let Some(raw) = raw else {
                shown.append_null();
                since.append_null();
                pending_since.append_null();
                continue;
            };
            let (state, at_once) = self.next_state(raw, previous.shown(row), today);
            if let Some(reason) = at_once {
                *self.at_once.entry(reason).or_insert(0) += 1;
            }
            shown.append_value(state.tier);
            since.append_value(state.since);
            pending_since.append_option(state.pending_since);
        }
        let shown = shown.finish();
        let values = self.numbering.values();
        let dimension = &self.dimension;
        let columns = DimensionColumns {
            shown: match dimension.grace_days {
                0 => Arc::clone(&raw_text),
                _ => take(&values, &shown, None)?,
            },
            since: since.finish(),
            with_raw: dimension
                .has_raw
                .then(|| (raw_text, pending_since.finish())),
        };
        let settled = SettledDimension {
            values,
            from: previous.tier,
            from_since: previous.since,
            to: shown,
            is_in_previous,
        };
        Ok((columns, settled))
    }

    fn gone(&mut self, batch: &RecordBatch) -> Result<SettledDimension, ArrowError> {
        let rows = batch.num_rows();
        let previous = Previous::of(batch, &self.dimension, &mut self.numbering)?;
        let is_in_previous = previous.is_some();
        let previous = previous.unwrap_or_else(|| Previous::nothing(rows));
        Ok(SettledDimension {
            values: self.numbering.values(),
            from: previous.tier,
            from_since: previous.since,
            to: UInt32Array::new_null(rows),
            is_in_previous,
        })
    }
}

/// The previous snapshot's columns of one dimension.
struct Previous {
    tier: UInt32Array,
    since: Date32Array,
    pending_since: Date32Array,
}

impl Previous {
    /// What a batch brings of a dimension; none when the previous snapshot does not have it.
    fn of(
        batch: &RecordBatch,
        dimension: &Dimension,
        numbering: &mut Numbering,
    ) -> Result<Option<Self>, ArrowError> {
        let name = |suffix: &str| format!("{}{suffix}", dimension.name);
        let has = |column: &str| batch.schema_ref().index_of(column).is_ok();
        if !has(&name("")) {
            return Ok(None);
        }
        let pending_since = match has(&name("_pending_since")) {
            true => date_column(batch, &name("_pending_since"))?,
            false => Date32Array::new_null(batch.num_rows()),
        };
        Ok(Some(Self {
            tier: numbering.encode(column(batch, &name(""))?)?,
            since: date_column(batch, &name("_since"))?,
            pending_since,
        }))
    }

    fn nothing(rows: usize) -> Self {
        Self {
            tier: UInt32Array::new_null(rows),
            since: Date32Array::new_null(rows),
            pending_since: Date32Array::new_null(rows),
        }
    }

    fn shown(&self, row: usize) -> Option<GraceState<u32>> {
        let day = |dates: &Date32Array| dates.is_valid(row).then(|| dates.value(row));
        Some(GraceState {
            tier: self.tier.is_valid(row).then(|| self.tier.value(row))?,
            since: day(&self.since)?,
            pending_since: day(&self.pending_since),
        })
    }
}

/// The columns that are in the snapshot for one dimension.
struct DimensionColumns {
    shown: ArrayRef,
    since: Date32Array,
    /// Today's value, and since when a lower one waits; where both are published.
    with_raw: Option<(ArrayRef, Date32Array)>,
}

impl DimensionColumns {
    fn in_order(self) -> Vec<ArrayRef> {
        let since: ArrayRef = Arc::new(self.since);
        match self.with_raw {
            None => vec![self.shown, since],
            Some((raw, pending_since)) => vec![self.shown, raw, since, Arc::new(pending_since)],
        }
    }
}

/// The fields that replace a raw field, in the order of [`DimensionColumns::in_order`].
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

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    Ok(batch.column(batch.schema_ref().index_of(name)?))
}

fn date_column(batch: &RecordBatch, name: &str) -> Result<Date32Array, ArrowError> {
    let dates = cast(column(batch, name)?, &DataType::Date32)?;
    Ok(dates.as_primitive::<Date32Type>().clone())
}
