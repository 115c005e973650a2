//! A stored tile as whoever computes a range of users elsewhere is told of it: only the pages of that range are
//! brought to this machine.
//!
//! ```text
//! object   | dictionary | page | page | page | page | .. | page indexes, footer |
//! file     | dictionary |      | page | page |      | .. | page indexes, footer |
//! ```
//!
//! The file is as long as the object, and what is not read of it is a hole.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStoreExt;
use object_store::path::Path as ObjectPath;
use parquet::arrow::async_reader::MetadataFetch;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use serde::{Deserialize, Serialize};

use crate::storage::Location;

use super::error::TileError;
use super::file::TileFile;
use super::ranges::UserRange;

/// Bytes at the end of an object that are read for its footer, which mostly is among them.
const FOOTER_BYTES: usize = 64 * 1024;

/// Bytes of a tile that are in memory before they are written.
const BYTES_AT_ONCE: u64 = 8 << 20;

/// A stored tile, which was found to be whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileObject {
    /// Its key, from the root of the store.
    path: String,
    size_bytes: u64,
    digest: String,
    rows: u64,
    last_day: i32,
}

impl TileObject {
    /// The object of a tile; none of a part of one.
    pub fn of(tile: &TileFile) -> Option<Self> {
        Some(Self {
            path: tile.stored.as_ref()?.to_string(),
            size_bytes: tile.size_bytes,
            digest: tile.digest.clone(),
            rows: tile.rows,
            last_day: tile.last_day,
        })
    }

    /// Brings the pages with users of a range into a folder.
    ///
    /// # Errors
    /// A store or disk that fails, and an object that is gone or another one.
    pub async fn fetch(
        &self,
        output: &Location,
        folder: &Path,
        range: &UserRange,
    ) -> Result<TileFile, TileError> {
        let object = ObjectPath::parse(&self.path).map_err(|error| {
            let path = ObjectPath::from(self.path.as_str());
            output.failure("read", &path, error.into())
        })?;
        let failed = |error| TileError::from(output.failure("read", &object, error));
        let unreadable = |error: ParquetError| {
            failed(object_store::Error::Generic {
                store: "tiles",
                source: error.into(),
            })
        };
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_prefetch_hint(Some(FOOTER_BYTES))
            .load_and_finish(Parts(output, &object), self.size_bytes);
        let metadata = metadata.await.map_err(unreadable)?;
        let places = places_of(&metadata, range, self.size_bytes);
        // Its name in the folder: that of the rollup, and its own.
        let parts: Vec<_> = object.parts().collect();
        let parts = parts[parts.len().saturating_sub(2)..].iter();
        let name: Vec<&str> = parts.map(AsRef::as_ref).collect();
        let path = folder.join(name.join("_"));
        let disk = TileError::disk(&path);
        let file = File::create(&path).and_then(|file| {
            file.set_len(self.size_bytes)?;
            Ok(file)
        });
        let mut file = file.map_err(|error| disk(error.into()))?;
        for places in batches_of(places) {
            let read = output.store.get_ranges(&object, &places).await;
            let read = places.into_iter().zip(read.map_err(failed)?).collect();
            file = write_places(file, read).await.map_err(&disk)?;
        }
        Ok(TileFile {
            path,
            size_bytes: self.size_bytes,
            digest: self.digest.clone(),
            rows: self.rows,
            stored: Some(object),
            last_day: self.last_day,
        })
    }
}

/// An object, which is read in parts.
struct Parts<'a>(&'a Location, &'a ObjectPath);

impl MetadataFetch for Parts<'_> {
    fn fetch(&mut self, part: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let Self(output, object) = self;
        let read = async move { output.store.get_range(object, part).await };
        read.map(|read| read.map_err(|error| ParquetError::External(Box::new(error))))
            .boxed()
    }
}

/// What is read of an object: the pages of a range, and everything behind them.
fn places_of(tile: &ParquetMetaData, range: &UserRange, size_bytes: u64) -> Vec<Range<u64>> {
    let whole = || std::iter::once(0..size_bytes).collect();
    let (Some(mut rows), Some(index)) = (range.rows_in(tile), tile.offset_index()) else {
        return whole();
    };
    let columns = tile.row_groups().iter().flat_map(|group| group.columns());
    let end = columns.map(|column| column.byte_range()).map(end_of).max();
    let mut places = Vec::new();
    for (group, index) in tile.row_groups().iter().zip(index) {
        let Ok(count) = usize::try_from(group.num_rows()) else {
            return whole();
        };
        let rows = rows.split_off(count);
        for (column, index) in group.columns().iter().zip(index) {
            let first = index.page_locations().first();
            // Which a reader reads as well of columns whose pages it skips.
            places.extend(dictionary_of(column, first.map(|page| page.offset)));
            places.extend(rows.scan_ranges(index.page_locations()));
        }
    }
    places.push(end.unwrap_or(0)..size_bytes);
    places
}

fn end_of((start, length): (u64, u64)) -> u64 {
    start + length
}

/// What comes before the first page of a column.
fn dictionary_of(column: &ColumnChunkMetaData, first_page: Option<i64>) -> Option<Range<u64>> {
    let (start, _) = column.byte_range();
    let first_page = u64::try_from(first_page?).ok()?;
    (start < first_page).then_some(start..first_page)
}

/// The same places in requests of some bytes each, so that a large tile is never in memory as a whole.
fn batches_of(places: Vec<Range<u64>>) -> Vec<Vec<Range<u64>>> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for mut place in places {
        while place.start < place.end {
            let part = place.start..place.end.min(place.start + BYTES_AT_ONCE);
            place.start = part.end;
            bytes += part.end - part.start;
            batch.push(part);
            if bytes >= BYTES_AT_ONCE {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
        }
    }
    batches.push(batch);
    batches
}

/// Writes what was read to where it was.
async fn write_places(
    mut file: File,
    read: Vec<(Range<u64>, Bytes)>,
) -> Result<File, ParquetError> {
    let written = tokio::task::spawn_blocking(move || {
        for (place, bytes) in read {
            file.seek(SeekFrom::Start(place.start))?;
            file.write_all(&bytes)?;
        }
        Ok::<_, std::io::Error>(file)
    });
    let written = written.await;
    Ok(written.map_err(|error| ParquetError::External(Box::new(error)))??)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::execution::object_store::ObjectStoreUrl;
    use object_store::memory::InMemory;
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
    use parquet::file::properties::WriterProperties;
    use tempfile::TempDir;

    use super::*;
    use crate::tiles::keys::USER_ID;
    use crate::tiles::ranges::UserId;

    const USERS: i64 = 40_000;

    /// A tile of three row groups and many pages, with dictionaries.
    fn bytes() -> Vec<u8> {
        let texts = (0..USERS).map(|user| format!("text {}", user % 7));
        let columns: [(&str, ArrayRef); 3] = [
            (USER_ID, Arc::new(Int64Array::from_iter_values(0..USERS))),
            ("text", Arc::new(StringArray::from_iter_values(texts))),
            (
                "count",
                Arc::new(Int64Array::from_iter_values(
                    (0..USERS).map(|user| user * 3),
                )),
            ),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(16_384))
            .set_data_page_row_count_limit(1_000)
            .set_write_batch_size(500)
            // As those of tiles.
            .set_column_dictionary_enabled(USER_ID.into(), false)
            .set_column_dictionary_enabled("count".into(), false)
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.into_inner().unwrap()
    }

    fn range(from: Option<i64>, before: Option<i64>) -> UserRange {
        UserRange {
            from: from.map(UserId::Number),
            before: before.map(UserId::Number),
        }
    }

    /// The rows of a range's pages, as a merge reads them.
    fn rows_of(file: &TileFile, range: &UserRange) -> RecordBatch {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let opened = File::open(&file.path).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new_with_options(opened, options).unwrap();
        let rows = range.rows_in(reader.metadata());
        let schema = Arc::clone(reader.schema());
        let reader = match rows {
            Some(rows) => reader.with_row_selection(rows),
            None => reader,
        };
        let batches = reader.build().unwrap().collect::<Result<Vec<_>, _>>();
        concat_batches(&schema, &batches.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_pages_of_a_range_are_brought_here_and_no_others() {
        let bytes = bytes();
        let output = Location {
            store: Arc::new(InMemory::new()),
            root: ObjectStoreUrl::parse("memory:///").unwrap(),
            path: ObjectPath::default(),
            traffic: Arc::default(),
        };
        let object = ObjectPath::from("tiles/purchases/a.parquet");
        let put = output.store.put(&object, bytes.clone().into());
        put.await.unwrap();
        let tile = TileObject {
            path: object.to_string(),
            size_bytes: bytes.len() as u64,
            digest: String::new(),
            rows: USERS as u64,
            last_day: 0,
        };
        let folder = TempDir::new().unwrap();
        let ranges = [
            range(None, Some(700)),
            // Over the end of a row group.
            range(Some(16_000), Some(17_000)),
            range(Some(39_999), None),
            range(Some(50_000), None),
            range(None, None),
        ];
        for range in ranges {
            let fetched = tile.fetch(&output, folder.path(), &range).await.unwrap();
            let rows = rows_of(&fetched, &range);
            let users = rows.column(0).as_primitive::<Int64Type>();
            let (texts, counts) = (rows.column(1), rows.column(2));
            let texts = texts.as_string::<i32>();
            let counts = counts.as_primitive::<Int64Type>();
            for row in 0..rows.num_rows() {
                let user = users.value(row);
                assert_eq!(texts.value(row), format!("text {}", user % 7));
                assert_eq!(counts.value(row), user * 3);
            }
            let is_in = |user: &i64| {
                let user = UserId::Number(*user);
                range.from.as_ref().is_none_or(|from| *from <= user)
                    && range.before.as_ref().is_none_or(|before| user < *before)
            };
            let expected = (0..USERS).filter(is_in).count();
            let found = users.values().iter().filter(|user| is_in(user)).count();
            assert_eq!(found, expected, "{range:?}");
            let written = std::fs::read(&fetched.path).unwrap();
            let is_hole = |(written, whole): &(&u8, &u8)| **written == 0 && **whole != 0;
            let holes = written.iter().zip(&bytes).filter(is_hole).count();
            let is_whole = range == UserRange::default();
            assert_eq!(holes == 0, is_whole, "{range:?}");
            let all = bytes.iter().filter(|byte| **byte != 0).count();
            assert!(is_whole || holes * 2 > all, "{range:?}: {holes} of {all}");
        }
    }
}
