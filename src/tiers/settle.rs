//! Settling: a batch of today's raw rows and the previous snapshot's, turned into the rows of
//! the snapshot.
//!
//! Both batches have the same users, row by row; the previous one has NULL for users whom the
//! previous snapshot did not have. For each dimension the snapshot gets, in place of the raw column:
//!
//! | column | |
//! |---|---|
//! | `<dimension>` | the shown value |
//! | `<dimension>_raw` | today's value; for dimensions with a [`Delay`] |
//! | `<dimension>_since` | the snapshot date on which the shown value last changed |
//! | `<dimension>_pending` | the value that waits; for dimensions with hold |
//! | `<dimension>_pending_since` | since when it, or a lower value, waits; for dimensions with a delay |
//!
//! Each [warning](super::warned) gets `<warning>_since` behind it; [`FALLING`] is made here.
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
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::ground::{SnapshotDate, counted};

use super::columns::{PENDING, PENDING_SINCE, RAW, SINCE, column, date_column};
use super::delay::Delay;
use super::delay_limits::{AtOnce, DelayLimits};
use super::falling::{self, FALLING, FALLING_OF, is_falling};
use super::numbering::Numbering;
use super::score_changes::ScoreChanges;
use super::shown::ShownState;
use super::warned::{SettledWarning, since_column};
use super::{Dimension, Dimensions};

/// Settles batches of one snapshot.
#[derive(Debug, Clone)]
pub struct Settling {
    dimensions: Vec<NumberedDimension>,
    warnings: Vec<String>,
    snapshot_date: SnapshotDate,
    schema: SchemaRef,
    limits: DelayLimits,
}

#[derive(Debug, Clone)]
struct NumberedDimension {
    dimension: Dimension,
    numbering: Numbering,
    /// Why nobody's delay goes on tonight.
    without_delay: Option<AtOnce>,
    /// Whether [`FALLING`] is made of it.
    makes_falling: bool,
    /// Whether a first score, or the loss of the last, ends it.
    goes_by_score: bool,
    /// The users who were shown another value at once, whom a delay would have kept in theirs.
    at_once: BTreeMap<AtOnce, u64>,
}

/// How many users were shown another value at once, for each dimension by the reason.
#[derive(Debug, Serialize, Deserialize)]
pub struct SettledCounts(Vec<BTreeMap<AtOnce, u64>>);

/// A settled batch.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The rows of the snapshot; of users who are gone, what the previous one has of them.
    pub rows: RecordBatch,
    /// Each dimension's values before and now, row by row.
    pub dimensions: Vec<SettledDimension>,
    /// Each warning before and now, row by row.
    pub warnings: Vec<SettledWarning>,
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
    /// Settles rows of `raw` columns, `warnings` among them.
    pub fn new(
        raw: &Schema,
        dimensions: &Dimensions,
        warnings: &[String],
        snapshot_date: SnapshotDate,
    ) -> Self {
        let is_falling_made = warnings.iter().any(|warning| warning == FALLING)
            && raw.field_with_name(FALLING).is_err();
        let mut fields = Vec::new();
        for field in raw.fields() {
            fields.extend(settled_fields(field, dimensions));
            if is_falling_made && field.name() == FALLING_OF {
                fields.push(Field::new(FALLING, DataType::Boolean, true));
                fields.push(Field::new(since_column(FALLING), DataType::Date32, true));
            } else if warnings.contains(field.name()) {
                fields.push(Field::new(
                    since_column(field.name()),
                    DataType::Date32,
                    true,
                ));
            }
        }
        let numbered = dimensions.iter().map(|dimension| NumberedDimension {
            makes_falling: is_falling_made && dimension.name == FALLING_OF,
            ..NumberedDimension::of(dimension)
        });
        Self {
            schema: Arc::new(Schema::new(fields)),
            dimensions: numbered.collect(),
            warnings: warnings.to_vec(),
            snapshot_date,
            limits: DelayLimits::default(),
        }
    }

    /// The same, with delays that go no further than these limits.
    #[must_use]
    pub fn within(mut self, limits: DelayLimits) -> Self {
        for numbered in &mut self.dimensions {
            numbered.limit(&limits, self.snapshot_date);
        }
        self.limits = limits;
        self
    }

    /// What is to be said of the users settled so far who were shown another value at once: how
    /// many, and why.
    pub fn remarks(&self) -> Vec<String> {
        let numbered = self.dimensions.iter();
        let remarks = numbered.flat_map(|numbered| {
            let counts = numbered.at_once.iter();
            counts.filter_map(|(reason, users)| {
                self.limits.remark(&numbered.dimension, *reason, *users)
            })
        });
        remarks.collect()
    }

    /// Adds what is to be said of users whom another one has settled.
    pub fn add(&mut self, others: &Self) {
        self.add_counts(&others.counts());
    }

    /// What was counted, to be [added](Self::add_counts) elsewhere.
    pub fn counts(&self) -> SettledCounts {
        let numbered = self.dimensions.iter();
        SettledCounts(numbered.map(|numbered| numbered.at_once.clone()).collect())
    }

    /// Adds what was counted elsewhere, by the same dimensions.
    pub fn add_counts(&mut self, counts: &SettledCounts) {
        for (numbered, at_once) in self.dimensions.iter_mut().zip(&counts.0) {
            for (reason, users) in at_once {
                *numbered.at_once.entry(*reason).or_insert(0) += users;
            }
        }
    }

    /// The columns of the snapshot that this produces.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The columns that batches of the previous snapshot must bring: those that it has, for the
    /// dimensions and warnings that it has.
    pub fn previous_columns(
        dimensions: &Dimensions,
        warnings: &[String],
        previous: &Schema,
    ) -> Vec<String> {
        let has = |column: &String| previous.field_with_name(column).is_ok();
        let of_dimension = |dimension: &Dimension| {
            // A delay that was switched on later had nobody waiting.
            let suffixes: &[&str] = match dimension.delay {
                Delay::None => &[],
                Delay::Grace(_) => &[PENDING_SINCE],
                Delay::Hold(_) => &[PENDING, PENDING_SINCE],
            };
            let name = &dimension.name;
            let pending = suffixes.iter().map(|suffix| format!("{name}{suffix}"));
            let mut columns = vec![name.clone(), format!("{name}{SINCE}")];
            columns.extend(pending.filter(has));
            columns
        };
        let known = dimensions.in_snapshot(previous);
        let of_dimensions = known.iter().flat_map(of_dimension);
        let of_warnings = warnings.iter().map(|warning| since_column(warning));
        of_dimensions.chain(of_warnings.filter(has)).collect()
    }

    /// What the columns that settling adds for a dimension mean.
    pub fn column_comments(dimension: &Dimension) -> Vec<(String, String)> {
        let Dimension { name, delay, .. } = dimension;
        let days = counted(delay.days(), "day");
        let since = format!("the snapshot date on which the shown {name} last changed");
        let mut comments = vec![(format!("{name}{SINCE}"), since)];
        let (raw, pending_since) = match delay {
            Delay::None => return comments,
            Delay::Grace(_) => (
                format!("{name} from today's data, before grace; a lower value shows after {days}"),
                format!("the date since which a lower {name} has been pending"),
            ),
            Delay::Hold(_) => (
                format!(
                    "{name} from today's data, before hold; another value shows once it has been today's for {days}"
                ),
                format!("the date since which {name}{PENDING} has been today's value"),
            ),
        };
        comments.push((format!("{name}{RAW}"), raw));
        if let Delay::Hold(_) = delay {
            let pending =
                format!("the {name} that is pending, shown once it has held; NULL when none is");
            comments.push((format!("{name}{PENDING}"), pending));
        }
        comments.push((format!("{name}{PENDING_SINCE}"), pending_since));
        comments
    }

    /// What the columns that settling adds for a warning mean.
    pub fn comments_of_warning(warning: &str) -> Vec<(String, String)> {
        let since =
            format!("the snapshot date on which {warning} was last raised; NULL while it is not");
        let mut comments = vec![(since_column(warning), since)];
        if warning == FALLING {
            comments.push((FALLING.to_owned(), falling::COMMENT.to_owned()));
        }
        comments
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
        let scores = ScoreChanges::of(&self.limits, raw, previous)?;
        let mut added: BTreeMap<String, ArrayRef> = BTreeMap::new();
        let mut dimensions = Vec::new();
        for numbered in &mut self.dimensions {
            let (columns, settled) = numbered.settle(raw, previous, &scores, today)?;
            added.extend(columns);
            dimensions.push(settled);
        }
        let mut warnings = Vec::new();
        for name in &self.warnings {
            let is_raised = match added.get(name) {
                Some(is_raised) => is_raised.as_boolean(),
                None => column(raw, name)?.as_boolean(),
            };
            let settled = SettledWarning::of(name, is_raised, previous, today)?;
            added.insert(since_column(name), Arc::new(settled.to_since.clone()));
            warnings.push(settled);
        }
        let fields = self.schema.fields().iter();
        let columns = fields.map(|field| match added.remove(field.name()) {
            Some(column) => Ok(column),
            None => column(raw, field.name()).map(Arc::clone),
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Settled {
            rows: RecordBatch::try_new(self.schema(), columns)?,
            dimensions,
            warnings,
        })
    }

    /// The dimensions of settled rows against those that an earlier snapshot has of the same users,
    /// which brings their shown values alone.
    ///
    /// # Errors
    /// Arrow's, when a column is of another type: a bug.
    pub fn since(
        &mut self,
        earlier: &RecordBatch,
        now: &Settled,
    ) -> Result<Vec<SettledDimension>, ArrowError> {
        let both = self.dimensions.iter_mut().zip(&now.dimensions);
        let since = both.map(|(numbered, now)| {
            let before = numbered.gone(earlier)?;
            Ok(SettledDimension {
                to: now.to.clone(),
                ..before
            })
        });
        since.collect()
    }

    /// What users had who were in the previous snapshot and are absent from today's.
    ///
    /// # Errors
    /// Arrow's, when a column is missing or of another type: a bug.
    pub fn gone(&mut self, rows: RecordBatch) -> Result<Settled, ArrowError> {
        let dimensions = self.dimensions.iter_mut();
        let dimensions = dimensions.map(|numbered| numbered.gone(&rows));
        let dimensions = dimensions.collect::<Result<_, _>>()?;
        let warnings = self.warnings.iter();
        let warnings = warnings.map(|name| SettledWarning::of_gone(name, &rows));
        Ok(Settled {
            dimensions,
            warnings: warnings.collect::<Result<_, _>>()?,
            rows,
        })
    }
}

impl NumberedDimension {
    fn of(dimension: &Dimension) -> Self {
        Self {
            dimension: dimension.clone(),
            numbering: Numbering::of(dimension),
            without_delay: None,
            makes_falling: false,
            goes_by_score: false,
            at_once: BTreeMap::new(),
        }
    }

    fn limit(&mut self, limits: &DelayLimits, date: SnapshotDate) {
        self.without_delay = limits.of_all(&self.dimension, date);
        self.goes_by_score = limits.go_by_score(&self.dimension);
    }

    /// The state of a user whose value today is `raw`, and why another one shows before its delay
    /// is over, if it does. `score` is what became of the user's score.
    fn next_state(
        &self,
        raw: u32,
        previous: Option<ShownState<u32>>,
        score: Option<AtOnce>,
        today: i32,
    ) -> (ShownState<u32>, Option<AtOnce>) {
        let Some(before) = previous else {
            return (ShownState::first(raw, today), None);
        };
        let waiting = match self.dimension.delay {
            Delay::None => before.showing(raw, today),
            Delay::Grace(days) => {
                let is_demotion = self.numbering.is_demotion(before.tier, raw);
                before.after_grace(raw, is_demotion, days, today)
            }
            Delay::Hold(days) => before.after_hold(raw, days, today),
        };
        let score = score.filter(|_| self.goes_by_score);
        match self.without_delay.or(score) {
            Some(reason) if waiting.tier != raw => (before.showing(raw, today), Some(reason)),
            _ => (waiting, None),
        }
    }

    /// The columns of the snapshot that come of the dimension, by name, and how they came to that.
    fn settle(
        &mut self,
        batch: &RecordBatch,
        previous: Option<&RecordBatch>,
        scores: &ScoreChanges,
        today: i32,
    ) -> Result<(Vec<(String, ArrayRef)>, SettledDimension), ArrowError> {
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
        let mut pending = UInt32Builder::with_capacity(raw.len());
        let mut pending_since = Date32Builder::with_capacity(raw.len());
        for (row, raw) in raw.iter().enumerate() {
            let Some(raw) = raw else {
                shown.append_null();
                since.append_null();
                pending.append_null();
                pending_since.append_null();
                continue;
            };
            let (state, at_once) = self.next_state(raw, previous.shown(row), scores.at(row), today);
            if let Some(reason) = at_once {
                *self.at_once.entry(reason).or_insert(0) += 1;
            }
            shown.append_value(state.tier);
            since.append_value(state.since);
            pending.append_option(state.pending);
            pending_since.append_option(state.pending_since);
        }
        let shown = shown.finish();
        let values = self.numbering.values();
        let dimension = &self.dimension;
        let delay = dimension.delay;
        let shown_text = match delay.days() {
            0 => Arc::clone(&raw_text),
            _ => take(&values, &shown, None)?,
        };
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        let mut add = |suffix: &str, column| {
            columns.push((format!("{}{suffix}", dimension.name), column));
        };
        add("", shown_text);
        add(SINCE, Arc::new(since.finish()));
        if delay.has_raw() {
            add(RAW, raw_text);
            add(PENDING_SINCE, Arc::new(pending_since.finish()));
        }
        if let Delay::Hold(_) = delay {
            add(PENDING, take(&values, &pending.finish(), None)?);
        }
        if self.makes_falling {
            let is_falling = is_falling(&self.numbering, &shown, &raw);
            columns.push((FALLING.to_owned(), Arc::new(is_falling)));
        }
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
    pending: UInt32Array,
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
        let rows = batch.num_rows();
        let dates = |name: String| match has(&name) {
            true => date_column(batch, &name),
            false => Ok(Date32Array::new_null(rows)),
        };
        let pending = match has(&name(PENDING)) {
            true => numbering.encode(column(batch, &name(PENDING))?)?,
            false => UInt32Array::new_null(rows),
        };
        Ok(Some(Self {
            tier: numbering.encode(column(batch, &name(""))?)?,
            since: dates(name(SINCE))?,
            pending_since: dates(name(PENDING_SINCE))?,
            pending,
        }))
    }

    fn nothing(rows: usize) -> Self {
        Self {
            tier: UInt32Array::new_null(rows),
            since: Date32Array::new_null(rows),
            pending: UInt32Array::new_null(rows),
            pending_since: Date32Array::new_null(rows),
        }
    }

    fn shown(&self, row: usize) -> Option<ShownState<u32>> {
        let day = |dates: &Date32Array| dates.is_valid(row).then(|| dates.value(row));
        let number = |numbers: &UInt32Array| numbers.is_valid(row).then(|| numbers.value(row));
        Some(ShownState {
            tier: number(&self.tier)?,
            since: day(&self.since)?,
            pending: number(&self.pending),
            pending_since: day(&self.pending_since),
        })
    }
}

/// The fields that replace a raw field.
fn settled_fields(field: &FieldRef, dimensions: &Dimensions) -> Vec<Field> {
    let name = field.name();
    let Some(dimension) = dimensions.iter().find(|dimension| dimension.name == *name) else {
        return vec![field.as_ref().clone()];
    };
    let text = |name: String| Field::new(name, DataType::Utf8, true);
    let date = |name: String| Field::new(name, DataType::Date32, true);
    let since = date(format!("{name}{SINCE}"));
    let pending_since = date(format!("{name}{PENDING_SINCE}"));
    let (shown, raw) = (text(name.clone()), text(format!("{name}{RAW}")));
    match dimension.delay {
        Delay::None => vec![shown, since],
        Delay::Grace(_) => vec![shown, raw, since, pending_since],
        Delay::Hold(_) => {
            let pending = text(format!("{name}{PENDING}"));
            vec![shown, raw, since, pending, pending_since]
        }
    }
}
