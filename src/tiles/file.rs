//! A tile as a file: written to this machine's disk with a stamp inside, and accepted from a
//! store only when its digest and its stamp are the expected ones.
//!
//! A tile is Parquet, compressed by LZ4, with integers as packed differences, in the order of its first column, NULL
//! first, with one row a user:
//!
//! | column | type |
//! |---|---|
//! | `user_id` | BIGINT or VARCHAR, as staging selects it; texts are ordered by their bytes |
//! | one for each column of the rollup, of its name | that of the aggregate: BIGINT for counts and DECIMAL for sums, or whatever MIN and the like give, NULL where it has no value; or a state, as below |
//!
//! | state of | type |
//! |---|---|
//! | `FIRST_VALUE`, `LAST_VALUE` by keys, `last_n_distinct`, `COUNT(DISTINCT x)` | a list of STRUCT(`value`, `key_1`, ...), the first to come first; empty without any |
//! | `AVG` | STRUCT(`count` BIGINT, `sum` DECIMAL(38, s)) of what has s digits behind the point |
//! | `VAR`, `STDDEV` and their kin | the same and `squares` DECIMAL(76, 2s) |
//! | `APPROX_DISTINCT` | VARBINARY, as the engine has it |
//!
//! The file's metadata has the stamp under the key `tierline.tile`, as JSON:
//!
//! ```json
//! {"rollup": "rollups.purchases", "period": "2026-11-20.1d",
//!  "address": "2026-11-20.1d-7a1d9592-af1349b9-ba7c62cd344fe4b4", "rows": 2}
//! ```
//!
//! | field | |
//! |---|---|
//! | `rollup` | the table |
//! | `period` | the [days](super::period): `<first day>.<length>d`, or `until.<last day>` |
//! | `address` | [what the rows depend on](super::address), which the name of the file begins with |
//! | `rows` | how many there are |
//! | `engine` | the version of the engine that wrote states in a form of its own; left out where there are none |
//!
//! The [store](super::store) says what the name is. The version of the format is a part of the
//! address, so that a tile of another has another name: tiles of version 2 differ in nothing else, and
//! are taken for days that have expired; those of version 1 are made again.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use object_store::path::Path as ObjectPath;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};

use crate::ground::TableName;

use super::address::Address;
use super::keys::USER_ID;
use super::period::Period;
use super::store::StoredTile;

/// The key of the stamp in a file's metadata.
const STAMP: &str = "tierline.tile";

/// Hex digits of the digest of a tile's bytes.
const DIGEST_DIGITS: usize = 16;

/// Rows of a page at most.
const PAGE_ROWS: usize = 8192;

/// Bytes that are read and hashed at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What a tile says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// The rollup's table, `rollups.<name>`.
    pub rollup: String,
    /// The days, as the tile's name has them.
    pub period: String,
    /// Everything the rows depend on.
    pub address: String,
    /// How many rows there are.
    pub rows: u64,
    /// The version of the engine whose states there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
}

/// Whose tile it is, and whose states it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Maker {
    /// The rollup's table.
    pub rollup: TableName,
    /// The version of the engine whose states there are; none where all forms are ours.
    pub engine: Option<&'static str>,
}

impl Stamp {
    fn new(maker: &Maker, period: Period, address: &str, rows: u64) -> Self {
        Self {
            rollup: maker.rollup.to_string(),
            period: period.to_string(),
            address: address.to_string(),
            rows,
            engine: maker.engine.map(str::to_owned),
        }
    }
}

/// A whole tile on this machine's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileFile {
    /// Where.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub digest: String,
    /// Its rows.
    pub rows: u64,
    /// Its object in the store; none of a file that has only a part of a tile.
    pub stored: Option<ObjectPath>,
    /// The last of its days, counted from 1970-01-01: of several tiles that have a user, the one
    /// with the latest is the newest. None of them share days.
    pub last_day: i32,
}

/// Writes one tile.
pub(super) struct TileWriter {
    path: PathBuf,
    stamp: Stamp,
    last_day: i32,
    writer: ArrowWriter<Hashing<BufWriter<File>>>,
}

impl TileWriter {
    /// Starts a tile.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub(super) fn create(
        path: PathBuf,
        maker: &Maker,
        address: &Address,
        schema: SchemaRef,
    ) -> Result<Self, ParquetError> {
        let file = Hashing::new(BufWriter::new(File::create(&path)?));
        let properties = parquet_properties(&schema)?;
        Ok(Self {
            path,
            stamp: Stamp::new(maker, address.period, &address.to_string(), 0),
            last_day: address.period.last(),
            writer: ArrowWriter::try_new(file, schema, Some(properties))?,
        })
    }

    /// Adds rows, which come sorted by user.
    ///
    /// # Errors
    /// A disk that is full.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        self.stamp.rows += rows.num_rows() as u64;
        self.writer.write(rows)
    }

    /// Completes the file.
    ///
    /// # Errors
    /// A disk that is full.
    pub(super) fn finish(mut self) -> Result<TileFile, ParquetError> {
        let stamp = serde_json::to_string(&self.stamp);
        let stamp = stamp.map_err(|error| ParquetError::External(Box::new(error)))?;
        self.writer
            .append_key_value_metadata(KeyValue::new(STAMP.to_owned(), stamp));
        let mut file = self.writer.into_inner()?;
        file.flush()?;
        Ok(TileFile {
            path: self.path,
            size_bytes: file.bytes,
            digest: digest_of(&file.hasher),
            rows: self.stamp.rows,
            stored: None,
            last_day: self.last_day,
        })
    }
}

/// Accepts a file as the stored tile of a period, or says what is wrong with it.
///
/// # Errors
/// A disk that cannot be read.
pub(super) fn accept(
    path: &Path,
    maker: &Maker,
    stored: &StoredTile,
    period: Period,
    expected: &Schema,
) -> io::Result<Result<TileFile, Refusal>> {
    let (found, size_bytes) = digest_of_file(path)?;
    if found != stored.digest {
        return Ok(Err(Refusal::damaged(
            "its bytes are not those that were written",
        )));
    }
    let Ok(metadata) = ArrowReaderMetadata::load(&File::open(path)?, Default::default()) else {
        return Ok(Err(Refusal::damaged("it is not Parquet")));
    };
    let pairs = metadata.metadata().file_metadata().key_value_metadata();
    let stamp = pairs.into_iter().flatten().find(|pair| pair.key == STAMP);
    let stamp = stamp.and_then(|pair| serde_json::from_str::<Stamp>(pair.value.as_deref()?).ok());
    let rows = metadata.metadata().file_metadata().num_rows();
    let rows = rows.cast_unsigned();
    if stamp != Some(Stamp::new(maker, period, &stored.address, rows)) {
        return Ok(Err(Refusal::damaged("its footer names another tile")));
    }
    if let Some(refusal) = other_types(metadata.schema(), expected) {
        return Ok(Err(refusal));
    }
    Ok(Ok(TileFile {
        path: path.to_owned(),
        size_bytes,
        digest: found,
        rows,
        stored: Some(stored.path.clone()),
        last_day: period.last(),
    }))
}

/// Why a file is not the tile it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is as good as not there.
    Damaged(String),
    /// It has texts in a column of which today's files have numbers alone.
    Texts(String),
}

impl Refusal {
    fn damaged(what: &str) -> Self {
        Self::Damaged(what.to_owned())
    }
}

/// Why the columns of a tile cannot be merged with those of others: files that had a column in
/// one type may have it in another from a day on.
fn other_types(found: &Schema, expected: &Schema) -> Option<Refusal> {
    let differs = |field: &&FieldRef| {
        let stored = found.field_with_name(field.name());
        !stored.is_ok_and(|stored| plain(stored.data_type()) == plain(field.data_type()))
    };
    let mut fields = expected.fields().iter();
    let column = fields.find(differs)?;
    let name = column.name();
    let stored = found.field_with_name(name);
    let has_texts = stored.is_ok_and(|stored| {
        has_texts_for_numbers(&plain(stored.data_type()), &plain(column.data_type()))
    });
    if has_texts && name != USER_ID {
        return Some(Refusal::Texts(name.clone()));
    }
    Some(Refusal::Damaged(format!(
        "its column {name} has another type than today's files give"
    )))
}

/// Whether a type has texts where the other one has whole numbers, be it in a part of it, such as a value
/// that a state is ordered by.
fn has_texts_for_numbers(stored: &DataType, expected: &DataType) -> bool {
    match (stored, expected) {
        (DataType::Utf8, DataType::Int64) => true,
        (DataType::List(stored), DataType::List(expected)) => {
            has_texts_for_numbers(stored.data_type(), expected.data_type())
        }
        (DataType::Struct(stored), DataType::Struct(expected)) => {
            let mut parts = stored.iter().zip(expected);
            parts.any(|(stored, expected)| {
                has_texts_for_numbers(stored.data_type(), expected.data_type())
            })
        }
        _ => false,
    }
}

/// A type without the way in which its values lie in memory.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(plain_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        other => other.clone(),
    }
}

fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), plain(field.data_type()), true))
}

fn digest_of_file(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok((digest_of(&hasher), bytes));
        }
        bytes += count as u64;
        hasher.update(&chunk[..count]);
    }
}

fn digest_of(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..DIGEST_DIGITS].to_owned()
}

/// How a tile is encoded. Integers, days and instants are differences, packed by bits: cheaper to write and to read
/// than a dictionary, and smaller.
fn parquet_properties(schema: &Schema) -> Result<WriterProperties, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        // A merge holds a page of every column of every tile at once.
        .set_data_page_row_count_limit(PAGE_ROWS)
        // Each user is there once: a dictionary would be as long as the column.
        .set_column_dictionary_enabled(USER_ID.into(), false);
    let in_file = ArrowSchemaConverter::new().convert(schema)?;
    let columns = in_file.columns().iter();
    let integers = columns.filter(|column| {
        matches!(
            column.physical_type(),
            PhysicalType::INT32 | PhysicalType::INT64
        )
    });
    let properties = integers.fold(properties, |properties, column| {
        properties
            .set_column_dictionary_enabled(column.path().clone(), false)
            .set_column_encoding(column.path().clone(), Encoding::DELTA_BINARY_PACKED)
    });
    Ok(properties.build())
}

/// Hashes what it passes on.
struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
