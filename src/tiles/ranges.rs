//! Ranges of users: a night cuts its users into some, which are merged, settled and written side by side.
//!
//! ```text
//! split points        m           t
//! ranges      [a .. m)   [m .. t)   [t .. z]
//! ```
//!
//! A range has the users from a split point on and before the next; users that are NULL are in the first.
//! Which split points there are is a matter of one run: the rows of each user are the same whatever the
//! ranges. They are cut so that ranges hold about as many rows of the largest tiles: from the bounds of the
//! pages, or, where a tile has few pages, from its users.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{ScalarValue, SplitPoint};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr, RangePartitioning};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use serde::{Deserialize, Serialize};

use super::file::TileFile;
use super::keys::USER_ID;

/// Tiles that ranges are cut from, the largest ones.
const TILES_LOOKED_AT: usize = 4;

/// Pages that a tile must have for each range, so that its pages alone are looked at.
const PAGES_PER_RANGE: usize = 16;

/// Users that are looked at for each range where a tile has fewer pages, or somewhat more.
const USERS_PER_RANGE: usize = 4096;

/// A user, in the order of tiles and snapshots: numbers by value, texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UserId {
    /// BIGINT.
    Number(i64),
    /// VARCHAR.
    Text(String),
}

/// The ranges of a run. Without split points there is one, of all users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserRanges {
    /// The first user of each range but the first, in ascending order.
    splits: Vec<UserId>,
    /// What they are ranges of; mostly all users.
    within: UserRange,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRange {
    /// The first user that may be in it; any when none, NULL too.
    pub from: Option<UserId>,
    /// The first user after it; any may be in it when none.
    pub before: Option<UserId>,
}

impl UserRanges {
    /// Ranges with about the same number of rows of the largest tiles; fewer than `count` where the tiles
    /// have too few users.
    ///
    /// # Errors
    /// Tiles that cannot be read.
    pub fn cut<'a>(tiles: impl IntoIterator<Item = &'a TileFile>, count: usize) -> Result<Self> {
        if count < 2 {
            return Ok(Self::default());
        }
        let mut tiles: Vec<&TileFile> = tiles.into_iter().collect();
        tiles.sort_by(|left, right| (right.rows, &left.path).cmp(&(left.rows, &right.path)));
        tiles.truncate(TILES_LOOKED_AT);
        let mut marks = Vec::new();
        for tile in tiles {
            marks.extend(marks_of(tile, count)?);
        }
        marks.sort();
        Ok(Self {
            splits: splits(&marks, count),
            within: UserRange::default(),
        })
    }

    /// Two ranges, the second of which begins with this user.
    pub fn split_at(user: UserId) -> Self {
        Self {
            splits: vec![user],
            within: UserRange::default(),
        }
    }

    /// One range alone: users outside it are not looked at.
    #[cfg(feature = "cluster")]
    pub fn only(range: UserRange) -> Self {
        Self {
            splits: Vec::new(),
            within: range,
        }
    }

    /// All users of them.
    pub fn within(&self) -> &UserRange {
        &self.within
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.splits.len() + 1
    }

    /// Each of them, in the order of users.
    pub fn iter(&self) -> impl Iterator<Item = UserRange> {
        (0..self.count()).map(|index| UserRange {
            from: match index.checked_sub(1) {
                Some(before) => self.splits.get(before).cloned(),
                None => self.within.from.clone(),
            },
            before: match self.splits.get(index) {
                Some(next) => Some(next.clone()),
                None => self.within.before.clone(),
            },
        })
    }

    /// How rows lie that come range after range: `user_id` is the place of the column, `user_id_type` its
    /// type.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn partitioning(
        &self,
        user_id: usize,
        user_id_type: &DataType,
    ) -> Result<RangePartitioning> {
        let column = Arc::new(Column::new(USER_ID, user_id));
        let by_user = LexOrdering::from([PhysicalSortExpr::new(column, SortOptions::default())]);
        RangePartitioning::try_new(by_user, self.split_points(user_id_type)?)
    }

    /// The users between which ranges lie, as the engine has them.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn split_points(&self, user_id_type: &DataType) -> Result<Vec<SplitPoint>> {
        let split_points = self.splits.iter().map(|user| {
            let user = user.as_scalar().cast_to(user_id_type)?;
            Ok(SplitPoint::new(vec![user]))
        });
        split_points.collect()
    }
}

impl UserRange {
    /// What holds of its users; nothing of all users.
    pub fn condition(&self) -> Option<Expr> {
        let user = || ident(USER_ID);
        let from = self.from.iter();
        let from = from.map(|first| user().gt_eq(lit(first.as_scalar())));
        let before = self.before.iter();
        let before = before.map(|next| user().lt(lit(next.as_scalar())));
        let within = from.chain(before).reduce(Expr::and)?;
        Some(match self.from {
            Some(_) => within,
            None => within.or(user().is_null()),
        })
    }

    /// Whether it has every user.
    pub(super) fn is_of_all(&self) -> bool {
        self.from.is_none() && self.before.is_none()
    }

    /// The rows of a tile that may be of its users, by the bounds of the pages; none when all may be.
    pub(super) fn rows_in(&self, tile: &ParquetMetaData) -> Option<RowSelection> {
        if self.is_of_all() {
            return None;
        }
        let pages = pages_of(tile)?;
        let total = pages.last()?.rows.end;
        let may_have = |page: &&Page| {
            let is_before = match (&page.last, &self.from) {
                (Some(last), Some(from)) => last < from,
                _ => false,
            };
            let is_behind = match (&page.first, &self.before) {
                (Some(first), Some(before)) => first >= before,
                _ => false,
            };
            !is_before && !is_behind
        };
        let ranges = pages.iter().filter(may_have).map(|page| page.rows.clone());
        Some(RowSelection::from_consecutive_ranges(ranges, total))
    }
}

impl UserId {
    fn as_scalar(&self) -> ScalarValue {
        match self {
            Self::Number(number) => ScalarValue::Int64(Some(*number)),
            Self::Text(text) => ScalarValue::Utf8(Some(text.clone())),
        }
    }
}

/// A user of a tile, and how many rows come from there on.
type Mark = (UserId, u64);

/// Some users of a tile, with the rows up to the next one.
fn marks_of(tile: &TileFile, ranges: usize) -> Result<Vec<Mark>> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = ArrowReaderMetadata::load(&File::open(&tile.path)?, options)?;
    match pages_of(metadata.metadata()) {
        Some(pages) if pages.len() >= ranges * PAGES_PER_RANGE => {
            let marks = pages.into_iter();
            let marks = marks.filter_map(|page| Some((page.first?, page.rows.len() as u64)));
            Ok(marks.collect())
        }
        _ => users_of(tile, ranges),
    }
}

/// Users of a tile, all of them where they are few, and else one of each so many.
fn users_of(tile: &TileFile, ranges: usize) -> Result<Vec<Mark>> {
    let step = tile.rows as usize / (ranges * USERS_PER_RANGE) + 1;
    let mark = |user| (user, step as u64);
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&tile.path)?)?;
    let column = builder.schema().index_of(USER_ID)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
    let mut users = Vec::new();
    for batch in builder.with_projection(mask).build()? {
        let batch = batch?;
        let column = batch.column(0);
        match column.data_type() {
            DataType::Int64 => {
                let numbers = column.as_primitive::<Int64Type>().iter().step_by(step);
                let numbers = numbers.flatten().map(UserId::Number);
                users.extend(numbers.map(mark));
            }
            _ => {
                let texts = cast(column, &DataType::Utf8View)?;
                let texts = texts.as_string_view().iter().step_by(step);
                let texts = texts.flatten().map(|text| UserId::Text(text.to_owned()));
                users.extend(texts.map(mark));
            }
        }
    }
    Ok(users)
}

/// The users at which ranges of about the same number of rows begin.
fn splits(marks: &[Mark], count: usize) -> Vec<UserId> {
    let total: u64 = marks.iter().map(|(_, rows)| rows).sum();
    let mut splits: Vec<UserId> = Vec::new();
    let mut before = 0;
    for (user, rows) in marks {
        let next = splits.len() as u64 + 1;
        let is_due = next < count as u64 && before * count as u64 >= total * next;
        if is_due && splits.last().is_none_or(|last| last < user) {
            splits.push(user.clone());
        }
        before += rows;
    }
    splits
}

/// A page of the column with the users.
struct Page {
    /// No user in it comes before this one; none when that is not known.
    first: Option<UserId>,
    /// No user in it comes after this one.
    last: Option<UserId>,
    /// The rows, counted from the start of the file.
    rows: Range<usize>,
}

/// The pages of a tile; none when it does not say what they hold.
fn pages_of(tile: &ParquetMetaData) -> Option<Vec<Page>> {
    let columns = tile.file_metadata().schema_descr().columns();
    let column = columns
        .iter()
        .position(|column| column.path().string() == USER_ID)?;
    let (bounds, places) = (tile.column_index()?, tile.offset_index()?);
    let mut pages = Vec::new();
    let mut start = 0;
    for (group, row_group) in tile.row_groups().iter().enumerate() {
        let end = start + usize::try_from(row_group.num_rows()).ok()?;
        let bounds = bounds.get(group)?.get(column)?;
        let places = &places.get(group)?.get(column)?.page_locations;
        let first_rows = places.iter().map(|place| place.first_row_index);
        let first_rows: Vec<i64> = first_rows.collect();
        for (page, first) in first_rows.iter().enumerate() {
            let first = start + usize::try_from(*first).ok()?;
            let next = first_rows.get(page + 1);
            let next = next.map(|next| usize::try_from(*next)).transpose().ok()?;
            let (first_user, last_user) = users_between(bounds, page)?;
            pages.push(Page {
                first: first_user,
                last: last_user,
                rows: first..next.map_or(end, |next| start + next),
            });
        }
        start = end;
    }
    (!pages.is_empty()).then_some(pages)
}

/// The bounds of a page, each as far as it is known. Those of long texts are cut: the first one down, the
/// last one up.
fn users_between(
    bounds: &ColumnIndexMetaData,
    page: usize,
) -> Option<(Option<UserId>, Option<UserId>)> {
    // NULL comes first: what is before the page's own first user is not known.
    let has_null = bounds.null_count(page).is_none_or(|nulls| nulls > 0);
    let (first, last) = match bounds {
        ColumnIndexMetaData::INT64(numbers) => (
            numbers
                .min_value(page)
                .map(|number| UserId::Number(*number)),
            numbers
                .max_value(page)
                .map(|number| UserId::Number(*number)),
        ),
        ColumnIndexMetaData::BYTE_ARRAY(texts) => {
            let text = |bytes: &[u8]| {
                let text = std::str::from_utf8(bytes).ok()?;
                Some(UserId::Text(text.to_owned()))
            };
            (
                texts.min_value(page).and_then(text),
                texts.max_value(page).and_then(text),
            )
        }
        _ => return None,
    };
    Some((first.filter(|_| !has_null), last))
}

#[cfg(test)]
mod tests;
