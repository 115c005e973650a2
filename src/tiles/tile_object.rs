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
use std::path::{Path, PathBuf};

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
        let object = ObjectPath::from(self.path.as_str());
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
        let read = output.store.get_ranges(&object, &places).await;
        let read = places.into_iter().zip(read.map_err(failed)?).collect();
        let path = folder.join(self.path.replace('/', "_"));
        let written = write_places(path.clone(), self.size_bytes, read).await;
        written.map_err(TileError::disk(&path))?;
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
            let pages = rows.scan_ranges(index.page_locations());
            let first = index.page_locations().first();
            if !pages.is_empty() {
                places.extend(dictionary_of(column, first.map(|page| page.offset)));
            }
            places.extend(pages);
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

/// Writes what was read to where it was.
async fn write_places(
    path: PathBuf,
    size_bytes: u64,
    read: Vec<(Range<u64>, Bytes)>,
) -> Result<(), ParquetError> {
    let written = tokio::task::spawn_blocking(move || {
        let mut file = File::create(&path)?;
        file.set_len(size_bytes)?;
        for (place, bytes) in read {
            file.seek(SeekFrom::Start(place.start))?;
            file.write_all(&bytes)?;
        }
        Ok::<_, std::io::Error>(())
    });
    let written = written.await;
    Ok(written.map_err(|error| ParquetError::External(Box::new(error)))??)
}
