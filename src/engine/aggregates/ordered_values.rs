//! Values by an order: the first, the last, the last n distinct ones, or how many there are.
//!
//! A group keeps at most `limit` entries, each a value and what orders it, no value twice, the
//! first to come first. Of two entries of one value the one that comes first is kept, and of
//! entries whose keys are the same that with the smaller value (where the last come first: the
//! larger). Which entries are kept then does not depend on the order in which rows are seen, nor
//! on how they are parted and merged:
//!
//! ```text
//! last 2 distinct  {(x, 1), (y, 2), (x, 3)}              [(x, 3), (y, 2)]
//! merged with      {(z, 0)}, {(y, 4)}                    [(y, 4), (x, 3)]
//! ```

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StructArray, UInt32Array,
    new_empty_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{SortOptions, cast, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::arrow::row::{OwnedRow, Row, RowConverter, SortField};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::one_group::OneGroup;

/// What is given of the entries of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Gives {
    /// The value of the first one; NULL without any.
    Value,
    /// The values as a list; NULL without any.
    List,
    /// How many there are.
    Count,
}

/// The function over a value and the keys that order it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderedValues {
    name: &'static str,
    signature: Signature,
    rule: Rule,
}

/// Which entries are kept, and what is given of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    /// How the value orders entries of the same keys, and how each key does.
    pub(super) by_value: SortOptions,
    pub(super) by_key: Vec<SortOptions>,
    pub(super) limit: usize,
    pub(super) skips_nulls: bool,
    pub(super) gives: Gives,
}

impl OrderedValues {
    /// `FIRST_VALUE` by keys that are ordered so.
    pub fn first(by_key: Vec<SortOptions>, skips_nulls: bool) -> Self {
        let rule = Rule {
            by_value: SortOptions::new(false, false),
            by_key,
            limit: 1,
            skips_nulls,
            gives: Gives::Value,
        };
        Self::new("first_value", rule)
    }

    /// `LAST_VALUE` by keys that are ordered so.
    pub fn last(by_key: &[SortOptions], skips_nulls: bool) -> Self {
        let rule = Rule {
            skips_nulls,
            gives: Gives::Value,
            ..Rule::last_distinct(by_key, 1)
        };
        Self::new("last_value", rule)
    }

    /// The last n distinct values by keys that are ordered so, the last one first.
    pub fn last_distinct(by_key: &[SortOptions], limit: usize) -> Self {
        Self::new("last_n_distinct", Rule::last_distinct(by_key, limit))
    }

    /// How many distinct values there are.
    pub fn count_distinct() -> Self {
        let rule = Rule {
            by_value: SortOptions::default(),
            by_key: Vec::new(),
            limit: usize::MAX,
            skips_nulls: true,
            gives: Gives::Count,
        };
        Self::new("count", rule)
    }

    /// Whether values of this type have an order.
    pub fn orders(data_type: &DataType) -> bool {
        RowConverter::supports_fields(&[SortField::new(data_type.clone())])
    }

    fn new(name: &'static str, rule: Rule) -> Self {
        Self {
            name,
            signature: Signature::any(1 + rule.by_key.len(), Volatility::Immutable),
            rule,
        }
    }
}

impl Rule {
    /// The last n distinct values, NULL being none.
    pub(super) fn last_distinct(by_key: &[SortOptions], limit: usize) -> Self {
        let reversed = by_key.iter().map(|key| !*key);
        Self {
            by_value: SortOptions::new(true, false),
            by_key: reversed.collect(),
            limit,
            skips_nulls: true,
            gives: Gives::List,
        }
    }

    /// The type of what is given of values of this type.
    pub(super) fn value_type(&self, of: &DataType) -> DataType {
        match self.gives {
            Gives::Value => of.clone(),
            Gives::List => DataType::List(item(of.clone())),
            Gives::Count => DataType::Int64,
        }
    }

    /// The one field of the state, of a value and keys of these types.
    pub(super) fn state_field(types: &[DataType]) -> FieldRef {
        let entry = DataType::Struct(entry_fields(types));
        Arc::new(Field::new("entries", DataType::List(item(entry)), true))
    }

    /// An accumulator of a value and keys of these types.
    pub(super) fn accumulator(&self, types: &[DataType]) -> Result<Groups> {
        let keys = types[1..].iter().zip(&self.by_key);
        let keys = keys.map(|(of, options)| SortField::new_with_options(of.clone(), *options));
        let value = SortField::new_with_options(types[0].clone(), self.by_value);
        Ok(Groups {
            order: RowConverter::new(keys.chain([value.clone()]).collect())?,
            values: RowConverter::new(vec![value])?,
            types: types.to_vec(),
            rule: self.clone(),
            groups: Vec::new(),
            bytes: 0,
        })
    }
}

fn item(of: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(of, true))
}

fn entry_fields(types: &[DataType]) -> Fields {
    let fields = types.iter().enumerate().map(|(at, of)| {
        let name = match at {
            0 => "value".to_owned(),
            key => format!("key_{key}"),
        };
        Field::new(name, of.clone(), true)
    });
    fields.collect()
}

impl AggregateUDFImpl for OrderedValues {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(self.rule.value_type(&arguments[0]))
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let types: Vec<DataType> = types_of(arguments.input_fields);
        Ok(vec![Rule::state_field(&types)])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let groups = self.rule.accumulator(&types_of(arguments.expr_fields))?;
        let nothing = groups.nothing();
        Ok(Box::new(OneGroup::of(Box::new(groups), &nothing)?))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let types = types_of(arguments.expr_fields);
        Ok(Box::new(self.rule.accumulator(&types)?))
    }
}

fn types_of(fields: &[FieldRef]) -> Vec<DataType> {
    fields
        .iter()
        .map(|field| field.data_type().clone())
        .collect()
}

/// The entries of many groups.
pub(super) struct Groups {
    rule: Rule,
    /// The types of the value and of the keys.
    types: Vec<DataType>,
    /// Rows of keys and value, ordered as their bytes are.
    order: RowConverter,
    /// Rows of the value alone, to know it again.
    values: RowConverter,
    groups: Vec<Vec<Entry>>,
    bytes: usize,
}

/// A value with what orders it.
struct Entry {
    order: OwnedRow,
    value: OwnedRow,
}

impl Entry {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.order.as_ref().len() + self.value.as_ref().len()
    }
}

impl Groups {
    /// Columns of no rows.
    pub(super) fn nothing(&self) -> Vec<ArrayRef> {
        self.types.iter().map(new_empty_array).collect()
    }

    fn grow(&mut self, count: usize) {
        self.groups
            .resize_with(count.max(self.groups.len()), Vec::new);
    }

    /// Adds rows to their groups; those without one are left out.
    fn add(
        &mut self,
        columns: &[ArrayRef],
        group_of: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let columns = columns.iter().zip(&self.types);
        let columns = columns.map(|(column, of)| cast(column, of));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        let Some((value, keys)) = columns.split_first() else {
            return exec_err!("{:?} without a value", self.rule.gives);
        };
        let ordered = [keys, std::slice::from_ref(value)].concat();
        let order = self.order.convert_columns(&ordered)?;
        let values = self.values.convert_columns(std::slice::from_ref(value))?;
        let nulls = value.logical_nulls().filter(|_| self.rule.skips_nulls);
        for row in 0..value.len() {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
            if !is_null && let Some(group) = group_of(row) {
                self.insert(group, order.row(row), values.row(row));
            }
        }
        Ok(())
    }

    fn insert(&mut self, group: usize, order: Row<'_>, value: Row<'_>) {
        let entries = &mut self.groups[group];
        let is_full = entries.len() == self.rule.limit;
        let is_behind = |entry: &Entry| entry.order.row() <= order;
        if is_full && entries.last().is_some_and(is_behind) {
            return;
        }
        let Err(place) = entries.binary_search_by(|entry| entry.order.row().cmp(&order)) else {
            return;
        };
        if !self.rule.by_key.is_empty()
            && let Some(known) = entries.iter().position(|entry| entry.value.row() == value)
        {
            if known < place {
                return;
            }
            self.bytes -= entries.remove(known).bytes();
        }
        let entry = Entry {
            order: order.owned(),
            value: value.owned(),
        };
        self.bytes += entry.bytes();
        entries.insert(place, entry);
        if entries.len() > self.rule.limit
            && let Some(last) = entries.pop()
        {
            self.bytes -= last.bytes();
        }
    }

    /// Takes the entries of some groups, as columns of value and keys, and where each group ends.
    fn taken(&mut self, emit_to: EmitTo) -> Result<(Vec<ArrayRef>, OffsetBuffer<i32>)> {
        let groups = emit_to.take_needed(&mut self.groups);
        let lengths = groups.iter().map(Vec::len);
        let offsets = OffsetBuffer::from_lengths(lengths);
        let entries = groups.iter().flatten();
        self.bytes -= entries.map(Entry::bytes).sum::<usize>();
        let entries = groups.iter().flatten();
        let rows = entries.map(|entry| entry.order.row());
        let mut columns = self.order.convert_rows(rows)?;
        columns.rotate_right(1);
        let columns = columns.iter().zip(&self.types);
        let columns = columns.map(|(column, of)| cast(column, of));
        Ok((columns.collect::<Result<_, _>>()?, offsets))
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.grow(count);
        let passes = |row| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        self.add(values, |row| passes(row).then(|| groups[row]))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (columns, offsets) = self.taken(emit_to)?;
        let values = Arc::clone(&columns[0]);
        let lengths = || offsets.lengths();
        let given: BooleanArray = lengths().map(|length| Some(length > 0)).collect();
        Ok(match self.rule.gives {
            Gives::Value => {
                let starts = offsets.iter().zip(lengths());
                let starts = starts.map(|(start, length)| (length > 0).then_some(*start));
                let starts = starts.map(|start| start.map(i32::cast_unsigned));
                take(&values, &UInt32Array::from_iter(starts), None)?
            }
            Gives::List => {
                let nulls = given.values().clone().into();
                let item = item(values.data_type().clone());
                Arc::new(ListArray::try_new(item, offsets, values, Some(nulls))?)
            }
            Gives::Count => Arc::new(Int64Array::from_iter_values(
                lengths().map(|length| length as i64),
            )),
        })
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (columns, offsets) = self.taken(emit_to)?;
        let fields = entry_fields(&self.types);
        let item = item(DataType::Struct(fields.clone()));
        let entries = StructArray::try_new(fields, columns, None)?;
        let states = ListArray::try_new(item, offsets, Arc::new(entries), None)?;
        Ok(vec![Arc::new(states)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.grow(count);
        let states = states[0].as_list::<i32>();
        let offsets = states.offsets();
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
            return Ok(());
        };
        let entries = states.values();
        let entries = entries.slice(*first as usize, (last - first) as usize);
        let rows = groups.iter().zip(offsets.lengths()).enumerate();
        let of_entry = rows.flat_map(|(row, (group, length))| {
            let group = states.is_valid(row).then_some(*group);
            std::iter::repeat_n(group, length)
        });
        let of_entry: Vec<Option<usize>> = of_entry.collect();
        self.add(entries.as_struct().columns(), |row| of_entry[row])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let each: Vec<usize> = (0..rows).collect();
        let mut alone = self.rule.accumulator(&self.types)?;
        alone.update_batch(values, &each, filter, rows)?;
        alone.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Vec<Entry>>()
    }
}
