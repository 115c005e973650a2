//! The merge: tiles of one or several rollups, each sorted by user, become rows of users.
//!
//! 1. Each tile has a [`Cursor`] on its next row; a heap keeps the cursor whose user comes first
//!    on top.
//! 2. All rows of that user, wherever they are, get the same place in the chunk at hand.
//! 3. When a batch of a tile is used up, or the chunk is full, the rows seen since go to the
//!    engine's own accumulators, column by column.
//! 4. A full chunk is one batch of the result: sorted by user, each user once.
//!
//! Nothing is hashed, sorted or held but one batch per tile, whatever the number of users. Of a
//! [range](UserRange) of users the pages of its users are read, and no others.

use std::cmp::Ordering;
use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, Int64Builder, RecordBatch,
    RecordBatchOptions, StringViewArray, StringViewBuilder, new_empty_array, new_null_array,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::{cast, cast_with_options, interleave, not, nullif};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::functions_aggregate::bit_and_or_xor::{bit_and_udaf, bit_or_udaf, bit_xor_udaf};
use datafusion::functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::{AggregateUDF, EmitTo, GroupsAccumulator};
use datafusion::physical_expr::GroupsAccumulatorAdapter;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;

use crate::engine::{EXACT, StateMerger, SumOverflow, keys_of, numbers_of};

use super::file::TileFile;
use super::keys::USER_ID;
use super::merge_inputs::{MergedColumn, MergedRollup};
use super::merging::Merge;
use super::ranges::{UserId, UserRange};

/// Users that are handed on at once.
const CHUNK_ROWS: usize = 8192;

/// Rows of a tile that are read at once.
const ROWS_READ: usize = 4096;

/// A column of the merged rows.
#[derive(Debug, Clone)]
pub(super) enum OutputColumn {
    /// The user.
    UserId,
    /// The user, where the rollup has any row of theirs.
    UserIdIn(usize),
    /// Whether the rollup has any row of the user.
    IsIn(usize),
    /// A column of a rollup.
    Column(usize, MergedColumn),
}

/// Merges tiles into batches of users.
pub(super) struct TileMerge {
    schema: SchemaRef,
    output_columns: Vec<OutputColumn>,
    cursors: Vec<Cursor>,
    /// Indexes of the cursors that have rows left, as a heap.
    heap: Vec<usize>,
    columns: Vec<Accumulated>,
    /// The names of the rollups, for messages.
    rollups: Vec<String>,
    /// By rollup: whether each user of the chunk has a row in it.
    present: Vec<Vec<bool>>,
    users: Users,
    /// How many users the chunk has.
    count: usize,
}

/// A column of the result in the making.
enum Accumulated {
    /// Counts, which are most columns of most rollups: nothing counts as 0.
    Counts {
        counts: Vec<i64>,
        overflow: SumOverflow,
    },
    /// Sums of BIGINT: the sum of nothing is NULL.
    Sums {
        sums: Vec<Option<i64>>,
        overflow: SumOverflow,
    },
    /// Values of the latest tile that has the user.
    Latest(Latest),
    /// The smallest or largest number of DOUBLE, by keys.
    Keyed(Box<Accumulated>),
    /// States of an aggregate, of which a state or the value becomes.
    States {
        merger: Box<StateMerger>,
        gives_value: bool,
    },
    /// What the engine merges.
    Values {
        input_type: DataType,
        accumulator: Box<dyn GroupsAccumulator>,
    },
}

impl TileMerge {
    /// Opens the tiles of some rollups, for a range of their users.
    pub(super) fn open(
        rollups: &[MergedRollup],
        output_columns: Vec<OutputColumn>,
        schema: SchemaRef,
        user_id_type: &DataType,
        range: &UserRange,
    ) -> Result<Self> {
        let mut columns = Vec::new();
        for column in output_columns.iter().filter_map(OutputColumn::column) {
            let (rollup, column) = column;
            columns.push(Accumulated::new(&rollups[rollup].name, column)?);
        }
        let mut cursors = Vec::new();
        for (index, rollup) in rollups.iter().enumerate() {
            for (tile, windows) in rollup.tiles() {
                let numbered = output_columns
                    .iter()
                    .filter_map(OutputColumn::column)
                    .enumerate();
                let uses = numbered.filter(|(_, (of_rollup, column))| {
                    *of_rollup == index && column.takes(windows)
                });
                let uses = uses.map(|(at, (_, column))| (at, column.source.as_str()));
                let uses: Vec<(usize, &str)> = uses.collect();
                cursors.extend(Cursor::open(tile, index, &uses, range)?);
            }
        }
        let mut merge = Self {
            schema,
            output_columns,
            heap: Vec::new(),
            cursors,
            columns,
            rollups: rollups.iter().map(|rollup| rollup.name.clone()).collect(),
            present: vec![Vec::new(); rollups.len()],
            users: Users::new(user_id_type),
            count: 0,
        };
        for index in 0..merge.cursors.len() {
            merge.heap.push(index);
        }
        for place in (0..merge.heap.len()).rev() {
            merge.sift_down(place);
        }
        Ok(merge)
    }

    /// The next users, sorted; none when there are no more.
    pub(super) fn next_chunk(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(top) = self.heap.first().copied() {
            self.take_user(top)?;
            if self.count == CHUNK_ROWS {
                return self.emit().map(Some);
            }
        }
        match self.count {
            0 => Ok(None),
            _ => self.emit().map(Some),
        }
    }

    /// Takes every row of the user on top.
    fn take_user(&mut self, top: usize) -> Result<()> {
        self.users.push(&self.cursors[top]);
        for present in &mut self.present {
            present.push(false);
        }
        let user = self.count;
        self.count += 1;
        let rollup = self.cursors[top].rollup;
        while let Some(top) = self.heap.first().copied() {
            let next = &self.cursors[top];
            // In a join NULL is no user, so it meets none of another rollup.
            let may_meet = next.key.is_given || next.rollup == rollup;
            if !may_meet || !self.users.is_last(next) {
                return Ok(());
            }
            let cursor = &mut self.cursors[top];
            self.present[cursor.rollup][user] = true;
            cursor.places.push(user);
            if cursor.advance() {
                self.sift_down(0);
                continue;
            }
            self.hand_over(top)?;
            if self.cursors[top].refill()? {
                self.sift_down(0);
            } else {
                self.heap.swap_remove(0);
                self.sift_down(0);
            }
        }
        Ok(())
    }

    /// Restores the heap below a place whose cursor has moved on.
    fn sift_down(&mut self, mut place: usize) {
        loop {
            let mut first = place;
            for child in [2 * place + 1, 2 * place + 2] {
                let comes_before = |child: &usize| {
                    let (left, right) = (&self.cursors[*child], &self.cursors[self.heap[first]]);
                    left.order(right) == Ordering::Less
                };
                if self.heap.get(child).is_some_and(comes_before) {
                    first = child;
                }
            }
            if first == place {
                return;
            }
            self.heap.swap(place, first);
            place = first;
        }
    }

    /// Hands the rows that a cursor has passed to the accumulators.
    fn hand_over(&mut self, index: usize) -> Result<()> {
        let cursor = &mut self.cursors[index];
        let rows = cursor.places.len();
        if rows == 0 {
            return Ok(());
        }
        for (column, at) in &cursor.uses {
            let values = cursor.batch.column(*at).slice(cursor.handed_over, rows);
            let rows = Rows {
                values,
                places: &cursor.places,
                last_day: cursor.last_day,
            };
            self.columns[*column].add(rows, self.count)?;
        }
        cursor.handed_over += rows;
        cursor.places.clear();
        Ok(())
    }

    /// The chunk as a batch.
    fn emit(&mut self) -> Result<RecordBatch> {
        for index in 0..self.cursors.len() {
            self.hand_over(index)?;
        }
        let user_ids = self.users.finish();
        let mut values = Vec::new();
        for column in &mut self.columns {
            values.push(column.finish(self.count)?);
        }
        let present = self.present.iter_mut().map(std::mem::take);
        let present: Vec<BooleanArray> = present.map(BooleanArray::from).collect();
        let absent: Vec<BooleanArray> = present.iter().map(not).collect::<Result<_, _>>()?;
        let mut values = values.into_iter();
        let mut columns = Vec::new();
        for output_column in &self.output_columns {
            columns.push(match output_column {
                OutputColumn::UserId => Arc::clone(&user_ids),
                OutputColumn::UserIdIn(rollup) => nullif(&user_ids, &absent[*rollup])?,
                OutputColumn::IsIn(rollup) => Arc::new(present[*rollup].clone()),
                OutputColumn::Column(rollup, column) => {
                    let values = values.next().unwrap_or_else(|| Arc::clone(&user_ids));
                    // Nothing counts as 0, but where the rollup has no row.
                    let may_count = matches!(column.merge, Merge::Count | Merge::Value(_));
                    let values = match may_count && values.data_type().is_integer() {
                        true => nullif(&values, &absent[*rollup])?,
                        false => values,
                    };
                    // The engine's sum of a DECIMAL has more digits than what is summed.
                    let cast = cast_with_options(&values, &column.data_type, &EXACT);
                    cast.map_err(|_| SumOverflow::of(&self.rollups[*rollup], &column.name))?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        self.count = 0;
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

impl OutputColumn {
    fn column(&self) -> Option<(usize, &MergedColumn)> {
        match self {
            Self::Column(rollup, column) => Some((*rollup, column)),
            Self::UserId | Self::UserIdIn(_) | Self::IsIn(_) => None,
        }
    }
}

/// Rows of one tile, for one column.
struct Rows<'a> {
    values: ArrayRef,
    /// Their users' places in the chunk.
    places: &'a [usize],
    /// The last day of the tile.
    last_day: i32,
}

impl Accumulated {
    fn new(rollup: &str, column: &MergedColumn) -> Result<Self> {
        let overflow = || SumOverflow::of(rollup, &column.name);
        match &column.merge {
            Merge::Count if column.data_type == DataType::Int64 => {
                return Ok(Self::Counts {
                    counts: Vec::new(),
                    overflow: overflow(),
                });
            }
            Merge::Sum if column.data_type == DataType::Int64 => {
                return Ok(Self::Sums {
                    sums: Vec::new(),
                    overflow: overflow(),
                });
            }
            Merge::Last => return Ok(Self::Latest(Latest::new(&column.data_type))),
            Merge::States(state) | Merge::Value(state) => {
                return Ok(Self::States {
                    merger: Box::new(state.merger()?),
                    gives_value: matches!(column.merge, Merge::Value(_)),
                });
            }
            Merge::Min | Merge::Max if column.data_type.is_floating() => {
                let keys = MergedColumn {
                    data_type: DataType::Int64,
                    ..column.clone()
                };
                return Ok(Self::Keyed(Box::new(Self::new(rollup, &keys)?)));
            }
            _ => {}
        }
        let input_type = column.data_type.clone();
        let field = Field::new(&column.source, input_type.clone(), true);
        let input = Arc::new(Column::new(&column.source, 0));
        let aggregate = AggregateExprBuilder::new(function_of(&column.merge), vec![input])
            .schema(Arc::new(Schema::new(vec![field])))
            .alias(&column.name)
            .build()?;
        Ok(Self::Values {
            input_type,
            accumulator: match aggregate.groups_accumulator_supported() {
                true => aggregate.create_groups_accumulator()?,
                false => {
                    let one_user = move || aggregate.create_accumulator();
                    Box::new(GroupsAccumulatorAdapter::new(one_user))
                }
            },
        })
    }

    /// Adds rows to their users' places in a chunk of `count` users.
    fn add(&mut self, rows: Rows<'_>, count: usize) -> Result<()> {
        let Rows { values, places, .. } = &rows;
        match self {
            Self::Counts { counts, overflow } => {
                counts.resize(count, 0);
                for (place, value) in integers(values, places) {
                    let sum = counts[place].checked_add(value);
                    counts[place] = sum.ok_or_else(|| overflow.clone())?;
                }
                Ok(())
            }
            Self::Sums { sums, overflow } => {
                sums.resize(count, None);
                for (place, value) in integers(values, places) {
                    let sum = sums[place].unwrap_or(0).checked_add(value);
                    sums[place] = Some(sum.ok_or_else(|| overflow.clone())?);
                }
                Ok(())
            }
            Self::Latest(latest) => latest.add(&rows, count),
            Self::Keyed(keys) => {
                let values = keys_of(&rows.values)?;
                keys.add(Rows { values, ..rows }, count)
            }
            Self::States { merger, .. } => merger.add(values, places, count),
            Self::Values { accumulator, .. } => {
                // An accumulator that gets no filter takes it that every user has a value, since
                // in a query a user is there because of one; here the value may be in another
                // tile, or nowhere.
                let all = BooleanArray::new(BooleanBuffer::new_set(values.len()), None);
                let values = Arc::clone(values);
                accumulator.update_batch(&[values], places, Some(&all), count)
            }
        }
    }

    /// The values of the chunk's users, and nothing left behind.
    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        match self {
            Self::Counts { counts, .. } => {
                counts.resize(count, 0);
                Ok(Arc::new(Int64Array::from(std::mem::take(counts))))
            }
            Self::Sums { sums, .. } => {
                sums.resize(count, None);
                Ok(Arc::new(Int64Array::from(std::mem::take(sums))))
            }
            Self::Latest(latest) => latest.finish(count),
            Self::Keyed(keys) => Ok(numbers_of(&keys.finish(count)?)),
            Self::States {
                merger,
                gives_value,
            } => match gives_value {
                true => merger.values(count),
                false => merger.states(count),
            },
            Self::Values {
                input_type,
                accumulator,
            } => {
                let all = BooleanArray::from(Vec::<bool>::new());
                let nothing = new_empty_array(input_type);
                accumulator.update_batch(&[nothing], &[], Some(&all), count)?;
                accumulator.evaluate(EmitTo::All)
            }
        }
    }
}

/// The numbers among values of BIGINT, with their places.
fn integers<'a>(
    values: &'a ArrayRef,
    places: &'a [usize],
) -> impl Iterator<Item = (usize, i64)> + 'a {
    let values = values.as_primitive::<Int64Type>();
    let rows = places.iter().enumerate();
    let given = rows.filter(move |(row, _)| values.is_valid(*row));
    given.map(move |(row, place)| (*place, values.value(row)))
}

/// The values of the latest tile that has each user, NULL or not.
struct Latest {
    data_type: DataType,
    /// What has been handed over; the first is one NULL, for users without a row.
    arrays: Vec<ArrayRef>,
    /// By place: the last day of the tile, and where its value is.
    chosen: Vec<Option<(i32, (usize, usize))>>,
}

impl Latest {
    fn new(data_type: &DataType) -> Self {
        Self {
            data_type: data_type.clone(),
            arrays: vec![new_null_array(data_type, 1)],
            chosen: Vec::new(),
        }
    }

    fn add(&mut self, rows: &Rows<'_>, count: usize) -> Result<()> {
        self.chosen.resize(count, None);
        let array = self.arrays.len();
        for (row, place) in rows.places.iter().enumerate() {
            let chosen = &mut self.chosen[*place];
            if chosen.is_none_or(|(last_day, _)| last_day < rows.last_day) {
                *chosen = Some((rows.last_day, (array, row)));
            }
        }
        self.arrays.push(cast(&rows.values, &self.data_type)?);
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.chosen.resize(count, None);
        let chosen = std::mem::take(&mut self.chosen).into_iter();
        let chosen = chosen.map(|chosen| chosen.map_or((0, 0), |(_, value)| value));
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        let values = interleave(&arrays, &chosen.collect::<Vec<_>>())?;
        self.arrays.truncate(1);
        Ok(values)
    }
}

/// The engine's function for what is merged by one.
fn function_of(merge: &Merge) -> Arc<AggregateUDF> {
    match merge {
        Merge::Count | Merge::Sum => sum_udaf(),
        Merge::Min => min_udaf(),
        Merge::Max | Merge::Last | Merge::States(_) | Merge::Value(_) => max_udaf(),
        Merge::And => bool_and_udaf(),
        Merge::Or => bool_or_udaf(),
        Merge::BitAnd => bit_and_udaf(),
        Merge::BitOr => bit_or_udaf(),
        Merge::BitXor => bit_xor_udaf(),
    }
}

/// A tile being read.
struct Cursor {
    rollup: usize,
    /// The last day of the tile.
    last_day: i32,
    reader: ParquetRecordBatchReader,
    /// Accumulated columns, and where their values are in a batch.
    uses: Vec<(usize, usize)>,
    /// Where the range begins and ends, as far as it does.
    from: Option<Bound>,
    before: Option<Bound>,
    batch: RecordBatch,
    keys: Keys,
    row: usize,
    /// The row's user, as numbers that mostly decide which of two comes first.
    key: Key,
    /// Places in the chunk of the rows passed since `handed_over`.
    places: Vec<usize>,
    handed_over: usize,
}

/// The users of a batch.
enum Keys {
    Number(Int64Array),
    Text(StringViewArray),
}

impl Cursor {
    /// A cursor on the first row of a tile that is of the range; none when it has no such row.
    fn open(
        tile: &TileFile,
        rollup: usize,
        uses: &[(usize, &str)],
        range: &UserRange,
    ) -> Result<Option<Self>> {
        if tile.rows == 0 {
            return Ok(None);
        }
        let options = match range.is_of_all() {
            true => ArrowReaderOptions::new(),
            false => ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional),
        };
        let file = File::open(&tile.path)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
        let rows = range.rows_in(builder.metadata());
        let schema = Arc::clone(builder.schema());
        let mut wanted = vec![schema.index_of(USER_ID)?];
        for (_, name) in uses {
            wanted.push(schema.index_of(name)?);
        }
        wanted.sort_unstable();
        wanted.dedup();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.clone());
        let mut builder = builder.with_projection(mask).with_batch_size(ROWS_READ);
        if let Some(rows) = rows {
            builder = builder.with_row_selection(rows);
        }
        let reader = builder.build()?;
        let in_batch = schema.project(&wanted)?;
        let uses = uses
            .iter()
            .map(|(at, name)| Ok((*at, in_batch.index_of(name)?)));
        let mut cursor = Self {
            rollup,
            last_day: tile.last_day,
            reader,
            uses: uses.collect::<Result<_>>()?,
            from: range.from.as_ref().map(Bound::of),
            before: range.before.as_ref().map(Bound::of),
            batch: RecordBatch::new_empty(Arc::new(Schema::empty())),
            keys: Keys::Number(Int64Array::from(Vec::<i64>::new())),
            row: 0,
            key: Key::default(),
            places: Vec::new(),
            handed_over: 0,
        };
        Ok(cursor.refill()?.then_some(cursor))
    }

    /// Moves to the next row of the batch, if there is one.
    fn advance(&mut self) -> bool {
        self.row += 1;
        let is_within = self.row < self.batch.num_rows();
        if is_within {
            self.key = self.keys.key(self.row);
        }
        is_within
    }

    /// Moves to the first row of the next batch that has one of the range, if there is one.
    fn refill(&mut self) -> Result<bool> {
        for batch in self.reader.by_ref() {
            let batch = batch?;
            let keys = Keys::of(&batch)?;
            let rows = 0..batch.num_rows();
            let first_from = |bound: &Bound| keys.first_from(bound, rows.end);
            let start = self.from.as_ref().map_or(0, first_from);
            let end = self.before.as_ref().map_or(rows.end, first_from);
            if start < end {
                self.batch = batch.slice(start, end - start);
                self.keys = keys.slice(start, end - start);
                self.row = 0;
                self.handed_over = 0;
                self.key = self.keys.key(0);
                return Ok(true);
            }
            if end < rows.end {
                break;
            }
        }
        Ok(false)
    }

    fn text(&self) -> Option<&str> {
        match &self.keys {
            Keys::Text(texts) => texts.is_valid(self.row).then(|| texts.value(self.row)),
            Keys::Number(_) => None,
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        let by_key = self.key.cmp(&other.key);
        match by_key {
            Ordering::Equal if self.key.is_cut() => self.text().cmp(&other.text()),
            Ordering::Equal if !self.key.is_given => self.rollup.cmp(&other.rollup),
            decided => decided,
        }
    }
}

/// Bytes of a user that a key holds.
const KEY_BYTES: usize = 16;

/// A user as numbers, smaller for those who come first: a NULL, a number in its order, or the
/// first bytes of a text and its length as far as they go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_given: bool,
    first: u128,
    /// At most one more than [`KEY_BYTES`].
    length: usize,
}

impl Key {
    fn of_number(number: Option<i64>) -> Self {
        let Some(number) = number else {
            return Self::default();
        };
        // The sign bit flipped, negative numbers come first.
        let ordered = number.cast_unsigned() ^ (1 << 63);
        Self {
            is_given: true,
            first: ordered.into(),
            length: 0,
        }
    }

    fn of_text(text: Option<&str>) -> Self {
        let Some(text) = text.map(str::as_bytes) else {
            return Self::default();
        };
        let held = text.len().min(KEY_BYTES);
        let mut first = [0; KEY_BYTES];
        first[..held].copy_from_slice(&text[..held]);
        Self {
            is_given: true,
            first: u128::from_be_bytes(first),
            length: text.len().min(KEY_BYTES + 1),
        }
    }

    /// Whether the text is longer than what the key holds of it.
    fn is_cut(self) -> bool {
        self.length > KEY_BYTES
    }
}

/// A user that a range begins with or ends before.
struct Bound {
    key: Key,
    /// The user in full, when it is a text.
    text: Option<String>,
}

impl Bound {
    fn of(user: &UserId) -> Self {
        match user {
            UserId::Number(number) => Self {
                key: Key::of_number(Some(*number)),
                text: None,
            },
            UserId::Text(text) => Self {
                key: Key::of_text(Some(text)),
                text: Some(text.clone()),
            },
        }
    }
}

impl Keys {
    fn of(batch: &RecordBatch) -> Result<Self> {
        let users = batch.column(batch.schema_ref().index_of(USER_ID)?);
        Ok(match users.data_type() {
            DataType::Int64 => Self::Number(users.as_primitive::<Int64Type>().clone()),
            _ => Self::Text(cast(users, &DataType::Utf8View)?.as_string_view().clone()),
        })
    }

    fn slice(&self, start: usize, rows: usize) -> Self {
        match self {
            Self::Number(numbers) => Self::Number(numbers.slice(start, rows)),
            Self::Text(texts) => Self::Text(texts.slice(start, rows)),
        }
    }

    /// The first of `rows` rows whose user does not come before another one; `rows` when all do.
    fn first_from(&self, bound: &Bound, rows: usize) -> usize {
        let (mut start, mut end) = (0, rows);
        while start < end {
            let middle = start.midpoint(end);
            match self.is_before(middle, bound) {
                true => start = middle + 1,
                false => end = middle,
            }
        }
        start
    }

    fn is_before(&self, row: usize, bound: &Bound) -> bool {
        let by_key = self.key(row).cmp(&bound.key);
        match (by_key, self) {
            (Ordering::Equal, Self::Text(texts)) if bound.key.is_cut() => {
                Some(texts.value(row)) < bound.text.as_deref()
            }
            _ => by_key == Ordering::Less,
        }
    }

    fn key(&self, row: usize) -> Key {
        match self {
            Self::Number(numbers) => {
                Key::of_number(numbers.is_valid(row).then(|| numbers.value(row)))
            }
            Self::Text(texts) => Key::of_text(texts.is_valid(row).then(|| texts.value(row))),
        }
    }
}

/// The users of the chunk at hand.
enum Users {
    Number {
        builder: Int64Builder,
        last: Key,
    },
    Text {
        builder: StringViewBuilder,
        last: Key,
        /// The last user in full, when the key does not hold all of it.
        last_text: String,
    },
}

impl Users {
    fn new(user_id_type: &DataType) -> Self {
        match user_id_type {
            DataType::Int64 => Self::Number {
                builder: Int64Builder::new(),
                last: Key::default(),
            },
            _ => Self::Text {
                builder: StringViewBuilder::new(),
                last: Key::default(),
                last_text: String::new(),
            },
        }
    }

    fn push(&mut self, cursor: &Cursor) {
        match (self, &cursor.keys) {
            (Self::Number { builder, last }, Keys::Number(numbers)) => {
                *last = cursor.key;
                builder.append_option(
                    numbers
                        .is_valid(cursor.row)
                        .then(|| numbers.value(cursor.row)),
                );
            }
            (
                Self::Text {
                    builder,
                    last,
                    last_text,
                },
                Keys::Text(_),
            ) => {
                *last = cursor.key;
                let text = cursor.text();
                builder.append_option(text);
                if last.is_cut() {
                    last_text.clear();
                    last_text.push_str(text.unwrap_or_default());
                }
            }
            _ => {}
        }
    }

    /// Whether a cursor is on the user that was pushed last.
    fn is_last(&self, cursor: &Cursor) -> bool {
        match self {
            Self::Number { last, .. } => *last == cursor.key,
            Self::Text {
                last, last_text, ..
            } => *last == cursor.key && (!last.is_cut() || Some(&**last_text) == cursor.text()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Number { builder, .. } => Arc::new(builder.finish()),
            Self::Text { builder, .. } => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The order of two users as cursors see it.
    fn order(left: Option<&str>, right: Option<&str>) -> Ordering {
        let keys = [left, right].map(Key::of_text);
        match keys[0].cmp(&keys[1]) {
            Ordering::Equal if keys[0].is_cut() => left.cmp(&right),
            decided => decided,
        }
    }

    proptest! {
        #[test]
        fn texts_come_in_the_order_of_their_bytes(
            left in prop::option::of("[ab\\u{0}é]{0,20}"),
            right in prop::option::of("[ab\\u{0}é]{0,20}"),
        ) {
            let (left, right) = (left.as_deref(), right.as_deref());
            prop_assert_eq!(order(left, right), left.cmp(&right));
        }

        #[test]
        fn numbers_come_in_their_order(left in any::<Option<i64>>(), right in any::<Option<i64>>()) {
            let keys = [left, right].map(Key::of_number);
            prop_assert_eq!(keys[0].cmp(&keys[1]), left.cmp(&right));
        }
    }
}
